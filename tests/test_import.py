"""Which implementation is chosen, and what is said where it cannot be: each case in its own process."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import gemma4_parser
from gemma4_parser import _impl

PACKAGE = Path(gemma4_parser.__file__).parent
SHOW = "import gemma4_parser as g; print(g.__implementation__, g.StreamParser().push_text('x')[0].text)"
BROKEN = f"_rust{EXTENSION_SUFFIXES[-1]}"


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


@pytest.fixture
def broken(without_extension: Path) -> Path:
    """A folder with the package and an extension that does not load."""
    (without_extension / "gemma4_parser" / BROKEN).write_bytes(b"this is no library")
    return without_extension


@pytest.mark.parametrize("asked", [None, "auto", "rust"])
def test_rust(asked: str | None) -> None:
    done = python(SHOW, asked=asked)
    assert (done.stdout, done.stderr) == ("rust x\n", "")


def test_python() -> None:
    done = python(SHOW, asked="python")
    assert (done.stdout, done.stderr) == ("python x\n", "")


@pytest.mark.parametrize(("asked", "other"), [("rust", "_pure"), ("python", "_rust")])
def test_the_other_is_not_loaded(asked: str, other: str) -> None:
    """Nor by a command: what is not chosen costs nothing, and cannot fail."""
    code = "import sys; from gemma4_parser import cli; cli.main(['info']); "
    done = python(f"{code}print('gemma4_parser.{other}' in sys.modules)", asked=asked)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("False", "")


@pytest.mark.parametrize("asked", ["", "Rust", "yes", "rust "])
def test_other_values(asked: str) -> None:
    line = refusal(asked=asked)
    assert line.startswith("ImportError: GEMMA4_PARSER_IMPLEMENTATION")
    for name in ("auto", "rust", "python", repr(asked)):
        assert name in line


@pytest.mark.parametrize("asked", [None, "auto", "python"])
def test_python_without_extension(without_extension: Path, asked: str | None) -> None:
    done = python(SHOW, asked=asked, path=without_extension)
    assert (done.stdout, done.stderr) == ("python x\n", "")


def test_rust_without_extension(without_extension: Path) -> None:
    line = refusal(asked="rust", path=without_extension)
    assert line.startswith("ImportError:")
    assert "gemma4_parser._rust is not installed" in line
    assert "pip install" in line


@pytest.mark.parametrize("asked", [None, "auto", "rust"])
def test_broken_extension(broken: Path, asked: str | None) -> None:
    """An extension that is there but does not load is an error with its reason, and never passed over."""
    line = refusal(asked=asked, path=broken)
    assert line.startswith("ImportError:")
    assert "fails to load" in line
    assert BROKEN in line
    assert "GEMMA4_PARSER_IMPLEMENTATION=python" in line


def test_python_with_broken_extension(broken: Path) -> None:
    done = python(SHOW, asked="python", path=broken)
    assert (done.stdout, done.stderr) == ("python x\n", "")


@pytest.mark.parametrize("name", ["_rust.cpython-36m-x86_64-linux-gnu.so", "_rust.cp36-win_amd64.pyd"])
@pytest.mark.parametrize("asked", [None, "rust"])
def test_extension_for_another_python(without_extension: Path, name: str, asked: str | None) -> None:
    """It is there, but this interpreter does not look for it: that too is said, not passed over."""
    (without_extension / "gemma4_parser" / name).touch()
    line = refusal(asked=asked, path=without_extension)
    assert "fails to load" in line
    assert name in line
    assert python(SHOW, asked="python", path=without_extension).stdout == "python x\n"


def test_extension_without_what_is_needed(without_extension: Path) -> None:
    """The reason of a failure within the extension is told, not hidden."""
    (without_extension / "gemma4_parser" / "_rust.py").write_text("import no_such_library")
    line = refusal(path=without_extension)
    assert "fails to load" in line
    assert "no_such_library" in line


def test_reasons(without_extension: Path) -> None:
    why = "from gemma4_parser import _impl; print(_impl.WHY)"
    asks = "GEMMA4_PARSER_IMPLEMENTATION asks for it\n"
    assert python(why).stdout == "the extension is installed\n"
    assert python(why, asked="rust").stdout == python(why, asked="python").stdout == asks
    missing = "the extension module gemma4_parser._rust is not installed\n"
    assert python(why, path=without_extension).stdout == missing


def test_info(without_extension: Path) -> None:
    info = "import sys; from gemma4_parser import cli; sys.exit(cli.main(['info']))"
    asked = python(info, asked="python").stdout.splitlines()
    missing = python(info, path=without_extension).stdout.splitlines()
    assert asked[1].split(maxsplit=1) == ["implementation", "python (GEMMA4_PARSER_IMPLEMENTATION asks for it)"]
    assert "_rust" in asked[3], "it is told where it is, though it is not used"
    assert missing[1].split()[:2] == ["implementation", "python"]
    assert missing[3].split(maxsplit=1) == ["extension", "not installed"]


def test_both_offer_the_same() -> None:
    """Side by side, whichever was chosen: the same names, of which those made in Python are the same objects."""
    rust, pure = (importlib.import_module(f"gemma4_parser.{name}") for name in ("_rust", "_pure"))
    assert (rust.__implementation__, pure.__implementation__) == ("rust", "python")
    assert rust.__version__ == pure.__version__ == gemma4_parser.__version__
    assert sorted(rust.__all__) == sorted(pure.__all__)
    assert set(_impl.__all__) <= set(rust.__all__)
    for name in ("ArgumentError", "Message", "Prompt", "RenderError", "ToolCall", "Unparsed"):
        assert getattr(rust, name) is getattr(pure, name) is getattr(gemma4_parser, name)


@pytest.mark.parametrize(("writer", "reader"), [("rust", "python"), ("python", "rust")])
def test_pickles_of_the_other(writer: str, reader: str) -> None:
    """Events, and the message with its calls, pickled in a process of one implementation, read in one of the other."""
    make = (
        "import pickle, gemma4_parser as g; s = g.StreamParser(); "
        "events = s.push_text('a<|tool_call>call:f{n:1}extra<tool_call|>') + s.finish(); "
        "value = (events, g.Message.from_events(events)); "
    )
    written = python(make + "print(pickle.dumps(value).hex())", asked=writer)
    assert written.stderr == ""
    data = written.stdout.strip()
    read = f"found = pickle.loads(bytes.fromhex('{data}')); print(found == value, type(found[0][0]) is g.Event)"
    done = python(make + read, asked=reader)
    assert (done.stdout, done.stderr) == ("True True\n", "")


@pytest.mark.parametrize("asked", ["rust", "python"])
def test_importing_needs_only_the_standard_library(asked: str) -> None:
    names = "{name.split('.')[0] for name in sys.modules}"
    done = python(f"import sys, gemma4_parser; print(sorted({names} - sys.stdlib_module_names))", asked=asked)
    assert done.stderr == ""
    assert set(eval(done.stdout)) <= {"__main__", "gemma4_parser", "sitecustomize", "usercustomize", "_distutils_hack"}


@pytest.mark.parametrize("asked", ["rust", "python"])
def test_the_command_line_is_not_imported(asked: str) -> None:
    code = "import sys, gemma4_parser; print('argparse' in sys.modules, 'gemma4_parser.cli' in sys.modules)"
    done = python(code, asked=asked)
    assert done.stdout == "False False\n"
