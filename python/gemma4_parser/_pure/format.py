"""Values as the chat template prints them: the language that the model has learnt to write."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .convert import Pairs, plain
from .ids import type_name
from .json import Number
from .token import DELIMITER


class Control(str):
    """The literal of a control token where it is one, unlike the same characters in a text."""

    __slots__ = ()


_DELIMITER = Control(DELIMITER.literal)


def format_arguments(mapping: Mapping[str, Any]) -> str:
    """What the chat template prints between the braces of a call with these arguments; the inverse of parse_arguments.

    mapping: from str to None, bool, int, float, Decimal, str, list, tuple and further mappings. Keys are
    sorted by their lower-cased text at every level; strings stand raw between delimiters.
    Raises TypeError for any other type, naming its place, and ValueError beyond a depth of 256.
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"arguments must be a mapping, not {type_name(mapping)}")
    out: list[str] = []
    print_value(plain(mapping, "arguments"), out)
    return "".join(out)[1:-1]


def pairs_of(mapping: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The pairs in their order, also those of equal keys."""
    return mapping.pairs if type(mapping) is Pairs else mapping.items()


def dictsort(mapping: dict[str, Any]) -> list[tuple[str, Any]]:
    """The pairs in the order of Jinja's filter of that name: by the lower-cased keys, equal ones as they are."""
    return sorted(pairs_of(mapping), key=lambda pair: pair[0].lower())


def print_value(value: Any, out: list[str], *, quoted: bool = False) -> None:
    """Appends the pieces of a plain value; `quoted` puts the keys of mappings between delimiters."""
    key = _quoted_key if quoted else _bare_key
    walk(value, out, _scalar, lambda mapping: ((key(name), item) for name, item in dictsort(mapping)), ",")


def walk(
    value: Any,
    out: list[str],
    scalar: Callable[[Any], Iterable[str]],
    pairs: Callable[[dict[str, Any]], Iterable[tuple[Iterable[str], Any]]],
    comma: str,
) -> None:
    """Appends the pieces of a plain value, which may be nested: those of scalars and of keys, brackets, commas."""
    rests: list[tuple[Iterator[tuple[Iterable[str], Any]], str]] = [(iter([((), value)]), "")]
    first = True
    while rests:
        rest, close = rests[-1]
        for key, item in rest:
            if not first:
                out.append(comma)
            out.extend(key)
            first = False
            if isinstance(item, dict):
                out.append("{")
                rests.append((iter(pairs(item)), "}"))
            elif type(item) is list:
                out.append("[")
                rests.append((iter([((), inner) for inner in item]), "]"))
            else:
                out.extend(scalar(item))
                continue
            first = True
            break
        else:
            out.append(close)
            first = False
            rests.pop()


def _bare_key(key: str) -> Iterable[str]:
    return key, ":"


def _quoted_key(key: str) -> Iterable[str]:
    return _DELIMITER, key, _DELIMITER, ":"


def _scalar(value: Any) -> Iterable[str]:
    if type(value) is str:
        return _DELIMITER, value, _DELIMITER
    return (value if type(value) is Number else {None: "null", True: "true", False: "false"}[value],)
