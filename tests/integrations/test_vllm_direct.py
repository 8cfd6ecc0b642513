"""The classes driven by hand, as test suites and other programs do: tokenizers of few tokens, texts without ids."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

from integrations.vllm_host import composed, request

CALLS_ONLY = {"<|tool_call>": 48, "<tool_call|>": 49}
CHANNELS_ONLY = {"<|channel>": 100, "<channel|>": 101}
TOOL = {
    "type": "function",
    "function": {
        "name": "update_record",
        "parameters": {"type": "object", "properties": {"zipcode": {"type": "string"}}},
    },
}
CALL = "<|tool_call>call:update_record{zipcode:12345}<tool_call|>"


class Few:
    """A tokenizer that knows some control tokens and nothing else."""

    def __init__(self, vocab: dict[str, int]) -> None:
        self.vocab = vocab

    def get_vocab(self) -> dict[str, int]:
        return self.vocab


def tool_half(vocab: dict[str, int] = CALLS_ONLY, tools: Any = None) -> Any:
    return composed().tool_parser_cls(Few(vocab), tools)


def chat_request(**fields: Any) -> Any:
    """A request of the server's own kind; without tools its choice is `none`."""
    return type(request())(messages=[], model="gemma", **fields)


def streamed(half: Any, text: str, asked: Any, size: int = 5) -> list[tuple[str, str]]:
    """The calls of a stream of texts without ids, from the deltas."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    before = ""
    for at in range(0, len(text), size):
        piece = text[at : at + size]
        message = half.extract_tool_calls_streaming(before, before + piece, piece, [], [], [], asked)
        before += piece
        for call in message.tool_calls if message is not None else ():
            if call.function.name:
                names[call.index] = call.function.name
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    return [(names[index], arguments[index]) for index in sorted(names)]


@pytest.mark.parametrize("vocab", (CALLS_ONLY, {**CALLS_ONLY, **CHANNELS_ONLY}))
def test_tokenizers_with_few_control_tokens(vocab: dict[str, int]) -> None:
    asked = chat_request(tools=[TOOL], tool_choice="auto")
    found = tool_half(vocab).extract_tool_calls(f"Text.{CALL}", asked)
    assert (found.tools_called, found.content) == (True, "Text.")
    assert [(call.function.name, call.function.arguments) for call in found.tool_calls] == [
        ("update_record", '{"zipcode":"12345"}')
    ]
    assert streamed(tool_half(vocab), f"Text.{CALL}", asked) == [("update_record", '{"zipcode":"12345"}')]


def test_each_half_names_what_it_cannot_do_without() -> None:
    with pytest.raises(RuntimeError, match=r"no <\|tool_call>$"):
        tool_half(CHANNELS_ONLY)
    reasoning = composed().reasoning_parser_cls
    with pytest.raises(RuntimeError, match=r"no <\|channel>, <channel\|>$"):
        reasoning(Few(CALLS_ONLY))
    assert reasoning(Few(CHANNELS_ONLY)).is_reasoning_end([100, 5]) is False
    assert reasoning(Few(CHANNELS_ONLY)).is_reasoning_end([100, 5, 101]) is True


def test_a_request_without_tools_bans_nothing_where_no_server_stands_between() -> None:
    asked = chat_request()
    assert asked.tool_choice == "none"
    found = tool_half().extract_tool_calls(CALL, asked)
    assert [call.function.name for call in found.tool_calls] == ["update_record"]
    assert found.content is None
    assert streamed(tool_half(), CALL, asked) == [("update_record", '{"zipcode":12345}')]


def test_none_bans_calls_where_there_are_tools() -> None:
    asked = chat_request(tools=[TOOL], tool_choice="none")
    found = tool_half().extract_tool_calls(CALL, asked)
    assert (found.tools_called, found.tool_calls, found.content) == (False, [], CALL)
    assert streamed(tool_half(), CALL, asked) == []


def test_tools_of_the_constructor() -> None:
    """They count where the request names none, streamed and not."""
    asked = SimpleNamespace(tools=[], tool_choice="auto", include_reasoning=True)
    for tools, zipcode in ((chat_request(tools=[TOOL]).tools, "12345"), (None, 12345)):
        found = tool_half(tools=tools).extract_tool_calls(CALL, asked)
        whole = json.loads(found.tool_calls[0].function.arguments)
        ((_, pieces),) = streamed(tool_half(tools=tools), CALL, asked)
        assert whole == json.loads(pieces) == {"zipcode": zipcode}


@pytest.mark.parametrize(
    ("output", "content"),
    (
        ('<|tool_call>call:f{location:<|"|>London', '<|tool_call>call:f{location:<|"|>London'),
        ('<|tool_call>call:f{a:<|"|>x<turn|>', '<|tool_call>call:f{a:<|"|>x'),
        ('Text.<|tool_call>call:f{location:<|"|>London', "Text."),
    ),
)
def test_what_is_no_call_is_content_as_it_was_written(output: str, content: str) -> None:
    """Where all else is empty."""
    found = tool_half().extract_tool_calls(output, chat_request(tools=[TOOL], tool_choice="auto"))
    assert (found.tools_called, found.content) == (False, content)


@pytest.mark.parametrize("kind", ("mock", "namespace", "none"))
def test_requests_that_are_none_of_the_server(kind: str) -> None:
    """What is no request of the Responses API is told as a chat: text behind a call of the same step, too."""
    mock = MagicMock(spec=type(request()))
    mock.tools, mock.tool_choice = [], "auto"
    asked = {"mock": mock, "namespace": SimpleNamespace(tools=[], tool_choice="auto"), "none": None}[kind]
    half = tool_half()
    said = ""
    for step in ("<|tool_call>call:a{x:1", "}<tool_call|>After"):
        message = half.extract_tool_calls_streaming("", "", step, [], [], [], asked)
        said += message.content or "" if message is not None else ""
    assert said == "After"
    assert half.prev_tool_call_arr == [{"name": "a", "arguments": '{"x":1}'}]
    assert half.extract_tool_calls("<|tool_call>call:a{x:1}<tool_call|>", asked).tools_called


class Slotted:
    """A tokenizer that cannot be referred to weakly, and counts how often it is read."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0

    def get_vocab(self) -> dict[str, int]:
        self.read += 1
        return {**CALLS_ONLY, **CHANNELS_ONLY}


def test_a_tokenizer_is_read_once() -> None:
    few = Few({**CALLS_ONLY, **CHANNELS_ONLY})
    first = composed().tool_parser_cls(few, None)
    assert composed().tool_parser_cls(few, None).ids is first.ids
    slotted = composed().tool_parser_cls(Slotted(), None)
    assert slotted.extract_tool_calls(CALL, chat_request()).tools_called


def reasoning_half() -> Any:
    half = composed().reasoning_parser_cls(Few({**CALLS_ONLY, **CHANNELS_ONLY}))
    assert not half.linked
    return half


def test_without_a_tool_half_calls_stay_as_they_were_written() -> None:
    for call in (
        CALL,
        "<|tool_call|>call:update_record{zipcode:1}<tool_call|>",
        "call:update_record{zipcode:1}<tool_call|>",
    ):
        asked = chat_request(tools=[TOOL], tool_choice="auto")
        assert reasoning_half().extract_reasoning(call, asked)[1] == call
        thought = "<|channel>thought\nhm<channel|>"
        assert reasoning_half().extract_reasoning(thought + call, asked) == ("hm", call)
