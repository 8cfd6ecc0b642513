"""Counts the instructions of the calls from Python: see `python/calls.py`, which callgrind runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import BENCH

SCRIPT = BENCH / "python" / "calls.py"
OUTPUTS = BENCH.parent / "target" / "bench" / "outputs.json"


@dataclass
class CallRow:
    """What all calls of one way on one output take."""

    output: str
    way: str
    calls: int
    tokens: int
    instructions: int

    @property
    def key(self) -> tuple[str, str]:
        return (self.output, self.way)

    @property
    def name(self) -> str:
        return f"{self.output}: {self.way}"

    def per_call(self) -> float:
        return self.instructions / self.calls

    def per_token(self) -> float:
        return self.instructions / self.tokens


def prepare() -> tuple[list[str], str]:
    """Makes the outputs; their names, or what is missing."""
    program = "import sys, calls; calls.save(calls.Path(sys.argv[1])); print(*calls.OUTPUTS)"
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    command = [sys.executable, "-B", "-c", program, str(OUTPUTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split(), "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["?"])[-1]


def count_calls(output: str, tunables: str, limit: float) -> tuple[list[CallRow], str]:
    """All ways on one output, and what went wrong."""
    # Nothing else of the environment: what lies on the stack, and where, is then the same each time.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "GLIBC_TUNABLES": tunables,
    }
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--dump-before=getppid"]
        command += [sys.executable, "-B", "-P", str(SCRIPT), str(OUTPUTS), output]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return [], f"{output}: stopped after {limit:.0f} s"
        if done.returncode:
            return [], f"{output}: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
        told = json.loads(done.stdout)
        # A part of the profile ends with each call of getppid: what came before, then what was asked for, in turn.
        parts = [profile.with_name(f"profile.{number}") for number in range(1, 2 * len(told) + 1)]
        if not parts[-1].exists() or profile.with_name(f"profile.{len(parts) + 1}").exists():
            return [], f"{output}: not {len(parts)} parts in the profile"
        totals = [_total(part) for part in parts[1::2]]
    empty = totals[0]
    rows = [
        CallRow(output, one["way"], one["calls"], one["tokens"], total - empty)
        for one, total in zip(told[1:], totals[1:], strict=True)
    ]
    return rows, ""


def _total(part: Path) -> int:
    found = re.search(r"^totals: (\d+)$", part.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return int(found.group(1)) if found else 0
