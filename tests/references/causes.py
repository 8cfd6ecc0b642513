"""Causes of differences, for the rows of the table: each decides by asking the reference about a text without it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from references.corpus import DELIMITER, MARKERS
from references.findings import PLAIN_KEY, Finding, Pairs, Spelled, dumped, ours, tree, written_key

When = Callable[[Finding], bool]

STRING = re.compile(re.escape(DELIMITER) + "(.*?)" + re.escape(DELIMITER), re.DOTALL)
BLANKS = "[ \t\r\n]*"
CLOSING = "}]) \t\r\n"
FIRST = 0xF0000
"""Strings are masked by characters of private use from here on."""


def masked(text: str) -> tuple[str, list[str]]:
    """The text with a single character for each delimited string, and these strings."""
    found: list[str] = []

    def mask(match: re.Match[str]) -> str:
        found.append(match[0])
        return chr(FIRST + len(found) - 1)

    return STRING.sub(mask, text), found


def unmasked(text: str, found: list[str]) -> str:
    return re.sub(f"[{chr(FIRST)}-{chr(FIRST + 0xFFFF)}]", lambda match: found[ord(match[0]) - FIRST], text)


def respelled(pattern: str, by: str) -> When:
    """A canonical spelling outside strings: once it is replaced, the reference answers as to the canonical text."""

    def when(finding: Finding) -> bool:
        if finding.kind != "form" or finding.ours.repairs:
            return False
        text, found = masked(finding.text)
        other = unmasked(re.sub(pattern, by, text), found)
        same = ours(other).json == finding.ours.json
        return other != finding.text and same and finding.asked(other) == finding.asked(finding.canonical)

    return when


def delimited_key(finding: Finding) -> bool:
    """Keys in delimiters that need none: without them, the reference answers as to the canonical text."""
    if finding.kind != "form" or finding.ours.repairs:
        return False
    text, found = masked(finding.text)

    def bare(match: re.Match[str]) -> str:
        key = found[ord(match[1]) - FIRST].removeprefix(DELIMITER).removesuffix(DELIMITER)
        return key + match[2] if PLAIN_KEY.fullmatch(key) else match[0]

    other = unmasked(re.sub(f"([{chr(FIRST)}-{chr(FIRST + 0xFFFF)}])([ \t\r\n]*:)", bare, text), found)
    same = ours(other).json == finding.ours.json
    return other != finding.text and same and finding.asked(other) == finding.asked(finding.canonical)


def key_of(finding: Finding) -> str:
    """The key of a `key`, with its delimiters."""
    return finding.text.removesuffix(f":{DELIMITER}{DELIMITER}")


def key(pattern: str, answer: Callable[[str], Any] | None = None) -> When:
    """Keys (with their delimiters) of a pattern; `answer` makes the reference's value of it, an error if absent."""

    def when(finding: Finding) -> bool:
        if finding.kind != "key" or not re.fullmatch(pattern, key_of(finding), re.DOTALL):
            return False
        return finding.theirs == ("error" if answer is None else dumped(answer(key_of(finding))))

    return when


def delimiter_in_key(finding: Finding) -> bool:
    """A key in delimiters that the reference reads as a bare one: up to the first colon, delimiters included."""
    name = key_of(finding).partition(":")[0].strip()
    is_key = finding.kind == "key" and name.startswith(DELIMITER)
    return is_key and finding.theirs.startswith(dumped({name: ""}).removesuffix('""}'))


def value(pattern: str, answer: Callable[[str], Any] | None = None) -> When:
    """Undelimited scalars of a pattern; `answer` makes the reference's value of it, an error if absent."""

    def when(finding: Finding) -> bool:
        scalar = finding.text.removeprefix("a:")
        array = scalar.startswith("[")
        scalar = scalar[1:-1] if array else scalar
        if finding.kind != "value" or not re.fullmatch(pattern, scalar):
            return False
        if answer is None:
            return finding.theirs == "error"
        return finding.theirs == dumped({"a": [answer(scalar)] if array else answer(scalar)})

    return when


def strings(found: Any) -> Iterator[str]:
    """The strings of a value of `tree`, without the keys."""
    if isinstance(found, list):
        for inner in found:
            yield from strings(inner[1] if isinstance(found, Pairs) else inner)
    elif isinstance(found, str) and not isinstance(found, Spelled):
        yield found


