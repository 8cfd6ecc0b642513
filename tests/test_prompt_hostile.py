"""Prompts of anything: what is rendered is balanced, what is not has an error that names the place, on both alike."""

from __future__ import annotations

import collections
import importlib
import re
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from conftest import IMPLEMENTATIONS
from prompt_junk import MESSAGES, OPTIONS, TOOLS
from prompt_shape import check_segments, read_shape

QUESTION = {"role": "user", "content": "q"}
STYLES = ["official", "fixed"]
SETTINGS = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def found(implementation: ModuleType, messages: Any, tools: Any, options: dict[str, Any]) -> tuple[Any, ...]:
    """What comes of it: the prompt, or the error; errors name the place."""
    try:
        prompt = implementation.render(messages, tools, **options)
    except (ValueError, TypeError) as error:
        text = str(error)
        assert re.match(r"(messages|tools)\b", text) or "exclude each other" in text, text
        if isinstance(error, implementation.RenderError):
            assert text == f"{error.place}: {error.reason}"
        return type(error).__name__, text
    return prompt.text, prompt.controls, prompt.start, prompt.warnings


def both(messages: Any, tools: Any = None, **options: Any) -> tuple[Any, ...]:
    """What comes of it, the same in both implementations."""
    first, second = (
        found(importlib.import_module(IMPLEMENTATIONS[name]), messages, tools, options) for name in ("python", "rust")
    )
    assert first == second
    return first


@given(messages=MESSAGES, tools=TOOLS, options=OPTIONS)
@settings(SETTINGS, max_examples=500)
def test_both_implementations_agree(messages: Any, tools: Any, options: dict[str, Any]) -> None:
    both(messages, tools, **options)


@given(messages=MESSAGES, tools=TOOLS, options=OPTIONS)
@settings(SETTINGS, max_examples=300)
def test_what_is_rendered_is_balanced(impl: ModuleType, messages: Any, tools: Any, options: dict[str, Any]) -> None:
    options["style"] = "fixed"
    options["bos"] = "<bos>"
    try:
        prompt = impl.render(messages, tools, **options)
    except (ValueError, TypeError):
        return
    check_segments(prompt)
    shape = read_shape(prompt)
    assert prompt.start == ("reasoning" if shape.end == "thought" else "content")
    if options.get("continue_final_message"):
        assert shape.end in ("turn", "thought")
    elif options.get("add_generation_prompt", True):
        assert shape.end != "closed"
        assert shape.roles[-1] == "model"
    else:
        assert shape.end in ("closed", "results", "pending")


# Depth


def nested(depth: int, kind: str) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


PLACES: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "arguments": lambda value: ([QUESTION, calling({"a": value})], None),
    "a result": lambda value: (
        [QUESTION, calling({}), {"role": "tool", "content": {"a": value}, "tool_call_id": "1"}],
        None,
    ),
    "a response": lambda value: (
        [QUESTION, {**calling({}), "tool_responses": [{"name": "f", "response": value}]}],
        None,
    ),
    "an unread field": lambda value: ([{**QUESTION, "x": value}], None),
    "a schema": lambda value: ([QUESTION], [function({"type": "object", "properties": {"a": {"default": value}}})]),
    "a field of a tool": lambda value: ([QUESTION], [{**function(), "x": value}]),
}


def calling(arguments: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": arguments}}]}


def function(parameters: Any = None, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "description": "D", "parameters": parameters, **fields}}


@pytest.mark.parametrize("kind", ["list", "dict"])
@pytest.mark.parametrize("place", PLACES)
def test_depth(place: str, kind: str) -> None:
    for style in STYLES:
        for depth in (1, 200, *range(244, 262)):
            result = both(*PLACES[place](nested(depth, kind)), style=style)
            assert depth > 200 or result[0] != "ValueError"
        for depth in (257, 100_000):
            kind_of_error, text = both(*PLACES[place](nested(depth, kind)), style=style)
            assert kind_of_error == "ValueError"
            assert re.fullmatch("(messages|tools) are nested deeper than 256", text)


