"""mlx-lm 0.32: a tool parser by its protocol for modules, and a launcher that gives its server the whole parser.

This module is a tool parser as mlx-lm wants them: `tool_call_start`, `tool_call_end`, `parse_tool_call`. `register()`
puts it where mlx-lm looks for them, as "gemma4_rust", which a model asks for by `"tool_parser_type": "gemma4_rust"` in
its `tokenizer_config.json`, or in place of "gemma4". Such a parser sees the text between two markers, which the server
finds; it can read that better, but it sees no thoughts, and no markers inside strings.

`python -m gemma4_parser.integrations.mlx_lm …` is `mlx_lm.server …`, where each request with a model of Gemma 4 has a
`StreamParser` in place of the server's own text state machine. Its server sends a call whole, when it is over.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import gemma4_parser as g4
from gemma4_parser._impl import WHY
from gemma4_parser.integrations.delta import (
    Settings,
    note_call,
    note_unparsed,
    stream_options,
    tool_dicts,
    unparsed_text,
)
from gemma4_parser.integrations.others import log_to_stderr, plain

__all__ = ["Machine", "main", "parse_tool_call", "register", "take_over", "tool_call_end", "tool_call_start"]

NAME = "gemma4_rust"
BUILT_IN = "gemma4"
_PARSERS = "mlx_lm.tool_parsers"
_SERVER = "mlx_lm.server"
_LOGGER = logging.getLogger("gemma4_parser")

tool_call_start = "<|tool_call>"
tool_call_end = "<tool_call|>"

Segment = tuple[str, str]
"""A state of the server ("normal", "reasoning" or "tool") and text of it."""


class Slot(str):
    """Stands for a call among the server's texts of calls; `calls` holds it once it is accepted.

    At the end of generation there may be others in it: what seemed to be one call was none, and held more.
    """

    calls: list[g4.ToolCall]

    def __new__(cls) -> Slot:
        slot = super().__new__(cls, tool_call_start)
        slot.calls = []
        return slot

    # The server collects the text of a call piece by piece; of a rejected one something may be left.
    def __radd__(self, other: str) -> Slot:
        return self

    def __add__(self, other: str) -> Slot:
        return other if isinstance(other, Slot) else self


def parse_tool_call(text: str, tools: Iterable[Any] | None = None) -> dict[str, Any] | list[dict[str, Any]]:
    """The call, or the list of calls, in the text between the two markers: `name` and `arguments`, as values.

    The markers may still stand around it.
    Raises `ValueError` for text that is no call, and for one that was cut off: the server tells neither whether the
    close marker came, nor why generation ended, so the arguments must be complete as they stand.
    """
    if isinstance(text, Slot):
        if not text.calls:
            raise ValueError("the call was rejected")
        return _as_dicts(text.calls)
    options = stream_options(Settings(), tool_dicts(tools))
    opener = "" if text.lstrip().startswith(tool_call_start) else tool_call_start
    message = g4.parse(opener + text, parse_reasoning=False, finish="stop", **options)
    for call in message.tool_calls:
        note_call(call.status, (repair for repair in call.repairs if repair != "missing_close_marker"))
    if message.unparsed or not message.tool_calls:
        for span in message.unparsed:
            note_unparsed(span.reason, span.text, span.name)
        reason = message.unparsed[0].reason if message.unparsed else "not_a_call"
        raise ValueError(f"{reason}: {text[:200]!r}")
    return _as_dicts(message.tool_calls)


def _as_dicts(calls: Sequence[g4.ToolCall]) -> dict[str, Any] | list[dict[str, Any]]:
    found = [{"name": call.name, "arguments": plain(call.value())} for call in calls]
    return found[0] if len(found) == 1 else found


class Machine:
    """What the server takes its text state machine for: makes one `Request` for each request.

    `stop_words` are taken out of the text by mlx-lm's own machine, `words`, before the parser sees it.
    """

    def __init__(self, words: Any = None) -> None:
        self._words = words

    def make_state(self, initial: str = "normal") -> Request:
        """The state of a new request, which starts inside a thought if `initial` is "reasoning"."""
        return Request(initial, self._words)


class Request:
    """One output of the server, step by step. `name` is the current state."""

    def __init__(self, initial: str, words: Any = None) -> None:
        chosen = Settings.from_environment()
        self._stream = g4.StreamParser(
            start="reasoning" if initial == "reasoning" else "content",
            **stream_options(chosen, getattr(initial, "tools", [])),
        )
        self._words = words
        self._state = words.make_state("normal") if words is not None else None
        self._hand_over = chosen.unparsed
        self._said = False
        self._slot: Slot | None = None
        self._last: Slot | None = None  # the one that the server has at a stop, when it takes no other
        self._call: list[g4.Event] = []
        self._span: list[g4.Event] = []  # a raw span that goes on, behind the rejected call it is of
        self.name = str(initial)

    def split(self, text: str) -> list[Segment]:
        """The segments that a further text brings, at least one; the last one's state is the current one."""
        if self._words is not None:
            self._state, parts = self._words.split(self._state, text)
            text = "".join(part for _, part in parts)
        return self._segments(self._stream.push_text(text))

    def flush(self) -> str:
        """The text that is left when generation was cut, of the state `name`."""
        rest = ""
        if self._words is not None:
            self._state, rest, _ = self._words.flush(self._state)
        segments = self._segments(self._stream.push_text(rest) + self._stream.finish("length"))
        self.name = "normal" if any(state == "normal" and text for state, text in segments) else "reasoning"
        return "".join(text for state, text in segments if state == self.name)

    def discard(self) -> str:
        """Ends an output that stopped by itself; the server takes no more text then. Returns the current state."""
        slot = self._last = self._slot
        segments = self._segments(self._stream.finish("stop"))
        for state, text in segments:
            if state != "tool" and text and not text.isspace():
                _LOGGER.warning("Gemma 4 output: the server takes no text at a stop; %s left: %r", state, text[:200])
        return "tool" if slot is not None and slot.calls else self.name

    def _segments(self, events: list[g4.Event]) -> list[Segment]:
        found: list[Segment] = []
        for event in events:
            if event.kind != "unparsed":
                found += self._end_span()
            match event.kind:
                case "reasoning":
                    found.append(("reasoning", event.text))
                case "content":
                    found.append(("normal", event.text))
                    self._said = self._said or not event.text.isspace()
                case "call_start":
                    self._call = [event]
                    self._slot = Slot()
                    found.append(("tool", self._slot))
                case "call_arguments":
                    self._call.append(event)
                case "call_end":
                    found.append(self._end_call(event))
                case "unparsed":
                    self._span.append(event)
        if found:
            self.name = found[-1][0]
        return found or [(self.name, "")]

    def _end_call(self, event: g4.Event) -> Segment:
        slot, self._slot = self._slot, None
        name, *fragments = (piece.text for piece in self._call)
        note_call(event.text, event.detail if event.text != "rejected" else ())
        if event.text == "rejected" or slot is None:
            self._span = [*self._call, event]
            return "reasoning", ""  # the only way out of a call on which the server does not take it for one
        (self._last or slot).calls.append(g4.ToolCall(name, "".join(fragments), event.text, event.detail))
        self._said = True
        return "normal", ""

    def _end_span(self) -> list[Segment]:
        if not any(event.kind == "unparsed" for event in self._span):
            return []
        spans = g4.Message.from_events(self._span).unparsed
        self._span = []
        for span in spans:
            note_unparsed(span.reason, span.text, span.name)
        text = unparsed_text(g4.Message(unparsed=spans))
        # The end is too late to tell whether all else is empty: the server takes no text then.
        if not text or self._hand_over == "never" or (self._hand_over == "empty" and self._said):
            return []
        return [("normal", text)]