def undelimited(chosen: Callable[[str], bool]) -> When:
    """Undelimited strings of a sort: stripped of the delimiters of these, the canonical text is read as the text is."""

    def when(finding: Finding) -> bool:
        if finding.kind != "form" or finding.ours.repairs != ("bare_string",):
            return False
        text = finding.canonical
        for word in filter(chosen, strings(tree(finding.ours.json))):
            place = rf"(^|[:,\[])[ \t\r\n]*{re.escape(word)}[ \t\r\n]*($|[,}}\]])"
            if re.search(place, masked(finding.text)[0]):
                text = text.replace(DELIMITER + word + DELIMITER, word)
        return text != finding.canonical and finding.asked(text) == finding.theirs

    return when


def is_python_number(word: str) -> bool:
    """Whether `int` reads the word, or `float` one with a point."""
    try:
        float(word) if "." in word else int(word)
    except ValueError:
        return False
    return True


def either(*causes: When) -> When:
    """One of several causes."""
    return lambda finding: any(when(finding) for when in causes)


Undo = Callable[[str], Iterator[str]]
"""Texts that a text may have been before the form of a repair came in."""


def repaired(undo: Undo, *repairs: str, shows: str = "") -> When:
    """The form of a repair: a text without it is canonical, means the same here, and is read the same there.

    Args:
        undo: Gives texts without the form; one of them must be such a text.
        repairs: What is noted of the form.
        shows: Characters that the reference keeps in its value.
    """

    def when(finding: Finding) -> bool:
        if finding.kind != "form" or finding.ours.repairs != repairs or any(map(finding.text.__contains__, MARKERS)):
            return False
        return json.dumps(shows, ensure_ascii=False)[1:-1] in finding.theirs and any(
            canonical.repairs == ()
            and canonical.json == finding.ours.json
            and finding.asked(other) == finding.asked(finding.canonical)
            for other in undo(finding.text)
            for canonical in [ours(other)]
        )

    return when


def equals_sign(text: str) -> Iterator[str]:
    other, found = masked(text)
    yield unmasked(other.replace("=", ":"), found)


SCALAR = f"(?P<before>(?:\\A|[:=,\\[]){BLANKS})(?P<word>true|false|none|nil|null)(?={BLANKS}(?:[,}}\\]]|\\Z))"


def python_literal(text: str) -> Iterator[str]:
    def literal(match: re.Match[str]) -> str:
        word = match["word"].lower()
        return match["before"] + (word if word in ("true", "false") else "null")

    other, found = masked(text)
    for _ in range(2):  # neighbours in an array share their comma
        other = re.sub(SCALAR, literal, other, flags=re.IGNORECASE)
    yield unmasked(other, found)


def decoded(quote: str, body: str) -> str:
    """The text in quotes of a kind."""
    if quote == "`":
        return body
    escapes = set(re.findall(r"\\(.)", body, re.DOTALL))
    if quote == '"':
        try:
            return str(json.loads(f'"{body}"', strict=False))
        except ValueError:
            return body
    if not escapes <= set("ntr\\'\""):
        return body
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1]), body)


def quotes(text: str) -> Iterator[str]:
    """Delimiters for quotes, and no delimiter behind them.

    A quote of the looser kinds closes a key before its separator, a value before a bracket, and before a comma: any in
    an array, and in an object one that a key follows. So there are two readings to be tried.
    """
    delimiter = re.escape(DELIMITER)
    start = rf"(?P<before>(?:\A|(?P<in_value>[:=])|[,{{\[]){BLANKS})"
    key_end = rf"(?={BLANKS}(?:{delimiter}{BLANKS})?[:=])"
    escaped = r"(?:[^\\]|\\.)*?"
    for comma in (",", rf",{BLANKS}(?:[}}\]]|\Z|[^:=,{{}}\[\]]+[:=])"):
        value_end = rf"(?={BLANKS}(?:[}}\]]|\Z|{comma}|{delimiter}))"
        keys = rf"'(?P<single_key>{escaped})'{key_end}|`(?P<backtick_key>.*?)`{key_end}"
        values = rf"'(?P<single>{escaped})'{value_end}|`(?P<backtick>.*?)`{value_end}"
        dangling = rf"(?P<dangling>{BLANKS}{delimiter}(?={BLANKS}(?:[:=,}}\])]|\Z)))?(?P<separator>(?={BLANKS}[:=]))?"
        pattern = (
            rf"{delimiter}.*?{delimiter}|"
            rf'{start}(?:"(?P<double>{escaped})"|(?(in_value)(?!)|(?:{keys}))|{values}){dangling}'
        )

        def delimited(match: re.Match[str]) -> str:
            if match["before"] is None:
                return match[0]
            names = ("double", "single_key", "single", "backtick_key", "backtick")
            name = next(name for name in names if match[name] is not None)
            found = decoded({"d": '"', "s": "'", "b": "`"}[name[0]], match[name])
            is_key = match["separator"] is not None and match["in_value"] is None
            return match["before"] + (written_key(found) if is_key else DELIMITER + found + DELIMITER)

        yield re.sub(pattern, delimited, text, flags=re.DOTALL)


