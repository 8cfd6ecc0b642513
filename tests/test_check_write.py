"""How repaired files are written: whole or not at all, with backups, whatever fails."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from check_cases import contents, right, write_model
from gemma4_parser import chat_template
from gemma4_parser.check import Change, CheckError, fix, writing
from gemma4_parser.cli import main

WRONG = ("generation_config.json", "chat_template.jinja", "tokenizer_config.json", "tokenizer.json")
"""The files that `broken` has something wrong in, in the order in which they are written."""


def broken(folder: Path) -> Path:
    """A directory with one wrong thing in four files."""
    files = right()
    files["generation_config.json"]["eos_token_id"] = 1
    files["chat_template.jinja"] = "{{ bos_token }}<|turn>"
    files["tokenizer_config.json"]["add_bos_token"] = True
    files["tokenizer.json"]["added_tokens"][0]["special"] = False
    return write_model(folder, files)


class Failing:
    """Stands for `os` and other modules in the writing code, and for `open`: the calls are counted, and some fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int, last: int) -> None:
        """The calls from `first` to `last` fail, counted from 0."""
        self.first, self.last, self.count = first, last, 0
        self.failed: list[str] = []
        for name in ("os", "tempfile", "shutil"):
            monkeypatch.setattr(writing, name, _Module(self, getattr(writing, name)))
        monkeypatch.setattr(writing, "open", self.open, raising=False)

    def call(self, name: str, function: Any, *given: Any, **named: Any) -> Any:
        at, self.count = self.count, self.count + 1
        if self.first <= at <= self.last:
            self.failed.append(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*given, **named)

    def open(self, *given: Any) -> Any:
        return _File(self, self.call("open", open, *given))


class _Module:
    def __init__(self, failing: Failing, module: Any) -> None:
        self.failing, self.module = failing, module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.module, name)
        if not callable(value):
            return value
        return lambda *given, **named: self.failing.call(name, value, *given, **named)


class _File:
    def __init__(self, failing: Failing, file: Any) -> None:
        self.failing, self.file = failing, file

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.file, name)
        return (lambda *given: self.failing.call(name, value, *given)) if name in ("write", "flush") else value


def test_a_failure_at_each_step(tmp_path: Path) -> None:
    """All files are as they were, or all are repaired; nothing else is left in the directory."""
    seen = set()
    for at in range(1000):
        folder = broken(tmp_path / str(at))
        before = contents(folder)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, at, at)
            try:
                report = fix(folder)
            except CheckError as error:
                assert str(error).endswith("No space left on device; nothing has changed")
                assert str(error).startswith(str(folder))
                assert contents(folder) == before, failing.failed
                seen.update(failing.failed)
                continue
        # What is not needed may fail: a link is then a copy, and the owner the one who writes.
        assert set(failing.failed) <= {"link", "chown", "umask"}
        assert report.remaining == ()
        assert sorted(contents(folder)) == sorted([*before, *(f"{name}.bak" for name in WRONG)])
        for name in WRONG:
            assert (folder / f"{name}.bak").read_bytes() == before[name]
        if not failing.failed:
            break
    assert seen >= {"mkstemp", "write", "flush", "fsync", "chmod", "replace", "open"}


