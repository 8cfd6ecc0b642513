"""`gemma4-parser check`: whether the files of a model directory are right, and the repair of those that are not."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from gemma4_parser.cli.common import Commands, Failure, one_line

if TYPE_CHECKING:
    from gemma4_parser.check import Report

FOUND = 1
"""The exit status where something is wrong and has not been repaired."""


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "check the files of a model directory, and repair them"
    about = (
        "Check the stop ids, the chat template, the control tokens and the <bos> of a Hugging Face model directory. "
        "The exit status is 0 where nothing is wrong or all has been repaired, 1 where something is wrong, 2 where the "
        "directory cannot be checked."
    )
    command = commands.add_parser("check", help=summary, description=about)
    command.add_argument("directory", metavar="MODEL_DIR", help="directory with tokenizer.json, config.json and so on")
    command.add_argument("--fix", action="store_true", help="write repaired files, and keep the old ones as NAME.bak")
    command.add_argument(
        "--model", choices=["small", "large", "diffusion"], help="the size, where the directory does not tell it"
    )
    command.add_argument("--json", action="store_true", help="print the findings as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints one finding to a line."""
    # Nothing of this is loaded with the package.
    from gemma4_parser.check import CheckError, check, fix

    try:
        report = (fix if options.fix else check)(options.directory, model=options.model)
    except CheckError as error:
        raise Failure(str(error)) from error
    print(_json(report) if options.json else _text(report, fixed=options.fix))
    return FOUND if report.remaining else 0


def _text(report: Report, *, fixed: bool) -> str:
    lines = []
    for file, _, problem, reason, repair in report.findings:
        doing = f"{'fixed' if fixed else '--fix'}: {repair}" if repair else "--fix cannot help"
        lines.append(f"{file}: {problem}: {reason} ({doing})")
    for change in report.changes:
        before = f"the link to {change.link}" if change.link else "the file before"
        kept = f"; {before} is now {change.backup}" if change.backup else ""
        lines.append(f"{change.file}: written{kept}")
    count = len(report.remaining)
    summary = "nothing is wrong" if not count else f"{count} thing{'' if count == 1 else 's'} wrong"
    kind = f" ({report.model})" if report.model else ""
    lines.append(f"{report.directory}{kind}: {summary}")
    return "\n".join(map(one_line, lines))


def _json(report: Report) -> str:
    record = {
        "directory": str(report.directory),
        "model": report.model,
        "findings": [{**finding._asdict(), "remains": finding in report.remaining} for finding in report.findings],
        "changes": [change._asdict() for change in report.changes],
    }
    # ASCII: a path may hold what UTF-8 cannot.
    return json.dumps(record, indent=2)
