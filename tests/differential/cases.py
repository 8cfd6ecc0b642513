"""Outputs with everything that they are read with: options, mutations, token ids, cuts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

import helpers
from differential import outputs, wire
from differential.schemas import ODD_LISTS, Declared, declared, tool_list
from differential.tape import Tape, random_tape, tapes

FINISHES = ("stop", "stop", "stop", "length", "abort")
VECTORS = helpers.cases()


@dataclass(frozen=True)
class Case:
    """An output in deltas, and how to read it."""

    deltas: list[Any]
    """Pieces of text, or lists of ids."""
    finish: str = "stop"
    options: Mapping[str, Any] = field(default_factory=dict)
    vocabulary: str | Mapping[int, bytes] | None = None
    """The name of one in `wire.VOCABULARIES`, or the pieces of its own; None for text."""
    before: int = 0
    """So many deltas are fed and forgotten by a reset before all of them are fed."""

    @property
    def whole(self) -> Any:
        if self.vocabulary is None:
            return "".join(self.deltas)
        return [token for delta in self.deltas for token in delta]


def options(tape: Tape) -> dict[str, Any]:
    """Options of a stream, defaults left out."""
    made: dict[str, Any] = {}
    if tape.below(3) != 2:
        made["tools"] = tool_list(tape)
    if tape.chance(5):
        made["start"] = "reasoning"
    for name, rarity, value in (
        ("parse_reasoning", 8, False),
        ("lenient", 10, False),
        ("coerce", 3, True),
        ("spaced", 4, True),
    ):
        if tape.chance(rarity):
            made[name] = value
    if made.get("start") and "parse_reasoning" in made and not tape.chance(8):
        del made["parse_reasoning"]
    if tape.chance(100):
        made["tools"] = tape.pick(ODD_LISTS)
    return made


def text(tape: Tape, known: Declared) -> str:
    """An output of any kind. `known`: see `schemas.declared`."""
    match tape.below(8):
        case 1:
            return outputs.turn(tape, lenient=False)
        case 2 | 3:
            return mutated(tape, outputs.turn(tape, known=known))
        case 4:
            return mutated(tape, outputs.turn(tape, lenient=False))
        case 5:
            return splice(tape, outputs.turn(tape, known=known), tape.pick(VECTORS).text)
        case 6:
            return outputs.soup(tape)
        case _:
            return outputs.turn(tape, known=known)


def splice(tape: Tape, one: str, other: str) -> str:
    """The front of one output and the back of another."""
    return one[: tape.below(len(one) + 1)] + other[tape.below(len(other) + 1) :]


def mutated(tape: Tape, whole: str) -> str:
    """An output with a few small accidents: spans gone, doubled, swapped, inserted, the end cut off."""
    for _ in range(1 + tape.below(4)):
        # Accidents happen to parts as often as to characters.
        units: list[str] = [unit for unit in wire.LITERAL.split(whole) if unit] if tape.chance(3) else list(whole)
        at = tape.below(len(units) + 1)
        end = min(len(units), at + 1 + tape.below(6))
        match tape.below(7):
            case 0:
                del units[at:end]
            case 1 | 2:
                units[at:at] = [tape.pick(outputs.SOUP)]
            case 3:
                to = tape.below(len(units) + 1)
                units[to:to] = units[at:end]
            case 4 if at < len(units):
                other = tape.below(len(units))
                units[at], units[other] = units[other], units[at]
            case 5:
                units[at:end] = [tape.pick(outputs.SOUP)]
            case _ if tape.chance(3):
                del units[at:]
            case _:
                pass
        whole = "".join(units)
    return whole


def deltas(tape: Tape, whole: Sequence[Any]) -> list[Any]:
    """The whole cut anywhere: not at all, one by one, at some places."""
    if tape.chance(5):
        return [whole]
    places = tape.cuts(len(whole))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]


def case(tape: Tape, *, ids: bool = False) -> Case:
    """A case of any kind, as text or as token ids."""
    if tape.chance(8):
        vector = tape.pick(VECTORS)
        made, chosen, finish = vector.text, dict(vector.options), vector.finish
        if not tape.chance(3):
            made = mutated(tape, made)
        if tape.chance(3):
            chosen |= options(tape)
    else:
        # A deep schema leaves something for the text, and the text for the cuts.
        chosen, finish = options(tape.part(4)), tape.pick(FINISHES)
        made = text(tape.part(2), declared(chosen.get("tools")))
    vocabulary: str | Mapping[int, bytes] | None = None
    whole: Any = made
    if ids:
        whole, vocabulary = wire.tokens(tape, made)
    cut = deltas(tape, whole)
    return Case(cut, finish, chosen, vocabulary, tape.below(len(cut) + 1) if tape.chance(6) else 0)


def cases(*, ids: bool) -> st.SearchStrategy[Case]:
    """Cases for Hypothesis."""
    return tapes().map(lambda tape: case(tape, ids=ids))


def some(make: Callable[[Tape], Any], count: int, seed: int) -> Iterator[Any]:
    """As many things, always the same ones."""
    source = random.Random(seed)
    for _ in range(count):
        yield make(random_tape(source))
