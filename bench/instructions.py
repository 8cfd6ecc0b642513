"""Counts the parser's instructions with callgrind: every workload at doubling sizes, checked answers.

    python bench/instructions.py [--only NAME …] [--record] [--compare FILE]

Only the feeding is counted, neither the making of the case nor what the sink does with an event. A workload passes
where twice the length costs twice the instructions, within 2 %, at the two larger doublings; or in the last one once
the fixed cost is taken off (``growth``). Exit status: 0 all pass, 1 one does not or a count rose by more than 1 %
against FILE, 2 a tool is missing.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common import BENCH, machine, newest_record, note, write_record

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
        if all(abs(ratio - 2) <= 2 * TOLERANCE for ratio in ratios[-JUDGED:]):
            return "PASS"
        return "PASS fixed" if abs(self.growth() - 2) <= 2 * TOLERANCE else "FAIL"

    def passes(self) -> bool:
        return self.verdict().startswith("PASS")


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


def measure(binary: Path, workload: Workload, form: str, per_delta: int, limit: float) -> Row:
    """All sizes of one row."""
    row = Row(workload.name, form, per_delta, workload.hostile)
    for doubling in range(DOUBLINGS + 1):
        row.error = count(binary, row, workload.largest >> (DOUBLINGS - doubling), limit)
        if row.error:
            break
    return row


def delta_name(per_delta: int) -> str:
    return str(per_delta) if per_delta else "whole"


def line(row: Row) -> str:
    """The row as printed."""
    costs = "".join(f"{cost:>9.1f}" for cost in row.per_token())
    ratios = "".join(f"{ratio:>8.3f}" for ratio in row.ratios())
    name = f"{row.workload:<18}{row.form:<5}{delta_name(row.per_delta):>5}"
    largest = row.instructions[-1] if row.instructions else 0
    return f"{name}{largest:>15,}{costs:<36}{ratios:<24}{row.growth():>8.3f}  {row.verdict()}"


HEAD = (
    f"{'workload':<18}{'form':<5}{'delta':>5}{'instructions':>15}{'  per token at the four sizes':<36}"
    f"{'  for each doubling':<24}{'growth':>8}"
)


def compare(rows: list[Row], path: Path) -> bool:
    """Prints counts that differ by more than 1 % from a record; whether none rose."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    before = {(row["workload"], row["form"], row["per_delta"]): row for row in record["rows"]}
    fine = True
    for row in rows:
        old = before.get(row.key)
        if old is None or not row.instructions or len(old["instructions"]) != len(row.instructions):
            continue
        change = row.per_token()[-1] / (old["instructions"][-1] / old["tokens"][-1]) - 1
        if abs(change) > ALLOWANCE:
            print(f"{row.workload} {row.form} {delta_name(row.per_delta)}: {change:+.1%} against {path.name}")
            fine = fine and change < 0
    return fine


def recorded(rows: list[Row], about: dict[str, str]) -> list[dict[str, Any]] | None:
    """The rows of today's record of the same machine, tools and revision, with these in the place of their like."""
    record = newest_record("instructions")
    if record is None or record["machine"] != about:
        return None
    fresh = {row.key: asdict(row) for row in rows}
    kept = [((row["workload"], row["form"], row["per_delta"]), row) for row in record["rows"]]
    return [fresh.pop(key, row) for key, row in kept] + list(fresh.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these workloads")
    parser.add_argument("--record", action="store_true", help="write bench/record/instructions-DATE.json")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a record to compare with")
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="for one run (default 120)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        note("valgrind is missing; on Debian or Ubuntu: apt-get install valgrind")
        return 2
    about = machine()
    binary = build()
    known, stream_bytes = workloads(binary)
    unknown = set(options.only or ()) - {workload.name for workload in known}
    if unknown:
        note(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(w.name for w in known)}")
        return 2
    tasks = [
        (workload, form, per_delta)
        for workload in known
        if options.only is None or workload.name in options.only
        for form in workload.forms
        for per_delta in PER_DELTA
    ]
    start = time.monotonic()
    rows = []
    print(HEAD, flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(measure, binary, *task, options.limit) for task in tasks]
        for done, future in enumerate(running, 1):
            rows.append(future.result())
            print(line(rows[-1]), flush=True)
            if done % 10 == 0:
                note(f"{done} of {len(tasks)}, {time.monotonic() - start:.0f} s")
    failed = [row for row in rows if not row.passes()]
    print(f"{len(rows) - len(failed)} of {len(rows)} pass; a fresh stream has {stream_bytes} bytes and no heap")
    if options.record:
        written = recorded(rows, about) if options.only else [asdict(row) for row in rows]
        if written is None:
            note("--record with --only needs a full record of today, of this machine and revision")
            return 2
        write_record("instructions", about, {"stream_bytes": stream_bytes, "rows": written})
    fine = options.compare is None or compare(rows, options.compare)
    return 0 if fine and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
