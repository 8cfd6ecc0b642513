"""Chooses the implementation, once, when the package is imported: the one place that does.

The environment variable `GEMMA4_PARSER_IMPLEMENTATION` is `auto` (default), `rust` or `python`. `auto` takes Rust where
the extension's file is there. An extension that is there but fails to load is an error and never passed over: a server
that is silently many times slower is worse than one that does not start.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

VARIABLE = "GEMMA4_PARSER_IMPLEMENTATION"
EXTENSION = "gemma4_parser._rust"

_NO_PYTHON = "the pure-Python implementation is not part of this version yet"
_HOW_TO_GET = "install a wheel for this platform, or run `pip install .` in the source tree with a Rust toolchain"


def _choose() -> tuple[str, str]:
    """The implementation and the reason for it. Raises `ImportError` with the reason where there is none to choose."""
    asked = os.environ.get(VARIABLE, "auto")
    if asked not in ("auto", "rust", "python"):
        raise ImportError(f"{VARIABLE} must be auto, rust or python, not {asked!r}")
    if asked == "python":
        raise ImportError(f"{VARIABLE} is python, but {_NO_PYTHON}")
    if find_spec(EXTENSION) is None:
        missing = f"the extension module {EXTENSION} is not installed"
        if asked == "rust":
            raise ImportError(f"{VARIABLE} is rust, but {missing}: {_HOW_TO_GET}")
        raise ImportError(f"{missing}, and {_NO_PYTHON}: {_HOW_TO_GET}")
    if asked == "rust":
        return "rust", f"{VARIABLE} asks for it"
    return "rust", "the extension is installed"


__implementation__, WHY = _choose()

try:
    from gemma4_parser._rust import (
        Event,
        StreamParser,
        Vocabulary,
        arguments_to_json,
        format_arguments,
        parse,
        parse_arguments,
    )
except ImportError as error:
    raise ImportError(f"the extension module {EXTENSION} is there but fails to load: {error}") from error

__all__ = [
    "Event",
    "StreamParser",
    "Vocabulary",
    "arguments_to_json",
    "format_arguments",
    "parse",
    "parse_arguments",
]
