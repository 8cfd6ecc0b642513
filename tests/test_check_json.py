"""Edits of JSON texts: what is changed, and that all else stays byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma4_parser.check.json_text import BadJson, Edit, JsonText, Place, edited


def after(text: str, *edits: Edit) -> str:
    return edited(text.encode(), edits).decode()


def parsed(text: str) -> JsonText:
    return JsonText(text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": 2}', '{"a": [5, 6], "b": 2}'),
        ('{"a":1}', '{"a":[5, 6]}'),
        ('{\n  "a": 1,\n  "b": 2\n}\n', '{\n  "a": [\n    5,\n    6\n  ],\n  "b": 2\n}\n'),
        ('{\r\n\t"a": null\r\n}', '{\r\n\t"a": [\r\n\t\t5,\r\n\t\t6\r\n\t]\r\n}'),
        ('{\n  "a": [1]\n}', '{\n  "a": [5, 6]\n}'),
        ('{\n  "a": [\n    1\n  ]\n}', '{\n  "a": [\n    5,\n    6\n  ]\n}'),
    ],
)
def test_replaced(text: str, expected: str) -> None:
    json_text = parsed(text)
    assert after(text, json_text.replaced(json_text.members["a"], [5, 6])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2, 3]}', '{"a": [1, 3, 9]}'),
        ('{"a":[1,2,3]}', '{"a":[1,3,9]}'),
        ('{"a": [ 1 , 2 , 3 ]}', '{"a": [ 1 , 3 , 9 ]}'),
        ('{\n "a": [\n  1,\n  2,\n  3\n ]\n}', '{\n "a": [\n  1,\n  3,\n  9\n ]\n}'),
    ],
)
def test_relisted(text: str, expected: str) -> None:
    json_text = parsed(text)
    place = json_text.members["a"]
    first, _, third = json_text.items_of(place)
    assert after(text, json_text.relisted(place, [first, third, 9])) == expected
    assert json.loads(after(text, json_text.relisted(place, []))) == {"a": []}


def test_a_list_of_one_grows() -> None:
    for text, expected in (
        ('{"a":[1]}', '{"a":[1, 2]}'),
        ('{"a":[\n1\n]}', '{"a":[\n1,\n2\n]}'),
        ('{"a":[]}', '{"a":[2]}'),
    ):
        json_text = parsed(text)
        place = json_text.members["a"]
        assert after(text, json_text.relisted(place, [*json_text.items_of(place), 2])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{\n  "x": true\n}'),
        ("{ }", '{\n  "x": true\n}'),
        ('{"a":1}', '{"a":1, "x": true}'),
        ('{ "a": 1 }', '{ "a": 1, "x": true }'),
        ('{\n    "a": 1,\n    "b": {}\n}', '{\n    "a": 1,\n    "b": {},\n    "x": true\n}'),
    ],
)
def test_added(text: str, expected: str) -> None:
    assert after(text, parsed(text).added("x", True)) == expected
    assert after(text, *[Edit(0, 0, b" ")]) == f" {text}"


def test_added_within() -> None:
    text = '{"a": {"b": [{}, {"é": "東"}]}}'
    json_text = parsed(text)
    empty, last = json_text.items_of(json_text.members_of(json_text.members["a"])["b"])
    edits = [json_text.added("x", "東", last), json_text.added("x", 1, empty)]
    assert json.loads(after(text, *edits)) == {"a": {"b": [{"x": 1}, {"é": "東", "x": "東"}]}}
    assert json_text.string(json_text.members_of(last)["Ã©"]) == "東", "keys are read byte by byte"


def test_the_last_of_equal_keys_counts() -> None:
    text = '{"a": 1, "a": 2}'
    json_text = parsed(text)
    assert after(text, json_text.replaced(json_text.members["a"], 3)) == '{"a": 1, "a": 3}'


def test_edits_that_overlap() -> None:
    with pytest.raises(ValueError):
        edited(b"abcdef", [Edit(0, 3, b""), Edit(2, 4, b"")])
    assert edited(b"abcdef", [Edit(3, 3, b"x"), Edit(3, 4, b""), Edit(0, 3, b"y")]) == b"yxef"


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
STYLES = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 4, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", ": ")]),
    }
)


@given(value=st.dictionaries(st.text(max_size=4), VALUES, max_size=5), new=VALUES, style=STYLES, data=st.data())
def test_any_json(value: dict[str, Any], new: Any, style: dict[str, Any], data: st.DataObject) -> None:
    """Each edit, in each place: the value is the one meant, and what is not edited is spelled as it was."""
    text = json.dumps({**value, "list": [1, "é"]}, **style)
    json_text = parsed(text)
    keys = (
        [key.encode("utf-8", "surrogatepass").decode("latin-1") for key in value] if not style["ensure_ascii"] else []
    )
    for key in [*keys, "list"]:
        name = key.encode("latin-1").decode("utf-8", "surrogatepass")
        place = json_text.members[key]
        expected = {**value, "list": [1, "é"], name: new}
        changed = after(text, json_text.replaced(place, new))
        assert json.loads(changed) == expected
        assert list(json.loads(changed)) == list(expected)
        assert changed.encode()[: place.start] == text.encode()[: place.start]
        assert changed.encode().endswith(text.encode()[place.end :])
    place = json_text.members["list"]
    items: list[Any] = json_text.items_of(place)
    at = data.draw(st.integers(0, 2))
    assert json.loads(after(text, json_text.inserted(place, at, [new, 5])))["list"] == [
        *[1, "é"][:at],
        new,
        5,
        *[1, "é"][at:],
    ]
    assert json.loads(after(text, json_text.relisted(place, [items[1], new])))["list"] == ["é", new]
    assert json.loads(after(text, json_text.added("\x00x", new)))["\x00x"] == new


@given(text=st.text('{}[]":,\\ \n1-etrufalsn\xe9', max_size=20))
def test_what_python_reads_is_read(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        assert set(parsed(text).members) == {key.encode().decode("latin-1") for key in value}
    else:
        with pytest.raises(BadJson):
            parsed(text)


def test_a_number_that_python_does_not_convert() -> None:
    with pytest.raises(BadJson, match="digits"):
        parsed(f'{{"a": {"1" * 10_000}}}')


def test_places() -> None:
    text = '{"a": [1, {"b": "x"}]}'
    json_text = parsed(text)
    place = json_text.members["a"]
    assert place == Place([1, {"b": "x"}], 6, 21)
    assert text[place.start : place.end] == '[1, {"b": "x"}]'
