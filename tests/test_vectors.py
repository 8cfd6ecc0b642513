"""Every case of vectors/output.jsonl and own.jsonl, as text and as ids, however it is cut."""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any

import pytest

from helpers import Case, cases, cuts, merge_events, run, tokenise

ROUNDS = 12
CASES = cases()


def check(message: Any, expect: dict[str, Any]) -> None:
    assert message.reasoning == expect["reasoning"]
    assert message.content == expect["content"]
    assert [call.name for call in message.tool_calls] == [call["name"] for call in expect["tool_calls"]]
    assert [call.value() for call in message.tool_calls] == [call["arguments"] for call in expect["tool_calls"]]
    for call, expected in zip(message.tool_calls, expect["tool_calls"], strict=True):
        if "arguments_text" in expected:
            assert call.arguments == expected["arguments_text"]
        if "repairs" in expected:
            assert list(call.repairs) == expected["repairs"]
        assert (call.status == "repaired") == bool(call.repairs)
    assert [span.reason for span in message.unparsed if span.reason != "stray_marker"] == expect["unparsed"]
    if "unparsed_text" in expect:
        assert [span.text for span in message.unparsed] == expect["unparsed_text"]
    if "end" in expect:
        assert message.end == expect["end"]


def inputs(case: Case) -> list[Any]:
    """The case as text and, in two tokenisations, as ids."""
    wholes: list[Any] = []
    if "text" in case.forms:
        wholes.append(case.text)
    if "ids" in case.forms:
        wholes += [tokenise(case.text), tokenise(case.text, words=False)]
    return wholes


def test_there_are_cases() -> None:
    assert len(CASES) > 150
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_whole(impl: ModuleType, vocabulary: Any, case: Case) -> None:
    for whole in inputs(case):
        check(impl.parse(whole, vocabulary, finish=case.finish, **case.options), case.expect)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_any_split_same_events(impl: ModuleType, vocabulary: Any, case: Case) -> None:
    stream = impl.StreamParser(vocabulary, **case.options)
    expected = None
    for whole in inputs(case):
        deltas = list(cuts(whole, ROUNDS, seed=zlib.crc32(case.id.encode())))
        if case.deltas and isinstance(whole, str):
            deltas.append(case.deltas)
        for cut in deltas:
            stream.reset()
            events = run(stream, cut, case.finish)
            merged = merge_events(events)
            expected = expected or merged
            assert merged == expected, cut
            message = impl.Message.from_events(events)
            check(message, case.expect)
            assert message == impl.parse(whole, vocabulary, finish=case.finish, **case.options)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_arguments_are_json_or_flagged(impl: ModuleType, case: Case) -> None:
    """Fragments of an accepted call are one JSON object; those of a rejected call never are JSON."""
    message = impl.parse(case.text, finish=case.finish, **case.options)
    for call in message.tool_calls:
        assert isinstance(call.value(), dict)
    for span in message.unparsed:
        with pytest.raises(ValueError):
            impl.ToolCall("f", span.arguments).value()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_cut_off_call_never_runs(impl: ModuleType, case: Case) -> None:
    """The calls accepted from a prefix that ended by `length` are a prefix of those accepted from the whole."""
    accepted = impl.parse(case.text, finish=case.finish, **case.options).tool_calls
    for end in range(len(case.text)):
        calls = impl.parse(case.text[:end], finish="length", **case.options).tool_calls
        assert calls == accepted[: len(calls)], case.text[:end]
