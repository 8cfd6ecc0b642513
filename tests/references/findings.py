"""What this package reads, the canonical form of it, and where a reference reads something else.

Two answers to one text are compared in two steps, so that each difference has one cause. What was accepted is written
again in the canonical form, which must give the same answer here. What the reference makes of that form is compared
part by part (`key`, `value`): each key and each scalar stands alone in a text of its own, and the reference's answer to
the whole must be those parts put together, else that is a difference too (`whole`). What else the reference makes of
the text than of its canonical form is the doing of the form (`form`). Texts that are rejected here and read there are
`rejected`, those of calls that were cut off `cut`, scalars with a schema `typed`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gemma4_parser as g4
from references.asked import Reference, Refusal
from references.corpus import DELIMITER

OPEN, CLOSE = "<|tool_call>call:f{", "}<tool_call|>"


class Ours(NamedTuple):
    """This package's answer to the arguments of a call."""

    answer: str
    """The value as JSON text, or `rejected: ` and the reason."""
    json: str = ""
    """The arguments as they were sent, empty if rejected."""
    repairs: tuple[str, ...] = ()
    sentence: str = ""
    """What was wrong where, if it is known: of a rejected call."""
    offset: int = 0


class Finding(NamedTuple):
    """One difference."""

    reference: Reference
    kind: str
    """`key`, `value`, `whole`, `form`, `rejected`, `cut` or `typed`."""
    text: str
    ours: Ours
    theirs: str
    canonical: str = ""
    """Of a `form`: the canonical text. The reference answers to it as it does but for the form."""
    schema: str = ""
    """Of a `typed`: the schema of the argument `a`, as JSON text."""

    def asked(self, text: str) -> str:
        """The reference's answer to another text."""
        return theirs(self.reference, text)


def dumped(value: Any) -> str:
    """A value as JSON text: the same text if and only if values and types are the same."""
    if isinstance(value, Refusal):
        return "error"
    return json.dumps(value, ensure_ascii=False, default=lambda number: {"decimal": str(number)}, separators=(",", ":"))


def theirs(reference: Reference, text: str) -> str:
    return dumped(reference.read([text])[0])


def ours(text: str, *, lenient: bool = True) -> Ours:
    """The arguments as those of a call that is closed behind them."""
    message = g4.parse(OPEN + text + CLOSE, lenient=lenient)
    if message.tool_calls and not (message.content or "").strip(" \t\r\n"):
        call = message.tool_calls[0]
        return Ours(dumped(call.value()), call.arguments, tuple(call.repairs))
    reason = "text behind the call" if message.tool_calls or not message.unparsed else message.unparsed[0].reason
    try:
        g4.arguments_to_json("{" + text + "}")
    except g4.ArgumentError as error:
        return Ours(f"rejected: {reason}", sentence=error.reason, offset=error.offset - 1)
    return Ours(f"rejected: {reason}")


def ours_cut(text: str) -> Ours:
    """The arguments as those of a call in which the budget ended."""
    message = g4.parse(OPEN + text, finish="length")
    if message.tool_calls:
        return Ours(dumped(message.tool_calls[0].value()))
    return Ours(f"rejected: {message.unparsed[0].reason}")


def ours_typed(text: str, schema: dict[str, Any]) -> Ours:
    """The arguments by a schema of the argument `a`, with `coerce`."""
    function = {"name": "f", "parameters": {"type": "object", "properties": {"a": schema}}}
    message = g4.parse(OPEN + text + CLOSE, tools=[{"type": "function", "function": function}], coerce=True)
    (call,) = message.tool_calls
    return Ours(dumped(call.value()), call.arguments, tuple(call.repairs))


class Spelled(str):
    """A number in the spelling that it had."""


class Pairs(list[tuple[str, Any]]):
    """The members of an object, in order and doubled ones too."""


def tree(text: str) -> Pairs:
    """JSON text with the spelling of numbers and all members."""
    loaded: Pairs = json.loads(text, parse_int=Spelled, parse_float=Spelled, object_pairs_hook=Pairs)
    return loaded


PLAIN_KEY = re.compile(r"(?![ ])[^:=,{}\[\]\"'`\x00-\x1f]+(?<![ ])")


def written_key(key: str) -> str:
    return key if PLAIN_KEY.fullmatch(key) else DELIMITER + key + DELIMITER


