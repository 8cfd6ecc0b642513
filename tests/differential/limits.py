"""Inputs at the limits of the parser and of the schema compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from differential.cases import Case

MIB = 1 << 20
STRING = '<|"|>'
QUOTES = (("a:", ""), ('a:"', '"'), ("a:'", "'"), ("a:`", "`"))


def _call(body: str, *, options: dict[str, Any] | None = None, cut: int = 0) -> Case:
    text = f"<|tool_call>call:f{{{body}}}<tool_call|>!"
    return Case([text[:cut], text[cut:]] if cut else [text], options=options or {})


def _depth() -> Iterator[Case]:
    for depth in (254, 255, 256, 257):
        yield _call("a:" + "[" * depth + "]" * depth)
        yield _call("a:" + "{a:" * depth + "1" + "}" * depth, cut=300)
        yield Case(["<|tool_call>call:f({a:" + "[" * depth + "]" * depth + "})<tool_call|>"])
        yield Case(["<|tool_call>call:f{{a:" + "[" * depth + "]" * depth + "}}<tool_call|>"])
        tools = [{"name": "f", "parameters": {"properties": {"a": {"type": "array"}}}}]
        yield _call(f"a:{STRING}" + "[" * depth + "]" * depth + STRING, options={"tools": tools, "coerce": True})


def _names() -> Iterator[Case]:
    longest = "n" * 1024
    for name in ("n" * 1023, longest, "n" * 1025, "é" * 512, "é" * 512 + "n", f" {longest} ", longest + " " * 2000):
        yield Case([f"<|tool_call>call:{name}{{}}<tool_call|>"])
        yield Case([f"<|tool_call>call:{name[:700]}", f"{name[700:]}{{}}<tool_call|>"])
        yield Case([f"<|tool_call>:{name}{{}}<tool_call|>"])
        yield Case([f"<|tool_call>call:a{{}}call:{name}{{}}<tool_call|>"])
        yield Case([f"call:{name}{{}}<tool_call|>"], options={"tools": [{"name": name}]})
        yield Case([f"<|tool_call>:call:{name}{{}}<tool_call|>"], options={"tools": [{"name": name.strip()}]})
    for empty in ("", " ", "\n"):
        for bracket in ("{}", "()"):
            yield Case([f"<|tool_call>:call:{empty}{bracket}<tool_call|>"], options={"tools": [{"name": ""}]})


def _held() -> Iterator[Case]:
    """Bare and quoted values and keys of exactly, and of more than, what is held."""
    for more in (0, 1):
        for front, back in (*QUOTES, ("", ":1"), ('"', '":1'), (STRING, STRING + ":1")):
            yield _call(front + "x" * (MIB + more) + back, cut=1000)
        # Behind a comma in the text of a string.
        tools = [{"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}]
        for cut in (1000, MIB + 20, MIB + 24):
            yield _call("a:y, " + "x" * (MIB - 3 + more), options={"tools": tools}, cut=cut)
        yield _call("a:" + " " * 10 + "x" * (MIB + more) + " " * 10)


def _possible_keys() -> Iterator[Case]:
    """Long texts in the look-ahead for a key."""
    tools = [{"name": "f", "parameters": {"properties": {"a": {"type": "string"}, "k" * 5000: {}, "b": {}}}}]
    for length in (10, 4000, 5000, 5001, 20_000):
        for quote in ("", '"', "'", "`", STRING):
            key = quote + "k" * length + quote
            for options in ({}, {"tools": tools}):
                yield _call(f"a:x, {key}:1", options=options)
                yield _call(f"a:'x', {key}:1,b:2", options=options, cut=4500)
                yield _call(f"a:{STRING}x, {key}:1", options=options, cut=3000)


def _markers() -> Iterator[Case]:
    """What is held behind a marker in a string."""
    for more in (-1, 0, 1):
        held = "<tool_call|>" + "x" * (MIB - len("<tool_call|>") + more)
        yield _call(f"a:{STRING}{held}{STRING}", cut=1000)
        yield _call(f"a:{STRING}{held}{STRING} x", cut=1000)
        yield _call(f"a:{STRING}{held[: MIB // 2]}{'é' * (MIB // 4)}{'x' * (5 + more)}{STRING}", cut=1000)


def _coerced() -> Iterator[Case]:
    """A string that is held for its schema."""
    tools = [{"name": "f", "parameters": {"properties": {"a": {"type": "array"}}}}]
    for more in (-1, 0, 1):
        array = '[1,"' + "x" * (MIB - 6 + more) + '"]'
        yield _call(f"a:{STRING}{array}{STRING}", options={"tools": tools, "coerce": True}, cut=1000)


LIMITS: dict[str, Callable[[], Iterator[Case]]] = {
    "depth": _depth,
    "names": _names,
    "held": _held,
    "possible keys": _possible_keys,
    "markers": _markers,
    "coerced": _coerced,
}


def _tools(parameters: dict[str, Any]) -> list[Any]:
    return [{"name": "f", "parameters": parameters}]


def _doubling() -> list[Any]:
    definitions: dict[str, Any] = {
        str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}, {"$ref": f"#/$defs/{n + 1}"}]} for n in range(30)
    }
    definitions["30"] = {"type": "integer"}
    return _tools({"properties": {"v": {"$ref": "#/$defs/0"}}, "$defs": definitions})


def _side_by_side(count: int) -> Callable[[], list[Any]]:
    """So many groups of three branches: 3 ** count alternatives."""

    def made() -> list[Any]:
        branches = [
            [{"properties": {f"k{n}": {"enum": [m]}, "a": {"type": "string" if m else "integer"}}} for m in range(3)]
            for n in range(count)
        ]
        both = {"allOf": [{"anyOf": group} for group in branches]}
        return _tools({"properties": {"v": both, "k1": {"type": "integer"}}})

    return made


def _together(count: int) -> Callable[[], list[Any]]:
    """So many schema objects that apply together."""
    members = [{"properties": {"a": {"type": "string"}, f"k{n}": {}}} for n in range(count)]
    return lambda: _tools({"properties": {"v": {"allOf": members}}})


def _branches(count: int) -> Callable[[], list[Any]]:
    return lambda: _tools({"properties": {"v": {"anyOf": [{"properties": {"a": {"const": n}}} for n in range(count)]}}})


def _chain(count: int) -> Callable[[], list[Any]]:
    """References one after another."""
    properties: dict[str, Any] = {f"k{n}": {"$ref": f"#/properties/k{n + 1}"} for n in range(count)}
    return lambda: _tools({"properties": {**properties, f"k{count}": {"type": "integer"}}})


def _grid() -> list[Any]:
    """Steps run out: every property of one level leads to every one of the next."""
    properties = {f"k{n}": {"additionalProperties": {"type": "null"}} for n in range(1200)}
    branches = [{"additionalProperties": {"enum": [n]}} for n in range(400)]
    both = {"allOf": [{"properties": properties}, {"anyOf": branches}]}
    return _tools({"properties": {"v": both, "k1": {"type": "integer"}}})


def _doubled_keys() -> list[Any]:
    definitions: dict[str, Any] = {}
    for number in range(40):
        deeper = {"$ref": f"#/$defs/{number + 1}"}
        definitions[str(number)] = {"properties": {"a": deeper, "b": deeper}}
    return _tools({"properties": {"v": {"$ref": "#/$defs/0"}}, "$defs": definitions})


HOSTILE_TOOLS: dict[str, Callable[[], list[Any]]] = {
    "doubling": _doubling,
    "doubled keys": _doubled_keys,
    **{f"{count} groups of branches": _side_by_side(count) for count in (5, 6, 7)},
    **{f"{count} together": _together(count) for count in (1022, 1023, 1024, 1025)},
    **{f"{count} branches": _branches(count) for count in (1022, 1023, 1024, 1025)},
    "a chain": _chain(3000),
    "a grid": _grid,
}
