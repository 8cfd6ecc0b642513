"""The references that are on this machine; without `make test-references`, only what needs none is collected."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from references.asked import Reference
from references.report import LINES

HOME = Path(os.environ.get("GEMMA4_REFERENCES", "")).resolve()
ASKED = "GEMMA4_REFERENCES" in os.environ
ONLY_WITH = ["test_check_templates.py", "test_prompt_template.py", "test_readers.py", "test_writers.py"]
collect_ignore = [] if ASKED else ONLY_WITH
STATE: dict[str, str | None] = json.loads((HOME / "state.json").read_text(encoding="utf-8")) if ASKED else {}


@pytest.fixture(scope="session")
def reference() -> Iterator[Callable[[str], Reference]]:
    """Gives a reference by its name, or skips the test with the reason why there is none."""
    started: dict[str, Reference] = {}

    def give(name: str) -> Reference:
        reason = STATE[name]
        if reason is not None:
            pytest.skip(f"{name}: {reason}")
        if name not in started:
            started[name] = Reference(name, HOME)
        return started[name]

    yield give
    for one in started.values():
        one.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LINES:
        terminalreporter.section("references")
        for line in LINES:
            terminalreporter.write_line(line)
