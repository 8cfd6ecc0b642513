"""Writing files whole or not at all, with backups that never replace one another."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from gemma4_parser.check.directory import File
from gemma4_parser.check.report import Change, CheckError

__all__ = ["write"]


class _Step:
    """One file on its way to its new content."""

    def __init__(self, folder: Path, name: str, before: File | None) -> None:
        self.name, self.place, self.before = name, folder / name, before
        self.temporary: str | None = None
        self.backup: Path | None = None
        self.replaced = False

    def undo(self) -> None:
        """Makes the file what it was."""
        if self.replaced and self.backup:
            os.replace(self.backup, self.place)
        elif self.replaced:
            os.unlink(self.place)
        elif self.backup:
            os.unlink(self.backup)


def write(folder: Path, contents: Mapping[str, bytes], before: Mapping[str, File]) -> tuple[Change, ...]:
    """Writes files of a directory, all of them or none.

    Each new content is complete on the disk, in a file beside the old one, before it takes the place in one step. The
    file before is kept as `NAME.bak`, or `NAME.bak.1` and so on where that is there. A symbolic link gives way to a
    real file, and its target stays as it is.
    Raises `CheckError` where something fails; all is then as it was.
    """
    steps = [_Step(folder, name, before.get(name)) for name in contents]
    pattern = next(iter(before.values())).status
    at = folder
    try:
        for step in steps:
            at = step.place
            _prepare(step, contents[step.name], step.before.status if step.before else pattern)
        for step in steps:
            at = step.place
            _put(step)
        for parent in sorted({step.place.parent for step in steps}):
            at = parent
            _sync_folder(parent)
    except OSError as error:
        left = _undo(steps)
        raise CheckError(f"{at}: {error.strerror or error}; {left or 'nothing has changed'}") from error
    except BaseException:
        _undo(steps)
        raise
    return tuple(
        Change(step.name, _relative(step.backup, folder), step.before.link if step.before else None) for step in steps
    )


def _prepare(step: _Step, content: bytes, pattern: os.stat_result) -> None:
    """The new content in a file of its own, with the rights of the old one."""
    handle, step.temporary = tempfile.mkstemp(dir=step.place.parent, prefix=f".{step.place.name}.", suffix=".tmp")
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.chmod(step.temporary, stat.S_IMODE(pattern.st_mode))
        if hasattr(os, "chown"):
            # The owner of a directory keeps its files where another may write them; else the writer has them.
            with contextlib.suppress(OSError):
                os.chown(step.temporary, pattern.st_uid, pattern.st_gid)
        os.fsync(file.fileno())


def _put(step: _Step) -> None:
    """The prepared file in its place, the old one in a backup."""
    if not _is_as_read(step):
        raise OSError("another program has changed it meanwhile")
    if step.before:
        _back_up(step, step.before)
    os.replace(str(step.temporary), step.place)
    step.replaced, step.temporary = True, None


def _is_as_read(step: _Step) -> bool:
    try:
        now = os.stat(step.place)
    except FileNotFoundError:
        return step.before is None
    then = step.before.status if step.before else None
    return then is not None and (now.st_ino, now.st_size, now.st_mtime_ns) == (
        then.st_ino,
        then.st_size,
        then.st_mtime_ns,
    )


def _back_up(step: _Step, before: File) -> None:
    for backup in _backup_names(step.place):
        try:
            if before.link is not None:
                os.symlink(before.link, backup)
            else:
                _link(step.place, backup)
        except FileExistsError:
            continue
        step.backup = backup
        return


def _backup_names(place: Path) -> Iterable[Path]:
    yield place.with_name(f"{place.name}.bak")
    for number in count(1):
        yield place.with_name(f"{place.name}.bak.{number}")


def _link(place: Path, backup: Path) -> None:
    """The same file under a second name, which leaves nothing to be copied; a copy where links are not to be had.

    Raises FileExistsError where the name is taken.
    """
    try:
        os.link(place, backup)
    except FileExistsError:
        raise
    except OSError:
        # The name is taken first, so that nothing else can be replaced.
        os.close(os.open(backup, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{backup.name}.", suffix=".tmp")
            os.close(handle)
            try:
                shutil.copy2(place, temporary)
                _sync(temporary)
                os.replace(temporary, backup)
            except BaseException:
                os.unlink(temporary)
                raise
        except BaseException:
            os.unlink(backup)
            raise


def _sync(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """The new names on the disk; where a directory cannot be opened there is no way to ask for that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _undo(steps: list[_Step]) -> str | None:
    """Takes all steps back, the last one first. What cannot be taken back is told."""
    left = []
    for step in reversed(steps):
        try:
            step.undo()
        except OSError:
            backup = step.backup.name if step.backup else "nothing"
            left.append(f"{step.name} stays written, and was {backup}" if step.replaced else f"{backup} is left")
        if step.temporary:
            with contextlib.suppress(OSError):
                os.unlink(step.temporary)
    return "; ".join(left) or None


def _relative(path: Path | None, folder: Path) -> str | None:
    return path.relative_to(folder).as_posix() if path else None
