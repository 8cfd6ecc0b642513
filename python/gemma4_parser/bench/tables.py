"""A result as text: tables for the terminal, and for Markdown documents."""

from __future__ import annotations

import unicodedata

from gemma4_parser.bench.contestants.base import ARGUMENTS, STEPS, WHOLE
from gemma4_parser.bench.results import Cell, Result
from gemma4_parser.bench.summary import Table, Value, feed_title, summarize

LEGEND = "! wrong answer   ~ stopped and extrapolated, or only extrapolated   ' blanks differ at the edges of a text"


def costs(result: Result, feed: str) -> Table:
    """Microseconds a token of all contestants."""
    shown = [
        one
        for one in result.contestants
        if any((cell.contestant, cell.feed) == (one.name, feed) for cell in result.cells)
    ]
    table = Table(
        f"{feed_title(feed).capitalize()}: µs a token", ["workload", *(one.title for one in shown)], note=LEGEND
    )
    for workload in result.workloads:
        cells = [result.cell(workload.name, feed, one.name) for one in shown]
        if any(cells):
            table.rows.append([workload.title, *map(marked, cells)])
    return table


def marked(cell: Cell | None) -> str:
    """The cost with its marks."""
    if cell is None:
        return ""
    mark = "!" if cell.wrong else "'" if cell.verdict == "blanks" else ""
    figure = "fails" if cell.per_token is None else number(cell.per_token * 1e6)
    return f"{'~' if cell.extrapolated else ''}{figure}{mark}"


def all_tables(result: Result) -> list[Table]:
    """The costs for each way of feeding, then what follows from them."""
    found = [costs(result, feed) for feed in (*STEPS, WHOLE, ARGUMENTS)]
    return [table for table in found if table.rows] + summarize(result)


def remarks(result: Result) -> list[str]:
    """What belongs below the tables: who was left out, whose answers were wrong, whether the machine was quiet."""
    lines = [f"left out: {one.title}: {one.reason}" for one in result.missing]
    wrong: dict[tuple[str, str], dict[str, list[str]]] = {}
    for cell in result.cells:
        if cell.wrong:
            found = wrong.setdefault((cell.contestant, cell.verdict), {})
            found.setdefault(cell.workload, []).append(cell.feed)
    for (contestant, verdict), where in wrong.items():
        places = ", ".join(f"{workload} ({', '.join(feeds)})" for workload, feeds in where.items())
        lines.append(f"wrong answer: {result.title(contestant)}: {verdict}: {places}")
    settings = result.settings
    how = f"{settings.get('rounds')} rounds of at least {settings.get('seconds')} s"
    how += f", runs stopped after {settings.get('cap')} s"
    spreads = sorted(cell.spread for cell in result.cells if cell.rounds > 1)
    if spreads:
        how += (
            f"; spread (max - min) / median: {spreads[len(spreads) // 2]:.1%} in the middle, {spreads[-1]:.0%} at most"
        )
    lines.append(how)
    if result.quiet.get("quiet"):
        lines.append("the machine was quiet")
    elif result.quiet:
        lines.append(f"NOT a quiet machine, so the figures are rough: {'; '.join(result.quiet['why'])}")
    return lines


def about(result: Result) -> str:
    """Where and when."""
    names = ("date", "processor", "system", "rustc", "revision")
    told = [result.about[name] for name in names if name in result.about]
    return ", ".join([*told, f"Python {result.about.get('python')}", f"version {result.about.get('version')}"])


def text(result: Result) -> str:
    """All of it for the terminal."""
    parts = [about(result), ""]
    for table in all_tables(result):
        parts += [table.title, *plain(table), *([f"  {table.note}"] if table.note else []), ""]
    return "\n".join([*parts, *remarks(result)]) + "\n"


def plain(table: Table) -> list[str]:
    """Columns aligned by blanks; the head is broken into lines of words where it is wider than its column."""
    rows = [[_shown(value, table.digits) for value in row] for row in table.rows]
    numeric = [_is_numeric(rows, column) for column in range(len(table.head))]
    widths = [
        max([_width(row[column]) for row in rows] + [max(map(_width, name.split() or [""]))])
        for column, name in enumerate(table.head)
    ]
    heads = [_wrap(name, width) for name, width in zip(table.head, widths, strict=True)]
    height = max(map(len, heads))
    lines = []
    for line in [*zip(*([""] * (height - len(head)) + head for head in heads), strict=True), *rows]:
        cells = [
            " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    lines.insert(height, "  " + "  ".join("-" * width for width in widths))
    return lines


def markdown(table: Table) -> list[str]:
    """The same as a table of Markdown."""
    rows = [[_shown(value, table.digits) for value in row] for row in table.rows]
    rule = ["---:" if _is_numeric(rows, column) else "---" for column in range(len(table.head))]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in [table.head, rule, *rows]]


def number(value: float, digits: int = 3) -> str:
    """A figure with so many digits that count, without exponents."""
    if value == 0:
        return "0"
    shown = float(f"{value:.{digits}g}")
    if abs(shown) >= 10 ** (digits - 1):
        return f"{shown:,.0f}"
    return f"{shown:.{max(0, digits - 1 - _magnitude(shown))}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _shown(value: Value, digits: int) -> str:
    return "" if value is None else value if isinstance(value, str) else number(value, digits)


def _is_numeric(rows: list[list[str]], column: int) -> bool:
    return column > 0 and any(row[column][:1].isdigit() or row[column][:1] == "~" for row in rows)


def _width(shown: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in shown)


def _wrap(name: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in name.split():
        if lines and _width(lines[-1]) + 1 + _width(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]
