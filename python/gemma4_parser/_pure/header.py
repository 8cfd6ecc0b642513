"""What stands before a call's arguments: `call:`, the name, the opening bracket (rules `opener` and `name`)."""

import re

from .schema import Tools
from .token import BLANKS, QUOTES

NAME_LIMIT = 1024
"""Bytes that a name may have."""
CALL = "call:"
_CANONICAL = re.compile(r"call:([\w.-]{1,64})\{", re.ASCII)


class Header:
    """Reads a header character by character.

    `lenient`: the drifted forms after an opener, and `(` as a bracket. `drifted`: `:name`, `name` and `-name` besides
    `call:name`. `declared`: only names of declared functions. `named`: the colon has been read already.
    """

    def __init__(
        self,
        tools: Tools | None = None,
        *,
        lenient: bool = True,
        drifted: bool = False,
        declared: bool = False,
        named: bool = False,
    ) -> None:
        self._tools, self._lenient, self._drifted, self._declared = tools, lenient, drifted, declared
        self._pieces: list[str] = []
        # Before anything else; in a prefix of `call:`; in one of a declared name; behind the colon.
        self._stage = "name" if named else "lead"
        self.name = ""
        """What has been read of the name (or of `call:`), without outer blanks."""
        self._blanks: list[str] = []
        self._gap = False
        self.repair = ""

    def text(self) -> str:
        """All characters so far."""
        return "".join(self._pieces)

    def is_blank(self) -> bool:
        """Whether nothing but blanks has come."""
        return self._stage == "lead"

    def read(self, text: str) -> tuple[str, str]:
        """Reads on until something is decided: the bracket of a call, "no", or "" for nothing yet; and what is left."""
        found = _CANONICAL.match(text) if self._stage == "lead" and not self._declared else None
        if found:
            self.name = found[1]
            self._pieces.append(found[0])
            return "{", text[found.end() :]
        for at, character in enumerate(text, 1):
            if progress := self.character(character):
                return progress, text[at:]
        return "", ""

    def character(self, character: str) -> str:
        """Takes one character: see `read`."""
        self._pieces.append(character)
        if self._stage == "lead" and character not in BLANKS:
            self._stage = "call"
            if character == ":" and self._drifted and self._lenient:
                self._stage, self.repair = "name", "colon_opener"
                return ""
        if self._stage == "lead":
            return ""
        if self._stage == "name":
            return self._in_name(character)
        self.name += character
        if self._stage == "call":
            if self.name == CALL:
                self._stage, self.name = "name", ""
            if CALL.startswith(self.name):
                return ""
            if not (self._drifted and self._lenient):
                return "no"
            self._stage, self.repair = "bare", "bare_opener"
        return self._bare(character)

    def _bare(self, last: str) -> str:
        """`name{` or `-name{`: as long as a declared name may come of it."""
        tools, read = self._tools, self.name
        if not tools:
            return "no"
        if last in "{(":
            name = read[:-1].rstrip(BLANKS)
            for self.name in (name, name[1:]) if name[:1] == "-" else (name,):
                if len(self.name.encode()) <= NAME_LIMIT and tools.is_declared(self.name):
                    return last
            return "no"
        begins_name = read == "-" or tools.has_prefix(read) or (read[0] == "-" and tools.has_prefix(read[1:]))
        if begins_name and not self._gap and len(read.encode()) <= NAME_LIMIT + 1:
            return ""
        # Blanks behind a whole name, which is kept without them.
        name = read.rstrip(BLANKS)
        self._gap = self._gap or tools.is_declared(name) or (name[:1] == "-" and tools.is_declared(name[1:]))
        self.name = name
        return "" if last in BLANKS and self._gap else "no"

    def _in_name(self, character: str) -> str:
        if character in BLANKS:
            if self.name:
                self._gap = self._gap or character != " "
                self._blanks.append(character)
            return ""
        if character == "{" or (character == "(" and self._lenient):
            # `:call:name{`: the colon was one too many, if that is the name that is meant.
            tools, behind = self._tools, self.name.removeprefix(CALL).lstrip(BLANKS)
            if self.repair and behind and tools and tools.is_declared(behind) and not tools.is_declared(self.name):
                self.name = behind
            unknown = self._declared and not (self._tools and self._tools.is_declared(self.name))
            return character if self.name and not unknown else "no"
        self.name += "".join(self._blanks) + character
        self._blanks.clear()
        if (
            character in QUOTES
            or character == "<"
            or character < " "
            or self._gap
            or len(self.name.encode()) > NAME_LIMIT
        ):
            return "no"
        return "no" if self._declared and not (self._tools and self._tools.has_prefix(self.name)) else ""
