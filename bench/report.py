"""Writes the tables of README.md from the newest records.

python bench/report.py
"""

from __future__ import annotations

import sys
from typing import Any

from common import BENCH, newest_record, note
from instructions import Row, delta_name

START, END = "<!-- tables: made by report.py -->", "<!-- end of tables -->"


def about(record: dict[str, Any]) -> str:
    machine = record["machine"]
    told = [machine[name] for name in ("date", "processor", "system", "rustc", "valgrind")]
    return ", ".join([*told, f"Python {machine['python']}", f"revision {machine['revision']}"])


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table; all columns but the first are numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in [head, rule, *rows]] + [""]


def instruction_tables(record: dict[str, Any]) -> list[str]:
    """What models write, then the hostile ones: per token at the largest size, and what does not pass."""
    rows = [Row(**row) for row in record["rows"]]
    lines = ["### Instructions", "", about(record), ""]
    for title, hostile in (("What models write", False), ("Hostile", True)):
        found: dict[tuple[str, str], dict[int, Row]] = {}
        for row in rows:
            if row.hostile == hostile:
                found.setdefault((row.workload, row.form), {})[row.per_delta] = row
        body = []
        for (name, form), by_delta in found.items():
            cells = [name, form]
            for per_delta in (1, 16, 0):
                one = by_delta[per_delta]
                cost = f"{one.per_token()[-1]:,.0f}" if one.tokens else "–"
                cells += [cost, f"{one.growth():.3f}" if one.passes() else f"**{one.growth():.3f}**"]
            body.append(cells)
        head = [title, "form", *(cell for size in (1, 16, 0) for cell in (delta_name(size), "growth"))]
        lines += table(head, body)
    failed = [row for row in rows if not row.passes()]
    lines += [f"{len(rows) - len(failed)} of {len(rows)} rows pass."]
    if failed:
        names = ", ".join(sorted({row.workload for row in failed}))
        lines[-1] += f" Outside 2 %, in bold: {names}."
    return [*lines, ""]


def python_tables(record: dict[str, Any]) -> list[str]:
    lines = ["### From Python", "", about(record), ""]
    base = record["steps"][record["anchor"]]["median"]
    body = [
        [name, f"{row['median']:.0f}", f"{row['low']:.0f} to {row['high']:.0f}", f"{row['median'] / base:.2f}"]
        for name, row in record["steps"].items()
    ]
    lines += table(["one call", "ns, median", "quartiles", f"against `{record['anchor']}`"], body)
    speeds = [[name, *(f"{speed:.0f}" for speed in row.values())] for name, row in record["throughput"].items()]
    lines += table(["whole output, MB/s", "list of ids", "array of ids", "text"], speeds)
    memory = [[name, f"{size:.0f}"] for name, size in record["streams"].items()]
    lines += table(["open stream", "bytes"], memory)
    loaded = [[name, f"{figure:.1f}"] for name, figure in record["vocabulary"].items()]
    return lines + table(["vocabulary of full size", ""], loaded)


def main() -> int:
    lines = [START, ""]
    for name, tables in (("instructions", instruction_tables), ("python", python_tables)):
        record = newest_record(name)
        lines += [f"No record `{name}` yet.", ""] if record is None else tables(record)
    path = BENCH / "README.md"
    text = path.read_text(encoding="utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        note(f"{path.name} has lost the marks of its tables")
        return 1
    path.write_text(before + "\n".join(lines) + END + after, encoding="utf-8")
    note(f"{path.name} is up to date with the records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
