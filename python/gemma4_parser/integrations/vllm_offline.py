"""Whole decoded outputs, in the shapes of vLLM's offline utilities: drop-in functions that need no vLLM.

`parse_tool_calls` and `has_tool_response_tag` stand for those of `vllm.tool_parsers.gemma4_utils`,
`parse_thinking_output` for that of `vllm.reasoning.gemma4_utils`. Decode with `skip_special_tokens=False`. Without
special tokens, only what can still be told apart is read: a call by `call:name{…}` at a beginning or behind a blank,
its strings as undelimited text, so that a comma within one ends it; thoughts not at all, but for their label.
"""

from __future__ import annotations

import re
from typing import Any

from gemma4_parser import parse
from gemma4_parser._json import json_value
from gemma4_parser.integrations.delta import without_ends
from gemma4_parser.message import ToolCall

__all__ = ["has_tool_response_tag", "parse_thinking_output", "parse_tool_calls"]

OPENER, CHANNEL, CHANNEL_END = "<|tool_call>", "<|channel>", "<channel|>"
_BARE = re.compile(r"(?:<call>|(?:^|\s|<channel\|>)call:)([\w.-]+)\{")
_ENDS = ("<turn|>", "<eos>")


def parse_tool_calls(text: str, *, strict: bool = False, typed: bool = False) -> list[dict[str, Any]]:
    """The calls of a decoded output, each `{"name": …, "arguments": {…}}`, in order.

    Args:
        text: The output, whole: a call that the end of the text leaves open counts as one whose markers were lost.
        strict: Read only what the special tokens mark, in the canonical grammar.
        typed: Values as they are. Otherwise, as vLLM's function has it, all are strings: what was no string is its JSON
            text, numbers as they were spelled.
    """
    calls = parse(text, finish="stop", lenient=not strict).tool_calls
    if not calls and not strict and OPENER not in text:
        calls = tuple(_bare_calls(text))
    return [{"name": call.name, "arguments": call.value() if typed else _strings(call)} for call in calls]


def _strings(call: ToolCall) -> dict[str, str]:
    """The arguments, what is no string as its JSON text."""
    arguments = call.arguments
    found: dict[str, str] = {}
    depth = 0
    start = 0
    at = 1
    key = ""
    while at < len(arguments):
        character = arguments[at]
        if character == '"':
            end = at + 1
            while arguments[end] != '"':
                end += 2 if arguments[end] == "\\" else 1
            if depth == 0 and not start:
                key, start = str(json_value(arguments[at : end + 1])), end + 2
                at = start
                continue
            at = end
        elif character in "{[":
            depth += 1
        elif character in ",}" and depth == 0:
            if not start:  # no member at all
                break
            value = arguments[start:at]
            found[key] = str(json_value(value)) if value.startswith('"') else value
            start = 0
        elif character in "}]":
            depth -= 1
        at += 1
    return found


def _bare_calls(text: str) -> list[ToolCall]:
    """The calls of a text without special tokens: each ends at the bracket that closes it."""
    found: list[ToolCall] = []
    at = 0
    while (opened := _BARE.search(text, at)) is not None:
        at = opened.end()
        depth = 1
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if depth:
            break
        call = f"{OPENER}call:{opened.group(1)}{{{text[opened.end() : at]}<tool_call|>"
        found += parse(call, finish="stop").tool_calls
    return found


def has_tool_response_tag(text: str) -> bool:
    """Whether the output ends, but for blanks, with `<|tool_response>`: the model waits for the result of a call."""
    return text.rstrip().endswith("<|tool_response>")


def parse_thinking_output(text: str) -> dict[str, str | None]:
    """The thoughts and the answer of a decoded output, `{"thinking": …, "answer": …}`, both without outer blanks.

    `thinking` is None where no marker shows a thought; a label without one is dropped. Calls stay in the answer as they
    were written, for `parse_tool_calls`. A thought that is not closed has no answer behind it.
    """
    at = text.find(OPENER)
    head, tail = (text, "") if at < 0 else (text[:at], text[at:])
    if CHANNEL not in head and CHANNEL_END not in head:
        return {"thinking": None, "answer": without_ends(text.removeprefix("thought\n"), _ENDS).lstrip()}
    if CHANNEL_END in head and CHANNEL not in head[: head.index(CHANNEL_END)]:
        # The opener was in the prompt, or is lost.
        message = parse(head.removeprefix("thought\n"), finish="length", start="reasoning")
    else:
        message = parse(head, finish="length")
    thinking, answer = message.reasoning, message.content or ""
    if tail and CHANNEL_END in tail and head.rfind(CHANNEL) > head.rfind(CHANNEL_END):
        inner, _, tail = tail.partition(CHANNEL_END)  # the call is part of the thought
        thinking = (thinking or "") + inner
    return {"thinking": (thinking or "").strip(), "answer": without_ends(answer + tail, _ENDS).lstrip()}