def missing_open_delimiter(text: str) -> Iterator[str]:
    for match in re.finditer(rf"[:=,\[]{BLANKS}", text):
        yield text[: match.end()] + DELIMITER + text[match.end() :]


def missing_close_delimiter(text: str) -> Iterator[str]:
    for place in range(len(text.rstrip(CLOSING)), len(text) + 1):
        yield text[:place] + DELIMITER + text[place:]


def missing_close_bracket(text: str) -> Iterator[str]:
    open_ones: list[str] = []
    for character in masked(text)[0]:
        if character in "{[":
            open_ones.append("}" if character == "{" else "]")
        elif character in "}]" and open_ones:
            open_ones.pop()
    yield text + "".join(reversed(open_ones))


def extra_bracket(text: str) -> Iterator[str]:
    for place in range(len(text.rstrip(CLOSING)), len(text)):
        yield text[:place]


def double_brace(text: str) -> Iterator[str]:
    inner = text.strip(" \t\r\n").removeprefix("{")
    yield inner
    yield inner.removesuffix("}")


def is_malformed(finding: Finding) -> bool:
    return (finding.kind, finding.ours.answer) == ("rejected", "rejected: malformed_call")


def key_with_equals_sign(finding: Finding) -> bool:
    """Keys that hold an equals sign: there it is read as any other character, as here with `lenient=False`."""
    is_form = finding.kind == "form" and "equals_sign" in finding.ours.repairs
    other, strictly = finding.text.replace("=", "·"), ours(finding.text, lenient=False)
    if not is_form and not is_malformed(finding):
        return False
    same = ours(other).json == strictly.json.replace("=", "·") != ""
    return same and finding.asked(other) == finding.theirs.replace("=", "·")


def strict(finding: Finding) -> bool:
    """A form that the canonical grammar has not, either."""
    other = ours(finding.text, lenient=False)
    is_repaired = finding.ours.repairs != () and other.json != finding.ours.json
    return (finding.kind, finding.theirs) == ("form", "error") and is_repaired


CLOSES, ENDS, OPENS = map(re.escape, ("<tool_call|>", "<turn|>", "<|tool_call>"))
ENDS = f"{ENDS}|{re.escape('<|turn>')}|{re.escape('<|tool_response>')}"
TWO_MARKERS = f"(?:{CLOSES}|{ENDS}){BLANKS}(?:{OPENS}|{ENDS})"

ENDED = ("truncated_call", "malformed_call", "text behind the call")


def marker(finding: Finding) -> bool:
    """Two markers in a row: without markers, the call is accepted, and the reference reads the same but for them."""
    if not re.search(TWO_MARKERS, finding.text) or finding.kind not in ("form", "rejected"):
        return False
    calls = [finding.text[: found.start()] for found in re.finditer(f"{CLOSES}|{ENDS}", finding.text)]
    if finding.kind == "form" and not any(
        ours(call.rstrip(" \t\r\n").removesuffix("}")).json == finding.ours.json for call in calls
    ):
        return False
    if finding.kind == "rejected" and finding.ours.answer.removeprefix("rejected: ") not in ENDED:
        return False
    other, expected = finding.text, finding.theirs
    for literal in MARKERS:
        other, expected = other.replace(literal, "·"), expected.replace(literal, "·")
    return ours(other).repairs == () and ours(other).json != "" and finding.asked(other) == expected


def rejected(sentence: str, before: str = "", after: str = "") -> When:
    """A call that is malformed in the canonical grammar, too: why, and what ends and what begins at the place."""

    def when(finding: Finding) -> bool:
        place = finding.ours.offset
        return (
            is_malformed(finding)
            and not any(map(finding.text.__contains__, MARKERS))
            and not ours(finding.text, lenient=False).json
            and re.fullmatch(sentence, finding.ours.sentence) is not None
            and re.search(f"(?:{before})\\Z", masked(finding.text[:place])[0], re.DOTALL) is not None
            and re.match(after, finding.text[place:] + "}", re.DOTALL) is not None
        )

    return when


PLACE = r"(?:^|[:=,{\[])[ \t\r\n]*"
"""Where a key or value begins."""
CLOSED = {'"': '"', "'": "'[ \t\r\n]*[:=,}\\]§]", "`": "`[ \t\r\n]*[:=,}\\]§]", "§": "(?!)"}
"""By what opens a key or value: what would close it. `§` is a delimiter that is not one of two."""


