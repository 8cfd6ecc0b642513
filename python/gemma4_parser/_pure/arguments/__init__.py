"""The call grammar: from the text between a call's brackets to fragments of JSON text."""

from ..token import BLANKS, DELIMITER, QUOTES, ControlToken, Symbol
from .bare import Bare
from .machine import BLANK_UNITS, MORE, UNITS, Context, Step, Unit, Verdict, malformed, marker
from .scalar import write_string

__all__ = ["Arguments", "Context", "Verdict"]

_SKIP_BLANKS = frozenset(["first", "key", "colon", "value", "element", "after", "outer", "complete"])
_SKIP_BLANKS |= {"quoted_close", "after_quoted", "dangling", "bare_delimiter"}
"""States in which blanks mean nothing."""
_NO_KEY = {unit: f"a key is missing before `{unit}`" for unit in ":=,"}


class Arguments(Bare):
    """The machine for the arguments of one call. Every method whose one argument is a unit is a state."""

    def raw(self) -> str:
        """The raw input after the last character that changed the fragments, as far as it is consumed."""
        return self.tail.slice(self.mark, max(self.cursor, self.mark))

    def take_rest(self) -> list[Symbol]:
        """What is not consumed."""
        return self.tail.symbols(max(self.cursor, self.mark))

    def push(self, symbol: Symbol) -> Verdict:
        """Takes the next symbol."""
        self.tail.push(symbol)
        return self.run()

    def run(self) -> Verdict:
        """Goes on with what has come but is not consumed."""
        text, controls = self.tail.bytes, self.tail.controls
        while self.cursor < len(text):
            unit: Unit = UNITS[text[self.cursor]]
            if unit == "<":
                unit = controls.get(self.cursor, unit)
            if unit in BLANK_UNITS and self.state in _SKIP_BLANKS:
                self.cursor += 1
                continue
            verdict: Step = getattr(self, self.state)(unit)
            if verdict:
                return verdict
        self.compact()
        return MORE

    def first(self, unit: Unit) -> Step:
        """Behind the opening bracket."""
        if unit == "{" and self.lenient:
            self.note("json_arguments" if self.is_round() else "double_brace")
            self.brackets += "{"
            return self.advance("key")
        if self.brackets == "(":
            self.note("round_brackets")
        self.state = "key"
        return None

    def key(self, unit: Unit) -> Step:
        """A key or the end of the object."""
        if isinstance(unit, ControlToken):
            return self.begin_string(in_key=True) if unit is DELIMITER else marker(unit)
        if self.is_closing(unit):
            return self.close(unit)
        if unit in QUOTES:
            return self.begin_quoted(unit, in_key=True) if self.lenient else malformed("a key in quotes")
        if unit in _NO_KEY and (unit != "=" or self.lenient):
            return malformed(_NO_KEY[unit])
        if unit in "{[":
            return malformed("expected a key, found a bracket")
        if unit < " ":
            return malformed("a control character in a key")
        self.start, self.gap, self.state = self.cursor, False, "bare_key"
        return None

    def bare_key(self, unit: Unit) -> Step:
        if isinstance(unit, ControlToken):
            return marker(unit)
        if unit == ":" or (unit == "=" and self.lenient):
            self.key_text = self.tail.slice(self.start, self.cursor).rstrip(BLANKS)
            return self.colon(unit)
        if unit in ",}":
            return malformed("expected `:` after a key")
        if unit in "{[]":
            return malformed("a bracket in a key")
        if unit in QUOTES:
            return malformed("a quote in a key")
        if unit in BLANKS:
            self.gap = self.gap or unit != " "
            return self.advance("bare_key")
        if unit < " " or self.gap:
            return malformed("a control character in a key")
        return self.walk_word("a key of more than 1 MiB")

    def colon(self, unit: Unit) -> Step:
        """`:` or `=`: the key is sent."""
        if unit == "=" and self.lenient:
            self.note("equals_sign")
        elif unit != ":":
            return marker(unit) if isinstance(unit, ControlToken) else malformed("expected `:` after a key")
        self.comma()
        self.write(write_string(self.key_text) + (": " if self.spaced else ":"))
        self.schema = self.frame.schema.child(self.key_text)
        self.cursor += 1
        self.changed()
        self.state = "value"
        return None

    def value(self, unit: Unit) -> Step:
        """The value of a property."""
        if isinstance(unit, ControlToken):
            return self.begin_string(in_key=False) if unit is DELIMITER else marker(unit)
        if unit in "{[":
            return self.open(unit == "[")
        if unit in QUOTES and self.lenient:
            return self.begin_quoted(unit, in_key=False)
        if self.fits(unit):  # `{key:}`
            self.begin_value()
            self.write('""')
            self.mark, self.state = self.cursor + 1, "after"
            return None
        if self.is_closing(unit):
            return malformed("a closing bracket that does not fit")
        return self.begin_bare()

    def element(self, unit: Unit) -> Step:
        """An element or the end of the array."""
        if unit == "]":
            return self.close(unit)
        if unit == ",":
            return malformed("an element is missing before `,`")
        self.schema = self.frame.schema.item
        return self.value(unit)

    def finish(self, stop: bool) -> Verdict:
        """The end of generation."""
        if stop and self.state in ("marker_in_string", "marker_delimiter"):
            return self.left_open()
        accepted = stop and self.state == "complete" and self.lenient
        self.cursor = len(self.tail.bytes)
        if accepted:
            self.note("missing_close_marker")
            return self.accept()
        return Verdict("rejected", "truncated_call", "the text ends within the call")
