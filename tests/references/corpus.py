"""Generated arguments: values that the format can carry, and texts that are lenient, changed or cut. All seeded."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import gemma4_parser as g4

DELIMITER = '<|"|>'
MARKERS = ("<tool_call|>", "<|tool_call>", "<turn|>", "<|turn>", "<|tool_response>", "<|channel>", "<channel|>")


def delimited(text: str) -> str:
    """The text with a delimiter for each `§`."""
    return text.replace("§", DELIMITER)


NAMES = ("a", "b", "city", "max_results", "query", "Path", "isActive", "x1", "_private", "true", "null", "call")
KEYS = (
    *("Content-Type", "$ref", "@id", "/path", "a b", "a.b", "1", "007", "-1", "é", "日本語", "ключ", "😀", "a+b"),
    *("a|b", "<b>", "(x)", "a;b", "50%", "#1", "~", "*", "a?b", "&", "e\u0301", "a\u00a0b", "\u200b"),
)
WORDS = (
    *("Paris", "New York", "", " ", "0", "42", "true", "null", "None", "1e5", "it's", 'say "hi"', "a,b", "x:1", "k=v"),
    *("{", "}", "[]", "}}", ")", "(", "\\", "\\n", "\n", "\r\n", "\t", "`code`", "```py\nx = {'a': [1, 2]}\n```"),
    *("https://example.org/?q=1&r={x}", "C:\\new\\table", '{"a": [1, "b"]}', "<|", "|>", "<|x|>", "<tag>", "a<b"),
    *("東京", "naïve", "😀👩‍👩‍👧", "e\u0301", "\u2028", "\ufeff", "\u0000", "\u001b[0m", "\u007f\u0085", "\U0010ffff"),
)


class Values:
    """Random values that the format can carry (and that are therefore read back as they were).

    Args:
        seed: The same seed gives the same values.
        markers: Strings may hold the control tokens, too.
    """

    def __init__(self, seed: int, *, markers: bool = False) -> None:
        self.source = random.Random(seed)
        self.words = WORDS + MARKERS if markers else WORDS

    def key(self) -> str:
        source = self.source
        kind = source.random()
        if kind < 0.6:
            return source.choice(NAMES)
        if kind < 0.9:
            return source.choice(KEYS)
        return "".join(source.choices("abcXYZ_09é東", k=source.randint(1, 12)))

    def integer(self) -> int:
        bits = self.source.choice((1, 4, 8, 32, 53, 64, 200))
        return self.source.choice((1, -1)) * self.source.getrandbits(bits)

    def real(self) -> float:
        source = self.source
        kind = source.random()
        if kind < 0.3:
            return source.choice((0.1, 1.0, -0.0, 1e-07, 1e20, 1e16, 5e-324, 1.7976931348623157e308, 1e-4, 123456.75))
        if kind < 0.6:
            return round(source.uniform(-1000, 1000), source.randint(0, 6))
        value: float = struct.unpack("<d", source.randbytes(8))[0]
        return value if math.isfinite(value) else 0.5

    def text(self) -> str:
        return "".join(self.source.choices(self.words, k=self.source.choice((1, 1, 2, 4))))

    def scalar(self) -> Any:
        source = self.source
        makers: tuple[Callable[[], Any], ...] = (self.integer, self.real, self.text, self.text)
        return source.choice((None, True, False)) if source.random() < 0.2 else source.choice(makers)()

    def value(self, depth: int = 0) -> Any:
        kind = self.source.random()
        if depth < 4 and kind < 0.15:
            return self.arguments(depth + 1)
        if depth < 4 and kind < 0.3:
            return [self.value(depth + 1) for _ in range(self.source.choice((0, 1, 2, 3)))]
        return self.scalar()

    def arguments(self, depth: int = 0) -> dict[str, Any]:
        return {self.key(): self.value(depth) for _ in range(self.source.choice((0, 1, 1, 2, 3, 5)))}


def canonical(count: int, seed: int) -> Iterator[str]:
    """Arguments as the template writes them."""
    values = Values(seed)
    for _ in range(count):
        yield g4.format_arguments(values.arguments())


ODD_KEYS = ("a:b", "a,b", "{", "a}", "[x]", 'say "x"', "it's", "`", "", " a", "b ", "a\nb", "\tc", "a=b", "\x00")


def values(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Arguments that come back as they were."""
    made = Values(seed)
    for _ in range(count):
        yield made.arguments()


