"""Where things live: who knows whom, how long files are, one version."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gemma4_parser
from helpers import ROOT

LINES = 600
CORE = ROOT / "rust" / "core" / "src"
PACKAGE = ROOT / "python" / "gemma4_parser"


def sources() -> Iterator[Path]:
    for folder in ("rust", "python", "tests", "bench"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".rs", ".py", ".pyi") and "target" not in path.parts:
                yield path


def test_the_core_depends_on_nothing() -> None:
    command = ["cargo", "tree", "-p", "gemma4-parser", "-e", "normal", "--prefix", "none", "--locked"]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split()[0] for line in tree] == ["gemma4-parser"]


def test_the_core_is_no_std_and_safe() -> None:
    lib = (CORE / "lib.rs").read_text(encoding="utf-8")
    assert re.search(r"^#!\[no_std\]$", lib, re.MULTILINE)
    assert re.search(r"^#!\[forbid\(unsafe_code\)\]$", lib, re.MULTILINE)


def test_the_control_tokens_are_the_same_everywhere() -> None:
    rows = re.findall(r'^    \w+ = ([\d_]+), "((?:[^"\\]|\\.)+)"', (CORE / "token.rs").read_text("utf-8"), re.MULTILINE)
    assert {literal.replace('\\"', '"'): int(number) for number, literal in rows} == gemma4_parser.CONTROL_TOKENS
    assert len(rows) == 24


def test_the_binding_has_no_unsafe_code() -> None:
    for path in (ROOT / "rust" / "py" / "src").rglob("*.rs"):
        code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"\bunsafe\b", code), path


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def test_the_package_knows_only_the_standard_library() -> None:
    for path in PACKAGE.rglob("*.py"):
        if "integrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "gemma4_parser"}, (path, name)


def test_one_version() -> None:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version = manifest["workspace"]["package"]["version"]
    assert gemma4_parser.__version__ == version
    for crate in ("core", "py"):
        package = tomllib.loads((ROOT / "rust" / crate / "Cargo.toml").read_text(encoding="utf-8"))["package"]
        assert package["version"] == {"workspace": True}
    assert version in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_tested_package_is_the_installed_one() -> None:
    """Tests run against the wheel, not against the source tree."""
    assert PACKAGE not in Path(gemma4_parser.__file__).parents
