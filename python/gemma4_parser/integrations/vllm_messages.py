"""What this vLLM offers, and its messages made of deltas.

Versions are not compared: what is wanted is looked up where one of them has it.
"""

from __future__ import annotations

import importlib
from typing import Any

from gemma4_parser.integrations.delta import Delta

__all__ = [
    "TWO_HALVES",
    "ExtractedToolCallInformation",
    "FunctionCall",
    "ReasoningParser",
    "ToolCall",
    "ToolParser",
    "delta_message",
    "make_tool_call_id",
    "message_of",
    "offered",
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


# Messages: a pydantic model by its constructor costs eight times what this does, and nothing here needs validation.

_new = object.__new__
_set_values = _Model.__dict__["__dict__"].__set__
_set_fields_set = _Model.__dict__["__pydantic_fields_set__"].__set__
_set_extra = _Model.__dict__["__pydantic_extra__"].__set__
_set_private = _Model.__dict__["__pydantic_private__"].__set__


def _others(model: Any, *known: str) -> dict[str, Any]:
    """The fields that this vLLM's model has beside the known ones, with their defaults."""
    fields = model.model_fields.items()
    return {name: None if field.is_required() else field.get_default() for name, field in fields if name not in known}


_OF_MESSAGE = _others(DeltaMessage, "role", "content", "reasoning", "tool_calls")
_OF_CALL = _others(DeltaToolCall, "id", "type", "index", "function")
_OF_FUNCTION = _others(DeltaFunctionCall, "name", "arguments")


def delta_message(content: str | None, reasoning: str | None = None, calls: list[Any] | None = None) -> Any:
    made = _new(DeltaMessage)
    given = {"content"} if content is not None else set()
    if reasoning is not None:
        given.add("reasoning")
    if calls:
        given.add("tool_calls")
    values = {"role": None, "content": content, "reasoning": reasoning, "tool_calls": calls or [], **_OF_MESSAGE}
    _set_values(made, values)
    _set_fields_set(made, given)
    _set_extra(made, {})
    _set_private(made, None)
    return made


def _delta_tool_call(index: int, call_id: str | None, name: str | None, arguments: str | None) -> Any:
    """A piece of a call: the first where it has an id."""
    function = _new(DeltaFunctionCall)
    _set_values(function, {"name": name, "arguments": arguments, **_OF_FUNCTION})
    given = {"arguments"} if arguments is not None else set()
    made = _new(DeltaToolCall)
    if call_id is None:
        _set_values(made, {"id": None, "type": None, "index": index, "function": function, **_OF_CALL})
        _set_fields_set(made, {"index", "function"})
    else:
        given.add("name")
        _set_values(made, {"id": call_id, "type": "function", "index": index, "function": function, **_OF_CALL})
        _set_fields_set(made, {"id", "type", "index", "function"})
    _set_fields_set(function, given)
    _set_extra(function, None)
    _set_private(function, None)
    _set_extra(made, {})
    _set_private(made, None)
    return made


def message_of(delta: Delta | None) -> Any:
    """The server's message of a step, or None."""
    if delta is None:
        return None
    if not delta.calls:
        return delta_message(delta.content, delta.reasoning)
    calls = [_delta_tool_call(*piece) for piece in delta.calls]
    if not TWO_HALVES and (len(calls) > 1 or delta.content is not None or delta.reasoning is not None):
        calls = _without_arguments_first(calls)
    return delta_message(delta.content, delta.reasoning, calls)


def _without_arguments_first(calls: list[Any]) -> list[Any]:
    """The entries with one in front that has no arguments.

    If the first entry of the last chunk has arguments, the server of 0.22 sends a chunk of the last call alone in its
    place, and the text and the other calls of the chunk are lost.
    """
    first = calls[0]
    if first.id is None:
        return [_delta_tool_call(first.index, None, None, None), *calls]
    head = _delta_tool_call(first.index, first.id, first.function.name, None)
    return [head, _delta_tool_call(first.index, None, None, first.function.arguments), *calls[1:]]
