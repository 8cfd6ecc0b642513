"""The model check: whether the files of a Hugging Face model directory let Gemma 4 do what it has learnt.

`check` reads and tells, `fix` repairs. What is found and why it matters is in DESIGN.md. Nothing of this is loaded with
the package: `from gemma4_parser.check import check`.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import NamedTuple

from gemma4_parser.check import stops, templates, tokens
from gemma4_parser.check.directory import TOKENIZER, Examination, File, identify, is_base, read
from gemma4_parser.check.json_text import edited
from gemma4_parser.check.report import Change, CheckError, Finding, Report
from gemma4_parser.check.writing import write

__all__ = ["Change", "CheckError", "Finding", "Report", "check", "fix"]

ROUNDS = 4
"""A repair may bring up one more: a template that prints `<bos>` in the place of one that does not."""


class _Read(NamedTuple):
    """A directory, read and examined."""

    path: Path
    files: dict[str, File]
    found: Examination
    unread: list[Finding]
    """Why no `Vocabulary` can be made of it."""


def check(path: str | PathLike[str], *, model: str | None = None) -> Report:
    """Reads a model directory and reports what is wrong with it. Nothing is written.

    path: the directory, with `config.json`, `tokenizer.json` and what belongs to them.
    model: the size as `chat_template` takes it (`small`, `large`, `diffusion`), where the directory does not tell it.
    Raises `CheckError` where it cannot be read or is not that of a Gemma 4 model, ValueError for another `model`.
    """
    read = _read(path, model)
    findings = _sorted(read.found, read.unread)
    return Report(read.path, read.found.model, findings, findings, ())


def fix(path: str | PathLike[str], *, model: str | None = None) -> Report:
    """Reads a model directory, repairs what can be repaired, and reports it.

    Files are written whole or not at all, and all of them or none. Each is kept as it was as `NAME.bak`, or
    `NAME.bak.1` and so on where that is there. What is not repaired stays byte for byte as it was.
    Arguments and errors are those of `check`; `CheckError` also where the directory cannot be written.
    """
    read = _read(path, model)
    findings = list(_sorted(read.found, read.unread))
    found = read.found
    # In memory, until nothing is left to repair: only then anything is written.
    for _ in range(ROUNDS):
        if not found.edits and not found.written:
            break
        repaired = {name: edited(found.data[name], edits) for name, edits in found.edits.items()}
        found = _examine(read.path, {**found.data, **repaired, **found.written}, found, model)
        findings += [finding for finding in found.findings if finding not in findings]
    else:
        raise AssertionError("the repairs come to no end")
    contents = {name: data for name, data in found.data.items() if data is not read.found.data.get(name)}
    changes = write(read.path, contents, read.files) if contents else ()
    unread = tokens.vocabulary(found, read.path / TOKENIZER) if TOKENIZER in contents else read.unread
    return Report(read.path, found.model, tuple(findings), _sorted(found, unread), changes)


def _read(path: str | PathLike[str], model: str | None) -> _Read:
    if model not in (None, *templates.SIZES):
        raise ValueError(f"model must be one of {', '.join(templates.SIZES)}, not {model!r}")
    folder = Path(path).absolute()
    files = read(folder)
    found = _examine(folder, {name: file.data for name, file in files.items()}, None, model)
    return _Read(folder, files, found, tokens.vocabulary(found, folder / TOKENIZER))


def _examine(path: Path, data: dict[str, bytes], before: Examination | None, model: str | None) -> Examination:
    found = Examination(data, before.json if before else {})
    kind = identify(path, found)
    if not model and is_base(path) and not templates.any_there(found) and stops.at_eos_alone(found):
        base = "a base model by its name and its files, which knows no turns"
        raise CheckError(f"{path}: {base}; it is checked as a chat model where its size is given")
    found.model = model or kind
    templates.examine(found)
    stops.examine(found)
    tokens.examine(found, prints_bos=templates.prints_bos(found))
    return found


def _sorted(found: Examination, unread: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted([*found.findings, *unread], key=lambda finding: finding.file))
