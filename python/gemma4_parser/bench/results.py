"""What a run amounts to, as data: one JSON file."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1


@dataclass
class Cell:
    """One contestant on one workload, fed in one way."""

    workload: str
    feed: str
    contestant: str
    tokens: int
    bytes: int
    """UTF-8 of the output; of the JSON text for those that read arguments."""
    steps: int
    seconds: float | None
    """Median of the rounds for the whole output; None where it did not come to an end."""
    spread: float
    """(max - min) / median of the rounds."""
    rounds: int
    construct: float
    """Seconds to make the parser, which are not in `seconds`."""
    verdict: str
    """`right`, `blanks`, `anchor`, `unchecked`, or what is wrong."""
    extrapolated: bool = False
    pieces: int = 0
    """In how many pieces the arguments of calls were sent."""
    largest: float = 0.0
    """Share of the largest of these."""
    calls: int = 0

    @property
    def per_token(self) -> float | None:
        """Seconds."""
        return None if self.seconds is None else self.seconds / self.tokens

    @property
    def streams(self) -> bool:
        """Whether the arguments came while they were written, not in one piece for each call."""
        return self.pieces > self.calls and self.largest <= 0.5

    @property
    def wrong(self) -> bool:
        return self.verdict not in ("right", "blanks", "anchor", "unchecked")


@dataclass
class Workload:
    """What a result tells of a workload."""

    name: str
    title: str
    tokens: int
    characters: int
    series: str
    size: int


@dataclass
class Contestant:
    """What a result tells of a contestant."""

    name: str
    title: str
    kind: str
    interpreter: str


@dataclass
class Missing:
    """A contestant that was left out."""

    name: str
    title: str
    reason: str


@dataclass
class Result:
    """One run."""

    about: dict[str, str]
    settings: dict[str, Any]
    quiet: dict[str, Any] = field(default_factory=dict)
    workloads: list[Workload] = field(default_factory=list)
    contestants: list[Contestant] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT

    def cell(self, workload: str, feed: str, contestant: str) -> Cell | None:
        """The cell, if it was measured."""
        for cell in self.cells:
            if (cell.workload, cell.feed, cell.contestant) == (workload, feed, contestant):
                return cell
        return None

    def of_kind(self, *kinds: str) -> list[Contestant]:
        """The contestants of these kinds."""
        return [contestant for contestant in self.contestants if contestant.kind in kinds]

    def title(self, name: str) -> str:
        """What tables call a contestant."""
        return next((contestant.title for contestant in self.contestants if contestant.name == name), name)

    def to_json(self) -> dict[str, Any]:
        """As JSON; numbers are rounded to what they are worth."""
        shape: dict[str, Any] = _rounded(asdict(self))
        return shape

    @classmethod
    def from_json(cls, shape: dict[str, Any]) -> Result:
        """What :meth:`to_json` made. Raises ValueError for another format."""
        if shape.get("format") != FORMAT:
            raise ValueError(f"not a benchmark result of format {FORMAT}")
        lists = {"workloads": Workload, "contestants": Contestant, "missing": Missing, "cells": Cell}
        fields = {name: [kind(**item) for item in shape[name]] for name, kind in lists.items()}
        return cls(**{**shape, **fields})


def dumps(shape: dict[str, Any]) -> str:
    """The text of a result as JSON, with each cell and the like on a line of its own."""

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for name, value in shape.items():
        items = "[\n  " + ",\n  ".join(map(text, value)) + "\n ]" if isinstance(value, list) and value else text(value)
        parts.append(f" {text(name)}: {items}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def median_and_spread(samples: list[float]) -> tuple[float, float]:
    """The median, and (max - min) / median."""
    middle = statistics.median(samples)
    return middle, (max(samples) - min(samples)) / middle if middle else 0.0


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
