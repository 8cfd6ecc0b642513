"""Writers of arguments: Google's chat template and dialog's serialiser against `format_arguments`, and the way back.

A value is written by both; the texts are compared (`bytes`), and what the reference wrote is read here and compared
with the value (`way back`). What differs must be explained by exactly one row, as with the readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gemma4_parser as g4
from references.asked import Reference, Refusal, pickled
from references.corpus import DELIMITER, delimited
from references.findings import dumped

TEMPLATE, EARLIER, DIALOG = "template", "template before 2026-07-09", "dialog"
FILES = {TEMPLATE: "gemma4_v5", EARLIER: "gemma4_v4"}


class Writing(NamedTuple):
    """One difference."""

    reference: str
    kind: str
    """`bytes`, `order` or `way back`."""
    value: Any
    ours: str
    theirs: str


class WriterDifference(NamedTuple):
    """A kind of difference."""

    reference: str
    rule: str
    example: Any
    kind: str
    ours: str
    theirs: str
    reason: str
    when: Callable[[Writing], bool]
    loss: bool = False


def conversation(turn: dict[str, Any]) -> str:
    """The variables of a template for a conversation that ends with this message of the model."""
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", **turn}]
    return pickled({"messages": messages, "bos_token": "<bos>"})


def calling(value: Any) -> dict[str, Any]:
    """A message with one call that has these arguments."""
    return {"tool_calls": [{"type": "function", "function": {"name": "f", "arguments": value}}]}


SURROGATE = re.compile("[\ud800-\udfff]")
BEFORE = "<bos><|turn>user\n?<turn|>\n<|turn>model\n"
AFTER = "<|tool_response>"
OPEN, CLOSE = "<|tool_call>call:f{", "}<tool_call|>"


def outputs(reference: Reference, name: str, values: list[Any]) -> list[str | Refusal]:
    """For each value: what the reference writes as the model's output, a call with it as arguments."""
    if name == DIALOG:
        return reference.ask([{"do": "write", "pickle": pickled(value)} for value in values])
    conversations = [conversation(calling(value)) for value in values]
    requests = [{"do": "render", "template": FILES[name], "pickle": found} for found in conversations]
    found: list[str | Refusal] = []
    for answer in reference.ask(requests):
        if not isinstance(answer, Refusal):
            assert answer.startswith(BEFORE), answer
            assert answer.endswith(AFTER), answer
            answer = answer[len(BEFORE) :]
        found.append(answer)
    return found


def ours(value: Any) -> str:
    try:
        return g4.format_arguments(value)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}"


def back(output: str) -> str:
    """What is read of an output of one call."""
    calls = g4.parse(output).tool_calls
    return dumped(calls[0].value()) if len(calls) == 1 else "rejected"


def writings(name: str, value: Any, output: str | Refusal) -> Iterator[Writing]:
    """The differences in what is written of a value, and in what comes back of it."""
    if isinstance(output, Refusal):
        yield Writing(name, "bytes", value, ours(value), "error")
        return
    text, mine = arguments_in(name, output), ours(value)
    if mine != text:
        yield Writing(name, "bytes", value, mine, text)
        if mine in ("TypeError", "ValueError"):
            return  # nothing of it could come back
    read = back(output)
    if read != dumped(in_order(value)):
        yield Writing(name, "way back", value, read, dumped(in_order(value)))


def differences(reference: Reference, name: str, values: list[Any]) -> list[Writing]:
    """All differences in values."""
    if name != DIALOG:
        pairs = zip(values, outputs(reference, name, values), strict=True)
        return [one for value, output in pairs for one in writings(name, value, output)]
    found: list[Writing] = []
    ordered = [in_order(value) for value in values]
    texts, again = outputs(reference, name, values), outputs(reference, name, ordered)
    for value, same, text, other in zip(values, ordered, texts, again, strict=True):
        found += writings(name, same, other)
        if not isinstance(text, Refusal):
            found += order(value, text, other)
    return found


def order(value: Any, output: str, in_that_order: str | Refusal) -> Iterator[Writing]:
    """The difference that the order of members makes to dialog, which keeps it."""
    if output != in_that_order:
        yield Writing(DIALOG, "order", value, ours(value), arguments_in(DIALOG, output))


def arguments_in(name: str, output: str) -> str:
    """The arguments in an output of one call."""
    end = CLOSE if name == DIALOG else CLOSE + AFTER
    assert output.startswith(OPEN), output
    assert output.endswith(end), output
    return output[len(OPEN) : -len(end)]


def walk(value: Any, change: Callable[[Any], Any], key: Callable[[str], str] = str) -> Any:
    """The value with its scalars and keys changed."""
    if isinstance(value, dict):
        return {key(name): walk(inner, change, key) for name, inner in value.items()}
    if isinstance(value, list):
        return [walk(inner, change, key) for inner in value]
    return change(value)


def in_order(value: Any) -> Any:
    """The value with the members of its objects in the template's order."""
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value, key=str.lower)}
    return [in_order(inner) for inner in value] if isinstance(value, list) else value


def is_carried(key: str) -> bool:
    """Whether a bare key comes back (invariant 11)."""
    return bool(key) and key == key.strip(" \t\r\n") and not set(key) & {*":=,{}[]\"'`", *map(chr, range(32))}


def differ(change: Callable[[Any], Any], key: Callable[[str], str] = str) -> Callable[[Writing], bool]:
    """Of the way back: the value holds something that the change takes away, and without it comes back."""

    def when(writing: Writing) -> bool:
        if writing.kind != "way back":
            return False
        other = walk(writing.value, change, key)
        if dumped(other) == dumped(writing.value):
            return False
        read = g4.parse(OPEN + g4.format_arguments(other) + CLOSE).tool_calls
        return [dumped(call.value()) for call in read] == [dumped(in_order(other))]

    return when


