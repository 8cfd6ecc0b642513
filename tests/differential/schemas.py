"""Lists of tools: schemas of every kind, and lists that are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from differential.tape import Tape

NAMES = ("f", "get_weather", "note", "ns:a-b.c", "callback", "天气")
KEYS = ("city", "a", "b", "unit", "text", "n", "größe", "call", "x y", "a/b", "m~n")

Declared: TypeAlias = Mapping[str, tuple[list[str], list[str]]]

BASIC: tuple[dict[str, Any], ...] = (
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["number", "boolean"]},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "integer"}}},
)
SIMPLE: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "string", "description": "free text"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "array"},
    {"type": "object"},
    {"type": ["integer", "null"]},
    {"type": ["string", "integer"]},
    {"type": "STRING"},
    {"type": ["String", "NULL"]},
    {},
    {"enum": ["C", "F"]},
    {"enum": ["C", 1, None, 2.5]},
    {"enum": [True, [], {}]},
    {"enum": []},
    {"const": 5},
    {"const": 5.0},
    {"const": None},
    {"const": "x", "type": "string"},
    {"type": "string", "nullable": True},
    {"type": "integer", "nullable": True},
    {"type": "string", "nullable": "true"},
    {"nullable": True, "enum": ["a"]},
    {"type": "integer", "enum": ["a"]},
    {"type": "decimal"},
    {"type": ["string", "decimal"]},
    {"type": []},
    {"type": 5},
    {"type": None},
    {"type": "string", "format": "date", "minLength": 2},
)
REFERENCES = (
    "#/$defs/s",
    "#/$defs/o",
    "#/$defs/self",
    "#/%24defs/o",
    "#/$defs/a~1b",
    "#/$defs/m~0n",
    "#/$defs/%7E1",
    "#",
    "#/properties/a",
    "#/properties/city",
    "#/$defs/list/anyOf/0",
    "#/$defs/list/anyOf/1",
    "#/$defs/list/anyOf/01",
    "#/$defs/list/anyOf/-1",
    "#/$defs/missing",
    "#/$defs/a",
    "#/$defs/b",
    "#/",
    "#x",
    "",
    "other.json#/s",
    "#/%",
    "#/%ff",
    "#/$defs/gr%C3%B6%C3%9Fe",
    "#/$defs/x%20y",
    "#/$defs/s/type",
)
DEFINITIONS: dict[str, Any] = {
    "s": {"type": "string"},
    "o": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}},
    "self": {"properties": {"a": {"$ref": "#/$defs/self"}, "n": {"type": "integer"}, "b": {"type": "string"}}},
    "a/b": {"type": "integer"},
    "m~n": {"type": "number"},
    "~1": {"type": "boolean"},
    "/": {"type": "null"},
    "list": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/o"}]},
    "a": {"$ref": "#/$defs/b"},
    "b": {"$ref": "#/$defs/a"},
    "größe": {"type": "number"},
    "x y": {"type": "string"},
}


def schema(tape: Tape, depth: int = 0) -> Any:
    """The schema of a value; it says more the longer the tape is."""
    choice = tape.below(8 if depth > 3 else 24)
    match choice:
        case 8 | 9 | 10 | 11:
            return object_schema(tape, depth + 1)
        case 12 | 13:
            return {"type": "array", "items": schema(tape, depth + 1)}
        case 14:
            return {"items": schema(tape, depth + 1), "prefixItems": [schema(tape, depth + 1)]}
        case 15 | 16 | 17:
            word = tape.pick(("anyOf", "oneOf", "allOf"))
            return {word: [schema(tape, depth + 1) for _ in range(tape.below(4))], **some_words(tape, depth)}
        case 18 | 19:
            return {"$ref": tape.pick(REFERENCES), **some_words(tape, depth)}
        case 20:
            return {**object_schema(tape, depth + 1), **some_words(tape, depth)}
        case 21:
            return tape.pick(ODD_SCHEMAS)
        case _:
            return SIMPLE[0] if choice < 2 else tape.pick(BASIC if choice < 5 else SIMPLE)


def some_words(tape: Tape, depth: int) -> dict[str, Any]:
    """Keywords beside others, often none."""
    if not tape.chance(3):
        return {}
    more = schema(tape, depth + 2)
    return more if isinstance(more, dict) else {}


ODD_SCHEMAS: tuple[Any, ...] = (
    True,
    False,
    None,
    "string",
    5,
    [],
    {"properties": []},
    {"properties": {"a": 5, "b": None}},
    {"items": [{"type": "string"}]},
    {"items": False},
    {"anyOf": {}},
    {"anyOf": [None, {"type": "string"}]},
    {"oneOf": [True]},
    {"allOf": ["x"]},
    {"$ref": 5},
    {"$ref": None},
    {"enum": "abc"},
    {"enum": {}},
    {"additionalProperties": "no"},
    {"const": {"a": [1]}},
    {"nullable": True},
)


def object_schema(tape: Tape, depth: int = 0) -> dict[str, Any]:
    """The schema of an object."""
    first, count = tape.below(len(KEYS)), tape.below(6)
    made: dict[str, Any] = {"type": "object"} if not tape.chance(6) else {}
    if count or not tape.chance(3):
        keys = [KEYS[(first + at) % len(KEYS)] for at in range(count)]
        made["properties"] = {key: SIMPLE[0] if tape.chance(3) else schema(tape, depth + 1) for key in keys}
    if tape.chance(4):
        made["additionalProperties"] = tape.pick((False, True, None)) if tape.chance(3) else schema(tape, depth + 1)
    if tape.chance(6):
        made["required"] = list(made.get("properties", {}))
    return made


def function(tape: Tape, name: str) -> dict[str, Any]:
    """One tool."""
    parameters = object_schema(tape)
    if tape.chance(3):
        parameters["$defs"] = DEFINITIONS
    if tape.chance(10):
        word = tape.pick(("anyOf", "oneOf", "allOf"))
        parameters = {word: [parameters, object_schema(tape)]}
    body: dict[str, Any] = {"name": name, "description": "…", "parameters": parameters}
    if tape.chance(12):
        body["parameters"] = tape.pick(ODD_SCHEMAS)
    if tape.chance(16):
        del body["parameters"]
    return body if tape.chance(8) else {"type": "function", "function": body}


def tool_list(tape: Tape) -> list[Any]:
    """A list of tools that can be used."""
    return [function(tape, NAMES[at % len(NAMES)]) for at in range(1 + tape.below(3))]


def declared(tools: object) -> Declared:
    """Of each function of a list from `tool_list` the keys that are plainly strings, and the other keys."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for tool in tools if isinstance(tools, list) else ():
        body: Any = tool.get("function", tool) if isinstance(tool, dict) else None
        parameters = body.get("parameters") if isinstance(body, dict) else None
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        if isinstance(properties, dict):
            strings = [key for key, value in properties.items() if value == SIMPLE[0]]
            found[body["name"]] = strings, [key for key in properties if key not in strings]
    return found


