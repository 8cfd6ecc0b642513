"""What is put on the class that vLLM 0.33 composes of the two halves, by the name hook of class attributes.

Whole outputs: their ids, which the class has and hands to neither half. Streams: a shorter way for the steps between
the first and the last one. Behind the first step the server's own way leads through five of its functions to the tool
half, and does nothing else there but count; and it looks its counter up by four labels each time, which costs more than
the parser. Here the stream is asked at once, and the same counter counts.

That holds for the functions as they are. Where a vLLM has others (`SERVER_STEP`), all steps go the server's own way.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any

from gemma4_parser.integrations.vllm_messages import offered

__all__ = ["SERVER_STEP", "Composing", "server_step", "step_counters"]

SERVER_STEP = 0xD7117F88
"""The checksum of the functions that are known (vLLM 0.33.0)."""

_STEP = (
    "vllm.parser.abstract_parser:DelegatingParser.parse_delta",
    "vllm.parser.abstract_parser:DelegatingParser._extract_tool_calls_streaming",
    "vllm.parser.abstract_parser:DelegatingParser.extract_tool_calls_streaming",
    "vllm.parser.abstract_parser:StreamState.advance",
    "vllm.parser.abstract_parser:StreamState.commit",
    "vllm.parser.metrics:record_tool_parser_invocation",
)


def server_step() -> int | None:
    """A checksum of the names in the code of a step of this vLLM; None where it has no such functions."""
    names: set[str] = set()
    for place in _STEP:
        module, _, path = place.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for name in path.split("."):
                found = getattr(found, name)
            names.update(f"{path}.{name}" for name in found.__code__.co_names)
        except (ImportError, AttributeError):
            return None
    return zlib.crc32(" ".join(sorted(names)).encode())


def step_counters(request: Any) -> tuple[Any, Any] | None:
    """What counts a step without a call and one with a call, as the server does; None where it does not count."""
    metrics: Any = importlib.import_module("vllm.parser.metrics")
    counter = metrics._tool_call_parser_invocations
    if counter is None:
        return None
    chat = offered("vllm.entrypoints.openai.chat_completion.protocol:ChatCompletionRequest")
    responses = offered("vllm.entrypoints.openai.responses.protocol:ResponsesRequest")
    kinds, outcomes = metrics.RequestType, metrics.ToolCallOutcome
    kind = kinds.OTHER
    if isinstance(request, chat):
        kind = kinds.CHAT_COMPLETIONS
    elif isinstance(request, responses):
        kind = kinds.RESPONSES
    labels = {"model_name": metrics._model_name, "mode": "streaming", "request_type": kind.value}
    without, with_call = (
        counter.labels(outcome=outcome.value, **labels).inc for outcome in (outcomes.NO_TOOL_CALL, outcomes.TOOL_CALL)
    )
    return without, with_call


class Composing(type):
    """The type of our halves: tells the class that is composed of them."""

    def __set_name__(cls, owner: Any, name: str) -> None:
        if name in ("reasoning_parser_cls", "tool_parser_cls"):
            if "parse" not in vars(owner) and hasattr(owner, "parse"):
                owner.parse = _parse(owner.parse)
            if name == "tool_parser_cls" and "parse_delta" not in vars(owner) and server_step() == SERVER_STEP:
                owner.parse_delta = _parse_delta(owner.parse_delta)


def _parse(inherited: Any) -> Any:
    def parse(self: Any, *args: Any, **kwargs: Any) -> Any:
        ids = kwargs.get("model_output_token_ids") or (args[3] if len(args) > 3 else ())
        half = self.tool_parser if self.reasoning_parser is None else self.reasoning_parser
        for one in (self.reasoning_parser, self.tool_parser):
            if isinstance(type(one), Composing):
                one.composed = True
        if not isinstance(type(half), Composing):
            return inherited(self, *args, **kwargs)
        half.output_ids = list(ids)
        try:
            return inherited(self, *args, **kwargs)
        finally:
            half.output_ids = []

    return parse


def _parse_delta(inherited: Any) -> Any:
    def parse_delta(
        self: Any,
        delta_text: str,
        delta_token_ids: list[int],
        request: Any,
        prompt_token_ids: list[int] | None = None,
        *,
        finished: bool,
    ) -> Any:
        half = self._tool_parser
        push = half.push
        if push is None or finished or not delta_token_ids:
            half.composed = True
            return inherited(self, delta_text, delta_token_ids, request, prompt_token_ids, finished=finished)
        half.last_id = delta_token_ids[-1]
        message = push(delta_token_ids)
        counters = half.counters
        if counters is not None:
            counters[message is not None and len(message.tool_calls) > 0]()
        return message

    return parse_delta