def odd_values(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Arguments with one thing that the format cannot carry, or that is no value of JSON."""
    made = Values(seed)
    for number in range(count):
        odd: Any = (
            *({made.source.choice(ODD_KEYS): made.scalar()}, made.text() + DELIMITER + made.text()),
            *(made.source.choice((math.inf, -math.inf, math.nan)), b"x", {1, 2}, {7: made.scalar()}, "x\udc80"),
        )[number % 7]
        for _ in range(made.source.choice((0, 0, 1, 3))):
            odd = {made.key(): odd} if made.source.random() < 0.5 else [odd]
        yield {**made.arguments(), "odd": odd}


# Lenient texts: one form each, among canonical members.

# By form: templates of a member. K is a name, S a plain text, N another one with what is hard to read.
FORMS = {
    "equals_sign": ("K=1", f"K={DELIMITER}S{DELIMITER}", "K=true", "K={a:1}", "K={a=1}", "K = null"),
    "json_string": ('K:"S"', 'K:"N"', '"K":1', 'K:["S","N"]', 'K:"a\\u0041\\n"', 'K:"C:\\new\\q"', '"a:b":"S"'),
    "single_quotes": ("K:'S'", "K:'it's'", "'K':1", "K:['S','T']", "K:'a\\nb'", "K:'x, y'", "'a:b':'S'"),
    "backticks": ("K:`S`", "`K`:1", "K:[`S`,`N`]", "K:`a\\nb`"),
    "dangling_delimiter": (f'K:"S"{DELIMITER}', f"K:'S'{DELIMITER}", f"K:[`S`{DELIMITER}]", f'"K"{DELIMITER}:1'),
    "python_literal": ("K:True", "K:False", "K:None", "K:[True,none]", "K:NULL", "K:nil", "K:Nil"),
    "bare_string": (
        *("K:S", "K:hello world", "K:[S,T]", "K:inf", "K:-nan", "K:NaN", "K:+5", "K:007", "K:.5", "K:5.", "K:1_000"),
        *("K:0x1F", "K:١٢", "K:+1.5e3", "K:１", "K:\u00a0S", "K:S\u3000", "K:1 2", "K:a'b", "K:", "K:,b:1", "K:[-.5]"),
        *("K:-007", "K:1e", "K:--1", "K:1.2.3", "K:1.e5", "K:1_0.5", "K:TRUE", "K:S(1)", "K:x)", "K:[]x", "K:+0"),
    ),
    "missing_open_delimiter": (f"K:S{DELIMITER}", f"K:some text{DELIMITER}", f"K:[S{DELIMITER}]", f"K:7{DELIMITER}"),
}
# Canonical forms that the template does not write.
SPELLINGS = {
    "blanks": ("K : 1", "K:\t1", " K:1 ", "K:\n{a: 1 }", "K:[ 1 , 2 ]", f"K: {DELIMITER}S{DELIMITER} ", "K:{ }"),
    "carriage_return": (f"K:\r\n{DELIMITER}S{DELIMITER}", "K:\r1", "K:[\r\n1]", "\r\nK:1", "K:{\r\nb:1\r\n}", "K:\r{}"),
    "trailing_comma": ("K:{a:1,}", "K:[1,]", "K:[[],]", "K:1,"),
    "delimited_key": tuple(map(delimited, ("§K§:1", "K:{§a:b§:1}", "§a b§:1"))),
    "empty_value": ("K:{a:}", "K:"),
    "equals_sign_in_key": tuple(map(delimited, ("a=b:1", "a=b:§S§", "K:{x=:{},b:1}", "a=b:[]"))),
    "duplicates": ("K:1,K:2", "K:{a:1,a:null}"),
    "outer_braces": ("{}",),
    "unicode_blank": ("\u00a0K:1", "K\u3000:1", "K\u0085:1"),
}
# What the closing of a call repairs: it must be the last member.
LAST = {
    "missing_close_delimiter": (f"K:{DELIMITER}S", f"K:{{a:{DELIMITER}S}}", f"K:[{DELIMITER}S]", f"K:[{DELIMITER}S"),
    "missing_close_bracket": (f"K:{{a:{DELIMITER}S{DELIMITER}", "K:{a:1", "K:{a:{b:1}", "K:{a:[1]", "K:{a:true", "K:{"),
    "extra_bracket": ("K:1}", f"K:{DELIMITER}S{DELIMITER}}}", "K:1}}", "K:{}}", "K:1]", "K:[])", "}"),
}
PLAIN = ("x", "Paris", "hello", "東京", "a-b")
HARD = ("a,b", "x:1", "a, b:c", "[1]", "{x}", "it is", "1", "true", "=", "a}b")


def lenient(count: int, seed: int) -> Iterator[str]:
    """Canonical arguments with one member in a lenient form or in a spelling that the template does not use."""
    source = random.Random(seed)
    values = Values(seed + 1)
    forms = [(form, False) for group in (FORMS, SPELLINGS) for texts in group.values() for form in texts]
    forms += [(form, True) for texts in LAST.values() for form in texts]
    for number in range(count):
        form, last = forms[number % len(forms)]
        for mark, word in (("K", source.choice(NAMES)), ("S", source.choice(PLAIN)), ("N", source.choice(HARD))):
            form = form.replace(mark, word)
        around = [g4.format_arguments(values.arguments()) for _ in range(2)]
        before, after = (part if source.random() < 0.4 else "" for part in around)
        text = ",".join(filter(None, (before, form, "" if last else after)))
        if form in SPELLINGS["outer_braces"]:
            text = "{" + g4.format_arguments(values.arguments()) + "}"
        elif source.random() < 0.1:
            text = f"o:{{{text}}}"
        yield text


LETTERS = (*"ab1 :,={}[]()'\"`\\-.\n", DELIMITER, "true", "null", "1.5", "x:1", '","', "\r")


def changed(count: int, seed: int) -> Iterator[str]:
    """Canonical arguments with one or two changes: a piece put in, taken out, doubled or replaced."""
    source = random.Random(seed)
    values = Values(seed + 1)
    for _ in range(count):
        text = g4.format_arguments(values.arguments())
        for _ in range(source.choice((1, 1, 2))):
            place = source.randint(0, len(text))
            end = min(len(text), place + source.choice((0, 1, 1, 2, 5)))
            piece = source.choice((*LETTERS, text[place:end] * 2, ""))
            text = text[:place] + piece + text[end:]
        yield text


def cut(count: int, seed: int) -> Iterator[str]:
    """Canonical arguments that end somewhere before their end."""
    source = random.Random(seed)
    for text in canonical(count, seed + 1):
        yield text[: source.randint(0, len(text))]


def marked(count: int, seed: int) -> Iterator[str]:
    """Canonical arguments in whose strings the markers of calls and turns are spelled."""
    values = Values(seed, markers=True)
    for _ in range(count):
        text = "".join(values.source.choices((*MARKERS, "x", " ", "}", ",b:1"), k=values.source.randint(1, 5)))
        yield g4.format_arguments({"a": text, "b": values.scalar()})


TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
SPELLED = ("42", "-7", "0", "1", "true", "false", "null", "None", "1.5", "1.0", "1e5", "1e-07", "[1]", '{"a":1}', "x")


def typed(count: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """An argument `a` as the template writes it, and a schema of it that may fit or not."""
    made = Values(seed)
    for _ in range(count):
        value = made.source.choice(SPELLED) if made.source.random() < 0.4 else made.scalar()
        types = made.source.sample(TYPES, made.source.choice((0, 1, 1, 1, 2, 2, 3)))
        schema = {"type": types[0] if len(types) == 1 else types} if types else {}
        yield g4.format_arguments({"a": value}) if made.source.random() < 0.98 else "a:-1.5e999", schema


def extreme() -> Iterator[str]:
    """Numbers and depths that go beyond what most programs hold."""
    for digits in (400, 4300, 4301, 5000):
        yield f"a:{'9' * digits}"
        yield f"a:[-{'9' * digits}.5]"
    for number in ("1.0e999", "-1.5e400", "1e400", "1E5", "1e+5", "1.5E-3", "-0", "-0e1", "0.0", "9007199254740993"):
        yield f"a:{number}"
        yield f"a:[{number}]"
    for depth in (100, 255, 256, 257, 300):
        yield "a:" + "[" * (depth - 1) + "]" * (depth - 1)
        yield "a:{" * (depth - 1) + "}" * (depth - 1)
