"""What this vLLM offers, and its messages made of deltas.

Versions are not compared: what is wanted is looked up where one of them has it.
"""

from __future__ import annotations

import importlib
from typing import Any

from gemma4_parser.integrations.delta import CallPiece, MessageStream

__all__ = [
    "TWO_HALVES",
    "ExtractedToolCallInformation",
    "FunctionCall",
    "ReasoningParser",
    "ToolCall",
    "ToolParser",
    "VllmStream",
    "delta_message",
    "make_tool_call_id",
    "offered",
    "pieces_message",
]


def offered(*places: str) -> Any:
    """The first of the places, `module:name`, that this vLLM has. Raises `ImportError` where it has none."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"this vLLM offers none of {', '.join(places)}")


_MESSAGES = ("vllm.entrypoints.generate.base.protocol", "vllm.entrypoints.openai.engine.protocol")


def _message_class(name: str) -> Any:
    return offered(*(f"{module}:{name}" for module in _MESSAGES))


DeltaMessage = _message_class("DeltaMessage")
DeltaToolCall = _message_class("DeltaToolCall")
DeltaFunctionCall = _message_class("DeltaFunctionCall")
ToolCall = _message_class("ToolCall")
FunctionCall = _message_class("FunctionCall")
ExtractedToolCallInformation = _message_class("ExtractedToolCallInformation")
_Model: Any = offered("pydantic:BaseModel")
make_tool_call_id = offered(
    "vllm.renderers.chat_utils:make_tool_call_id", "vllm.entrypoints.chat_utils:make_tool_call_id"
)
ToolParser = offered("vllm.tool_parsers.abstract_tool_parser:ToolParser")
ReasoningParser = offered("vllm.reasoning.abs_reasoning_parsers:ReasoningParser")
TWO_HALVES = hasattr(ReasoningParser, "engine_based_streaming")
"""Whether this vLLM has the protocol of 0.33: a prompt hook, a finish hook, and no text of earlier steps."""


# Messages: a pydantic model by its constructor costs two to three times what this does, and nothing here needs
# validation. Each is its own: the server may change it.

_new = object.__new__
_set_values = _Model.__dict__["__dict__"].__set__
_set_fields_set = _Model.__dict__["__pydantic_fields_set__"].__set__
_set_extra = _Model.__dict__["__pydantic_extra__"].__set__
_set_private = _Model.__dict__["__pydantic_private__"].__set__


def _defaults(model: Any) -> dict[str, Any]:
    """The fields of this vLLM's model with their defaults, those that must be given as None."""
    return {
        name: None if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
    }


_MESSAGE = _defaults(DeltaMessage)
_CALL = {**_defaults(DeltaToolCall), "id": None, "type": None}
_FUNCTION = _defaults(DeltaFunctionCall)


def delta_message(content: str | None, reasoning: str | None = None, calls: list[Any] | None = None) -> Any:
    """A message of the server; `calls` are its own entries."""
    made = _new(DeltaMessage)
    values = _MESSAGE.copy()
    given = set()
    if content is not None:
        values["content"] = content
        given.add("content")
    if reasoning is not None:
        values["reasoning"] = reasoning
        given.add("reasoning")
    if calls:
        given.add("tool_calls")
    values["tool_calls"] = calls or []
    _set_values(made, values)
    _set_fields_set(made, given)
    _set_extra(made, {})
    _set_private(made, None)
    return made


def text_message(field: str, text: str) -> Any:
    """A message that is more of its content, or of its reasoning."""
    made = _new(DeltaMessage)
    values = _MESSAGE.copy()
    values[field] = text
    values["tool_calls"] = []
    _set_values(made, values)
    _set_fields_set(made, {field})
    _set_extra(made, {})
    _set_private(made, None)
    return made


def fragment_message(index: int, text: str) -> Any:
    """A message that is more of the arguments of one call."""
    made = _new(DeltaMessage)
    values = _MESSAGE.copy()
    values["tool_calls"] = [_fragment(index, text)]
    _set_values(made, values)
    _set_fields_set(made, {"tool_calls"})
    _set_extra(made, {})
    _set_private(made, None)
    return made


def _fragment(index: int, text: str) -> Any:
    function = _new(DeltaFunctionCall)
    values = _FUNCTION.copy()
    values["arguments"] = text
    _set_values(function, values)
    _set_fields_set(function, {"arguments"})
    _set_extra(function, None)
    _set_private(function, None)
    made = _new(DeltaToolCall)
    values = _CALL.copy()
    values["index"] = index
    values["function"] = function
    _set_values(made, values)
    _set_fields_set(made, {"index", "function"})
    _set_extra(made, {})
    _set_private(made, None)
    return made


def _start(index: int, call_id: str, name: str, arguments: str | None) -> Any:
    """The first entry of a call; the others too where the style repeats it."""
    given = {"name": name} if arguments is None else {"name": name, "arguments": arguments}
    return DeltaToolCall(id=call_id, type="function", index=index, function=DeltaFunctionCall(**given))


def _without_arguments(index: int) -> Any:
    return DeltaToolCall(index=index, function=DeltaFunctionCall())


def pieces_message(reasoning: str | None, content: str | None, pieces: list[CallPiece]) -> Any:
    """The server's message of a step."""
    if not pieces:
        return delta_message(content, reasoning)
    calls = [
        _fragment(index, text) if call_id is None else _start(index, call_id, name or "", text)
        for index, call_id, name, text in pieces
    ]
    if not TWO_HALVES and (len(calls) > 1 or content is not None or reasoning is not None):
        calls = _without_arguments_first(calls)
    return delta_message(content, reasoning, calls)


def _without_arguments_first(calls: list[Any]) -> list[Any]:
    """The entries with one in front that has no arguments.

    If the first entry of the last chunk has arguments, the server of 0.22 sends a chunk of the last call alone in its
    place, and the text and the other calls of the chunk are lost.
    """
    first = calls[0]
    if first.id is None:
        return [_without_arguments(first.index), *calls]
    head = _start(first.index, first.id, first.function.name, None)
    return [head, _fragment(first.index, first.function.arguments), *calls[1:]]


class VllmStream(MessageStream[Any]):
    """One output, step by step, in the messages of this vLLM."""

    message: Any = staticmethod(pieces_message)
    fragment: Any = staticmethod(fragment_message)
    text: Any = staticmethod(text_message)
