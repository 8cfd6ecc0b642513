"""Where a reference reads or writes something else than this package: by rule, with the reason and an example.

Each difference that the tests find must be explained by exactly one row: its `when` sees one difference and says
whether it is of this kind. DESIGN.md shows the table as `rows` gives it.
"""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

from references.causes import (
    When,
    cut,
    deep,
    delimited_key,
    delimiter_in_key,
    double_brace,
    either,
    empty,
    ends_within,
    equals_sign,
    is_python_number,
    key,
    key_with_equals_sign,
    marker,
    missing_close_bracket,
    missing_close_delimiter,
    missing_open_delimiter,
    python_literal,
    quotes,
    rejected,
    repaired,
    respelled,
    stack,
    strict,
    typed,
    undelimited,
    value,
)
from references.corpus import DELIMITER
from references.findings import Ours, ours, ours_cut, ours_typed

OLD, NEW, DIALOG = "vllm 0.22.1", "vllm 0.33.0", "dialog"
READERS = (DIALOG, OLD, NEW)
BLANK = "[ \t\r\n]"
QUOTED = ("json_string", "single_quotes", "backticks")


class Difference(NamedTuple):
    """A kind of difference."""

    references: tuple[str, ...]
    rule: str
    """The rule or repair of DESIGN.md that decides here."""
    example: str
    ours: str
    theirs: str
    reason: str
    when: When
    loss: bool = False
    """Whether the reference's answer is arguably the better one."""
    schema: str = ""
    """The schema of the argument `a`, as JSON text."""

    @property
    def is_cut(self) -> bool:
        """Whether the example is of a call that was cut off."""
        return self.rule == "cut-off"

    def mine(self) -> Ours:
        """This package's answer to the example."""
        if self.schema:
            return ours_typed(self.example, json.loads(self.schema))
        return ours_cut(self.example) if self.is_cut else ours(self.example)


D = DELIMITER
BOTH = (OLD, NEW)
MALFORMED = "rejected: malformed_call"
TRUNCATED = "rejected: truncated_call"
NUMBER = r"-?\d+(\.\d+)?([eE][+-]?\d+)?"
DIGITS = "9" * 4301
"""More than Python turns into an int."""
DEEP = "a:" + "[" * 256 + "]" * 256
DEEP_OBJECTS = "a:{" * 255 + "}" * 255

