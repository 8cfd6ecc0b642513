"""Runs the tests of the integrations in the environments that have the servers.

    python tests/integrations/run.py [PYTHON …] [-- pytest arguments]

`PYTHON` are interpreters that have the servers installed; without any, `GEMMA4_PEERS` names them (a path list), or they
are those that `make bench-peers` has set up. The package is installed from the built wheel into a folder of its own,
which goes in front of their packages, and pytest is borrowed from the interpreter that runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = [ROOT / "target" / "peers" / name / "bin" / "python" for name in ("main", "vllm-0.22")]
SITE = ROOT / "target" / "integrations" / "site"
START = """
import sys
sys.path[:0] = sys.argv[1:3]
sys.path.append(sys.argv[3])
import pytest
sys.exit(pytest.main(sys.argv[4:]))
"""


def install() -> None:
    """The newest wheel of `make dev`, with its metadata, into a folder."""
    folder = Path(os.environ.get("GEMMA4_WHEELS", ROOT / ".venv" / "wheels"))
    wheels = sorted(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise SystemExit(f"no wheel in {folder}: make dev")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--upgrade", "--target", str(SITE), str(wheels[-1])], check=True)


def main() -> int:
    given = sys.argv[1:]
    at = given.index("--") if "--" in given else len(given)
    interpreters, options = given[:at], given[at + 1 :]
    interpreters = interpreters or [path for path in os.environ.get("GEMMA4_PEERS", "").split(os.pathsep) if path]
    interpreters = interpreters or [str(path) for path in INSTALLED if path.exists()]
    if not interpreters:
        print("no servers: make bench-peers, or GEMMA4_PEERS=/path/to/python[:/path/to/another] make test-integrations")
        return 2
    install()
    tools = str(Path(pytest.__file__).parents[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GEMMA4_", "VLLM_"))}
    environment["PYTHONPATH"] = os.pathsep.join((str(SITE), str(ROOT / "tests")))
    worst = 0
    for interpreter in interpreters:
        print(f"--- {interpreter}", flush=True)
        arguments = [*("-p", "no:cacheprovider", "-o", "filterwarnings=default", "-q"), *options]
        if not any(option.startswith(str(ROOT)) or option.startswith("tests/") for option in options):
            arguments.append("tests/integrations")
        command = [interpreter, "-c", START, str(SITE), str(ROOT / "tests"), tools, *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        worst = worst or (0 if code == 5 else code)  # 5: nothing to test with what this interpreter has
    return worst


if __name__ == "__main__":
    sys.exit(main())
