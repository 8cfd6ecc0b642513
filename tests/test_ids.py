"""What `push`, `parse`, `decode` and `start_of` take as token ids, and what they refuse."""

from __future__ import annotations

import array
import ctypes
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from helpers import CONTROL_IDS, merge_events, tokenise

TEXT = "<|channel>thought\nHm\n<channel|>Grüße 😀 from 東京" + '<|tool_call>call:f{a:<|"|>é<|"|>}<tool_call|>'
IDS = tokenise(TEXT)
A, B = tokenise("a") + tokenise("b")


def ctypes_array(kind: Any) -> Callable[[list[int]], Any]:
    return lambda ids: (kind * len(ids))(*ids)


FORMS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "list subclass": type("Ids", (list,), {}),
    "list of numpy scalars": lambda ids: [np.int64(token) for token in ids],
    **{f"array {code}": partial(array.array, code) for code in "iIlLqQ"},
    **{f"numpy {kind}": partial(np.array, dtype=kind) for kind in ("u4", "i4", "i8", "u8")},
    "numpy int": lambda ids: np.array(ids, dtype=int),
    "numpy big-endian": lambda ids: np.array(ids, dtype=">u4"),
    "numpy little-endian": lambda ids: np.array(ids, dtype="<i8"),
    "numpy read-only": lambda ids: np.frombuffer(np.array(ids, dtype="u4").tobytes(), dtype="u4"),
    "numpy unaligned": lambda ids: np.frombuffer(b"x" + np.array(ids, dtype="u4").tobytes(), dtype="u4", offset=1),
    "numpy slice": lambda ids: np.array([7, *ids, 7], dtype="i8")[1:-1],
    "memoryview": lambda ids: memoryview(array.array("I", ids)),
    "ctypes u32": ctypes_array(ctypes.c_uint32),
    "ctypes i64": ctypes_array(ctypes.c_int64),
}


@pytest.fixture
def stream(impl: ModuleType, vocabulary: Any) -> Any:
    return impl.StreamParser(vocabulary)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [0, 1, 2, 15, 16, 17, len(IDS), 5_000])
