"""What no model should write, through vLLM's own path per step and for whole outputs, under requests of all kinds."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

import gemma4_parser as g4
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.delta import Settings
from helpers import tokenise
from integrations.hostile import outputs
from integrations.test_vllm_stream import CALL, THOUGHT, TOOLS, settings, turn, visible
from integrations.test_vllm_whole import serve as serve_whole
from integrations.vllm_host import PROMPT, STOPS, TURN_END, Server, composed, in_steps, request, two_halves, vocabulary

OUTPUTS = outputs(150, seed=3)
STARTS = ("content", "reasoning", "closed")
NAMED = {"type": "function", "function": {"name": "f"}}
REQUESTS: dict[str, dict[str, Any]] = {
    "auto": {},
    "none": {"tool_choice": "none"},
    "required": {"tool_choice": "required"},
    "named": {"tool_choice": NAMED},
    "no tools": {"tools": None, "tool_choice": None},
    "without reasoning": {"include_reasoning": False},
    "special tokens skipped": {"skip_special_tokens": True},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "one call": {"parallel_tool_calls": False},
    "stop strings": {"stop": ["no such text"]},
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each output would log what is wrong with it."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def generated() -> Iterator[tuple[list[int], str, str, dict[str, Any]]]:
    """Ids, the start of the prompt, why generation ended, and what the request says of that."""
    for number, ids in enumerate(OUTPUTS):
        stops = ids[-1] in STOPS or number % 2 == 0
        ids = [*ids, TURN_END] if stops and ids[-1] not in STOPS else ids
        goes_on = not STOPS.isdisjoint(ids[:-1])
        limit = {} if stops and not goes_on else {"max_completion_tokens": len(ids), "ignore_eos": goes_on}
        yield ids, STARTS[number % 3], "stop" if stops else "length", limit


def message_of(ids: list[int], start: str, finish: Any, tools: Any = TOOLS) -> g4.Message:
    begin: Any = "reasoning" if start == "reasoning" else "content"
    return g4.parse(ids, vocabulary(), tools=tools, start=begin, finish=finish)


def cut_in_a_character(ids: list[int]) -> bool:
    return vocabulary().decode(ids).endswith("\ufffd")


@pytest.mark.parametrize("size", (1, 3))
@pytest.mark.parametrize("kind", REQUESTS)
def test_streams_say_what_the_parser_says(kind: str, size: int) -> None:
    """Nothing raises, is lost or leaks; indices count from 0, and what the server reads is what was sent."""
    fields = {"tools": TOOLS, **REQUESTS[kind]}
    silent = kind == "none" or fields["tools"] is None
    with settings(Settings(unparsed="never")):
        for ids, start, finish, limit in generated():
            if kind == "stop strings" and cut_in_a_character(ids):
                continue  # its text never comes
            given = {name: value for name, value in {**fields, **limit}.items() if value is not None}
            server = Server(request(given.pop("tools", None), **given), prompt=PROMPT[start])
            said = server.run(ids, size, finish)
            message = message_of(ids, start, finish, fields["tools"])
            calls = [] if silent else [(call.name, call.arguments) for call in message.tool_calls]
            hidden = kind == "without reasoning" and two_halves()
            assert said.reasoning == ("" if hidden else message.reasoning or ""), ids
            assert said.content == (message.content or ""), ids
            if kind != "one call":
                assert said.accepted() == calls, ids
                sent = [said.calls[index] for index in range(len(said.calls))]
                assert server.parser.tool_parser.streamed_args_for_tool == [call["arguments"] for call in sent]


def test_an_empty_answer_holds_what_could_not_be_parsed() -> None:
    for ids, start, finish, limit in generated():
        said = Server(request(TOOLS, **limit), prompt=PROMPT[start]).run(ids, 2, finish)
        assert said.content == visible(message_of(ids, start, finish)), ids


def test_whole_outputs() -> None:
    for ids, start, finish, _ in generated():
        reasoning, content, calls = serve_whole(ids, request(TOOLS, stream=False), PROMPT[start])
        if two_halves():
            message = message_of(ids, start, finish)
            assert reasoning == message.reasoning
            assert calls == [(call.name, call.arguments) for call in message.tool_calls]
            if (message.content or "").strip():
                assert content == message.content


@pytest.mark.parametrize(
    "names",
    [("gemma4_rust", None), (None, "gemma4_rust"), ("gemma4_rust", "gemma4")],
    ids=["tool", "reasoning", "beside"],
)
def test_a_half_alone_is_never_in_trouble(names: tuple[str | None, str | None]) -> None:
    for ids, start, finish, limit in generated():
        for size in (1, 3):
            server = Server(request(TOOLS, **limit), prompt=PROMPT[start], parser_class=composed(*names))
            said = server.run(ids, size, finish)
            assert sorted(said.calls) == list(range(len(said.calls)))
        serve_whole(ids, request(TOOLS, stream=False), PROMPT[start], parser=composed(*names))


@pytest.mark.parametrize("names", [("gemma4_rust", "gemma4_rust"), ("gemma4_rust", None), (None, "gemma4_rust")])
@pytest.mark.parametrize("fields", [{}, {"stop": ["no such text"]}])
@pytest.mark.parametrize("size", (1, 2, 100))
def test_ids_that_the_tokenizer_does_not_have(names: tuple[str | None, str | None], fields: Any, size: int) -> None:
    """A model may have more rows than its tokenizer has tokens. Such an id has no text, and is counted."""
    unknown = 300_000
    before = COUNTERS.value("unparsed", "unknown_id")
    ids = [unknown, *tokenise("One"), unknown, *tokenise("."), unknown, TURN_END]
    server = Server(request(TOOLS, **fields), prompt=PROMPT["content"], parser_class=composed(*names))
    steps = [ids[at : at + size] for at in range(0, len(ids), size)]
    for number, step in enumerate(steps):
        text = vocabulary().decode([token for token in step if token not in (unknown, TURN_END)])
        server.step(step, text, "stop" if number == len(steps) - 1 else None)
    assert server.said.content == "One."
    assert COUNTERS.value("unparsed", "unknown_id") > before
    asked = request(TOOLS, stream=False)
    _, content, _ = serve_whole(ids, asked, PROMPT["content"], text="One.", parser=composed(*names))
    assert content == "One."


@pytest.mark.parametrize("size", (1, 4))
def test_a_turn_that_the_model_goes_on_behind(size: int) -> None:
    """`<|turn>` ends the turn, but not generation: what comes behind it is no answer, unless there is no other."""
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn("One.<|turn>user\nTwo."), size)
    assert said.content == "One."
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(turn("<|turn>model\nTwo."), size)
    assert said.content == visible(message_of(turn("<|turn>model\nTwo."), "content", "stop"))
    assert "Two." in said.content


def test_a_request_that_is_given_up_leaves_nothing() -> None:
    """Neither counters, classes nor other requests keep a parser; no collector of cycles is needed."""
    gc.collect()
    gc.disable()
    try:
        for names in (("gemma4_rust", "gemma4_rust"), ("gemma4_rust", None), (None, "gemma4_rust")):
            server = Server(request(TOOLS), prompt=PROMPT["content"], parser_class=composed(*names))
            for ids, text in list(in_steps(turn(THOUGHT + "One." + CALL), 2))[:-3]:
                server.step(ids, text)
            halves = [half for half in (server.parser.reasoning_parser, server.parser.tool_parser) if half is not None]
            kept = [weakref.ref(half) for half in halves]
            del server, halves
            assert [half() for half in kept] == [None] * len(kept)
    finally:
        gc.enable()


@pytest.mark.skipif(not two_halves(), reason="0.22 has no finish hook")
def test_the_finish_hooks_may_be_asked_at_any_time() -> None:
    """Before anything came, twice, and by a step that comes too late."""
    server = Server(request(TOOLS), prompt=PROMPT["content"])
    for half in (server.parser.reasoning_parser, server.parser.tool_parser):
        assert half.finish_streaming() is None
    server = Server(request(TOOLS), prompt=PROMPT["content"])
    server.step(tokenise("<|tool_call>nonsense"), "")
    first = server.parser.tool_parser.finish_streaming()
    assert first.content == "<|tool_call>nonsense"
    assert server.parser.tool_parser.finish_streaming() is None
    assert server.parser.reasoning_parser.finish_streaming() is None
    server.step(tokenise("late"), "late", "stop")
    assert server.said.content == ""
