"""The comparison of instruction counts with a record: `bench/instructions.py`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest

from helpers import ROOT

sys.path.insert(0, str(ROOT / "bench"))
instructions: Any = import_module("instructions")
from_python: Any = import_module("from_python")


def row(*counts: int, workload: str = "prose") -> Any:
    """A row of the core, at as many sizes as there are counts."""
    tokens = [1000 * 2**at for at in range(len(counts))]
    return instructions.Row(workload, "ids", 1, False, tokens, tokens, tokens, list(counts))


def call(count: int, tokens: int = 1000) -> Any:
    return from_python.CallRow("prose", "push(id)", tokens, tokens, count)


def record(core: list[Any], calls: list[Any]) -> dict[str, Any]:
    return {"rows": [vars(row) for row in core], "calls": [vars(call) for call in calls]}


@pytest.mark.parametrize(
    ("before", "after", "dearer", "cheaper"),
    [(100_000, 101_000, 0, 0), (100_000, 101_100, 1, 0), (100_000, 99_000, 0, 0), (100_000, 98_000, 0, 1)],
)
def test_one_percent(before: int, after: int, dearer: int, cheaper: int) -> None:
    found = instructions.compare([row(after)], [call(after)], record([row(before)], [call(before)]))
    assert (len(found.dearer), len(found.cheaper), found.same) == (2 * dearer, 2 * cheaper, 2 - 2 * (dearer + cheaper))
    for told in found.dearer:
        assert told.strip().startswith("+1.1%")


def test_the_largest_size_that_both_have() -> None:
    whole = record([row(100_000, 200_000, 400_000)], [])
    assert instructions.compare([row(100_000)], [], whole).same == 1
    assert len(instructions.compare([row(103_000)], [], whole).dearer) == 1
    # A size alone that is dearer, but not the largest.
    assert instructions.compare([row(103_000, 200_000, 400_000)], [], whole).same == 1


def test_what_the_record_does_not_have_is_told() -> None:
    found = instructions.compare(
        [row(1), row(1, workload="new")], [call(1), call(1, tokens=7)], record([row(1)], [call(1)])
    )
    assert found.new == ["new ids 1", "prose: push(id)"]
    assert found.same == 2
    old: dict[str, Any] = {"rows": []}
    assert len(instructions.compare([row(1)], [call(1)], old).new) == 2
