"""`vllm serve` itself, by the commands of README.md, asked over HTTP by OpenAI's own client.

All of the server's process is as it is installed: command line, plugins, registry, routes, chat template, tokenizer,
detokeniser, stop strings, endpoints, metrics. Not run is the engine core, which is scripted (`vllm_engine`), and with
it the model, sampling and structured output.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")
pytest.importorskip("uvicorn", reason="uvicorn, which vLLM's server needs, is not installed here: make bench-peers")

import gemma4_parser as g4
from helpers import Case, tokenise
from integrations.hostile import outputs
from integrations.served import Answer, Served, commands, make_model
from integrations.test_vllm_stream import CALL, CASES, THOUGHT, TOOLS, expected, output, tools_of, turn, visible
from integrations.test_vllm_whole import text_of
from integrations.vllm_host import STOPS, tokenizer, two_halves, vocabulary

COMMANDS = commands("### vLLM", "vllm")
MODEL = "google/gemma-4-31b-it"
"""The model of README.md's command; a folder with the stand-in tokenizer takes its place."""
SIZES = (1, 4, 16)
SERVED = [case for case in CASES if set(case.options) <= {"tools", "start"}]
"""What no option of the process, and no other command, has to change."""
ARGUMENTS = '{"a":1,"s":"x y","o":{"b":[true,null]}}'
TURN = turn(THOUGHT + "One." + CALL + CALL)
LONG = turn("word " * 2000)
STOPPED = tokenise("<|channel>thought\nHm.<channel|>An é answer. END and more.", words=False)
WITHIN = turn("<|channel>thought\nHm.<channel|>In Paris, London, Tokyo.")
CUT = tokenise('One.<|tool_call>call:f{path:<|"|>/tmp/a')
ODD = [ids for ids in outputs(30, seed=11)[::6] if "\ufffd" not in text_of(ids)]
OUTPUTS = [TURN, LONG, STOPPED, WITHIN, CUT, *ODD, *(output(case) for case in SERVED)]
CONFIG = {
    **{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32", "vocab_size": 512},
    **{"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
    **{"num_key_value_heads": 1, "max_position_embeddings": 131_072},
}
"""Any model will do: it is not loaded."""


def serve(folder: Path, command: list[str], variables: dict[str, str]) -> Served:
    assert command[0] == "vllm"
    words = [str(Path(__file__).with_name("vllm_engine.py")), *command[1:]]
    words[words.index(MODEL)] = str(folder / "model")
    words += ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", "{port}"]
    return Served(folder, words, {"VLLM_NO_USAGE_STATS": "1", **variables}, MODEL, OUTPUTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without weights."""
    folder = tmp_path_factory.mktemp("vllm")
    make_model(folder / "model", tokenizer(), sorted(STOPS), CONFIG)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    """The first command of README.md."""
    variables, command = COMMANDS[0]
    made = serve(folder, command, variables)
    try:
        made.wait()
        yield made
    finally:
        made.close()


def each(cases: Iterable[Any], ask: Any) -> list[Any]:
    """What is wrong, of cases asked four at a time."""
    with ThreadPoolExecutor(4) as pool:
        return [wrong for wrong in pool.map(ask, cases) if wrong is not None]


def fields_of(case: Case, ids: list[int]) -> dict[str, Any]:
    limit = {} if case.finish == "stop" else {"max_completion_tokens": len(ids)}
    body = {"ignore_eos": not STOPS.isdisjoint(ids[:-1])}
    if case.options.get("start") == "reasoning":
        body["chat_template_kwargs"] = {"open": True}  # type: ignore[assignment]
    return {"extra_body": body, **limit}


def test_the_command_of_the_readme(server: Served) -> None:
    assert server.said().count("is active: profile default, chunks standard, unparsed text as content empty") == 1
    assert MODEL in server.get("/v1/models")


@pytest.mark.parametrize("size", SIZES)
def test_vectors_streamed(server: Served, size: int) -> None:
    def ask(case: Case) -> Any:
        ids = output(case)
        message = expected(case, ids)
        (found,) = server.stream(ids, size, tools_of(case), **fields_of(case, ids))
        wanted = (
            message.reasoning or "",
            visible(message),
            [(call.name, call.arguments) for call in message.tool_calls],
        )
        got = (found.reasoning, found.content, found.accepted)
        return None if got == wanted else (case.id, got, wanted)

    assert each(SERVED, ask) == []


def test_vectors_whole(server: Served) -> None:
    def ask(case: Case) -> Any:
        ids = output(case)
        if two_halves():
            message = expected(case, ids)
        else:  # it hands over text only, and does not say whether the output was cut
            message = g4.parse(text_of(ids), finish="length", **{**case.options, "tools": tools_of(case)})
        found = server.whole(ids, tools_of(case), **fields_of(case, ids))
        calls = [(call.name, call.arguments) for call in message.tool_calls]
        if (found.reasoning, found.accepted) != (message.reasoning or "", calls):
            return case.id, found, message
        if (message.content or "").strip() and found.content != message.content:
            return case.id, found, message
        return None

    assert each((case for case in SERVED if two_halves() or "text" in case.forms), ask) == []


def test_finish_reasons(server: Served) -> None:
    (found,) = server.stream(TURN, 1, TOOLS)
    assert (found.reasoning, found.content, found.finish_reason) == ("Hm.", "One.", "tool_calls")
    assert found.accepted == [("f", ARGUMENTS)] * 2
    assert server.whole(TURN, TOOLS).finish_reason == "tool_calls"
    (cut,) = server.stream(CUT, 4, TOOLS, max_completion_tokens=len(CUT))
    # 0.22 says so as soon as a part of a call was sent.
    assert (cut.content, cut.accepted, cut.finish_reason) == ("One.", [], "length" if two_halves() else "tool_calls")
    cut = server.whole(CUT, TOOLS, max_completion_tokens=len(CUT))
    assert (cut.accepted, cut.finish_reason) == ([], "length")


def responses_body(server: Served, ids: list[int], size: int, tools: list[dict[str, Any]]) -> dict[str, Any]:
    body = server.body(ids, size, None)
    made = [{"type": "function", "strict": False, "parameters": {}, **tool.get("function", tool)} for tool in tools]
    return {"model": body["model"], "input": body["messages"][0]["content"], "tools": made}


def items(output: Any) -> tuple[str, str, list[tuple[str, str]]]:
    """Reasoning, content and accepted calls of a response."""
    found = Answer()
    for item in output:
        if item.type == "reasoning":
            found.reasoning += "".join(part.text for part in item.content or ())
        elif item.type == "message":
            found.content += "".join(part.text for part in item.content)
        else:
            found.calls[len(found.calls)] = [item.name, item.arguments]
    return found.reasoning, found.content, found.accepted


def streamed_items(events: Any) -> tuple[str, str, list[tuple[str, str]]]:
    """The same of the events of a streamed response, by what they add."""
    found = Answer()
    places: dict[int, int] = {}
    for event in events:
        if event.type == "response.reasoning_text.delta":
            found.reasoning += event.delta
        elif event.type == "response.output_text.delta":
            found.content += event.delta
        elif event.type == "response.output_item.added" and event.item.type == "function_call":
            places[event.output_index] = len(found.calls)
            found.calls[len(found.calls)] = [event.item.name, event.item.arguments]
        elif event.type == "response.function_call_arguments.delta":
            found.calls[places[event.output_index]][1] += event.delta
    return found.reasoning, found.content, found.accepted


@pytest.mark.parametrize("size", (1, 4))
def test_responses(server: Served, size: int) -> None:
    """The vectors through the Responses endpoint, streamed and not.

    It makes a message's text before its calls (0.22: one thing of it), so text behind the end of a call comes with the
    next step. Where there is none, the stream lacks it.
    """

    def ask(case: Case) -> Any:
        ids = output(case)
        body = responses_body(server, ids, size, tools_of(case))
        if case.finish != "stop":
            body["max_output_tokens"] = len(ids)
        message = expected(case, ids)
        calls = [(call.name, call.arguments) for call in message.tool_calls]
        wanted = (message.reasoning or "", visible(message), calls)
        if two_halves():
            whole = items(server.client.responses.create(**body).output)
            if (whole[0], whole[2]) != (wanted[0], wanted[2]):
                return case.id, whole, wanted
        got = streamed_items(server.client.responses.create(**body, stream=True))
        if got == wanted:
            return None
        cut = got[2] == calls if two_halves() else got[2] == calls[: len(got[2])]
        lacks = wanted[1].startswith(got[1]) and got[0] == wanted[0] and cut
        return "lacks its end" if lacks else (case.id, got, wanted)

    cases = [case for case in SERVED if case.options["start"] == "content" and STOPS.isdisjoint(output(case)[:-1])]
    assert len(cases) > 400
    found = each(cases, ask)
    assert [wrong for wrong in found if wrong != "lacks its end"] == []
    assert len(found) < 12


@pytest.mark.parametrize("size", (*SIZES, 1000))
def test_responses_with_several_things_in_a_step(server: Served, size: int) -> None:
    said = ("Hm.", "One.", [("f", ARGUMENTS)] * 2)
    body = responses_body(server, TURN, size, TOOLS)
    streamed = streamed_items(server.client.responses.create(**body, stream=True))
    if two_halves() or size < 1000:
        assert streamed == said
    else:  # it takes one thing of a step, and the rest from the next ones
        assert streamed[0] == said[0]
    assert items(server.client.responses.create(**body).output) == said
    last = list(server.client.responses.create(**body, stream=True))[-1]
    assert last.type == "response.completed" and items(last.response.output) == said


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "f"}, "none", "auto"])
def test_tool_choice_of_responses(server: Served, choice: Any) -> None:
    calls = [] if choice == "none" else [("f", ARGUMENTS)] * 2
    body = {**responses_body(server, TURN, 4, TOOLS), "tool_choice": choice}
    assert streamed_items(server.client.responses.create(**body, stream=True)) == ("Hm.", "One.", calls)
    reasoning, content, found = items(server.client.responses.create(**body).output)
    if two_halves() or choice in ("none", "auto"):
        assert (reasoning, content, found) == ("Hm.", "One.", calls)
    else:  # it takes a list of calls, or the arguments of one, and no content beside it
        values = [(name, json.loads(arguments)) for name, arguments in found]
        assert (reasoning, content) == ("Hm.", "")
        assert values == [("f", json.loads(ARGUMENTS))] * (2 if choice == "required" else 1)


@pytest.mark.parametrize("size", (*SIZES, 1000))
def test_the_messages_of_anthropic(server: Served, size: int) -> None:
    body = {
        **server.body(TURN, size, None, stream=True),
        "max_tokens": 500,
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    }
    blocks: dict[int, list[str]] = {}
    for line in server.post("/v1/messages", body).splitlines():
        event: Any = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {"type": ""}
        if event["type"] == "content_block_start":
            blocks[event["index"]] = [event["content_block"]["type"], ""]
        elif event["type"] == "content_block_delta":
            said = event["delta"]
            blocks[event["index"]][1] += said.get("text") or said.get("thinking") or said.get("partial_json") or ""
    assert list(blocks.values()) == [
        ["thinking", "Hm."],
        ["text", "One."],
        ["tool_use", ARGUMENTS],
        ["tool_use", ARGUMENTS],
    ]


@pytest.mark.parametrize("size", SIZES)
def test_stop_strings(server: Served, size: int) -> None:
    """The server's detokeniser holds text back, ids run ahead of it, and the text is cut at the stop string."""
    (found,) = server.stream(STOPPED, size, None, stop=["END"])
    assert (found.reasoning, found.content, found.finish_reason) == ("Hm.", "An é answer. ", "stop")
    whole = server.whole(STOPPED, None, stop=["END"])
    assert (whole.reasoning, whole.content) == ("Hm.", "An é answer. ")


@pytest.mark.parametrize("size", SIZES)
def test_stop_strings_within_a_token(server: Served, size: int) -> None:
    """What of the token stands before it is text of the answer."""
    for stop, content in (("ndon", "In Paris, Lo"), ("ris", "In Pa"), ("kyo", "In Paris, London, To")):
        (found,) = server.stream(WITHIN, size, None, stop=[stop])
        assert (found.reasoning, found.content, found.finish_reason) == ("Hm.", content, "stop")
        assert server.whole(WITHIN, None, stop=[stop]).content == content


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}, "none", "auto"])
def test_tool_choice(server: Served, choice: Any) -> None:
    calls = [] if choice == "none" else [("f", ARGUMENTS)] * 2
    (found,) = server.stream(TURN, 4, TOOLS, tool_choice=choice)
    assert (found.reasoning, found.content, found.accepted) == ("Hm.", "One.", calls)
    assert server.whole(TURN, TOOLS, tool_choice=choice).accepted == calls


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tool_choice": "none"},
        {"tool_choice": "required"},
        {"logprobs": True, "top_logprobs": 2},
        {"stop": ["no such text"]},
        {"n": 2},
        {"extra_body": {"skip_special_tokens": True}},
        {"tools": None},
    ],
)
def test_what_no_model_should_write(server: Served, fields: dict[str, Any]) -> None:
    """Every request has an answer, streamed and not, in which the thought and the calls are those that were read."""
    tools = fields.get("tools", TOOLS)
    named = {name: value for name, value in fields.items() if name != "tools"}
    silent = tools is None or fields.get("tool_choice") == "none"

    def ask(ids: list[int]) -> Any:
        limit = {"max_completion_tokens": len(ids), **named}
        end = next((at + 1 for at, token in enumerate(ids) if token in STOPS), len(ids))
        finish: Any = "stop" if ids[end - 1] in STOPS else "length"
        message = g4.parse(ids[:end], vocabulary(), tools=tools, finish=finish)
        calls = [] if silent else [(call.name, call.arguments) for call in message.tool_calls]
        for found in server.stream(ids, 3, tools, **limit):
            if (found.reasoning, found.accepted) != (message.reasoning or "", calls):
                return ids, found, message
            if (message.content or "").strip() and found.content != message.content:
                return ids, found, message
        whole = server.whole(ids, tools, **limit)
        if two_halves() and (whole.reasoning, whole.accepted) != (message.reasoning or "", calls):
            return ids, whole, message
        return None

    assert each(ODD, ask) == []


