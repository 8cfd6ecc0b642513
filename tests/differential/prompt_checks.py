"""One request, two implementations: the same prompt, warnings included, or the same error."""

from __future__ import annotations

import re
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from differential import prompts
from differential.checks import short
from differential.compare import DisagreementError, Pair, agree, outcome, plain, raised
from differential.outputs import SURROGATES
from differential.prompts import Request
from differential.schemas import Model
from differential.tape import Tape
from differential.values import ODD_SCALARS, Colour, Half, Word

FOREIGN: tuple[Callable[[], Any], ...] = (
    *(lambda text=text: f"a{text}b" for text in SURROGATES),
    lambda: SURROGATES[2] + SURROGATES[3],
    lambda: {SURROGATES[0]: 1, SURROGATES[1]: 2, "b": None},
    lambda: f'{{"a":"{SURROGATES[0]}"}}',
    lambda: ("a", 1),
    lambda: (),
    lambda: OrderedDict(type="text", text="x"),
    lambda: UserDict(a=1, B=[2]),
    lambda: MappingProxyType({"type": "object", "properties": {"a": {}}}),
    lambda: Model({"role": "assistant", "content": "x", "tool_calls": None}),
    lambda: Model({"type": "function", "function": {"name": "f", "arguments": "{}"}}),
    lambda: Word("assistant"),
    lambda: Word("x"),
    lambda: Half(0.5),
    lambda: Colour.RED,
    lambda: Decimal("1.50"),
    lambda: Decimal("NaN"),
    lambda: 10**5000,
    lambda: {1: 2},
    lambda: {None: "x"},
    lambda: {"a": {("b",): 1}},
    lambda: {"a": {1, 2}},
    *(lambda scalar=scalar: scalar for scalar in ODD_SCALARS),
)
"""What Python has and JSON has not."""


def foreign_value(tape: Tape) -> Any:
    """A value that is none of JSON, or just one of JSON."""
    return prompts.odd_value(tape) if tape.chance(4) else tape.pick(FOREIGN)()


def check_request(pair: Pair, request: Request) -> None:
    """A prompt of one request."""
    found = outcome(lambda: pair.rust.render(request.messages, request.tools, **request.options))
    other = outcome(lambda: pair.pure.render(request.messages, request.tools, **request.options))
    agree(f"render of {short(request)}", found, other)
    pair.seen.update(words(found))


def check_clients(pair: Pair, tape: Tape) -> None:
    """A request as clients send it."""
    check_unchanged(pair, prompts.case(tape))


def check_odd(pair: Pair, tape: Tape) -> None:
    """Any value of JSON in any place; half of them with what else the template takes."""
    check_unchanged(pair, prompts.odd(tape, make=prompts.plain if tape.chance(2) else prompts.case))


def check_foreign(pair: Pair, tape: Tape) -> None:
    """What is no JSON."""
    check_request(pair, prompts.odd(tape, foreign_value))


def check_unchanged(pair: Pair, request: Request) -> None:
    """A prompt, and that what it was made of is as it was."""
    before = plain([request.messages, request.tools])
    check_request(pair, request)
    agree(f"what was given to render of {short(request)}", before, plain([request.messages, request.tools]))


def words(found: Any) -> Iterator[str]:
    """What an outcome says in words: `warning the call has no result`, `error the role must be a string`."""
    if raised(found):
        yield f"{found[1]} {reason(found[2])}"
        return
    _, (_, _, (_, start), (_, warnings)) = found
    yield f"start {start}"
    for _, warning in warnings:
        yield f"warning {reason(warning)}"


def reason(text: str) -> str:
    """A warning or error without its place, and without what it names."""
    said = re.sub(r"^(messages|tools|bos)((?!: ).)*: ", "", text, flags=re.DOTALL)
    for pattern, by in _NAMED:
        said = re.sub(pattern, by, said, flags=re.DOTALL)
    return said


_NAMED = (
    (r"(?<=\W)messages\[\d+\]", "messages[0]"),
    (r'"(?:[^"]|"(?! is ))*"', '"x"'),
    (r"(?<=spells )<.*?>(?=,)", "<x>"),
    (r"(?<=to the call of ).*(?= by its order)", "x"),
)


def smallest(pair: Pair, request: Request) -> DisagreementError | None:
    """The difference in the smallest request found in which there is one."""

    def difference(one: Request) -> DisagreementError | None:
        try:
            check_request(pair, one)
        except DisagreementError as error:
            return error
        return None

    if difference(request) is None:
        return None
    return difference(prompts.minimised(request, lambda one: difference(one) is not None))


ON_TAPES: dict[str, Callable[[Pair, Tape], None]] = {
    "prompts of clients": check_clients,
    "odd prompts": check_odd,
    "foreign prompts": check_foreign,
}
"""The checks of prompts."""
