"""What follows from a result: ratios in the same run, growth, speeds of whole outputs, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

from gemma4_parser.bench.contestants.base import ARGUMENTS, STEPS, WHOLE
from gemma4_parser.bench.results import Cell, Result

STREAMS, RATE = 256, 50
"""A busy server: so many streams of so many tokens a second."""
ANCHOR = "one_event"
VLLM = "vllm033"
FEEDS = (*STEPS, WHOLE)

Value: TypeAlias = str | float | None


@dataclass
class Table:
    """Rows of a name and figures; `digits` of the figures that count."""

    title: str
    head: list[str]
    rows: list[list[Value]] = field(default_factory=list)
    note: str = ""
    digits: int = 3

    def filled(self) -> Table:
        """The table without columns in which nothing stands."""
        kept = [at for at in range(len(self.head)) if any(row[at] not in (None, "") for row in self.rows)]
        rows = [[row[at] for at in kept] for row in self.rows]
        return Table(self.title, [self.head[at] for at in kept], rows, self.note, self.digits)


def feed_title(feed: str) -> str:
    """A way of feeding in words."""
    if feed in (WHOLE, ARGUMENTS):
        return {WHOLE: "whole", ARGUMENTS: "arguments alone"}[feed]
    return f"{feed} a step"


def summarize(result: Result) -> list[Table]:
    """All tables that have rows."""
    tables = [
        against_anchor(result),
        *(against(result, feed) for feed in ("1", "4", "16", WHOLE)),
        growth(result),
        speeds(result),
        arguments(result),
        longer_steps(result),
        twin(result),
        share(result, "1"),
        share(result, "4"),
        construction(result),
        memory(result),
    ]
    return [table.filled() for table in tables if table.rows]


def _per_token(cell: Cell | None) -> float | None:
    return None if cell is None else cell.per_token


def ratio(above: Cell | None, below: Cell | None) -> float | None:
    """How many times longer the first takes for each token; None where either has no figure."""
    one, other = _per_token(above), _per_token(below)
    return one / other if one and other else None


def against_anchor(result: Result) -> Table:
    """Steps of one token against a native call that returns one event."""
    table = Table(
        "One token a step, against a native call that returns one event",
        ["workload", "the call, ns", "ids, ns", "ratio", "text, ns", "ratio"],
    )
    for workload in result.workloads:
        anchor = result.cell(workload.name, "1", ANCHOR)
        if anchor is None or workload.name.endswith(("64k", "256k")):
            continue
        row: list[Value] = [workload.title, _nanoseconds(anchor)]
        for name in ("ours", "ours-text"):
            cell = result.cell(workload.name, "1", name)
            row += [_nanoseconds(cell), ratio(cell, anchor)]
        table.rows.append(row)
    return table


def against(result: Result, feed: str) -> Table:
    """Against each workload's peers: how many times as long they take as this parser, fed ids and fed text."""
    table = Table(
        f"Peers against this parser, {feed_title(feed)}: how many times as long they take",
        [
            *("workload", "vLLM 0.33 path", "ids", "text", "fastest peer", "ids", "text"),
            *("fastest that streams arguments", "ids", "text"),
        ],
        note="ids, text: what this parser is fed; fed ids, it detokenises too, while the peers are given text. "
        "Fastest: of those whose answer is right, blanks at the edges aside",
    )
    for workload in result.workloads:
        quickest = fastest(result, workload.name, feed)
        if quickest is None:
            continue
        row: list[Value] = [workload.title]
        vllm = result.cell(workload.name, feed, VLLM)
        for best in (
            vllm if _per_token(vllm) else None,
            quickest,
            fastest(result, workload.name, feed, streams=True),
        ):
            row.append("" if best is None else result.title(best.contestant))
            row += [ratio(best, result.cell(workload.name, feed, own)) for own in ("ours", "ours-text")]
        table.rows.append(row)
    return table


def fastest(result: Result, workload: str, feed: str, *, streams: bool = False) -> Cell | None:
    """The cell of the fastest peer whose answer is right, blanks at the edges aside, and that `streams` if asked."""
    peers = {contestant.name for contestant in result.of_kind("peer")}
    cells = [
        cell
        for cell in result.cells
        if (cell.workload, cell.feed) == (workload, feed) and cell.contestant in peers and cell.per_token
        if not cell.wrong and (cell.streams or not streams)
    ]
    return min(cells, key=lambda cell: cell.per_token or math.inf, default=None)


