"""One wheel for every CPython from 3.11 on: the others that are here give the same events, by either implementation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gemma4_parser

HERE = Path(__file__).resolve().parent
PACKAGE = Path(gemma4_parser.__file__).parent
SCRIPT = """
import json, sys
from pathlib import Path

sys.path[:0] = sys.argv[1:3]
import gemma4_parser as g4
from helpers import pieces, tokenise

vocabulary = g4.Vocabulary(pieces())
for name in ("output.jsonl", "own.jsonl"):
    for line in (Path(sys.argv[2]) / "vectors" / name).read_text(encoding="utf-8").split("\\n"):
        if line:
            case = json.loads(line)
            names = {"start", "tools", "parse_reasoning", "lenient", "coerce"}
            options = {key: value for key, value in case.items() if key in names}
            ids, text = g4.StreamParser(vocabulary, **options), g4.StreamParser(**options)
            by_ids, by_text = map(ids.push, tokenise(case["text"])), map(text.push_text, case["text"])
            for stream, steps in ((ids, by_ids), (text, by_text)):
                events = [list(event) for step in steps for event in step]
                events += map(list, stream.finish(case.get("finish", "stop")))
                print(json.dumps([case["id"], events]))
print(g4.__implementation__, g4.__version__)
"""


def others() -> list[str]:
    """Other CPythons of 3.11 or newer, on the path or under pyenv."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(home.glob("3.*/bin/python"))]
    versions: dict[str, str] = {}
    probe = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.version_info >= (3, 11))"
    for path in filter(None, found):
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        name, version, modern = (*done.stdout.split(), "", "", "")[:3]
        if (name, modern) == ("cpython", "True") and version != "{}.{}".format(*sys.version_info):
            versions.setdefault(version, path)
    return list(versions.values())


def events(python: str, implementation: str) -> list[str]:
    """What the script prints: a line for each event list, then which implementation of which version ran."""
    line = [python, "-I", "-c", SCRIPT, str(PACKAGE.parent), str(HERE)]
    environment = {**os.environ, "GEMMA4_PARSER_IMPLEMENTATION": implementation}
    done = subprocess.run(line, capture_output=True, text=True, check=False, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    *found, last = done.stdout.splitlines()
    assert last == f"{implementation} {gemma4_parser.__version__}"
    return found


@pytest.mark.skipif(not others(), reason="there is no other CPython of 3.11 or newer on this machine")
@pytest.mark.parametrize("implementation", ["rust", "python"])
def test_same_events(implementation: str) -> None:
    expected = events(sys.executable, "rust")
    assert len(expected) > 1000
    for python in others():
        assert events(python, implementation) == expected, python
