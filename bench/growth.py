"""Draws the growth curve: instructions per token against length, for every workload of the newest record.

    python bench/growth.py

Writes record/growth.svg and record/growth.png. Flat is linear.
"""

from __future__ import annotations

import sys
from typing import Any

from common import RECORD, newest_record, note

PANELS = ((1, "one token a step"), (16, "16 tokens a step"), (0, "all at once"))


def curves(rows: list[dict[str, Any]], per_delta: int) -> list[tuple[str, bool, list[int], list[float]]]:
    """Name, hostile or not, lengths and costs of the rows of one panel."""
    found = []
    for row in rows:
        if row["per_delta"] == per_delta and row["tokens"]:
            costs = [count / tokens for count, tokens in zip(row["instructions"], row["tokens"], strict=True)]
            found.append((f"{row['workload']} ({row['form']})", row["hostile"], row["tokens"], costs))
    return found


def main() -> int:
    try:
        import matplotlib
    except ImportError:
        note("matplotlib is missing: pip install matplotlib")
        return 2
    matplotlib.use("Agg")
    # The same drawing from the same record.
    matplotlib.rcParams["svg.hashsalt"] = "gemma4-parser"
    from matplotlib import pyplot

    record = newest_record("instructions")
    if record is None:
        note("there is no record yet: python bench/instructions.py --record")
        return 2
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(16, 9), sharey=True)
    for axis, (per_delta, title) in zip(axes, PANELS, strict=True):
        for name, hostile, lengths, costs in curves(record["rows"], per_delta):
            line = "--" if hostile else "-"
            axis.plot(lengths, costs, line, marker=".", linewidth=1, color="tab:red" if hostile else "tab:blue")
            axis.annotate(name, (lengths[-1], costs[-1]), fontsize=5, xytext=(3, 0), textcoords="offset points")
        axis.set(xscale="log", yscale="log", title=title, xlabel="tokens")
        axis.grid(which="both", alpha=0.2)
    axes[0].set_ylabel("instructions per token")
    machine = record["machine"]
    about = f"{machine['date']}, {machine['rustc']}, {machine['valgrind']}: solid what models write, dashed hostile"
    figure.suptitle(about, fontsize=10)
    figure.tight_layout()
    for kind in ("svg", "png"):
        path = RECORD / f"growth.{kind}"
        figure.savefig(path, dpi=150, metadata={"Date": None} if kind == "svg" else None)
        note(f"drawn: {path.relative_to(RECORD.parent.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