def test_a_failure_and_nothing_works_any_more(tmp_path: Path) -> None:
    """As where the process ends: each file is the one before or the new one, and each before is there."""
    partly = 0
    for at in range(1000):
        folder = broken(tmp_path / str(at))
        before = contents(folder)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, at, 10**9)
            try:
                fix(folder)
            except CheckError as error:
                told = str(error)
        if not failing.failed:
            break
        new = {name for name in WRONG if (folder / name).read_bytes() != before[name]}
        for name in new:
            assert (folder / f"{name}.bak").read_bytes() == before[name]
        assert new == {name for name in WRONG if f"{name} stays written, and was {name}.bak" in told}
        assert ("nothing has changed" in told) == (not new and not list(folder.glob("*.bak")))
        partly += 0 < len(new) < len(WRONG)
    assert partly


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError])
def test_other_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]) -> None:
    folder = broken(tmp_path)
    before = contents(folder)
    replace, count = os.replace, 0

    def fails(source: Any, target: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise failure
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(failure):
        fix(folder)
    assert contents(folder) == before


def test_a_directory_that_is_read_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = broken(tmp_path)
    before = contents(folder)
    with pytest.MonkeyPatch.context() as patch:
        # Some users may write everywhere: the answer of the system is the same.
        failing = Failing(patch, 0, 0)
        patch.setattr(failing, "call", _refuses)
        assert main(["check", str(folder), "--fix"]) == 2
    out, error = capsys.readouterr()
    place = folder / "generation_config.json"
    assert (out, error) == ("", f"gemma4-parser: {place}: Permission denied; nothing has changed\n")
    assert contents(folder) == before


def _refuses(name: str, function: Any, *given: Any, **named: Any) -> Any:
    if name == "mkstemp":
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return function(*given, **named)


def test_backups_are_kept(tmp_path: Path) -> None:
    for round in range(4):
        broken(tmp_path)
        (tmp_path / "chat_template.jinja").write_text(f"<|turn>{round}")
        fix(tmp_path)
        names = ["", *(f".{number}" for number in range(1, round + 1))]
        for number, name in enumerate(names):
            assert (tmp_path / f"chat_template.jinja.bak{name}").read_text() == f"<|turn>{number}"


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(source: Any, target: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    broken(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "tokenizer.json.bak").write_text("mine")
    os.chmod(tmp_path / "tokenizer.json", 0o604)
    monkeypatch.setattr(os, "link", refuses)
    assert fix(tmp_path).remaining == ()
    after = contents(tmp_path)
    assert after["tokenizer.json.bak"] == b"mine"
    assert after["tokenizer.json.bak.1"] == before["tokenizer.json"]
    assert stat.S_IMODE((tmp_path / "tokenizer.json.bak.1").stat().st_mode) == 0o604
    assert len(after) == len(before) + len(WRONG) + 1


def test_modes_are_kept(tmp_path: Path) -> None:
    broken(tmp_path)
    for name, mode in (("chat_template.jinja", 0o640), ("tokenizer.json", 0o444), ("config.json", 0o664)):
        os.chmod(tmp_path / name, mode)
    (tmp_path / "generation_config.json").unlink()
    fix(tmp_path)
    for name, mode in (
        ("chat_template.jinja", 0o640),
        ("chat_template.jinja.bak", 0o640),
        ("tokenizer.json", 0o444),
        ("generation_config.json", 0o664),
    ):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode, name


def test_a_cache_of_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The blobs are shared by all snapshots: they stay as they are, and the link gives way to a file."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    broken(blobs)
    snapshot.mkdir(parents=True)
    for name in contents(blobs):
        (snapshot / name).symlink_to(Path("../../blobs") / name)
    before = contents(blobs)
    links = contents(snapshot)
    report = fix(snapshot)
    assert report.remaining == ()
    assert contents(blobs) == before
    assert report.changes == tuple(Change(name, f"{name}.bak", f"../../blobs/{name}") for name in WRONG)
    for name in WRONG:
        assert not (snapshot / name).is_symlink()
        assert contents(snapshot)[f"{name}.bak"] == links[name], "the link as it was"
        assert (snapshot / f"{name}.bak").read_bytes() == before[name]
    assert contents(snapshot)["config.json"] == links["config.json"]
    assert (snapshot / "chat_template.jinja").read_text(encoding="utf-8") == chat_template("large")
    for name in WRONG:
        os.replace(snapshot / f"{name}.bak", snapshot / name)
    assert contents(snapshot) == links
    assert main(["check", str(snapshot), "--fix"]) == 0
    line = "chat_template.jinja: written; the link to ../../blobs/chat_template.jinja is now chat_template.jinja.bak"
    assert line in capsys.readouterr().out.splitlines()


def test_hard_links_are_not_written_through(tmp_path: Path) -> None:
    folder = broken(tmp_path / "model")
    os.link(folder / "tokenizer.json", tmp_path / "other")
    before = (tmp_path / "other").read_bytes()
    fix(folder)
    assert (tmp_path / "other").read_bytes() == before
    assert (folder / "tokenizer.json").read_bytes() != before


@pytest.mark.parametrize("name", ["generation_config.json", "tokenizer.json"])
def test_a_file_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = broken(tmp_path)
    fsync = os.fsync

    def changes(handle: int) -> None:
        fsync(handle)
        (folder / name).write_text("{}")

    monkeypatch.setattr(os, "fsync", changes)
    before = contents(folder)
    with pytest.raises(CheckError, match=f"{name}: another program has changed it meanwhile; nothing has changed"):
        fix(folder)
    assert contents(folder) == {**before, name: b"{}"}


def test_a_file_that_appears_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = broken(tmp_path)
    (folder / "generation_config.json").unlink()
    before = contents(folder)
    fsync = os.fsync

    def appears(handle: int) -> None:
        fsync(handle)
        (folder / "generation_config.json").write_text("{}")

    monkeypatch.setattr(os, "fsync", appears)
    with pytest.raises(CheckError, match="another program has changed it"):
        fix(folder)
    assert contents(folder) == {**before, "generation_config.json": b"{}"}