def test_logprobs(server: Served) -> None:
    """The tokens that the chunks tell are those of the output, but for steps that say nothing, as with any parser."""
    body = server.body(TURN, 1, TOOLS, logprobs=True, top_logprobs=1)
    told = [
        token.token
        for chunk in server.client.chat.completions.create(**body, stream=True)
        for choice in chunk.choices
        if choice.logprobs is not None
        for token in choice.logprobs.content
    ]
    assert {"One", ".", "x"} & set(told) or len(told) > 5
    whole = server.client.chat.completions.create(**body).choices[0]
    assert len(whole.logprobs.content) == len(TURN) and len(whole.message.tool_calls) == 2


def test_one_call_at_a_time(server: Served) -> None:
    (found,) = server.stream(TURN, 4, TOOLS, parallel_tool_calls=False)
    assert found.accepted == [("f", ARGUMENTS)]
    assert server.whole(TURN, TOOLS, parallel_tool_calls=False).accepted == [("f", ARGUMENTS)]


def test_without_thoughts(server: Served) -> None:
    if not two_halves():
        pytest.skip("0.22 sends them in streams, whatever the request asks")
    (found,) = server.stream(TURN, 1, TOOLS, extra_body={"include_reasoning": False})
    assert (found.reasoning, found.content, len(found.accepted)) == ("", "One.", 2)


