"""Outputs of the model: canonical ones, and ones that need every repair or just miss it."""

from __future__ import annotations

from collections.abc import Sequence

from differential.schemas import KEYS, NAMES, Declared
from differential.tape import Tape

DELIMITER = '<|"|>'
SURROGATES = ("\ud800", "\udfff", "\ud83d", "\ude00")
BLANKS = ("", "", "", " ", "\n", "\t", "\r\n", "  ")
ENDS = ("", "", "<turn|>", "<|tool_response>", "<eos>", "<|turn>", "<turn|>\n", "<turn|><eos>", "<eos> <pad>\n")

# fmt: off
SOUP = (
    "<|tool_call>", "<tool_call|>", DELIMITER, "{", "}", ",", ":", "call:f{", "a:", "call:", "x", "1", " ", "\n", '"',
    "'", "`", "<|channel>", "<channel|>", "<turn|>", "<|tool_response>", "<eos>", "<|turn>", "<pad>", "<bos>",
    "<|think|>", "<tool_response|>", "<|tool>", "<tool|>", "<unk>", "[", "]", "(", ")", "=", "thought\n", "thought",
    "\\", "true", "None", "null", "-0.5", "007", "<|tool_call|>", "<tool_call:", "<", "<|", "<tool_", "|>", ">", "city",
    "unit:", "get_weather", "<|image|>", "<mask>", "é", "😀", "\t", "\r", "\x01", "-", ".", DELIMITER + "}<tool_call|>",
    "<|tool_call>call:f{a:" + DELIMITER, "<|tool_call>call:get_weather{", "}<tool_call|>", ",b:", "',", "'}", "\u2028",
    "\x7f", "\x85", "\xa0", "\ud83d", "\x00", "<e", "<eos", "<|channel>thought", "<|channel>thought\n", "\x0b",
    "\ufeff", ", city:", '"},', '":', '":"', "`,", "<|tool_call|>call:", "\ncall:f{", ") ", "\\'", "\\u00e9",
    "<|video|>", "text:", "<audio|>", ",'b':", ',"b"=', "\u3000", "thoughtful", "}}", "]}", "1e5", "<tool_call:f{",
    "call:f(",
)
"""What soup is made of; mutations insert it too."""

