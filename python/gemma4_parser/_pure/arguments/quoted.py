"""Keys and values in `"…"`, `'…'` and `` `…` `` (rules `json_string`, `single_quotes`, `backticks`)."""

import re

from ..json import unescape, unescape_single
from ..key_scan import KeyScan
from ..token import CALL_CLOSE, DELIMITER, QUOTES, ControlToken
from .machine import HELD_LIMIT, Step, Unit, malformed, marker
from .scalar import write_string
from .string import Strings

_QUOTED = {quote: re.compile(rb"[^\\<%c]*" % ord(quote)) for quote in QUOTES}
_REPAIRS = {'"': "json_string", "'": "single_quotes", "`": "backticks"}


class Quoted(Strings):
    """States in quotes and behind them."""

    def begin_quoted(self, quote: str, in_key: bool) -> Step:
        self.quote, self.escape, self.in_key, self.start = quote, False, in_key, self.cursor + 1
        return self.advance("quoted")

    def quoted(self, unit: Unit) -> Step:
        if isinstance(unit, ControlToken):
            if unit.breaks_quotes:
                return marker(unit)
            self.escape = False
            self.skip(unit)
        elif unit == self.quote and not self.escape:
            self.place = self.cursor
            self.advance("quoted_close")
            return self.end_quoted(self.cursor) if unit == '"' else None
        else:
            self.escape = unit == "\\" and self.quote != "`" and not self.escape
            self.cursor += 1
            if not self.escape and (found := _QUOTED[self.quote].match(self.tail.bytes, self.cursor)):
                self.cursor = found.end()
        return self.quoted_limit()

    def quoted_limit(self) -> Step:
        too_long = self.cursor - self.start > HELD_LIMIT
        return malformed("a quoted key or value of more than 1 MiB") if too_long else None

    def quote_is_data(self) -> Step:
        """The quote was one of the text's own: walk on behind it."""
        self.cursor, self.escape, self.state = self.place + 1, False, "quoted"
        return self.quoted_limit()

    def quoted_close(self, unit: Unit) -> Step:
        """Behind `'` or `` ` ``: it closes only where what follows says so."""
        if self.in_key:
            return self.end_quoted(self.cursor + 1) if unit in (":", "=") else self.quote_is_data()
        if unit == "," and not self.frame.array:
            self.behind, self.scan = self.cursor, KeyScan()
            return self.advance("quoted_comma")
        if unit == "," or self.fits(unit):
            return self.end_quoted(self.cursor + 1)
        if unit is DELIMITER:
            return self.end_quoted(self.cursor + len(DELIMITER.literal))
        # Nothing of the close marker belongs to the call's fragments.
        return self.end_quoted(self.cursor) if unit is CALL_CLOSE else self.quote_is_data()

    def quoted_comma(self, unit: Unit) -> Step:
        """In an object, behind the quote and a comma: a possible key or the end must follow."""
        if isinstance(unit, ControlToken):
            if not self.scan.control(unit, self.frame.schema):
                return self.quote_is_data()
            self.skip(unit)
        elif self.scan.stage == "lead" and self.fits(unit):
            return self.end_quoted(self.cursor + 1)
        else:
            found = self.look_ahead()
            if found and self.cursor - self.behind <= HELD_LIMIT:
                return self.end_quoted(self.cursor + 1) if found in ":=" else self.quote_is_data()
        return self.quote_is_data() if self.cursor - self.behind > HELD_LIMIT else None

    def end_quoted(self, decided: int) -> Step:
        """The text between the quotes is complete; what lies before `decided` has decided it."""
        self.note(_REPAIRS[self.quote])
        inner = self.tail.slice(self.start, self.place)
        # An escape that is none makes every backslash literal.
        decoded = unescape(inner) if self.quote == '"' else unescape_single(inner) if self.quote == "'" else None
        self.key_text = inner if decoded is None else decoded
        self.cursor = self.place + 1
        if self.in_key:
            self.state = "colon"
            return None
        self.begin_value()
        self.write(write_string(self.key_text))
        self.mark, self.state = decided, "after_quoted"
        return None

    def after_quoted(self, unit: Unit) -> Step:
        """Directly behind a quoted value."""
        if unit is DELIMITER:
            self.skip(unit)
        self.state = "dangling" if unit is DELIMITER else "after"
        return None

    def dangling(self, unit: Unit) -> Step:
        """Behind a dangling delimiter."""
        if isinstance(unit, ControlToken):
            return marker(unit)
        if unit not in ",}])":
            return malformed("expected `,` or a closing bracket after a value")
        self.note("dangling_delimiter")
        self.state = "after"
        return None