def test_many_at_once_and_some_given_up(server: Served) -> None:
    """Clients that go away in the middle disturb no other; the engine is told."""

    def give_up(number: int) -> None:
        stream = server.client.chat.completions.create(**server.body(LONG, 1, TOOLS), stream=True)
        for _, _ in zip(range(3 + number), stream, strict=False):
            pass
        stream.close()

    before = server.said().count("engine core: aborted")
    with ThreadPoolExecutor(8) as pool:
        gone = [pool.submit(give_up, number) for number in range(4)]
        asked = [pool.submit(server.stream, TURN, 1 + number % 5, TOOLS, n=1 + number % 2) for number in range(40)]
        for one in gone:
            one.result()
        for number, answer in enumerate(asked):
            found = answer.result()
            assert len(found) == 1 + number % 2
            assert all((made.reasoning, made.content, len(made.accepted)) == ("Hm.", "One.", 2) for made in found)
    for _ in range(100):
        if server.said().count("engine core: aborted") == before + 4:
            break
        time.sleep(0.1)
    assert server.said().count("engine core: aborted") == before + 4


def test_metrics(server: Served) -> None:
    """Ours are beside the server's own, and what the server counts of parsers goes on."""

    def counted(pattern: str) -> float:
        found = re.findall(rf"^{pattern} (\S+)$", server.get("/metrics"), re.MULTILINE)
        return sum(map(float, found))

    calls = r'gemma4_parser_events_total{kind="call",name="complete"}'
    before = counted(calls)
    steps = r"vllm:tool_call_parser_invocations_total{[^}]*mode=\"streaming\"[^}]*}"
    invoked = counted(steps)
    server.stream(TURN, 1, TOOLS)
    assert counted(calls) == before + 2
    if two_halves():
        assert counted(steps) == invoked + len(TURN)


