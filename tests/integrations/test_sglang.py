"""SGLang's own chat handler, streamed and not, with this package's detectors; and beside its built-in ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sglang", reason="SGLang is not installed here")

import gemma4_parser as g4
from gemma4_parser.integrations import sglang as ours
from gemma4_parser.integrations.counters import COUNTERS
from helpers import Case
from integrations import sglang_host
from integrations.hostile import texts
from integrations.hosts import NAMES as TOOL_NAMES
from integrations.hosts import (
    OTHER_TOOL,
    SIZES,
    TEXT_CASES,
    Turn,
    call_text,
    deltas,
    expected_content,
    tokenizer,
    tools_of,
    turns,
)
from integrations.served import commands, make_model

sglang_host.prepare()

NAMES = ("gemma4_rust", "gemma4_rust")


@pytest.fixture(scope="module")
def server() -> sglang_host.Server:
    assert ours.register() == ("gemma4_rust",)
    return sglang_host.Server(*NAMES)


@pytest.fixture(scope="module")
def built_in() -> Iterator[sglang_host.Server]:
    """The built-in detectors."""
    ours.register()
    yield sglang_host.Server("gemma4", "gemma4")


def request(server: sglang_host.Server, case: Case) -> Any:
    return server.request(
        tools_of(case),
        separate_reasoning=case.options.get("parse_reasoning", True),
        chat_template_kwargs={"enable_thinking": case.options.get("start") == "reasoning"},
    )


def expected(case: Case) -> g4.Message:
    options = {name: case.options[name] for name in ("start", "parse_reasoning") if name in case.options}
    return g4.parse(case.text, finish="length", tools=tools_of(case), spaced=True, **options)


def check(answer: sglang_host.Answer, message: g4.Message, *, started: bool) -> None:
    accepted = []
    for name, arguments in answer.calls:
        try:
            json.loads(arguments)
        except ValueError:
            assert started, "only a stream may have started a call that is none"
        else:
            accepted.append((name, arguments))
    rejected = len(answer.calls) - len(accepted)
    assert accepted == [(call.name, call.arguments) for call in message.tool_calls]
    assert rejected == (sum(span.name is not None for span in message.unparsed) if started else 0)
    assert answer.reasoning == (message.reasoning or "")
    assert answer.content == expected_content(message, started=started)
    assert answer.finish == ("tool_calls" if accepted and not rejected else "stop")
    assert len(set(answer.ids)) == len(answer.calls)


@pytest.mark.parametrize("size", SIZES)
def test_vectors_streamed(server: sglang_host.Server, size: str) -> None:
    for case in TEXT_CASES:
        check(server.stream(request(server, case), deltas(case.text, size)), expected(case), started=True)


@pytest.mark.parametrize("style", ["whole_calls", "repeat_ids"])
def test_vectors_in_whole_calls(server: sglang_host.Server, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMA4_PARSER_CHUNKS", style)
    for case in TEXT_CASES:
        check(server.stream(request(server, case), deltas(case.text, "4")), expected(case), started=False)


def test_vectors_not_streamed(server: sglang_host.Server) -> None:
    for case in TEXT_CASES:
        check(server.whole(request(server, case), case.text), expected(case), started=False)


def test_the_vectors_own_answers(server: sglang_host.Server) -> None:
    """What the vectors say themselves, where their options are those of a server that is not told why it ended."""
    done = 0
    for case in TEXT_CASES:
        plain = set(case.options) <= {"start", "tools"} and case.expect.get("unparsed") == []
        if not plain or g4.parse(case.text, finish="stop", **case.options) != g4.parse(
            case.text, **case.options, finish="length"
        ):
            continue
        done += 1
        answer = server.whole(request(server, case), case.text)
        assert answer.reasoning == (case.expect["reasoning"] or "")
        assert answer.content == (case.expect["content"] or "")
        for (name, arguments), call in zip(answer.calls, case.expect["tool_calls"], strict=True):
            assert (name, json.loads(arguments)) == (call["name"], call["arguments"])
    assert done > 0


def test_choices_of_one_request_do_not_mix(server: sglang_host.Server) -> None:
    three = [call_text("other_tool", {"n": n}) * (n + 1) + f"text {n}" for n in range(3)]
    answers = server.streams(server.request([OTHER_TOOL], n=3), [deltas(text, "1") for text in three])
    for number, answer in enumerate(answers):
        assert answer.content == f"text {number}"
        assert [json.loads(arguments) for _, arguments in answer.calls] == [{"n": number}] * (number + 1)


def test_many_requests_in_one_process(server: sglang_host.Server) -> None:
    for number in range(50):
        text = f"<|channel>thought\nt{number}\n<channel|>c{number}" + call_text("other_tool", {"n": number})
        answer = server.stream(server.request([OTHER_TOOL]), deltas(text, "4"))
        assert (answer.reasoning, answer.content) == (f"t{number}", f"c{number}")
        assert answer.calls == [("other_tool", f'{{"n": {number}}}')]


@pytest.mark.parametrize("streamed", [True, False])
def test_without_tools_the_markup_of_calls_is_content(server: sglang_host.Server, streamed: bool) -> None:
    call = call_text("f", {"a": "x"})
    for request in (server.request([]), server.request([OTHER_TOOL], tool_choice="none")):
        text = f"<|channel>thought\nhm\n<channel|>a{call}\ufdd0b{call}"
        answer = server.stream(request, deltas(text, "1 character")) if streamed else server.whole(request, text)
        assert (answer.reasoning, answer.content, answer.calls) == ("hm", f"a{call}\ufdd0b{call}", [])


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "other_tool"}}])
@pytest.mark.parametrize("streamed", [True, False])
def test_forced_calls_are_json(server: sglang_host.Server, streamed: bool, choice: Any) -> None:
    """SGLang constrains these to a JSON array and reads it itself; the thought is still ours to take out."""
    said = '[{"name": "other_tool", "parameters": {"a": "<|tool_call>call:f{}<tool_call|>"}}]'
    text = f"<|channel>thought\nhm\n<channel|>{said}"
    request = server.request([OTHER_TOOL], tool_choice=choice)
    answer = server.stream(request, deltas(text, "4")) if streamed else server.whole(request, text)
    assert (answer.reasoning, answer.content, answer.finish) == ("hm", "", "tool_calls")
    ((name, arguments),) = answer.calls
    assert (name, json.loads(arguments)) == ("other_tool", {"a": "<|tool_call>call:f{}<tool_call|>"})


@pytest.mark.parametrize("size", ["1 character", "4", "whole"])
def test_what_no_model_should_write(server: sglang_host.Server, size: str) -> None:
    """The server's handler never fails, and says what the parser says."""
    for number, text in enumerate(texts(60, seed=7)):
        start: Any = ("content", "reasoning")[number % 2]
        request = server.request([OTHER_TOOL], chat_template_kwargs={"enable_thinking": start == "reasoning"})
        message = g4.parse(text, finish="length", tools=[OTHER_TOOL], spaced=True, start=start)
        answer = server.whole(request, text) if size == "whole" else server.stream(request, deltas(text, size))
        check(answer, message, started=size != "whole")


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"tool_choice": "none"},
        {"tool_choice": "required"},
        {"separate_reasoning": False},
        {"stream_reasoning": False},
        {"parallel_tool_calls": False},
        {"n": 2},
        {"logprobs": False, "skip_special_tokens": True},
    ],
)
def test_requests_of_all_kinds_about_it(server: sglang_host.Server, fields: dict[str, Any]) -> None:
    """Nothing fails; without a reader for calls, the visible text is there as it came."""
    request = server.request(**{"tools": [OTHER_TOOL], **fields})
    for text in texts(30, seed=8)[::3]:
        pieces = deltas(text, "4")
        answers = server.streams(request, [pieces] * fields.get("n", 1))
        whole = server.whole(request, text)
        assert all((one.reasoning, one.content) == (answers[0].reasoning, answers[0].content) for one in answers)
        if request.tool_choice == "none" or not request.tools:
            assert (whole.reasoning, whole.content, whole.calls) == (answers[0].reasoning, answers[0].content, [])