def is_endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def whole(value: Any) -> Any:
    """The float as an int, if it is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def inner(value: Any) -> Iterator[Any]:
    """The value, its keys and all that is in it."""
    yield value
    if isinstance(value, dict):
        yield from value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        yield from inner(one)


def holds(writing: Writing, *kinds: type) -> bool:
    """Whether a value or key is of just one of the types."""
    return any(type(one) in kinds for one in inner(writing.value))


def nested(value: Any) -> int:
    """How deep arrays and objects are nested along the first members."""
    depth = 0
    while isinstance(value, (dict, list)):
        depth += 1
        value = next(iter(value.values() if isinstance(value, dict) else value), None)
    return depth


def deep_list(depth: int) -> dict[str, Any]:
    value: list[Any] = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


def reordered(writing: Writing) -> bool:
    """The members come in the order of the value, and are the same but for that."""
    if writing.kind != "order":
        return False
    read = g4.parse(OPEN + writing.theirs + CLOSE).tool_calls[0].value()
    return dumped(in_order(read)) == dumped(in_order(walk(writing.value, whole)))


def surrogates(writing: Writing) -> bool:
    """Lone surrogates, and U+FFFD in their places."""
    replaced = SURROGATE.sub("\ufffd", writing.theirs)
    return writing.theirs != replaced and writing.ours == replaced


def whole_floats(writing: Writing) -> bool:
    """Floats without a fraction are written as the integers that they are, and come back as these."""
    if writing.kind == "order" or holds(writing, tuple):
        return False
    value = in_order(walk(writing.value, whole))
    same = writing.theirs == ours(value) if writing.kind == "bytes" else writing.ours == dumped(value)
    return same and dumped(value) != dumped(in_order(writing.value))


NULL = re.compile(f"({re.escape(DELIMITER)}.*?{re.escape(DELIMITER)})|(?<=[:,\\[])null(?=[,}}\\]]|\\Z)", re.DOTALL)


def pythons_null(writing: Writing) -> bool:
    """`None` for each `null` outside strings, and nothing else."""
    other = NULL.sub(lambda match: match[1] or "None", writing.ours)
    return writing.kind == "bytes" and other == writing.theirs


def bad_key(writing: Writing) -> bool:
    """A key that is no string."""
    keys = (key for one in inner(writing.value) if isinstance(one, dict) for key in one)
    return (writing.kind, writing.ours) == ("bytes", "TypeError") and any(not isinstance(key, str) for key in keys)


# fmt: off
WRITERS = (
    WriterDifference(
        TEMPLATE, "key", {"a:b": 1}, "way back", '{"a":"b:1"}', '{"a:b":1}',
        "Bare keys cannot say what ends a key; the ids are the same, so no reader can tell",
        differ(lambda value: value, lambda key: key if is_carried(key) else "k"),
    ),
    WriterDifference(
        TEMPLATE, "string", {"a": f"x{DELIMITER}y"}, "way back", "rejected", '{"a":"x<|\\"|>y"}',
        "A string has no escape for its delimiter. As ids, the delimiter spelled by ordinary tokens comes back",
        differ(lambda value: value.replace(DELIMITER, "") if isinstance(value, str) else value),
    ),
    WriterDifference(
        TEMPLATE, "values", {"a": math.inf}, "way back", '{"a":"inf"}', '{"a":Infinity}',
        "JSON has no such number, so the word is text",
        differ(lambda value: 0.5 if is_endless(value) else value),
    ),
    WriterDifference(
        TEMPLATE, "text-form", {"a": "\ud800"}, "bytes", delimited("a:§\ufffd§"), delimited("a:§\ud800§"),
        "A lone surrogate, which is no UTF-8, becomes U+FFFD",
        surrogates,
    ),
    WriterDifference(
        TEMPLATE, "format_arguments", {"a": b"x"}, "bytes", "TypeError", "a:[120]",
        "No value of JSON: the template writes bytes as a list, a set as Python does",
        lambda writing: (writing.kind, writing.ours) == ("bytes", "TypeError") and holds(writing, bytes, set),
    ),
    WriterDifference(
        TEMPLATE, "format_arguments", {"a": {1: "x"}}, "bytes", "TypeError", f"a:{{1:{DELIMITER}x{DELIMITER}}}",
        "A key that is no string",
        bad_key,
    ),
    WriterDifference(
        TEMPLATE, "limits", deep_list(256), "bytes", f"a:{'[' * 255}{']' * 255}", "error",
        "Its macros run out of Python's stack; here 256 levels are promised",
        lambda writing: (writing.kind, writing.theirs) == ("bytes", "error") and nested(writing.value) > 100,
    ),
    WriterDifference(
        EARLIER, "python_literal", {"a": None}, "bytes", "a:null", "a:None",
        "Templates before 2026-07-09 write null so; it is read as null",
        pythons_null,
    ),
    WriterDifference(
        DIALOG, "format_arguments", {"b": 1, "a": 2}, "order", "a:2,b:1", "b:1,a:2",
        "Members keep their order there; here they are sorted as the template sorts them",
        reordered,
    ),
    WriterDifference(
        DIALOG, "format_arguments", {"a": 1.0}, "bytes", "a:1.0", "a:1",
        "A float without a fraction is written as an integer there; the template writes `1.0`",
        whole_floats,
    ),
    WriterDifference(
        DIALOG, "format_arguments", {"a": (1,)}, "bytes", "a:[1]", "error",
        "Only lists are arrays there",
        lambda writing: (writing.kind, writing.theirs) == ("bytes", "error") and holds(writing, tuple),
    ),
)
# fmt: on
