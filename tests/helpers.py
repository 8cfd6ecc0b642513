"""What the tests share: the cases, a stand-in vocabulary, cuts, merged events."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gemma4_parser import CONTROL_TOKENS, Event

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"

CONTROL_IDS = {literal: number for literal, number in CONTROL_TOKENS.items() if number < 200}
"""The control tokens at the ids of Google's tokenizer, without the media tokens."""

FIRST_BYTE = 238
FIRST_WORD = 1000
# fmt: off
WORDS = [
    "thought", "thought\n", "\n\n", "call", "call:", "call:get_weather", "get_", "_weather", "{", "}", "{}", "}}", ":",
    ":{", ",", "[", "]", "},{", "]}", "location", "location:", "city", "path", "content", "true", "false", "null",
    "None", '"', '":', '"}', "'", "`", "```", "<", "|", ">", "<|", "|>", "tool_call", "_call", "channel",
    "\r\n", "\u2028", "Paris", " Paris", "London", "Tokyo", "東京", "é", "naïve", "😀", " the", " a", " and", "ing",
    "  ", "5.0", "-",
]
# fmt: on

_CONTROL = re.compile("(" + "|".join(map(re.escape, CONTROL_IDS)) + ")")
_BY_LENGTH = sorted(WORDS, key=len, reverse=True)
_WORD = re.compile("(" + "|".join(map(re.escape, _BY_LENGTH)) + ")")
_WORD_IDS = {word: FIRST_WORD + number for number, word in enumerate(WORDS)}


def pieces() -> dict[int, bytes]:
    """The stand-in vocabulary: control tokens at their true ids, each byte, and some words and parts of words."""
    found = {number: literal.encode() for literal, number in CONTROL_IDS.items()}
    found |= {FIRST_BYTE + byte: bytes([byte]) for byte in range(256)}
    found |= {number: word.encode() for word, number in _WORD_IDS.items()}
    return found


def tokenise(text: str, *, words: bool = True) -> list[int]:
    """Ids of the stand-in vocabulary: a control literal is its control id, all else ordinary tokens.

    `words`: take the longest word that fits; else spell every character in bytes.
    """
    ids: list[int] = []
    for part in _CONTROL.split(text):
        if part in CONTROL_IDS:
            ids.append(CONTROL_IDS[part])
            continue
        for word in _WORD.split(part) if words else [part]:
            if words and word in _WORD_IDS:
                ids.append(_WORD_IDS[word])
            else:
                ids.extend(FIRST_BYTE + byte for byte in word.encode())
    return ids


OPTIONS = ("start", "tools", "parse_reasoning", "lenient", "coerce", "spaced")


class Case(NamedTuple):
    """One line of output.jsonl or own.jsonl."""

    id: str
    text: str
    options: dict[str, Any]
    finish: str
    forms: tuple[str, ...]
    deltas: list[str] | None
    expect: dict[str, Any]


def cases() -> list[Case]:
    """The cases of output.jsonl and own.jsonl."""
    found = []
    for name in ("output.jsonl", "own.jsonl"):
        for line in filter(None, (VECTORS / name).read_bytes().split(b"\n")):
            case = json.loads(line)
            options = {name: case[name] for name in OPTIONS if name in case}
            forms = tuple(case.get("forms", ("text", "ids")))
            finish = case.get("finish", "stop")
            found.append(Case(case["id"], case["text"], options, finish, forms, case.get("deltas"), case["expect"]))
    return found


def cuts(whole: Sequence[Any] | str, rounds: int, seed: int) -> Iterator[list[Any]]:
    """Cuts of a text or a list of ids: whole, one by one, and `rounds` random ones with empty pieces among them."""
    yield [whole]
    yield [whole[at : at + 1] for at in range(len(whole))]
    source = random.Random(seed)
    for _ in range(rounds):
        places = sorted(source.choices(range(len(whole) + 1), k=source.randint(1, 2 + len(whole) // 2)))
        yield [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]


MERGED = ("reasoning", "content", "call_arguments", "unparsed")
"""The kinds that come in pieces."""

Record = tuple[str, str, int | None, tuple[str, ...]]


def merge_events(events: Iterable[Any]) -> list[Record]:
    """The events as tuples, neighbours of one kind, index and detail joined."""
    merged: list[Record] = []
    for kind, text, index, detail in events:
        last = merged[-1] if merged else None
        if last and kind in MERGED and (last[0], last[2], last[3]) == (kind, index, detail):
            merged[-1] = (kind, last[1] + text, index, detail)
        else:
            merged.append((kind, text, index, detail))
    return merged


def event_of_json(line: str) -> Event:
    """The event that a line of JSON from the command line tells of."""
    record = json.loads(line)
    return Event(record["kind"], record["text"], record["index"], tuple(record["detail"]))


def run(stream: Any, deltas: Iterable[Any], finish: str = "stop") -> list[Any]:
    """All events of a stream that is fed the deltas (text or ids) and finished."""
    events: list[Any] = []
    for delta in deltas:
        events += stream.push_text(delta) if isinstance(delta, str) else stream.push(delta)
    events += stream.finish(finish)
    return events
