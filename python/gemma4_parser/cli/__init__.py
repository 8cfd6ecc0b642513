"""The command line: `gemma4-parser` and `python -m gemma4_parser`.

Whatever goes wrong is one line on the standard error output and exit status 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from gemma4_parser import __version__
from gemma4_parser.cli import bench, check, demo, info, parse, render, template
from gemma4_parser.cli.common import PROGRAM, Failure, one_line

__all__ = ["main"]

FAILED = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"{PROGRAM}: {one_line(message)} (see {self.prog} --help)\n")

    def print_help(self, file: Any = None) -> None:
        # argparse would be silent about an output that cannot be written.
        (file or sys.stdout).write(self.format_help())


def _parser() -> argparse.ArgumentParser:
    # Abbreviations would let a later option break a script.
    parser = _Parser(prog=PROGRAM, description="Streaming parser for the output of Gemma 4 models.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command)
    for module in (info, parse, render, template, check, demo, bench):
        module.add_to(commands)
    return parser


class _Command(_Parser):
    """The parser of one command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status; `arguments` are those of the process where None."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
    try:
        if sys.stdout is None:
            raise Failure("standard output is closed")
        # The output is JSON and text in any script: UTF-8, whatever the locale says.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="replace")
        status = _run(arguments)
        sys.stdout.flush()
    except Failure as failure:
        _drop_output()
        return _failed(str(failure))
    except KeyboardInterrupt:
        _drop_output()
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except OSError as error:
        # Inputs have failures of their own: this one is the output's.
        _drop_output()
        return _failed(f"standard output: {error.strerror or error}")
    return status


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    try:
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        if options.command is None:
            parser.error("the following arguments are required: COMMAND")
    except SystemExit:
        # Help is output too.
        sys.stdout.flush()
        raise
    # Most have nothing to say but that they succeeded.
    status: int | None = options.run(options)
    return status or 0


def _failed(message: str) -> int:
    print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr)
    return FAILED


def _drop_output() -> None:
    """Writes what can be written; Python flushes once more when it exits, which needs a place that takes it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
