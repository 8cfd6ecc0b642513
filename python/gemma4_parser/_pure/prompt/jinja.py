"""Values as Jinja's language sees them: what the official template does with what it does not expect."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..format import pairs_of, walk
from ..json import Number


class Undefined:
    """What is not there: it is false, prints as nothing, and a loop over it is empty."""

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())


UNDEFINED = Undefined()

_WORDS = {None: "None", True: "True", False: "False"}
# What `repr` escapes, under every version of Unicode: controls, formats, separators and private use.
_UNPRINTABLE = (
    "\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000f0000-\U0010ffff"
)
_ESCAPED = re.compile(f"[\\\\{_UNPRINTABLE}]")
_SHORT = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def item(value: Any, key: str) -> Any:
    """`value[key]` of a value that is not itself undefined."""
    return value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED


def truth(value: Any) -> bool:
    """Whether `if` takes it for true."""
    return not is_zero(value) if type(value) is Number else bool(value)


def is_zero(number: str) -> bool:
    """Whether a number is zero, whatever its spelling; infinities and NaN are not."""
    return not re.match("[^eE]*[1-9a-df-zA-DF-Z]", number)


def string(value: Any) -> str:
    """What is printed: Python's `str`."""
    if isinstance(value, str):
        return str(value)
    if value is UNDEFINED:
        return ""
    if isinstance(value, list | dict):
        out: list[str] = []
        walk(
            value, out, _scalar, lambda mapping: (((_repr(key), ": "), inner) for key, inner in pairs_of(mapping)), ", "
        )
        return "".join(out)
    return _WORDS[value]


def _scalar(value: Any) -> Iterable[str]:
    if type(value) is str:
        return (_repr(value),)
    return (value if type(value) is Number else _WORDS[value],)


def _repr(text: str) -> str:
    """Python's `repr` of a str, the same under every version of Unicode."""
    escaped = _ESCAPED.sub(_escape, text)
    if "'" in text and '"' not in text:
        return f'"{escaped}"'
    return "'" + escaped.replace("'", "\\'") + "'"


def _escape(found: re.Match[str]) -> str:
    character, number = found[0], ord(found[0])
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def items(value: Any) -> list[Any] | None:
    """What `for` goes over; None where it cannot."""
    if isinstance(value, list):
        return value
    return list(value) if type(value) is str or isinstance(value, dict | Undefined) else None


def contains(value: Any, key: str) -> bool | None:
    """`key in value`; None where that is an error."""
    return key in value if type(value) is str or isinstance(value, list | dict) else None


def equality(value: Any) -> Any:
    """An object that is equal to that of another value where Python's values are."""
    if value is True or value is False:
        value = Number(int(value))
    if type(value) is Number:
        return _number(value)
    if isinstance(value, list | dict):
        return (string(value),)
    return value


def _number(spelling: str) -> Any:
    found = re.fullmatch(r"(-?)(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?", spelling)
    if found is None:
        # Infinities are equal to themselves, what is no number to nothing.
        return object() if "nan" in spelling.lower() else (spelling.lower().removesuffix("inity"),)
    sign, whole, fraction, exponent = found.groups()
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return (0,)
    power = int(exponent or 0) - len(fraction) + len(digits) - len(digits.rstrip("0"))
    return sign, digits.rstrip("0"), power
