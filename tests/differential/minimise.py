"""Makes a case that fails small, and writes it as a line for the vectors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import helpers
from differential import wire
from differential.cases import Case
from differential.compare import Pair

ROUNDS = 20


def minimise(case: Case, fails: Callable[[Case], bool], budget: int = 20_000) -> Case:
    """The smallest case found that still fails, after at most `budget` tries."""
    left = budget
    for _ in range(ROUNDS):
        before = case
        for smaller in (_options, _cuts, _spans, _characters):
            candidates = smaller(case)
            # A success begins the same kind anew on the smaller case; a failure goes on behind it.
            while left and (candidate := next(candidates, None)) is not None:
                left -= 1
                if fails(candidate):
                    case = candidate
                    candidates = smaller(case)
        if case == before:
            break
    return case


def _options(case: Case) -> Iterator[Case]:
    """Fewer options, smaller tools, no second run, the plainest end."""
    if case.before:
        yield dataclasses.replace(case, before=0)
        yield dataclasses.replace(case, before=case.before - 1)
    if case.finish != "stop":
        yield dataclasses.replace(case, finish="stop")
    for name, value in case.options.items():
        yield dataclasses.replace(case, options={key: kept for key, kept in case.options.items() if key != name})
        if name == "tools":
            for tools in _smaller(value):
                yield dataclasses.replace(case, options={**case.options, "tools": tools})


def _smaller(value: Any) -> Iterator[Any]:
    """A value of JSON with something taken away, from the outside in."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield [*value[:at], *value[at + 1 :]]
            for smaller in _smaller(item):
                yield [*value[:at], smaller, *value[at + 1 :]]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            for smaller in _smaller(item):
                yield {**value, key: smaller}


def _cuts(case: Case) -> Iterator[Case]:
    """Fewer cuts: none, one by one, then one cut less."""
    if len(case.deltas) > 1:
        yield dataclasses.replace(case, deltas=[case.whole], before=min(case.before, 1))
    for at in range(len(case.deltas) - 1):
        joined = case.deltas[at] + case.deltas[at + 1]
        before = case.before - (case.before > at)
        yield dataclasses.replace(case, deltas=[*case.deltas[:at], joined, *case.deltas[at + 2 :]], before=before)


def _spans(case: Case) -> Iterator[Case]:
    """Shorter deltas: spans of them taken away, long ones first."""
    for at, delta in enumerate(case.deltas):
        length = len(delta)
        while length:
            for start in range(0, len(delta) - length + 1, 1 if len(delta) < 64 or length < 9 else length):
                shorter = delta[:start] + delta[start + length :]
                yield dataclasses.replace(case, deltas=[*case.deltas[:at], shorter, *case.deltas[at + 1 :]])
            length = length // 2 if length > 16 else length - 1


def _characters(case: Case) -> Iterator[Case]:
    """Plainer characters, in text."""
    for at, delta in enumerate(case.deltas):
        if isinstance(delta, str):
            for place, character in enumerate(delta):
                if character not in "ax" and (character.isalnum() or character > "~"):
                    plainer = delta[:place] + "x" + delta[place + 1 :]
                    yield dataclasses.replace(case, deltas=[*case.deltas[:at], plainer, *case.deltas[at + 1 :]])


def spelled(case: Case) -> str:
    """The output as text, control tokens spelled out."""
    if case.vocabulary is None:
        return str(case.whole)
    pieces = _pieces(case.vocabulary)
    return b"".join(pieces.get(token, b"") for token in case.whole).decode("utf-8", "replace")


def _pieces(vocabulary: str | Mapping[int, bytes]) -> Mapping[int, bytes]:
    return wire.VOCABULARIES[vocabulary]() if isinstance(vocabulary, str) else vocabulary


def vector(pair: Pair, case: Case) -> str:
    """A line for `tests/vectors/own.jsonl`; what is expected is what the Rust core says of the text."""
    text = spelled(case)
    # A case of ids may hold what no text spells; its line is the nearest that there is.
    whole: Any = text if case.vocabulary is None else helpers.tokenise(text)
    given = {name: value for name, value in case.options.items() if name in helpers.OPTIONS}
    vocabulary = None if case.vocabulary is None else pair.vocabularies("words")[0]
    message = pair.rust.parse(whole, vocabulary, finish=case.finish, **given)
    line: dict[str, Any] = {"id": "…", "theme": "the implementations differed", "basis": "decided", "text": text}
    line |= {"start": "content", "finish": case.finish, "tools": None, **given}
    if case.vocabulary is not None:
        line["forms"] = ["ids"]
    elif len(case.deltas) > 1:
        line["deltas"] = case.deltas
    line["expect"] = {
        "reasoning": message.reasoning,
        "content": message.content,
        "tool_calls": [
            {
                "name": call.name,
                "arguments": call.value(),
                "arguments_text": call.arguments,
                "repairs": list(call.repairs),
            }
            for call in message.tool_calls
        ],
        "unparsed": [span.reason for span in message.unparsed if span.reason != "stray_marker"],
        "unparsed_text": [span.text for span in message.unparsed],
        "end": message.end,
    }
    return json.dumps(line, ensure_ascii=not _is_utf8(text), default=str)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def told(case: Case) -> str:
    """The case as Python code."""
    lines = [f"deltas={case.deltas!r}", f"finish={case.finish!r}", f"options={dict(case.options)!r}"]
    if isinstance(case.vocabulary, str):
        lines.append(f"vocabulary={case.vocabulary!r}")
    elif case.vocabulary is not None:
        used: Sequence[int] = case.whole
        pieces = {token: case.vocabulary[token] for token in dict.fromkeys(used)}
        lines.append(f"pieces of the vocabulary={pieces!r}")
    if case.before:
        lines.append(f"before={case.before}")
    return ", ".join(lines)
