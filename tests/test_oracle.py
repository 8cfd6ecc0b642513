"""Canonical outputs say what the naive parser of the whole text says they do, however they are cut."""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType
from typing import Any

import pytest

from differential import cases, outputs
from differential.tape import Tape
from helpers import cuts, merge_events, run, tokenise
from oracle import Answer, answer

COUNT = 400


def canonical(tape: Tape) -> str:
    return outputs.turn(tape, lenient=False)


OUTPUTS = list(dict.fromkeys(cases.some(canonical, COUNT, seed=8)))


def said(events: list[Any]) -> Answer:
    """What the events of a stream say; nothing may be repaired, rejected or left over."""
    found: Counter[str] = Counter()
    names: list[str] = []
    arguments: list[str] = []
    end = ""
    texts = {"reasoning": "", "content": ""}
    for kind, text, _, detail in merge_events(events):
        found[kind] += 1
        if kind in texts:
            texts[kind] += text
        elif kind == "call_start":
            names.append(text)
        elif kind == "call_arguments":
            arguments.append(text)
        elif kind == "call_end":
            assert (text, detail) == ("complete", ())
        else:
            assert kind == "end", (kind, text, detail)
            end = text
    assert found["end"] == 1
    assert found["call_start"] == found["call_arguments"] == found["call_end"]
    return Answer(texts["reasoning"], texts["content"], list(zip(names, arguments, strict=True)), end)


def check(impl: ModuleType, vocabulary: Any, text: str, expected: Answer, finish: str = "stop") -> None:
    """The text in one piece and cut, in a short text at every place, as text and ids, for both grammars."""
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    for lenient in (True, False):
        stream = impl.StreamParser(vocabulary, lenient=lenient)
        for whole in (text, tokenise(clean), tokenise(clean, words=False)):
            found = [*cuts(whole, 2, seed=len(text))]
            if isinstance(whole, str) and len(whole) < 120:
                found += [[whole[:at], whole[at:]] for at in range(1, len(whole))]
            for deltas in found:
                stream.reset()
                assert said(run(stream, deltas, finish)) == expected, deltas


def test_generated_outputs_are_canonical() -> None:
    for text in OUTPUTS:
        assert answer(text), text
    assert len(OUTPUTS) > COUNT * 3 / 4
    answers = list(filter(None, map(answer, OUTPUTS)))
    assert sum(bool(found.reasoning) for found in answers) > COUNT / 10
    assert sum(len(found.calls) for found in answers) > COUNT
    assert {found.end for found in answers} == {"stop", "turn", "tool_response", "eos"}


@pytest.mark.parametrize("part", range(4))
def test_streams_say_what_the_oracle_says(impl: ModuleType, vocabulary: Any, part: int) -> None:
    for text in OUTPUTS[part::4]:
        expected = answer(text)
        assert expected
        check(impl, vocabulary, text, expected)


def test_mutated_outputs(impl: ModuleType, vocabulary: Any) -> None:
    """Of outputs with accidents some are canonical still."""
    answered = 0
    for text in cases.some(lambda tape: cases.mutated(tape, canonical(tape)), 800, seed=9):
        if expected := answer(text):
            answered += 1
            check(impl, vocabulary, text, expected)
    assert answered > 200


@pytest.mark.parametrize("finish", ["length", "abort"])
def test_canonical_outputs_that_were_cut_off(impl: ModuleType, vocabulary: Any, finish: str) -> None:
    """What is complete stays what it is."""
    for text in OUTPUTS[:: COUNT // 60]:
        if "<eos>" not in text and "<pad>" not in text and (expected := answer(text, finish)):
            check(impl, vocabulary, text, expected, finish)


def test_vectors(impl: ModuleType, vocabulary: Any) -> None:
    """The oracle is right: its answers are what the vectors expect; and streams say the same."""
    answered = 0
    for case in cases.VECTORS:
        expected = answer(case.text, case.finish)
        plain = {"start": "content", "tools": None}
        if expected is None or plain | case.options != plain or case.forms != ("text", "ids"):
            continue
        answered += 1
        assert (expected.reasoning, expected.content) == (case.expect["reasoning"] or "", case.expect["content"] or "")
        assert [name for name, _ in expected.calls] == [call["name"] for call in case.expect["tool_calls"]]
        values = [impl.ToolCall(name, arguments).value() for name, arguments in expected.calls]
        assert values == [call["arguments"] for call in case.expect["tool_calls"]]
        assert case.expect["unparsed"] == []
        check(impl, vocabulary, case.text, expected, case.finish)
    assert answered > 90


OTHERS = (
    "thought\nx",
    "<channel|>",
    "<|channel>thought\nx",
    "<|channel>analysis\nx<channel|>",
    '<|"|>',
    "<eos>x",
    "<turn|>x",
    "x<tool_",
    "'<turn|>'",
    "<|tool_call>f{}<tool_call|>",
    "<|tool_call>call:f(a:1)<tool_call|>",
    "<|tool_call>call:f{a=1}<tool_call|>",
    "<|tool_call>call:f{a:x}<tool_call|>",
    "<|tool_call>call:f{a:007}<tool_call|>",
    "<|tool_call>call:f{a:1}",
    "<|tool_call>call:f{a:1}}<tool_call|>",
    "<|tool_call>call:f{,}<tool_call|>",
    "<|tool_call>call:f{a:[,]}<tool_call|>",
    '<|tool_call>call:f{a:<|"|><tool_call|> <turn|><|"|>}<tool_call|>',
)


@pytest.mark.parametrize("text", OTHERS)
def test_the_oracle_answers_for_the_canonical_grammar_only(text: str) -> None:
    assert answer(text) is None