PROSE = (
    " the ", "\n\n", "call:", "{", "é", "😀", '"', "`x`", "a < b", "<|", ", ", "call:f{a:1}", " thought\n", "\u2028",
    "\xa0", "e\u0301", "}", "'", "<tool", "|>", "\x00", "\x7f", "東京", "\n", " ",
)
DATA = (
    "a", " ", "'", '"', "}", "]", ")", "\\", "\n", ", b:", "{", "é", "😀", "`", "<", "\\n", "\x01", ",", "<|tool_call",
    "\x7f", "\u2028", "\r\n", "\t", "[", "(", ":", "=", "\\u00e9", "\\", "\x0c", "\x08", "b", ", city:", "true", "5",
)
MARKERS = (
    "<tool_call|>", "<turn|>", "<|tool_response>", "<|turn>", "<eos>", "<pad>", "<|channel>", "<channel|>", "<|tool>",
    "<|tool_call>", "<|think|>", "<bos>",
)
NUMBERS = (
    "0", "1", "-0", "5.0", "1e5", "9007199254740993.25", "-12.50E+10", "1e400", "123456789012345678901234567890",
    "1E-7", "-1.0e-0", "2", "42", "0.0", "0e0", "1" * 40, "-0.0", "-0e5",
)
NEAR_NUMBERS = (
    "108.", ".5", "+5", "007", "-007", "1_000", "0x1F", "NaN", "inf", "-Infinity", "1e", "1.e5", "--1", "+.5", "-.5",
    "5.", "+", "-", ".", "1.2.3", "00", "-0.", "1e+", "٣", "+007.50", "0.", "00.5", "1E5.", "+1e5",
)
LITERALS = (
    "True", "False", "None", "nil", "NULL", "Null", "NIL", "none", "nOnE", "TRUE", "FALSE", "tRue", "undefined", "nul",
    "nulls", "NILL",
)
TYPED_TEXTS = (
    "20", "-3", "1.5", "1e2", "true", "false", "null", "True", "None", "[1,2]", '{"a":1}', '["x",{"b":null}]', "{}", "",
    " 20 ", "2.0", "007", "+5", ".5", "108.", "[1,]", '{"a":1', "[", '"x"', "1e400", "\n[1]\n", '{"a":"\\ud800"}',
    '{"a":1}x', "nan", '{"a":"\\u00e9","a":2}', "1,2", "٣", "- 1", "2.50", "-0", "[" * 300 + "]" * 300,
)
ODD_NAMES = (
    "", " ", " f ", "\nf", "f g", "a'b", 'a"b', "a`b", "a<b", "f\x01", "call:f", "f\u2028", "}", "x,y=", "f>", "\x7f",
    "é" * 512, "é" * 512 + "x", "n" * 1024, "n" * 1025, " " + "n" * 1024 + " ", "f\nx", "thought", "F", "-f", "ns:",
)
ODD_KEYS = (
    "", " ", " a ", "\na", "a b", "(", ")", "<|", "a\x01", "\x7f", "a'b", "1", "null", "<tool_", "\u2028", "a\tb", "-",
    "city ", "a\\", "\\", "<pad>", "a<b", "𝒳", "c:d", "a|>",
)
LENIENT_OPENERS = (
    "<|tool_call>:", "<|tool_call>", "<|tool_call>-", "<|tool_call|>call:", "<tool_call:", "call:",
    "<|tool_call> call:", "<|tool_call>call :", "<|tool_call>\ncall: ", "<|tool_call>call", "<|tool_call> :",
    "<|tool_call|> call:", "<|tool_call|>", " call:", "<|tool_call>call:call:", "<|tool_call>- ", "<tool_call: ",
    "<|tool_call>Call:", "<|tool_call>:call:",
)
BARE_OPENERS = ("call:", "<tool_call:", "<|tool_call|>call:", "call:", "call: ", "\ncall:", "call")
"""Where nothing else was before."""
LENIENT_BRACKETS = (
    ("(", ")"), ("({", "})"), ("{{", "}}"), ("(", "}"), (" {", "}"), ("{", ""), ("{", "]"), ("( {", "} )"),
    ("{ {", "} }"), ("({", "}"), ("{{", "}"), ("[", "]"), ("(", ""), ("({", ")}"), ("((", "))"), ("\n{\n", "\n}\n"),
    ("{(", ")}"),
)
AFTER_THE_END = (
    "rest", "\n x<turn|>", "<tool_call|>", "<pad>", "<|tool_call>call:f{}<tool_call|>", "<", "<eos>", "é",
)
ODD_LABELS = (
    "thought", "", "analysis\n", "thought \n", " ", "thou",
)
OPEN_ENDS = (
    "}<tool_call|>", "<tool_call|>", "]}<tool_call|>", "}\n<tool_call|>", "<turn|>", "})<tool_call|>",
)
ODD_VALUES = (
    "", "[,]", "[1,,2]", "[", "{", "[1}", "{a:1]", "[1,2", '{"a":1', "null null", '""', "''",
)
ESCAPES = (
    "\\\\", "\\n", "\\t", "\\/", "\\q", "\\ud83d\\ude00", "\\ud800", "\\u00", "\\b", "\\u0041", "\\'", '\\"', "\\`",
    "\\r", "\\f", "\\",
)
BARE_WORDS = (
    "New York", "x", "it's", "é", "2024-01-01", "5", "a.b", "😀", "C:\\dir", "\u2028", "\xa0y", "<b>",
)
BETWEEN_WORDS = (
    ", ", ",", "\n", ": ", "(", "=", " '", ", city", '"', ",a:",
)
# fmt: on


def turn(tape: Tape, *, lenient: bool = True, known: Declared | None = None) -> str:
    """A turn of the model; canonical unless `lenient`. `known`: see `schemas.declared`."""
    return _Lenient(tape, known or {}).turn() if lenient else _Canonical(tape).turn()


