"""Chooses the implementation, once, when the package is imported: the one place that does.

The environment variable `GEMMA4_PARSER_IMPLEMENTATION` is `auto` (default), `rust` or `python`. `auto` takes Rust where
the extension's file is there, else Python. An extension that is there but fails to load is an error and never passed
over: a server that is silently many times slower is worse than one that does not start. `python` never loads it.
"""

from __future__ import annotations

import os
import sys

# `typing` and `importlib.util` take longer to import than all of this package.
TYPE_CHECKING = False

VARIABLE = "GEMMA4_PARSER_IMPLEMENTATION"
EXTENSION = "gemma4_parser._rust"

_MISSING = f"the extension module {EXTENSION} is not installed"
_BROKEN = f"the extension module {EXTENSION} is there but fails to load"
_HOW_TO_GET = "install a wheel for this platform, or run `pip install .` in the source tree with a Rust toolchain"
_HOW_TO_DO_WITHOUT = f"{VARIABLE}=python does without it"


def _choose() -> tuple[str, str]:
    """The implementation and the reason for it. Raises `ImportError` with the reason where there is none to choose."""
    asked = os.environ.get(VARIABLE, "auto")
    if asked not in ("auto", "rust", "python"):
        raise ImportError(f"{VARIABLE} must be auto, rust or python, not {asked!r}")
    if asked == "python":
        return "python", f"{VARIABLE} asks for it"
    if not _is_there():
        if foreign := _foreign():
            raise ImportError(f"{_BROKEN}: {foreign} is for another Python; {_HOW_TO_DO_WITHOUT}")
        if asked == "rust":
            raise ImportError(f"{VARIABLE} is rust, but {_MISSING}: {_HOW_TO_GET}")
        return "python", _MISSING
    if asked == "rust":
        return "rust", f"{VARIABLE} asks for it"
    return "rust", "the extension is installed"


def _is_there() -> bool:
    """Whether the extension would be found."""
    package = sys.modules[EXTENSION.partition(".")[0]]
    return EXTENSION in sys.modules or any(
        finder.find_spec(EXTENSION, package.__path__) is not None for finder in sys.meta_path
    )


def _foreign() -> str | None:
    """The file of an extension that is there, but that this interpreter does not even look for."""
    from importlib.machinery import EXTENSION_SUFFIXES

    folder = os.path.dirname(__file__)
    if not os.path.isdir(folder):  # a zip archive, which holds no extensions
        return None
    for name in sorted(os.listdir(folder)):
        suffix = name.removeprefix("_rust")
        if suffix != name and suffix.endswith((".so", ".pyd")) and suffix not in EXTENSION_SUFFIXES:
            return name
    return None


__implementation__, WHY = _choose()

# Both offer the same; the types are those of the extension's stubs.
if TYPE_CHECKING or __implementation__ == "rust":
    try:
        from gemma4_parser._rust import (
            Event,
            StreamParser,
            Vocabulary,
            arguments_to_json,
            format_arguments,
            is_gemma4,
            model_kind,
            parse,
            parse_arguments,
            render,
        )
    except ImportError as error:
        raise ImportError(f"{_BROKEN}: {error}; {_HOW_TO_DO_WITHOUT}") from error
else:
    from gemma4_parser._pure import (
        Event,
        StreamParser,
        Vocabulary,
        arguments_to_json,
        format_arguments,
        is_gemma4,
        model_kind,
        parse,
        parse_arguments,
        render,
    )

__all__ = [
    "Event",
    "StreamParser",
    "Vocabulary",
    "arguments_to_json",
    "format_arguments",
    "is_gemma4",
    "model_kind",
    "parse",
    "parse_arguments",
    "render",
]
