"""Which implementation is chosen, and what is said where there is none: each case in its own process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import gemma4_parser

PACKAGE = Path(gemma4_parser.__file__).parent
SHOW = "import gemma4_parser as g; print(g.__implementation__, g.StreamParser().push_text('x')[0].text)"


def python(code: str, *, asked: str | None = None, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter; `asked` is the variable's value, `path` comes first among the packages."""
    environment = {}
    if asked is not None:
        environment["GEMMA4_PARSER_IMPLEMENTATION"] = asked
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command, folder = [sys.executable, "-c", code], path or PACKAGE.parent
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)


def refusal(code: str = SHOW, *, asked: str | None = None, path: Path | None = None) -> str:
    """The last line of the error."""
    done = python(code, asked=asked, path=path)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def without_extension(tmp_path: Path) -> Path:
    """A folder with the package as it is, but for the extension."""
    shutil.copytree(PACKAGE, tmp_path / "gemma4_parser", ignore=shutil.ignore_patterns("_rust*", "__pycache__"))
    return tmp_path


@pytest.mark.parametrize("asked", [None, "auto", "rust"])
def test_rust(asked: str | None) -> None:
    done = python(SHOW, asked=asked)
    assert (done.stdout, done.stderr) == ("rust x\n", "")


@pytest.mark.parametrize("asked", ["", "Rust", "yes", "rust "])
def test_other_values(asked: str) -> None:
    line = refusal(asked=asked)
    assert line.startswith("ImportError: GEMMA4_PARSER_IMPLEMENTATION")
    for name in ("auto", "rust", "python", repr(asked)):
        assert name in line


def test_python_is_not_there_yet() -> None:
    assert "pure-Python implementation is not part of this version" in refusal(asked="python")


@pytest.mark.parametrize("asked", [None, "auto"])
def test_auto_without_extension(without_extension: Path, asked: str | None) -> None:
    line = refusal(asked=asked, path=without_extension)
    assert line.startswith("ImportError:")
    assert "gemma4_parser._rust is not installed" in line
    assert "pip install" in line


def test_rust_without_extension(without_extension: Path) -> None:
    line = refusal(asked="rust", path=without_extension)
    assert "gemma4_parser._rust is not installed" in line
    assert "pip install" in line


@pytest.mark.parametrize("asked", [None, "auto", "rust"])
def test_broken_extension(without_extension: Path, asked: str | None) -> None:
    """An extension that is there but does not load is an error with its reason, whatever was asked for."""
    broken = without_extension / "gemma4_parser" / f"_rust{EXTENSION_SUFFIXES[-1]}"
    broken.write_bytes(b"this is no library")
    line = refusal(asked=asked, path=without_extension)
    assert line.startswith("ImportError:")
    assert "fails to load" in line
    assert broken.name in line


def test_importing_needs_only_the_standard_library() -> None:
    names = "{name.split('.')[0] for name in sys.modules}"
    done = python(f"import sys, gemma4_parser; print(sorted({names} - sys.stdlib_module_names))")
    assert done.stderr == ""
    assert set(eval(done.stdout)) <= {"__main__", "gemma4_parser", "sitecustomize", "usercustomize", "_distutils_hack"}


def test_the_command_line_is_not_imported() -> None:
    done = python("import sys, gemma4_parser; print('argparse' in sys.modules, 'gemma4_parser.cli' in sys.modules)")
    assert done.stdout == "False False\n"
