"""mlx-lm: the handler of its server with a generator of texts for a model, and its protocol for tool parsers."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("mlx_lm", reason="mlx-lm is not installed here")


import gemma4_parser as g4
from gemma4_parser.integrations import mlx_lm as ours
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.others import plain
from helpers import Case
from integrations.hostile import texts
from integrations.hosts import OTHER_TOOL, SIZES, TEXT_CASES, Turn, call_text, deltas, tokenizer, tools_of, turns

host: Any = importlib.import_module("mlx_lm.server")
Base: Any = host.APIHandler
GeneratorBase: Any = host.ResponseGenerator

TEMPLATE = """{%- for message in messages -%}
<|turn>{{ message.role }}
{{ message.content }}<turn|>
{% endfor -%}<|turn>model
{#- what a template of Gemma 4 has: <|tool_call> <tool_call|> -#}
{%- if thinks %}<|channel>thought
{% endif -%}"""
CASES = [case for case in TEXT_CASES if case.options.get("parse_reasoning", True)]
"""mlx-lm has no switch for thoughts."""


class Handler(Base):  # type: ignore[misc]
    """The server's handler, which answers into memory."""

    def __init__(self, generator: Any, *, stream: bool, tools: list[Any]) -> None:
        names = (
            "requested_draft_model", "adapter", "temperature", "top_p", "top_k", "min_p", "xtc_probability", "logprobs",
            "xtc_threshold", "logit_bias", "repetition_penalty", "repetition_context_size", "presence_penalty",
            "presence_context_size", "frequency_penalty", "frequency_context_size", "num_draft_tokens", "seed",
            "stream_options",
        )  # fmt: skip
        self.__dict__.update(dict.fromkeys(names))
        self.response_generator = generator
        self.created, self.system_fingerprint, self.request_id = 0, "", "x"
        self.requested_model, self.max_tokens, self.top_logprobs = "gemma", 10, 0
        self.chat_template_kwargs: dict[str, Any] = {}
        self.stream = stream
        self.object_type = "chat.completion.chunk" if stream else "chat.completion"
        self.wfile = io.BytesIO()
        self.tools = tools

    def _set_stream_headers(self, status_code: int = 200) -> None: ...
    def _set_completion_headers(self, status_code: int = 200) -> None: ...
    def send_header(self, keyword: str, value: str) -> None: ...
    def end_headers(self) -> None: ...


class Generator(GeneratorBase):  # type: ignore[misc]
    """Makes the context of a request as the server does, and gives texts for tokens."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        self._state_machine_cache: dict[Any, Any] = {}
        self.model_provider = SimpleNamespace(
            processor=None, model_key="x", cli_args=SimpleNamespace(chat_template_args={})
        )
        self.steps: list[tuple[str, str | None]] = []
        self.thinks = False

    def generate(self, request: Any, args: Any, progress_callback: Any = None) -> Any:
        args.chat_template_kwargs = {"thinks": self.thinks}
        prompt, _, _, initial, _ = self._tokenize(self.wrapped, request, args)
        _, machine = self._make_state_machine("x", self.wrapped, args.stop_words)
        context = host.GenerationContext(
            has_tool_calling=self.wrapped.has_tool_calling,
            has_thinking=self.wrapped.has_thinking,
            tool_parser=self.wrapped.tool_parser,
            text_sm=machine,
            initial_state=initial,
            prompt=prompt,
        )
        return context, (host.Response(text, 0, 0.0, finish, ()) for text, finish in self.steps)


def wrapper() -> Any:
    """A tokenizer as mlx-lm loads it: the tool parser is found by what the chat template says."""
    utils: Any = importlib.import_module("mlx_lm.tokenizer_utils")
    made = tokenizer()
    made.chat_template = TEMPLATE
    module = importlib.import_module(f"mlx_lm.tool_parsers.{utils._infer_tool_parser(made)}")
    return utils.TokenizerWrapper(
        made,
        tool_parser=module.parse_tool_call,
        tool_call_start=module.tool_call_start,
        tool_call_end=module.tool_call_end,
    )


class Answer:
    def __init__(self) -> None:
        self.reasoning = self.content = ""
        self.calls: list[tuple[str, Any]] = []
        self.finish: str | None = None


def ask(
    generator: Generator,
    pieces: Sequence[str],
    *,
    tools: list[Any],
    finish: str = "stop",
    thinks: bool = False,
    stream: bool = True,
    stop_words: Sequence[str] = (),
) -> Answer:
    """One request to the server; the last piece comes with "length", an empty one more with "stop"."""
    steps: list[tuple[str, str | None]] = [(piece, None) for piece in pieces]
    if finish == "stop" or not steps:
        steps.append(("", finish))
    else:
        steps[-1] = (steps[-1][0], finish)
    generator.steps, generator.thinks = steps, thinks
    handler = Handler(generator, stream=stream, tools=tools)
    request = host.CompletionRequest("chat", "", [{"role": "user", "content": "?"}], tools, None)
    handler.handle_completion(request, list(stop_words))
    body = handler.wfile.getvalue().decode()
    answer = Answer()
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.strip()] if stream else [body]
    for line in lines:
        if line == "[DONE]":
            break
        choice = json.loads(line)["choices"][0]
        said = choice["delta" if stream else "message"]
        answer.content += said.get("content") or ""
        answer.reasoning += said.get("reasoning") or ""
        for call in said.get("tool_calls") or []:
            assert call["type"] == "function" and call["id"]
            assert not stream or call["index"] == len(answer.calls)
            answer.calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
        answer.finish = choice["finish_reason"] or answer.finish
    return answer


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """`take_over`, and all as before behind the test."""
    package: Any = importlib.import_module("mlx_lm.tool_parsers")
    for name in ("TextStateMachine", "make_text_state_machine"):
        monkeypatch.setattr(host, name, getattr(host, name))
    monkeypatch.setattr(host.ResponseGenerator, "_tokenize", host.ResponseGenerator._tokenize)
    built_in = importlib.import_module("mlx_lm.tool_parsers.gemma4")
    monkeypatch.setitem(sys.modules, "mlx_lm.tool_parsers.gemma4", built_in)
    monkeypatch.setattr(package, "gemma4", built_in)
    assert ours.take_over() and ours.take_over()


@pytest.fixture
def generator(taken: None) -> Generator:
    return Generator(wrapper())


def expected(case: Case, finish: Any) -> tuple[str, str, list[tuple[str, Any]]]:
    """What the server can say. At a stop it takes no text any more, and an empty answer is filled at once, not then."""
    start: Any = case.options.get("start", "content")
    message = g4.parse(case.text, tools=tools_of(case), start=start, finish=finish)
    calls = [(call.name, json.loads(json.dumps(plain(call.value())))) for call in message.tool_calls]
    return message.reasoning or "", message.content or "", calls


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("size", SIZES)
def test_vectors(generator: Generator, size: str, finish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMA4_PARSER_UNPARSED", "never")
    for case in CASES:
        thinks = case.options.get("start") == "reasoning"
        answer = ask(generator, deltas(case.text, size), tools=tools_of(case), finish=finish, thinks=thinks)
        reasoning, content, calls = expected(case, finish)
        assert answer.calls == calls, case
        if finish == "stop":
            # What was held for what might follow is dropped by the server: a newline, the start of a literal.
            assert content.startswith(answer.content) and "<tool_response|>".find(content[len(answer.content) :]) >= -16
            assert reasoning.startswith(answer.reasoning)
            assert answer.finish == ("tool_calls" if calls else "stop")
        else:
            assert (answer.reasoning, answer.content) == (reasoning, content), case
            assert answer.finish == "length"


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("size", ["1 character", "4", "whole"])
def test_what_no_model_should_write(
    generator: Generator, size: str, finish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's handler never fails, and says what the parser says, streamed and not."""
    monkeypatch.setenv("GEMMA4_PARSER_UNPARSED", "never")
    for number, text in enumerate(texts(100, seed=9)):
        start: Any = ("content", "reasoning")[number % 2]
        message = g4.parse(text, tools=[OTHER_TOOL], start=start, finish=finish)
        calls = [(call.name, json.loads(json.dumps(plain(call.value())))) for call in message.tool_calls]
        for stream in (True, False):
            words = ["no such text"] * (number % 3 == 0)
            answer = ask(
                generator,
                deltas(text, size),
                tools=[OTHER_TOOL],
                finish=finish,
                thinks=start == "reasoning",
                stream=stream,
                stop_words=words,
            )
            assert answer.calls == calls, text
            if finish == "length":
                assert (answer.reasoning, answer.content) == (message.reasoning or "", message.content or ""), text


@pytest.mark.parametrize("policy", ["empty", "never", "always"])
def test_unparsed_text(generator: Generator, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMA4_PARSER_UNPARSED", policy)
    before = COUNTERS.value("unparsed", "not_a_call")
    bad = "<|tool_call>nonsense<tool_call|>"
    for stream in (True, False):
        for text in ("", "Hi"):
            answer = ask(generator, deltas(f"{text}{bad} ", "4"), tools=[OTHER_TOOL], stream=stream)
            handed_over = policy == "always" or (policy == "empty" and not text)
            assert answer.content.rstrip() == text + (bad if handed_over else "")
    assert COUNTERS.value("unparsed", "not_a_call") == before + 4


@pytest.mark.parametrize("stream", [True, False])
def test_whole_turns(generator: Generator, stream: bool) -> None:
    """Many requests through one server."""
    for turn in turns(150, seed=7):
        answer = ask(generator, deltas(turn.text, "1"), tools=[OTHER_TOOL], stream=stream)
        assert (answer.reasoning, answer.content, answer.calls) == (turn.reasoning, turn.content, turn.calls)
        assert answer.finish == ("tool_calls" if turn.calls else "stop")


def test_markers_in_strings_and_calls_in_thoughts(generator: Generator) -> None:
    inside = call_text("f", {"a": "x<tool_call|>y<channel|>z"})
    answer = ask(generator, deltas(f"hm{inside}more\n<channel|>Hi", "1"), tools=[OTHER_TOOL], thinks=True)
    assert (answer.reasoning, answer.content) == ("hmmore", "Hi")
    assert answer.calls == [("f", {"a": "x<tool_call|>y<channel|>z"})]


def test_the_schema_of_the_request_decides_types(generator: Generator) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"zip": {"type": "string"}}}}}
    assert ask(generator, ["<|tool_call>call:f{zip:02134}<tool_call|>"], tools=[tool]).calls == [
        ("f", {"zip": "02134"})
    ]


