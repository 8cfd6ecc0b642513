"""Whole outputs, as vLLM's server reads them where a request does not stream."""

from __future__ import annotations

import importlib
import itertools
import json
import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

import gemma4_parser as g4
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.delta import Settings
from helpers import CONTROL_IDS, FIRST_BYTE, Case, tokenise
from integrations.test_vllm_stream import (
    CALL,
    CASES,
    THOUGHT,
    TOOLS,
    expected,
    output,
    settings,
    settings_of,
    tools_of,
    turn,
)
from integrations.vllm_host import PROMPT, STOPS, composed, in_steps, request, tokenizer, two_halves

BOTH = ("gemma4_rust", "gemma4")
Whole = tuple[str | None, str | None, list[tuple[str, str]]]


def text_of(ids: Sequence[int]) -> str:
    return "".join(text for _, text in in_steps(ids, 1))


def serve(
    ids: Sequence[int], asked: Any, prompt: Sequence[int], *, text: str | None = None, parser: Any = None
) -> Whole:
    """Reasoning, content and calls of a response. `text`: what the server has as text, if not that of the ids."""
    text = text_of(ids) if text is None else text
    parser = composed() if parser is None else parser
    kwargs: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": True}}
    if two_halves():
        made = parser(tokenizer(), asked.tools, **kwargs)
        made.set_prompt_token_ids(list(prompt))
        reasoning, content, calls = made.parse(text, asked, enable_auto_tools=True, model_output_token_ids=list(ids))
    else:
        reasoning, content = None, text
        if parser.reasoning_parser_cls is not None:
            half = parser.reasoning_parser_cls(tokenizer(), **kwargs)
            half.is_reasoning_end(list(prompt))
            reasoning, content = half.extract_reasoning(text, request=asked)
        serving = importlib.import_module("vllm.entrypoints.openai.engine.serving").OpenAIServing
        calls, content = serving._parse_tool_calls_from_content(
            asked, tokenizer(), True, parser.tool_parser_cls, content=content
        )
    message = importlib.import_module("vllm.entrypoints.openai.chat_completion.protocol").ChatMessage
    assert message(role="assistant", reasoning=reasoning, content=content).content == content
    return reasoning, content, [(call.name, call.arguments) for call in calls or ()]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_vectors(case: Case) -> None:
    ids = output(case)
    if not case.options.get("parse_reasoning", True):
        pytest.skip("needs a server without a reasoning parser")
    if two_halves():
        message = expected(case, ids)
    elif "text" not in case.forms:
        pytest.skip("0.22 hands over text only")
    else:  # nor does it say whether the output was cut
        text = text_of(ids)
        message = g4.parse(text, finish="length", **{**case.options, "tools": tools_of(case)})
    asked = request(tools_of(case), stream=False)
    with settings(settings_of(case)):
        reasoning, content, calls = serve(ids, asked, PROMPT[case.options.get("start", "content")])
    assert reasoning == message.reasoning
    assert calls == [(call.name, call.arguments) for call in message.tool_calls]
    if message.content and message.content.strip():
        assert content == message.content
    elif calls or not [span for span in message.unparsed if span.reason != "stray_marker"]:
        assert not (content or "").strip()
    else:
        assert content and content.strip()


def test_ids_decide_where_the_server_has_them() -> None:
    if not two_halves():
        pytest.skip("0.22 hands over text only")
    quoted = [FIRST_BYTE + byte for byte in b"<|tool_call>call:f{}<tool_call|>"]
    ids = [*quoted, *tokenise(CALL), CONTROL_IDS["<turn|>"]]
    _, content, calls = serve(ids, request(TOOLS, stream=False), PROMPT["content"])
    assert content == "<|tool_call>call:f{}<tool_call|>"
    assert len(calls) == 1


def test_a_stop_string_cuts() -> None:
    ids = tokenise("One.END and more")
    _, content, _ = serve(ids, request(TOOLS, stream=False, stop=["END"]), PROMPT["content"], text="One.")
    assert content == "One."


@pytest.mark.parametrize("reasoning", ("gemma4_rust", "gemma4", None))
def test_a_call_of_a_request_without_tools_is_text_and_told_once(reasoning: str | None) -> None:
    """Whatever stands beside the tool half: the server takes no calls of such a request."""
    asked = request(stream=False)
    assert asked.tool_choice == "none"
    COUNTERS.clear()
    assert serve(tokenise(CALL), asked, PROMPT["content"], parser=composed("gemma4_rust", reasoning)) == (
        None,
        CALL,
        [],
    )
    once = 1 if two_halves() else 0  # 0.22 does not ask the tool half, and has the text
    assert COUNTERS.value("handed_over", "empty") == COUNTERS.value("call", "suppressed") == once


def test_a_cut_call_is_handed_over_as_text() -> None:
    ids = tokenise('<|tool_call>call:f{path:<|"|>/tmp/a')
    _, content, calls = serve(ids, request(TOOLS, stream=False), PROMPT["content"])
    assert calls == []
    assert content is not None and "/tmp/a" in content
    with settings(Settings(unparsed="never")):
        _, content, calls = serve(ids, request(TOOLS, stream=False), PROMPT["content"])
    assert not content and not calls


