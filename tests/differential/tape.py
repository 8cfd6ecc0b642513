"""Choices read from bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

LENGTHS = (32, 120, 300, 600)


class Tape:
    """Choices read from bytes; an exhausted tape gives zeros.

    Shorter tapes and smaller bytes give simpler things, so that a failure shrinks well; and one draw of bytes is much
    faster than a draw for each choice.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        number, wide = self._next(), limit > 256
        if wide:
            number = number << 8 | self._next()
        return number % limit if limit > 1 else 0

    def chance(self, rarity: int) -> bool:
        """True once in `rarity` (2 to 256), never on an exhausted tape."""
        return self.below(rarity) == rarity - 1

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices; the first on an exhausted tape."""
        return choices[self.below(len(choices))]

    def part(self, share: int) -> Tape:
        """A tape of one in `share` bytes of this one, which goes on behind it."""
        length = len(self._data) // share
        start, self._at = self._at, self._at + length
        return Tape(self._data[start : start + length])

    def cuts(self, length: int) -> list[int]:
        """Sorted places to cut something of this length at; some are equal."""
        if self.chance(4):
            return list(range(length + 1))
        return sorted(self.below(length + 1) for _ in range(self.below(9)))

    def _next(self) -> int:
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0


def tapes() -> st.SearchStrategy[Tape]:
    """Tapes of several lengths."""
    return st.sampled_from(LENGTHS).flatmap(lambda length: st.binary(min_size=length, max_size=length)).map(Tape)


def random_tape(source: random.Random) -> Tape:
    """The same without Hypothesis, for what only counts."""
    return Tape(source.randbytes(source.choice(LENGTHS)))
