"""Undelimited values."""

import re

from ..key_scan import KeyScan
from ..token import BLANKS, CALL_CLOSE, DELIMITER, ControlToken
from .machine import HELD_LIMIT, Step, Unit, malformed, marker
from .quoted import Quoted
from .scalar import classify, is_json_scalar, write_string

_SCALAR = re.compile(rb"([A-Za-z0-9.+\-]+)[,}\]]")


class Bare(Quoted):
    """States in undelimited text."""

    def begin_bare(self) -> Step:
        found = _SCALAR.match(self.tail.bytes, self.cursor)
        if found and not self.schema.only_strings and is_json_scalar(text := found[1].decode()):
            # All of it is there: the short way to what `end_bare` does.
            self.begin_value()
            self.write(text)
            self.mark, self.cursor, self.state = found.end(), found.end(1), "after"
            return None
        self.start, self.state = self.cursor, "bare"
        self.gap = self.bad = self.comma_run = False
        return None

    def bare(self, unit: Unit) -> Step:
        if isinstance(unit, ControlToken):
            return self.bare_control(unit)
        # Rule `bare_comma`: the text goes on behind a comma unless a key follows.
        if unit == "," and self.lenient and not self.frame.array and self.schema.only_strings:
            self.place, self.scan = self.cursor, KeyScan()
            return self.advance("bare_comma")
        if unit == "," or self.is_closing(unit):
            return self.end_bare(self.cursor)
        if unit in "{[" or (unit == "(" and self.is_round()):
            return malformed("an opening bracket in an undelimited value")
        if unit in BLANKS:
            self.gap = self.gap or unit != " "
            return self.advance("bare")
        # Only `missing_open_delimiter` can still save a text with a control character in it.
        if self.gap or unit < " ":
            self.bad = True
            if not self.lenient or self.frame.array:
                return malformed("a control character in an undelimited value")
        return self.walk_word("an undelimited value of more than 1 MiB")

    def bare_control(self, token: ControlToken) -> Step:
        if token is DELIMITER and self.lenient and not self.frame.array:
            end = self.cursor
            self.skip(token)
            return self.end_undelimited(end)
        is_scalar = is_json_scalar(self.tail.slice(self.start, self.cursor).rstrip(BLANKS))
        if token is not CALL_CLOSE or not self.lenient or self.bad or not is_scalar:
            return marker(token)
        step = self.end_bare(self.cursor)
        self.mark = self.cursor
        return step

    def end_undelimited(self, end: int) -> Step:
        """`missing_open_delimiter`: the text up to `end` is a string whose first delimiter is missing."""
        self.note("missing_open_delimiter")
        self.write(write_string(self.tail.slice(self.start, end)))
        self.changed()
        self.state = "after"
        return None

    def end_bare(self, end: int) -> Step:
        """The value ends at `end`, where the cursor stays or goes back to."""
        if self.bad:
            return malformed("a control character in an undelimited value")
        found = classify(self.tail.slice(self.start, end).rstrip(BLANKS), self.schema, self.lenient)
        if not found:
            return malformed("an undelimited value that is no number, true, false or null")
        self.begin_value()
        self.write(found[0])
        for repair in (found[1], "bare_comma" if self.comma_run else ""):
            if repair:
                self.note(repair)
        # What has decided it is the unit at the cursor, which is looked at again.
        self.mark, self.cursor, self.state = self.cursor + 1, end, "after"
        return None

    def run_over_comma(self) -> Step:
        """The comma was one of the text's own: walk on behind it."""
        self.comma_run, self.cursor, self.state = True, self.place + 1, "bare"
        return None

    def bare_comma(self, unit: Unit) -> Step:
        """In the bare text of a string-typed property, behind a comma."""
        lead = self.scan.stage == "lead"
        if isinstance(unit, ControlToken):
            if unit is DELIMITER and lead:
                self.behind, self.state = self.cursor, "bare_delimiter"
            elif unit is DELIMITER and self.scan.stage != "delimited":
                return self.bare_control(unit)
            elif not self.scan.control(unit, self.frame.schema):
                return self.run_over_comma()
            self.skip(unit)
            return None
        if lead and self.is_closing(unit):
            return self.end_bare(self.place)
        if self.cursor - self.place > HELD_LIMIT:
            return self.run_over_comma()
        found = self.look_ahead()
        if found and self.cursor - self.place > HELD_LIMIT:
            return self.run_over_comma()
        if found == "undeclared":
            return malformed("an undeclared key after an undelimited value")
        return self.run_over_comma() if found == "no" else self.end_bare(self.place) if found else None

    def bare_delimiter(self, unit: Unit) -> Step:
        """A delimiter behind a comma closes the text, or opens a key."""
        if unit is CALL_CLOSE or unit == "," or self.is_closing(unit):
            return self.end_undelimited(self.behind)
        # The key may begin with the blanks that were passed over.
        self.cursor, self.state = self.behind, "bare_comma"
        self.scan.control(DELIMITER, self.frame.schema)
        self.skip(DELIMITER)
        return None