# fmt: off
TABLE = (
    # Keys and scalars as the template writes them.
    Difference(
        (DIALOG,), "key", f"Content-Type:{D}x{D}", '{"Content-Type":"x"}', "error",
        "Keys are ASCII identifiers there; the template writes any",
        key(r"(?![A-Za-z_][A-Za-z0-9_]*\Z).*"),
    ),
    Difference(
        (OLD,), "key", f"{D}a b{D}:1", '{"a b":1}', f'{{"{D}a b{D}":1}}'.replace(D, D.replace('"', '\\"')),
        "Delimiters become part of the key, and a colon within them ends it",
        either(delimited_key, delimiter_in_key),
    ),
    Difference(
        (NEW,), "key", f"{D}a:b{D}:1", '{"a:b":1}', '{"<|\\"|>a":"b<|\\"|>:1"}',
        "A colon within the delimiters ends the key",
        delimiter_in_key,
    ),
    Difference(
        BOTH, "key", "a\u3000:x", '{"a\u3000":"x"}', '{"a":"x"}',
        "All that Unicode calls a space is stripped; blanks here are four characters, so that keys come back",
        key(r"(?!<\|)(\s.*|.*\s)", lambda text: {text.strip(): ""}),
    ),
    Difference(
        (DIALOG,), "values", "a:1e-07", '{"a":1e-07}', "error",
        "No exponents there; the template writes them below 1e-4 and from 1e16",
        value(r"-?\d+(\.\d+)?[eE][+-]?\d+"),
    ),
    Difference(
        (OLD,), "values", "a:1e-07", '{"a":1e-07}', '{"a":"1e-07"}',
        "Only a number with a point may have an exponent there",
        value(r"-?\d+[eE][+-]?\d+", str),
    ),
    Difference(
        (NEW,), "values", "a:42", '{"a":42}', '{"a":"42"}',
        "Without a schema every undelimited scalar is text there; types are made of the schema afterwards",
        value(f"{NUMBER}|true|false|null", str),
    ),
    Difference(
        (DIALOG,), "json-text", f"a:{DIGITS}", f'{{"a":{DIGITS}}}', "error",
        "`int` takes 4,300 digits; the JSON text here has them all, and the Python value is a `Decimal`",
        value(r"-?\d{4301,}"),
    ),
    Difference(
        (OLD,), "json-text", f"a:{DIGITS}", f'{{"a":{DIGITS}}}', f'{{"a":"{DIGITS}"}}',
        "The same, and what `int` refuses is text",
        value(r"-?\d{4301,}", str),
    ),
    Difference(
        (DIALOG,), "json-text", f"a:{'9' * 400}.5", f'{{"a":{"9" * 400}.5}}', '{"a":Infinity}',
        "A number beyond a float is infinite there",
        value(r"-?\d{309,}\.\d+", float),
    ),
    Difference(
        (OLD,), "json-text", "a:1.0e999", '{"a":1.0e999}', '{"a":Infinity}',
        "A number beyond a float is infinite there, which no JSON text can say",
        value(r"-?\d+\.\d+([eE][+]?\d+)?", lambda text: float(text) if abs(float(text)) == float("inf") else None),
    ),
    Difference(
        (DIALOG,), "limits", DEEP_OBJECTS, DEEP_OBJECTS.replace("a:", '"a":').join("{}"), "error",
        "Its stack ends before 256 objects",
        stack,
    ),
    # Spellings of the canonical grammar that the template does not use.
    Difference(
        (DIALOG,), "canonical grammar", "a: 1", '{"a":1}', "error",
        "No blanks there",
        respelled(f"(?<=[:,{{}}\\[\\]]){BLANK}+|{BLANK}+(?=[:,{{}}\\[\\]])|\\A{BLANK}+|{BLANK}+\\Z", ""),
    ),
    Difference(
        BOTH, "canonical grammar", f"a:\r{D}x{D}", '{"a":"x"}', '{"a":"<|\\"|>x<|\\"|>"}',
        "A carriage return is no blank there",
        respelled("\r", "\n"),
    ),
    Difference(
        (DIALOG,), "canonical grammar", "a:[1,]", '{"a":[1]}', "error",
        "No trailing commas there",
        respelled(f",(?={BLANK}*([}}\\]]|\\Z))", ""),
    ),
    Difference(
        (DIALOG,), "key", f"{D}a{D}:1", '{"a":1}', "error",
        "No keys in delimiters there; models write them",
        delimited_key,
    ),
    Difference(
        (DIALOG,), "canonical grammar", "a:", '{"a":""}', "error",
        "No empty values there",
        respelled(f":(?={BLANK}*([}}]|\\Z))", f":{D}{D}"),
    ),
    # The repairs.
    Difference(
        (DIALOG,), "use", "a=1", '{"a":1}', "error",
        "It repairs nothing, as the option `lenient=False`",
        strict,
    ),
    Difference(
        (DIALOG,), "bare_string", "a:007", '{"a":"007"}', '{"a":7}',
        "Leading zeros and the digits of all scripts are numbers there",
        undelimited(lambda word: re.fullmatch(r"-?\d+(\.\d+)?", word) is not None),
    ),
    Difference(
        (OLD,), "bare_string", "a:+5", '{"a":"+5"}', '{"a":5}',
        "What `int` and `float` read is a number there (`007`, `1_000`, `.5`, `١٢`); here only where a schema asks",
        undelimited(is_python_number),
    ),
    Difference(
        BOTH, "bare_string", "a:x\u3000", '{"a":"x\u3000"}', '{"a":"x"}',
        "All that Unicode calls a space is stripped",
        undelimited(lambda word: word != word.strip() and not is_python_number(word)),
    ),
    Difference(
        BOTH, "bare_string", "a:,b:x", '{"a":"","b":"x"}', "{}",
        "An empty value before a comma ends the reading: this and all that follows is lost",
        empty,
    ),
    Difference(
        BOTH, "equals_sign", "a=x", '{"a":"x"}', "{}",
        "Only a colon ends a key",
        repaired(equals_sign, "equals_sign"),
    ),
    Difference(
        BOTH, "equals_sign", f"a=b:{D}x{D}", MALFORMED, '{"a=b":"x"}',
        "A key may hold `=` there, and here with `lenient=False` only",
        key_with_equals_sign, loss=True,
    ),
    Difference(
        BOTH, "json_string", 'a:"x"', '{"a":"x"}', '{"a":"\\"x\\""}',
        "The quotes become part of the text, and commas and brackets in it end it",
        repaired(quotes, "json_string", shows='"'),
    ),
    Difference(
        BOTH, "single_quotes", "a:'x'", '{"a":"x"}', """{"a":"'x'"}""",
        "The same",
        repaired(quotes, "single_quotes", shows="'"),
    ),
    Difference(
        BOTH, "backticks", "a:`x`", '{"a":"x"}', '{"a":"`x`"}',
        "The same",
        repaired(quotes, "backticks", shows="`"),
    ),
    Difference(
        BOTH, "dangling_delimiter", f'a:"x"{D}', '{"a":"x"}', '{"a":"\\"x\\"<|\\"|>"}',
        "The delimiter becomes part of the text, too",
        either(*(repaired(quotes, kind, "dangling_delimiter", shows=D) for kind in QUOTED)),
    ),
    Difference(
        (OLD,), "python_literal", "a:True", '{"a":true}', '{"a":"True"}',
        "Of the words of Python it knows `None` only",
        repaired(python_literal, "python_literal"),
    ),
    Difference(
        (NEW,), "python_literal", "a:None", '{"a":null}', '{"a":"None"}',
        "Text, and with a schema only `true`, `false` and `null` are read, in any case",
        repaired(python_literal, "python_literal"),
    ),
    Difference(
        BOTH, "missing_open_delimiter", f"a:x{D}", '{"a":"x"}', '{"a":"x<|\\"|>"}',
        "The delimiter becomes part of the text, and a comma ends it",
        repaired(missing_open_delimiter, "missing_open_delimiter"),
    ),
    Difference(
        BOTH, "missing_close_delimiter", f"a:{{b:{D}x}}", '{"a":{"b":"x"}}', '{"a":{"b":"x}"}}',
        "All that is left is text, the closing brackets included",
        repaired(missing_close_delimiter, "missing_close_delimiter"),
    ),
    Difference(
        BOTH, "missing_close_bracket", "a:{b:1", '{"a":{"b":1}}', '{"a":{}}',
        "A scalar at the end of what is not closed is dropped",
        repaired(missing_close_bracket, "missing_close_bracket"),
    ),
    Difference(
        BOTH, "double_brace", "{a:x}", '{"a":"x"}', '{"{a":"x"}',
        "The bracket becomes part of the key",
        either(
            repaired(double_brace, "double_brace"), repaired(double_brace, "double_brace", "missing_close_bracket")
        ),
    ),
    # Types by the schema, with `coerce`.
    Difference(
        (NEW,), "schema", "a:42", '{"a":42}', '{"a":"42"}',
        "A schema that names no type asks for a string there; here it restricts nothing",
        typed(lambda one: one.types == set() and not one.is_string, lambda one: one.word),
        schema="{}",
    ),
    Difference(
        (NEW,), "values", "a:42", '{"a":42}', '{"a":"42"}',
        "What fits none of several types is a string there, if that is one of them; here only if it is the only one",
        typed(lambda one: "string" in one.types and not one.is_string and one.converted is ..., lambda one: one.word),
        schema='{"type": ["string", "null"]}', loss=True,
    ),
    Difference(
        (NEW,), "values", "a:1.0", '{"a":1.0}', '{"a":1}',
        "A number without a fraction becomes an integer there; here it keeps its spelling",
        typed(
            lambda one: isinstance(one.literal, float) and type(one.converted) is int and one.fits and not one.stays,
            lambda one: one.converted,
        ),
        schema='{"type": "number"}',
    ),
    Difference(
        (NEW,), "values", "a:1", '{"a":1}', '{"a":true}',
        "0 and 1 are booleans there if the schema asks for one",
        typed(
            lambda one: one.is_bit and not one.stays,
            lambda one: one.converted,
        ),
        schema='{"type": "boolean"}',
    ),
    Difference(
        (NEW,), "json-text", "a:1e999", '{"a":1e999}', '{"a":"1e999"}',
        "A number beyond a float is text there; here it keeps its spelling, and the Python value is a `Decimal`",
        typed(
            lambda one: one.types != set() and "string" not in one.types and one.literal in (math.inf, -math.inf),
            lambda one: one.word,
        ),
        schema='{"type": "number"}',
    ),
    Difference(
        (NEW,), "values", f"a:{D}42{D}", '{"a":"42"}', '{"a":42}',
        "A delimited value is read as another type there although the schema allows a string; here it is one then",
        typed(lambda one: one.stays and one.converted is not ..., lambda one: one.converted),
        schema='{"type": ["integer", "string"]}',
    ),
    Difference(
        (NEW,), "values", f"a:{D}1.5{D}", '{"a":"1.5"}', '{"a":1.5}',
        "A delimited value that fits the schema but for Unicode's spaces, or not at all, is any JSON value there",
        typed(
            lambda one: one.is_string and one.types != set() and not (one.stays or one.fits or one.is_bit),
            lambda one: one.literal if one.converted is ... else one.converted,
        ),
        schema='{"type": "integer"}',
    ),
    Difference(
        (NEW,), "python_literal", f"a:{D}None{D}", '{"a":null}', '{"a":"None"}',
        "Where only null is asked for, here it is read in Python's spelling, too",
        typed(
            lambda one: one.is_string and "null" in one.types and not one.stays and one.bare.lower() in ("none", "nil"),
            lambda one: one.word, lambda one: "null",
        ),
        schema='{"type": "null"}',
    ),
    # Calls that are rejected here.
    Difference(
        (DIALOG, *BOTH), "marker-in-string", f"a:{D}<turn|><turn|>{D}", TRUNCATED, '{"a":"<turn|><turn|>"}',
        "Two markers in a row end the string here, and perhaps the call; not so if ordinary tokens spell them",
        marker, loss=True,
    ),
    Difference(
        (DIALOG, *BOTH), "limits", DEEP, MALFORMED, DEEP.replace("a:", '{"a":') + "}",
        "No limit there, and vLLM takes cubic time",
        deep,
    ),
    Difference(
        BOTH, "cut-off", "a:{b:12", TRUNCATED, '{"a":{}}',
        "What is open is closed, or dropped if it is a scalar; here a call that was cut off never runs",
        cut,
    ),
    Difference(
        BOTH, "key", "a:x,,b:y", MALFORMED, '{"a":"x","b":"y"}',
        "Doubled and leading commas are skipped; they tell of a lost member",
        rejected("a key is missing before `,`", f"(^|[{{,]){BLANK}*", ","), loss=True,
    ),
    Difference(
        BOTH, "bare-value", "a:[,x]", MALFORMED, '{"a":["x"]}',
        "The same in arrays",
        rejected("an element is missing before `,`", f"[\\[,]{BLANK}*", ","), loss=True,
    ),
    Difference(
        BOTH, "key", ":x", MALFORMED, '{"":"x"}',
        "An empty key is no key here unless it is quoted",
        rejected("a key is missing before `[:=]`", f"(^|[{{,]){BLANK}*", "[:=]"),
    ),
    Difference(
        BOTH, "key", "a:{b,c:x}", MALFORMED, '{"a":{"b,c":"x"}}',
        "A key without a value: it joins the next one or is dropped",
        rejected("expected `:` after a key", "[^:=]", "[^:=]"),
    ),
    Difference(
        BOTH, "key", "a[0]:x", MALFORMED, '{"a[0]":"x"}',
        "Keys may hold brackets, quotes and control characters",
        rejected("a (bracket|quote|control character) in a key|expected a key, found a bracket"),
    ),
    Difference(
        BOTH, "bare-value", "a:f[0]", MALFORMED, '{"a":"f[0"}',
        "An opening bracket is text, the closing one ends it",
        rejected("an opening bracket in an undelimited value", f"[:=,\\[]{BLANK}*[^{{\\[]+", "[{\\[]"), loss=True,
    ),
    Difference(
        BOTH, "bare-value", "a:x\ny", MALFORMED, '{"a":"x\\ny"}',
        "An undelimited text of several lines is one text",
        rejected("a control character in an undelimited value"), loss=True,
    ),
    Difference(
        BOTH, "bare-value", "a:x],b:y", MALFORMED, '{"a":"x","],b":"y"}',
        "Closing brackets need not fit",
        rejected("a closing bracket that does not fit", "", "[}\\])]"),
    ),
    Difference(
        BOTH, "string", f"a:{D}x{D}y", MALFORMED, '{"a":"x"}',
        "Text behind a value is dropped, or joins the next key",
        rejected("expected `,` or a closing bracket after a value"),
    ),
    Difference(
        BOTH, "missing_open_delimiter", f"a:[x{D}]", MALFORMED, '{"a":["x<|\\"|>"]}',
        "A delimiter in an array or a key",
        rejected("unexpected string delimiter", "", re.escape(D)),
    ),
    Difference(
        BOTH, "extra_bracket", "a:x}y", MALFORMED, '{"a":"x"}',
        "Text behind the object is dropped or becomes a member",
        rejected("expected the outer closing bracket|expected the close marker after the arguments", f"}}{BLANK}*"),
    ),
    Difference(
        BOTH, "missing_close_delimiter", f"a:{D}x,b:y", MALFORMED, '{"a":"x,b:y"}',
        "A string that is left open and may have swallowed a member, or whose brackets do not fit, is text",
        ends_within("§"),
    ),
    Difference(
        BOTH, "json_string", 'a:"x', MALFORMED, '{"a":"\\"x"}',
        "A quote is text there, so none is left open",
        ends_within("\"'`"),
    ),
)
# fmt: on
