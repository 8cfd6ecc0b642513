"""What changed in one step, in the terms of OpenAI's deltas: the part of every integration that knows no server.

A `DeltaStream` wraps one `StreamParser`. Each step gives a `Delta` (or None where there is nothing to say) and keeps
`calls`, the calls so far. Three chunk styles: `standard` (id and name on the first piece of a call), `repeat_ids` (on
every piece, for clients that refuse others) and `whole_calls` (each call in one piece, when it is accepted).

What could not be parsed is logged with its reason and counted (`counters.COUNTERS`). Where it would otherwise leave the
response empty, it is handed over as content: the policy `unparsed` is `empty` (default), `always` or `never`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

from gemma4_parser import StreamParser, Vocabulary
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.profiles import DEFAULT, Profile, Rewriter, profile
from gemma4_parser.message import EventLike, Message, ToolCall, Unparsed, new_call_id

__all__ = [
    "Call",
    "CallPiece",
    "Delta",
    "DeltaStream",
    "MessageStream",
    "Settings",
    "as_written",
    "known_ids",
    "rewrite",
    "tool_dicts",
    "unparsed_text",
    "without_ends",
]

Style = Literal["standard", "repeat_ids", "whole_calls"]
HandOver = Literal["empty", "always", "never"]
Start = Literal["content", "reasoning"]
Finish = Literal["stop", "length", "abort"]
M = TypeVar("M")

LOGGER = logging.getLogger("gemma4_parser")
LOGGED = 200
"""Characters of an unparsed span that a log line shows."""


class CallPiece(NamedTuple):
    """The next piece of a call: `id` and `name` on the first one, or always (`repeat_ids`); `index` counts from 0."""

    index: int  # type: ignore[assignment]  # not the method of tuples
    id: str | None
    name: str | None
    arguments: str


class Delta:
    """What one step brought; at least one field is not None, or `calls` not empty."""

    __slots__ = ("calls", "content", "reasoning")

    def __init__(
        self, reasoning: str | None = None, content: str | None = None, calls: list[CallPiece] | None = None
    ) -> None:
        self.reasoning = reasoning
        self.content = content
        self.calls: list[CallPiece] = calls or []

    def __repr__(self) -> str:
        return f"Delta({self.reasoning!r}, {self.content!r}, {self.calls!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delta):
            return NotImplemented
        return (self.reasoning, self.content, self.calls) == (other.reasoning, other.content, other.calls)

    __hash__ = None  # type: ignore[assignment]


class Call:
    """A call of the output. `status` is empty while it is open, then `complete`, `repaired` or `rejected`.

    `index` is its number in the deltas, -1 while it has none (`whole_calls`).
    """

    __slots__ = ("id", "index", "name", "pieces", "rewriter", "status")

    def __init__(self, index: int, call_id: str, name: str) -> None:
        self.index = index
        self.id = call_id
        self.name = name
        self.status = ""
        self.rewriter: Rewriter | None = None
        self.pieces: list[str] = []

    @property
    def arguments(self) -> str:
        """The JSON text sent so far."""
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    @property
    def held(self) -> str:
        """What of the arguments the profile still holds, as it came."""
        return self.rewriter.held() if self.rewriter is not None else ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How deltas are made: `profile` (see `profiles`), `style`, `unparsed`, and the options of `StreamParser`."""

    profile: Profile = DEFAULT
    style: Style = "standard"
    unparsed: HandOver = "empty"
    lenient: bool = True
    coerce: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that `GEMMA4_PARSER_PROFILE`, `_CHUNKS` and `_UNPARSED` ask for.

        Raises `ValueError` that names the variable and what it may be.
        """
        return cls(
            profile=profile(environment.get("GEMMA4_PARSER_PROFILE") or "default"),
            style=_one_of(environment, "GEMMA4_PARSER_CHUNKS", get_args(Style)),
            unparsed=_one_of(environment, "GEMMA4_PARSER_UNPARSED", get_args(HandOver)),
        )


def _one_of(environment: Mapping[str, str], variable: str, words: tuple[Any, ...]) -> Any:
    value = environment.get(variable) or words[0]
    if value not in words:
        raise ValueError(f"{variable} must be one of {', '.join(words)}, not {value!r}")
    return value


def tool_dicts(tools: Iterable[Any] | None) -> list[dict[str, Any]]:
    """The tools of a request as dicts: those that are models (with `model_dump`) are dumped."""
    return [tool if isinstance(tool, dict) else tool.model_dump() for tool in tools or ()]


def _names_only(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools without their schemas: names decide about repairs, and nothing about types."""
    functions = (tool.get("function", tool) for tool in tools)
    names = (function.get("name") for function in functions if isinstance(function, dict))
    return [{"type": "function", "function": {"name": name}} for name in names if isinstance(name, str)]


