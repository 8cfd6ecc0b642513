"""How the arguments of calls are typed and spaced: by this package's rules, or as older parsers of vLLM did.

A profile changes the JSON text of accepted calls only; what is a call, and what is none, stays ours. On output that
the chat template can have written, `vllm-0.22` and `vllm-0.33` give the JSON text of those parsers byte for byte.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["DEFAULT", "PROFILES", "Profile", "Rewriter", "profile"]


class Rewriter(Protocol):
    """Rewrites the fragments of one call."""

    def push(self, fragment: str) -> str:
        """What can be sent of the text so far; may be empty."""

    def finish(self) -> str:
        """What is left to send once the call is accepted."""

    def held(self) -> str:
        """What was pushed and nothing of which was sent yet, as it came."""


class Profile(NamedTuple):
    """How arguments are written.

    `spaced` and `schemas` are for the stream (`schemas`: whether types of the tools' schemas reach it); `rewriter`
    makes the rewriter of one call from its name and the tools of the request, and is None where nothing is rewritten.
    """

    name: str
    spaced: bool = False
    schemas: bool = True
    rewriter: Callable[[str, list[dict[str, Any]]], Rewriter] | None = None


_OUTSIDE = re.compile(r'"|[^"\s,:\[\]{}]+')
_STRING_END = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


class _Spelling:
    """vLLM 0.22: a number with a point is a Python float, one without a Python int if it is one, else a string."""

    def __init__(self) -> None:
        self.in_string = False
        self.escaped = False

    def push(self, fragment: str) -> str:
        pieces: list[str] = []
        at = 0
        while at < len(fragment):
            if self.in_string:
                end = self._string(fragment, at)
                pieces.append(fragment[at:end])
                at = end
                continue
            found = _OUTSIDE.search(fragment, at)
            if found is None:
                pieces.append(fragment[at:])
                break
            pieces.append(fragment[at : found.start()])
            at = found.end()
            token = found.group()
            if token == '"':
                self.in_string = True
            pieces.append(_number_0_22(token) if token[0] in "-0123456789" else token)
        return "".join(pieces)

    def finish(self) -> str:
        return ""

    def held(self) -> str:
        return ""

    def _string(self, fragment: str, at: int) -> int:
        """The end of the string's part in the fragment; a fragment may end within an escape."""
        if self.escaped:
            self.escaped = False
            at += 1
        found = _STRING_END.match(fragment, at)
        if found is not None:
            self.in_string = False
            return found.end()
        part = fragment[at:]
        self.escaped = (len(part) - len(part.rstrip("\\"))) % 2 == 1
        return len(fragment)


def _number_0_22(spelling: str) -> str:
    try:
        if "." in spelling:
            number = float(spelling)
            return json.dumps(number) if math.isfinite(number) else spelling
        return str(int(spelling))
    except ValueError:  # an exponent without a point, or more digits than Python converts
        return json.dumps(spelling)


class _Whole:
    """vLLM 0.33: all undelimited values are strings, and strings are read as the schema asks; known at the end only."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self.properties = properties
        self.pieces: list[str] = []

    def push(self, fragment: str) -> str:
        self.pieces.append(fragment)
        return ""

    def finish(self) -> str:
        value = json.loads("".join(self.pieces), parse_int=str, parse_float=str)
        spelled = _spelled(value)
        return json.dumps(_by_properties(spelled, self.properties), ensure_ascii=False)

    def held(self) -> str:
        return "".join(self.pieces)


_WORDS = {True: "true", False: "false", None: "null"}


def _spelled(value: Any) -> Any:
    """The value with its scalars as they were spelled. Depth is limited by the parser, at 256."""
    if isinstance(value, dict):
        return {key: _spelled(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_spelled(member) for member in value]
    return value if isinstance(value, str) else _WORDS[value]


def _by_properties(value: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _by_schema(member, properties[key]) if isinstance(properties.get(key), dict) else member
        for key, member in value.items()
    }


def _by_schema(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _typed(value, _types(schema))
    if isinstance(value, dict):
        inner = schema.get("properties")
        return _by_properties(value, inner) if isinstance(inner, dict) else value
    inner = schema.get("items")
    return [_by_schema(member, inner) for member in value] if isinstance(inner, dict) else value


_TYPE_OF = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _types(schema: object) -> set[str]:
    """The types that a schema names, of all its branches; string where it names none."""
    found: set[str] = set()
    if isinstance(schema, dict):
        named = schema.get("type")
        found.update(name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str))
        members = schema.get("enum")
        if isinstance(members, list):
            found.update(_TYPE_OF[type(member)] for member in members)
        for word in ("anyOf", "oneOf", "allOf"):
            branches = schema.get(word)
            if isinstance(branches, list):
                for branch in branches:
                    found |= _types(branch)
    return found or {"string"}


_ALIASES = {
    **dict.fromkeys(("str", "text", "varchar", "char", "enum"), "string"),
    **dict.fromkeys(("int", "int32", "int64", "uint", "uint32", "uint64", "long", "short", "unsigned"), "integer"),
    **dict.fromkeys(("float", "float32", "float64", "double"), "number"),
    **dict.fromkeys(("arr", "list", "sequence"), "array"),
    "bool": "boolean",
    "dict": "object",
}
_NO = object()


def _typed(text: str, named: Iterable[str]) -> Any:
    """The text as the first type that can read it, in the order null, integer, number, boolean, object, array."""
    types = {_ALIASES.get(word, word) for word in (name.strip().lower() for name in named)}
    if "null" in types and text.lower() == "null":
        return None
    readers: tuple[tuple[str, Callable[[str], Any]], ...] = (
        ("integer", _integer),
        ("number", _real),
        ("boolean", _boolean),
        ("object", _json),
        ("array", _json),
    )
    for name, read in readers:
        if name in types and (value := read(text)) is not _NO:
            return value
    if "string" in types:
        return text
    value = _json(text)
    return text if value is _NO else value


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return _NO


def _real(text: str) -> Any:
    value = _integer(text)
    if value is not _NO:
        return value
    try:
        real = float(text)
    except ValueError:
        return _NO
    if not math.isfinite(real):
        return _NO
    return int(real) if real == int(real) else real


def _boolean(text: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower().strip(), _NO)


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return _NO
    return value


def _properties(name: str, tools: list[dict[str, Any]]) -> Mapping[str, Any]:
    """The declared properties of a tool, of Chat Completions or Responses; none where there is no such tool."""
    for tool in tools:
        function = tool.get("function")
        declared = function if isinstance(function, dict) else tool
        if declared.get("name") == name:
            parameters = declared.get("parameters")
            found = parameters.get("properties") if isinstance(parameters, dict) else None
            return found if isinstance(found, dict) else {}
    return {}


DEFAULT = Profile("default")

PROFILES = {
    "default": DEFAULT,
    "spaced": Profile("spaced", spaced=True),
    "vllm-0.22": Profile("vllm-0.22", spaced=True, schemas=False, rewriter=lambda name, tools: _Spelling()),
    "vllm-0.33": Profile("vllm-0.33", schemas=False, rewriter=lambda name, tools: _Whole(_properties(name, tools))),
}
"""By name. `default` are this package's rules, `spaced` the same with the spacing of `json.dumps`."""


def profile(name: str) -> Profile:
    """The profile of this name. Raises `ValueError` that names them all."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(f"the profile must be one of {', '.join(PROFILES)}, not {name!r}") from None
