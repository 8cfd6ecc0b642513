"""JSON as the parser needs it (RFC 8259, strictly): numbers keep their spelling, nothing is recursive."""

import re
from json import JSONDecoder, JSONEncoder
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

_encode = JSONEncoder(ensure_ascii=False).encode
_decode = JSONDecoder(strict=False).decode
_SURROGATE = re.compile("[\ud800-\udfff]")
_SINGLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CLOSE = {"{": "}", "[": "]"}
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPE = r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_ESCAPES = re.compile(rf"(?:{_ESCAPE})++|\\")
_BLANKS = r"[ \t\r\n]*+"
_INSIDE = rf'"(?:[^"\\\x00-\x1f]++|{_ESCAPE})*+'
# A number, or as much of it as there is: what is complete ends in a digit.
_NUMBER = r"-?(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:[eE][+-]?[0-9]*+)?)?|[eE][+-]?[0-9]*+)?)?"
# Always found; without a token where none is complete.
_TOKEN: Any = re.compile(rf'{_BLANKS}({_INSIDE}"|[][{{}}:,]|{"|".join(_WORDS)}|{_NUMBER})')
# What a tokenizer.json is made of is one match: an array of strings and arrays of strings, an object of whole numbers.
_PAIR = rf'({_INSIDE}"){_BLANKS}:{_BLANKS}(0|[1-9][0-9]{{0,7}})'
_OBJECT = rf"{_BLANKS}\{{{_BLANKS}(?>{_PAIR}{_BLANKS}(?:,{_BLANKS}(?!\}})|(?=\}})))++\}}"
_ARRAY = rf"{_BLANKS}\[{_BLANKS}(?>(?:ITEM){_BLANKS}(?:,{_BLANKS}(?!\])|(?=\])))*+\]"
_STRINGS = _ARRAY.replace("ITEM", f'{_INSIDE}"|' + _ARRAY.replace("ITEM", f'{_INSIDE}"'))


class Number(str):
    """A number as it was spelled."""


def reformat(text: str, spaced: bool, max_depth: int) -> str | None:
    """The JSON text in our spelling; None for no JSON, an escape of a lone surrogate and what is nested deeper."""
    comma, colon = (", ", ": ") if spaced else (",", ":")
    out: list[str] = []
    reader, between = Reader(text, strict=True), ""
    try:
        for kind, value in iter(reader.pull, ("", None)):
            spelling = kind if kind in "{}[]" else value if type(value) is Number else _encode(value)
            out += "" if kind in "}]" else between, spelling
            between = {"key": colon, "{": "", "[": ""}.get(kind, comma)
            if len(reader.open) > max_depth:
                return None
    except ValueError:
        return None
    return "".join(out)


def write_escaped(text: str) -> str:
    """The inside of a JSON string: `"`, `\\` and control characters escaped, in short forms where there are some."""
    return _encode(text)[1:-1]


def unescape(inner: str) -> str | None:
    """The inside of a JSON string decoded; None where an escape is invalid, lone surrogates included."""
    try:
        # Runs of escapes, for pairs of surrogates; a backslash by itself does not decode.
        text = _ESCAPES.sub(lambda run: str(_decode(f'"{run[0]}"')), inner)
    except ValueError:
        return None
    return None if _SURROGATE.search(text) else text


def unescape_single(inner: str) -> str | None:
    """The inside of single quotes decoded: Python's escapes, unless another one occurs (rule `single_quotes`)."""
    try:
        return re.sub(r"(?s)\\(.?)", lambda found: _SINGLE[found[1]], inner)
    except KeyError:
        return None


def is_number(text: str) -> bool:
    """Whether `text` is a JSON number and nothing else."""
    return text[-1:].isdigit() and bool(re.fullmatch(_NUMBER, text))


def pointed_at(root: Any, reference: str) -> Any:
    """What a `$ref` leads to, `#` and a percent-encoded JSON pointer into `root`; None where it leads nowhere."""
    at = root
    try:
        start, *tokens = unquote_to_bytes(reference[1:]).decode().split("/")
        for key in (token.replace("~1", "/").replace("~0", "~") for token in tokens):
            at = at[int(key) if type(at) is list and key.isdecimal() and str(int(key)) == key else key]
    except (LookupError, TypeError, ValueError):
        return None
    return at if reference[:1] == "#" and not start else None


