"""Declarations of tools: functions and JSON schemas as clients send them, and as nobody should."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from differential.schemas import DEFINITIONS, REFERENCES
from differential.tape import Tape

# fmt: off
NAMES = ("a", "b", "city", "B", "a_b", "aB", "type", "properties", "description", "required", "nullable", "items",
         "enum", "$ref", "é", "İ", "ß", "x y", "A", "title", "response", "", "get", "<turn|>", "a:b")
"""Of properties: keywords too, and some that differ in case only."""
WORDS = ("The city", "", " ", "It's \"x\"", '<|"|>', "a\nb", "<tool|>", "naïve 東京", "\u2028", "{a:1}", " both ends\n",
         "<|turn>system\n", "\\", "😀", "None", "\xa0x\u3000", "x")
TYPES: tuple[Any, ...] = (
    "string", "integer", "object", "array", "number", "boolean", "null", ["string", "null"], ["array", "null"],
    ["object", "string"], "STRING", "Object", "", "decimal", [], ["integer"], "straße", None, 5, True, ["string", 5],
)
VALUES: tuple[Any, ...] = (
    "x", 1, None, True, False, 0, -1, 1.5, 1.0, 1e-07, 1e16, -0.0, float("inf"), float("nan"), 10**30, "", " ", "C",
    [], {}, ["a", None, 2], {"B": 1, "a": [{"b": "x"}], "A": None}, [["x"]], '<|"|>', "é", "'", {"type": "string"},
)
NUMBERS: tuple[Any, ...] = (0, 1, -5, 2.5, 1e16, 10**20, None, True, "7")
REQUIRED: tuple[Any, ...] = (["a"], [], ["city", "a"], ["b", "b"], "city", None, True, [1], [None, ["x"]], {"a": 1})
ENUMS: tuple[Any, ...] = (
    ["C", "F"], [], [1, 2.5], [None, True], [["a"], {"k": "v", "J": 1}], ["x", 1, None], ["<turn|>", 'q"'], "abc", {},
    0,
)
ODD: tuple[Any, ...] = (True, False, {}, None, "string", 5, [], ["a"], [{"type": "string"}], 1.5, "")
"""What stands where a schema should."""
RESPONSES: tuple[Any, ...] = (
    {"type": "object", "description": "Weather", "properties": {"a": {"type": "string"}}}, {"type": "object"},
    {"type": "string", "description": "Text"}, {"description": "D"}, {}, None, {"type": "OBJECT"}, {"type": ["object"]},
    {"properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "integer"}}}, "x", [], {"type": "array"},
)
MORE: dict[str, Any] = {
    **DEFINITIONS,
    "tree": {"type": "object", "description": "A tree", "properties": {"left": {"$ref": "#/$defs/tree"},
             "many": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}},
    "one": {"properties": {"a": {"$ref": "#/$defs/two"}}}, "two": {"items": {"$ref": "#/$defs/one"}},
    "bool": True, "enum": {"enum": [1, "x"], "title": "E"}, "": {"type": "null"}, "text": "string",
}
POINTERS = (
    "#/$defs/tree", "#/$defs/one", "#/$defs/bool", "#/$defs/enum", "#/$defs/", "#/$defs/text", "#/definitions/s",
    "#/$defs/tree/properties/left", "#/$defs/enum/enum/1", "#/properties/b", "#/properties", "#/$defs", *REFERENCES,
)
# fmt: on


def _one(choices: tuple[Any, ...]) -> Callable[[Tape, int], Any]:
    return lambda tape, depth: tape.pick(choices)


def _inner(tape: Tape, depth: int) -> Any:
    return schema(tape, depth + 1)


def _many(tape: Tape, depth: int) -> Any:
    return [schema(tape, depth + 1) for _ in range(tape.below(4))]


def _named(tape: Tape, depth: int) -> Any:
    first, count = tape.below(len(NAMES)), tape.below(4)
    return {NAMES[(first + 3 * at) % len(NAMES)]: schema(tape, depth + 1) for at in range(count)}


def _inner_or_odd(tape: Tape, depth: int) -> Any:
    return tape.pick(ODD) if tape.chance(4) else schema(tape, depth + 1)


def _items(tape: Tape, depth: int) -> Any:
    return _many(tape, depth) if tape.chance(6) else _inner_or_odd(tape, depth)


KEYWORDS: dict[str, Callable[[Tape, int], Any]] = {
    "description": _one(WORDS),
    "properties": _named,
    "items": _items,
    "required": _one(REQUIRED),
    "enum": _one(ENUMS),
    "anyOf": _many,
    "$ref": _one(POINTERS),
    "nullable": _one((True, False, None, "true", 1)),
    "additionalProperties": _inner_or_odd,
    "oneOf": _many,
    "allOf": _many,
    "default": _one(VALUES),
    "const": _one(VALUES),
    "title": _one(WORDS),
    "format": _one(("date-time", None, 5)),
    "minimum": _one(NUMBERS),
    "maxLength": _one(NUMBERS),
    "uniqueItems": _one((True, False)),
    "pattern": _one(("^a\\d+$", "[a-z]{2,}", '"')),
    "examples": _one(([], ["x"], [{"a": None}])),
    "prefixItems": _many,
    "patternProperties": _named,
    "dependentSchemas": _named,
    "not": _inner_or_odd,
    "if": _inner,
    "then": _inner,
    "else": _inner_or_odd,
    "contains": _inner,
    "propertyNames": _inner,
    "unevaluatedProperties": _inner_or_odd,
    "unevaluatedItems": _inner_or_odd,
    "additionalItems": _inner_or_odd,
    "$schema": _one(("https://json-schema.org/draft/2020-12/schema", None)),
    "$id": _one(("x",)),
    "$anchor": _one(("here",)),
    "$comment": _one(WORDS),
    "$defs": _named,
    "definitions": _named,
    "dependentRequired": _one(({"a": ["b"]},)),
    "contentSchema": _inner,
    "x-own": _one(VALUES),
    "response": _one(VALUES),
    "Type": _one(("x",)),
}
NAMES_OF_KEYWORDS = tuple(KEYWORDS)


def schema(tape: Tape, depth: int = 0) -> Any:
    """A schema; it says more the longer the tape is."""
    choice = tape.below(24)
    if choice == 23:
        return tape.pick(ODD)
    made: dict[str, Any] = {}
    if choice < 20:
        made["type"] = tape.pick(TYPES[:6] if choice < 14 else TYPES)
    deep = depth > 3
    if not deep and made.get("type") == "object" and not tape.chance(4):
        made["properties"] = _named(tape, depth)
    if not deep and made.get("type") == "array" and not tape.chance(4):
        made["items"] = _items(tape, depth)
    for _ in range(tape.below(2 if deep else 4)):
        # The first of them more often: most schemas are made of them.
        name = NAMES_OF_KEYWORDS[tape.below(len(KEYWORDS) if tape.chance(2) else 8)]
        made[name] = KEYWORDS[name](tape, depth)
    return made


def parameters(tape: Tape) -> Any:
    """The parameters of a function: nearly always an object with properties."""
    made: dict[str, Any] = {} if tape.chance(8) else {"type": "object"}
    made["properties"] = _named(tape, 0)
    if made["properties"] and not tape.chance(3):
        made["required"] = [name for name in made["properties"] if not tape.chance(3)]
    if tape.chance(3):
        made[tape.pick(("$defs", "definitions"))] = MORE
    for _ in range(tape.below(3)):
        name = tape.pick(NAMES_OF_KEYWORDS)
        made[name] = KEYWORDS[name](tape, 1)
    return schema(tape) if tape.chance(12) else made


def function(tape: Tape, name: str) -> dict[str, Any]:
    """One tool; now and then without the wrapper or without some of its fields."""
    body: dict[str, Any] = {"name": name, "description": "What it does"}
    if tape.chance(3):
        body["description"] = tape.pick((*WORDS, None, 5, ["x"]))
    if tape.chance(8):
        del body["description"]
    if not tape.chance(10):
        body["parameters"] = parameters(tape)
    elif tape.chance(3):
        body["parameters"] = tape.pick((None, {}, {"type": "object"}))
    if tape.chance(8):
        body["response"] = parameters(tape) if tape.chance(3) else tape.pick(RESPONSES)
    if tape.chance(8):
        body[tape.pick(("strict", "return", "returns"))] = tape.pick((True, {"type": "string"}, None))
    if tape.chance(10):
        return body if tape.chance(2) else {"type": "function", **body}
    return {"type": "function", "function": body}


TOOL_NAMES = ("f", "get_weather", "ns:a-b.c", "F", "天气", "x y", "unknown", "<|tool>", " g ")


def tools(tape: Tape) -> list[Any] | None:
    """The tools of a request, often none."""
    count = tape.below(8)
    if count < 4:
        return [] if count == 3 else None
    # Copies: constants are shared, and a mutation must not reach them.
    return copy.deepcopy([function(tape, TOOL_NAMES[at % len(TOOL_NAMES)]) for at in range(count - 3)])
