"""The parser in pure Python: a twin of the extension `gemma4_parser._rust`, which behaves identically.

Each module is that of the same name in `rust/core/src`, its functions in the same order, its rules those of DESIGN.md;
`ids` and the conversions are those of the extension. A rule is changed in both or in none: `tests/test_differential.py`
compares them.
"""

from gemma4_parser._version import __version__ as __version__
from gemma4_parser.errors import ArgumentError, RenderError
from gemma4_parser.message import Message, ToolCall, Unparsed
from gemma4_parser.prompt import Prompt

from .event import Event
from .format import format_arguments
from .message import arguments_to_json, parse, parse_arguments
from .model import is_gemma4, model_kind
from .prompt import render
from .stream import StreamParser
from .vocabulary import Vocabulary

__implementation__ = "python"

__all__ = [
    "ArgumentError",
    "Event",
    "Message",
    "Prompt",
    "RenderError",
    "StreamParser",
    "ToolCall",
    "Unparsed",
    "Vocabulary",
    "arguments_to_json",
    "format_arguments",
    "is_gemma4",
    "model_kind",
    "parse",
    "parse_arguments",
    "render",
]