def test_a_name_that_is_not_registered(folder: Path) -> None:
    """The command line is checked behind the plugins."""
    _, command = COMMANDS[0]
    made = serve(folder, [word if word != "gemma4" else "gemma5" for word in command], {})
    try:
        assert made.process.wait(300) != 0
    finally:
        made.close()
    assert "gemma5" in made.said() and "gemma4_rust" in made.said()


def test_without_the_variable(folder: Path) -> None:
    """The second command of README.md: our own name, and the built-in one stays."""
    variables, command = COMMANDS[1]
    assert variables == {}
    made = serve(folder, command, variables)
    try:
        made.wait()
        (found,) = made.stream(TURN, 1, TOOLS)
        assert (found.reasoning, found.content, found.accepted) == ("Hm.", "One.", [("f", ARGUMENTS)] * 2)
        assert "is active: profile default" in made.said()
    finally:
        made.close()


def test_the_variables_and_the_template_of_the_readme(folder: Path) -> None:
    """The process reads its variables; the template that the package writes is one that the server renders."""
    ((_, write), *_) = commands("## Prompts", "gemma4-parser")
    path = folder / write[-1]
    run = [sys.executable, "-m", "gemma4_parser", *write[1:-1], str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    subprocess.run(run, env=environment, check=True)
    ((_, shown),) = commands("## Prompts", "vllm")
    assert shown[:3] == COMMANDS[1][1][:3] and shown[-3:] == ["--chat-template", write[-1], "…"]
    variables = {
        "GEMMA4_PARSER_PROFILE": "vllm-0.33",
        "GEMMA4_PARSER_CHUNKS": "whole_calls",
        "GEMMA4_PARSER_UNPARSED": "always",
    }
    made = serve(folder, [*COMMANDS[1][1], "--chat-template", str(path)], variables)
    try:
        made.wait()
        assert "is active: profile vllm-0.33, chunks whole_calls, unparsed text as content always" in made.said()
        spelled = '{"a": "1", "s": "x y", "o": {"b": ["true", "null"]}}'
        for found in (*made.stream(TURN, 1, TOOLS), made.whole(TURN, TOOLS)):
            assert (found.reasoning, found.content, found.accepted) == ("Hm.", "One.", [("f", spelled)] * 2)
        (cut,) = made.stream(CUT, 1, TOOLS, max_completion_tokens=len(CUT))
        assert cut.calls == {} and "/tmp/a" in cut.content
    finally:
        made.close()
