"""Every vector through vLLM's own path per step, with this package's parsers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

import gemma4_parser as g4
from gemma4_parser.integrations.delta import Settings, unparsed_text
from gemma4_parser.integrations.profiles import PROFILES
from helpers import CONTROL_IDS, FIRST_BYTE, Case, cases, tokenise
from integrations.vllm_host import (
    PROMPT,
    STOPS,
    TURN_END,
    Server,
    composed,
    in_steps,
    request,
    tokenizer,
    two_halves,
    vocabulary,
)

CASES = [case for case in cases() if "ids" in case.forms]
SIZES = (1, 4, 16, 10_000)


OTHER_TOOL = {"type": "function", "function": {"name": "other_tool", "parameters": {"type": "object"}}}
"""For cases without tools: a server calls none where the request has none."""


def tools_of(case: Case) -> list[dict[str, Any]]:
    return case.options.get("tools") or [OTHER_TOOL]


def settings_of(case: Case) -> Settings:
    spaced = case.options.get("spaced", False)
    return Settings(
        profile=PROFILES["spaced" if spaced else "default"],
        lenient=case.options.get("lenient", True),
        coerce=case.options.get("coerce", False),
    )


@contextmanager
def settings(settings: Settings) -> Iterator[None]:
    """The settings of the registered classes, for a while."""
    from gemma4_parser.integrations import vllm_parsers

    before = vllm_parsers._Half.settings
    vllm_parsers._Half.settings = settings
    try:
        yield
    finally:
        vllm_parsers._Half.settings = before


def expected(case: Case, ids: list[int], **changed: Any) -> g4.Message:
    finish: Any = "stop" if case.finish == "stop" else "length"
    return g4.parse(ids, vocabulary(), finish=finish, **{**case.options, "tools": tools_of(case), **changed})


def output(case: Case) -> list[int]:
    """The ids that the server sees: with the stop token where generation ended by itself."""
    ids = tokenise(case.text)
    if case.finish == "stop":
        return ids if ids and ids[-1] in STOPS else [*ids, TURN_END]
    return ids or [FIRST_BYTE + 32]


def visible(message: g4.Message) -> str:
    """The content, or what stands for it where the answer would be empty."""
    content = message.content or ""
    rejected = any(span.name is not None for span in message.unparsed)
    if not content.strip() and not message.tool_calls and not rejected:
        content += unparsed_text(message)
    return content


def serve(case: Case, ids: list[int], size: int, *, lag: int = 0) -> Any:
    reasoning = case.options.get("parse_reasoning", True)
    start = case.options.get("start", "content")
    parser_class = composed(reasoning="gemma4_rust" if reasoning else None)
    limit = {} if case.finish == "stop" else {"max_completion_tokens": len(ids)}
    asked = request(tools_of(case), ignore_eos=not STOPS.isdisjoint(ids[:-1]), **limit)
    server = Server(asked, prompt=PROMPT[start], parser_class=parser_class)
    return server.run(ids, size, "stop" if case.finish == "stop" else "length", lag)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_vectors(case: Case, size: int) -> None:
    ids = output(case)
    message = expected(case, ids)
    with settings(settings_of(case)):
        for lag in (0, 1):
            said = serve(case, ids, size, lag=lag)
            assert said.reasoning == (message.reasoning or "")
            assert said.content == visible(message)
            assert said.accepted() == [(call.name, call.arguments) for call in message.tool_calls]


CALL = '<|tool_call>call:f{a:1,s:<|"|>x y<|"|>,o:{b:[true,null]}}<tool_call|>'
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]
THOUGHT = "<|channel>thought\nHm.\n<channel|>"


def turn(text: str) -> list[int]:
    return [*tokenise(text), TURN_END]


@pytest.mark.parametrize("prompt", sorted(PROMPT))
@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_states_of_the_prompt(prompt: str, thinking: bool, size: int) -> None:
    """The thought may be open, closed in advance or not begun; a further one is a thought in every case."""
    text = ("Hm.\n<channel|>" if prompt == "reasoning" else THOUGHT) + "One." + CALL + THOUGHT + "Two."
    said = Server(request(TOOLS), prompt=PROMPT[prompt], thinking=thinking).run(turn(text), size)
    assert said.reasoning == "Hm.Hm."
    assert said.content == "One.Two."
    assert said.accepted() == [("f", '{"a":1,"s":"x y","o":{"b":[true,null]}}')]


@pytest.mark.parametrize("size", SIZES)
def test_two_calls_and_text_in_the_last_step(size: int) -> None:
    text = CALL + CALL + "Text." + CALL.replace(":f", ":g")
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn(text), size)
    assert [name for name, _ in said.accepted()] == ["f", "f", "g"]
    assert said.content == "Text."
    assert len({call["id"] for call in said.calls.values()}) == 3


@pytest.mark.parametrize("size", SIZES)
def test_literals_spelled_by_ordinary_tokens_are_text(size: int) -> None:
    """Ids decide: text alone could not tell these from control tokens."""
    quoted = [FIRST_BYTE + byte for byte in b'<|tool_call>call:f{}<tool_call|> <|"|> <channel|>']
    delimiter = CONTROL_IDS['<|"|>']
    ids = [
        *quoted,
        *tokenise("<|tool_call>call:f{a:"),
        delimiter,
        *quoted,
        delimiter,
        *tokenise("}<tool_call|>"),
        TURN_END,
    ]
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(ids, size)
    assert said.content == '<|tool_call>call:f{}<tool_call|> <|"|> <channel|>'
    ((_, arguments),) = said.accepted()
    assert json.loads(arguments) == {"a": said.content}


@pytest.mark.parametrize("size", (1, 4, 16))
@pytest.mark.parametrize("style", ["standard", "repeat_ids", "whole_calls"])
def test_what_the_server_reads_is_right_after_every_step(style: Any, size: int) -> None:
    for case in CASES:
        with settings(replace(settings_of(case), style=style)):
            server = Server(request(tools_of(case)), prompt=PROMPT[case.options.get("start", "content")])
            for ids, text in in_steps(output(case), size):
                server.step(ids, text)
                tool = server.parser.tool_parser
                sent = [server.said.calls[index] for index in range(len(server.said.calls))]
                assert tool.streamed_args_for_tool == [call["arguments"] for call in sent], case.id
                both = [{"name": call["name"], "arguments": call["arguments"]} for call in sent]
                assert tool.prev_tool_call_arr == both, case.id
                assert tool.current_tool_id == len(sent) - 1
                assert tool.current_tool_name_sent == bool(sent)


@pytest.mark.parametrize("size", SIZES)
def test_a_cut_call_is_never_completed(size: int) -> None:
    ids = tokenise('<|tool_call>call:f{path:<|"|>/tmp/a<|"|>}')
    for end in range(1, len(ids) + 1):
        said = Server(request(TOOLS, max_completion_tokens=end), prompt=PROMPT["content"]).run(
            ids[:end], size, "length"
        )
        assert said.accepted() == []
        if two_halves():
            assert said.finish_reason == "length"


@pytest.mark.parametrize("size", SIZES)
def test_stop_strings_cut_text_and_ids_do_not_bring_it_back(size: int) -> None:
    """The server holds text back for a stop string and cuts it there; the ids of the stop string come all the same."""
    server = Server(request(TOOLS, stop=["END"]), prompt=PROMPT["content"])
    ids = tokenise("<|channel>thought\nHm.<channel|>An é answer. END", words=False)
    steps = list(in_steps(ids, size))
    whole = "".join(text for _, text in steps).removesuffix("END")
    sent = 0
    upto = 0
    for number, (chunk, text) in enumerate(steps):
        upto += len(text)
        last = number == len(steps) - 1
        end = len(whole) if last else max(sent, min(upto - 2, len(whole)))
        server.step(chunk, whole[sent:end], "stop" if last else None)
        sent = end
    assert (server.said.reasoning, server.said.content) == ("Hm.", "An é answer. ")


def test_requests_do_not_disturb_each_other() -> None:
    """Many requests at once through one process, some of them aborted in the middle of a call."""
    text = THOUGHT + "One." + CALL + CALL
    servers = [Server(request(TOOLS), prompt=PROMPT["content"]) for _ in range(20)]
    steps = list(in_steps(turn(text), 2))
    for number, (ids, piece) in enumerate(steps):
        for place, server in enumerate(servers):
            if place % 3 == 0 and number > place:
                continue  # aborted
            server.step(ids, piece, "stop" if number == len(steps) - 1 else None)
    for place, server in enumerate(servers):
        if place % 3:
            assert (server.said.reasoning, server.said.content) == ("Hm.", "One.")
            assert len(server.said.accepted()) == 2
    assert len({call["id"] for server in servers for call in server.said.calls.values()}) >= 26


def test_threads() -> None:
    def serve_one(number: int) -> Any:
        said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn(THOUGHT + f"{number}" + CALL), 1 + number % 5)
        return said.reasoning, said.content, len(said.accepted())

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(serve_one, range(64)))
    assert found == [("Hm.", str(number), 1) for number in range(64)]


@pytest.mark.parametrize("size", SIZES)
def test_no_tool_may_be_called(size: int) -> None:
    said = Server(request(TOOLS, tool_choice="none"), prompt=PROMPT["content"]).run(turn("Text." + CALL), size)
    assert (said.content, said.calls) == ("Text.", {})


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
@pytest.mark.parametrize("size", SIZES)
def test_a_tool_must_be_called(choice: Any, size: int) -> None:
    """The model writes its own syntax for these too; nothing forces JSON on it."""
    asked = request(TOOLS, tool_choice=choice)
    parser = composed()(tokenizer(), asked.tools)
    adjusted = parser.adjust_request(asked)
    assert adjusted.skip_special_tokens is False
    assert adjusted.structured_outputs is None
    said = Server(asked, prompt=PROMPT["content"]).run(turn(THOUGHT + CALL), size)
    assert (said.reasoning, len(said.accepted())) == ("Hm.", 1)


@pytest.mark.parametrize("size", SIZES)
def test_reasoning_half_alone(size: int) -> None:
    """Without a tool parser, thoughts are taken out and calls stay as the model wrote them."""
    server = Server(request(), prompt=PROMPT["content"], parser_class=composed(tool=None))
    said = server.run(turn("A" + THOUGHT + "B" + THOUGHT + "C" + CALL), size)
    assert said.reasoning == "Hm.Hm."
    assert said.content == "ABC" + CALL


@pytest.mark.parametrize("size", SIZES)
def test_tool_half_alone(size: int) -> None:
    """Without a reasoning parser, channel markers are text."""
    server = Server(request(TOOLS), prompt=PROMPT["content"], parser_class=composed(reasoning=None))
    said = server.run(turn(THOUGHT + "B" + CALL), size)
    assert (said.reasoning, said.content) == ("", THOUGHT + "B")
    assert len(said.accepted()) == 1


@pytest.mark.parametrize("size", (1, 4))
@pytest.mark.parametrize("tool, reasoning", [("gemma4_rust", "gemma4"), ("gemma4", "gemma4_rust")])
def test_beside_a_half_of_vllm(tool: str, reasoning: str, size: int) -> None:
    if reasoning == "gemma4" and size > 1 and not two_halves():
        pytest.skip("vLLM 0.22's own half loses its place where one step holds several markers")
    server = Server(request(TOOLS), prompt=PROMPT["content"], parser_class=composed(tool, reasoning))
    said = server.run(turn(THOUGHT + CALL), size)
    assert said.reasoning.strip() == "Hm."
    assert [name for name, _ in said.accepted()] == ["f"]


@pytest.mark.parametrize("style", ["repeat_ids", "whole_calls"])
@pytest.mark.parametrize("size", SIZES)
def test_chunk_styles(style: Any, size: int) -> None:
    with settings(Settings(style=style)):
        said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn(CALL + CALL), size)
    assert len(said.accepted()) == 2
    pieces = [piece for message in said.messages for piece in message.get("tool_calls", ()) if piece["function"]]
    assert all(piece.get("id") and piece["function"].get("name") for piece in pieces) or (size > 4 and not two_halves())
    if style == "whole_calls" and two_halves():
        assert len(pieces) == 2


def test_nothing_is_lost() -> None:
    """An answer that would be empty holds what could not be parsed."""
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn("<|tool_call>nonsense"), 1)
    assert said.content == "<|tool_call>nonsense"
    with settings(Settings(unparsed="never")):
        said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn("<|tool_call>nonsense"), 1)
    assert said.content == ""
    with settings(Settings(unparsed="always")):
        said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn("Text.<|tool_call>nonsense"), 1)
    assert said.content == "Text.<|tool_call>nonsense"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text", ["Text é.", "thought", "<|channel>thought\nHm.", "a<|turn", "call:f{a:1}", "<|tool_call|>call:f{}"]
)
def test_reasoning_half_alone_loses_nothing_at_the_end(text: str, size: int) -> None:
    ids = tokenise(text, words=False)
    said = Server(request(), prompt=PROMPT["content"], parser_class=composed(tool=None)).run([*ids, TURN_END], size)
    message = g4.parse([*ids, TURN_END], vocabulary(), lenient=False)
    assert (said.reasoning, said.content) == (message.reasoning or "", message.content or "")
    assert said.calls == {}


@pytest.mark.parametrize("size", (1, 4, 10_000))
@pytest.mark.parametrize("names", [("gemma4_rust", "gemma4_rust"), ("gemma4_rust", None)])
def test_where_only_text_arrives_it_is_read(names: tuple[str, str | None], size: int) -> None:
    server = Server(request(TOOLS), prompt=PROMPT["content"], parser_class=composed(*names))
    texts = [text for _, text in in_steps(tokenise(THOUGHT + "One." + CALL + "Two."), size)]
    for number, text in enumerate(texts):
        server.step([], text, "stop" if number == len(texts) - 1 else None)
    thought = THOUGHT if names[1] is None else ""
    assert server.said.content == thought + "One.Two."
    assert server.said.reasoning == ("" if names[1] is None else "Hm.")
    assert [name for name, _ in server.said.accepted()] == ["f"]


@pytest.mark.parametrize("size", (1, 4))
def test_an_abort_runs_no_call(size: int) -> None:
    ids = tokenise('One.<|tool_call>call:f{path:<|"|>/tmp/a<|"|>}')
    server = Server(request(TOOLS, max_completion_tokens=len(ids)), prompt=PROMPT["content"])
    said = server.run(ids, size, "abort")
    assert (said.content, said.accepted()) == ("One.", [])


@pytest.mark.parametrize("choice", ["auto", "none", "required", None])
@pytest.mark.parametrize("names", [("gemma4_rust", "gemma4_rust"), ("gemma4_rust", None), (None, "gemma4_rust")])
def test_special_tokens_are_kept_in_the_text(names: tuple[str | None, str | None], choice: str | None) -> None:
    """Without a reasoning parser, 0.22 keeps them where a tool may be called, as its own parser does."""
    asked = request(TOOLS, tool_choice=choice) if choice is not None else request()
    assert asked.skip_special_tokens is not False
    parser = composed(*names)
    halves = [half for half in (parser.reasoning_parser_cls, parser.tool_parser_cls) if half is not None]
    for half in halves:
        asked = half(tokenizer()).adjust_request(asked)
    if two_halves() or names[1] is not None or choice in ("auto", "required"):
        assert asked.skip_special_tokens is False
    assert asked.structured_outputs is None
