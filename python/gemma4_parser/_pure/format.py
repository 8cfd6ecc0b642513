"""Arguments as the chat template prints them: the language that the model has learnt to write."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from .ids import type_name, typed, without_surrogates

MAX_DEPTH = 256
"""Arguments may be nested as deep as the parser accepts them; the arguments themselves are depth 1."""


class _Level:
    """An array or object that is being read: what it was made from, and what has been read so far."""

    def __init__(self, value: Any) -> None:
        self.is_array, self.key = isinstance(value, list | tuple), ""
        self.rest: Iterator[Any] = iter(value if self.is_array else value.items())
        self.done: list[tuple[str, str]] = []

    def text(self) -> str:
        """Keys in the order of Jinja's `dictsort`."""
        if self.is_array:
            return f"[{','.join(text for _, text in self.done)}]"
        return f"{{{','.join(f'{key}:{text}' for key, text in sorted(self.done, key=lambda pair: pair[0].lower()))}}}"


def format_arguments(mapping: Mapping[str, Any]) -> str:
    """What the chat template prints between the braces of a call with these arguments; the inverse of parse_arguments.

    mapping: from str to None, bool, int, float, Decimal, str, list, tuple and further mappings. Keys are
    sorted by their lower-cased text at every level; strings stand raw between delimiters.
    Raises TypeError for any other type, naming its place, and ValueError beyond a depth of 256.
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"arguments must be a mapping, not {type_name(mapping)}")
    open_levels = [_Level(mapping)]
    while True:
        level = open_levels[-1]
        for value in level.rest:
            if not level.is_array:
                if len(typed(value, tuple)) != 2:
                    raise ValueError(f"expected tuple of length 2, but got tuple of length {len(value)}")
                key, value = value
                if not isinstance(key, str):
                    raise TypeError(f"{_place(open_levels[:-1])} has a key of type {type_name(key)}")
                level.key = without_surrogates(key)
            if isinstance(value, list | tuple | Mapping):
                deeper = _Level(value)
                if len(open_levels) == MAX_DEPTH:
                    raise ValueError(f"arguments are nested deeper than {MAX_DEPTH}")
                open_levels.append(deeper)
                break
            text = _scalar(value)
            if text is None:
                place = _place(open_levels)
                raise TypeError(f"{place} is of type {type_name(value)}, which the format cannot carry")
            level.done.append((level.key, text))
        else:
            text = open_levels.pop().text()
            if not open_levels:
                return text[1:-1]
            open_levels[-1].done.append((open_levels[-1].key, text))


def _place(levels: list[_Level]) -> str:
    return "arguments" + "".join(f"[{len(level.done) if level.is_array else repr(level.key)}]" for level in levels)


def _scalar(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'<|"|>{without_surrogates(value)}<|"|>'
    if isinstance(value, int):
        # The type's own `__repr__`: a subclass (an enum) prints its name. Beyond Python's digit limit, Decimal does.
        try:
            return int.__repr__(value)
        except ValueError:
            return str(Decimal(value))
    return float.__repr__(value) if isinstance(value, float) else str(value) if isinstance(value, Decimal) else None
