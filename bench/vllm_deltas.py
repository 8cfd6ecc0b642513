"""What a step costs through vLLM's own server path and message objects: its built-in parser against this one.

    python bench/vllm_deltas.py [--record] [--quick] [--rounds N] [--only PART …] [--vllm PYTHON]

Needs the wheel of `make dev` and vLLM 0.33 (`make bench-peers`). Both parsers run in one process of vLLM's interpreter,
in turn, and every answer is checked. A third one, which returns a message that was made before, shows what of a step is
the server's own: no parser can take less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import BENCH, machine, note, write_record

ROOT = BENCH.parent
VLLM = ROOT / "target" / "peers" / "main" / "bin" / "python"
SITE = ROOT / "target" / "bench" / "site"

BUILT_IN, THIS, NOTHING = "vLLM", "this", "the server alone"
STEPS = ("1", "4", "16")
STREAMED = {
    "short_call": STEPS,
    "ten_calls": STEPS,
    "write_4k": STEPS,
    "write_16k": STEPS,
    "edits_4k": STEPS,
    "edits_16k": STEPS,
    "edits_64k": ("1",),
    "numbers": ("1", "16"),
    "prose": STEPS,
    "thought": STEPS,
    "turn": STEPS,
}
"""Workloads of `gemma4-parser bench`, and how many tokens a step brings."""
WHOLE = ("short_call", "ten_calls", "write_16k", "edits_4k", "edits_16k", "numbers", "prose")
"""Those that are also read at once; the calls of `_16k` have 50 kB."""
COUNTED = ("prose", "thought", "write_4k", "edits_4k")
"""Those that are also streamed with the server's counter of parser calls, which `vllm serve` turns on."""
SLOW = 2.0
"""Seconds of a run from which on it is not repeated."""


# The driver, in the interpreter of the project.


def install() -> None:
    """Puts the newest wheel of `make dev` where vLLM's interpreter finds it."""
    wheels = sorted((ROOT / ".venv" / "wheels").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise SystemExit("no wheel: make dev")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--upgrade", "--target", str(SITE), str(wheels[-1])], check=True)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Runs the worker and returns what it found."""
    from gemma4_parser.bench import workloads
    from gemma4_parser.bench.vocabulary import Vocabulary

    install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vocabulary = Vocabulary()
        vocabulary.write(folder / "tokenizer.json")
        workloads.save(workloads.make(vocabulary, chosen(options)), folder / "workloads.json")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GEMMA4_", "VLLM_"))}
        environment |= {"PYTHONPATH": str(SITE), "CUDA_VISIBLE_DEVICES": "", "VLLM_LOGGING_LEVEL": "ERROR"}
        command = [str(options.vllm), __file__, "--worker", str(folder), "--rounds", str(options.rounds)]
        command += ["--quick"] if options.quick else []
        subprocess.run(command, env=environment, check=True)
        found: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
        return found


def chosen(options: argparse.Namespace) -> list[str]:
    return [name for name in STREAMED if not options.only or any(part in name for part in options.only)]


def table(title: str, rows: list[dict[str, Any]], unit: str) -> str:
    """A table in Markdown; times of a step or of an output, and how many times as long vLLM's takes."""
    alone = any(NOTHING in row["seconds"] for row in rows)
    head = ["workload", "tokens a step", f"vLLM, {unit}", f"this, {unit}"]
    head += [f"the server alone, {unit}"] * alone + ["times", "spread"] + ["times, without the server"] * alone
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "| --- | ---:" + " | ---:" * (len(head) - 2) + " |"]
    for row in rows:
        seconds = row["seconds"]
        theirs, ours = seconds[BUILT_IN], seconds[THIS]
        cells = [row["workload"], row["feed"], number(theirs * 1e6), number(ours * 1e6)]
        cells += [number(seconds[NOTHING] * 1e6)] if alone else []
        cells += [number(theirs / ours), f"{row['spread']:.0%}"]
        cells += [number((theirs - seconds[NOTHING]) / (ours - seconds[NOTHING]))] if alone else []
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def tables(found: dict[str, Any]) -> str:
    rows = found["rows"]
    parts = []
    streamed = [row for row in rows if row["feed"] != "whole" and not row["counted"]]
    counted = [row for row in rows if row["counted"]]
    whole = [row for row in rows if row["feed"] == "whole"]
    if streamed:
        parts.append(table(f"A step through `ChatStreamProcessor.step`, {found['vllm']}", streamed, "µs a step"))
    if counted:
        parts.append(table("The same with the server's counter of parser calls on", counted, "µs a step"))
    if whole:
        parts.append(table("A whole output through `Parser.parse`", whole, "µs"))
    parts.append(
        "Making the parser of a request: "
        + ", ".join(f"{name} {number(seconds * 1e6)} µs" for name, seconds in found["construct"].items())
        + f". Implementation: {found['implementation']}. Medians of {found['rounds']} rounds; spread: (largest - "
        "smallest) / median of the larger one of the two."
    )
    quiet = found["quiet"]
    parts.append("The machine was quiet." if quiet["quiet"] else "NOT a quiet machine: " + "; ".join(quiet["why"]))
    return "\n\n".join(parts)


