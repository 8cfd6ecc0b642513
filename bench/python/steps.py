"""What a step costs from Python, against a native call that returns one event; whole outputs; memory.

    python bench/python/steps.py [--record] [--rounds N] [--tokens N]

Every answer is checked before anything is timed. Times are of the processor, so that other work on the machine
disturbs them less.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cases import Case, Tokens, cases
from common import machine, newest_record, note, write_record
from memory import stream_memory, vocabulary_cost

import gemma4_parser as g4

Run = Callable[[], float]


def check(case: Case, vocabulary: g4.Vocabulary) -> None:
    """Every way to feed the case gives the expected message."""
    for size in (1, 16):
        stream = g4.StreamParser(vocabulary)
        events = [event for at in range(0, len(case.ids), size) for event in stream.push(case.ids[at : at + size])]
        events += stream.finish()
        fits(case, g4.Message.from_events(events))
    fits(case, g4.parse(case.ids, vocabulary))
    fits(case, g4.parse(case.text))


def fits(case: Case, message: g4.Message) -> None:
    arguments = [call.arguments for call in message.tool_calls]
    found = (message.content, message.reasoning, arguments, message.unparsed)
    if found != (case.content, case.reasoning, [] if case.arguments is None else [case.arguments], ()):
        sys.exit(f"{case.name}: a wrong answer")


def each(call: Callable[[Any], object], items: Sequence[object]) -> Run:
    """Seconds for one call with each of the items: the loop that every measured call is in."""

    def run() -> float:
        start = time.thread_time()
        for item in items:
            call(item)
        return time.thread_time() - start

    return run


def fresh(stream: g4.StreamParser, run: Run) -> Run:
    """The run on a stream as new; resetting it is not timed."""

    def run_on_fresh() -> float:
        stream.reset()
        return run()

    return run_on_fresh


def anchors(ids: list[int], vocabulary: g4.Vocabulary) -> dict[str, tuple[Run, int]]:
    """What there is to compare with: the least that a call returning one event can cost."""
    event, ended = g4.Event, g4.StreamParser(vocabulary)
    native = getattr(sys.modules.get("gemma4_parser._rust"), "_one_event", None)
    found: dict[str, tuple[Run, int]] = {}
    if native is not None:
        found["native call, list of one event"] = (each(native, ids), len(ids))

    def getters() -> float:
        start = time.thread_time()
        for _ in ids:
            _ = ended.ended
        return time.thread_time() - start

    def built() -> float:
        start = time.thread_time()
        for _ in ids:
            _ = [event("content", " word")]
        return time.thread_time() - start

    found["[Event(kind, text)]"] = (built, len(ids))
    found["native getter of a bool"] = (getters, len(ids))
    found["id(int), the loop and a C call"] = (each(id, ids), len(ids))
    return found


def chunks(ids: list[int], size: int) -> list[list[int]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]


def steps(case: Case, vocabulary: g4.Vocabulary) -> dict[str, tuple[Run, int]]:
    """The ways to feed a case step by step, and how many steps that takes."""
    stream = g4.StreamParser(vocabulary)
    sixteen = chunks(case.ids, 16)
    buffers = [array("I", chunk) for chunk in sixteen]
    texts = [vocabulary.decode(one) for one in case.ids]
    ways: dict[str, tuple[Callable[[Any], object], Sequence[object]]] = {
        "push(id)": (stream.push, case.ids),
        "push([id])": (stream.push, chunks(case.ids, 1)),
        "push(list of 16)": (stream.push, sixteen),
        "push(array of 16)": (stream.push, buffers),
        "push_text(token)": (stream.push_text, texts),
    }
    return {
        f"{case.name}: {way}": (fresh(stream, each(call, items)), len(items)) for way, (call, items) in ways.items()
    }


def rotate(runs: dict[str, tuple[Run, int]], rounds: int) -> dict[str, dict[str, float]]:
    """Median and quartiles of every run in nanoseconds for one call; each round begins with another run."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    gc.collect()
    gc.disable()
    for number in range(rounds):
        at = number % len(names)
        for name in names[at:] + names[:at]:
            run, calls = runs[name]
            times[name].append(run() / calls * 1e9)
        if (number + 1) % 25 == 0:
            note(f"round {number + 1} of {rounds}")
    gc.enable()
    results = {}
    for name, taken in times.items():
        low, middle, high = statistics.quantiles(taken, n=4)
        results[name] = {"median": round(middle, 1), "low": round(low, 1), "high": round(high, 1)}
    return results


def throughput(all_cases: Iterable[Case], vocabulary: g4.Vocabulary, rounds: int) -> dict[str, dict[str, float]]:
    """MB/s of UTF-8 for whole outputs."""
    results = {}
    for case in all_cases:
        size = len(case.text.encode())
        row = {}
        outputs: dict[str, Any] = {"ids": case.ids, "array of ids": array("I", case.ids), "text": case.text}
        for way, output in outputs.items():
            taken = []
            for _ in range(rounds):
                start = time.thread_time()
                g4.parse(output, vocabulary)
                taken.append(time.thread_time() - start)
            row[way] = round(size / statistics.median(taken) / 1e6, 1)
        results[case.name] = row
    return results


def print_steps(results: dict[str, dict[str, float]], anchor: str) -> None:
    base = results[anchor]["median"]
    print(f"{'ns a call, median (quartiles)':<44}{'':>24}{'against the anchor':>20}")
    for name, row in results.items():
        spread = f"{row['median']:.1f} ({row['low']:.1f} to {row['high']:.1f})"
        mark = "  the anchor" if name == anchor else ""
        print(f"{name:<44}{spread:>24}{row['median'] / base:>20.2f}{mark}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="write bench/record/python-DATE.json")
    parser.add_argument("--rounds", type=int, default=101, help="rounds of the steps (default 101)")
    parser.add_argument("--tokens", type=int, default=16_384, help="length of a case (default 16384)")
    options = parser.parse_args()
    if g4.__implementation__ != "rust":
        note(f"the implementation is {g4.__implementation__}; this measures the extension")
        return 2
    about = machine()
    tokens = Tokens()
    all_cases = cases(options.tokens, tokens)
    vocabulary = g4.Vocabulary(tokens.vocabulary())
    for case in all_cases:
        check(case, vocabulary)
    compared = anchors(all_cases[0].ids, vocabulary)
    runs = compared | {name: run for case in all_cases for name, run in steps(case, vocabulary).items()}
    anchor = next(iter(compared))
    results = rotate(runs, options.rounds)
    print_steps(results, anchor)
    whole = throughput(all_cases, vocabulary, max(5, options.rounds // 5))
    print("\nwhole outputs, MB/s")
    for name, speeds in whole.items():
        print(f"{name:<44}" + "".join(f"{way} {speed:.0f}   " for way, speed in speeds.items()))
    streams = stream_memory()
    print("\nmemory of an open stream, bytes (resident set over 100,000 streams)")
    for name, size in streams.items():
        print(f"{name:<44}{size:>10.0f}")
    counted = newest_record("instructions")
    if counted is not None:
        print(f"{'the core alone, without heap':<44}{counted['stream_bytes']:>10}")
    loaded = vocabulary_cost()
    print("\na vocabulary of 262,144 entries, from a tokenizer.json with 514,906 merges")
    for name, figure in loaded.items():
        print(f"{name:<44}{figure:>10.1f}")
    if options.record:
        record = {
            "anchor": anchor,
            "tokens": options.tokens,
            "rounds": options.rounds,
            "steps": results,
            "throughput": whole,
            "streams": streams,
            "vocabulary": loaded,
        }
        write_record("python", about, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