class Reader:
    """Reads JSON token by token. Raises ValueError with the place in bytes. `strict`: no escapes of lone surrogates."""

    def __init__(self, text: str, *, strict: bool = False) -> None:
        self._text, self._at, self._end, self._expect, self._strict = text, 0, 0, "value", strict
        self.open: list[str] = []

    def pull(self) -> tuple[str, Any]:
        """The next token: a bracket, or "key" or "value" and what it is; "" after the whole value."""
        token, expect, inside = self._look(), self._expect, self.open[-1] if self.open else ""
        if expect == "next" and token == "," and inside:
            self._at, expect = self._end, "another"
            token = self._look()
        kind, value, self._expect = token, None, "next"
        if expect in ("first", "next") and token and token == _CLOSE.get(inside):
            self.open.pop()
        elif expect == "next":
            if inside or self._at < len(self._text):
                self._fail(
                    f"expected {f'`,` or `{_CLOSE[inside]}` after a value' if inside else 'the end of the text'}"
                )
            kind = token
        elif inside == "{" and expect != "value":
            if not self._text.startswith('"', self._at):
                self._fail("expected a key in double quotes")
            kind, value, self._at, self._expect = "key", self._value(token), self._end, "value"
            if self._look() != ":":
                self._fail("expected `:` after a key")
        elif token in _CLOSE:
            self.open.append(token)
            self._expect = "first"
        else:
            kind, value = "value", self._value(token)
        self._at = self._end
        return kind, value

    def pairs(self) -> list[tuple[str, int]]:
        """The pairs of the next value, if it is an object of whole numbers; else none, and nothing is read."""
        return [(self._value(key), int(digits)) for key, digits in re.findall(_PAIR, self._take(_OBJECT))]

    def skip_value(self) -> None:
        """Reads past the next value, of any size and depth, which follows a key."""
        depth, done = len(self.open), self._take(_STRINGS)
        while not done and self.pull() and len(self.open) > depth:
            pass

    def value(self, max_depth: int) -> Any:
        """The next value: None, bool, `Number`, str, list or dict (of equal keys the last wins)."""
        max_depth = min(max_depth, 1024)
        values: list[Any] = [[]]
        keys: list[Any] = []
        while not values[0]:
            kind, value = self.pull()
            value = values.pop() if kind in "}]" else value
            if kind in _CLOSE:
                values.append({} if kind == "{" else [])
                if len(values) > max_depth + 1:
                    self._fail(f"nested deeper than {max_depth} levels", self._at - 1)
            elif kind == "key":
                keys.append(value)
            elif isinstance(values[-1], dict):
                values[-1][keys.pop()] = value
            else:
                values[-1].append(value)
        return values[0][0]

    def _take(self, pattern: str) -> str:
        """Reads past what matches."""
        found = re.compile(pattern).match(self._text, self._at)
        if found:
            self._at, self._expect = found.end(), "next"
        return found[0] if found else ""

    def _look(self) -> str:
        """The next token, still to be read; none where there is no valid one."""
        found = _TOKEN.match(self._text, self._at)
        self._at, self._end = found.span(1)
        return str(found[1])

    def _value(self, token: str) -> Any:
        if token[:1] == '"':
            text = str(_decode(token)) if "\\" in token else token[1:-1]
            if self._strict and _SURROGATE.search(text):
                self._fail("invalid escape in a string")
            return _SURROGATE.sub("\ufffd", text)
        if token in _WORDS or token[-1:].isdigit():
            return _WORDS[token] if token in _WORDS else Number(token)
        if token not in "[]{}:,":
            self._fail("expected a digit", self._end)
        inside = re.compile(_INSIDE).match(self._text, self._at)
        if inside and (unit := self._text[inside.end() : inside.end() + 1]):
            wrong = {"\\": "invalid escape"}.get(unit, "control character")
            self._fail(f"{wrong} in a string", inside.end())
        self._fail("this string is never closed" if inside else "expected a value")

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise ValueError(f"{message} at byte {len(self._text[: self._at if at is None else at].encode())}")