def test_deep_schemas() -> None:
    """As deep as the limit allows, through each keyword that holds schemas."""
    for keyword in ("items", "not", "anyOf", "properties", "additionalProperties"):
        for depth in (20, 60, 5000):
            schema: Any = {"type": "string"}
            for _ in range(depth):
                inner = {"anyOf": [schema], "properties": {"a": schema}}.get(keyword, schema)
                schema = {keyword: inner}
            for style in STYLES:
                result = both([QUESTION], [function({"type": "object", "properties": {"a": schema}})], style=style)
                assert (result[0] == "ValueError") == (depth == 5000)


def test_deep_json_arguments() -> None:
    for depth, fine in ((200, True), (100_000, False)):
        result = both([QUESTION, calling('{"a":' * depth + "1" + "}" * depth)])
        assert (result[0] not in ("ValueError", "RenderError")) == fine
        result = both([QUESTION, calling('{"a":' + "[" * depth + "]" * depth + "}")])
        assert (result[0] not in ("ValueError", "RenderError")) == fine


def test_lists_that_hold_themselves() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for place in PLACES.values():
        assert both(*place(endless))[0] == "ValueError"
    assert both(endless)[0] == "ValueError"


# References


def test_references_in_circles() -> None:
    """Each is followed once; then it is printed as it is."""
    link = {"type": "object", "properties": {"next": {"$ref": "#/$defs/B"}}}
    back = {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": link, "B": back}}
    text, _, _, warnings = both([QUESTION], [function(parameters)], add_generation_prompt=False)
    assert 'a:{properties:{next:{properties:{next:{$ref:<|"|>#/$defs/A<|"|>}},type:' in text
    place = "tools[0].parameters.properties.a.properties.next.properties.next"
    assert warnings == (f'{place}: $ref "#/$defs/A" is printed as it is',)
    for definitions in ({"A": {"$ref": "#/$defs/A"}}, {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}):
        text, _, _, warnings = both([QUESTION], [function({**parameters, "$defs": definitions})])
        assert "$ref" in text
        assert len(warnings) == 1


def test_references_with_escapes() -> None:
    """Percent-decoded, then `~1`, then `~0`; what is no escape stays."""
    for name, reference in {
        "é/x": "%C3%A9~1x",
        "~1": "~01",
        "%41": "%2541",
        "50%": "50%",
        "%zz": "%zz",
        "a b": "a b",
        "": "",
    }.items():
        parameters = {"properties": {"a": {"$ref": f"#/$defs/{reference}"}}, "$defs": {name: {"const": 1}}}
        text = both([QUESTION], [function(parameters)])[0]
        assert "a:{const:1}" in text, reference


def test_references_that_grow() -> None:
    """A reference that doubles at each step ends after 256 replacements."""
    definitions: dict[str, Any] = {
        f"D{number}": {"properties": {side: {"$ref": f"#/$defs/D{number + 1}"} for side in "ab"}, "title": "T"}
        for number in range(40)
    }
    definitions["D40"] = {"title": "T"}
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/D0"}}, "$defs": definitions}
    text, _, _, warnings = both([QUESTION], [function(parameters)])
    assert text.count("title:") == 256
    assert min(256, text.count("$ref:")) == len(warnings) > 1
    assert all("is printed as it is" in warning for warning in warnings)
    # Each declaration has its own 256.
    again, _, _, more = both([QUESTION], [function(parameters), function(parameters)])
    assert again.count("title:") == 2 * 256
    assert len(more) == 2 * len(warnings)


def test_many_references_to_nothing() -> None:
    """All are printed; 256 of them are named."""
    parameters = {"type": "object", "properties": {f"p{number:03}": {"$ref": "#/x"} for number in range(300)}}
    text, _, _, warnings = both([QUESTION], [function(parameters)])
    assert text.count("$ref:") == 300
    assert len(warnings) == 256
    assert warnings[-1].startswith("tools[0].parameters.properties.p255: ")


@pytest.mark.parametrize("depth", [200, 300])
def test_references_nest(depth: int) -> None:
    """Nesting that references make is bounded like any other, or by their number."""
    definitions: dict[str, Any] = {
        f"D{number}": {"items": {"$ref": f"#/$defs/D{number + 1}"}} for number in range(depth)
    }
    definitions[f"D{depth}"] = {"type": "string"}
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/D0"}}, "$defs": definitions}
    result = both([QUESTION], [function(parameters)])
    assert result[0] == "ValueError" or result[0].count("items:{") == min(depth, 256)


# Types


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Named(str):
    pass


ODD = [
    set(), {1}, b"x", object(), 1j, range(3), iter([]), lambda: None, SimpleNamespace(a=1), int, ...,
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("place", PLACES)
def test_types_that_no_format_carries(place: str, style: str) -> None:
    for odd in ODD:
        for value in (odd, [odd], {"a": odd}):
            kind, text = both(*PLACES[place](value), style=style)
            assert kind == "TypeError"
            assert re.match(r"(messages|tools)\[\d\]", text), text
            assert f"of type {type(odd).__name__}" in text


def test_keys_that_are_no_strings() -> None:
    for key in (1, None, True, (1, 2), 1.5):
        for place in PLACES.values():
            for value in ({key: 1}, {"a": 1, key: 2}):
                kind, text = both(*place(value))
                assert kind == "TypeError"
                assert f"key of type {type(key).__name__}" in text
        assert both([{**QUESTION, key: 1}])[0] == "TypeError"


def test_other_containers_and_scalars() -> None:
    """Mappings, tuples, subclasses and decimals are what they stand for."""
    plain = {"a": [1, "red", "x"], "b": {"c": 1}, "d": {}}
    other = MappingProxyType(
        {
            "a": (Level.LOW, Colour.RED, Named("x")),
            "b": collections.OrderedDict(c=1),
            "d": collections.UserDict(),
        }
    )
    for place in PLACES.values():
        for style in STYLES:
            assert both(*place(plain), style=style) == both(*place(other), style=style)
    call = calling({"a": Decimal("1.50")})
    assert "call:f{a:1.50}" in both((QUESTION, call))[0]


class Model:
    """As pydantic's: what an OpenAI client returns."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self.fields


def test_objects_with_model_dump() -> None:
    made = Model(
        role="assistant", content=None, tool_calls=[Model(id="1", function=Model(name="f", arguments='{"a": 1}'))]
    )
    dumped = {"role": "assistant", "content": None, **calling('{"a": 1}')}
    assert both([QUESTION, made], [Model(**function())]) == both([QUESTION, dumped], [function()])


# Values


def test_lone_surrogates() -> None:
    """They become U+FFFD wherever they stand, as in the output of the parser."""
    half = "a\ud800b"
    whole = "a\ufffdb"

    def conversation(text: str) -> tuple[list[Any], list[Any]]:
        made: list[Any] = [
            {"role": "system", "content": text},
            {"role": "user", "content": [{"type": "text", "text": text}]},
            {**calling({text: [text, {text: text}]}), "content": text, "reasoning": text},
            {"role": "tool", "content": {text: text}, "tool_call_id": "1"},
            {"role": text, "content": text},
        ]
        made[2]["tool_calls"][0]["function"]["name"] = text
        return made, [
            function({"type": text, "properties": {text: {"description": text}}}, name=text, description=text)
        ]

    result = both(*conversation(half))
    assert result == both(*conversation(whole))
    assert result[0].count(whole) > 10


def test_huge_numbers() -> None:
    for number in (10**400, -(10**5000), 2**64, 1e308, 5e-324, float("inf"), float("-inf"), float("nan")):
        for style in STYLES:
            text = both([QUESTION, calling({"a": number})], style=style)[0]
            digits = repr(number) if isinstance(number, float) else str(Decimal(number))
            assert f"call:f{{a:{digits}}}" in text
    huge = "9" * 10_000
    assert f"call:f{{a:{huge}}}" in both([QUESTION, calling(f'{{"a": {huge}}}')])[0]
    assert "call:f{a:1e999999}" in both([QUESTION, calling('{"a": 1e999999}')])[0]


def test_keys_with_brackets() -> None:
    """They are printed as they are: the format has no escapes for keys."""
    for key in ("{", "}", "a:b", ",", "[x]", "", " ", '"', "a\nb", "é", '<|"|>'):
        for style in STYLES:
            text = both([QUESTION, calling({key: 1})], style=style)[0]
            assert f"call:f{{{key}:1}}" in text
            schema = {"type": "object", "properties": {key: {"type": "string"}}}
            text = both([QUESTION], [function(schema)], style=style)[0]
            assert f'properties:{{{key}:{{type:<|"|>STRING<|"|>}}}}' in text


def test_nothing_at_all(impl: ModuleType) -> None:
    assert impl.render([], bos="", add_generation_prompt=False).text == ""
    assert impl.render([], bos="", add_generation_prompt=False).segments == ()
    assert impl.render([], add_generation_prompt=False).text == "<bos>"
    assert impl.render([], [], model="small").text == "<bos><|turn>model\n"
    assert impl.render((), ()).text == "<bos><|turn>model\n<|channel>thought\n<channel|>"
    assert impl.render([], enable_thinking=True).text == "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>model\n"
    for style in STYLES:
        empty = [{"role": role, "content": ""} for role in ("system", "user", "assistant", "user")]
        assert both(empty, style=style) == both([{**message, "content": None} for message in empty], style=style)
        assert both(empty, style=style) == both([{"role": message["role"]} for message in empty], style=style)
    nothing: Any
    for nothing in ({}, None, [], "", 0, True, "user"):
        kind, text = both([QUESTION, nothing])
        assert (kind, text.partition(":")[0]) == ("RenderError", "messages[1]")
        kind, text = both([QUESTION], [nothing])
        assert (kind, text.partition(":")[0]) == ("RenderError", "tools[0]")
        both([QUESTION, nothing], style="official")
        both([QUESTION], [nothing], style="official")


# Options


def test_wrong_options(impl: ModuleType) -> None:
    wrong: Any
    for name, words in (("model", ("small", "large", "diffusion")), ("style", ("official", "fixed"))):
        for wrong in ("", "Large", "4"):
            with pytest.raises(ValueError) as caught:
                impl.render([QUESTION], **{name: wrong})
            assert all(word in str(caught.value) for word in words)
        with pytest.raises(ValueError):
            impl.render([QUESTION], **{name: "\ud800"})
        for wrong in (None, 1, ["large"]):
            with pytest.raises(TypeError):
                impl.render([QUESTION], **{name: wrong})
    for wrong in ("", "text", "tool_calls"):
        with pytest.raises(ValueError, match="reasoning"):
            impl.render([QUESTION], add_generation_prompt=False, continue_final_message=wrong)
    for wrong in (None, 1, b"<bos>"):
        with pytest.raises(TypeError):
            impl.render([QUESTION], bos=wrong)
    for wrong in (None, "hello", 1, QUESTION, iter([QUESTION]), {1}):
        with pytest.raises(TypeError, match="messages must be a list"):
            impl.render(wrong)
    for wrong in ("hello", 1, function(), iter([function()])):
        with pytest.raises(TypeError, match="tools must be a list"):
            impl.render([QUESTION], wrong)
    with pytest.raises(TypeError):
        impl.render([QUESTION], None, "large")
    with pytest.raises(TypeError):
        impl.render([QUESTION], colour="red")


def test_messages_are_left_alone(impl: ModuleType) -> None:
    made = [
        QUESTION,
        {**calling('{"a": 1}'), "content": " x "},
        {"role": "tool", "content": ["a"], "tool_call_id": "1"},
    ]
    described = [function({"properties": {"a": {"type": "string"}}})]
    before = repr((made, described))
    for style in STYLES:
        found(impl, made, described, {"style": style, "add_generation_prompt": False, "continue_final_message": True})
        found(impl, made, described, {"style": style})
    assert repr((made, described)) == before
