"""Counts the parser's instructions with callgrind: the core at doubling sizes, and the calls from Python.

    python bench/instructions.py [--quick] [--part core|python] [--only NAME …] [--record] [--compare FILE]

Only the feeding is counted, neither the making of the case nor what the sink does with an event. A workload passes
where twice the length costs no more than twice the instructions, within 2 %, at the two larger doublings, and no less
in the last one; or where that one does so once the fixed cost is taken off (``growth``). Every count is compared with
that of the newest record, or of FILE; --record accepts what is dearer. Exit status: 0 all is well, 1 a row does not
pass or is more than 1 % dearer, 2 something is missing.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common import BENCH, machine, newest_path, newest_record, note, write_record
from from_python import CallRow, count_calls, prepare

DOUBLINGS = 3
PER_DELTA = (1, 16, 0)
# Two doublings count: the first size is small, so that fixed costs show in its ratio.
JUDGED = 2
TOLERANCE = 0.02
# glibc copies large blocks with `rep movsb`, which callgrind counts as one instruction whatever its length.
TUNABLES = "glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:glibc.cpu.x86_non_temporal_threshold=0x7fffffff"
# A count may rise by this much against a record.
ALLOWANCE = 0.01


@dataclass
class Workload:
    """As ``workload --list`` describes it."""

    name: str
    about: str
    forms: list[str]
    largest: int
    hostile: bool


@dataclass
class Row:
    """The counts of one workload in one form and one size of delta."""

    workload: str
    form: str
    per_delta: int
    hostile: bool
    tokens: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    instructions: list[int] = field(default_factory=list)
    error: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.workload, self.form, self.per_delta)

    def per_token(self) -> list[float]:
        return [count / tokens for count, tokens in zip(self.instructions, self.tokens, strict=True)]

    def ratios(self) -> list[float]:
        """Growth for each doubling; the lengths are those in tokens, which double but for a few."""
        costs = self.per_token()
        return [2 * after / before for before, after in itertools.pairwise(costs)]

    def growth(self) -> float:
        """The last doubling without what does not depend on the length: increments by increments."""
        steps = [
            (more - less) / (longer - shorter)
            for (less, more), (shorter, longer) in zip(
                itertools.pairwise(self.instructions), itertools.pairwise(self.tokens), strict=True
            )
        ]
        return 2 * steps[-1] / steps[-2] if len(steps) > 1 else float("nan")

    def verdict(self) -> str:
        """``PASS``, ``PASS fixed`` (linear but for a fixed cost that the plain ratios show), else ``FAIL``."""
        ratios = self.ratios()
        if len(ratios) < DOUBLINGS:
            return f"FAIL {self.error}".rstrip()
        # A doubling that costs less than twice as much is no fault, if the next one is linear.
        if all(ratio - 2 <= 2 * TOLERANCE for ratio in ratios[-JUDGED:]) and 2 - ratios[-1] <= 2 * TOLERANCE:
            return "PASS"
        return "PASS fixed" if abs(self.growth() - 2) <= 2 * TOLERANCE else "FAIL"

    def passes(self) -> bool:
        return self.verdict().startswith("PASS")

    @property
    def name(self) -> str:
        return f"{self.workload} {self.form} {delta_name(self.per_delta)}"


def build() -> Path:
    """Builds the binary and gives its path."""
    command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=BENCH / "rust", stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("the workloads do not build")
    artifacts = [json.loads(line) for line in done.stdout.splitlines()]
    paths = [artifact["executable"] for artifact in artifacts if artifact.get("executable")]
    return Path(paths[-1])


def workloads(binary: Path) -> tuple[list[Workload], int]:
    """All workloads, and the bytes that an idle stream takes."""
    listed = json.loads(subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout)
    return [Workload(**item) for item in listed["workloads"]], listed["stream_bytes"]


def count(binary: Path, row: Row, size: int, limit: float) -> str:
    """Adds one size to the row; gives back what went wrong."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        "--collect-atstart=no",
        # Entering or leaving one of these turns counting on or off: on in the feeding, off in the sink.
        "--toggle-collect=*measured_*",
        "--toggle-collect=*Log*event*",
        str(binary),
        row.workload,
        str(size),
        "--form",
        row.form,
        "--tokens-per-delta",
        str(row.per_delta),
    ]
    try:
        environment = {**os.environ, "GLIBC_TUNABLES": TUNABLES}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"stopped after {limit:.0f} s at {size} tokens"
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or collected is None:
        faults = [line for line in done.stderr.splitlines() if line.startswith("workload: ")]
        return faults[0] if faults else f"valgrind failed with status {done.returncode}"
    told = json.loads(done.stdout)
    row.tokens.append(told["tokens"])
    row.bytes.append(told["bytes"])
    row.events.append(told["events"])
    row.instructions.append(int(collected.group(1)))
    return ""


