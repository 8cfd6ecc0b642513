"""`gemma4-parser info`: which parser this is."""

from __future__ import annotations

import argparse
import importlib.util
import platform

from gemma4_parser import __implementation__, __version__, _impl
from gemma4_parser.cli.common import Commands


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "print the version, the implementation and why it was chosen"
    command = commands.add_parser("info", help=summary, description=summary.capitalize() + ".")
    command.set_defaults(run=run)


def run(_options: argparse.Namespace) -> None:
    """Prints one fact to a line."""
    spec = importlib.util.find_spec(_impl.EXTENSION)
    extension = spec.origin if spec is not None else "not installed"
    print(f"version         {__version__}")
    print(f"implementation  {__implementation__} ({_impl.WHY})")
    print(f"python          {platform.python_version()} ({platform.python_implementation()}, {platform.platform()})")
    print(f"extension       {extension}")