def test_the_prompt_is_within_a_thought() -> None:
    reasoning, content, calls = serve(
        turn("Hm.\n<channel|>Yes." + CALL), request(TOOLS, stream=False), PROMPT["reasoning"]
    )
    assert (reasoning, content, len(calls)) == ("Hm.", "Yes.", 1)


def test_without_a_tool_parser_calls_stay_as_they_are() -> None:
    ids = turn(THOUGHT + "Yes." + CALL)
    reasoning, content, calls = serve(ids, request(stream=False), PROMPT["content"], parser=composed(tool=None))
    assert (reasoning, content, calls) == ("Hm.", "Yes." + CALL, [])


def test_without_a_reasoning_parser_markers_are_text() -> None:
    ids = turn(THOUGHT + "Yes." + CALL)
    reasoning, content, calls = serve(
        ids, request(TOOLS, stream=False), PROMPT["content"], parser=composed(reasoning=None)
    )
    assert (reasoning, content, len(calls)) == (None, THOUGHT + "Yes.", 1)


def test_no_tool_may_be_called() -> None:
    ids = turn(THOUGHT + "Yes." + CALL)
    _, content, calls = serve(ids, request(TOOLS, stream=False, tool_choice="none"), PROMPT["content"])
    assert (content, calls) == ("Yes.", [])


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_a_tool_must_be_called(choice: Any) -> None:
    ids = turn(THOUGHT + CALL)
    reasoning, _, calls = serve(ids, request(TOOLS, stream=False, tool_choice=choice), PROMPT["content"])
    assert reasoning == "Hm."
    assert [(name, json.loads(arguments)["a"]) for name, arguments in calls] == [("f", 1)]


def test_ids_of_calls_are_the_servers() -> None:
    half = composed().tool_parser_cls(tokenizer(), None)
    found = half.extract_tool_calls(CALL + CALL, request(TOOLS, stream=False))
    assert type(found).model_validate(found.model_dump()) == found
    assert len({call.id for call in found.tool_calls}) == 2
    assert all(call.id.startswith("chatcmpl-tool-") for call in found.tool_calls)


def test_counting_reasoning_tokens() -> None:
    half = composed().reasoning_parser_cls(tokenizer(), chat_template_kwargs={"enable_thinking": True})
    half.set_prompt_token_ids(PROMPT["content"]) if two_halves() else None
    ids = turn(THOUGHT + "Yes." + CALL)
    thought = tokenise("thought\nHm.\n")
    assert half.count_reasoning_tokens(ids) == len(thought)
    grown = composed().reasoning_parser_cls(tokenizer())
    assert [grown.count_reasoning_tokens(ids[:end]) for end in range(len(ids) + 1)][-1] == len(thought)
    assert not STOPS.isdisjoint(ids)


MARKERS = [
    CONTROL_IDS[literal] for literal in ("<|channel>", "<channel|>", "<|tool_call>", "<|turn>", "<|tool_response>")
]


@pytest.mark.parametrize("thinking", [False, True])
def test_the_end_of_reasoning_is_where_the_built_in_half_has_it(thinking: bool) -> None:
    """What structured output asks: of every prompt of up to three markers, and of the steps behind it."""
    kwargs = {"chat_template_kwargs": {"enable_thinking": thinking}}
    text = tokenise("x y")
    for length in range(4):
        for markers in itertools.product(MARKERS, repeat=length):
            ids = [number for marker in markers for number in (marker, *text)]
            ours, theirs = (composed(name, name).reasoning_parser_cls(tokenizer(), **kwargs) for name in BOTH)
            assert ours.is_reasoning_end(ids) == theirs.is_reasoning_end(ids), ids
            assert ours.is_reasoning_end_streaming(ids, ids[-1:]) == theirs.is_reasoning_end_streaming(ids, ids[-1:])
            if two_halves():
                assert ours.find_reasoning_end(ids) == theirs.find_reasoning_end(ids)
    assert (ours.reasoning_start_str, ours.reasoning_end_str) == ("<|channel>", "<channel|>")
    if two_halves():
        assert ours.reasoning_end_token_ids == theirs.reasoning_end_token_ids
        assert ours.implicit_reasoning_end_token_ids == theirs.implicit_reasoning_end_token_ids
        assert theirs.reasoning_start_str == ours.reasoning_start_str


def test_reasoning_tokens_are_counted_as_the_built_in_half_counts_them() -> None:
    if not two_halves():
        pytest.skip("0.22 asks for no count")
    for text in (THOUGHT + "Yes.", "Yes.", THOUGHT + CALL, "<|channel>thought\nHm. and so on"):
        ids = tokenise(text)
        counts = []
        for name in BOTH:
            half = composed(name, name).reasoning_parser_cls(
                tokenizer(), chat_template_kwargs={"enable_thinking": True}
            )
            half.set_prompt_token_ids(PROMPT["content"])
            counts.append(half.count_reasoning_tokens(ids))
        assert counts[0] == counts[1], (text, counts)


def test_classes_survive_pickling() -> None:
    """They go to other processes by name."""
    for made in (composed().reasoning_parser_cls, composed().tool_parser_cls):
        assert pickle.loads(pickle.dumps(made)) is made


def test_a_tokenizer_of_another_model_is_refused() -> None:
    other = SimpleNamespace(get_vocab=lambda: {"a": 0})
    for made in (composed().reasoning_parser_cls, composed().tool_parser_cls):
        with pytest.raises(RuntimeError, match="no tokenizer of Gemma 4"):
            made(other)