def soup(tape: Tape) -> str:
    """Anything."""
    return "".join(tape.pick(SOUP) for _ in range(tape.below(60)))


def arguments(tape: Tape) -> str:
    """What stands between the braces of a call, now and then with the braces."""
    writer = _Lenient(tape, {})
    writer.pairs(0)
    body = "".join(writer.out)
    if not tape.chance(6):
        return body
    front, back = tape.pick((("{", "}"), ("({", "})"), (" {", "} "), ("{{", "}}"), ("", "}"), ("{", ""), ("(", ")")))
    return front + body + back


class _Canonical:
    """Writes what the canonical grammar says, and prose that nothing could be read into."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.out: list[str] = []

    def add(self, *parts: str) -> None:
        self.out.extend(parts)

    def blanks(self) -> None:
        if self.tape.chance(6):
            self.add(self.tape.pick(BLANKS))

    def turn(self) -> str:
        tape = self.tape
        for _ in range(tape.below(6)):
            match tape.below(5):
                case 0 | 1:
                    self.call()
                case 2:
                    self.thought()
                case _:
                    self.prose()
        self.add(tape.pick(ENDS))
        return "".join(self.out)

    def prose(self) -> None:
        self.add("So")
        for _ in range(self.tape.below(5)):
            self.add(self.tape.pick(PROSE), self.tape.pick(("x", "y.", "?", "ß")))

    def thought(self) -> None:
        tape = self.tape
        self.add("<|channel>thought\n", tape.pick(("", "\n", " ")))
        if not tape.chance(6):
            self.prose()
        while tape.chance(4):
            self.call()
            self.add(tape.pick(("", "\n", " x")))
        self.add(tape.pick(("\n", "", "\n\n")), "<channel|>")

    def call(self) -> None:
        self.add("<|tool_call>")
        self.blanks()
        self.add("call:")
        self.blanks()
        self.add(self.tape.pick(NAMES))
        self.blanks()
        self.object(0)
        self.blanks()
        self.add("<tool_call|>")

    def object(self, depth: int) -> None:
        self.add("{")
        self.pairs(depth)
        self.add("}")

    def pairs(self, depth: int) -> None:
        tape = self.tape
        count = tape.below(4)
        for at in range(count):
            if at:
                self.add(",")
            self.blanks()
            key = tape.pick(KEYS)
            self.add(DELIMITER + key + DELIMITER if tape.chance(8) else key)
            self.blanks()
            self.add(":")
            self.blanks()
            if at == count - 1 and tape.chance(12):
                return
            self.value(depth)
            self.blanks()
        if count and tape.chance(8):
            self.add(",")
            self.blanks()

    def value(self, depth: int) -> None:
        tape = self.tape
        match tape.below(7):
            case 3:
                self.add(tape.pick(("true", "false", "null")))
            case 4:
                self.add(tape.pick(NUMBERS))
            case 5 if depth < 5:
                self.object(depth + 1)
            case 6 if depth < 5:
                self.array(depth + 1)
            case _:
                self.add(DELIMITER)
                self.data()
                self.add(DELIMITER)

    def array(self, depth: int) -> None:
        count = self.tape.below(4)
        self.add("[")
        for at in range(count):
            self.add("," if at else "")
            self.blanks()
            self.value(depth)
            self.blanks()
        if count and self.tape.chance(8):
            self.add(",")
        self.add("]")

    def data(self) -> None:
        """Anything but the delimiter; a marker is never followed by an opener or an end marker."""
        for _ in range(self.tape.below(6)):
            self.add(self.tape.pick(DATA))
            if self.tape.chance(10):
                self.add(self.tape.pick(MARKERS), "m")


class _Lenient(_Canonical):
    """Writes every form that is repaired, forms beside them, and markers where none should be."""

    def __init__(self, tape: Tape, known: Declared) -> None:
        super().__init__(tape)
        self.known = known
        # An output with one oddity in it is repaired, one with many is rejected: both are wanted.
        self.calm = tape.pick((1, 3, 6))
        self.strings: list[str] = []
        self.typed: list[str] = []

    def odd(self, rarity: int) -> bool:
        return self.tape.chance(min(256, rarity * self.calm))

    def rarely(self, rarity: int, *parts: str) -> None:
        if self.odd(rarity):
            self.add(self.tape.pick(parts))

    def turn(self) -> str:
        tape = self.tape
        self.rarely(8, "thought\n", "thought", "<channel|>", "thought\nSo", "<|channel>thought\n", " ", "<tool_call|>")
        if tape.chance(8):
            self.call(BARE_OPENERS)
        for _ in range(1 + tape.below(5)):
            match tape.below(9):
                case 0 | 1 | 2 | 3:
                    self.call()
                case 4:
                    self.thought()
                case 5 | 6:
                    self.prose()
                case 7:
                    self.quoted_marker()
                case _:
                    self.add(tape.pick(SOUP))
        self.add(tape.pick(ENDS))
        self.rarely(8, *AFTER_THE_END)
        return "".join(self.out)

    def quoted_marker(self) -> None:
        quote = self.tape.pick(("`", '"', "'"))
        self.add(quote, self.tape.pick(MARKERS), quote if self.tape.below(4) else self.tape.pick(("x", " ", "'", "``")))

    def prose(self) -> None:
        for _ in range(1 + self.tape.below(4)):
            self.add(self.tape.pick(PROSE))
            self.rarely(3, "So", "x", "y.")
            self.rarely(12, *SOUP)
            self.rarely(16, *SURROGATES)

    def thought(self) -> None:
        tape = self.tape
        self.add("<|channel>", "thought\n" if tape.below(5) else tape.pick(ODD_LABELS))
        self.rarely(3, "\n", " \n", "<|channel>thought\n", "<|channel>", "thought\n")
        if not tape.chance(4):
            self.prose()
        while tape.chance(4):
            self.call()
            self.rarely(2, "\n", " ", "x")
        self.rarely(2, "\n", "\n\n", "\n ", '"')
        if not tape.chance(6):
            self.add("<channel|>")
            self.rarely(4, "thought\n", "thought", "\n", " ", "<channel|>", "thought\nx")
            if tape.chance(6):
                self.call(BARE_OPENERS)

    def name(self) -> None:
        tape = self.tape
        name = tape.pick(ODD_NAMES) if self.odd(16) else NAMES[0] if tape.below(3) else tape.pick(NAMES)
        self.strings, self.typed = self.known.get(name, ([], []))
        self.add(name)

    def call(self, openers: Sequence[str] = LENIENT_OPENERS) -> None:
        tape = self.tape
        opener = tape.pick(openers) if openers is BARE_OPENERS or tape.chance(4) else "<|tool_call>call:"
        self.rarely(40, *BLANKS)
        self.add(opener)
        while True:
            self.name()
            opening, closing = tape.pick(LENIENT_BRACKETS) if self.odd(3) else ("{", "}")
            self.add(opening)
            self.pairs(0)
            self.add(closing)
            self.rarely(6, "}", "]", ")", " ", ">", "}}", "})", "x", "> ", DELIMITER, "]}")
            if not self.odd(4):
                break
            self.add(tape.pick(("call:", " call:", "\ncall: ", "call", "\x01call:", "cal")))
        if not self.odd(5):
            self.add("<tool_call|>")
            self.rarely(8, "<tool_call|>", " <tool_call|>", "\n", "<", "<|tool_", ">", "<channel|>")

    def key(self) -> None:
        tape = self.tape
        key = tape.pick(ODD_KEYS) if self.odd(12) else tape.pick(KEYS)
        if tape.chance(4):
            quote = tape.pick(('"', "'", "`", DELIMITER))
            if self.odd(6):
                key += tape.pick(("\\" + quote, quote, *ESCAPES, *MARKERS, "\n", ""))
            self.add(quote, key, "" if self.odd(16) else quote)
        else:
            self.add(key)

    def pairs(self, depth: int) -> None:
        tape = self.tape
        for at in range(tape.pick((0, 1, 2, 3, 1, 2))):
            if at:
                self.add(tape.pick((",,", ";", "", " ")) if self.odd(20) else tape.pick((",", ",", ", ", " ,", ",\n")))
            if depth == 0 and self.strings and tape.chance(3):
                self.text_with_commas()
                continue
            if depth == 0 and self.typed and tape.chance(3):
                # A delimited value where something else than a string is asked for.
                self.add(tape.pick(self.typed), ":", DELIMITER, tape.pick(TYPED_TEXTS), DELIMITER)
                continue
            self.key()
            self.add(tape.pick(("", "::", "=:", ":=") if self.odd(24) else (":", ":", ":", "=", " : ", " = ")))
            self.value(depth)
        self.rarely(6, ",", ", ", ",,", " ")

    def value(self, depth: int) -> None:
        tape = self.tape
        match tape.below(20):
            case 7 | 8 | 9:
                self.quoted()
            case 10:
                self.add(tape.pick(LITERALS))
            case 11:
                self.add(tape.pick(NEAR_NUMBERS))
            case 12 | 13 | 14:
                self.bare()
            case 15:
                # The delimiter behind it is missing.
                self.add(DELIMITER)
                self.data()
                self.rarely(2, *OPEN_ENDS)
            case 16:
                self.add(DELIMITER, tape.pick(TYPED_TEXTS), DELIMITER)
            case 17:
                self.add(tape.pick(ODD_VALUES))
            case 18:
                self.add(tape.pick(NUMBERS), tape.pick(("", " ", "\n", "x")))
            case 19:
                self.add(DELIMITER)
                self.data()
                self.add(tape.pick(MARKERS), tape.pick(("", " ", "x", "\n", DELIMITER)))
                self.add(tape.pick((*MARKERS, "", "}", ",", "<", "<|")))
                self.rarely(2, DELIMITER)
            case _:
                super().value(depth)

    def quoted(self) -> None:
        tape = self.tape
        quote = tape.pick(('"', "'", "`"))
        self.add(quote)
        for _ in range(tape.below(5)):
            part = tape.pick(DATA)
            self.add("x" if part == quote and tape.below(3) else part)
            self.rarely(8, "\\" + quote, *ESCAPES)
            self.rarely(24, *MARKERS, DELIMITER)
            if self.odd(24):
                # What closes a quote, or does not.
                self.add(quote, tape.pick((",", ", b:", "}", ", 'city':", ',"a"=', " ]", ", `a`:", ",city", ":")))
        self.add("" if self.odd(12) else quote)
        self.rarely(6, DELIMITER, " " + DELIMITER, DELIMITER + " ", " ", "x")
        self.add(DELIMITER if tape.chance(10) else "")

    def bare(self, between: str = " ") -> None:
        tape = self.tape
        for at in range(1 + tape.below(4)):
            if at:
                self.add(tape.pick(BETWEEN_WORDS) if self.odd(3) else between)
            self.add(tape.pick(BARE_WORDS))
            self.rarely(24, *MARKERS, "\x01", "{", "[", ")")
        # The delimiter before it is missing.
        self.add(DELIMITER if tape.chance(4) else "")

    def text_with_commas(self) -> None:
        """Undelimited text where only a string can be, and what may be the next key in it."""
        tape = self.tape
        self.add(tape.pick(self.strings), ":")
        self.bare(tape.pick((", ", ",", ", so ", " , ")))
        if tape.chance(3):
            quote = tape.pick((DELIMITER, '"', "'", "`", ""))
            key = tape.pick((*KEYS, "x", "x" + tape.pick(MARKERS), tape.pick(ESCAPES), "x\ny", "x y", "x" + DELIMITER))
            self.add(tape.pick((",", ", ")), quote, key, quote)
            self.add(tape.pick((":", "=", " :", "", "}", "x")), tape.pick(("1", "", "x")))
        elif tape.chance(3):
            self.add(tape.pick((",", ", ", ",\n")), tape.pick((DELIMITER, "", "}", "]", '"', *MARKERS)))

    def data(self) -> None:
        tape = self.tape
        for _ in range(tape.below(6)):
            self.add(tape.pick(DATA))
            self.rarely(10, *MARKERS)
            self.rarely(24, *SOUP)
            self.rarely(40, *SURROGATES)