def written(value: Any) -> str:
    """The canonical text of a value of `tree`."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{written_key(key)}:{written(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, Spelled):
        return str(value)
    if isinstance(value, str):
        return DELIMITER + value + DELIMITER
    return {None: "null", True: "true", False: "false"}[value]


class Part(NamedTuple):
    """A key, or a scalar or empty container, as arguments of its own."""

    kind: str
    text: str
    json: str
    """What this package must make of it."""


def parts(value: Any, array: bool = False) -> Iterator[Part]:
    """The parts of a value of `tree`."""
    if isinstance(value, Pairs) and value:
        for key, inner in value:
            yield Part("key", f"{written_key(key)}:{DELIMITER}{DELIMITER}", dumped({key: ""}))
            yield from parts(inner)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from parts(inner, True)
    else:
        text, json = written(value), spelled(value)
        yield Part("value", *((f"a:[{text}]", f'{{"a":[{json}]}}') if array else (f"a:{text}", f'{{"a":{json}}}')))


def spelled(value: Any) -> str:
    """JSON text of a scalar or empty container of `tree`."""
    if isinstance(value, (Pairs, Spelled)):
        return str(value) if isinstance(value, Spelled) else "{}"
    return dumped(value)


class Irregular(Exception):
    """A reference reads a part as something that cannot be put together."""


def together(reference: Reference, value: Any, array: bool = False) -> Any:
    """What the reference must make of a value of `tree`, by what it makes of the parts.

    Raises:
        Irregular: It does not read a key as one key.
    """
    if isinstance(value, Pairs) and value:
        made = {}
        for key, inner in value:
            (found,) = reference.read([f"{written_key(key)}:{DELIMITER}{DELIMITER}"])
            if isinstance(found, Refusal):
                return found
            if list(found.values()) != [""]:
                raise Irregular(key)
            member = together(reference, inner)
            if isinstance(member, Refusal):
                return member
            made[next(iter(found))] = member
        return made
    if isinstance(value, list) and value:
        elements = [together(reference, inner, True) for inner in value]
        return next((element for element in elements if isinstance(element, Refusal)), elements)
    (found,) = reference.read([f"a:[{written(value)}]" if array else f"a:{written(value)}"])
    if isinstance(found, Refusal):
        return found
    return found["a"][0] if array else found["a"]


def findings(reference: Reference, text: str) -> Iterator[Finding]:
    """The differences between the answers to the arguments of a closed call.

    Raises:
        AssertionError: This package reads its canonical form otherwise.
    """
    mine, other = ours(text), theirs(reference, text)
    if not mine.json:
        if other != "error":
            yield Finding(reference, "rejected", text, mine, other)
        return
    if DELIMITER in mine.json.replace('\\"', '"'):
        return  # a string that holds a delimiter (in quotes it may) has no canonical form to compare with
    value = tree(mine.json)
    form = written(value)[1:-1]
    again = ours(form)
    assert (again.answer, again.json, again.repairs) == (mine.answer, mine.json, ()), (text, form, again)
    for part in dict.fromkeys(parts(value)) if value else ():
        one, another = ours(part.text), theirs(reference, part.text)
        assert one.json == part.json, (part, one)
        if one.answer != another:
            yield Finding(reference, part.kind, part.text, one, another)
    expected = theirs(reference, form)
    try:
        whole = dumped(together(reference, value))
    except Irregular:
        whole = expected
    if whole != expected:
        yield Finding(reference, "whole", form, again, expected)
    if text != form and other != expected:
        yield Finding(reference, "form", text, mine, other, form)


def findings_cut(reference: Reference, text: str) -> Iterator[Finding]:
    """The differences between the answers to the arguments of a call in which the budget ended."""
    mine, other = ours_cut(text), dumped(reference.read([text], cut=True)[0])
    if mine.answer != other and not (other == "error" and not mine.json):
        yield Finding(reference, "cut", text, mine, other)


def smaller(finding: Finding, is_enough: Callable[[Finding], bool]) -> Finding:
    """A difference of several causes with less of them: the first that is enough, else the smallest.

    Pieces of the text are taken away, or put as a letter or colon, large ones first, as long as there still is a
    difference of the same kind, and by no other repairs than before.
    """
    if finding.kind not in ("form", "rejected"):
        return finding

    def without(start: int, size: int) -> Iterator[Finding]:
        for piece in ("", "a" if size > 1 else ":"):
            text = finding.text[:start] + piece + finding.text[start + size :]
            for other in findings(finding.reference, text) if text != finding.text else ():
                if other.kind == finding.kind and set(other.ours.repairs) <= set(finding.ours.repairs):
                    yield other

    size = len(finding.text)
    while size:
        start, length = 0, len(finding.text)
        while start < len(finding.text):
            other = next(without(start, size), None)
            if other is None:
                start += max(1, size // 4)
            elif is_enough(other):
                return other
            else:
                finding = other
        if len(finding.text) == length or size > 8:
            size = size // 2 if size > 16 else size - 1
    return finding


def findings_typed(reference: Reference, text: str, schema: dict[str, Any]) -> Iterator[Finding]:
    """The difference between the answers by a schema of the argument `a`."""
    mine = ours_typed(text, schema)
    (value,) = reference.read([text], properties={"a": schema})
    if mine.answer != dumped(value):
        yield Finding(reference, "typed", text, mine, dumped(value), schema=json.dumps(schema))