class _Initial(str):
    """The state of the server at the start, with the tools of the request, which the machine is not told."""

    tools: list[dict[str, Any]]


def register(*, replace: bool = False) -> tuple[str, ...]:
    """Puts this module among mlx-lm's tool parsers as "gemma4_rust", and as "gemma4" to `replace` the built-in one.

    Again is harmless. Returns the names, none where mlx-lm is not installed.
    """
    if find_spec("mlx_lm") is None:
        return ()
    package, module = import_module(_PARSERS), sys.modules[__name__]
    names = (NAME, BUILT_IN) if replace else (NAME,)
    for name in names:
        sys.modules[f"{_PARSERS}.{name}"] = module
        setattr(package, name, module)
    place = f"{NAME} and in place of the built-in {BUILT_IN}" if replace else NAME
    _LOGGER.info("gemma4-parser %s (%s: %s) is registered as %s", g4.__version__, g4.__implementation__, WHY, place)
    return names


def take_over() -> bool:
    """Makes the server of this process use a `Machine` for models of Gemma 4, and `register`s for all names.

    Again is harmless. Returns False where mlx-lm is not installed.
    """
    if not register(replace=True):
        return False
    server: Any = import_module(_SERVER)
    if not hasattr(server.TextStateMachine, _MARK):
        theirs = server.TextStateMachine
        server.TextStateMachine = _machine_of_both(theirs)
        server.make_text_state_machine = _choice(server.make_text_state_machine, theirs)
        server.ResponseGenerator._tokenize = _with_tools(server.ResponseGenerator._tokenize)
    return True


_MARK = "_gemma4_parser"


def _machine_of_both(theirs: Any) -> Any:
    """mlx-lm's class, whose functions the server calls with the state, for states of ours as well."""

    def split(state: Any, text: str) -> Any:
        return (state, state.split(text)) if isinstance(state, Request) else theirs.split(state, text)

    def flush(state: Any) -> Any:
        if isinstance(state, Request):
            text = state.flush()
            return state, text, state.name
        return theirs.flush(state)

    def discard(state: Any) -> Any:
        return (state, state.discard()) if isinstance(state, Request) else theirs.discard(state)

    functions = {function.__name__: staticmethod(function) for function in (split, flush, discard)}
    return type(theirs.__name__, (theirs,), functions | {_MARK: True})


def _choice(theirs: Callable[..., Any], machine: Any) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def make_text_state_machine(tokenizer: Any, stop_words: Any = None) -> Any:
        if tokenizer.tool_call_start != tool_call_start and tokenizer.think_end != "<channel|>":
            return theirs(tokenizer, stop_words)
        return Machine(machine({"normal": [(word, "normal") for word in stop_words]}) if stop_words else None)

    return make_text_state_machine


def _with_tools(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def _tokenize(self: Any, tokenizer: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        prompt, segments, types, state, *rest = theirs(self, tokenizer, request, *args, **kwargs)
        initial = _Initial(state)
        initial.tools = tool_dicts(getattr(request, "tools", None))
        return (prompt, segments, types, initial, *rest)

    return _tokenize


def main() -> None:
    """The command `mlx_lm.server` with this parser for Gemma 4."""
    with log_to_stderr():
        if not take_over():
            sys.exit("mlx-lm is not installed")
    import_module(_SERVER).main()


if __name__ == "__main__":
    # The module that the server knows must be the one with the classes, not this copy of it.
    import_module("gemma4_parser.integrations.mlx_lm").main()
