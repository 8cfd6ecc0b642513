"""JSON both ways, for both implementations: lists of tools in, values of arguments out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["json_value", "tools_json"]


def json_value(text: str) -> Any:
    """The Python value of a JSON text; of equal keys the last one wins.

    Numbers are int and float. One that these cannot hold (more digits than Python converts, a float beyond infinity)
    is a `Decimal`, and an infinite one where its exponent is beyond that as well.
    """
    return json.loads(text, parse_int=_int, parse_float=_float)


def _int(digits: str) -> int | Decimal:
    try:
        return int(digits)
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return Decimal(digits)


def _float(spelling: str) -> float | Decimal:
    value = float(spelling)
    if not math.isinf(value):
        return value
    try:
        number = Decimal(spelling)
    except InvalidOperation:
        number = Decimal("NaN")
    return Decimal(str(value)) if number.is_nan() else number


def tools_json(tools: object) -> str:
    """A list of tools as JSON text: dicts, or objects with `model_dump()` or `dict()` as pydantic's have.

    Raises `TypeError` where it is no list or holds what JSON cannot, `ValueError` for numbers that JSON has not and for
    a list that contains itself.
    """
    if not isinstance(tools, list | tuple):
        raise TypeError(f"tools must be a list of dicts or None, not {type(tools).__name__}")
    try:
        return json.dumps(tools, default=_as_dict, allow_nan=False)
    except TypeError as error:
        raise TypeError(f"tools cannot be written as JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"tools cannot be written as JSON: {error}") from error


def _as_dict(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    for name in ("model_dump", "dict"):
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            return method()
    raise TypeError(f"{type(value).__name__} is neither a dict nor a model")