def measure(binary: Path, row: Row, sizes: Sequence[int], limit: float) -> Row:
    """The row at these sizes, up to the first that fails."""
    for size in sizes:
        row.error = count(binary, row, size, limit)
        if row.error:
            break
    return row


def delta_name(per_delta: int) -> str:
    return str(per_delta) if per_delta else "whole"


def line(row: Row) -> str:
    """The row as printed; what one size alone cannot tell is left out."""
    costs = "".join(f"{cost:>9.1f}" for cost in row.per_token())
    name = f"{row.workload:<18}{row.form:<5}{delta_name(row.per_delta):>5}"
    largest = row.instructions[-1] if row.instructions else 0
    told = f"{name}{largest:>15,}{costs:<36}"
    if len(row.instructions) == 1:
        return told
    ratios = "".join(f"{ratio:>8.3f}" for ratio in row.ratios())
    return f"{told}{ratios:<24}{row.growth():>8.3f}  {row.verdict()}"


HEAD = (
    f"{'workload':<18}{'form':<5}{'delta':>5}{'instructions':>15}{'  per token at the four sizes':<36}"
    f"{'  for each doubling':<24}{'growth':>8}"
)
CALL_HEAD = f"{'output: call from Python':<44}{'calls':>8}{'instructions':>15}{'per call':>12}{'per token':>11}"


def call_line(row: CallRow) -> str:
    """The row as printed."""
    return f"{row.name:<44}{row.calls:>8}{row.instructions:>15,}{row.per_call():>12,.0f}{row.per_token():>11.1f}"


@dataclass
class Comparison:
    """What rows cost against a record."""

    dearer: list[str] = field(default_factory=list)
    cheaper: list[str] = field(default_factory=list)
    same: int = 0
    """Rows within the allowance."""
    new: list[str] = field(default_factory=list)
    """Rows that the record does not have, or has with another output."""

    def add(self, name: str, before: tuple[int, int] | None, after: int) -> None:
        """One row: tokens and instructions as recorded, and instructions now."""
        if before is None:
            self.new.append(name)
            return
        tokens, old = before
        change = after / old - 1
        told = f"{change:+7.1%}  {name}: {old / tokens:,.1f} -> {after / tokens:,.1f} a token"
        if abs(after - old) <= ALLOWANCE * old:
            self.same += 1
        else:
            (self.dearer if change > 0 else self.cheaper).append(told)

    def tell(self, source: str) -> None:
        """Prints it."""
        print(f"\nagainst {source}: {self.same} rows within {ALLOWANCE:.0%}")
        for title, rows in (("dearer", self.dearer), ("cheaper", self.cheaper), ("not in it", self.new)):
            if rows:
                print(f"{title}: {len(rows)}")
            for row in rows:
                print(f"  {row}")


def compare(rows: list[Row], calls: list[CallRow], record: dict[str, Any]) -> Comparison:
    """Each row against the same row of a record, at the largest size that both have."""
    found = Comparison()
    core = {(row["workload"], row["form"], row["per_delta"]): row for row in record["rows"]}
    for row in rows:
        if not row.instructions:
            continue
        old = core.get(row.key, {"tokens": [], "instructions": []})
        counts = dict(zip(old["tokens"], old["instructions"], strict=True))
        sizes = [at for at, tokens in enumerate(row.tokens) if tokens in counts]
        at = sizes[-1] if sizes else -1
        before = (row.tokens[at], counts[row.tokens[at]]) if sizes else None
        found.add(row.name, before, row.instructions[at])
    python = {(row["output"], row["way"]): CallRow(**row) for row in record.get("calls", [])}
    for call in calls:
        known = python.get(call.key)
        same = known is not None and (known.calls, known.tokens) == (call.calls, call.tokens)
        found.add(call.name, (known.tokens, known.instructions) if known and same else None, call.instructions)
    return found


def other_tools(record: dict[str, Any], about: dict[str, str]) -> list[str]:
    """The tools that are not those of the record, which alone may change counts."""
    names = ("processor", "rustc", "valgrind", "python")
    return [
        f"{name} {record['machine'].get(name)} -> {about[name]}"
        for name in names
        if record["machine"].get(name) != about[name]
    ]


