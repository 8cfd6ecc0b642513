"""Entry point, registry and plugin file, in fresh processes, as `vllm serve` goes through them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

import gemma4_parser
from gemma4_parser.integrations import vllm_plugin

PACKAGE = Path(gemma4_parser.__file__).parent

# What `vllm serve` does before it makes an engine, and what the engine core does with the reasoning parser.
START = """
import argparse, ast, importlib, json, sys
from pathlib import Path
from types import SimpleNamespace

import vllm

names, plugin = json.loads(sys.argv[1]), sys.argv[2]
from vllm.plugins import load_general_plugins

load_general_plugins()
load_general_plugins()
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager

if plugin:
    ToolParserManager.import_tool_parser(plugin)
    ReasoningParserManager.import_reasoning_parser(plugin)
given = {"argparse": argparse, "ToolParserManager": ToolParserManager, "ReasoningParserManager": ReasoningParserManager}
for place in ("common/cli_args.py", "openai/api_server.py"):  # as it stands there: not all that serves is installed
    path = Path(vllm.__file__).parent / "entrypoints" / place
    for node in ast.parse(path.read_text()).body if path.exists() else ():
        if getattr(node, "name", "") == "validate_api_server_args":
            exec(compile(ast.Module([node], []), str(path), "exec"), given)
validate = given["validate_api_server_args"]
logger = importlib.import_module("vllm.logger")
if hasattr(logger, "configure_logging_from_args"):  # what `vllm serve` does next, where vLLM has it
    logger.configure_logging_from_args(SimpleNamespace())
found = {}
for name in names:
    arguments = SimpleNamespace(
        enable_auto_tool_choice=True,
        tool_call_parser=name,
        structured_outputs_config=SimpleNamespace(reasoning_parser=name),
    )
    try:
        validate(arguments)
    except KeyError as error:
        found[name] = "invalid"
        continue
    tool, reasoning = ToolParserManager.get_tool_parser(name), ReasoningParserManager.get_reasoning_parser(name)
    ours = {tool.__module__.startswith("gemma4_parser."), reasoning.__module__.startswith("gemma4_parser.")}
    found[name] = {(True,): "ours", (False,): "theirs"}.get(tuple(ours), "both")
print("FOUND", json.dumps(found))
"""


def start(*, plugin: str = "", site: Path | None = None, **variables: str) -> tuple[dict[str, str], str]:
    """What each name is in a process with these variables, and what it logged."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GEMMA4_")}
    environment |= variables
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join([str(site)] * (site is not None) + paths)
    command = [sys.executable, "-c", START, json.dumps(["gemma4", "gemma4_rust"]), plugin]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stderr[-3000:]
    found: dict[str, str] = json.loads(lines[0].removeprefix("FOUND "))
    return found, done.stdout + done.stderr


@cache
def default() -> tuple[dict[str, str], str]:
    return start()


def test_installed_and_nothing_asked() -> None:
    found, log = default()
    assert found == {"gemma4": "theirs", "gemma4_rust": "ours"}
    assert log.count("is active: profile default, chunks standard, unparsed text as content empty") == 1


def test_replace() -> None:
    found, log = start(GEMMA4_PARSER_VLLM="replace")
    assert found == {"gemma4": "ours", "gemma4_rust": "ours"}
    assert log.count(f"gemma4-parser {gemma4_parser.__version__}") in (1, 2)  # registered, active
    assert "is active" in log


def test_off_and_the_plugin_file() -> None:
    """Both flags take the file's path; asked for like this, the switch for the entry point does not matter."""
    path = str(vllm_plugin.__file__)
    assert start(VLLM_PLUGINS="none", plugin=path)[0] == {"gemma4": "theirs", "gemma4_rust": "ours"}
    assert start(GEMMA4_PARSER_VLLM="off")[0] == {"gemma4": "theirs", "gemma4_rust": "invalid"}


def test_pure_python_says_so() -> None:
    found, log = start(GEMMA4_PARSER_IMPLEMENTATION="python")
    assert found["gemma4_rust"] == "ours"
    assert "(python: GEMMA4_PARSER_IMPLEMENTATION asks for it)" in log


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package with its metadata, in a folder that comes first."""
    for path in PACKAGE.parent.glob("gemma4_parser*"):
        shutil.copytree(path, tmp_path / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_extension_that_fails_to_load_is_told_and_not_passed_over(copied: Path) -> None:
    for path in (copied / "gemma4_parser").glob("_rust*.so"):
        path.write_bytes(b"no extension")
    found, log = start(site=copied, GEMMA4_PARSER_VLLM="replace")
    assert found == {"gemma4": "theirs", "gemma4_rust": "invalid"}
    assert "fails to load" in log


def test_without_an_extension_the_twin_runs_and_says_so(copied: Path) -> None:
    for path in (copied / "gemma4_parser").glob("_rust*.so"):
        path.unlink()
    found, log = start(site=copied, GEMMA4_PARSER_VLLM="replace")
    assert found == {"gemma4": "ours", "gemma4_rust": "ours"}
    assert "(python: the extension module gemma4_parser._rust is not installed)" in log


def test_a_wrong_word_is_an_error_that_names_the_right_ones() -> None:
    found, log = _fails(GEMMA4_PARSER_VLLM="yes")
    assert "must be add, replace or off" in log, found


@pytest.mark.parametrize(
    ("variable", "words"), [("CHUNKS", "standard, repeat_ids"), ("UNPARSED", "empty, always"), ("PROFILE", "default")]
)
def test_a_wrong_word_of_the_other_variables_too(variable: str, words: str) -> None:
    """When the plugin is loaded, and not when a parser is asked for, where vLLM would say that it is unknown."""
    found, log = _fails(**{f"GEMMA4_PARSER_{variable}": "yes"})
    assert words in log and "'yes'" in log, found


def _fails(**variables: str) -> tuple[Any, str]:
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", "from vllm.plugins import load_general_plugins as load; load()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr + done.stdout