def ends_within(opener: str) -> When:
    """A call that is closed while a key or value is open that begins with one of the characters."""

    def when(finding: Finding) -> bool:
        if (finding.kind, finding.ours.sentence) != ("rejected", "the text ends within the arguments"):
            return False
        text = masked(finding.text)[0].replace(DELIMITER, "§")
        openers = re.finditer(f"{PLACE}([§\"'`])", text)
        left_open = (found[1] for found in openers if not re.search(CLOSED[found[1]], text[found.end() :]))
        return next(left_open, "-") in opener

    return when


def empty(finding: Finding) -> bool:
    """An empty value before a comma or a closing bracket: with delimiters it is read."""
    if finding.kind != "form" or finding.ours.repairs not in (("bare_string",), ("extra_bracket",)):
        return False
    text, found = masked(finding.text)
    other = unmasked(re.sub(r":(?=[ \t\r\n]*[,}\]])", f":{DELIMITER}{DELIMITER}", text), found)
    same = ours(other).json == finding.ours.json
    return other != finding.text and same and finding.asked(other) == finding.asked(finding.canonical)


def deep(finding: Finding) -> bool:
    """Nested deeper than 256."""
    return finding.kind == "rejected" and finding.ours.sentence == "nested more than 256 deep"


def stack(finding: Finding) -> bool:
    """Nested so deep that the reference runs out of stack, though it reads all that is in it."""
    return (finding.kind, finding.theirs) == ("whole", "error") and finding.text.count("{") > 100


def cut(finding: Finding) -> bool:
    """A call that was cut off."""
    return finding.kind == "cut" and finding.ours.answer == "rejected: truncated_call"


class Typed(NamedTuple):
    """A scalar and what its schema allows."""

    word: str
    is_string: bool
    """Whether it was delimited."""
    types: frozenset[str]
    """Empty if the schema names none."""

    @property
    def literal(self) -> Any:
        """The value of the word as JSON, `Ellipsis` if it is none. Numbers beyond a float are infinite."""
        try:
            return json.loads(self.word)
        except ValueError:
            return ...

    @property
    def bare(self) -> str:
        """The word without outer blanks."""
        return self.word.strip(" \t\r\n")

    @property
    def stays(self) -> bool:
        """Whether it is a string, and may be one."""
        return self.is_string and "string" in self.types

    @property
    def is_bit(self) -> bool:
        """Whether it is 0 or 1 and becomes a boolean."""
        return self.bare in ("0", "1") and isinstance(self.converted, bool)

    @property
    def fits(self) -> bool:
        """Whether one of the types is that of the word, which has none of Unicode's spaces around it."""
        value = self.literal
        is_whole = isinstance(value, float) and value.is_integer()
        names: dict[type, set[str]] = {
            type(None): {"null"},
            bool: {"boolean"},
            int: {"integer", "number"},
            float: {"integer", "number"} if is_whole else {"number"},
            list: {"array"},
            dict: {"object"},
        }
        return self.bare == self.word.strip() and bool(self.types & names.get(type(value), set()))

    @property
    def converted(self) -> Any:
        """What vLLM 0.33.0 makes of the word by the types but `string`, `Ellipsis` if nothing."""
        word = self.word.lower()
        if "null" in self.types and word == "null":
            return None
        word = word.strip()
        if self.types & {"integer", "number"} and re.fullmatch(r"-?\d{1,4300}", word):
            return int(word)
        is_finite = not (isinstance(self.literal, float) and math.isinf(self.literal))
        if "number" in self.types and isinstance(self.literal, float) and is_finite:
            return int(self.literal) if self.literal.is_integer() else self.literal
        if "boolean" in self.types and word in ("true", "1", "false", "0"):
            return word in ("true", "1")
        return self.literal if self.types & {"array", "object"} and is_finite else ...


def as_written(one: Typed) -> str:
    """A word as JSON text: delimited it is a string, but for what `coerce` reads."""
    is_read = one.fits and not one.stays
    return dumped(one.word) if one.is_string and not is_read else one.bare


def typed(
    chosen: Callable[[Typed], bool], answer: Callable[[Typed], Any], mine: Callable[[Typed], str] = as_written
) -> When:
    """Scalars with a schema: `answer` makes the reference's value of one, `mine` the JSON text that is sent here."""

    def when(finding: Finding) -> bool:
        if finding.kind != "typed":
            return False
        types, value = json.loads(finding.schema).get("type", []), finding.text.removeprefix("a:")
        word = value.removeprefix(DELIMITER).removesuffix(DELIMITER)
        one = Typed(word, word != value, frozenset([types] if isinstance(types, str) else types))
        if not chosen(one):
            return False
        return finding.theirs == dumped({"a": answer(one)}) and finding.ours.json == f'{{"a":{mine(one)}}}'

    return when