# The worker, in the interpreter that has vLLM.


def contestants(place: Any) -> dict[str, Any]:
    """The two parsers, as the server composes them, and one that does nothing."""
    from vllm.entrypoints.generate.base import protocol
    from vllm.parser.parser_manager import ParserManager

    from gemma4_parser.bench.contestants.vllm import Vllm033
    from gemma4_parser.integrations.vllm import NAME, register

    class Nothing:
        """A parser whose messages were made before."""

        def __init__(self, message: Any) -> None:
            self.message = message

        def parse_delta(self, *args: Any, **kwargs: Any) -> Any:
            return self.message

    class Alone(Vllm033):
        def parser(self, workload: Any, **options: Any) -> Any:
            if not workload.answer.calls:
                return Nothing(protocol.DeltaMessage(content="a"))
            function = protocol.DeltaFunctionCall(arguments="a")
            return Nothing(protocol.DeltaMessage(tool_calls=[protocol.DeltaToolCall(index=0, function=function)]))

    register(replace=False)
    made = {BUILT_IN: Vllm033(place), THIS: Vllm033(place), NOTHING: Alone(place)}
    made[THIS].parser_class = ParserManager.get_parser(NAME, NAME, enable_auto_tools=True)
    assert made[BUILT_IN].parser_class.tool_parser_cls is not made[THIS].parser_class.tool_parser_cls
    return made


def work(folder: Path, rounds: int, quick: bool) -> dict[str, Any]:
    """Measures everything. Rounds go over all cells, and begin with another contestant each time."""
    import gc
    from importlib.metadata import version

    import gemma4_parser
    from gemma4_parser.bench import machine as watching
    from gemma4_parser.bench import workloads
    from gemma4_parser.bench.contestants.base import Place
    from gemma4_parser.bench.worker import Worker

    worker = Worker()
    worker.contestants = contestants(Place(folder / "tokenizer.json"))
    worker.workloads = workloads.load(folder / "workloads.json")
    gc.collect()
    gc.freeze()
    watch = watching.Watch()
    rows = []
    for counted in (False, True):
        if counted:
            from vllm.parser.metrics import init_parser_metrics

            init_parser_metrics(model_name="model")
        for name in worker.workloads:
            feeds = [*STREAMED[name], *["whole"] * (name in WHOLE)] if not counted else ["1"] * (name in COUNTED)
            for feed in feeds:
                rows.append(cell(worker, name, feed, rounds, quick) | {"counted": counted})
                watch.look(2)
                told = ", ".join(f"{who} {number(seconds * 1e6)}" for who, seconds in rows[-1]["seconds"].items())
                note(f"{name}, {feed}{', counted' * counted}: µs {told}")
    construct = {}
    for who in (BUILT_IN, THIS):
        taken = [worker.time(who, "short_call", "1", 0.05)["construct"] for _ in range(rounds)]
        construct[who] = statistics.median(taken)
    return {
        "vllm": f"vLLM {version('vllm')}",
        "implementation": gemma4_parser.__implementation__,
        "rounds": rounds,
        "rows": rows,
        "construct": construct,
        "quiet": watch.verdict(worker.processor_time()),
    }


def cell(worker: Any, name: str, feed: str, rounds: int, quick: bool) -> dict[str, Any]:
    """One workload, one size of steps: seconds of a step (or of the whole output) of each contestant, checked."""
    taken: dict[str, list[float]] = {}
    first: dict[str, float] = {}
    for who in (BUILT_IN, THIS):
        told = worker.check(who, name, feed, 1e9)
        assert told["verdict"] in ("right", "blanks"), (who, name, feed, told)
        first[who] = told["seconds"]
    parts = [BUILT_IN, THIS] + [NOTHING] * (feed != "whole")
    for turn in range(rounds):
        for who in parts[turn % len(parts) :] + parts[: turn % len(parts)]:
            slow = first.get(who, 0.0) > (SLOW / 10 if quick else SLOW)
            if not (slow and taken.get(who)):
                # What was kept for the check is in the first time, a little of what is slow.
                again = worker.time(who, name, feed, 0.05)["seconds"] if not slow else first[who]
                taken.setdefault(who, []).append(again)
    steps = len(worker.items(THIS, name, feed))
    spreads = [(max(taken[who]) - min(taken[who])) / statistics.median(taken[who]) for who in (BUILT_IN, THIS)]
    seconds = {who: statistics.median(times) / steps for who, times in taken.items()}
    return {"workload": name, "feed": feed, "steps": steps, "seconds": seconds, "spread": max(spreads)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="keep the result in bench/record")
    parser.add_argument("--quick", action="store_true", help="what is slow once only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="workloads whose name has one of these parts")
    parser.add_argument("--vllm", type=Path, default=VLLM, help="the interpreter that has vLLM 0.33")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        found = work(options.worker, options.rounds, options.quick)
        (options.worker / "result.json").write_text(json.dumps(found), "utf-8")
        return 0
    if not options.vllm.exists():
        note(f"no {options.vllm}: make bench-peers, or --vllm PYTHON")
        return 2
    about = machine()
    found = measure(options)
    print(tables(found))
    if options.record:
        write_record("vllm-deltas", about, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
