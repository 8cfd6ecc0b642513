"""Conversations with tools and options, as clients send them (`case`), and with any value in any place (`odd`)."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from differential.declarations import NAMES_OF_KEYWORDS, TOOL_NAMES, tools
from differential.tape import Tape

# fmt: off
WORDS = (
    "x", "Paris", " ", "\n", "It's", "naïve", "東京", "😀", '"q"', "\\", "{a:1}", "", "?", "a\tb", "<b>", "'", "2.50",
    "\r\n", "null",
)
BLANKS = (
    *"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009",
    *"\u200a\u2028\u2029\u202f\u205f\u3000", *"\u200b\ufeff\u180e\u2060\x00\x7f",
)
"""All that `str.strip` takes away, and some that look like it."""
THOUGHTS = (
    "<|channel>thought\nhm\n<channel|>", "<|channel>", "<channel|>", "<|channel>thought\n", "<|channel>x<channel|> y",
    "<channel|><|channel>", "<|channel>a<|channel>b<channel|>",
)
LITERALS = (
    "<turn|>", "<|turn>user\n", '<|"|>', "<|tool_call>call:f{}<tool_call|>", "<tool_response|>", "<|image|>", "<eos>",
    "<bos>", "<|think|>", "<|tool>", "<pad>", "<|turn>", "<|tool_response>", "<image|>", "<mask>", "<|tur", "<unused1>",
)
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -7, 1.5, 1.0, -0.0, 1e-07, 1e16, 1e22, 123456789012345680.0, 5e-324, math.inf, -math.inf,
    math.nan, 10**30, -(2**63), "x", "", " ", '"', "'", "é", "None", "5", "<|turn>", "\x00", "\u2028", "a\nb",
)
KEYS = ("a", "city", "B", "b", "A", "a_b", "aB", "x y", "é", "É", "İ", "_", "1", "", "value", '<|"|>', "a:b", "<turn|>")
IDS: tuple[Any, ...] = ("call_1", "call_2", "call_3", "", None, "<turn|>")
ROLES = ("critic", "model", "Tool", "", " user", "<turn|>", "developer", "système")
PART_TYPES = (
    "text", "image_url", "text", "input_audio", "video", "image", "audio", "input_text", "output_text", "video_url",
    "file", "input_file", "input_image", "refusal", "custom", "tool_use",
)
FIELDS: tuple[Any, ...] = (
    ("refusal", None), ("refusal", "No."), ("audio", {"id": "a"}), ("annotations", []), ("id", "m1"), ("index", 0),
    ("type", "message"), ("strict", True), ("name", "Ann"), ("name", None), ("thought", "x"), ("tool_calls", []),
    ("tool_calls", None), ("function_call", None), ("reasoning", None), ("reasoning_content", ""), ("weight", 1),
    ("tool_call_id", None), ("reasoning_details", [{"text": "x"}]), ("tool_responses", []), ("prefix", False),
)
ARGUMENT_TEXTS = (
    "{}", '{"a":1}', '{"city": "Paris", "n": 1.50, "B": [1e5, null]}', "", " \n", "null", "{", "[1]", '"x"', '{"a":1}x',
    '{"a":1,"a":2}', '{"a":"<turn|>\\u0041\\ud83d\\ude00"}', "NaN", '{"a":NaN}', "{'a':1}",
    '{"a":1e400,"b":-0,"c":007}', '{"a":1e400,"b":-0.0}',
    '\xa0{"a":{"b":[{}]}}\n', '{"a":12345678901234567890.10}', "5", "a:1", '{"": ""}', '{"a":"\\ud800"}', "{}\x00",
    '{"b":1,"B":2,"a":true}', '{"a":"x\ny"}', "\ufeff{}", "nul", '{"a":[1,]}',
)
ODD_SCALARS: tuple[Any, ...] = (
    "text", "tool", "user", "assistant", "system", "function", "object", "array", "string", "STRING", "image",
    "response", *SCALARS,
)
NAMES_OF_FIELDS = (
    "role", "content", "tool_calls", "tool_call_id", "name", "reasoning", "reasoning_content", "tool_responses", "type",
    "text", "function", "arguments", "id", "response", "function_call", "parameters", "input", "get", "keys",
    *NAMES_OF_KEYWORDS,
)
# fmt: on


@dataclass(frozen=True)
class Request:
    """What `render` is given."""

    messages: Any
    tools: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)


def text(tape: Tape) -> str:
    """A text of words, blanks at its ends, thoughts and literals of control tokens."""
    parts = [tape.pick(WORDS) for _ in range(1 + tape.below(3))]
    if tape.chance(4):
        parts.insert(tape.below(2) * len(parts), tape.pick(BLANKS))
    if tape.chance(6):
        parts.insert(tape.below(len(parts) + 1), tape.pick(THOUGHTS))
    if tape.chance(8):
        parts.insert(tape.below(len(parts) + 1), tape.pick(LITERALS))
    return "".join(parts)


def value(tape: Tape, depth: int = 0) -> Any:
    """A value of JSON."""
    choice = tape.below(8 if depth < 3 else 5)
    if choice < 2:
        return text(tape)
    if choice < 5:
        return tape.pick(SCALARS)
    return mapping(tape, depth + 1) if choice == 5 else [value(tape, depth + 1) for _ in range(tape.below(4))]


def mapping(tape: Tape, depth: int = 0) -> dict[str, Any]:
    """An object of JSON."""
    return {tape.pick(KEYS): value(tape, depth) for _ in range(tape.below(4))}


def part(tape: Tape) -> Any:
    """A content part, rarely a string that stands for one."""
    if tape.chance(12):
        return text(tape)
    kind = tape.pick(PART_TYPES)
    if kind in ("text", "input_text", "output_text"):
        return {"type": kind, "text": text(tape)}
    made: dict[str, Any] = {"type": kind, kind: {"url": "https://example.org/x"}}
    return made if not tape.chance(6) else {"text": text(tape)}


def content(tape: Tape) -> Any:
    """What stands in the field `content` of a message of any role but a tool's."""
    choice = tape.below(12)
    if choice < 8:
        return text(tape)
    if choice == 8:
        return tape.pick((None, ""))
    return [part(tape) for _ in range(tape.below(4))]


