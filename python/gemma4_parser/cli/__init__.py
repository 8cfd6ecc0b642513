"""The command line: `gemma4-parser` and `python -m gemma4_parser`.

Whatever goes wrong is one line on the standard error output and exit status 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from gemma4_parser import __version__
from gemma4_parser.cli import demo, info, parse
from gemma4_parser.cli.common import PROGRAM, Failure, one_line

__all__ = ["main"]

FAILED = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"{PROGRAM}: {one_line(message)} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Streaming parser for the output of Gemma 4 models.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (info, parse, demo):
        module.add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status; `arguments` are those of the process where None."""
    # The output is JSON and text in any script: UTF-8, whatever the locale says.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except Failure as failure:
        _flush_quietly()
        print(f"{PROGRAM}: {one_line(str(failure))}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        _flush_quietly()
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes the standard output once more when it exits; give it a place to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return 0


def _flush_quietly() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
