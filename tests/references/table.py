"""The table of differences as DESIGN.md shows it.

In the folder `tests`: `python -m references.table` writes it there.
"""

from __future__ import annotations

import re
from pathlib import Path

from references.differences import TABLE, Difference
from references.writers import WRITERS

DESIGN = Path(__file__).resolve().parents[2] / "DESIGN.md"
NAMES = {"vllm 0.22.1": "vLLM 0.22.1", "vllm 0.33.0": "0.33.0", "dialog": "dialog", "template": "template"}
BEGIN, END = "<!-- differences: made by references.table -->", "<!-- end of differences -->"


def short(text: str) -> str:
    """The text with long repetitions told as such."""
    return re.sub(r"(.{1,5}?)\1{49,}", lambda run: f"{run[1]}…{run[1]} ({len(run[0]) // len(run[1]):,})", text)


def code(text: str) -> str:
    """The text as code in a cell of a table: characters that do not show are escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short(text))
    shown = shown.replace("\ufffd", "\\ufffd").replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def answer(text: str) -> str:
    """An answer: code, or in words what was no answer."""
    return text.removeprefix("rejected: ") if re.fullmatch(r"(rejected: )?[A-Za-z_]+", text) else code(text)


def rule(name: str) -> str:
    return name if " " in name else f"`{name}`"


def example(row: Difference) -> str:
    return f"{code(row.example)} with {code(row.schema)}" if row.schema else code(row.example)


def markdown() -> str:
    """Both tables."""
    lines = ["| reference | rule | arguments | here | there | why |", "|---|---|---|---|---|---|"]
    for row in TABLE:
        names = ", ".join(NAMES[name] for name in row.references).replace(", vLLM", ", vLLM")
        names = f"vLLM {names}" if names == "0.33.0" else names
        cells = (names, rule(row.rule), example(row), answer(row.ours), answer(row.theirs))
        lines.append(f"| {' | '.join(cells)} | {'*Loss:* ' * row.loss}{row.reason} |")
    lines += ["", "Writers; *back* is what is read of what the reference wrote:", ""]
    lines += ["| reference | rule | value | here | there | why |", "|---|---|---|---|---|---|"]
    for writer in WRITERS:
        mine = f"{answer(writer.ours)} back" if writer.kind == "way back" else answer(writer.ours)
        theirs = "the value" if writer.kind == "way back" else answer(writer.theirs)
        cells = (writer.reference, rule(writer.rule), code(repr(writer.example)), mine, theirs)
        lines.append(f"| {' | '.join(cells)} | {'*Loss:* ' * writer.loss}{writer.reason} |")
    return "\n".join(lines)


def shown() -> str:
    """The tables that stand in DESIGN.md."""
    return DESIGN.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0].strip("\n")


if __name__ == "__main__":
    before, _, rest = DESIGN.read_text(encoding="utf-8").partition(BEGIN)
    DESIGN.write_text(f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
