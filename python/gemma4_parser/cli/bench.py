"""`gemma4-parser bench`: what this parser costs here, and the parsers of other servers that are installed."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gemma4_parser.cli.common import Commands, Failure, read_json, shown_name

if TYPE_CHECKING:
    from gemma4_parser.bench.results import Result


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "measure this parser, and the parsers of other servers that are installed"
    about = (
        f"{summary.capitalize()}, on outputs whose answers are checked. Parsers that are installed in this environment "
        "(vLLM, SGLang, transformers, mlx-lm) take part; --peers names the Python of other environments."
    )
    command = commands.add_parser("bench", help=summary, description=about)
    command.add_argument("--peers", nargs="+", default=[], metavar="PYTHON", help="interpreters with other parsers")
    command.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="these contestants, workloads with these parts in the name",
    )
    command.add_argument("--quick", action="store_true", help="short workloads, two short rounds: a first look")
    command.add_argument("--rounds", type=_rounds, metavar="N", help="rounds of each measurement (default: 5; 3 alone)")
    command.add_argument(
        "--cap", type=_seconds, default=20.0, metavar="SECONDS", help="stop and extrapolate runs beyond (default: 20)"
    )
    command.add_argument("--no-twin", action="store_true", help="leave the pure-Python implementation out")
    command.add_argument("--json", metavar="FILE", help="write the result")
    command.add_argument("--pictures", metavar="DIR", help="draw pictures (needs matplotlib)")
    command.add_argument("--show", metavar="FILE", help="measure nothing, show the result in FILE")
    command.set_defaults(run=run)


def _rounds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError("must be between 1 and 1000")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError("must be between 0.1 and 3600")
    return value


def run(options: argparse.Namespace) -> None:
    """Measures, prints the tables, and writes what is asked for."""
    # Nothing of this is loaded with the package.
    from gemma4_parser.bench import pictures, tables
    from gemma4_parser.bench.driver import Driver, Settings
    from gemma4_parser.bench.results import Result

    if options.pictures is not None:
        try:
            pictures.library()
        except pictures.NoMatplotlib as error:
            raise Failure(str(error)) from error
    if options.show is not None:
        result = load(options.show)
    else:
        settings = Settings(
            rounds=options.rounds or (2 if options.quick else None),
            seconds=0.01 if options.quick else None,
            cap=min(options.cap, 2.0) if options.quick else options.cap,
            quick=options.quick,
            only=options.only,
            peers=[_interpreter(given) for given in options.peers],
            twin=not options.no_twin,
        )
        # Through JSON, so that --show prints the very same.
        result = Result.from_json(Driver(settings, _note).run().to_json())
    if options.json is not None:
        _write(result, Path(options.json))
    print(tables.text(result), end="")
    if options.pictures is not None:
        try:
            for path in pictures.draw(result, Path(options.pictures)):
                _note(f"drawn: {path}")
        except OSError as error:
            raise Failure(f"{options.pictures}: {error.strerror or error}") from error


def load(path: str) -> Result:
    """The result in a file. Raises Failure."""
    from gemma4_parser.bench.results import Result

    try:
        return Result.from_json(read_json(path))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failure(f"{shown_name(path)}: not a benchmark result: {error}") from error


def _interpreter(given: str) -> str:
    """The path of an interpreter, or of an environment that has one. Raises Failure."""
    for candidate in (given, str(Path(given) / "bin" / "python"), str(Path(given) / "Scripts" / "python.exe")):
        found = shutil.which(candidate)
        if found is not None:
            # Not resolved: a virtual environment is known by the path of its Python.
            return str(Path(found).absolute())
    raise Failure(f"--peers: no Python at {given}")


def _write(result: Result, path: Path) -> None:
    from gemma4_parser.bench.results import dumps

    try:
        path.write_text(dumps(result.to_json()), encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from error


def _note(text: str) -> None:
    """A line for people; the tables go to standard output."""
    print(text, file=sys.stderr, flush=True)
