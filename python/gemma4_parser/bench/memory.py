"""Sizes and load times. `tracemalloc` does not see Rust, so it is resident memory, each in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from gemma4_parser.bench.vocabulary import MERGES, SIZE, Vocabulary

STREAMS = 100_000
FED = {"fresh": "", "in content": "Hello", "in a string": '<|tool_call>call:write_file{content:<|"|>some text'}
IMPORT = "import time; t = time.perf_counter(); import gemma4_parser; print((time.perf_counter() - t) * 1e3)"


def resident() -> int:
    """Bytes of memory that this process holds. Raises OSError where the system does not tell."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def highest() -> int:
    """Bytes of memory that this process held at most. What `getrusage` tells counts the parent process in."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure_streams(fed: str) -> dict[str, float]:
    """Bytes of an open stream that was fed this text."""
    import gemma4_parser as g4

    pieces = {number: literal.encode() for literal, number in g4.CONTROL_TOKENS.items()}
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
    import gemma4_parser as g4

    before = resident()
    start = time.process_time()
    vocabulary = g4.Vocabulary.from_file(path)
    seconds = time.process_time() - start
    kept = resident() - before
    peak = highest() - before
    if len(vocabulary) < SIZE:
        sys.exit("the vocabulary is not complete")
    return {"seconds": seconds, "kept": kept / 1e6, "peak": peak / 1e6}


def alone(what: str, argument: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "gemma4_parser.bench.memory", what, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def installed_size() -> float | None:
    """Megabytes of the installed files without byte code; None where it is not installed as a distribution."""
    try:
        found = files("gemma4-parser") or []
    except PackageNotFoundError:
        return None
    paths = [Path(str(path.locate())) for path in found if path.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.exists()) / 1e6 or None


def import_time() -> float:
    """Milliseconds to import the package, the median of nine processes."""
    taken = [
        float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(9)
    ]
    return statistics.median(taken)


def measure(vocabulary: Vocabulary, folder: Path, *, quick: bool) -> dict[str, float]:
    """All rows: name with the unit, and figure. What the system does not tell is left out."""
    rows = {"import, ms": import_time()}
    size = installed_size()
    if size is not None:
        rows["installed, MB"] = size
    if not Path("/proc/self/statm").exists():
        return rows
    if not quick:
        rows |= {f"a stream {name}, bytes": alone("streams", text)["bytes"] for name, text in FED.items()}
    path = folder / "full.json"
    vocabulary.write(path, MERGES)
    results = [alone("vocabulary", str(path)) for _ in range(1 if quick else 5)]

    def median(name: str) -> float:
        return statistics.median(result[name] for result in results)

    return rows | {
        "tokenizer.json, MB": path.stat().st_size / 1e6,
        "reading it, ms": median("seconds") * 1e3,
        "vocabulary, MB": median("kept"),
        "more at the peak, MB": median("peak"),
    }


if __name__ == "__main__":
    measured = {"streams": measure_streams, "vocabulary": measure_vocabulary}[sys.argv[1]](sys.argv[2])
    print(json.dumps(measured))