def result(tape: Tape) -> Any:
    """What a tool answers."""
    choice = tape.below(10)
    if choice < 4:
        return text(tape)
    if choice == 4:
        return json.dumps(mapping(tape))
    if choice == 5:
        return [part(tape) for _ in range(tape.below(4))]
    return mapping(tape) if choice == 6 else value(tape)


def reasoning(tape: Tape) -> Any:
    """A thought; now and then in pieces."""
    if not tape.chance(6):
        return text(tape)
    return [tape.pick(("x", {"type": "text", "text": text(tape)}, text(tape), 5)) for _ in range(tape.below(4))]


class _Conversation:
    """Writes a conversation as a client keeps one."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.messages: list[dict[str, Any]] = []

    def add(self, role: str, **fields: Any) -> dict[str, Any]:
        self.messages.append({"role": role, **fields})
        if self.tape.chance(8):
            name, given = self.tape.pick(FIELDS)
            self.messages[-1].setdefault(name, given)
        return self.messages[-1]

    def write(self) -> None:
        tape = self.tape
        if tape.chance(3):
            self.add(tape.pick(("system", "developer")), content=content(tape))
        for _ in range(1 + tape.below(3)):
            if tape.below(10) < 9:
                self.add("user", content=content(tape))
            for _ in range(tape.below(4)):
                self.step()

    def step(self) -> None:
        """An answer of the model, and what follows its calls."""
        tape = self.tape
        if tape.chance(10):
            self.add(tape.pick(("system", "developer", *ROLES)), content=content(tape))
        if tape.chance(14):
            self.tool({"id": tape.pick(IDS)})
        message = self.add("assistant")
        if not tape.chance(5):
            message["content"] = content(tape)
        if tape.chance(3):
            message[tape.pick(("reasoning", "reasoning_content"))] = reasoning(tape)
            if tape.chance(4):
                message.setdefault("reasoning_content", reasoning(tape))
        calls = [self.call() for _ in range(tape.below(4))]
        if calls:
            message["tool_calls"] = calls
        elif tape.chance(8):
            message["function_call"] = {"name": tape.pick(TOOL_NAMES), "arguments": tape.pick(ARGUMENT_TEXTS)}
            if tape.chance(2):
                self.add("function", name=tape.pick(TOOL_NAMES), content=result(tape))
        if tape.chance(10):
            self.responses(message)
        if tape.chance(12) and calls:
            self.add(tape.pick(("user", "assistant", "system")), content=content(tape))
        self.results(calls)

    def call(self) -> dict[str, Any]:
        tape = self.tape
        function: dict[str, Any] = {"name": tape.pick(TOOL_NAMES)}
        if not tape.chance(12):
            function["arguments"] = tape.pick(ARGUMENT_TEXTS) if tape.chance(5) else mapping(tape)
        if tape.chance(16):
            function["arguments"] = None
        made: dict[str, Any] = {"type": "function", "function": function}
        if not tape.chance(8):
            made["id"] = tape.pick(IDS)
        return {**function, "id": tape.pick(IDS)} if tape.chance(16) else made

    def tool(self, call: dict[str, Any]) -> None:
        """A result, mostly of this call."""
        tape = self.tape
        message = self.add("tool")
        if not tape.chance(8):
            message["tool_call_id"] = tape.pick((*IDS, "call_9")) if tape.chance(8) else call.get("id")
        if tape.chance(3):
            message["name"] = tape.pick(TOOL_NAMES) if tape.chance(4) else call.get("function", call).get("name")
        if not tape.chance(16):
            message["content"] = result(tape)

    def results(self, calls: list[dict[str, Any]]) -> None:
        tape = self.tape
        if not calls or tape.chance(6):
            return
        order = list(calls)
        if tape.chance(4):
            order.reverse()
        for call in order:
            for _ in range(tape.pick((0, 2)) if tape.chance(10) else 1):
                self.tool(call)

    def responses(self, message: dict[str, Any]) -> None:
        """Results in Google's own layout, in their message or in one of their own."""
        tape = self.tape
        made = []
        for _ in range(tape.below(3)):
            made.append({"name": tape.pick((*TOOL_NAMES, None, "")), "response": result(tape)})
            if tape.chance(4):
                del made[-1][tape.pick(("name", "response"))]
        holder = self.add("assistant") if tape.chance(4) else message
        holder["tool_responses"] = made