def test_why_it_ended_decides_about_a_call_without_its_close_marker(generator: Generator) -> None:
    text = "<|tool_call>call:f{a:12}"
    stopped = ask(generator, deltas(text, "1"), tools=[OTHER_TOOL])
    assert (stopped.calls, stopped.finish) == ([("f", {"a": 12})], "tool_calls")
    cut = ask(generator, deltas(text, "1"), tools=[OTHER_TOOL], finish="length")
    assert (cut.calls, cut.finish) == ([], "length")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_lost_silently(generator: Generator, size: str) -> None:
    bad = "<|tool_call>call:f{a:1,,b:2}<tool_call|>"
    answer = ask(generator, deltas(bad + " ", size), tools=[OTHER_TOOL])
    assert (answer.content.rstrip(), answer.calls) == ('<|tool_call>call:f{"a":1,b:2}<tool_call|>', [])
    assert ask(generator, deltas("text" + bad + " ", size), tools=[OTHER_TOOL]).content == "text "


def test_stop_words_are_taken_out(generator: Generator) -> None:
    answer = ask(
        generator, deltas("Hi STOP there", "1 character"), tools=[OTHER_TOOL], finish="length", stop_words=["STOP"]
    )
    assert answer.content == "Hi  there"


def test_other_models_keep_the_servers_machine(taken: None) -> None:
    other = SimpleNamespace(
        **{"tool_call_start": "<tool_call>", "tool_call_end": "</tool_call>", "has_tool_calling": True},
        **{"think_start": "<think>", "think_end": "</think>", "has_thinking": True},
        **{"response_transitions": {}, "structural_markers": []},
    )
    machine = host.make_text_state_machine(other)
    assert not isinstance(machine, ours.Machine)
    state, segments = host.TextStateMachine.split(machine.make_state("normal"), "a<think>b</think>c")
    assert [segment for segment in segments if segment[1]] == [("normal", "a"), ("reasoning", "b"), ("normal", "c")]
    assert host.TextStateMachine.flush(state)[1:] == ("", "normal")
    assert host.TextStateMachine.discard(state)[1] == "normal"


