"""The model check: directories that it leaves alone, files that it cannot read, and the command."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from check_cases import contents, found, right, write_model
from gemma4_parser.check import CheckError, Finding, check, fix
from gemma4_parser.cli import main

Files = dict[str, Any]


# directories that are not checked


FOREIGN: dict[str, tuple[Files, str]] = {
    "empty": ({}, "neither config.json nor tokenizer.json"),
    "weights alone": ({"gemma-4-31b.gguf": b"GGUF"}, "neither config.json nor tokenizer.json"),
    "another model": ({**right(), "config.json": {"model_type": "gemma3"}}, "'gemma3'"),
    "a number": ({**right(), "config.json": {"model_type": 4}}, "4"),
    "almost": ({**right(), "config.json": {"model_type": "gemma40"}}, "'gemma40'"),
    "a drafter": ({**right(), "config.json": {"model_type": "gemma4_assistant"}}, "drafter"),
    "an encoder": ({**right(), "config.json": {"model_type": "gemma4_vision"}}, "'gemma4_vision'"),
    "another vocabulary": (
        {**right(), "tokenizer.json": {"model": {"vocab": {"<bos>": 2, "a": 5}}, "added_tokens": []}},
        "none of Gemma 4's control tokens",
    ),
    "nothing that tells": ({"config.json": {"eos_token_id": 5}, "chat_template.jinja": "<|turn>"}, "no model_type"),
    "both broken": ({**right(), "config.json": "{", "tokenizer.json": "["}, "config.json is not JSON"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_directories(tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    files, reason = FOREIGN[case]
    write_model(tmp_path, files)
    before = contents(tmp_path)
    for act in (check, fix):
        with pytest.raises(CheckError) as caught:
            act(tmp_path)
        assert str(caught.value).startswith(str(tmp_path))
        assert reason in str(caught.value)
    assert main(["check", str(tmp_path), "--fix"]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith(f"gemma4-parser: {tmp_path}")
    assert contents(tmp_path) == before


def test_base_models(tmp_path: Path) -> None:
    """They know no turns: what chat needs would be wrong there."""
    files = {**right(), "generation_config.json": {"eos_token_id": 1}}
    del files["chat_template.jinja"]
    base = write_model(tmp_path / "gemma-4-31B", files)
    with pytest.raises(CheckError, match="a base model"):
        fix(base)
    assert fix(base, model="large").remaining == ()
    for name in ("gemma-4-31B-it", "tuned", "gemma-4-31B/tuned"):
        assert fix(write_model(tmp_path / name, files)).remaining == ()


def test_what_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    for path, reason in ((file, "not a directory"), (tmp_path / "missing", "No such file"), (f"{file}\0", "null")):
        with pytest.raises(CheckError, match=reason):
            check(path)


def test_files_that_are_not_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path, right())
    template = tmp_path / "chat_template.jinja"
    template.unlink()
    template.mkdir()
    with pytest.raises(CheckError, match=r"chat_template\.jinja: not a file"):
        check(tmp_path)
    template.rmdir()
    template.symlink_to("../blobs/gone")
    with pytest.raises(CheckError, match=r"a link to \.\./blobs/gone, which is not there"):
        fix(tmp_path)
    assert template.is_symlink()
    template.unlink()
    template.symlink_to(template.name)
    with pytest.raises(CheckError, match="symbolic links"):
        check(tmp_path)
    template.unlink()
    template.write_text("<|turn>")
    (tmp_path / "additional_chat_templates").write_text("no folder")
    assert len(found(tmp_path)) == 1
    with monkeypatch.context() as patch:
        patch.setattr("gemma4_parser.check.directory.MAX_BYTES", 100)
        with pytest.raises(CheckError, match="too large"):
            check(tmp_path)
    for name in ("os.stat", "gemma4_parser.check.directory.open"):
        with monkeypatch.context() as patch:
            patch.setattr(name, _refuses, raising=False)
            with pytest.raises(CheckError, match="Permission denied"):
                check(tmp_path)


def _refuses(*_given: object, **_named: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{\n  "é": 1,\n  "é東": 1 2\n}', "is not JSON: Expecting ',' delimiter at line 3, column 11"),
        ('{"a": }', "is not JSON: Expecting value at line 1, column 7"),
        ('{"a": 1} x', "is not JSON: Extra data at line 1, column 10"),
        ('{"a" 1}', "is not JSON: Expecting ':' delimiter at line 1, column 6"),
        ("{a: 1}", "is not JSON: Expecting a key in double quotes at line 1, column 2"),
        ('{"a": 1,}', "is not JSON: Expecting a key in double quotes at line 1, column 9"),
        ("", "is not JSON: Expecting an object at line 1, column 1"),
        ("[]", "is no JSON object"),
        (b'{"a": "\xff"}', "is not UTF-8 text, at byte 7"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark, which JSON does not have"),
        ('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}", "is nested too deeply"),
    ],
)
@pytest.mark.parametrize("file", ["generation_config.json", "tokenizer_config.json", "config.json", "tokenizer.json"])
def test_broken_json(tmp_path: Path, file: str, content: str | bytes, problem: str) -> None:
    """The rest is checked and repaired all the same."""
    files = {**right(), "chat_template.jinja": "<|turn>", file: content}
    write_model(tmp_path, files)
    assert f"{file}: {problem}" in found(tmp_path)
    report = fix(tmp_path, model="large")
    assert [(finding.file, finding.problem) for finding in report.remaining] == [(file, problem)]
    assert [change.file for change in report.changes] == ["chat_template.jinja"]


# the command


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = right()
    files["generation_config.json"]["eos_token_id"] = [1, 106]
    write_model(tmp_path, files)
    assert main(["check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("generation_config.json: eos_token_id lacks 50, <|tool_response>: ")
    assert lines[0].endswith(" (--fix: eos_token_id becomes [1, 106, 50])")
    assert lines[1] == f"{tmp_path} (large): 1 thing wrong"
    assert main(["check", str(tmp_path), "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    (finding,) = check(tmp_path).findings
    assert record == {
        "directory": str(tmp_path),
        "model": "large",
        "findings": [{**finding._asdict(), "remains": True}],
        "changes": [],
    }
    assert main(["check", str(tmp_path), "--fix"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" (fixed: eos_token_id becomes [1, 106, 50])")
    assert lines[1:] == [
        "generation_config.json: written; the file before is now generation_config.json.bak",
        f"{tmp_path} (large): nothing is wrong",
    ]
    assert main(["check", str(tmp_path), "--fix"]) == 0
    assert capsys.readouterr().out == f"{tmp_path} (large): nothing is wrong\n"


def test_the_command_and_what_cannot_be_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {**right(), "config.json": {"model_type": "gemma4"}, "chat_template.jinja": "<|turn>"}
    write_model(tmp_path, files)
    assert main(["check", str(tmp_path), "--fix"]) == 1
    assert capsys.readouterr().out.splitlines()[0].endswith("(--fix cannot help)")
    assert main(["check", str(tmp_path), "--fix", "--model", "small", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["changes"] == [{"file": "chat_template.jinja", "backup": "chat_template.jinja.bak", "link": None}]
    assert [finding["remains"] for finding in record["findings"]] == [False]
    with pytest.raises(SystemExit) as caught:
        main(["check", str(tmp_path), "--model", "medium"])
    assert caught.value.code == 2


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    write_model(tmp_path, {name: content for name, content in right().items() if name != "chat_template.jinja"})
    command = [sys.executable, "-m", "gemma4_parser", "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "chat_template.jinja: is missing" in done.stdout


def test_the_package_does_not_load_it() -> None:
    code = "import gemma4_parser.cli, sys; print([name for name in sys.modules if 'gemma4_parser.check' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_findings_are_plain_tuples() -> None:
    finding = Finding("a", "template", "is b", "c", None)
    assert finding == ("a", "template", "is b", "c", None)


ODD: Any = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 49, 50, 106, -1, 1.5, "", "<bos>", "<|turn>", "default", "{", "gemma4"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["content", "special", "id", "name", "template", "default", "single", "SpecialToken", "50"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
KEYS = [
    *(("config.json", key) for key in ("model_type", "text_config", "eos_token_id")),
    *(("generation_config.json", key) for key in ("eos_token_id", "chat_template")),
    *(("tokenizer_config.json", key) for key in ("chat_template", "added_tokens_decoder", "add_bos_token")),
    *(("tokenizer.json", key) for key in ("model", "added_tokens", "post_processor", "decoder")),
    *(("processor_config.json", "chat_template"), ("chat_template.json", "chat_template")),
]


@settings(deadline=None)
@given(
    changes=st.lists(st.tuples(st.sampled_from(KEYS), ODD), min_size=1, max_size=4), indent=st.sampled_from([None, 2])
)
def test_odd_values(changes: list[tuple[tuple[str, str], Any]], indent: int | None) -> None:
    """Whatever stands in the files: a report or a `CheckError`, and what is repaired stays so."""
    files = right()
    for (file, key), value in changes:
        files.setdefault(file, {})[key] = value
    with tempfile.TemporaryDirectory() as name:
        folder = write_model(
            Path(name),
            {
                file: json.dumps(content, indent=indent) if isinstance(content, dict) else content
                for file, content in files.items()
            },
        )
        try:
            before = check(folder)
        except CheckError:
            return
        report = fix(folder)
        assert set(before.findings) <= set(report.findings)
        for finding in report.remaining:
            assert finding.repair is None
        again = fix(folder)
        assert again == report._replace(findings=report.remaining, changes=())
