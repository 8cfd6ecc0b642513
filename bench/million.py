"""Growth from a thousand to a million tokens, by instructions of the core, for every workload.

    python bench/million.py [--only NAME …] [--record]

The exponent between two lengths is log(cost ratio) / log(length ratio): 1 is linear, 2 quadratic. A row passes where
neither that from 1k to 1M tokens nor that from 32k to 1M is above 1.02; values that are held end at 128k. Below 0.98,
a cost that does not depend on the length still shows at the shorter one. Exit status: 0 all pass, 1 not all, 2
something is missing.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import math
import os
import shutil
import sys
import time
from dataclasses import asdict

from common import machine, note, write_record
from instructions import PER_DELTA, Row, build, delta_name, measure, workloads

SIZES = (1 << 10, 1 << 15, 1 << 20)
HELD = ("held_calls", "single_quotes", "quoted_keys", "backslashes", "json_string", "bare_commas")
"""One value that is held, of which 1 MiB is the limit. These end at `HELD_SIZE`: a longer one is another output."""
HELD_SIZE = 1 << 17
TOLERANCE = 0.02


def exponent(row: Row, first: int, last: int) -> float:
    """Between two of the sizes."""
    costs = row.instructions[last] / row.instructions[first]
    return math.log(costs) / math.log(row.tokens[last] / row.tokens[first])


def passes(row: Row) -> bool:
    """Whether the row is linear."""
    if len(row.instructions) < len(SIZES):
        return False
    return all(exponent(row, first, 2) - 1 <= TOLERANCE for first in (0, 1))


def sizes_of(row: Row) -> list[int]:
    return [min(size, HELD_SIZE) if row.workload in HELD else size for size in SIZES]


def line(row: Row) -> str:
    """The row as printed."""
    name = f"{row.workload:<18}{row.form:<5}{delta_name(row.per_delta):>5}"
    costs = "".join(f"{cost:>10.1f}" for cost in row.per_token())
    if row.error:
        return f"{name}{costs}  FAIL {row.error}"
    exponents = f"{exponent(row, 0, 2):>10.3f}{exponent(row, 1, 2):>10.3f}"
    ends = "  (128k for 1M)" if row.workload in HELD else ""
    return f"{name}{costs}{exponents}  {'PASS' if passes(row) else 'FAIL'}{ends}"


HEAD = f"{'workload':<18}{'form':<5}{'delta':>5}{'1k':>10}{'32k':>10}{'1M':>10}{'1k to 1M':>10}{'32k to 1M':>10}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these workloads")
    parser.add_argument("--record", action="store_true", help="write bench/record/million-DATE.json")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="for one run (default 600)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        note("valgrind is missing; on Debian or Ubuntu: apt-get install valgrind")
        return 2
    about = machine()
    binary = build()
    known, _ = workloads(binary)
    unknown = set(options.only or ()) - {workload.name for workload in known}
    if unknown:
        note(f"no such workload: {', '.join(sorted(unknown))}")
        return 2
    empty = [
        Row(workload.name, form, per_delta, workload.hostile)
        for workload in known
        if options.only is None or workload.name in options.only
        for form in workload.forms
        for per_delta in PER_DELTA
    ]
    start = time.monotonic()
    rows: list[Row] = []
    print(HEAD, flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda row: measure(binary, row, sizes_of(row), options.limit), empty):
            rows.append(row)
            print(line(row), flush=True)
            if len(rows) % 10 == 0:
                note(f"{len(rows)} of {len(empty)}, {time.monotonic() - start:.0f} s")
    passed = sum(map(passes, rows))
    print(f"{passed} of {len(rows)} pass")
    if options.record:
        if options.only:
            note("a record has all workloads: --record without --only")
            return 2
        write_record("million", about, {"rows": [asdict(row) for row in rows]})
    return 0 if passed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