class Model:
    """A stand-in for a pydantic model."""

    def __init__(self, value: dict[str, Any], method: str = "model_dump") -> None:
        setattr(self, method, lambda: value)


def _within_itself() -> list[Any]:
    circle: list[Any] = []
    circle.append({"type": "function", "function": {"name": "f", "parameters": {"properties": circle}}})
    return circle


def _deep(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        made = {"items": made}
    return made


F: dict[str, Any] = {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}
ODD_LISTS: tuple[Any, ...] = (
    [],
    (),
    ({"type": "function", "function": F},),
    [F],
    [F, F],
    [F, {"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}}],
    [{"type": "function", "function": Model(F, "dict")}],
    [Model(F)],
    [{"type": "function"}],
    [{"type": "function", "function": None}],
    [{"type": "function", "function": "f"}],
    [{"type": "function", "function": []}],
    [{"function": {"name": 5}}],
    [{"function": {"name": None}}],
    [{"function": {}}],
    [{"name": ""}],
    [{"name": "f"}, 5],
    [{"name": "f"}, None],
    [[]],
    ["f"],
    [{}],
    [{"type": "web_search"}, F],
    [{"name": "\ud800"}],
    [{"name": "f", "parameters": {"properties": {"\udfff": {"type": "integer"}, "a": {"const": "\ud83d"}}}}],
    [{"name": "f", "parameters": {"properties": {"a": {"const": 10**400}, "b": {"const": 1e300}}}}],
    [{"name": "f", "parameters": {"properties": {"a": {"enum": [float("nan")]}}}}],
    [{"name": "f", "parameters": {"properties": {"a": {"enum": [b"x"]}}}}],
    [{"name": "f", "parameters": {1: 2, None: 3, False: 4, 1.5: 5}}],
    [{"name": "f", "parameters": {(1, 2): 3}}],
    [object()],
    _within_itself(),
    [{"name": "f", "parameters": _deep(100)}],
    [{"name": "f", "parameters": _deep(252)}],
    [{"name": "f", "parameters": _deep(253)}],
    [{"name": "f", "parameters": _deep(254)}],
    [{"name": "f", "parameters": _deep(300)}],
    {},
    {"name": "f"},
    "[]",
    b"[]",
    5,
    True,
    object(),
    range(3),
    {"f"},
)
"""Lists that are unusual or wrong: each is taken alike or refused with one error."""
