"""What this parser was to reach, and what the newest records say of it: a row for each aim, met or not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import million
from common import newest_record
from instructions import Row

from gemma4_parser.bench.contestants.base import ARGUMENTS, WHOLE
from gemma4_parser.bench.results import Cell, Result
from gemma4_parser.bench.summary import ANCHOR, VLLM, Table, exponent, fastest, feed_title, ratio
from gemma4_parser.bench.tables import number

STEPS = ("1", "4", "16")
STRINGS = ("write_16k", "edits_16k", "write_prose")
"""Outputs that are nearly all one string."""
FORMS = {"ours": "ids", "ours-array": "array", "ours-text": "text"}
AGAINST_VLLM = (
    ("prose", "1", 40),
    ("write_16k", "1", 80),
    ("edits_16k", "1", 1000),
    ("numbers", "1", 1000),
    ("edits_16k", WHOLE, 1000),
)
SIZES = (
    ("an idle stream, fresh, bytes", "a stream fresh, bytes", 512),
    ("the vocabulary, MB (6 MiB)", "vocabulary, MB", 6.29),
    ("reading tokenizer.json, ms", "reading it, ms", 500),
    ("import, ms", "import, ms", 10),
    ("the wheel, MB", "wheel, MB", 0.6),
)


@dataclass(frozen=True)
class Found:
    """A figure and where it was found."""

    value: float
    where: str

    def __str__(self) -> str:
        return f"{number(self.value)} ({self.where})"


def least(found: list[Found]) -> Found:
    return min(found, key=lambda one: one.value)


def most(found: list[Found]) -> Found:
    return max(found, key=lambda one: one.value)


class Aims:
    """The table in the making. Peers are given text; this parser ids, which it detokenises, where no form is named."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.titles = {workload.name: workload.title for workload in result.workloads}
        self.table = Table(
            "What was to be reached, and what this run reached", ["what", "aim", "reached, at worst", "met"]
        )

    def at_least(self, what: str, aim: float, found: list[Found], unit: str = " ×") -> None:
        if found:
            worst = least(found)
            self.row(what, f"{aim:,}{unit}", str(worst), worst.value >= aim)

    def at_most(self, what: str, aim: float, found: list[Found], unit: str = "") -> None:
        if found:
            worst = most(found)
            self.row(what, f"at most {aim:,}{unit}", str(worst), worst.value <= aim)

    def row(self, what: str, aim: str, reached: str, met: bool) -> None:
        self.table.rows.append([what, aim, reached, "yes" if met else "**no**"])

    def times(self, slow: str, quick: str, feeds: Iterable[str], names: Iterable[str] | None = None) -> list[Found]:
        """How many times as long the one contestant takes as the other, in each cell that both have."""
        pairs = [
            (name, feed, ratio(self.result.cell(name, feed, slow), self.result.cell(name, feed, quick)))
            for name in names or self.titles
            for feed in feeds
        ]
        return [Found(value, f"{self.titles[name]}, {feed_title(feed)}") for name, feed, value in pairs if value]

    def times_fastest(self, own: str, feeds: Iterable[str], *, streams: bool = False) -> list[Found]:
        """How many times as long the fastest peer takes; where asked, of those that stream arguments."""
        found = []
        for name, title in self.titles.items():
            for feed in feeds:
                value = ratio(fastest(self.result, name, feed, streams=streams), self.result.cell(name, feed, own))
                if value:
                    found.append(Found(value, f"{title}, {feed_title(feed)}"))
        return found

    def cells(self, own: str, feed: str, names: Iterable[str]) -> list[tuple[Cell, str]]:
        """The cells that were measured, with the titles of their workloads."""
        found = [(self.result.cell(name, feed, own), self.titles.get(name, name)) for name in names]
        return [(cell, title) for cell, title in found if cell is not None and cell.seconds]

    def fill(self) -> Table:
        """All rows."""
        steps = self.times("ours", ANCHOR, ("1",), (*STRINGS, "prose", "thought", "numbers"))
        self.at_most("a step of one token, against a native call that returns one event", 2, steps, " ×")
        for name, feed, aim in AGAINST_VLLM:
            what = f"vLLM 0.33, {feed_title(feed)}: {self.titles.get(name)}"
            self.at_least(what, aim, self.times(VLLM, "ours", (feed,), (name,)))
        for feeds in (STEPS, (WHOLE,)):
            for own in ("ours", "ours-text"):
                what = "1, 4, 16 a step" if feeds == STEPS else "whole"
                self.at_least(
                    f"the fastest peer of each workload, {what}: {FORMS[own]}", 5, self.times_fastest(own, feeds)
                )
        self.at_least("the fastest that streams arguments", 5, self.times_fastest("ours", STEPS, streams=True))
        self.growth()
        for own, form in FORMS.items():
            rates = [
                Found(cell.bytes / (cell.seconds or 1) / 1e9, title)
                for cell, title in self.cells(own, WHOLE, (*STRINGS, "prose"))
            ]
            self.at_least(f"whole outputs that are mostly text, GB/s: {form}", 1, rates, "")
        self.at_most(
            "`parse_arguments` against `orjson.loads`", 1, self.times("parse_arguments", "orjson", (ARGUMENTS,)), " ×"
        )
        for own, form in FORMS.items():
            costs = [
                Found((cell.per_token or 0.0) * 1e9, title)
                for cell, title in self.cells(own, "64", ("write_16k", "edits_16k", "prose"))
            ]
            self.at_most(f"64 tokens a step, ns a token: {form}", 15, costs)
        self.at_least("vLLM 0.33 against the twin in pure Python: ids", 1, self.times(VLLM, "twin", STEPS))
        self.at_least(
            "vLLM 0.33 against the twin in pure Python: text", 1, self.times(VLLM, "twin-text", (*STEPS, WHOLE))
        )
        exponents = [
            Found(value, f"{own}, {series}, {feed_title(feed)}")
            for own in ("twin", "twin-text")
            for series in ("write", "edits")
            for feed in ("1", "16", WHOLE)
            if (value := exponent(self.result, own, series, feed)) is not None
        ]
        self.at_most("growth of the twin's time from 1k to 256k tokens: exponent", 1.05, exponents)
        for what, key, size in SIZES:
            if key in self.result.memory:
                value = self.result.memory[key]
                value = round(value) if "bytes" in key else value  # of memory divided by 100,000 streams
                self.row(what, f"at most {size}", number(value), value <= size)
        return self.table

    def growth(self) -> None:
        """Exponents of the instructions between 1k and 1M tokens."""
        record: dict[str, Any] | None = newest_record("million")
        if record is not None:
            rows = [Row(**row) for row in record["rows"]]
            found = [Found(math.inf if row.error else million.exponent(row, 0, 2), row.name) for row in rows]
            self.at_most("growth of the instructions of the core from 1k to 1M tokens: exponent", 1.02, found)
