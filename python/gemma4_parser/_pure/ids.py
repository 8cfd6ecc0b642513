"""Token ids, text and types from Python, as the extension takes and refuses them."""

import re
import struct
from contextlib import suppress
from itertools import islice
from operator import index
from typing import Any, TypeVar

Ids = list[int] | tuple[int, ...]
T = TypeVar("T")
_MAX = (1 << 32) - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_ACCEPTED = "token ids must be an int, a list, a tuple or a one-dimensional contiguous buffer of 32- or 64-bit integers"


def read_ids(ids: Any) -> Ids:
    """The ids. TypeError for what holds none, ValueError for those below 0 or above 32 bits and for other shapes."""
    if type(ids) is int:
        return (id_of(ids),)
    if isinstance(ids, list | tuple):
        exact = type(ids) is list or type(ids) is tuple
        same = [item for item in ids if type(item) is int and 0 <= item <= _MAX] if exact else []
        if exact and len(same) == len(ids):
            return same
        items = list.__iter__(ids) if isinstance(ids, list) else tuple.__iter__(ids)
        return [id_of(item) for item in islice(items, len(ids))]
    error, view = None, None
    if not isinstance(ids, str | bytes | bytearray):
        with suppress(Exception):
            view = memoryview(ids)
        if view is not None and view.ndim > 0:
            with view:
                return _elements(view)
        try:
            # What is left is one id at best: a bool, a scalar of an array library.
            return (id_of(ids),)
        except TypeError as cause:
            error = cause
    raise TypeError(f"{_ACCEPTED}, not '{type_name(ids)}'") from error


def _elements(view: memoryview) -> Ids:
    code = view.format
    if not re.fullmatch("@?[iIlLqQnN]|[=<>!][iIlLqQ]", code):
        raise TypeError(f"{_ACCEPTED}, not a buffer of format '{code}'")
    if view.ndim != 1 or (view.nbytes and not view.c_contiguous):
        shape = "is strided" if view.ndim == 1 else f"has {view.ndim} dimensions"
        raise ValueError(f"{_ACCEPTED}; this buffer {shape}")
    return read_ids(struct.unpack(f"{code[:-1]}{len(view)}{code[-1]}", view.tobytes()))


def id_of(item: Any) -> int:
    """One id: an int, or what Python itself would take as an index."""
    try:
        number = index(item)
    except TypeError:
        if hasattr(item, "__index__"):
            raise
        raise TypeError(f"a token id must be an int, not '{type_name(item)}'") from None
    if 0 <= number <= _MAX:
        return number
    spelled = "of thousands of digits"
    with suppress(ValueError):
        spelled = str(number)
    raise ValueError(f"token id {spelled} {'is negative' if spelled[0] == '-' else 'does not fit into 32 bits'}")


def type_name(value: object) -> str:
    """The name of the value's type, for messages."""
    return type(value).__name__


def typed(value: Any, kind: type[T]) -> T:
    """The value, which must be of this type; a bool of numpy is one."""
    if isinstance(value, kind):
        return value
    if kind is bool and type(value).__module__ == "numpy" and type_name(value) in ("bool", "bool_"):
        value = bool(value)
        return value  # type: ignore[no-any-return]
    name = "'None'" if value is None else f"'{type(value).__qualname__}' object"
    raise TypeError(f"{name} is not an instance of '{kind.__qualname__}'")


def word(text: Any) -> str:
    """A word that Rust could read: UnicodeEncodeError for a lone surrogate."""
    return str.encode(typed(text, str)).decode()


def without_surrogates(text: str) -> str:
    """The text as an exact str, with U+FFFD for each lone surrogate."""
    return str.__str__(text) if text.isascii() else _SURROGATE.sub("\ufffd", text)
