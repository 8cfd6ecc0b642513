"""The differences from other readers and writers: DESIGN.md shows them, and this package answers as they say.

What the others answer is compared by `make test-references`, which needs their packages; this needs none.
"""

from __future__ import annotations

import re

import pytest

from helpers import ROOT
from references import table
from references.differences import TABLE, Difference
from references.findings import CLOSE, OPEN
from references.writers import WRITERS, WriterDifference, back, ours

DESIGN = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
OTHERS = {"canonical grammar", "format_arguments"}
"""What may stand in the column of rules and has no name of a rule."""


def test_design_shows_the_table() -> None:
    assert table.shown() == table.markdown(), "in the folder tests: python -m references.table"


def test_rules_exist() -> None:
    rules = set(re.findall(r"^\*\*`([\w-]+)`", DESIGN, re.M)) | set(re.findall(r"^\| `(\w+)` \|", DESIGN, re.M))
    assert {row.rule for row in (*TABLE, *WRITERS)} <= rules | OTHERS


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.rule}, {row.example!r:.30}")
def test_examples(row: Difference) -> None:
    assert (row.mine().json or row.mine().answer) == row.ours


@pytest.mark.parametrize("row", WRITERS, ids=lambda row: f"{row.rule}, {row.example!r:.30}")
def test_examples_of_writers(row: WriterDifference) -> None:
    answer = back(OPEN + ours(row.example) + CLOSE) if row.kind == "way back" else ours(row.example)
    assert answer == row.ours