def test_the_protocol_of_tool_parsers() -> None:
    """The text between the markers, as the server without `take_over` finds it."""
    done = 0
    for case in TEXT_CASES:
        message = g4.parse(case.text, tools=tools_of(case))
        start, _, rest = case.text.partition("<|tool_call>")
        body, marker, behind = rest.partition("<tool_call|>")
        if start or behind or not marker or message.unparsed or not message.tool_calls:
            continue
        if any(set(call.repairs) - {"calls_in_one_block"} for call in message.tool_calls):
            continue
        done += 1
        found = ours.parse_tool_call(body, tools_of(case))
        calls = found if isinstance(found, list) else [found]
        assert [tuple(call.values()) for call in calls] == [(c.name, plain(c.value())) for c in message.tool_calls]
    assert done > 40


@pytest.mark.parametrize("text", ["call:f{a:12", 'call:f{a:<|"|>x}', "call:f{a:[1,2", "", "prose", "call:f{a:1,,b:2}"])
def test_the_protocol_refuses_what_may_be_cut(text: str) -> None:
    with pytest.raises(ValueError):
        ours.parse_tool_call(text)


def test_numbers_that_json_cannot_write_are_text() -> None:
    assert ours.parse_tool_call("call:f{n:1e999}") == {"name": "f", "arguments": {"n": "1E+999"}}


