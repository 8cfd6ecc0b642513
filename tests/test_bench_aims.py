"""The table of aims: each is met or not by the worst cell that it speaks of."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest

from gemma4_parser.bench.results import Cell, Contestant, Result, Workload
from helpers import ROOT

TITLES = {"prose": "8k tokens of prose", "write_16k": "a string of 16k tokens"}


@pytest.fixture
def aims(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program's module: `bench` is no package."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    aims = import_module("aims")
    monkeypatch.setattr(aims, "newest_record", lambda name: None)
    yield aims
    for name in ("aims", "million", "instructions", "from_python", "common"):
        sys.modules.pop(name, None)


def cell(workload: str, feed: str, contestant: str, nanoseconds: float, verdict: str = "right") -> Cell:
    """A cell of so many nanoseconds a token, three bytes each, whose arguments are streamed."""
    seconds = 1000 * nanoseconds * 1e-9
    fields: dict[str, Any] = {"spread": 0.0, "rounds": 1, "construct": 0.0, "verdict": verdict}
    fields |= {"tokens": 1000, "bytes": 3000, "steps": 1000, "pieces": 10, "largest": 0.1, "calls": 1}
    return Cell(workload, feed, contestant, seconds=seconds, **fields)


def result(*cells: Cell, memory: dict[str, float] | None = None) -> Result:
    kinds = {"ours": "ours", "ours-text": "ours", "vllm033": "peer", "mlx-lm": "peer", "one_event": "anchor"}
    return Result(
        {},
        {},
        workloads=[Workload(name, title, 1000, 3000, "", 0) for name, title in TITLES.items()],
        contestants=[Contestant(name, name, kind, "") for name, kind in kinds.items()],
        cells=list(cells),
        memory=memory or {},
    )


def rows(aims: Any, given: Result) -> dict[str, tuple[str, bool]]:
    """What was reached, and whether that is met."""
    table = aims.Aims(given).fill()
    assert table.head == ["what", "aim", "reached, at worst", "met"]
    return {row[0]: (row[2], {"yes": True, "**no**": False}[row[3]]) for row in table.rows}


def test_only_what_was_measured(aims: Any) -> None:
    assert rows(aims, result()) == {}


def test_the_worst_cell_decides(aims: Any) -> None:
    found = rows(
        aims,
        result(
            *(cell("prose", "1", name, cost) for name, cost in (("ours", 200), ("one_event", 150), ("vllm033", 9000))),
            *(
                cell("write_16k", "1", name, cost)
                for name, cost in (("ours", 200), ("one_event", 90), ("vllm033", 15000))
            ),
        ),
    )
    assert found["a step of one token, against a native call that returns one event"] == (
        "2.22 (a string of 16k tokens, 1 a step)",
        False,
    )
    assert found["vLLM 0.33, 1 a step: 8k tokens of prose"] == ("45.0 (8k tokens of prose, 1 a step)", True)
    assert found["vLLM 0.33, 1 a step: a string of 16k tokens"] == ("75.0 (a string of 16k tokens, 1 a step)", False)
    assert found["the fastest that streams arguments"] == ("45.0 (8k tokens of prose, 1 a step)", True)


def test_a_wrong_answer_is_not_the_fastest(aims: Any) -> None:
    cells = [cell("prose", "16", "ours", 30), cell("prose", "16", "vllm033", 1800)]
    wrong = cell("prose", "16", "mlx-lm", 60, "content")
    what = "the fastest peer of each workload, 1, 4, 16 a step: ids"
    assert rows(aims, result(*cells, wrong))[what] == ("60.0 (8k tokens of prose, 16 a step)", True)
    wrong.verdict = "blanks"
    assert rows(aims, result(*cells, wrong))[what] == ("2.00 (8k tokens of prose, 16 a step)", False)


def test_speeds_and_sizes(aims: Any) -> None:
    cells = [cell("prose", "whole", "ours-text", 2), cell("write_16k", "whole", "ours-text", 4)]
    found = rows(aims, result(*cells, memory={"import, ms": 12.5, "wheel, MB": 0.59}))
    assert found["whole outputs that are mostly text, GB/s: text"] == ("0.750 (a string of 16k tokens)", False)
    assert found["import, ms"] == ("12.5", False)
    assert found["the wheel, MB"] == ("0.590", True)