def messages(tape: Tape) -> list[Any]:
    """A conversation as clients send it."""
    made = _Conversation(tape)
    made.write()
    return made.messages


BOS: tuple[str, ...] = ("", "<bos>x", "x", "<|turn>", "é", "<bos><bos>", "\n")
CONTINUED: tuple[Any, ...] = (True, True, "content", "reasoning", "reasoning_content", "foo")


def options(tape: Tape) -> dict[str, Any]:
    """Options of `render`, defaults left out."""
    made: dict[str, Any] = {}
    choice = tape.below(8)
    if choice > 3:
        made["model"] = ("small", "diffusion", "large", "small")[choice - 4]
    for name, rarity, given in (
        ("style", 3, "official"),
        ("enable_thinking", 3, True),
        ("preserve_thinking", 4, True),
        ("add_generation_prompt", 3, False),
    ):
        if tape.chance(rarity):
            made[name] = given
    if tape.chance(6):
        made["continue_final_message"] = tape.pick(CONTINUED)
        if not tape.chance(8):
            made["add_generation_prompt"] = False
    if tape.chance(12):
        made["bos"] = tape.pick(BOS)
    return made


def case(tape: Tape) -> Request:
    """A request as clients send it."""
    chosen, given = options(tape), tools(tape.part(3))
    return Request(copy.deepcopy(messages(tape)), given, chosen)


def plain(tape: Tape) -> Request:
    """A request that Google's template takes, unless its options forbid it."""
    made = case(tape)
    for message in made.messages:
        message.pop("tool_calls" if not message.get("tool_calls") else "function_call", None)
        for call in message.get("tool_calls", ()):
            function = call.setdefault("function", {"name": call.get("name"), "arguments": {}})
            if isinstance(function.get("arguments", ""), str):
                function["arguments"] = {"a": 1}
        for name in ("reasoning", "reasoning_content"):
            if isinstance(message.get(name), list):
                message[name] = " x"
        if isinstance(message.get("content"), list | dict):
            parts = [item for item in message["content"] if isinstance(item, dict) and "type" in item]
            message["content"] = parts or {"tool": "x"}.get(message["role"], [])
        for response in message.get("tool_responses", ()):
            response.setdefault("response", {"a": 1})
    wrapped = [{"function": tool, **tool} for tool in made.tools or ()]
    return replace(made, tools=[{"type": "function", "function": tool["function"]} for tool in wrapped])


