"""Memory that tracemalloc does not see: the resident set, each measurement in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from cases import CONTROLS, tokenizer_json

STREAMS = 100_000


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure_streams(fed: str) -> dict[str, float]:
    """Bytes of an open stream that was fed this text."""
    import gemma4_parser as g4

    pieces = {number: literal.encode() for literal, number in CONTROLS.items()}
    vocabulary = g4.Vocabulary(pieces)
    # What the first streams bring about is no stream's memory.
    kept = [g4.StreamParser(vocabulary) for _ in range(1000)]
    streams: list[g4.StreamParser | None] = [None] * STREAMS
    before = resident()
    for at in range(STREAMS):
        stream = g4.StreamParser(vocabulary)
        if fed:
            stream.push_text(fed)
        streams[at] = stream
    after = resident()
    del kept
    return {"bytes": (after - before) / STREAMS}


def measure_vocabulary(path: str) -> dict[str, float]:
    """Seconds to load a tokenizer.json, megabytes kept and megabytes at the peak."""
    import resource

    import gemma4_parser as g4

    before = resident()
    start = time.process_time()
    vocabulary = g4.Vocabulary.from_file(path)
    seconds = time.process_time() - start
    kept = resident() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    if len(vocabulary) < 262_144:
        sys.exit("the vocabulary is not complete")
    return {"seconds": seconds, "kept": kept / 1e6, "peak": peak / 1e6}


def alone(what: str, argument: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), what, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def stream_memory() -> dict[str, float]:
    """Bytes of an open stream in three states."""
    fed = {"fresh": "", "in content": "Hello", "in a string": '<|tool_call>call:write_file{content:<|"|>some text'}
    return {name: alone("streams", text)["bytes"] for name, text in fed.items()}


def vocabulary_cost() -> dict[str, float]:
    """Load time and memory of a vocabulary of full size; medians of five processes."""
    path = tokenizer_json()
    results = [alone("vocabulary", str(path)) for _ in range(5)]

    def median(name: str) -> float:
        return statistics.median(result[name] for result in results)

    return {
        "file, MB": path.stat().st_size / 1e6,
        "load, ms": median("seconds") * 1e3,
        "resident after it, MB": median("kept"),
        "more at the peak, MB": median("peak"),
    }


if __name__ == "__main__":
    measured = {"streams": measure_streams, "vocabulary": measure_vocabulary}[sys.argv[1]](sys.argv[2])
    print(json.dumps(measured))
