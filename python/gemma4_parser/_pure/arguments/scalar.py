"""What an undelimited value is, and what a delimited one is under `coerce` (rule `values`)."""

import re

from ..json import is_number, reformat, write_escaped
from ..schema import ARRAY, BOOLEAN, NULL, OBJECT, Schema
from ..token import BLANKS

_WORDS = {"True": "true", "False": "false"}
# A number as people write it: `108.`, `.5`, `+5`, `007`.
_NUMBER = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?((?:[eE][+-]?[0-9]+)?)")


def is_json_scalar(text: str) -> bool:
    """`true`, `false`, `null` or a JSON number."""
    return text in ("true", "false", "null") or is_number(text)


def python_word(text: str) -> str | None:
    """The JSON for one of Python's words and their like."""
    return _WORDS.get(text) or ("null" if text.lower() in ("null", "none", "nil") else None)


def classify(text: str, schema: Schema, lenient: bool) -> tuple[str, str] | None:
    """The JSON of an undelimited text without outer blanks, and its repair or ""; None for no canonical value."""
    is_json = is_json_scalar(text)
    if schema.only_strings:
        return (write_string(text), "") if is_json or lenient else None
    if is_json:
        return text, ""
    if not lenient:
        return None
    if schema.allows_number and not schema.allows_string and _NUMBER.fullmatch(text):
        return write_number(text), ""
    word = python_word(text)
    return (word, "python_literal") if word else (write_string(text), "bare_string")


def write_number(text: str) -> str:
    """A number in JSON's spelling."""
    found = _NUMBER.fullmatch(text)
    sign, whole, fraction, exponent = found.groups() if found else ("", "", None, "")
    decimals = "" if fraction is None else "." + (fraction or "0")
    return f"{sign.strip('+')}{whole.lstrip('0') or '0'}{decimals}{exponent}"


def write_string(text: str) -> str:
    return f'"{write_escaped(text)}"'


def write_coerced(text: str, schema: Schema, lenient: bool, spaced: bool, depth: int) -> str:
    """The delimited string as the schema's types ask for; as a string where it cannot be read so."""
    inner = text.strip(BLANKS)
    coerced = None if schema.allows_string else coerce(inner, schema, lenient, spaced, depth)
    return write_string(text) if coerced is None else coerced


def coerce(text: str, schema: Schema, lenient: bool, spaced: bool, depth: int) -> str | None:
    word = text if text in ("true", "false", "null") else python_word(text) if lenient else None
    if word:
        return word if schema.types & (NULL if word == "null" else BOOLEAN) else None
    if schema.allows_number and (is_number(text) or (lenient and _NUMBER.fullmatch(text))):
        if schema.integer_only and not is_integral(text):
            return None
        return text if is_number(text) else write_number(text)
    if schema.types & {"{": OBJECT, "[": ARRAY}.get(text[:1], 0):
        return reformat(text, spaced, depth)
    return None


def is_integral(text: str) -> bool:
    """`20` and `20.0`, not `20.5`; with an exponent only where it plainly is one (`2e3`)."""
    found = _NUMBER.fullmatch(text)
    return bool(found and not (found[3] or "").strip("0") and "-" not in found[4])