def odd(tape: Tape, values: Callable[[Tape], Any] | None = None, make: Callable[[Tape], Request] = case) -> Request:
    """A request with a few accidents: a value of any kind in any place, or a field gone, new, doubled or renamed.

    Args:
        tape: What is chosen.
        values: Makes what is put in; without it, what JSON has.
        make: Makes the request.
    """
    changes = tape.part(6)
    made = make(tape)
    whole = [made.messages, made.tools]
    for _ in range(1 + changes.below(3)):
        _change(changes, whole, values or odd_value)
    return replace(made, messages=whole[0], tools=whole[1])


def odd_value(tape: Tape) -> Any:
    """What stands where something else should."""
    choice = tape.below(8)
    if choice < 4:
        return tape.pick(ODD_SCALARS)
    if choice == 4:
        return tape.pick(
            ([], {}, [[]], [{}], {"": None}, ["text"], [None], {"type": "text"}, [1, "x"], ["'", '"', 1.0])
        )
    return value(tape) if choice < 7 else part(tape)


def _nodes(whole: Any) -> Iterator[tuple[Any, Any]]:
    """Each value within, as what holds it and its key there; not the two roots."""
    found = [(whole, 0), (whole, 1)]
    for holder, key in found:
        inner = holder[key]
        more = range(len(inner)) if isinstance(inner, list) else inner if isinstance(inner, dict) else ()
        found += [(inner, key) for key in more]
    return iter(found[2:])


def _change(tape: Tape, whole: list[Any], values: Callable[[Tape], Any]) -> None:
    nodes = list(_nodes(whole))
    if not nodes:
        return
    # Places in tools are many, and whole messages and tools matter less than what is in them.
    messages = list(_nodes([whole[0], None])) if tape.chance(2) else []
    inner = [node for node in messages or nodes if node[0] is not whole[0] and node[0] is not whole[1]]
    holder, key = tape.pick((not tape.chance(4) and inner) or nodes)
    match tape.below(8):
        case 0 | 1 | 2:
            holder[key] = values(tape)
        case 3:
            del holder[key]
        case 4 if isinstance(holder, list):
            holder.insert(tape.below(len(holder) + 1), _copy(holder[key]))
        case 4 | 5:
            other = tape.pick(NAMES_OF_FIELDS)
            if isinstance(holder, dict):
                holder[other] = holder.pop(key) if tape.chance(2) else values(tape)
        case 6:
            holder[key] = [holder[key]]
        case _:
            other_holder, other_key = tape.pick(nodes)
            holder[key] = _copy(other_holder[other_key])


def _copy(value: Any) -> Any:
    """A copy of what a change may reach."""
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def smaller(case: Request) -> Iterator[Request]:
    """The case with something taken away or made plainer, one thing at a time."""
    for name in case.options:
        yield replace(case, options={other: kept for other, kept in case.options.items() if other != name})
    if case.tools is not None:
        yield replace(case, tools=None)
    for name in ("messages", "tools"):
        for less in _less(getattr(case, name)):
            yield replace(case, **{name: less})


def _less(given: Any) -> Iterator[Any]:
    if isinstance(given, list):
        for at, item in enumerate(given):
            yield [*given[:at], *given[at + 1 :]]
            for less in _less(item):
                yield [*given[:at], less, *given[at + 1 :]]
    elif isinstance(given, dict):
        for key, item in given.items():
            yield {other: kept for other, kept in given.items() if other != key}
            for less in _less(item):
                yield {other: less if other == key else kept for other, kept in given.items()}
    elif isinstance(given, str) and len(given) > 1:
        half = len(given) // 2
        yield from (given[:half], given[half:], given[1:], given[:-1])


def minimised(case: Request, fails: Callable[[Request], bool], budget: int = 3000) -> Request:
    """The smallest case found that still fails."""
    candidates = smaller(case)
    while budget and (candidate := next(candidates, None)) is not None:
        budget -= 1
        if fails(candidate):
            case, candidates = candidate, smaller(candidate)
    return case
