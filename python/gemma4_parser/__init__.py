"""Streaming parser for the output of Gemma 4 models: reasoning, content and tool calls from token ids or text."""

from __future__ import annotations

from gemma4_parser._impl import (
    Event,
    StreamParser,
    Vocabulary,
    __implementation__,
    arguments_to_json,
    format_arguments,
    parse,
    parse_arguments,
)
from gemma4_parser._version import __version__
from gemma4_parser.errors import ArgumentError
from gemma4_parser.message import Message, ToolCall, Unparsed
from gemma4_parser.tokens import CONTROL_TOKENS, STOP_TOKEN_IDS

__all__ = [
    "CONTROL_TOKENS",
    "STOP_TOKEN_IDS",
    "ArgumentError",
    "Event",
    "Message",
    "StreamParser",
    "ToolCall",
    "Unparsed",
    "Vocabulary",
    "__implementation__",
    "__version__",
    "arguments_to_json",
    "format_arguments",
    "parse",
    "parse_arguments",
]
