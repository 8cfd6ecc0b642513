"""The pure-Python wheel: what is in it, that it works alone, that installers take the other one where that fits.

And `make demo` where there is no Rust.
"""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message as Metadata
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

import gemma4_parser
from gemma4_parser.cli.demo_turn import turn
from helpers import ROOT, cases

NAME = "gemma4-parser"
SCRIPTS = {
    "console_scripts": {NAME: "gemma4_parser.cli:main"},
    "vllm.general_plugins": {"gemma4_parser": "gemma4_parser.integrations.vllm:register"},
    "sglang.srt.plugins": {"gemma4_parser": "gemma4_parser.integrations.sglang:plugin"},
}
PROGRAMS = "Scripts" if os.name == "nt" else "bin"
TOOLS = Path(pytest.__file__).parents[1]
CALL = '<|channel>thought\nHm<channel|>Hello<|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:3}<tool_call|>'

_OURS = ("GEMMA4_", "MAKE", "MFLAGS", "ARGS", "PIP_", "PYTHON", "PYTEST_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
"""What was asked of this run is not asked of those that it starts."""

VECTORS = """
import importlib.util, sys

sys.path.append(sys.argv[1])  # the tools; behind what is installed here
import gemma4_parser
import pytest

assert gemma4_parser.__implementation__ == "python"
assert importlib.util.find_spec("gemma4_parser._rust") is None


class OnlyPython:
    @staticmethod
    def pytest_collection_modifyitems(items):
        items[:] = [item for item in items if item.callspec.params["impl"] == "python"]


sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[2]], plugins=[OnlyPython()]))
"""

TYPED = """
import gemma4_parser as g4

message = g4.parse("x")
text: int = message.content
event: str = g4.StreamParser().push_text("x")[0]
g4.parse("x", finish="nonsense")
"""


def run(*words: str | Path, given: str = "") -> str:
    """Output of a program that succeeds."""
    done = subprocess.run(words, input=given, env=ENVIRONMENT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def pip(*words: str | Path) -> str:
    """Output of pip, which sees no settings of the user's."""
    return run(sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *words)


@pytest.fixture(scope="module")
def binary() -> Path:
    """The wheel with the extension: the one whose content is tested, from where it was installed."""
    installed = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    wheel = Path(url2pathname(urlsplit(installed["url"]).path))
    assert wheel.suffix == ".whl"
    return wheel


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel without, built as `make wheel-pure` does it."""
    folder = tmp_path_factory.mktemp("pure")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def alone(pure: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new environment that has the pure wheel and nothing else."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home)
    pip("--python", home / PROGRAMS / "python", "install", "--no-index", pure)
    return home / PROGRAMS


def content(wheel: Path) -> dict[str, bytes]:
    """The package's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("gemma4_parser/")}


def information(wheel: Path, name: str) -> str:
    """A file about the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"gemma4_parser-{gemma4_parser.__version__}.dist-info/{name}").decode()


def fields(metadata: Metadata) -> Iterator[tuple[str, str]]:
    """What the metadata say; the backends differ in order and blanks, and one says of Markdown which."""
    for name, value in metadata.items():
        yield name, value.split(";")[0] if name == "Description-Content-Type" else value.replace(" ;", ";")
    yield "Description", str(metadata.get_payload()).strip()


def test_how_it_is_built() -> None:
    """What the fixture runs is what `make wheel-pure` runs."""
    rule = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nwheel-pure:", 1)[1].splitlines()[1]
    assert rule.endswith("/bin/python -m hatchling build --target wheel --directory dist")


def test_content(binary: Path, pure: Path) -> None:
    """The package file by file, but for the extension."""
    expected = {name: data for name, data in content(binary).items() if not name.endswith((".so", ".pyd"))}
    assert content(pure) == expected
    assert len(content(binary)) == len(expected) + 1
    assert {"gemma4_parser/py.typed", "gemma4_parser/_pure/__init__.py"} <= set(expected)
    assert information(pure, "licenses/LICENSE") == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_tag(binary: Path, pure: Path) -> None:
    version = gemma4_parser.__version__
    assert pure.name == f"gemma4_parser-{version}-py3-none-any.whl"
    assert binary.name.startswith(f"gemma4_parser-{version}-cp311-abi3-")
    wheel = email.message_from_string(information(pure, "WHEEL"))
    assert (wheel.get_all("Tag"), wheel["Root-Is-Purelib"]) == (["py3-none-any"], "true")


def test_metadata(binary: Path, pure: Path) -> None:
    ours, theirs = (email.message_from_string(information(wheel, "METADATA")) for wheel in (pure, binary))
    assert sorted(fields(ours)) == sorted(fields(theirs))
    assert (ours["Name"], ours["Version"], ours["Requires-Python"]) == (NAME, gemma4_parser.__version__, ">=3.11")
    needed = [requirement for requirement in ours.get_all("Requires-Dist") or [] if "extra ==" not in requirement]
    assert not needed, "the package alone needs nothing"
    for wheel in (pure, binary):
        scripts = ConfigParser()
        scripts.read_string(information(wheel, "entry_points.txt"))
        assert {name: dict(scripts[name]) for name in scripts.sections()} == SCRIPTS


def test_alone(alone: Path) -> None:
    code = "import sys, gemma4_parser as g; print(g.__implementation__, g.__version__, g.parse(sys.argv[1]))"
    expected = f"python {gemma4_parser.__version__} {gemma4_parser.parse(turn().text)}\n"
    assert run(alone / "python", "-I", "-c", code, turn().text) == expected


def test_commands_alone(alone: Path) -> None:
    lines = [line.split(maxsplit=1) for line in run(alone / NAME, "info").splitlines()]
    assert lines[0] == ["version", gemma4_parser.__version__]
    assert lines[1] == ["implementation", "python (the extension module gemma4_parser._rust is not installed)"]
    assert lines[3] == ["extension", "not installed"]
    message = json.loads(run(alone / NAME, "parse", given=CALL))
    assert (message["reasoning"], message["content"], message["finish_reason"]) == ("Hm", "Hello", "tool_calls")
    (call,) = message["tool_calls"]
    assert (call["name"], call["arguments_text"]) == ("get_weather", '{"city":"Paris","days":3}')
    assert "(python)" in run(alone / "python", "-m", "gemma4_parser", "demo").splitlines()[0]


def test_vectors_alone(alone: Path) -> None:
    """Every case, as text and as ids. It is the same code as elsewhere, so the cuts are not made again."""
    vectors = f"{ROOT / 'tests' / 'test_vectors.py'}::test_whole"
    text = run(alone / "python", "-I", "-c", VECTORS, TOOLS, vectors)
    assert re.findall(r"^(\d+) passed in", text, re.MULTILINE) == [str(len(cases()))], text


def test_types_alone(alone: Path, tmp_path: Path) -> None:
    """The types are there without the extension too."""
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    command: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull]
    command += ["--cache-dir", tmp_path / "cache", "--python-executable", alone / "python", program]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    errors = re.findall(r"^program\.py:(\d+): error: (.*)", done.stdout, re.MULTILINE)
    assert [int(number) for number, _ in errors] == [5, 6, 7], done.stdout


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), "binary"),
        (("--platform", "win_arm64", "--only-binary=:all:"), "pure"),
        (("--platform", "any", "--only-binary=:all:"), "pure"),
        (("--platform", "any", "--implementation", "pp", "--only-binary=:all:"), "pure"),
    ],
)
def test_what_installers_choose(
    options: tuple[str, ...], chosen: str, binary: Path, pure: Path, tmp_path: Path
) -> None:
    """Where both are offered, the binary wheel; the pure one where the binary does not fit."""
    offered, got = tmp_path / "offered", tmp_path / "got"
    offered.mkdir()
    for wheel in (binary, pure):
        shutil.copy(wheel, offered)
    pip("download", *options, "--no-index", "--find-links", offered, "--dest", got, NAME)
    assert [path.name for path in got.iterdir()] == [{"binary": binary, "pure": pure}[chosen].name]


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="needs GNU make and bash")
@pytest.mark.parametrize("cargo", [None, "#!/bin/sh\necho 'error: no default toolchain' >&2\nexit 1\n"])
def test_demo_without_rust(cargo: str | None, tmp_path: Path) -> None:
    """With no `cargo`, and with one that has no toolchain: the same demo, and a line that says with what."""
    make = shutil.which("make")
    assert make is not None
    for name in ("bash", "find", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "python3").symlink_to(Path(sys.executable).resolve())
    if cargo is not None:
        (tmp_path / "cargo").write_text(cargo)
        (tmp_path / "cargo").chmod(0o755)
    environment = {**ENVIRONMENT, "PATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([make, "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "no Rust toolchain found: the demo runs with the pure-Python implementation"
    assert lines[1].startswith(f"{NAME} {gemma4_parser.__version__} (python): one agent turn")
    assert any("equals what was written" in line for line in lines)
