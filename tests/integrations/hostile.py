"""Outputs that no model should write: control tokens in all orders, random ids, and turns that were changed or cut."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from helpers import CONTROL_IDS, pieces, tokenise
from integrations.hosts import turns

MARKERS = ("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", '<|"|>', "<|turn>", "<turn|>")
OTHERS = ("<|tool_response>", "<tool_response|>", "<eos>", "<bos>", "<pad>", "<|think|>", "<|tool>", "<tool|>", "<unk>")
BETWEEN = ("thought\n", "call:f{a:1", "}", "x", '"', "call:f{s:", ",b:", "é", "\n", "<|", "<tool_call")
"""What may stand between two markers; some of it is the beginning of more."""


def orders() -> Iterator[list[int]]:
    """Every order of three markers, and of two of all control tokens, with this and that between them."""
    source = random.Random(1)
    every = (*MARKERS, *OTHERS)
    for markers in (*itertools.product(MARKERS, repeat=3), *itertools.product(every, repeat=2)):
        yield tokenise("".join(source.choice(("", *BETWEEN)) + marker for marker in markers) + source.choice(BETWEEN))


def noise(count: int, seed: int) -> Iterator[list[int]]:
    """Random ids, many of them control tokens."""
    source = random.Random(seed)
    control, every = list(CONTROL_IDS.values()), list(pieces())
    for _ in range(count):
        yield [source.choice(source.choice((control, every))) for _ in range(source.randint(1, 40))]


def changed(count: int, seed: int) -> Iterator[list[int]]:
    """Turns in which pieces were left out, doubled, moved or replaced, and which may be cut."""
    source = random.Random(seed)
    control = list(CONTROL_IDS.values())
    for turn in turns(count, seed):
        ids = tokenise(turn.text) or [control[0]]
        for _ in range(source.randint(0, 4)):
            at, to = source.randrange(len(ids)), source.randrange(len(ids))
            match source.randrange(4):
                case 0:
                    del ids[at : at + source.randint(1, 3)]
                case 1:
                    ids[to:to] = ids[at : at + source.randint(1, 8)]
                case 2:
                    ids[at] = source.choice(control)
                case _:
                    ids[at], ids[to] = ids[to], ids[at]
            ids = ids or [control[0]]
        yield ids[: source.randint(1, len(ids))] if source.random() < 0.5 else ids


def outputs(count: int, seed: int) -> list[list[int]]:
    """All orders, and so many of the others."""
    return [*orders(), *noise(count, seed), *changed(count, seed)]


def texts(count: int, seed: int) -> list[str]:
    """The same as text, as a detokeniser gives it: bytes that are no characters are replaced."""
    known = pieces()
    return [b"".join(known[number] for number in ids).decode("utf-8", "replace") for ids in outputs(count, seed)]
