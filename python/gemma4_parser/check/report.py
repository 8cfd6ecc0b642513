"""What a check finds, and what a fix changes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["Change", "CheckError", "Finding", "Report"]


class CheckError(Exception):
    """A directory cannot be checked or fixed; the text is one line that says why. Nothing in it has changed."""


class Finding(NamedTuple):
    """One thing that is wrong with a model directory."""

    file: str
    """The file, relative to the directory."""
    code: str
    """What it is about: `file`, `json`, `stop-ids`, `template`, `control-tokens` or `double-bos`."""
    problem: str
    """What is wrong."""
    reason: str
    """Why it matters."""
    repair: str | None
    """What a fix does about it; None where a fix cannot help."""


class Change(NamedTuple):
    """A file that a fix has written."""

    file: str
    """The file, relative to the directory."""
    backup: str | None
    """Where the file as it was is kept, relative to the directory; None where there was none."""
    link: str | None
    """The target of the symbolic link that a real file has taken the place of; the target is as it was."""


class Report(NamedTuple):
    """The result of a check or a fix."""

    directory: Path
    """The model directory."""
    model: str | None
    """The size of the model: `small`, `large`, `diffusion`, or None where nothing tells."""
    findings: tuple[Finding, ...]
    """What was found, file by file."""
    remaining: tuple[Finding, ...]
    """What is still wrong: all findings after a check, those without a repair after a fix."""
    changes: tuple[Change, ...]
    """What a fix has written; empty after a check."""
