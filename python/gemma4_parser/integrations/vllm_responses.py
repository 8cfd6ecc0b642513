"""The Responses endpoint of vLLM, where it is told other things than the chat endpoint.

Its stream is a row of items, and it makes them of a message in one order: reasoning, content, calls by their number.
(0.22 takes the first of these alone.) If a step ends the arguments of a call and goes on with text, that order would
close the call before its arguments are complete, and the stream would break. So a message holds what comes in that
order; what comes behind it is told with the next steps. (In 0.22, what is left at the end is in the final response,
which is read of the whole output.)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from gemma4_parser.integrations.delta import LOGGER, CallPiece, Finish, Settings, rewrite, tool_dicts
from gemma4_parser.integrations.vllm_messages import TWO_HALVES, VllmStream, offered, pieces_message
from gemma4_parser.message import Message

__all__ = ["ResponsesStream", "forced_content", "is_responses"]

REASONING, CONTENT, CALLS = 1, 2, 3
"""The order of things in a message; a call has its number added."""


try:
    _REQUEST: Any = offered("vllm.entrypoints.openai.responses.protocol:ResponsesRequest")
except ImportError:
    _REQUEST = None


def is_responses(request: Any) -> bool:
    """Whether a request is one of the Responses API."""
    return _REQUEST is not None and isinstance(request, _REQUEST)


class ResponsesStream(VllmStream):
    """One output, step by step, in messages that the Responses endpoint can tell in order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: list[tuple[int, str | CallPiece]] = []
        self._told = 0
        """The order of the last thing of this step's message; the server joins the message of the end with it."""
        self._begun: set[int] = set()
        """The calls that messages of earlier steps have begun."""
        self._now: set[int] = set()
        """The calls of this step's message."""

    def say(self, events: Sequence[Any]) -> Any:
        self._step()
        return super().say(events) if events else self._next()

    def finish(self, reason: Finish, before: Iterable[Any] = ()) -> Any:
        if not TWO_HALVES:  # the end has no message of its own
            self._step()
        return super().finish(reason, before)

    def _step(self) -> None:
        self._told = 0
        self._begun |= self._now
        self._now = set()

    def text(self, field: str, text: str) -> Any:
        self._wait(REASONING if field == "reasoning" else CONTENT, text)
        return self._next()

    def fragment(self, index: int, text: str) -> Any:
        self._wait(CALLS + index, CallPiece(index, None, None, text))
        return self._next()

    def _fold(self, events: Iterable[Any]) -> tuple[str, str, dict[int, CallPiece]]:
        """In the order of the events, so one by one."""
        for event in events:
            self._put(*super()._fold((event,)))
        return "", "", {}

    def _message(self, reasoning: str, content: str, pieces: dict[int, CallPiece]) -> Any:
        self._put(reasoning, content, pieces)
        return self._next()

    def _put(self, reasoning: str, content: str, pieces: dict[int, CallPiece]) -> None:
        if reasoning:
            self._wait(REASONING, reasoning)
        if content:
            self._wait(CONTENT, content)
        for piece in pieces.values():
            self._wait(CALLS + piece.index, piece)

    def _wait(self, order: int, thing: str | CallPiece) -> None:
        """Puts a thing behind what waits, as one with it where it goes on with it."""
        if self._waiting and self._waiting[-1][0] == order:
            before = self._waiting.pop()[1]
            if isinstance(before, CallPiece):
                assert isinstance(thing, CallPiece)
                thing = before._replace(arguments=before.arguments + thing.arguments)
            else:
                thing = before + str(thing)
        self._waiting.append((order, thing))

    def _next(self) -> Any:
        """The message of what can be told now."""
        if self.finished and TWO_HALVES:
            return self._last()
        texts: dict[int, str] = {}
        pieces: list[CallPiece] = []
        while self._waiting:
            order, thing = self._waiting[0]
            if order < self._told or (self._told and not TWO_HALVES):
                break
            self._told = order
            del self._waiting[0]
            if isinstance(thing, CallPiece):
                pieces.append(thing)
                self._now.add(thing.index)
            else:
                texts[order] = thing
        return self._of(texts, pieces)

    def _last(self) -> Any:
        """The message of the end, with all that waits: text that comes behind a call of this step comes before it.

        That cannot be where the step goes on with a call of an earlier one: such text is dropped.
        """
        texts: dict[int, str] = {}
        pieces: dict[int, CallPiece] = {}
        waiting = {thing.index for _, thing in self._waiting if isinstance(thing, CallPiece)}
        goes_on = not self._begun.isdisjoint(self._now | waiting)
        for order, thing in self._waiting:
            if isinstance(thing, CallPiece):
                before = pieces.get(thing.index)
                arguments = thing.arguments if before is None else before.arguments + thing.arguments
                pieces[thing.index] = (before or thing)._replace(arguments=arguments)
            elif goes_on:
                LOGGER.warning("Gemma 4 output: %d characters behind a call are not told: %r", len(thing), thing[:200])
            else:
                texts[order] = texts.get(order, "") + thing
        self._waiting = []
        return self._of(texts, list(pieces.values()))

    def _of(self, texts: dict[int, str], pieces: list[CallPiece]) -> Any:
        return pieces_message(texts.get(REASONING), texts.get(CONTENT), pieces) if texts or pieces else None


def forced_content(message: Message, request: Any, settings: Settings) -> str | None:
    """The content that the Responses endpoint of 0.22 takes for forced calls: it asks no tool parser.

    It reads a JSON list of calls where one is required, and takes the content for the arguments of a named one.
    """
    tools = tool_dicts(request.tools)
    calls = [(call.name, rewrite(call, settings, tools)) for call in message.tool_calls]
    if request.tool_choice == "required":
        listed = (f'{{"name":{json.dumps(name)},"parameters":{arguments}}}' for name, arguments in calls)
        return f"[{','.join(listed)}]"
    return next((arguments for name, arguments in calls if name == request.tool_choice.name), None)
