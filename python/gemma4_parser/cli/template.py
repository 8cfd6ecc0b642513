"""`gemma4-parser template`: the chat template, for servers that take one."""

from __future__ import annotations

import argparse

from gemma4_parser import chat_template
from gemma4_parser.cli.common import Commands, Failure, write_exactly
from gemma4_parser.cli.render import add_choices


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "print the chat template, in Jinja, that makes the prompts of render"
    command = commands.add_parser("template", help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_choices(command, "large", ("fixed",))
    command.add_argument("--output", metavar="FILE", help="write it to FILE (default: stdout)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints or writes the template."""
    text = chat_template(options.model or "large", options.style)
    if options.output is None:
        write_exactly(text)
        return
    try:
        with open(options.output, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"{options.output}: {error.strerror or error}") from error
