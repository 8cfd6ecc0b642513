"""This parser in vLLM: installed beside it, `--tool-call-parser gemma4_rust --reasoning-parser gemma4_rust` uses it.

vLLM calls `register` in each of its processes (entry point group `vllm.general_plugins`). With
`GEMMA4_PARSER_VLLM=replace` in the environment the name `gemma4` is this parser too; `off` registers nothing. Other
variables: `GEMMA4_PARSER_PROFILE`, `GEMMA4_PARSER_CHUNKS`, `GEMMA4_PARSER_UNPARSED` (see `delta.Settings`).

Importing this module needs no vLLM; the classes are made for the vLLM that is installed, when they are first used.
"""

from __future__ import annotations

import importlib
import logging
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from gemma4_parser._impl import WHY, __implementation__
from gemma4_parser._version import __version__
from gemma4_parser.integrations.delta import Settings

if TYPE_CHECKING:
    from gemma4_parser.integrations.vllm_offline import has_tool_response_tag, parse_thinking_output, parse_tool_calls
    from gemma4_parser.integrations.vllm_parsers import Gemma4ReasoningParser, Gemma4ToolParser

__all__ = [
    "NAME",
    "Gemma4ReasoningParser",
    "Gemma4ToolParser",
    "has_tool_response_tag",
    "parse_thinking_output",
    "parse_tool_calls",
    "register",
]

NAME = "gemma4_rust"
"""The name that is always registered, whichever implementation runs."""

BUILT_IN = "gemma4"
VARIABLE = "GEMMA4_PARSER_VLLM"
MODULE = "gemma4_parser.integrations.vllm_parsers"
_REGISTRIES = (
    ("vllm.tool_parsers", "ToolParserManager", "Gemma4ToolParser", "tool_parsers"),
    ("vllm.reasoning", "ReasoningParserManager", "Gemma4ReasoningParser", "reasoning_parsers"),
)
LOGGER = "vllm.gemma4_parser"
"""Below vLLM's own logger, so that its settings hold."""

_told: set[tuple[str, ...]] = set()


def register(replace: bool | None = None) -> tuple[str, ...]:
    """Registers the parsers with vLLM; again is harmless. Returns the names, none where there is no vLLM.

    Args:
        replace: Whether the name `gemma4` becomes this parser; None: as `GEMMA4_PARSER_VLLM` asks for.

    Raises:
        ValueError: The variable is neither empty, `add`, `replace` nor `off`, or `Settings.from_environment` raises it.
    """
    asked = os.environ.get(VARIABLE) or "add"
    if asked not in ("add", "replace", "off"):
        raise ValueError(f"{VARIABLE} must be add, replace or off, not {asked!r}")
    if find_spec("vllm") is None or (replace is None and asked == "off"):
        return ()
    Settings.from_environment()  # what is wrong with the other variables is told now, and not as an unknown parser
    if replace is None:
        replace = asked == "replace"
    names = (NAME, BUILT_IN) if replace else (NAME,)
    for module, manager_name, class_name, registered in _REGISTRIES:
        # Importing the registry is what registers vLLM's own parsers: before ours, which then take the name.
        manager: Any = getattr(importlib.import_module(module), manager_name)
        for name in names:
            manager.register_lazy_module(name, MODULE, class_name)
            known = getattr(manager, registered).get(name)
            if known is not None and known.__module__ != MODULE:
                del getattr(manager, registered)[name]  # it was loaded before, and would be found first
    if names not in _told:
        _told.add(names)
        place = (
            f"{NAME} and in place of the built-in {BUILT_IN}"
            if replace
            else f"{NAME} ({VARIABLE}=replace: also {BUILT_IN})"
        )
        logging.getLogger(LOGGER).info(
            "gemma4-parser %s (%s: %s) is registered as %s", __version__, __implementation__, WHY, place
        )
    return names


def __getattr__(name: str) -> Any:
    if name in ("Gemma4ReasoningParser", "Gemma4ToolParser"):
        return getattr(importlib.import_module(MODULE), name)
    if name in ("has_tool_response_tag", "parse_thinking_output", "parse_tool_calls"):
        return getattr(importlib.import_module("gemma4_parser.integrations.vllm_offline"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
