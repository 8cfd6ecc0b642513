"""What the benchmarks share: the machine they ran on, and dated records."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
RECORD = BENCH / "record"


def first_line(*command: str) -> str:
    """The first line that a command prints; "?" where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return (done.stdout.strip().splitlines() or ["?"])[0]


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, str]:
    """Date, machine and tools, as they belong to every record."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{processor()}, {os.cpu_count()} threads",
        "system": platform.platform(),
        "rustc": first_line("rustc", "--version"),
        "valgrind": first_line("valgrind", "--version"),
        "python": platform.python_version(),
        "revision": first_line("git", "-C", str(BENCH), "describe", "--always", "--dirty"),
    }


def write_record(name: str, about: dict[str, str], results: dict[str, Any]) -> Path:
    """Writes ``record/NAME-DATE.json`` and says so; ``about`` is what :func:`machine` told before the measurement."""
    record = {"machine": about, **results}
    RECORD.mkdir(exist_ok=True)
    path = RECORD / f"{name}-{about['date']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    note(f"recorded in {path.relative_to(BENCH.parent)}")
    return path


def newest_record(name: str) -> dict[str, Any] | None:
    """The newest record of this name, if there is one."""
    paths = sorted(RECORD.glob(f"{name}-*.json"))
    if not paths:
        return None
    record: dict[str, Any] = json.loads(paths[-1].read_text(encoding="utf-8"))
    return record


def note(text: str) -> None:
    """A line for people; results go to standard output."""
    print(text, file=sys.stderr, flush=True)
