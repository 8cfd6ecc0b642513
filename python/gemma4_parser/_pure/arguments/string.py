"""Delimited strings: data is sent on as it comes (rules `string`, `marker-in-string`, `missing_close_delimiter`)."""

from ..json import write_escaped
from ..key_scan import SwallowedKey
from ..schema import ANY
from ..token import BLANKS, CALL_CLOSE, CALL_OPEN, DELIMITER, PARTIAL, ControlToken
from .closing import Closing
from .machine import BLANK_UNITS, DEPTH_LIMIT, HELD_LIMIT, MORE, UNITS, Step, Unit, Verdict, malformed
from .scalar import write_coerced

_BLANKS, _CLOSING = BLANKS.encode(), BLANKS.encode() + b"}])"


class Strings(Closing):
    """States in delimited strings."""

    def begin_string(self, in_key: bool) -> Step:
        self.skip(DELIMITER)
        self.start, self.in_key, self.opener = self.cursor, in_key, False
        # The object that a swallowed key would belong to; any key where it is an array.
        self.swallowed = SwallowedKey(ANY if self.frame.array else self.frame.schema)
        self.held = in_key or (self.coerce and not self.schema.allows_string)
        self.state = "string"
        if not self.held:
            self.begin_value()
            self.write('"')
            self.changed()
        return None

    def takes_plain(self, text: str) -> bool:
        """Whether `text` can be passed through as the next piece of an open string, with nothing in it looked at."""
        if self.state != "string" or self.held or self.tail.bytes:
            return False
        self.swallowed.text(text)
        return True

    def string(self, unit: Unit) -> Step:
        """In a delimited string."""
        at = self.cursor
        if unit is DELIMITER:
            self.skip(unit)
            return self.close_string(at)
        if not isinstance(unit, ControlToken):
            self.cursor = self.tail.run_end(at)
            self.swallowed.text(self.tail.slice(at, self.cursor))
        elif unit.is_marker_in_string:
            self.place, self.direct, self.state = at, True, "marker_in_string"
            self.skip(unit)
            return self.marker_limit()
        else:
            self.opener = self.opener or unit is CALL_OPEN
            self.swallowed.control(unit)
            self.skip(unit)
        return self.data(at)

    def data(self, at: int) -> Step:
        """Sends the string's data up to the cursor, but for what may be structure if the string is left open: the run
        of closing brackets and blanks at its end. All that is unsent before `at` is such a run."""
        if self.held:
            if self.cursor - self.start <= HELD_LIMIT:
                return None
            if self.in_key:
                return malformed("a key of more than 1 MiB")
            # Too long to be anything but a string.
            self.held = False
            self.begin_value()
            self.write('"')
            self.mark = at = self.start
        text = self.tail.bytes[at : self.cursor]
        end = at + len(text.rstrip(_CLOSING) if self.lenient else text)
        if end > at:
            self.write(write_escaped(self.tail.slice(self.mark, end)))
            self.mark = end
        return None

    def close_string(self, end: int) -> Step:
        """The delimiter that closes the string stands at `end`; the cursor is somewhere behind it."""
        if self.in_key:
            self.key_text, self.state = self.tail.slice(self.start, end), "colon"
            return None
        self.end_data(end)
        self.changed()
        self.state = "after"
        return None

    def end_data(self, end: int) -> None:
        """Sends the rest of the data, up to `end`, and the closing quote."""
        text = self.tail.slice(self.start if self.held else self.mark, end)
        if self.held:
            self.begin_value()
            depth = DEPTH_LIMIT - len(self.frames)
            self.write(write_coerced(text, self.schema, self.lenient, self.spaced, depth))
        else:
            self.write(write_escaped(text) + '"')

    def marker_in_string(self, unit: Unit) -> Step:
        """Behind a close marker or end marker in an open string: all is held until it is decided what it was."""
        if unit is DELIMITER:
            self.behind, self.state = self.cursor, "marker_delimiter"
            self.skip(unit)
        elif isinstance(unit, ControlToken):
            if self.direct and (unit.is_end_marker or unit is CALL_OPEN):
                return self.left_open()
            self.direct = unit.is_marker_in_string
            self.skip(unit)
        else:
            # No further than the limit, so that it falls at the same character however the input is cut.
            room = HELD_LIMIT + 1 - min(self.cursor - self.place, HELD_LIMIT)
            start, end = self.cursor, self.tail.run_end(self.cursor)
            self.cursor = min(end, start + room)
            while self.cursor < end and self.tail.bytes[self.cursor] & 0xC0 == 0x80:
                self.cursor += 1
            self.direct = self.direct and not self.tail.bytes[start : self.cursor].strip(_BLANKS)
        return self.marker_limit()

    def marker_limit(self) -> Step:
        """What is held beyond 1 MiB is data."""
        if self.cursor - self.place <= HELD_LIMIT:
            return None
        if self.state == "marker_delimiter":
            self.cursor = self.behind + len(DELIMITER.literal)
            return self.close_string(self.behind)
        # Only what a later marker would be judged by is looked at in the held text.
        held = (token for place, token in self.tail.controls.items() if place >= self.place)
        self.opener = self.opener or CALL_OPEN in held
        self.state = "string"
        self.swallowed.text(self.tail.slice(self.place, self.cursor))
        return self.data(self.place)

    def marker_delimiter(self, unit: Unit) -> Step:
        """Behind the first delimiter after a marker: it closes the string if what follows says so."""
        if unit in BLANK_UNITS:
            self.cursor += 1
            return self.marker_limit()
        if unit is CALL_CLOSE or unit in (",", "}", "]", ")"):
            self.cursor = self.behind + len(DELIMITER.literal)
            return self.close_string(self.behind)
        # What may still become a control token's literal decides nothing yet.
        run = self.tail.bytes[self.cursor : self.cursor + 16].decode("latin-1")
        ends_here = self.tail.run_end(self.cursor) == len(self.tail.bytes)
        return MORE if run in PARTIAL and ends_here else self.left_open()

    def left_open(self) -> Verdict:
        """The string was left open at the first marker, which is not consumed."""
        self.cursor = self.place
        if self.tail.controls.get(self.place) is not CALL_CLOSE:
            return Verdict("rejected", "truncated_call", "the turn ends within a string")
        # Of the brackets the outermost, which is written last, comes first.
        outer = {"{": "", "(": "", "{{": "}", "({": ")}"}[self.brackets]
        expected = ([outer] if outer else []) + ["]" if frame.array else "}" for frame in self.frames]
        if self.brackets == "(":
            expected[0] = ")}"
        run = self.tail.bytes[self.start if self.held else self.mark : self.place]
        run = run[len(run.rstrip(_CLOSING)) :]
        end = len(run)
        for brackets in expected:
            end -= 1
            while end >= 0 and run[end] in _BLANKS:
                end -= 1
            if end < 0 or UNITS[run[end]] not in brackets:
                end = -1
                break
        if not self.lenient or self.in_key or self.opener or self.swallowed.found() or end < 0:
            return malformed("a string without its closing delimiter")
        self.note("missing_close_delimiter")
        self.end_data(self.place - (len(run) - end))
        self.cursor = self.place + len(CALL_CLOSE.literal)
        return self.accept()
