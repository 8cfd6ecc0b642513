"""The calls from Python whose instructions are counted and whose time is taken, on outputs of the benchmark.

python bench/python/calls.py OUTPUTS NAME

runs each way to call the parser on one output twice, the second time between two calls of `os.getppid`: callgrind is
told to end a part of its profile there. First comes a part with nothing in it. The lines printed are those parts.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemma4_parser as g4

OUTPUTS = ("short_call", "ten_calls", "write_4k", "edits_4k", "numbers", "prose", "thought")
"""Workloads of `gemma4_parser.bench`."""
STEP = 16


@dataclass(frozen=True)
class Way:
    """One way to call the parser on an output: the call, and what it is made with, one after the other."""

    name: str
    tokens: int
    call: Callable[[Any], object]
    items: Sequence[Any]
    reset: Callable[[], None] | None = None

    def once(self) -> None:
        """All calls, in the loop that is part of what is counted."""
        call = self.call
        for item in self.items:
            call(item)

    def fresh(self) -> None:
        """A stream as new."""
        if self.reset is not None:
            self.reset()


def save(path: Path) -> None:
    """Writes the outputs with the pieces that they use: the whole vocabulary takes long to make under callgrind."""
    from gemma4_parser.bench import workloads
    from gemma4_parser.bench.vocabulary import Vocabulary
    from gemma4_parser.tokens import CONTROL_TOKENS

    vocabulary = Vocabulary()
    made = workloads.make(vocabulary, OUTPUTS)
    used = {number for workload in made for number in workload.ids} - set(CONTROL_TOKENS.values())
    pieces = {literal: number for literal, number in CONTROL_TOKENS.items()}
    spelled = [(number, literal.encode().hex()) for literal, number in pieces.items()]
    spelled += [(number, vocabulary.bytes_of(number).hex()) for number in sorted(used)]
    outputs = {}
    for workload in made:
        message = g4.parse(workload.text, finish="stop")
        calls = [(call.name, call.arguments) for call in message.tool_calls]
        found = workloads.Answer(message.reasoning or "", message.content or "", calls)
        if workloads.verdict(workload, found) != "right":
            sys.exit(f"{workload.name}: a wrong answer")
        outputs[workload.name] = {
            **{"ids": workload.ids, "pieces": workload.pieces, "text": workload.text},
            **{"arguments": workload.arguments, "calls": calls},
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pieces": spelled, "outputs": outputs}), encoding="utf-8")


def ways(path: Path, name: str) -> list[Way]:
    """All ways for one output; each has given the right answer."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = g4.Vocabulary({number: bytes.fromhex(piece) for number, piece in saved["pieces"]})
    output = saved["outputs"][name]
    ids, text, arguments = output["ids"], output["text"], output["arguments"]
    stream = g4.StreamParser(vocabulary)
    slices = [ids[at : at + STEP] for at in range(0, len(ids), STEP)]
    found = [
        Way("push(id)", len(ids), stream.push, ids, stream.reset),
        Way(f"push(list of {STEP})", len(ids), stream.push, slices, stream.reset),
        Way(f"push(array of {STEP})", len(ids), stream.push, [array("I", one) for one in slices], stream.reset),
        Way("push_text(token)", len(ids), stream.push_text, output["pieces"], stream.reset),
        Way("parse(text)", len(ids), g4.parse, [text]),
        Way("parse(ids)", len(ids), lambda ids: g4.parse(ids, vocabulary), [ids]),
    ]
    try:
        import numpy
    except ImportError:
        pass
    else:
        buffers = [numpy.array(one, numpy.uint32) for one in slices]
        found.insert(3, Way(f"push(numpy array of {STEP})", len(ids), stream.push, buffers, stream.reset))
    if arguments is not None:
        found.append(Way("parse_arguments(text)", len(ids), g4.parse_arguments, [arguments]))
        found.append(Way("arguments_to_json(text)", len(ids), g4.arguments_to_json, [arguments]))
    for way in found:
        check(way, stream, [tuple(call) for call in output["calls"]])
    return found


def check(way: Way, stream: g4.StreamParser, calls: list[tuple[str, str]]) -> None:
    """Ends the program where the calls of the output are not what comes of it."""
    way.fresh()
    results = [way.call(item) for item in way.items]
    if way.reset is not None:
        events = [event for result in results if isinstance(result, list) for event in result]
        results = [g4.Message.from_events([*events, *stream.finish()])]
    right = True
    for result in results:
        if isinstance(result, g4.Message):
            right = [(call.name, call.arguments) for call in result.tool_calls] == calls
        else:
            value = json.loads(result) if isinstance(result, str) else result
            right = [value] == [json.loads(arguments) for _, arguments in calls]
    if not right:
        sys.exit(f"{way.name}: a wrong answer")


def main() -> None:
    found = ways(Path(sys.argv[1]), sys.argv[2])
    gc.collect()
    gc.freeze()
    gc.disable()
    os.getppid()
    os.getppid()
    parts = [{"way": "", "calls": 0, "tokens": 0}]
    for way in found:
        way.fresh()
        way.once()
        way.fresh()
        once = way.once
        os.getppid()
        once()
        os.getppid()
        parts.append({"way": way.name, "calls": len(way.items), "tokens": way.tokens})
    print(json.dumps(parts))


if __name__ == "__main__":
    main()
