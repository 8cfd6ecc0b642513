"""For servers and libraries in which nothing asks for a parser: what wraps a stream of ids or texts.

    for choice in to_openai_deltas(steps, vocabulary, tools=tools, finish=lambda: reason):
        send({**chunk, "choices": [choice]})

Steps are ids (an int, a list, an array: exact, with a vocabulary) or texts with special tokens kept. Which of both a
server gives, and where it tells why generation ended, is its own matter; README.md shows some.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from gemma4_parser import Vocabulary
from gemma4_parser.integrations.delta import LOGGER, Delta, DeltaStream, Finish, Settings, Start, tool_dicts

__all__ = ["OpenAIChoice", "async_to_openai_deltas", "log_to_stderr", "plain", "to_openai_deltas"]


class OpenAIChoice:
    """One choice of a streamed chat completion: each step gives the dict of a chunk's choice, or None.

    The options are those of `DeltaStream`; without `settings`, those that the environment asks for. Tools are dicts of
    the Chat Completions or the Responses API, or models of these.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        *,
        tools: Iterable[Any] | None = None,
        start: Start = "content",
        settings: Settings | None = None,
        index: int = 0,
    ) -> None:
        chosen = settings or Settings.from_environment()
        self.stream = DeltaStream(vocabulary, tools=tool_dicts(tools), start=start, settings=chosen)
        self._index = index
        self._role = True

    def push(self, step: Any) -> dict[str, Any] | None:
        """The choice of a step. Raises as `StreamParser.push` and `push_text` do, for wrong use."""
        delta = self.stream.push_text(step) if isinstance(step, str) else self.stream.push(step)
        return None if delta is None else self._choice(delta)

    def finish(self, reason: Finish) -> dict[str, Any]:
        """The last choice, with the finish reason: "length" where generation was cut, "tool_calls", or "stop"."""
        delta = self.stream.finish(reason) or Delta()
        calls = any(call.status in ("complete", "repaired") for call in self.stream.calls)
        cut = reason != "stop" and not self.stream.ended
        return self._choice(delta, "length" if cut else "tool_calls" if calls else "stop")

    def _choice(self, delta: Delta, finish_reason: str | None = None) -> dict[str, Any]:
        said: dict[str, Any] = {"role": "assistant"} if self._role else {}
        self._role = False
        if delta.reasoning is not None:
            said["reasoning"] = delta.reasoning
        if delta.content is not None:
            said["content"] = delta.content
        if delta.calls:
            said["tool_calls"] = [_call(*piece) for piece in delta.calls]
        return {"index": self._index, "delta": said, "finish_reason": finish_reason}


def _call(index: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    if call_id is None:
        return {"index": index, "function": {"arguments": arguments}}
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": call_id, "type": "function", "function": function}


def to_openai_deltas(
    steps: Iterable[Any],
    vocabulary: Vocabulary | None = None,
    *,
    finish: Finish | Callable[[], Finish] = "length",
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """The choices of the chunks of a streamed chat completion, from the steps of an output as they come.

    `finish` is why the steps ended, or is asked when they have. Its default never lets a call run that was not closed;
    say "stop" only where that is known. An end marker in the output ends it, and the steps are not asked for more. The
    options are those of `OpenAIChoice`.
    """
    choice = OpenAIChoice(vocabulary, **options)
    for step in steps:
        if (made := choice.push(step)) is not None:
            yield made
        if choice.stream.ended:
            break
    yield choice.finish(_reason(finish))


async def async_to_openai_deltas(
    steps: AsyncIterable[Any],
    vocabulary: Vocabulary | None = None,
    *,
    finish: Finish | Callable[[], Finish] = "length",
    **options: Any,
) -> AsyncIterator[dict[str, Any]]:
    """The same for steps that are awaited."""
    choice = OpenAIChoice(vocabulary, **options)
    async for step in steps:
        if (made := choice.push(step)) is not None:
            yield made
        if choice.stream.ended:
            break
    yield choice.finish(_reason(finish))


def _reason(finish: Finish | Callable[[], Finish]) -> Finish:
    return finish() if callable(finish) else finish


def plain(value: Any) -> Any:
    """The value with what `json.dumps` cannot write, a `Decimal`, as the text of its number."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    return [plain(member) for member in value] if isinstance(value, list) else value


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Shows what this package logs, for commands that run a server, before that sets up its own logging."""
    handler, level = logging.StreamHandler(), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
