"""`Message` and its parts: the fold of events, the OpenAI message, values of arguments."""

from __future__ import annotations

import dataclasses
import pickle
import re
import sys
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from gemma4_parser import Message, ToolCall, Unparsed
from gemma4_parser.message import new_call_id


def fold(impl: ModuleType, *events: tuple[Any, ...]) -> Message:
    return Message.from_events(impl.Event(*event) for event in events)


CALL = [("call_start", "f", 0), ("call_arguments", '{"a":', 0), ("call_arguments", "1}", 0)]


def test_nothing(impl: ModuleType) -> None:
    assert fold(impl) == Message()
    assert Message() == Message(None, None, (), (), None)
    assert fold(impl, ("content", ""), ("reasoning", "")) == Message()


def test_pieces_are_concatenated(impl: ModuleType) -> None:
    message = fold(
        impl,
        *(("reasoning", "a"), ("content", " b\n"), ("reasoning", "c ")),
        *(*CALL, ("call_end", "complete", 0), ("content", "d")),
    )
    assert message.reasoning == "ac "
    assert message.content == " b\nd"
    assert message.tool_calls == (ToolCall("f", '{"a":1}'),)
    assert message.end is None
    assert message.finish_reason == "tool_calls"


def test_calls(impl: ModuleType) -> None:
    message = fold(
        impl,
        *CALL,
        ("call_end", "repaired", 0, ("equals_sign", "bare_string")),
        ("call_start", "g", 1),
        ("call_arguments", "{", 1),
        ("call_end", "rejected", 1, ("malformed_call",)),
        ("unparsed", "x", 1, ("malformed_call",)),
        ("unparsed", "y", 1, ("malformed_call",)),
        ("unparsed", "z", None, ("malformed_call",)),
        ("call_start", "h", 2),
        ("call_arguments", "{}", 2),
        ("call_end", "complete", 2),
        ("call_start", "open", 3),
        ("end", "length"),
    )
    assert message.tool_calls == (
        ToolCall("f", '{"a":1}', "repaired", ("equals_sign", "bare_string")),
        ToolCall("h", "{}", "complete", ()),
    )
    assert message.unparsed == (Unparsed("xy", "malformed_call", "g", "{"), Unparsed("z", "malformed_call", None, ""))
    assert message.end == "length"
    assert message.finish_reason == "length"


def test_spans_merge_only_with_their_neighbours(impl: ModuleType) -> None:
    message = fold(
        impl,
        ("unparsed", "a", None, ("stray_marker",)),
        ("unparsed", "b", None, ("stray_marker",)),
        ("content", "c"),
        ("unparsed", "d", None, ("stray_marker",)),
        ("unparsed", "e", None, ("after_turn_end",)),
    )
    assert [(span.text, span.reason) for span in message.unparsed] == [
        *(("ab", "stray_marker"), ("d", "stray_marker"), ("e", "after_turn_end")),
    ]


@pytest.mark.parametrize(
    "event", [("call_arguments", "{", 0), ("call_end", "complete", 0), ("call_end", "complete"), ("delta", "x")]
)
def test_wrong_events(impl: ModuleType, event: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):
        fold(impl, event)


def test_finish_reason() -> None:
    call = (ToolCall("f", "{}"),)
    for end in ("turn", "tool_response", "eos", "stop", None):
        assert Message(end=end).finish_reason == "stop"
        assert Message(end=end, tool_calls=call).finish_reason == "tool_calls"
    for end in ("length", "abort"):
        assert Message(end=end).finish_reason == "length"
        assert Message(end=end, tool_calls=call).finish_reason == "length"


def test_to_openai() -> None:
    assert Message().to_openai() == {"role": "assistant", "content": None}
    assert Message(content="Hi", reasoning="Hm").to_openai() == {
        "role": "assistant",
        "content": "Hi",
        "reasoning": "Hm",
    }
    ids = iter(["one", "two"])
    message = Message(tool_calls=(ToolCall("f", '{"a":1}'), ToolCall("g", "{}", "repaired", ("double_brace",))))
    assert message.to_openai(id_factory=lambda: next(ids)) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "one", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "two", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    made = [call["id"] for call in message.to_openai()["tool_calls"]]
    assert all(re.fullmatch("call_[0-9a-f]{24}", number) for number in made)
    assert len({*made, new_call_id()}) == 3


def test_values() -> None:
    call = ToolCall("f", '{"a":1,"b":[true,null,"x",{"c":-0.5}],"a":2,"e":1e5,"z":-0}')
    assert call.value() == {"a": 2, "b": [True, None, "x", {"c": -0.5}], "e": 100_000.0, "z": 0}
    assert isinstance(call.value()["e"], float)
    assert list(call.value()) == ["a", "b", "e", "z"]
    assert call.value() is not call.value()


def test_numbers_that_int_and_float_cannot_hold() -> None:
    digits = "9" * (sys.get_int_max_str_digits() + 1)
    value = ToolCall("f", f'{{"int":{digits},"neg":-{digits},"float":1e400,"small":1e-400}}').value()
    assert value["int"] == Decimal(digits)
    assert value["neg"] == Decimal(f"-{digits}")
    assert value["float"] == Decimal("1e400")
    assert value["small"] == 0.0
    assert isinstance(value["small"], float)
    fits = "9" * sys.get_int_max_str_digits()
    assert ToolCall("f", f'{{"n":{fits}}}').value() == {"n": int(fits)}
    # An exponent beyond what Decimal holds: the nearest that there is.
    assert ToolCall("f", '{"n":-1e9999999999999999999}').value() == {"n": Decimal("-Infinity")}


def test_records_are_values() -> None:
    call = ToolCall("f", "{}")
    message = Message("r", "c", (call,), (Unparsed("x", "stray_marker"),), "turn")
    assert pickle.loads(pickle.dumps(message)) == message
    assert hash(call) == hash(ToolCall("f", "{}", "complete", ()))
    assert dataclasses.replace(call, name="g") == ToolCall("g", "{}")
    records: list[Any] = [message, call, message.unparsed[0]]
    for record in records:
        with pytest.raises(AttributeError):
            setattr(record, dataclasses.fields(record)[0].name, "y")
        assert not hasattr(record, "__dict__")