@pytest.mark.parametrize(("policy", "said"), [("empty", "Hi"), ("never", "Hi"), ("always", "Hi<|tool_call>nonsense")])
@pytest.mark.parametrize("streamed", [True, False])
def test_unparsed_text(
    server: sglang_host.Server, policy: str, said: str, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMMA4_PARSER_UNPARSED", policy)
    before = COUNTERS.value("unparsed", "not_a_call")

    def ask(text: str) -> str:
        request = server.request([OTHER_TOOL])
        return (server.stream(request, deltas(text, "4")) if streamed else server.whole(request, text)).content

    assert ask("Hi<|tool_call>nonsense") == said
    assert ask("<|tool_call>nonsense") == ("" if policy == "never" else "<|tool_call>nonsense")
    assert COUNTERS.value("unparsed", "not_a_call") == before + 2


def test_thoughts_at_once(server: sglang_host.Server) -> None:
    text = "<|channel>thought\na b c\n<channel|>d" + call_text("other_tool", {})
    answer = server.stream(server.request([OTHER_TOOL], stream_reasoning=False), deltas(text, "1 character"))
    assert (answer.reasoning, answer.content, len(answer.calls)) == ("a b c", "d", 1)


def test_thoughts_stand_for_content_if_asked(server: sglang_host.Server) -> None:
    thinking = {"enable_thinking": True, "force_nonempty_content": True}
    request = server.request([OTHER_TOOL], chat_template_kwargs=thinking)
    assert server.whole(request, "all of it").content == "all of it"
    assert server.stream(request, deltas("all of it", "1")).content == "all of it"
    call = call_text("other_tool", {})
    assert server.whole(request, f"hm<channel|>{call}").reasoning == "hm"


def test_the_schema_of_the_request_decides_types(server: sglang_host.Server) -> None:
    parameters = {"type": "object", "properties": {"zip": {"type": "string"}, "n": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    text = "<|tool_call>call:f{zip:02134,n:007}<tool_call|>"
    for answer in (
        server.stream(server.request([tool]), deltas(text, "1")),
        server.whole(server.request([tool]), text),
        server.stream(server.request([tool], separate_reasoning=False), deltas(text, "1")),
    ):
        assert answer.calls == [("f", '{"zip": "02134", "n": 7}')]


def test_the_responses_api(server: sglang_host.Server) -> None:
    for case in TEXT_CASES:
        if case.options.get("start") != "reasoning" and case.options.get("parse_reasoning", True):
            message = expected(case)
            calls = [(call.name, call.arguments) for call in message.tool_calls]
            content = expected_content(message, started=False)
            assert server.responses(tools_of(case), case.text) == (message.reasoning or "", content, calls)


def test_a_cut_off_call_never_runs(server: sglang_host.Server) -> None:
    text = "Hi" + call_text("other_tool", {"path": "/tmp/a", "n": 12})
    for end in range(len(text)):
        for answer in (
            server.stream(server.request([OTHER_TOOL]), [text[:end]], "length"),
            server.whole(server.request([OTHER_TOOL]), text[:end], "length"),
        ):
            assert answer.finish == "length"
            for _, arguments in answer.calls:
                with pytest.raises(ValueError):
                    json.loads(arguments)


def test_with_the_other_parsers_built_in(server: sglang_host.Server) -> None:
    """One half ours, the other SGLang's: each still does its part."""
    text = "<|channel>thought\nhm\n<channel|>Hi" + call_text("other_tool", {"a": "x"})
    try:
        for names in (("gemma4_rust", "gemma4"), ("gemma4", "gemma4_rust")):
            mixed = sglang_host.Server(*names)
            answer = mixed.stream(mixed.request([OTHER_TOOL]), deltas(text, "1"))
            assert (answer.reasoning.rstrip("\n"), answer.content) == ("hm", "Hi")
            assert answer.calls == [("other_tool", '{"a": "x"}')]
    finally:
        sglang_host.Server(*NAMES)


# Where the built-in detectors differ on what the chat template writes. Each line: what differs, and why.
DIFFERENCES = {
    "newline": "The newline before the end of a thought stays in it there; it is the template's, not the model's",
    "null": "null is the string there",
    "exponent": "A number with an exponent and no point is a string there",
    "delimiter": "Arrays in arrays end at a bracket within a string there, or nothing ends at all",
    "number of calls": "Calls of a stream have their tool's number there, so that a client joins two of one tool",
}
SEEN: set[str] = set()


def differences(turn: Turn, theirs: sglang_host.Answer, mine: sglang_host.Answer) -> set[str]:
    found = set()
    if theirs.reasoning != mine.reasoning:
        assert theirs.reasoning == mine.reasoning + "\n"
        found.add("newline")
    assert theirs.content == mine.content
    for (their_name, their_text), (name, text), (_, given) in zip(theirs.calls, mine.calls, turn.calls, strict=True):
        assert their_name == name
        if their_text != text:
            found.add(cause(json.loads(their_text), json.loads(text), given))
    return found


def cause(theirs: Any, mine: Any, given: Any) -> str:
    """Why two values differ, by undoing one cause after the other."""
    assert mine == given
    if theirs == words(mine, numbers=False):
        return "null"
    if theirs == words(mine, numbers=True):
        return "exponent"
    raise AssertionError((theirs, mine))


def words(value: Any, *, numbers: bool) -> Any:
    if isinstance(value, dict):
        return {key: words(member, numbers=numbers) for key, member in value.items()}
    if isinstance(value, list):
        return [words(member, numbers=numbers) for member in value]
    if value is None:
        return "null"
    if numbers and isinstance(value, float) and "e" in repr(value) and "." not in repr(value):
        return repr(value)
    return value


ALL_TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in TOOL_NAMES]


def test_beside_the_built_in(server: sglang_host.Server, built_in: sglang_host.Server) -> None:
    found: set[str] = set()
    for turn in turns(400, seed=4):
        request = server.request(ALL_TOOLS)
        sglang_host.Server(*NAMES)
        mine = server.whole(request, turn.text)
        assert mine.content == turn.content and mine.reasoning == turn.reasoning
        assert [(name, json.loads(text)) for name, text in mine.calls] == turn.calls
        theirs = built_in.whole(request, turn.text)
        found |= differences(turn, theirs, mine)
        assert server.stream(request, deltas(turn.text, "4")).calls == mine.calls
        if [name for name, _ in turn.calls] == list(TOOL_NAMES[: len(turn.calls)]):
            streamed = built_in.stream(request, deltas(turn.text, "4"))
            found |= differences(turn, streamed, mine)
    # Generated strings have no lone closing bracket: in an array in an array it may send the built-in parser round and
    # round for ever.
    nested = [["]"]]
    request = server.request(ALL_TOOLS)
    assert json.loads(built_in.whole(request, call_text("now", {"a": nested})).calls[0][1]) == {"a": [[""], "]"]}
    assert json.loads(server.whole(request, call_text("now", {"a": nested})).calls[0][1]) == {"a": nested}
    found.add("delimiter")
    with pytest.raises(AssertionError):
        built_in.stream(server.request(ALL_TOOLS), [call_text("get_weather", {}) + call_text("get_weather", {})])
    found.add("number of calls")
    assert found == set(DIFFERENCES)


PROBE = """
import logging, sys
sys.path[:0] = {paths!r}
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
from integrations import sglang_host
sglang_host.prepare()
from sglang.srt.plugins import load_plugins
load_plugins()
load_plugins()
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from sglang.srt.server_args import _reasoning_parser_choices, _tool_call_parser_choices
assert "gemma4_rust" in _reasoning_parser_choices() or {off!r}
for registry in (FunctionCallParser.ToolCallParserEnum, ReasoningParser.DetectorMap):
    print([registry[name].__module__ if name in registry else None for name in ("gemma4_rust", "gemma4")])
print(ReasoningParser("gemma4", request=None).detector.__class__.__name__)
"""


@pytest.mark.parametrize("value", [None, "replace", "off"])
def test_the_entry_point_in_a_process_of_its_own(value: str | None) -> None:
    environment = {name: text for name, text in os.environ.items() if name != ours.VARIABLE}
    if value is not None:
        environment[ours.VARIABLE] = value
    paths = [path for path in sys.path if path]
    probe = PROBE.format(paths=paths, off=value == "off")
    run = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, cwd="/")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    mine = ours.__name__
    for line in lines[:2]:
        new, old = eval(line)
        assert new == (None if value == "off" else mine)
        assert (old == mine) == (value == "replace")
    said = [line for line in run.stderr.splitlines() if line.startswith("gemma4_parser: gemma4-parser")]
    assert len(said) == (0 if value == "off" else 1)
    assert value != "replace" or "in place of the built-in gemma4" in said[0]


COMMAND = """
import sys
sys.path[:0] = {paths!r}
from integrations import sglang_host
sglang_host.prepare()
import sglang.launch_server
def run_server(arguments):
    print("ARGUMENTS", arguments.reasoning_parser, arguments.tool_call_parser, arguments.chat_template)
sglang.launch_server.run_server = run_server
sys.argv = {words!r}
from sglang.cli.main import main
main()
"""


@pytest.mark.parametrize("name", ["gemma4_rust", "gemma4_nothing"])
def test_the_command_line_of_the_readme(name: str, tmp_path: Path) -> None:
    """Up to the start of the server, which needs kernels: plugins are loaded, and the names are checked."""
    ((variables, words),) = commands("### SGLang, transformers, mlx-lm", "sglang")
    assert variables == {} and words.count("gemma4_rust") == 2
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_attention_heads": 2, "hidden_size": 64}
    make_model(tmp_path, tokenizer(), [1], config)
    words[words.index("--model-path") + 1] = str(tmp_path)
    ((_, shown),) = commands("## Prompts", "sglang")
    assert shown[:2] == words[:2] and shown[-3:] == ["--chat-template", "gemma4.jinja", "…"]
    template = tmp_path / "gemma4.jinja"
    template.write_text(g4.chat_template(), "utf-8")
    words += [shown[-3], str(template)]
    words = [name if word == "gemma4_rust" else word for word in words] + ["--device", "cpu"]
    code = COMMAND.format(paths=[path for path in sys.path if path], words=words)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd="/")
    if name == "gemma4_rust":
        assert run.returncode == 0, run.stderr
        assert f"ARGUMENTS gemma4_rust gemma4_rust {template}" in run.stdout
    else:
        assert run.returncode != 0 and "invalid choice: 'gemma4_nothing'" in run.stderr
        assert "gemma4_rust" in run.stderr


def test_a_wrong_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ours.VARIABLE, "yes")
    with pytest.raises(ValueError, match="must be add, replace or off"):
        ours.register()


def test_the_entry_point_is_in_the_package() -> None:
    from importlib.metadata import distribution

    points = distribution("gemma4-parser").entry_points.select(group="sglang.srt.plugins")
    assert [point.value for point in points] == ["gemma4_parser.integrations.sglang:plugin"]
    assert Path(str(g4.__file__)).parent.name == "gemma4_parser"
