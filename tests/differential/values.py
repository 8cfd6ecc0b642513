"""Python values: arguments to be formatted, and what is given where token ids, options or pieces should be."""

from __future__ import annotations

import array
import ctypes
import enum
import math
from collections import OrderedDict, UserDict
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from differential.outputs import DATA, MARKERS, ODD_KEYS, SURROGATES
from differential.schemas import KEYS
from differential.tape import Tape


class Colour(enum.IntEnum):
    RED = 1


class Word(str):
    pass


class Half(float):
    def __repr__(self) -> str:
        return "half"


class Index:
    """What Python takes as an index."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class Broken:
    """An index that fails."""

    def __index__(self) -> int:
        raise LookupError("no index")


class NoIndex:
    """An index that is none."""

    def __index__(self) -> int:
        raise TypeError("not today")


class OddItems(dict[str, Any]):
    """A dict whose pairs are something else."""

    def __init__(self, *items: Any) -> None:
        super().__init__(a=1)
        self.given = items

    def items(self) -> Any:
        return self.given[0]


class Bad:
    """Nothing but a length: neither list nor mapping."""

    def __len__(self) -> int:
        return 1


# fmt: off
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -7, 10**30, -(10**5000), 2**63, 0.0, -0.0, 1.5, 1e20, 1e-7, 1e16, 123456789.123456789,
    5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, Decimal("1.50"), Decimal("1E+3"), Decimal("NaN"),
    Decimal("-0"), Decimal("Infinity"), Decimal("1e-400"), Colour.RED, Word("w"), Half(0.5), np.float64(1.5), "", "x",
    "true", "5", "null",
)
ODD_SCALARS: tuple[Any, ...] = (
    b"x", bytearray(b"x"), {1, 2}, frozenset(), object, Bad(), np.int64(1), np.array([1]), np.bool_(True), range(3), 1j,
    Fraction(1, 2), ..., iter([1]), memoryview(b"x"), array.array("i", [1]), np.str_("s"), Index(1), print,
    NotImplemented,
)
# fmt: on


def text(tape: Tape) -> str:
    """A string: any data, markers, lone surrogates."""
    parts = [tape.pick(DATA) for _ in range(tape.below(5))]
    if tape.chance(6):
        parts.append(tape.pick((*MARKERS, *SURROGATES, '<|"|>', "İ", "ß", "ǅ", "Σ", "ﬁ", "\U0001d4b3", "ẞ", "K")))
    return "".join(parts)


def key(tape: Tape) -> Any:
    """A key of arguments, rarely one that is no string."""
    if tape.chance(40):
        return tape.pick((1, None, True, 1.5, b"k", ("a",), Word("A")))
    choice = tape.below(4)
    if choice == 2:
        return tape.pick(("B", "aKey", "a_key", "_", "É", "İ", "Ω", *ODD_KEYS))
    return text(tape) if choice == 3 else tape.pick(KEYS)


def value(tape: Tape, depth: int = 0) -> Any:
    """A value of arguments, rarely one that the format cannot carry."""
    match tape.below(10 if depth < 5 else 6):
        case 0 | 1:
            return tape.pick(SCALARS)
        case 6 | 7:
            items = [value(tape, depth + 1) for _ in range(tape.below(4))]
            return tuple(items) if tape.chance(4) else items
        case 8 | 9:
            return mapping(tape, depth + 1)
        case 5 if tape.chance(12):
            return tape.pick(ODD_SCALARS)
        case _:
            return text(tape)


def mapping(tape: Tape, depth: int = 0) -> Any:
    """A mapping of one kind or another."""
    made = {key(tape): value(tape, depth) for _ in range(tape.below(5))}
    match tape.below(12):
        case 9:
            return OrderedDict(made)
        case 10:
            return UserDict(made)
        case 11:
            return MappingProxyType(made)
        case _:
            return made


def arguments(tape: Tape) -> Any:
    """What `format_arguments` is given."""
    if tape.chance(40):
        return tape.pick(
            (None, "a", [("a", 1)], 5, b"x", {1}, nested(257), nested(256), within_itself(), Bad(), dict, *ODD_ITEMS)
        )
    return mapping(tape)


ODD_ITEMS = tuple(
    OddItems(items) for items in (None, 5, [5], [(1,)], [("a", 1, 2)], [("a",)], "ab", [["a", 1]], [("a", 1)])
)
"""Arguments whose pairs are no pairs, and one that is well."""


def nested(depth: int) -> dict[str, Any]:
    """Arguments of this depth; they themselves are 1."""
    made: Any = []
    for level in range(depth - 2):
        made = [made] if level % 2 else {"a": made}
    return {"a": made}


def within_itself() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["a"] = [circle]
    return circle


def ids(tape: Tape, number: int) -> Any:
    """The id `number` in any form that is taken or refused."""
    return ID_FORMS[tape.below(len(ID_FORMS))](number)


# fmt: off
ID_FORMS: tuple[Any, ...] = (
    lambda n: n, lambda n: [n], lambda n: (n,), lambda n: [n, n], lambda n: array.array("I", [n]), lambda n: [],
    lambda n: array.array("q", [n, -n]), lambda n: array.array("Q", [n]), lambda n: array.array("i", [n]),
    lambda n: array.array("H", [1]), lambda n: array.array("d", [1.0]), lambda n: array.array("B", [1]), lambda n: -n,
    lambda n: [n, -1], lambda n: (n, 2**32), lambda n: 2**64, lambda n: -(2**70), lambda n: 10**5000, lambda n: True,
    lambda n: [True, False], lambda n: 1.0, lambda n: [n, 1.0], lambda n: [n, None], lambda n: None, lambda n: "1",
    lambda n: ["1"], lambda n: b"\1\0\0\0", lambda n: bytearray(4), lambda n: memoryview(b"1234"), lambda n: {n},
    lambda n: {n: n}, lambda n: range(n, n + 2), lambda n: iter([n]), lambda n: [[n]], lambda n: Index(n),
    lambda n: [Index(-1)], lambda n: Broken(), lambda n: [Broken()], lambda n: NoIndex(), lambda n: [NoIndex()],
    lambda n: object(), lambda n: np.array([n], dtype="u4"), lambda n: np.array([n, n], dtype=">i8"),
    lambda n: np.array([[n]], dtype="u4"), lambda n: np.array(n), lambda n: np.int64(n),
    lambda n: np.array([n, 0, n, 0], dtype="u8")[::2], lambda n: np.array([n], dtype="i2"), lambda n: np.array([True]),
    lambda n: np.array([-1]), lambda n: np.array([2**40]), lambda n: np.array([1.0]),
    lambda n: [np.uint8(1), np.int64(n)], lambda n: (ctypes.c_uint32 * 2)(n, n), lambda n: (ctypes.c_int64 * 1)(-5),
    lambda n: (ctypes.c_float * 1)(1.0), lambda n: memoryview(array.array("I", [n, n])),
    lambda n: memoryview(array.array("I", [n, n, n]))[::2], lambda n: memoryview(array.array("I", [n, n])).cast("B"),
    lambda n: [n, 99_999_999], lambda n: 4_294_967_295, lambda n: Colour.RED, lambda n: np.array([], dtype="u4"),
    lambda n: np.array([n], dtype=object), lambda n: np.zeros((0, 2), "u4"), lambda n: np.array([n], dtype="<u4"),
    lambda n: np.frombuffer(b"x" + np.array([n], "u4").tobytes(), dtype="u4", offset=1),
)
TEXTS: tuple[Any, ...] = (
    "", "x", "\ud800", Word("<|tool_call>call:f{}"), None, b"x", 5, ["x"], bytearray(b"x"), object(),
)
"""What `push_text` is given."""

WORDS: tuple[Any, ...] = (
    "stop", "length", "abort", "content", "reasoning", "Stop", "", "eos", "\ud800", "a'b", None, 5, b"stop",
    Word("stop"),
)
"""What `finish` and `reset` are given."""

FLAGS: tuple[Any, ...] = (True, False, None, 0, 1, "yes", np.bool_(True), 1.0, [])
"""What is given for a flag."""
# fmt: on
