"""Python values as the rest wants them: JSON's types, numbers by their spelling, texts without lone surrogates."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from .ids import type_name, typed, without_surrogates
from .json import Number

MAX_DEPTH = 256
"""Values may be nested as deep as the parser accepts arguments; the outermost list or mapping is depth 1."""


class Pairs(dict[str, Any]):
    """A mapping in which keys are equal: a lookup finds the last, `pairs` has all, in order."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


class Level:
    """A list or mapping in the making; of a mapping with the key that waits for its value."""

    __slots__ = ("doubled", "items", "key", "pairs")

    def __init__(self, is_list: bool) -> None:
        self.items: list[Any] | None = [] if is_list else None
        self.pairs: list[tuple[str, Any]] = []
        self.key = ""

    def add(self, value: Any) -> None:
        """The next item, or the value of the key."""
        if self.items is None:
            self.pairs.append((self.key, value))
        else:
            self.items.append(value)

    def close(self) -> Any:
        """The list, or the mapping."""
        if self.items is not None:
            return self.items
        mapping = dict(self.pairs)
        return mapping if len(mapping) == len(self.pairs) else Pairs(self.pairs)

    def step(self) -> str:
        """Where the value that comes next stands in it."""
        return f"[{repr(self.key) if self.items is None else len(self.items)}]"


def plain(root: Any, name: str, *, models: bool = False) -> Any:
    """A list, tuple or mapping, with all that is in it, as None, bool, `Number`, str, list and dict.

    name: what errors call it. models: take for an object with `model_dump()`, as pydantic's, what that returns.
    Raises TypeError for any other type, naming its place, and ValueError where it is nested deeper than 256.
    """
    open_levels = [Level(isinstance(root, list | tuple))]
    rests: list[Iterator[Any]] = [_rest(root)]
    while True:
        level = open_levels[-1]
        for value in rests[-1]:
            if level.items is None:
                if len(typed(value, tuple)) != 2:
                    raise ValueError(f"expected tuple of length 2, but got tuple of length {len(value)}")
                key, value = value
                if type(key) is not str or not key.isascii():
                    if not isinstance(key, str):
                        raise TypeError(f"{_place(name, open_levels[:-1])} has a key of type {type_name(key)}")
                    key = without_surrogates(key)
                level.key = key
            kind = type(value)
            if kind is str:
                level.add(value if value.isascii() else without_surrogates(value))
                continue
            if value is None or kind is bool:
                level.add(value)
                continue
            if kind is not dict and kind is not list:
                scalar = _scalar(value)
                if scalar is not None:
                    level.add(scalar)
                    continue
                if models and not isinstance(value, list | tuple | Mapping | type):
                    dump = getattr(value, "model_dump", None)
                    value = dump() if callable(dump) else value
                if not isinstance(value, list | tuple | Mapping):
                    place = _place(name, open_levels)
                    raise TypeError(f"{place} is of type {type_name(value)}, which the format cannot carry")
            rest = _rest(value)
            if len(open_levels) == MAX_DEPTH:
                raise ValueError(f"{name} are nested deeper than {MAX_DEPTH}")
            open_levels.append(Level(isinstance(value, list | tuple)))
            rests.append(rest)
            break
        else:
            rests.pop()
            done = open_levels.pop().close()
            if not open_levels:
                return done
            open_levels[-1].add(done)


def _rest(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list | tuple) else value.items())


def _place(name: str, levels: list[Level]) -> str:
    return name + "".join(level.step() for level in levels)


def _scalar(value: Any) -> str | None:
    """The text or number of any other type than the exact ones; None for what is neither."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, int):
        # The type's own `__repr__`: a subclass (an enum) prints its name. Beyond Python's digit limit, Decimal does.
        try:
            return Number(int.__repr__(value))
        except ValueError:
            return Number(Decimal(value))
    if isinstance(value, float):
        return Number(float.__repr__(value))
    return Number(value) if isinstance(value, Decimal) else None