def stream_options(settings: Settings, tools: list[dict[str, Any]]) -> dict[str, Any]:
    """The options of `StreamParser` and `parse` under these settings."""
    seen = _chat_form(tools) if settings.profile.schemas else _names_only(tools)
    return {
        "tools": seen or None,
        "lenient": settings.lenient,
        "coerce": settings.coerce,
        "spaced": settings.profile.spaced,
    }


def _chat_form(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools of the Responses API, which have name and parameters outside, as those of Chat Completions."""
    return [
        tool if "function" in tool or "name" not in tool else {"type": "function", "function": tool} for tool in tools
    ]


def rewrite(call: ToolCall, settings: Settings, tools: list[dict[str, Any]]) -> str:
    """The arguments of an accepted call as the profile writes them."""
    make = settings.profile.rewriter
    if make is None:
        return call.arguments
    rewriter = make(call.name, tools)
    return rewriter.push(call.arguments) + rewriter.finish()


def unparsed_text(message: Message) -> str:
    """What of a message could not be parsed, in order, as text that can stand for content; stray markers left out."""
    return "".join(_span_text(span) for span in message.unparsed if span.reason != "stray_marker")


_WRITTEN = re.compile(
    r"<\|tool_call>.*?(?=<\|tool_call>|<\|channel>|<channel\|>|<\|tool_response>|<turn\|>|<\|turn>|<eos>|\Z)", re.DOTALL
)


def as_written(output: str) -> str:
    """The calls of a whole output as the model wrote them, each up to its close marker, or to the next marker.

    Thoughts, texts and what ends the turn are left out. Empty where no call is opened by its marker.
    """
    calls = []
    for found in _WRITTEN.findall(output):
        call, closed, _ = found.rpartition("<tool_call|>")
        calls.append(call + closed if closed else without_ends(found, ("<pad>",)))
    return "".join(calls)


def without_ends(text: str, markers: tuple[str, ...]) -> str:
    """The text without these markers at its end, and without the blanks before and behind them."""
    end = len(text)
    while True:
        while end > 0 and text[end - 1].isspace():
            end -= 1
        found = next((marker for marker in markers if text.endswith(marker, 0, end)), "")
        if not found:
            return text[:end]
        end -= len(found)


def _span_text(span: Unparsed) -> str:
    sent = f"<|tool_call>call:{span.name}{span.arguments}" if span.name is not None else ""
    return sent + span.text


def note_unparsed(reason: str, text: str, name: str | None = None) -> None:
    """Logs and counts one span. Stray markers are common and harmless; they are logged for debugging only."""
    COUNTERS.add("unparsed", reason)
    level = logging.DEBUG if reason == "stray_marker" else logging.WARNING
    if LOGGER.isEnabledFor(level):
        shown = text if len(text) <= LOGGED else text[:LOGGED] + "…"
        of = f" of a call of {name!r}" if name is not None else ""
        LOGGER.log(level, "Gemma 4 output: %s%s, %d characters: %r", reason, of, len(text), shown)


def note_call(status: str, repairs: Iterable[str]) -> None:
    """Counts an ended call."""
    COUNTERS.add("call", status)
    for repair in repairs:
        COUNTERS.add("repair", repair)


def note_suppressed(name: str) -> None:
    """Logs and counts an accepted call that is not sent."""
    COUNTERS.add("call", "suppressed")
    LOGGER.warning("Gemma 4 output: a call of %r where no tool may be called; it is dropped", name)


def known_ids(vocabulary: Vocabulary, ids: Iterable[int]) -> list[int]:
    """The ids that the vocabulary has; that there were others is noted.

    A model may have more rows than its tokenizer has tokens, and give such an id. Detokenisers make nothing of it.
    """
    given = list(ids)
    with suppress(ValueError):
        vocabulary.decode(given)
        return given
    known: list[int] = []
    errors: list[ValueError] = []
    for number in given:
        try:
            vocabulary.decode(number)
        except ValueError as error:
            errors.append(error)
        else:
            known.append(number)
    if errors:
        COUNTERS.add("unparsed", "unknown_id")
        LOGGER.warning("Gemma 4: %s; ids left out: %d", errors[0], len(errors))
    return known


class _Late:
    """Reads what comes behind the end of its stream: there are no events, and it is noted once."""

    def __init__(self) -> None:
        self._noted = False

    def __call__(self, output: Any) -> list[Any]:
        if not self._noted and (not hasattr(output, "__len__") or len(output) > 0):
            self._noted = True
            note_unparsed("after_turn_end", "output behind the end of its stream")
        return []


class MessageStream(Generic[M]):
    """One output, step by step, told in messages of the host: `message` makes one of reasoning, content and pieces.

    Args:
        vocabulary: Needed where ids are fed.
        tools: The request's tools, as dicts.
        start: "reasoning" where the prompt ends within a thought.
        parse_reasoning: Off: channel markers are text.
        settings: Profile, chunk style, what becomes of unparsed text.
        new_id: Makes the id of a call.
        calls: Off: calls are parsed and counted, but nothing of them is sent (`tool_choice` none).
    """

    message: Callable[[str | None, str | None, list[CallPiece]], M]

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        *,
        tools: list[dict[str, Any]] | None = None,
        start: Start = "content",
        parse_reasoning: bool = True,
        settings: Settings | None = None,
        new_id: Callable[[], str] = new_call_id,
        calls: bool = True,
    ) -> None:
        self.settings = settings or Settings()
        self.tools = tools or []
        self._vocabulary = vocabulary
        self.stream = StreamParser(
            vocabulary,
            start=start if parse_reasoning else "content",
            parse_reasoning=parse_reasoning,
            **stream_options(self.settings, self.tools),
        )
        self.read: Callable[[Any], list[Any]] = self.stream.push
        """The events of a step's token ids, for `say` or `finish`; after `finish` none. Raises as its `push`."""
        self.read_text: Callable[[str], list[Any]] = self.stream.push_text
        """The events of a step's text."""
        self.calls: list[Call] = []
        self.finished = False
        self._new_id = new_id
        self._send_calls = calls
        self._whole = self.settings.style == "whole_calls"
        self._repeat = self.settings.style == "repeat_ids"
        self._by_number: dict[int, Call] = {}
        self._plain: Call | None = None
        self._said = False
        self._left: list[str] = []
        self._span: tuple[int | None, str] | None = None

    def fragment(self, index: int, text: str) -> M:
        """The message of a step that brings more of the arguments of one call and nothing else."""
        return self.message(None, None, [CallPiece(index, None, None, text)])

    def text(self, field: str, text: str) -> M:
        """The message of a step that brings text for one field and nothing else: `content` or `reasoning`."""
        return self.message(None, text, []) if field == "content" else self.message(text, None, [])

    @property
    def ended(self) -> bool:
        """Whether an end marker was seen."""
        return self.stream.ended

    def push(self, ids: Any) -> M | None:
        """The message of the step's token ids; None where there is nothing to say, as after `finish`.

        Ids that the vocabulary does not have are left out, and noted. Raises `TypeError` for what is no ids.
        """
        return self.say(self.take(ids))

    def take(self, ids: Any) -> list[Any]:
        """The events of a step's token ids, as `push` reads them."""
        try:
            return self.read(ids)
        except ValueError:
            if self._vocabulary is None:
                raise
            return self.read(known_ids(self._vocabulary, ids if hasattr(ids, "__len__") else [ids]))

    def push_text(self, text: str) -> M | None:
        """The message of the step's text, special tokens kept."""
        return self.say(self.read_text(text))

    def finish(self, reason: Finish, before: Iterable[Any] = ()) -> M | None:
        """Ends the stream, once; a second time is nothing. If all else is empty, what was unparsed is content now.

        `before` are the events of the last step, where these are to be said with it.
        """
        if self.finished:
            return None
        self.finished = True
        self.read = self.read_text = _Late()
        reasoning, content, pieces = self._fold([*before, *self.stream.finish(reason)])
        if self._left and not self._said and self.settings.unparsed == "empty":
            COUNTERS.add("handed_over", "empty")
            content += "".join(self._left)
        return self._message(reasoning, content, pieces)

    def say(self, events: Sequence[Any]) -> M | None:
        """The message of the events of one step. Nearly all steps have one event: those are told without a fold."""
        if len(events) != 1:
            return self._message(*self._fold(events)) if events else None
        event = events[0]
        kind = event.kind
        if kind == "call_arguments":
            call = self._plain
            if call is not None:
                self._span = None
                text = event.text
                call.pieces.append(text)
                return self.fragment(call.index, text)
        elif kind == "content" or kind == "reasoning":
            self._span = None
            text = event.text
            if not self._said and kind == "content":
                self._said = not text.isspace()
            return self.text(kind, text)
        return self._message(*self._fold(events))

    def _message(self, reasoning: str, content: str, pieces: dict[int, CallPiece]) -> M | None:
        if not (reasoning or content or pieces):
            return None
        return self.message(reasoning or None, content or None, list(pieces.values()))

    def _fold(self, events: Iterable[Any]) -> tuple[str, str, dict[int, CallPiece]]:
        """Reasoning, content and the pieces of calls of one step."""
        reasoning = content = ""
        pieces: dict[int, CallPiece] = {}
        for event in events:
            kind = event.kind
            if kind == "unparsed":
                content += self._unparsed(event)
                continue
            self._span = None
            if kind == "content":
                content += event.text
            elif kind == "reasoning":
                reasoning += event.text
            elif kind != "end":
                content += self._call(event, pieces)
        if content and not self._said:
            self._said = not content.isspace()
        return reasoning, content, pieces

    def _call(self, event: EventLike, pieces: dict[int, CallPiece]) -> str:
        """Adds to the pieces; gives what of a call that is not sent is content now."""
        number = event.index if event.index is not None else -1
        if event.kind == "call_start":
            self._start(number, event.text, pieces)
            return ""
        call = self._by_number[number]
        if event.kind == "call_arguments":
            fragment = event.text if call.rewriter is None else call.rewriter.push(event.text)
            call.pieces.append(fragment)
            if fragment and call.index >= 0:
                self._piece(call, fragment, pieces)
            return ""
        self._plain = None
        status = event.text
        call.status = status
        note_call(status, event.detail if status != "rejected" else ())
        if status == "rejected":
            return ""
        if not self._send_calls:
            note_suppressed(call.name)
            text = f"<|tool_call>call:{call.name}{call.arguments}{call.held}<tool_call|>"
            if self.settings.unparsed == "always":
                COUNTERS.add("handed_over", "suppressed")
                return text
            self._left.append(text)
            return ""
        rest = call.rewriter.finish() if call.rewriter is not None else ""
        call.pieces.append(rest)
        self._said = True
        if self._whole:
            call.index = len(self.calls)
            self.calls.append(call)
            pieces[call.index] = CallPiece(call.index, call.id, call.name, call.arguments)
        elif rest:
            self._piece(call, rest, pieces)
        return ""

    def _start(self, number: int, name: str, pieces: dict[int, CallPiece]) -> None:
        shown = self._send_calls and not self._whole
        call = Call(len(self.calls) if shown else -1, self._new_id(), name)
        self._by_number = {number: call}  # at most one is open
        make = self.settings.profile.rewriter
        if make is not None:
            call.rewriter = make(name, self.tools)
        if shown:
            self.calls.append(call)
            pieces[call.index] = CallPiece(call.index, call.id, name, "")
        self._plain = call if shown and make is None and not self._repeat else None

    def _piece(self, call: Call, fragment: str, pieces: dict[int, CallPiece]) -> None:
        before = pieces.get(call.index)
        if before is not None:
            pieces[call.index] = before._replace(arguments=before.arguments + fragment)
        elif self._repeat:
            pieces[call.index] = CallPiece(call.index, call.id, call.name, fragment)
        else:
            pieces[call.index] = CallPiece(call.index, None, None, fragment)

    def _unparsed(self, event: EventLike) -> str:
        """Notes a span; what of it is content now."""
        reason = event.detail[0] if event.detail else ""
        call = self._by_number.get(event.index) if event.index is not None else None
        if self._span != (event.index, reason):  # spans come in pieces
            self._span = (event.index, reason)
            note_unparsed(reason, event.text, call.name if call is not None else None)
        if reason == "stray_marker" or self.settings.unparsed == "never":
            return ""
        text = event.text
        if call is not None:
            text = call.held + text
            if call.index < 0:  # nothing of it was sent
                text = f"<|tool_call>call:{call.name}{call.arguments}{text}"
            else:
                self._said = True
            del self._by_number[event.index or 0]
        if self.settings.unparsed == "always":
            COUNTERS.add("handed_over", reason)
            return text
        self._left.append(text)
        return ""


class DeltaStream(MessageStream[Delta]):
    """One output, step by step, in the terms of this module."""

    message = Delta