def test_forms(impl: ModuleType, vocabulary: Any, form: str, length: int) -> None:
    ids = (IDS * (length // len(IDS) + 1))[:length]
    given = FORMS[form](ids)
    expected = impl.StreamParser(vocabulary).push(ids)
    assert impl.StreamParser(vocabulary).push(given) == expected
    assert impl.parse(given, vocabulary) == impl.parse(ids, vocabulary)
    assert vocabulary.decode(given) == vocabulary.decode(ids)
    assert impl.StreamParser.start_of(given, vocabulary) == impl.StreamParser.start_of(ids, vocabulary)


def test_one_id(impl: ModuleType, stream: Any, vocabulary: Any) -> None:
    class Token(int):
        pass

    class Index:
        def __index__(self) -> int:
            return A

    for one in (A, Token(A), Index(), np.uint32(A), np.int64(A), np.array(A), np.int16(A)):
        assert stream.push(one) == [impl.Event("content", "a")]
        assert stream.push([one, B]) == [impl.Event("content", "ab")]
    assert vocabulary.decode(A) == "a"
    assert impl.parse(A, vocabulary).content == "a"


def test_a_bool_is_an_int(impl: ModuleType, stream: Any) -> None:
    assert CONTROL_IDS["<eos>"] == 1
    assert stream.push([A, True]) == [impl.Event("content", "a")]
    assert stream.ended


def test_one_by_one_equals_all_at_once(impl: ModuleType, vocabulary: Any) -> None:
    one, all_at_once = impl.StreamParser(vocabulary), impl.StreamParser(vocabulary)
    assert merge_events([event for token in IDS for event in one.push(token)]) == merge_events(all_at_once.push(IDS))


@pytest.mark.parametrize(
    "wrong",
    [
        *(-1, [-1], (A, -1), [2**32], [2**63], [2**64], 2**32, -(2**100), 10**5000),
        *(np.array([-1]), np.array([A, -1], dtype="i4"), np.array([2**32]), np.array([2**64 - 1], dtype="u8")),
        *(np.int64(-1), array.array("q", [A, -(2**40)])),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_out_of_range(impl: ModuleType, vocabulary: Any, stream: Any, wrong: Any) -> None:
    for call in (stream.push, vocabulary.decode, lambda ids: impl.parse(ids, vocabulary)):
        with pytest.raises(ValueError, match="token id"):
            call(wrong)
    assert stream.push(A) == [impl.Event("content", "a")]


def test_errors_name_the_id(stream: Any) -> None:
    with pytest.raises(ValueError, match=r"token id -5 is negative"):
        stream.push([A, -5])
    with pytest.raises(ValueError, match=r"token id -5 is negative"):
        stream.push(np.array([A, -5]))
    with pytest.raises(ValueError, match=r"token id 4294967296 does not fit"):
        stream.push(2**32)
    with pytest.raises(ValueError, match=r"token id 99999 "):
        stream.push([A, 99_999])


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, 1.0, [1.0], "1", ["1"], b"\1\2\3\4", bytearray(4), memoryview(b"1234"), {A}, {A: B}, range(3)),
        *(object(), iter([A]), [[A]], [None], (tok for tok in [A])),
        *(np.array([1.0]), np.array([1], dtype="i2"), np.array([1], dtype="u1"), np.array([True]), np.float64(1)),
        *(np.array([1], dtype=object), np.array(["a"]), np.array([1.5], dtype="f4"), array.array("d", [1.0])),
        *(np.array([1], dtype="M8[s]"), np.zeros(3, dtype=[("a", "u4")]), np.zeros(2, dtype="V0")),
        array.array("H", [1]),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_no_ids(impl: ModuleType, vocabulary: Any, stream: Any, wrong: Any) -> None:
    for call in (stream.push, vocabulary.decode):
        with pytest.raises(TypeError, match="token id"):
            call(wrong)
    assert stream.push(A) == [impl.Event("content", "a")]


@pytest.mark.parametrize(
    "wrong",
    [
        np.arange(10)[::2],
        np.arange(10)[::-1],
        np.arange(4).reshape(2, 2),
        np.asfortranarray(np.arange(4).reshape(2, 2)),
        np.arange(8, dtype="u4").reshape(2, 2, 2)[:, 0],
        np.zeros((0, 3), dtype="u4"),
        memoryview(array.array("I", range(8)))[::2],
    ],
    ids=["step 2", "reversed", "2-D", "2-D Fortran", "2-D strided", "2-D empty", "memoryview step 2"],
)
def test_wrong_shape(impl: ModuleType, stream: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="one-dimensional contiguous buffer"):
        stream.push(wrong)
    assert stream.push(A) == [impl.Event("content", "a")]


def test_unknown_id_leaves_the_stream_as_it_was(impl: ModuleType, vocabulary: Any, stream: Any) -> None:
    emoji = tokenise("😀", words=False)
    stream.push(emoji[:2])
    for wrong in ([*emoji[2:], 99_999], 99_999, [99_999, *emoji], np.array([99_999])):
        with pytest.raises(ValueError, match="99999"):
            stream.push(wrong)
    assert stream.push(emoji[2:]) == [impl.Event("content", "😀")]
    fresh = impl.StreamParser(vocabulary)
    with pytest.raises(ValueError):
        fresh.push([A, 99_999])
    assert fresh.push_text("x") == [impl.Event("content", "x")], "not even the form of input is settled"


def test_arrays_are_not_walked(impl: ModuleType, stream: Any) -> None:
    """An array of a subclass that counts how often it is asked for an item or an iterator."""
    asked: list[str] = []

    class Counting(np.ndarray[Any, Any]):
        def __getitem__(self, key: Any) -> Any:
            asked.append("item")
            return super().__getitem__(key)

        def __iter__(self) -> Any:
            asked.append("iterator")
            return super().__iter__()

        def __len__(self) -> int:
            asked.append("length")
            return super().__len__()

    counting = np.array(tokenise("hello " * 1000)).view(Counting)
    assert stream.push(counting) == [impl.Event("content", "hello " * 1000)]
    assert asked == []
    assert list(counting[:1])
    assert asked, "the counter counts"


def test_a_list_that_changes_meanwhile(impl: ModuleType, stream: Any) -> None:
    """Reading an item may run code; whatever that does to the list, nothing worse than other ids comes of it."""
    ids: list[Any] = []

    class Clears:
        def __index__(self) -> int:
            ids.clear()
            return A

    ids += [B, Clears(), B, B]
    assert stream.push(ids) == [impl.Event("content", "ba")]

    class Grows:
        def __index__(self) -> int:
            ids.extend([B] * 100)
            return A

    ids[:] = [Grows(), B]
    assert stream.push(ids)[0].text.startswith("ab")


def test_an_index_that_raises(stream: Any) -> None:
    class Raises:
        def __index__(self) -> int:
            raise KeyError("mine")

    for wrong in (Raises(), [Raises()], (A, Raises())):
        with pytest.raises(KeyError, match="mine"):
            stream.push(wrong)
