"""`arguments_to_json`, `parse_arguments` and `format_arguments`."""

from __future__ import annotations

import enum
import json
import math
import pickle
import sys
from collections import OrderedDict, UserDict
from decimal import Decimal
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma4_parser import ArgumentError


def test_canonical(impl: ModuleType) -> None:
    text = 'location:<|"|>Tokyo<|"|>,n:42,deep:{a:[1,{b:null}],c:true}'
    assert impl.arguments_to_json(text) == '{"location":"Tokyo","n":42,"deep":{"a":[1,{"b":null}],"c":true}}'
    assert impl.arguments_to_json(text, spaced=True) == json.dumps(impl.parse_arguments(text))
    assert impl.parse_arguments(text) == {"location": "Tokyo", "n": 42, "deep": {"a": [1, {"b": None}], "c": True}}
    assert impl.arguments_to_json("") == "{}"
    assert impl.parse_arguments("") == {}


def test_lenient(impl: ModuleType) -> None:
    assert impl.parse_arguments("""a="x",b:'y',c:None,d:[True]""") == {"a": "x", "b": "y", "c": None, "d": [True]}


def test_numbers_keep_their_spelling(impl: ModuleType) -> None:
    text = "a:9007199254740993.25,b:1e5,c:-0,d:5.0"
    assert impl.arguments_to_json(text) == '{"a":9007199254740993.25,"b":1e5,"c":-0,"d":5.0}'
    assert impl.parse_arguments("a:1e400")["a"] == Decimal("1e400")
    assert impl.parse_arguments("a:1,a:2") == {"a": 2}


def test_errors(impl: ModuleType) -> None:
    with pytest.raises(ArgumentError) as caught:
        impl.arguments_to_json("é:1,b:]")
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error.reason, str)
    assert error.reason
    assert str(error) == f"{error.reason} at character {error.offset}"
    loaded = pickle.loads(pickle.dumps(error))
    assert (type(loaded), str(loaded), loaded.offset, loaded.reason) == (
        *(type(error), str(error), error.offset, error.reason),
    )
    for wrong in ("a:[1}", "a", "a:1,b", "{", "a:[", 'a:<|"|>x'):
        for function in (impl.arguments_to_json, impl.parse_arguments):
            with pytest.raises(ArgumentError) as caught:
                function(wrong)
            assert 0 <= caught.value.offset <= len(wrong)
    for no_text in (None, b"a:1", 1):
        with pytest.raises(TypeError):
            impl.arguments_to_json(no_text)


def test_offsets_are_characters(impl: ModuleType) -> None:
    """Whatever stands before the fault, its place moves by the number of characters."""
    with pytest.raises(ArgumentError) as caught:
        impl.arguments_to_json('x:<|"|>....<|"|>,b:]')
    plain = caught.value.offset
    for four in ("éééé", "東京東京", "😀😀😀😀", "e\u0301e\u0301", "\ud800\ud800\udfff\udfff"):
        with pytest.raises(ArgumentError) as caught:
            impl.arguments_to_json(f'x:<|"|>{four}<|"|>,b:]')
        assert caught.value.offset == plain


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        *(("a:'y',`'} x`", 10), ("a:'y',`:'}`", 10), ("a:'y',\"'}\"", 9), ("a:1} x", 5)),
        ("a:'y',<|\"|>k'}x<|\"|>", 14),
    ],
)
def test_nothing_follows_the_arguments(impl: ModuleType, text: str, offset: int) -> None:
    """A quote in the text may be decided by the bracket behind it only; what then follows is not dropped."""
    with pytest.raises(ArgumentError) as caught:
        impl.arguments_to_json(text)
    assert caught.value.offset == offset
    assert impl.arguments_to_json("a:'y',`k`:1") == '{"a":"y","k":1}'


def test_limits_hold_for_plain_arguments(impl: ModuleType) -> None:
    """What is read the quick way is refused where the grammar refuses it."""
    limit = 1 << 20
    for text in (
        "k" * (limit + 1) + ":1",
        "k:" + "1" * (limit + 1),
        "k:0." + "1" * limit,
        "k:" + "[" * 256 + "]" * 256,
    ):
        for function in (impl.arguments_to_json, impl.parse_arguments):
            with pytest.raises(ArgumentError):
                function(text)
    assert impl.parse_arguments("k" * limit + ":1") == {"k" * limit: 1}
    assert impl.arguments_to_json("k:" + "1" * limit) == '{"k":' + "1" * limit + "}"


# format_arguments


