"""What the benchmarks share: the machine they ran on, and dated records."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
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


def machine() -> dict[str, str]:
    """Date, machine and tools, as they belong to every record."""
    # The package need not be installed, nor its extension be built, for what only wants this.
    spec = spec_from_file_location("machine", BENCH.parent / "python" / "gemma4_parser" / "bench" / "machine.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    about: dict[str, str] = module.about()
    return {
        **about,
        "rustc": first_line("rustc", "--version"),
        "valgrind": first_line("valgrind", "--version"),
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


def newest_path(name: str) -> Path | None:
    """Where the newest record of this name is, if there is one."""
    return max(RECORD.glob(f"{name}-*.json"), default=None)


def newest_record(name: str) -> dict[str, Any] | None:
    """The newest record of this name, if there is one."""
    path = newest_path(name)
    if path is None:
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def note(text: str) -> None:
    """A line for people; results go to standard output."""
    print(text, file=sys.stderr, flush=True)
