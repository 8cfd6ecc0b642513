"""Writes the tables of this folder's and the project's README.md, and the pictures, from the newest records.

python bench/report.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aims
import prompts as rendering
import vllm_deltas as server
from common import BENCH, RECORD, newest_record, note
from instructions import Row, delta_name

from gemma4_parser.bench import pictures, summary, tables
from gemma4_parser.bench.results import Result
from gemma4_parser.bench.summary import Table

START, END = "<!-- tables: made by report.py -->", "<!-- end of tables -->"
README_START, README_END = "<!-- numbers: made by bench/report.py -->", "<!-- end of numbers -->"


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


def result_of(record: dict[str, Any]) -> Result:
    """The result of a run of the benchmark."""
    fields = {name: value for name, value in record.items() if name != "machine"}
    return Result.from_json({**fields, "about": record["machine"]})


def bench_tables(record: dict[str, Any]) -> list[str]:
    """All tables of a run of the benchmark."""
    result = result_of(record)
    lines = ["### Against other parsers", "", about(record), ""]
    for found in tables.all_tables(result):
        note_below = [f"{found.note}.", ""] if found.note else []
        lines += [f"**{found.title}**", "", *tables.markdown(found), "", *note_below]
    return [*lines, *(f"- {remark}" for remark in tables.remarks(result)), ""]


def readme(record: dict[str, Any]) -> list[str]:
    """What of it stands in the project's README."""
    result = result_of(record)
    settings = result.settings
    where = ", ".join(result.about[name] for name in ("processor", "system", "rustc"))
    lines = [
        f"One run on {result.about['date']}: {where}, CPython {result.about['python']}; {settings['rounds']} rounds, "
        "in which all take part in turn. Every answer is checked.",
        "",
    ]
    if not result.quiet.get("quiet"):
        lines += [f"The machine was not quiet ({'; '.join(result.quiet['why'])}): take the figures as rough.", ""]
    reached = aims.Aims(result).fill()
    lines += [f"{reached.title}:", "", *tables.markdown(reached), ""]
    lines += ["One token a step, µs a token; the others are given text, this parser token ids:", ""]
    lines += shown(result, tables.costs(result, "1"), ONE_TOKEN, [one.title for one in result.of_kind(*DRAWN)])
    lines += ["", f"{tables.LEGEND}.", ""]
    ways = ["list of ids", "array of ids", "text"]
    for table, names, columns in (
        (summary.against(result, "1"), ONE_TOKEN, None),
        (summary.against(result, "16"), ONE_TOKEN, None),
        (summary.against(result, "whole"), ONE_TOKEN, None),
        (summary.against_anchor(result), STEPS, None),
        (summary.speeds(result), STEPS, ways),
        (summary.growth(result), None, None),
        (summary.memory(result), None, None),
    ):
        if table.rows:
            lines += [f"{table.title}:", "", *shown(result, table.filled(), names, columns), ""]
            lines += [f"{table.note}.", ""] if table.note else []
    rendered = newest_record("prompts")
    if rendered:
        lines += [
            f"Rendering a conversation with {rendered['tools']} tools, ms, on {rendered['machine']['date']} "
            "(`make bench-prompts`; the texts are equal):",
            "",
            *rendering.table(rendered),
            "",
        ]
    served = newest_record("vllm-deltas")
    if served:
        lines += served_tables(served)
    missing = [f"{one.title} ({one.reason})" for one in result.missing]
    if missing:
        lines += [f"Left out: {'; '.join(missing)}.", ""]
    drawings = (
        ("growth", "cost of a token against the length of an argument"),
        ("workloads", "cost of a token by workload"),
        ("share", "share of a core"),
    )
    for name, title in drawings:
        if (RECORD / f"bench-{name}.svg").exists():
            lines += [f"![{title.capitalize()}](bench/record/bench-{name}.svg)", ""]
    return lines


def served_tables(record: dict[str, Any]) -> list[str]:
    """Through vLLM's server path: some steps, and whole outputs."""
    rows = [row for row in record["rows"] if row["workload"] in SERVED and not row["counted"]]
    steps = [row for row in rows if row["feed"] != "whole"]
    whole = [row for row in rows if row["feed"] == "whole"]
    when = f"{record['machine']['date']}, `make bench-vllm`"
    quiet = [] if record["quiet"]["quiet"] else [f"The machine was not quiet: {'; '.join(record['quiet']['why'])}."]
    first = server.table(f"A step through vLLM's server path, with its message objects ({when})", steps, "µs")
    return [first, "", server.table("A whole output through its `Parser.parse`", whole, "µs"), "", *quiet, ""]


DRAWN = ("ours", "twin", "peer")
SERVED = ("short_call", "write_16k", "edits_16k", "edits_64k", "numbers", "prose", "turn")
STEPS = ("prose", "thought", "write_16k", "edits_16k", "write_prose", "numbers")
ONE_TOKEN = ("short_call", "ten_calls", "write_4k", "write_16k", "edits_4k", "edits_16k", "numbers", "prose", "turn")


def shown(result: Result, found: Table, names: tuple[str, ...] | None, columns: list[str] | None) -> list[str]:
    """Some rows, and the first column with some of the others; None for all."""
    titles = {one.title for one in result.workloads if names is None or one.name in names}
    rows = [row for row in found.rows if names is None or row[0] in titles]
    kept = [at for at, head in enumerate(found.head) if at == 0 or columns is None or head in columns]
    picked = [[row[at] for at in kept] for row in rows]
    return tables.markdown(Table(found.title, [found.head[at] for at in kept], picked))


def fill(path: Path, start: str, end: str, lines: list[str]) -> bool:
    """Puts the lines between the marks of a document; False where it has lost them."""
    before, first, rest = path.read_text(encoding="utf-8").partition(start)
    _, last, after = rest.partition(end)
    if not (first and last):
        note(f"{path.name} has lost the marks of its tables")
        return False
    path.write_text("\n".join([before + start, "", *lines]) + end + after, encoding="utf-8")
    note(f"{path.relative_to(BENCH.parent)} is up to date with the records")
    return True


def main() -> int:
    lines = []
    for name, made in (("instructions", instruction_tables), ("bench", bench_tables)):
        record = newest_record(name)
        lines += [f"No record `{name}` yet.", ""] if record is None else made(record)
    done = fill(BENCH / "README.md", START, END, lines)
    record = newest_record("bench")
    if record is None:
        note("README.md is left as it is: there is no record `bench` yet (make bench ARGS=--record)")
    else:
        try:
            drawn = pictures.draw(result_of(record), RECORD)
            note(f"drawn: {', '.join(path.name for path in drawn)}")
        except pictures.NoMatplotlib as missing:
            note(str(missing))
        done = fill(BENCH.parent / "README.md", README_START, README_END, readme(record)) and done
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