def test_format(impl: ModuleType) -> None:
    value: dict[str, Any] = {"b": "x", "A": None, "c": [True, False, {"z": 1, "Y": ()}], "empty": {}, "f": 1.0, "n": -7}
    assert impl.format_arguments(value) == ('A:null,b:<|"|>x<|"|>,c:[true,false,{Y:[],z:1}],empty:{},f:1.0,n:-7')
    assert impl.format_arguments({}) == ""


def test_keys_are_sorted_without_case(impl: ModuleType) -> None:
    keys = ["B", "aKey", "a_key", "0", "_", "é", "É", "z", "Ω", "ω", "İ"]
    formatted = impl.format_arguments(dict.fromkeys(keys))
    assert formatted == ",".join(f"{key}:null" for key in sorted(keys, key=str.lower))


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1e-07, "1e-07"), (1e20, "1e+20"), (0.1, "0.1"), (-0.0, "-0.0"), (math.inf, "inf"), (math.nan, "nan")),
        *((10**30, "1" + "0" * 30), (Colour.RED, "1"), (np.float64(1.5), "1.5"), (True, "true")),
        *((Decimal("1.50"), "1.50"), (Decimal("1E+3"), "1E+3"), (OrderedDict(a=1), "{a:1}")),
        (MappingProxyType({}), "{}"),
        (UserDict(b=2, a=1), "{a:1,b:2}"),
    ],
)
def test_scalars(impl: ModuleType, value: Any, text: str) -> None:
    assert impl.format_arguments({"k": value}) == f"k:{text}"
    assert impl.format_arguments(MappingProxyType({"k": [value]})) == f"k:[{text}]"


def test_ints_of_any_size(impl: ModuleType) -> None:
    number = 10 ** (sys.get_int_max_str_digits() + 100)
    assert impl.format_arguments({"k": number}) == f"k:{Decimal(number)}"
    assert impl.format_arguments({"k": -number}) == f"k:-{Decimal(number)}"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"a": {1, 2}}, "arguments['a'] is of type set"),
        ({"a": [0, {"b": b"x"}]}, "arguments['a'][1]['b'] is of type bytes"),
        ({"a": [object]}, "arguments['a'][0] is of type type"),
        ({"a": {1: 2}}, "arguments['a'] has a key of type int"),
        ({"it's\n": [b""]}, """arguments["it's\\n"][0] is of type bytes"""),
        ({None: 2}, "arguments has a key of type NoneType"),
        ([("a", 1)], "arguments must be a mapping, not list"),
        ("a", "arguments must be a mapping, not str"),
        (None, "arguments must be a mapping, not NoneType"),
        ({"a": np.int64(1)}, "arguments['a'] is of type int64"),
    ],
)
def test_wrong_types(impl: ModuleType, wrong: Any, place: str) -> None:
    with pytest.raises(TypeError) as caught:
        impl.format_arguments(wrong)
    assert place in str(caught.value)


def test_depth(impl: ModuleType) -> None:
    value: Any = 1
    for _ in range(255):
        value = [value]
    text = impl.format_arguments({"a": value})
    assert impl.parse_arguments(text) == {"a": value}
    with pytest.raises(ValueError, match="256"):
        impl.format_arguments({"a": [value]})
    circle: dict[str, Any] = {}
    circle["a"] = [circle, circle]
    with pytest.raises(ValueError, match="256"):
        impl.format_arguments(circle)


# Round trips: what the format can carry comes back (keys: non-empty, no outer blanks, no structure, quotes or control
# characters; strings: no control literal).

MARKS = set(":=,{}[]\"'`<>|")
KEYS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters=MARKS), min_size=1, max_size=8
).filter(lambda key: key == key.strip(" \t\r\n") != "")
STRINGS = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STRINGS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@given(arguments=st.dictionaries(KEYS, VALUES, max_size=5))
def test_round_trip(impl: ModuleType, arguments: dict[str, Any]) -> None:
    text = impl.format_arguments(arguments)
    assert impl.parse_arguments(text) == arguments
    assert json.loads(impl.arguments_to_json(text)) == arguments
    message = impl.parse(f"<|tool_call>call:f{{{text}}}<tool_call|>", lenient=False)
    assert [call.value() for call in message.tool_calls] == [arguments]


@given(text=st.text() | st.text(st.sampled_from("ab:=,{}[]()'\"`\\ 1-.etrunl<|>\n")))
def test_any_text_has_an_answer(impl: ModuleType, text: str) -> None:
    try:
        made = impl.arguments_to_json(text)
    except ArgumentError as error:
        assert 0 <= error.offset <= len(text)
    else:
        assert isinstance(json.loads(made), dict)