# Where mlx-lm's own parser reads what the chat template writes differently.
DIFFERENCES = {
    "thought": "The newlines around a thought, which the template writes, stay in it there",
    "name": "Names of calls are letters, digits, underscores and hyphens there; a call with another one is dropped",
    "key": "Keys of calls are letters, digits and underscores there; a call with another one is dropped",
}


def test_beside_the_built_in(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [(turn, ask(generator, [turn.text], tools=[OTHER_TOOL])) for turn in turns(400, seed=8)]
    monkeypatch.undo()
    built_in = Generator(wrapper())
    assert built_in.wrapped.tool_parser.__module__ == "mlx_lm.tool_parsers.gemma4"
    found: set[str] = set()
    equal = 0
    for turn, answer in mine:
        assert (answer.reasoning, answer.content, answer.calls) == (turn.reasoning, turn.content, turn.calls)
        theirs = ask(built_in, [turn.text], tools=[OTHER_TOOL])
        assert theirs.content == answer.content
        if theirs.reasoning != answer.reasoning:
            assert theirs.reasoning == f"\n{answer.reasoning}\n"
            found.add("thought")
        if theirs.calls == answer.calls:
            equal += 1
        else:
            found |= causes(turn)
    assert equal > 100
    assert found == set(DIFFERENCES)


def causes(turn: Turn) -> set[str]:
    found = {"name" for name, _ in turn.calls if not name.replace("-", "_").isidentifier()}
    found |= {"key" for _, given in turn.calls for key in keys(given) if not key.isidentifier()}
    assert found, turn
    return found


def keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for member in value.values() for key in keys(member))]
    return [key for member in value for key in keys(member)] if isinstance(value, list) else []


def test_the_command() -> None:
    """`mlx_lm.server --help` by way of this module."""
    command = [sys.executable, "-m", "gemma4_parser.integrations.mlx_lm", "--help"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "--model" in run.stdout and "is registered as gemma4_rust and in place of" in run.stderr


@pytest.mark.parametrize("replace", [False, True])
def test_registered_in_a_process_of_its_own(replace: bool) -> None:
    probe = f"""
import importlib, sys
sys.path[:0] = {[path for path in sys.path if path]!r}
from gemma4_parser.integrations.mlx_lm import register
assert register(replace={replace}) == register(replace={replace})
for name in ("gemma4_rust", "gemma4"):
    print(importlib.import_module("mlx_lm.tool_parsers." + name).parse_tool_call.__module__)
"""
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    built_in = "mlx_lm.tool_parsers.gemma4"
    assert run.stdout.split() == [ours.__name__, ours.__name__ if replace else built_in]
