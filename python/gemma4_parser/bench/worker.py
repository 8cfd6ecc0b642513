"""A process in which contestants are loaded, and which measures when it is asked: a request and an answer to a line."""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from gemma4_parser.bench import workloads
from gemma4_parser.bench.contestants import ALL, Contestant, Missing, Run, by_name
from gemma4_parser.bench.contestants.base import Place, installed

BLOCK = 256
"""Steps between two looks at the clock, where there is a limit."""
BATCH = 16
"""Parsers that are made before the clock starts, for short outputs."""

# Processor time is disturbed less by other work; on some systems it comes in coarse steps.
_fine = time.get_clock_info("thread_time").resolution < 1e-5
clock = time.thread_time if _fine else time.perf_counter


class Worker:
    """Answers requests."""

    def __init__(self) -> None:
        self.contestants: dict[str, Contestant] = {}
        self.workloads: dict[str, workloads.Workload] = {}
        self.place = ("", "")
        self.prepared: dict[str, list[Any]] = {}

    def probe(self) -> dict[str, Any]:
        """The Python version, and versions of what contestants need of this interpreter."""
        names = {name for contestant in ALL for name in contestant.distributions}
        return {"python": ".".join(map(str, sys.version_info[:3])), "versions": installed(names)}

    def load(self, names: list[str], tokenizer: str, path: str) -> dict[str, Any]:
        """Loads contestants; those that fail are told with the reason."""
        place = Place(Path(tokenizer))
        missing = {}
        titles = {}
        for name in names:
            contestant = by_name(name)
            try:
                self.contestants[name] = contestant(place)
            except Missing as reason:
                missing[name] = str(reason)
            except Exception as error:
                missing[name] = f"{type(error).__name__}: {error}"
            else:
                titles[name] = contestant.title()
        self.workloads = workloads.load(Path(path))
        gc.collect()
        gc.freeze()
        return {"titles": titles, "missing": missing}

    def takes(self, name: str, workload: str, feed: str) -> bool:
        """Whether the contestant has this cell."""
        return self.contestants[name].takes(self.workloads[workload], feed)

    def items(self, name: str, workload: str, feed: str) -> list[Any]:
        if self.place != (workload, feed):
            self.place, self.prepared = (workload, feed), {}
        if name not in self.prepared:
            self.prepared[name] = self.contestants[name].items(self.workloads[workload], feed)
        return self.prepared[name]

    def check(self, name: str, workload: str, feed: str, cap: float) -> dict[str, Any]:
        """One run whose outputs are kept and compared with the answer; stopped after `cap` seconds.

        The verdict is that of `workloads.verdict`, `anchor` where there is no answer, `unchecked` for a run that was
        stopped (its `seconds` are extrapolated), or what was raised (`seconds` is None).
        """
        contestant, given = self.contestants[name], self.workloads[workload]
        items = self.items(name, workload, feed)
        started = clock()
        run = contestant.open(given, feed)
        construct = clock() - started
        kept: list[Any] = []
        told: dict[str, Any] = {"construct": construct, "steps": len(items), "stopped": False, "seconds": None}
        try:
            points = self.drive(run, items, kept, cap)
            told["stopped"] = points[-1][0] < len(items)
            told["seconds"] = extrapolate(points, len(items))
            if told["stopped"]:
                answer = None
            else:
                started = clock()
                run.close(kept.append)
                told["seconds"] += clock() - started
                answer = contestant.answer(given, feed, kept)
            lengths = [len(piece) for piece in contestant.pieces(kept)]
        except Exception as error:
            words = " ".join(f"raises {type(error).__name__}: {error}".split())
            return told | {"seconds": None, "verdict": words[:80], "pieces": 0, "largest": 0.0}
        verdict = "unchecked" if told["stopped"] else "anchor" if answer is None else workloads.verdict(given, answer)
        return told | {
            "verdict": verdict,
            "pieces": len(lengths),
            "largest": max(lengths, default=0) / max(1, sum(lengths)),
        }

    def drive(self, run: Run, items: list[Any], kept: list[Any], cap: float) -> list[tuple[int, float]]:
        """Steps that were made, and the seconds until then, after each block."""
        points = []
        seconds = 0.0
        deadline = time.perf_counter() + cap
        for at in range(0, len(items), BLOCK):
            block = items[at : at + BLOCK]
            started = clock()
            run.drive(block, kept.append)
            seconds += clock() - started
            points.append((at + len(block), seconds))
            if time.perf_counter() > deadline:
                break
        return points

    def time(self, name: str, workload: str, feed: str, seconds: float) -> dict[str, Any]:
        """The mean time of a run, over as many runs as take so long together. Making the parsers is not in it."""
        contestant, given = self.contestants[name], self.workloads[workload]
        items = self.items(name, workload, feed)
        total = construct = 0.0
        count = 0
        batch = 1
        while total < seconds:
            started = clock()
            runs = [contestant.open(given, feed) for _ in range(batch)]
            middle = clock()
            for run in runs:
                run.drive(items, None)
                run.close(None)
            total += clock() - middle
            construct += middle - started
            count += batch
            batch = BATCH if total / count < seconds / BATCH / 4 else 1
        return {"seconds": total / count, "construct": construct / count, "runs": count}

    def processor_time(self) -> float:
        """Seconds of processor time that this process used."""
        return time.process_time()


def extrapolate(points: list[tuple[int, float]], steps: int) -> float:
    """Seconds for all steps: where some were not made, by the growth between half of those that were and the last."""
    last, seconds = points[-1]
    if last == steps:
        return seconds
    half, before = min(points, key=lambda point: abs(point[0] - last / 2))
    exponent = 1.0
    if half < last and before > 0:
        exponent = min(3.0, max(1.0, math.log(seconds / before) / math.log(last / half)))
    return float(seconds * (steps / last) ** exponent)


def main() -> None:
    """Reads requests from standard input until it ends."""
    # What contestants print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