def growth(result: Result) -> Table:
    """Exponents of the time: 1 is linear, 2 quadratic."""
    table = Table(
        "Growth of the time with the length of one string: exponents (1 is linear, 2 quadratic)",
        [
            "contestant",
            *(f"{series}, {feed_title(feed)}" for series in ("write", "edits") for feed in ("1", "16", WHOLE)),
        ],
        note="from 1k to 256k tokens, or to the longest that was run to its end; k: its length",
    )
    sizes = {workload.name: workload.size // 1024 for workload in result.workloads}
    for contestant in result.of_kind("ours", "twin", "peer"):
        row: list[Value] = [contestant.title]
        for series in ("write", "edits"):
            for feed in ("1", "16", WHOLE):
                cells = _run_cells(result, contestant.name, series, feed)
                value = exponent(result, contestant.name, series, feed)
                if value is None:
                    row.append(None)
                    continue
                longest = sizes[cells[-1].workload]
                row.append(f"{value:.2f}" + ("" if longest == 256 else f" ({longest}k)"))
        if any(value is not None for value in row[1:]):
            table.rows.append(row)
    return table


def exponent(result: Result, contestant: str, series: str, feed: str) -> float | None:
    """Of the time, from the shortest to the longest output of a series that was run; None for fewer than two."""
    cells = _run_cells(result, contestant, series, feed)
    if len(cells) < 2:
        return None
    first, last = cells[0], cells[-1]
    assert first.seconds and last.seconds
    return math.log(last.seconds / first.seconds) / math.log(last.tokens / first.tokens)


def _run_cells(result: Result, contestant: str, series: str, feed: str) -> list[Cell]:
    names = [workload.name for workload in result.workloads if workload.series == series]
    cells = [result.cell(name, feed, contestant) for name in names]
    return [cell for cell in cells if cell is not None and cell.seconds and not cell.extrapolated]


def speeds(result: Result) -> Table:
    """Whole outputs to a message."""
    names = ("ours", "ours-array", "ours-text", "twin", "twin-text")
    table = Table(
        "Whole outputs to a Message, MB/s of UTF-8",
        ["workload", "list of ids", "array of ids", "text", "twin: list of ids", "twin: text"],
    )
    for workload in result.workloads:
        cells = [result.cell(workload.name, WHOLE, name) for name in names]
        if any(cells):
            found = [cell.bytes / cell.seconds / 1e6 if cell and cell.seconds else None for cell in cells]
            table.rows.append([workload.title, *found])
    return table


def arguments(result: Result) -> Table:
    """Arguments alone against readers of the equivalent JSON."""
    names = ("orjson", "jiter", "json")
    table = Table(
        "parse_arguments, and readers of the equivalent JSON: µs; and how many times as long parse_arguments takes",
        ["workload", "parse_arguments", *(part for name in names for part in (name, "ratio"))],
    )
    for workload in result.workloads:
        ours = result.cell(workload.name, ARGUMENTS, "parse_arguments")
        if ours is None or ours.seconds is None:
            continue
        row: list[Value] = [workload.title, ours.seconds * 1e6]
        for name in names:
            cell = result.cell(workload.name, ARGUMENTS, name)
            row += [cell.seconds * 1e6 if cell and cell.seconds else None, ratio(ours, cell)]
        table.rows.append(row)
    return table


def longer_steps(result: Result) -> Table:
    """Nanoseconds a token by the number of tokens in a step."""
    table = Table(
        "ns a token, by the tokens of a step",
        ["workload", "input", *(feed_title(feed) for feed in FEEDS)],
    )
    for workload in result.workloads:
        if result.cell(workload.name, "64", "ours") is None:
            continue
        for name in ("ours", "ours-array", "ours-text"):
            cells = [result.cell(workload.name, feed, name) for feed in FEEDS]
            if any(cells):
                table.rows.append([workload.title, result.title(name), *map(_nanoseconds, cells)])
    return table


def twin(result: Result) -> Table:
    """The pure-Python implementation against vLLM 0.33."""
    feeds = ("1", "4", "16", WHOLE)
    table = Table(
        "vLLM 0.33 path against the pure-Python twin (ids; whole: text): times as long",
        ["workload", *map(feed_title, feeds)],
    )
    for workload in result.workloads:
        row: list[Value] = [workload.title]
        for feed in feeds:
            own = "twin-text" if feed == WHOLE else "twin"
            row.append(ratio(result.cell(workload.name, feed, VLLM), result.cell(workload.name, feed, own)))
        if any(value is not None for value in row[1:]):
            table.rows.append(row)
    return table


def share(result: Result, feed: str) -> Table:
    """What of one core a busy server spends."""
    shown = [one for one in result.of_kind("ours", "twin", "peer") if one.name != "ours-array"]
    table = Table(
        f"Share of one core for {STREAMS} streams of {RATE} tokens a second, {feed_title(feed)}: %",
        ["workload", *(one.title for one in shown)],
        note="above 100, one process cannot keep up",
    )
    for workload in result.workloads:
        values = [_per_token(result.cell(workload.name, feed, one.name)) for one in shown]
        if any(value is not None for value in values):
            percent = [None if value is None else value * STREAMS * RATE * 100 for value in values]
            table.rows.append([workload.title, *percent])
    return table


def construction(result: Result) -> Table:
    """Making the parser of one request."""
    table = Table("Making the parser of one request, µs (the tools of a short call)", ["contestant", "µs"])
    for contestant in result.of_kind("ours", "twin", "peer"):
        cell = result.cell("short_call", "1", contestant.name)
        if cell is not None and cell.construct:
            table.rows.append([contestant.title, cell.construct * 1e6])
    return table


def memory(result: Result) -> Table:
    """Sizes and load times."""
    return Table("Memory and loading", ["", "this"], [[name, value] for name, value in result.memory.items()])


def _nanoseconds(cell: Cell | None) -> float | None:
    value = _per_token(cell)
    return None if value is None else value * 1e9