def recorded(rows: list[Row], calls: list[CallRow], about: dict[str, str]) -> dict[str, Any] | None:
    """Today's record of the same machine, tools and revision, with these rows in the place of their like."""
    record = newest_record("instructions")
    if record is None or record["machine"] != about:
        return None
    fresh = {row.key: asdict(row) for row in rows}
    kept = [((row["workload"], row["form"], row["per_delta"]), row) for row in record["rows"]]
    fresh_calls = {call.key: asdict(call) for call in calls}
    kept_calls = [((row["output"], row["way"]), row) for row in record.get("calls", [])]
    return {
        "rows": [fresh.pop(key, row) for key, row in kept] + list(fresh.values()),
        "calls": [fresh_calls.pop(key, row) for key, row in kept_calls] + list(fresh_calls.values()),
    }


@dataclass
class Measured:
    """What a run has found."""

    rows: list[Row] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)
    stream_bytes: int = 0
    failed: int = 0
    """Rows of the core that do not pass, and outputs of Python that could not be counted."""


def count_core(options: argparse.Namespace, measured: Measured, binary: Path, known: list[Workload]) -> None:
    """The rows of the core."""
    doublings = 0 if options.quick else DOUBLINGS
    tasks = [
        (
            Row(workload.name, form, per_delta, workload.hostile),
            [workload.largest >> (DOUBLINGS - doubling) for doubling in range(doublings + 1)],
        )
        for workload in known
        if options.only is None or workload.name in options.only
        for form in workload.forms
        for per_delta in PER_DELTA
    ]
    start = time.monotonic()
    rows = measured.rows
    print(HEAD, flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(measure, binary, *task, options.limit) for task in tasks]
        for done, future in enumerate(running, 1):
            rows.append(future.result())
            print(line(rows[-1]), flush=True)
            if done % 10 == 0:
                note(f"{done} of {len(tasks)}, {time.monotonic() - start:.0f} s")
    failed = sum(bool(row.error) if options.quick else not row.passes() for row in rows)
    measured.failed += failed
    what = "were counted" if options.quick else "pass"
    print(f"{len(rows) - failed} of {len(rows)} {what}; a fresh stream has {measured.stream_bytes} bytes and no heap")


def count_python(options: argparse.Namespace, measured: Measured, outputs: list[str]) -> None:
    """The rows of the calls from Python."""
    print(CALL_HEAD, flush=True)
    chosen = [output for output in outputs if options.only is None or output in options.only]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for rows, error in pool.map(lambda output: count_calls(output, TUNABLES, options.limit), chosen):
            for row in rows:
                print(call_line(row), flush=True)
            measured.calls += rows
            if error:
                note(error)
                measured.failed += 1


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the core at the smallest size of each row: some minutes")
    parser.add_argument("--part", choices=("core", "python"), help="one of the two parts")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these workloads")
    parser.add_argument("--record", action="store_true", help="accept: write bench/record/instructions-DATE.json")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a record other than the newest")
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="for one run (default 120)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if shutil.which("valgrind") is None:
        note("valgrind is missing; on Debian or Ubuntu: apt-get install valgrind")
        return 2
    if options.record and options.quick:
        note("a record has all sizes: --record without --quick")
        return 2
    source = options.compare or newest_path("instructions")
    record = None if source is None else json.loads(source.read_text(encoding="utf-8"))
    about = machine()
    measured = Measured()
    binary = build()
    known, measured.stream_bytes = workloads(binary)
    outputs: list[str] = []
    if options.part != "core":
        outputs, missing = prepare()
        if missing:
            note(f"the calls from Python cannot be counted: {missing}; --part core does without")
            return 2
    names = [workload.name for workload in known] + outputs
    unknown = set(options.only or ()) - set(names)
    if unknown:
        note(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(dict.fromkeys(names))}")
        return 2
    if options.part != "python":
        count_core(options, measured, binary, known)
    if options.part != "core":
        count_python(options, measured, outputs)
    dearer = False
    if record is not None and source is not None:
        comparison = compare(measured.rows, measured.calls, record)
        comparison.tell(source.name)
        dearer = bool(comparison.dearer)
        others = other_tools(record, about)
        if others:
            note(f"other tools than those of {source.name}: {'; '.join(others)}")
    if options.record:
        rows = {"rows": [asdict(row) for row in measured.rows], "calls": [asdict(call) for call in measured.calls]}
        written = recorded(measured.rows, measured.calls, about) if options.only or options.part else rows
        if written is None:
            note("--record of a part needs a full record of today, of this machine and revision")
            return 2
        write_record("instructions", about, {"stream_bytes": measured.stream_bytes, **written})
    elif dearer:
        note(f"dearer by more than {ALLOWANCE:.0%}; --record accepts that")
    return 1 if measured.failed or (dearer and not options.record) else 0


if __name__ == "__main__":
    sys.exit(main())
