"""Looks ahead for a *possible key* and `:` or `=`, which several repairs depend on (rule `possible-key`).

Text is *coded* here: each byte of its UTF-8 is a character, since it is read from a buffer of bytes, part by part.
"""

import re

from .json import unescape, unescape_single
from .schema import Schema
from .token import BLANKS, DELIMITER, QUOTES, ControlToken

_BARE = re.compile(r"[^\x00-\x1f,:={}\[\]\"'`]+")
_QUOTED = re.compile(r"[^\"'`\\]+")
_WORD = re.compile(r"[^\x00-\x1f,:={}\[\]\"'`\\]+")
_DECODE = {'"': unescape, "'": unescape_single}


class KeyScan:
    """The look-ahead."""

    __slots__ = ("_escape", "_gap", "_key", "quote", "stage")

    def __init__(self) -> None:
        self.stage = "lead"
        """Before the key; "bare", a quote character or "delimited" in it; "closed" behind its quote or delimiter."""
        self.quote = ""
        # The key as far as it is needed: one that is too long to be declared need not be kept.
        self._key = ""
        self._gap = self._escape = False

    def read(self, text: str, at: int, schema: Schema) -> tuple[str, int]:
        """Reads coded text from `at` on: what is found, and where that stands.

        Found is `:` or `=` behind a possible key, "undeclared" for a bare key and `:` that the schema does not declare,
        "no", or "" for nothing yet.
        """
        while at < len(text):
            unit, behind = text[at], at + 1
            if self.stage == "lead":
                if unit in ":=":
                    return "no", at
                if unit in QUOTES:
                    self.stage = self.quote = unit
                elif unit not in BLANKS:
                    self.stage = "bare"
                    continue
            elif self.stage == "bare":
                if found := _BARE.match(text, at):
                    if self._gap and found[0].strip(" "):
                        return "no", at
                    self._keep(found[0], schema)
                    behind = found.end()
                elif unit in ":=":
                    possible = self._is_possible(self._key.rstrip(BLANKS), schema)
                    return unit if possible else "undeclared" if unit == ":" else "no", at
                elif unit not in BLANKS:
                    return "no", at
                else:
                    self._gap = True
            elif self.stage == "closed":
                if unit in ":=" and self._is_possible(self._key, schema):
                    return unit, at
                if unit not in BLANKS:
                    return "no", at
            elif unit == self.stage and not self._escape:
                self.stage = "closed"
            else:
                if found := None if self._escape else _QUOTED.match(text, at):
                    behind = found.end()
                self._escape = unit == "\\" and self.stage in "\"'" and not self._escape
                self._keep(text[at:behind], schema)
            at = behind
        return "", at

    def control(self, token: ControlToken, schema: Schema) -> bool:
        """Whether a key may still come of it: a token opens or closes a key in delimiters, and is data within a key."""
        if token is DELIMITER and self.stage in ("lead", "delimited"):
            self.stage = "delimited" if self.stage == "lead" else "closed"
            return True
        self._escape = False
        self._keep(token.literal, schema)
        return self.stage not in ("lead", "bare", "closed") and not token.breaks_quotes

    def _keep(self, text: str, schema: Schema) -> None:
        if schema.declares:
            self._key += text[: schema.keep + 1 - len(self._key)]

    def _is_possible(self, key: str, schema: Schema) -> bool:
        if not schema.declares:
            return True
        key = key.encode("latin-1").decode("utf-8", "replace")
        decode = _DECODE.get(self.quote)
        decoded = decode(key) if decode else None
        return (key if decoded is None else decoded) in schema.properties


class SwallowedKey:
    """`, key:` in the text of an open string, which shows that it was never meant to go on so far.

    Every comma starts a look-ahead; and since commas within quotes count too, look-aheads of several kinds run side by
    side: a bare one, and for each kind of quote one that is open and one that is closed (rule
    `missing_close_delimiter`). Most strings are closed, so text is looked at only when there is much of it.
    """

    __slots__ = ("_found", "_scans", "_schema", "_size", "_text")

    def __init__(self, schema: Schema) -> None:
        self._schema, self._found, self._size = schema, False, 0
        self._text: list[str] = []
        self._scans: dict[str, KeyScan] = {}

    def found(self) -> bool:
        """Whether there was one."""
        self._read()
        return self._found

    def text(self, text: str) -> None:
        """The next text of the string."""
        self._text.append(text)
        self._size += len(text)
        if self._size > 4096:
            self._read()

    def control(self, token: ControlToken) -> None:
        """A control token that is data of the string."""
        self._read()
        scans = self._scans.items()
        self._scans = {kind: scan for kind, scan in scans if kind in QUOTES and scan.control(token, self._schema)}

    def _read(self) -> None:
        text = coded("".join(self._text))
        self._text, self._size, at = [], 0, 0
        while not self._found:
            at = at if self._scans else text.find(",", at)
            if at < 0 or at == len(text):
                return
            word = _WORD.match(text, at)
            piece = word[0] if word else text[at]
            at += len(piece)
            scans: dict[str, KeyScan] = {}
            for kind, scan in self._scans.items():
                found, _ = scan.read(piece, 0, self._schema)
                if not found:
                    scans["closed" + scan.quote if scan.stage == "closed" else kind] = scan
                self._found |= found == ":"
            if piece == ",":
                scans["bare"] = KeyScan()
            elif "bare" in scans and (quote := scans["bare"].stage) in QUOTES:
                # A quote directly behind a comma: from here on this look-ahead is that of the quote.
                scans[quote] = scans.pop("bare")
            self._scans = scans


def coded(text: str) -> str:
    return text if text.isascii() else text.encode().decode("latin-1")
