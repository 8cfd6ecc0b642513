"""Pictures of a result, as SVG and PNG: growth, costs of all workloads, share of a core. Needs matplotlib."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from gemma4_parser.bench.results import Result
from gemma4_parser.bench.summary import RATE, STREAMS, feed_title

COLOURS = {
    "ours": "#1a7f37",
    "ours-text": "#5ab46f",
    "twin": "#0b6bcb",
    "vllm022": "#c9510c",
    "vllm033": "#d1242f",
    "sglang": "#8250df",
    "transformers": "#9a6700",
    "mlx-lm": "#57606a",
}
"""The contestants that are drawn."""


class NoMatplotlib(Exception):
    """Matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__("pictures need matplotlib: pip install 'gemma4-parser[bench]' (or pip install matplotlib)")


def library() -> Any:
    """matplotlib's pyplot, drawing to files. Raises NoMatplotlib."""
    try:
        matplotlib = import_module("matplotlib")
    except ImportError:
        raise NoMatplotlib from None
    matplotlib.use("Agg")
    # The same drawing from the same result.
    matplotlib.rcParams["svg.hashsalt"] = "gemma4-parser"
    matplotlib.rcParams["svg.fonttype"] = "none"
    return import_module("matplotlib.pyplot")


def draw(result: Result, folder: Path) -> list[Path]:
    """Writes the pictures that the result has figures for. Raises NoMatplotlib."""
    pyplot = library()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, drawing in (("growth", growth), ("workloads", workloads), ("share", share)):
        figure = drawing(pyplot, result)
        if figure is None:
            continue
        for kind in ("svg", "png"):
            path = folder / f"bench-{name}.{kind}"
            figure.savefig(path, dpi=120, metadata={"Date": None} if kind == "svg" else None)
            paths.append(path)
        pyplot.close(figure)
    return paths


def drawn(result: Result) -> list[str]:
    """The names of the contestants that are there and drawn."""
    return [contestant.name for contestant in result.contestants if contestant.name in COLOURS]


def growth(pyplot: Any, result: Result) -> Any:
    """Cost of a token against the length of the string; hollow points are extrapolated."""
    series = {"write": "a string", "edits": "the same in edits:[{…}]"}
    lengths = {name: [one for one in result.workloads if one.series == name] for name in series}
    if max(map(len, lengths.values())) < 2:
        return None
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 6), sharey=True)
    for axis, (name, title) in zip(axes, series.items(), strict=True):
        for contestant in drawn(result):
            cells = [(one.size, result.cell(one.name, "1", contestant)) for one in lengths[name]]
            points = [(size, cell.per_token * 1e6, cell) for size, cell in cells if cell and cell.per_token]
            if not points:
                continue
            colour = COLOURS[contestant]
            line = [(size, cost) for size, cost, _ in points]
            axis.plot(*zip(*line, strict=True), "-", color=colour, linewidth=1.2, label=result.title(contestant))
            for hollow in (False, True):
                some = [(size, cost) for size, cost, cell in points if cell.extrapolated == hollow]
                if some:
                    fill = "white" if hollow else colour
                    axis.plot(*zip(*some, strict=True), "o", color=colour, markerfacecolor=fill, markersize=5)
        axis.set(xscale="log", yscale="log", title=title, xlabel="tokens of the string")
        axis.grid(which="major", alpha=0.3)
    axes[0].set_ylabel("µs a token, one token a step")
    axes[0].legend(fontsize=8)
    return finished(figure, "Cost of a token against the length of an argument (hollow: extrapolated)", result)


def workloads(pyplot: Any, result: Result) -> Any:
    """Bars of all workloads, one token a step."""
    names = [one for one in result.workloads if not one.name.endswith(("1k", "4k", "64k", "256k"))]
    return bars(pyplot, result, names, 1e6, "µs a token", f"Cost of a token, {feed_title('1')} (hatched: wrong answer)")


def share(pyplot: Any, result: Result) -> Any:
    """Bars of what of one core a busy server spends."""
    chosen = ("ten_calls", "write_4k", "write_16k", "edits_4k", "edits_16k", "numbers", "prose", "turn")
    names = [one for one in result.workloads if one.name in chosen]
    title = f"Share of one core for {STREAMS} streams of {RATE} tokens a second (hatched: wrong answer)"
    return bars(pyplot, result, names, STREAMS * RATE * 100, "% of a core", title, limit=100)


def bars(
    pyplot: Any, result: Result, chosen: list[Any], factor: float, unit: str, title: str, limit: float | None = None
) -> Any:
    """Groups of bars, one for each workload, on a logarithmic scale."""
    names = drawn(result)
    if not chosen or not names:
        return None
    figure, axis = pyplot.subplots(figsize=(max(8, 1.1 * len(chosen) + 2), 6))
    width = 0.85 / len(names)
    for at, name in enumerate(names):
        for place, workload in enumerate(chosen):
            cell = result.cell(workload.name, "1", name)
            if cell is None or not cell.per_token:
                continue
            axis.bar(
                place + (at - len(names) / 2 + 0.5) * width,
                cell.per_token * factor,
                width,
                color=COLOURS[name],
                alpha=0.5 if cell.extrapolated else 1,
                hatch="///" if cell.wrong else None,
                edgecolor="white",
                linewidth=0.3,
            )
    if limit is not None:
        axis.axhline(limit, color="black", linewidth=0.8, linestyle="--")
    axis.set(yscale="log", ylabel=unit)
    axis.set_xticks(range(len(chosen)), [one.title for one in chosen], rotation=25, ha="right", fontsize=8)
    axis.grid(axis="y", alpha=0.3)
    patch = import_module("matplotlib.patches").Patch
    handles = [patch(color=COLOURS[name], label=result.title(name)) for name in names]
    axis.legend(handles=handles, fontsize=8, ncols=2)
    return finished(figure, title, result)


def finished(figure: Any, title: str, result: Result) -> Any:
    """The figure with its title, and where it was measured."""
    quiet = "" if result.quiet.get("quiet", True) else " · not a quiet machine"
    where = f"{result.about.get('date')} · {result.about.get('processor')}{quiet} · pale: extrapolated"
    figure.suptitle(title, fontsize=12)
    figure.text(0.5, 0.005, where, ha="center", fontsize=7, color="#555555")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    return figure
