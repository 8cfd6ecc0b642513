"""Gemma 4's wire format: reasoning, content and tool calls from what models write, and prompts from OpenAI messages."""

from __future__ import annotations

from gemma4_parser._impl import (
    Event,
    StreamParser,
    Vocabulary,
    __implementation__,
    arguments_to_json,
    format_arguments,
    is_gemma4,
    model_kind,
    parse,
    parse_arguments,
    render,
)
from gemma4_parser._version import __version__
from gemma4_parser.chat_template import chat_template
from gemma4_parser.errors import ArgumentError, RenderError
from gemma4_parser.history import strip_thoughts
from gemma4_parser.message import Message, ToolCall, Unparsed
from gemma4_parser.prompt import Prompt
from gemma4_parser.tokens import CONTROL_TOKENS, STOP_TOKEN_IDS

__all__ = [
    "CONTROL_TOKENS",
    "STOP_TOKEN_IDS",
    "ArgumentError",
    "Event",
    "Message",
    "Prompt",
    "RenderError",
    "StreamParser",
    "ToolCall",
    "Unparsed",
    "Vocabulary",
    "__implementation__",
    "__version__",
    "arguments_to_json",
    "chat_template",
    "format_arguments",
    "is_gemma4",
    "model_kind",
    "parse",
    "parse_arguments",
    "render",
    "strip_thoughts",
]
