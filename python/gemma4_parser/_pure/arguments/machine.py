"""The machine for the arguments of one call: what all its states share.

Everything that has come and is not yet decided lies in one buffer, the tail; the machine walks over it with a cursor,
so that a look-ahead that fails can be walked again. What has changed the fragments is forgotten.
"""

import re
from typing import NamedTuple

from ..header import Header
from ..key_scan import KeyScan, SwallowedKey
from ..output import Output
from ..schema import Schema, Tools
from ..tail import Tail
from ..token import BLANKS, CALL_CLOSE, CALL_OPEN, DELIMITER, ControlToken

DEPTH_LIMIT = 256
"""Nesting depth; the arguments object is depth 1."""
HELD_LIMIT = 1 << 20
"""Bytes that a held key, a held value, or the text held behind a marker in a string may have."""
UNITS = [chr(byte) for byte in range(256)]
_WORD = re.compile(rb"[A-Za-z0-9_+.\-]*")


class Context(NamedTuple):
    """What the caller of the machine knows."""

    tools: Tools | None = None
    lenient: bool = True
    coerce: bool = False
    spaced: bool = False


class Verdict(NamedTuple):
    """How a call ends; what has not been consumed is left in the tail.

    `kind`: "more" input is needed; "accepted"; "next": accepted, and the header of the block's next call has been read,
    with the bracket `word`; "rejected" with the reason `word` and, for people, what was found.
    """

    kind: str
    word: str = ""
    what: str = ""


class Frame:
    """A bracket that is open; `filled`: it has an element or a key."""

    __slots__ = ("array", "filled", "schema")

    def __init__(self, array: bool, schema: Schema) -> None:
        self.array, self.filled, self.schema = array, False, schema


Unit = str | ControlToken
"""What stands at one place: a byte as the character of its number, or a control token."""
Step = Verdict | None
"""What a step has decided; None: go on."""
BLANK_UNITS: frozenset[Unit] = frozenset(BLANKS)
MORE, ACCEPTED = Verdict("more"), Verdict("accepted")


def malformed(what: str) -> Verdict:
    return Verdict("rejected", "malformed_call", what)


def marker(token: ControlToken) -> Verdict:
    """A control token where no string is open and no other rule applies."""
    if token.is_end_marker:
        return Verdict("rejected", "truncated_call", "the turn ends within the call")
    if token is DELIMITER:
        return malformed("unexpected string delimiter")
    if token is CALL_OPEN:
        return malformed("another call opens before this one is closed")
    return malformed("the call is closed before it is complete" if token is CALL_CLOSE else "unexpected control token")


class Machine:
    """What the states of `Arguments` share."""

    def __init__(self, context: Context, out: Output, index: int, bracket: str, repair: str, schema: Schema) -> None:
        _, self.lenient, self.coerce, self.spaced = context
        self.out, self.index, self.tail = out, index, Tail()
        self.state = "first"
        # The brackets around all arguments: `{`, `(`, `{{` or `({`.
        self.brackets = bracket
        self.repairs = dict.fromkeys([repair] if repair else [])
        # A `>` may still follow the object (`<tool_call:Name{…}>`).
        self.angle = False
        self.frames = [Frame(False, schema)]
        self.frame, self.schema = self.frames[0], schema
        # Everything before the mark has changed the fragments: the raw tail of a rejected call starts here.
        self.mark = self.cursor = self.start = self.place = self.behind = 0
        # In bare text: a control blank stands at its end; a control character within it; commas were run over.
        self.gap = self.bad = self.comma_run = False
        self.quote, self.escape, self.in_key, self.key_text = "", False, False, ""
        # A delimited string that is held until it is closed, because its value depends on all of it; nothing but blanks
        # has come since the last marker in it; an opener stands in it.
        self.held = self.direct = self.opener = False
        # Made by the states that need them.
        self.scan: KeyScan
        self.swallowed: SwallowedKey
        self.header: Header
        self.write("{")

    def compact(self) -> None:
        """Forgets what has changed the fragments, in time linear in the input."""
        mark = min(self.mark, self.cursor)
        if mark > len(self.tail.bytes) // 2:
            self.tail.drop_front(mark)
            self.mark, self.cursor = self.mark - mark, self.cursor - mark
            self.start, self.place, self.behind = (max(at - mark, 0) for at in (self.start, self.place, self.behind))

    def advance(self, state: str) -> Step:
        self.cursor += 1
        self.state = state
        return None

    def skip(self, token: Unit) -> None:
        """Walks over a control token."""
        self.cursor += len(token.literal) if isinstance(token, ControlToken) else 1

    def write(self, fragment: str) -> None:
        self.out.join("call_arguments", fragment, self.index)

    def note(self, repair: str) -> None:
        """Each repair counts once, in the order met."""
        self.repairs[repair] = None

    def changed(self) -> None:
        """The fragments have changed by what was consumed last."""
        self.mark = max(self.mark, self.cursor)

    def is_round(self) -> bool:
        return self.brackets[0] == "("

    def fits(self, unit: Unit) -> bool:
        """Whether `unit` closes the innermost open bracket. The round one is closed by `}` too."""
        if unit == ")":
            return len(self.frames) == 1 and self.brackets == "("
        return unit == ("]" if self.frame.array else "}")

    def is_closing(self, unit: Unit) -> bool:
        """Whether `unit` ends an undelimited value as a closing bracket, fitting or not."""
        return unit in ("}", "]") or (unit == ")" and self.is_round())

    def comma(self) -> None:
        """The comma before all but the first key or element."""
        if self.frame.filled:
            self.write(", " if self.spaced else ",")
        self.frame.filled = True

    def begin_value(self) -> None:
        """The comma before a value: an element has one, a property had its with the key."""
        if self.frame.array:
            self.comma()

    def walk_word(self, limit: str) -> Step:
        """Walks over a byte and the plain ones behind it. Outer blanks do not count towards the limit."""
        found = _WORD.match(self.tail.bytes, self.cursor + 1)
        self.cursor = found.end() if found else self.cursor + 1
        return malformed(limit) if self.cursor - self.start > HELD_LIMIT else None

    def look_ahead(self) -> str:
        """Lets the look-ahead read some units: those up to what may mean something else, or a few dozen."""
        end = min(self.tail.run_end(self.cursor), self.cursor + 64) if self.scan.stage != "lead" else self.cursor + 1
        found, at = self.scan.read(self.tail.bytes[self.cursor : end].decode("latin-1"), 0, self.frame.schema)
        self.cursor += at
        return found
