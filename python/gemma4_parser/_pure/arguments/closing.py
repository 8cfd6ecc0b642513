"""Brackets, and what may follow the arguments object."""

from ..header import Header
from ..token import CALL_CLOSE, CALL_OPEN, CHANNEL_OPEN, ControlToken
from .machine import ACCEPTED, DEPTH_LIMIT, Frame, Machine, Step, Unit, Verdict, malformed, marker


class Closing(Machine):
    """States at brackets and behind values."""

    def open(self, array: bool) -> Step:
        if len(self.frames) >= DEPTH_LIMIT:
            return malformed("nested more than 256 deep")
        self.begin_value()
        self.frame = Frame(array, self.schema)
        self.frames.append(self.frame)
        self.write("[" if array else "{")
        self.advance("element" if array else "key")
        self.changed()
        return None

    def close(self, unit: Unit) -> Step:
        """A closing bracket behind a value, a comma or an opening bracket."""
        if not self.fits(unit):
            return malformed("a closing bracket that does not fit")
        if len(self.frames) == 1:  # The last `}` is sent with acceptance only.
            return self.advance("outer" if len(self.brackets) == 2 else "complete")
        self.write("]" if self.frames.pop().array else "}")
        self.frame = self.frames[-1]
        self.advance("after")
        self.changed()
        return None

    def after(self, unit: Unit) -> Step:
        """Behind a value."""
        if unit == ",":
            return self.advance("element" if self.frame.array else "key")
        if self.is_closing(unit):
            return self.close(unit)
        if unit is CALL_CLOSE and self.lenient:
            return self.close_all()
        return (
            marker(unit)
            if isinstance(unit, ControlToken)
            else malformed("expected `,` or a closing bracket after a value")
        )

    def outer(self, unit: Unit) -> Step:
        """The object within the outer brackets is complete."""
        if unit == "}" or (unit == ")" and self.is_round()):
            return self.advance("complete")
        if unit is CALL_CLOSE and self.lenient:
            return self.close_all()
        return marker(unit) if isinstance(unit, ControlToken) else malformed("expected the outer closing bracket")

    def close_all(self) -> Verdict:
        """`missing_close_bracket`: the close marker directly behind a complete value."""
        self.note("missing_close_bracket")
        self.skip(CALL_CLOSE)
        return self.accept()

    def accept(self) -> Verdict:
        """Sends what closes the brackets that are open, the arguments object's included."""
        self.write("".join("]" if frame.array else "}" for frame in reversed(self.frames)))
        self.changed()
        return ACCEPTED

    def complete(self, unit: Unit) -> Step:
        """The object is complete."""
        if isinstance(unit, ControlToken):
            if unit is CALL_CLOSE:
                self.skip(unit)
                return self.accept()
            if self.lenient and (unit.is_end_marker or unit in (CALL_OPEN, CHANNEL_OPEN)):
                self.note("missing_close_marker")
                return self.accept()
            return marker(unit)
        if unit in "}])" and self.lenient:
            self.note("extra_bracket")
        elif unit == ">" and self.angle:
            self.angle = False
        elif unit == "c" and self.lenient:
            self.header, self.state = Header(), "next"
            return None
        else:
            return malformed("expected the close marker after the arguments")
        return self.advance("complete")

    def next(self, unit: Unit) -> Step:
        """`calls_in_one_block`: this call is accepted when name and bracket of the next are read."""
        if isinstance(unit, ControlToken):
            return marker(unit)
        length = 1 if unit < "\x80" else 2 if unit < "\xe0" else 3 if unit < "\xf0" else 4
        progress = self.header.character(self.tail.slice(self.cursor, self.cursor + length))
        self.cursor += length
        if progress == "no":
            return malformed("expected the close marker or another call after the arguments")
        if progress:
            self.accept()
        return Verdict("next", progress) if progress else None
