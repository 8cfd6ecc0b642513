"""The workloads of the benchmark give the right answers: each checks its own and fails on a wrong one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "bench" / "rust" / "Cargo.toml"

if shutil.which("cargo") is None:
    pytest.skip("the workloads are built by cargo, which is not here", allow_module_level=True)


def run(*arguments: str) -> str:
    """Output of the workload program, built as the tests of the crates are: fast to build, all checks on."""
    command = ["cargo", "run", "--quiet", "--locked", "--manifest-path", str(MANIFEST), "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


WORKLOADS = [
    (workload["name"], form) for workload in json.loads(run("--list"))["workloads"] for form in workload["forms"]
]


@pytest.mark.parametrize(("name", "form"), WORKLOADS)
def test_answers(name: str, form: str) -> None:
    for per_delta in ("1", "16", "0"):
        assert json.loads(run(name, "2000", "--tokens-per-delta", per_delta, "--form", form))["tokens"] > 0
