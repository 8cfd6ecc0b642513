"""The parsers that vLLM drives: a reasoning half and a tool half, made for the vLLM that is installed.

vLLM composes its parser of two registered classes and calls one, then the other. Here the tool half does all the work:
the reasoning half hands the output over at its first step, together with what it knows of the prompt, through the list
of ids that vLLM carries from one to the other. Where no tool half of ours stands beside it, it reads thoughts and text
itself, up to the first call.

Which vLLM it is, is looked up in what it offers; versions are not compared:

- `engine_based_streaming` (the two-half protocol of 0.33) or not (that of 0.22),
- where its message classes and its maker of call ids live,
- `ParserEngineReasoningAdapter`, which structured output asks for more about the end of reasoning.
"""

from __future__ import annotations

import logging
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gemma4_parser import __version__, parse
from gemma4_parser._impl import WHY, __implementation__
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.delta import (
    LOGGER,
    Settings,
    Start,
    as_written,
    known_ids,
    note_call,
    note_suppressed,
    note_unparsed,
    rewrite,
    stream_options,
    tool_dicts,
    unparsed_text,
)
from gemma4_parser.integrations.pacing import Pacer
from gemma4_parser.integrations.vllm_composed import Composing, step_counters
from gemma4_parser.integrations.vllm_messages import (
    TWO_HALVES,
    ExtractedToolCallInformation,
    FunctionCall,
    ReasoningParser,
    ToolCall,
    ToolParser,
    VllmStream,
    delta_message,
    make_tool_call_id,
    offered,
)
from gemma4_parser.integrations.vllm_responses import ResponsesStream, forced_content, is_responses
from gemma4_parser.integrations.vllm_tokenizer import (
    CHANNEL,
    CHANNEL_END,
    CLOSE,
    OPENER,
    TOOL_RESPONSE,
    TURN,
    control_of,
    pacer_of,
    stops_of,
    vocabulary_of,
)
from gemma4_parser.message import Message

__all__ = ["Gemma4ReasoningParser", "Gemma4ToolParser"]


SETTINGS = Settings.from_environment()
WORDS = ("auto", "none", None)
"""Choices of tools that force no call."""


class _Ids(list[int]):
    """The ids of the step in which the reasoning half hands over, with the half that does."""

    __slots__ = ("half",)

    def __init__(self, ids: Iterable[int], half: _Reasoning) -> None:
        super().__init__(ids)
        self.half = half


class _Remainder(str):
    """What of a whole output is left when the thoughts are taken out, with the message that was read of all of it.

    `output` is None where the text is the content already.
    """

    __slots__ = ("message", "output")
    message: Message
    output: str | None

    def __new__(cls, text: str, message: Message, output: str | None) -> _Remainder:
        made = super().__new__(cls, text)
        made.message = message
        made.output = output
        return made


_LATEST = threading.local()
"""The reasoning half made last in a thread. vLLM makes the two halves of a parser one directly after the other."""


class _Half:
    """What both halves share."""

    settings = SETTINGS
    output_ids: list[int]
    composed = False
    """Whether the server's own path drives it: set by `vllm_composed`, and where the halves find each other."""

    def _tools(self, request: Any) -> list[dict[str, Any]]:
        """The tools of the request, else those of the constructor."""
        return tool_dicts(getattr(request, "tools", None) or getattr(self, "tools", None))

    def _bans_calls(self, request: Any) -> bool:
        """Whether no call may be given.

        A request without tools has the choice `none` too, by default. Then the server drops calls, which are better
        handed over as text; who asks a parser directly wants them, as vLLM's own parser gives them.
        """
        banned = getattr(request, "tool_choice", None) == "none"
        return banned and (self.composed or bool(getattr(request, "tools", None)))

    def _whole(self, text: str, request: Any, start: Start, parse_reasoning: bool) -> Message:
        """Reads a whole output: its ids where the server gives them, as far as its text goes if that may be cut."""
        half: Any = self
        ids = self.output_ids
        vocabulary = vocabulary_of(half.model_tokenizer) if ids else None
        if vocabulary is not None and getattr(request, "stop", None):
            pacer = pacer_of(half, vocabulary)
            ids = [*pacer.push(ids, text), *pacer.rest()]
            vocabulary = None if pacer.free else vocabulary
        # Why generation ended is not told. A last id that ends it says so; else the output may have been cut.
        stopped = vocabulary is not None and bool(ids) and ids[-1] in stops_of(half.ids)
        output: Any = text if vocabulary is None else ids
        options: dict[str, Any] = stream_options(self.settings, self._tools(request))
        options |= {"finish": "stop" if stopped else "length", "parse_reasoning": parse_reasoning}
        options["start"] = start if parse_reasoning else "content"
        try:
            message = parse(output, vocabulary, **options)
        except ValueError:
            if vocabulary is None:
                raise
            message = parse(known_ids(vocabulary, ids), vocabulary, **options)
        for call in message.tool_calls:
            note_call(call.status, call.repairs)
        for span in message.unparsed:
            if span.name is not None:
                note_call("rejected", ())
            note_unparsed(span.reason, span.text, span.name)
        return message

    def _content(self, message: Message, called: bool, output: str) -> str:
        """The content of a message; where the policy asks for it, with what could not be parsed or is not sent."""
        content = message.content or ""
        policy = self.settings.unparsed
        left = unparsed_text(message)
        dropped = () if called else message.tool_calls
        for call in dropped:
            note_suppressed(call.name)
        if dropped or (left and not called and policy == "empty"):
            left = as_written(output) or left
        if policy == "empty" and (called or content.strip()):
            left = ""
        if left and policy != "never":
            COUNTERS.add("handed_over", policy)
            content += left
        return content


class _Reasoning(_Half):
    """The reasoning half."""

    engine_based_streaming = True

    def __init__(self, tokenizer: Any, *args: Any, **kwargs: Any) -> None:
        ReasoningParser.__init__(self, tokenizer, *args, **kwargs)
        self.model_tokenizer: Any = tokenizer
        self.ids = control_of(self, (CHANNEL, CHANNEL_END))
        self.output_ids = []
        self.start: Start = "content"
        self.linked = False
        self.fed = False
        self._handed_over = False
        self._stream: VllmStream | None = None
        self._pacer: Pacer | None = None
        self._counted = (0, 0, False)
        self.thinking = bool((kwargs.get("chat_template_kwargs") or {}).get("enable_thinking", False))
        _LATEST.half = weakref.ref(self)

    # The prompt.

    def _start_of(self, prompt: Sequence[int]) -> Start:
        ids = self.ids
        decisive = {ids[CHANNEL], ids[CHANNEL_END], ids[TURN], ids.get("<turn|>"), ids[TOOL_RESPONSE]}
        decisive.add(ids.get("<tool_response|>"))
        for number in reversed(prompt):
            if number in decisive:
                return "reasoning" if number == ids[CHANNEL] else "content"
        return "content"

    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        self.start = self._start_of(prompt_token_ids)
        self._counted = (0, 0, False)

    def adjust_initial_state_from_prompt(self, prompt_token_ids: Sequence[int]) -> None:
        self.start = self._start_of(prompt_token_ids)

    def is_reasoning_end(self, input_ids: Sequence[int]) -> bool:
        """Whether a thought is closed at the end of these ids, as the built-in parser of this vLLM answers it."""
        if not TWO_HALVES and not self.fed:  # the one place where the server of 0.22 shows the prompt
            self.start = self._start_of(input_ids)
        ids = self.ids
        end, opener, channel = ids[CHANNEL_END], ids[OPENER], ids[CHANNEL]
        boundary = (ids[TURN], ids[TOOL_RESPONSE])
        for number in reversed(input_ids):
            if number in (end, opener):
                return True
            if number == channel:
                return False
            if number in boundary:
                break
        return TWO_HALVES and not self.thinking

    def is_reasoning_end_streaming(self, input_ids: Sequence[int], delta_ids: Iterable[int]) -> bool:
        if self.fed:
            return self._handed_over
        return self.is_reasoning_end(input_ids) if TWO_HALVES else self.ids[CHANNEL_END] in delta_ids

    # Structured output.

    @property
    def reasoning_start_str(self) -> str:
        return CHANNEL

    @property
    def reasoning_end_str(self) -> str:
        return CHANNEL_END

    @property
    def reasoning_end_token_ids(self) -> frozenset[int]:
        return frozenset((self.ids[CHANNEL_END], self.ids[OPENER]))

    @property
    def implicit_reasoning_end_token_ids(self) -> frozenset[int]:
        return frozenset((self.ids[OPENER],))

    def find_reasoning_end(self, token_ids: Sequence[int]) -> Any:
        """Where reasoning ends in these ids: the offset (their number where it does not), and whether in a call."""
        end, opener = self.ids[CHANNEL_END], self.ids[OPENER]
        found = offered("vllm.parser.engine.parser_engine:ReasoningEnd")
        for offset, number in enumerate(token_ids):
            if number in (end, opener):
                return found(offset, number == opener)
        return found(len(token_ids), False)

    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        """Tokens within thoughts, without markers and calls. Ids that only grew are not counted again."""
        ids = self.ids
        channel, end, opener, close = ids[CHANNEL], ids[CHANNEL_END], ids[OPENER], ids[CLOSE]
        seen, count, in_call = self._counted
        within = self.start == "reasoning" if seen == 0 else in_call
        if seen > len(token_ids):
            seen, count, within = 0, 0, self.start == "reasoning"
        calling = False
        for number in token_ids[seen:] if seen else token_ids:
            if number == channel:
                within = True
            elif number == end:
                within = False
            elif number == opener:
                calling = True
            elif number == close:
                calling = False
            elif within and not calling:
                count += 1
        if not calling:
            self._counted = (len(token_ids), count, within)
        return count

    # The output.

    def adjust_request(self, request: Any) -> Any:
        request.skip_special_tokens = False
        return request

    def extract_content_ids(self, input_ids: list[int]) -> list[int]:
        if self.fed and self.linked:
            return _Ids(input_ids, self)
        end, opener = self.ids[CHANNEL_END], self.ids[OPENER]
        for at, number in enumerate(input_ids):
            if number == opener:
                return input_ids[at:]
            if number == end and not self.fed:
                return input_ids[at + 1 :]
        return input_ids if not self.fed else []

    def extract_reasoning_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
    ) -> Any:
        self.fed = True
        if self.linked:
            self._handed_over = True
            return delta_message(delta_text) if delta_text else None
        return self._alone(delta_text, list(delta_token_ids))

    def _alone(self, text: str, ids: list[int]) -> Any:
        """A step without a tool half of ours: up to the first call, behind which the server goes on by itself."""
        stream = self._stream
        if stream is None:
            vocabulary = vocabulary_of(self.model_tokenizer) if ids or not text else None
            plain = replace(self.settings, lenient=False)  # calls are not its business, nor what looks like one
            stream = self._stream = VllmStream(vocabulary, start=self.start, settings=plain)
            if vocabulary is not None:
                self._pacer = pacer_of(self, vocabulary)
        opener = self.ids[OPENER]
        call = opener in ids or (self._pacer is None and OPENER in text)
        rest = ""
        if call:
            ids = ids[: ids.index(opener)] if opener in ids else ids
            at = text.find(OPENER)
            text, rest = (text[:at], text[at:]) if at >= 0 else (text, "")
        events = stream.read_text(text) if self._pacer is None else stream.take(self._pacer.push(ids, text))
        if call:
            self._handed_over = True
            message = self._end_alone(events)
            if rest:
                message = delta_message(None) if message is None else message
                message.content = (message.content or "") + rest
            return message
        if not TWO_HALVES and (ids[-1] in stops_of(self.ids) if ids else stream.ended):
            return self._end_alone(events)
        return stream.say(events)

    def _end_alone(self, events: Iterable[Any] = ()) -> Any:
        """The message of the end of the half's own stream, if it has one; `events` are those of the last step."""
        if self._stream is None:
            return None
        held = self._stream.read(self._pacer.rest()) if self._pacer is not None else []
        return self._stream.finish("length", [*events, *held])

    def has_engine_confirmed_reasoning_end(self) -> bool:
        return self._handed_over

    def finish_streaming(self) -> Any:
        return None if self._handed_over else self._end_alone()

    def get_streaming_fallback_content(self, text: str, request: Any) -> None:
        return None

    def extract_reasoning(self, model_output: str, request: Any) -> tuple[str | None, str | None]:
        message = self._whole(model_output, request, self.start, True)
        if not TWO_HALVES and is_responses(request) and getattr(request, "tool_choice", None) not in WORDS:
            return message.reasoning, forced_content(message, request, self.settings)
        banned = self._bans_calls(request)
        if message.tool_calls and not self.linked and not (banned and getattr(request, "tools", None)):
            # A tool half of vLLM, or none, may stand behind.
            rest = _without_thoughts(model_output, self.start)
            return message.reasoning, _Remainder(rest, message, model_output)
        content = self._content(message, bool(message.tool_calls) and not banned, model_output)
        if not content and not message.tool_calls:
            return message.reasoning, None
        return message.reasoning, _Remainder(content, message, None)


def _without_thoughts(output: str, start: Start) -> str:
    """The output without its thoughts, calls as they were written."""
    at = output.find(OPENER)
    if at >= 0:
        return (parse(output[:at], finish="length", start=start).content or "") + output[at:]
    # The call was opened without its marker.
    return _THOUGHT.sub("", output if start == "content" else CHANNEL + output)


_THOUGHT = re.compile(r"<\|channel>.*?(?:<channel\|>|\Z)", re.DOTALL)


class _Tool(_Half):
    """The tool half: where it stands alone or behind a reasoning half of ours, the whole parser."""

    engine_based_streaming = True
    supports_required_and_named = False

    def __init__(self, tokenizer: Any, tools: Any = None, **kwargs: Any) -> None:
        ToolParser.__init__(self, tokenizer, tools)
        self.model_tokenizer: Any = tokenizer
        self.ids = control_of(self, (OPENER,))
        self.output_ids = []
        self.skip_reasoning_parsing = False
        self._stream: VllmStream | None = None
        self._pacer: Pacer | None = None
        self._as_text = False
        self._limit = 0
        self._goes_on = False
        self._pushed = 0
        self.last_id = -1
        self.push: Callable[[list[int]], Any] | None = None
        """For steps that bring ids alone to an open stream: what `vllm_composed` calls instead of the server's way."""
        self.counters: tuple[Any, Any] | None = None
        self._stops = stops_of(self.ids)
        vocabulary_of(tokenizer)  # read when the server starts, not with the first request
        self._half: _Reasoning | None = None
        latest = getattr(_LATEST, "half", None)
        _LATEST.half = None
        half = latest() if latest is not None else None
        if half is not None and not half.fed and half.model_tokenizer is tokenizer:
            half.linked = True
            self._half = half
            self.composed = half.composed = True

    # What the server reads between steps. Joined when it is read: it is read once, and written every step.

    @property
    def prev_tool_call_arr(self) -> list[dict[str, Any]]:
        calls = self._stream.calls if self._stream is not None else []
        return [{"name": call.name, "arguments": call.arguments} for call in calls]

    @prev_tool_call_arr.setter
    def prev_tool_call_arr(self, value: Any) -> None:
        pass  # vLLM's constructor sets an empty list

    @property
    def streamed_args_for_tool(self) -> list[str]:
        return [call.arguments for call in self._stream.calls] if self._stream is not None else []

    @streamed_args_for_tool.setter
    def streamed_args_for_tool(self, value: Any) -> None:
        pass

    @property
    def current_tool_id(self) -> int:
        return len(self._stream.calls) - 1 if self._stream is not None else -1

    @current_tool_id.setter
    def current_tool_id(self, value: Any) -> None:
        pass

    @property
    def current_tool_name_sent(self) -> bool:
        return self.current_tool_id >= 0

    @current_tool_name_sent.setter
    def current_tool_name_sent(self, value: Any) -> None:
        pass

    def get_remaining_unstreamed_args(self) -> str:
        return ""

    # The request.

    def adjust_request(self, request: Any) -> Any:
        """Keeps special tokens in the text. Forced calls come in the model's own syntax too, so no JSON is asked."""
        tools = getattr(request, "tools", None)
        choice = getattr(request, "tool_choice", None)
        if tools and choice in WORDS:
            request = ToolParser.adjust_request(self, request)
        if TWO_HALVES or (tools and choice != "none"):
            request.skip_special_tokens = False
        return request

    # The output.

    def extract_tool_calls_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
        request: Any,
    ) -> Any:
        ids = delta_token_ids
        stream = self._stream or self._open(delta_text, ids, request)
        if ids:
            self.last_id = ids[-1]
        if self._as_text:
            events = stream.read_text(delta_text)
        elif self._pacer is not None:
            events = stream.take(self._pacer.push(list(ids), delta_text))
        else:
            events = stream.take(ids if type(ids) is list else list(ids))
        if not TWO_HALVES:
            self._pushed += len(ids)
            # A turn may also end by what stops no generation (`<|turn>`): what comes behind it is to be told, too.
            over = self.last_id in self._stops if self.last_id >= 0 else stream.ended
            if (over and not self._goes_on) or 0 < self._limit <= self._pushed:
                return self._finish(events)
        return stream.say(events)

    def _stopped(self) -> bool:
        """Whether generation ended by itself: with an end marker, even one that an open string may still claim."""
        return self._stream is not None and (self._stream.ended or self.last_id in self._stops)

    def _finish(self, events: Iterable[Any] = ()) -> Any:
        """The message of the end; `events` are those of the last step.

        Why it ended is not told: without an end marker the output counts as cut off.
        """
        if self._stream is None:
            return None
        held = self._stream.read(self._pacer.rest()) if self._pacer is not None else []
        return self._stream.finish("stop" if self._stopped() else "length", [*events, *held])

    def _open(self, text: str, ids: Sequence[int], request: Any) -> VllmStream:
        half = ids.half if isinstance(ids, _Ids) else self._half
        vocabulary = vocabulary_of(self.model_tokenizer)
        # Behind a reasoning half of vLLM, text and ids of the first step need not belong together. Then text decides.
        # So it does where no ids come with it.
        self._as_text = (
            vocabulary is None
            or (not ids and bool(text))
            or (half is None and not vocabulary.decode(known_ids(vocabulary, ids)).startswith(text))
        )
        if not self._as_text and vocabulary is not None and getattr(request, "stop", None):
            self._pacer = pacer_of(self, vocabulary)
        kind = ResponsesStream if is_responses(request) else VllmStream
        self._stream = kind(
            None if self._as_text else vocabulary,
            tools=self._tools(request),
            start=half.start if half is not None else "content",
            parse_reasoning=half is not None or (TWO_HALVES and not self.skip_reasoning_parsing),
            settings=self.settings,
            new_id=make_tool_call_id,
            calls=not self._bans_calls(request),
        )
        if not TWO_HALVES:  # 0.22 has no finish hook; the last step is known where the request limits its length
            fields = getattr(request, "__dict__", {})  # reading the old name of the limit itself would warn
            limits = ("max_completion_tokens", "max_tokens", "max_output_tokens")
            self._limit = next((fields[name] for name in limits if fields.get(name)), 0)
            self._goes_on = bool(fields.get("ignore_eos"))
        elif not self._as_text and self._pacer is None and getattr(request, "include_reasoning", True):
            self.push = self._stream.push
            self.counters = step_counters(request)
        return self._stream

    def finish_streaming(self) -> Any:
        return self._finish()

    def extract_tool_calls(self, model_output: str, request: Any) -> Any:
        output: str | None = model_output
        if isinstance(model_output, _Remainder):
            message, output = model_output.message, model_output.output
        else:
            parse_reasoning = TWO_HALVES and not self.skip_reasoning_parsing
            message = self._whole(model_output, request, "content", parse_reasoning)
        calls = () if self._bans_calls(request) else message.tool_calls
        content = str(model_output) if output is None else self._content(message, bool(calls), output)
        tools = self._tools(request) if self.settings.profile.rewriter is not None else []
        made = [
            ToolCall(
                id=make_tool_call_id(),
                function=FunctionCall(name=call.name, arguments=rewrite(call, self.settings, tools)),
            )
            for call in calls
        ]
        return ExtractedToolCallInformation(tools_called=bool(made), tool_calls=made, content=content or None)


def _class(name: str, half: type, base: Any) -> Any:
    """The class that vLLM registers: our half in front of the class that this vLLM wants it to be."""
    meta = type("Composing", (Composing, type(base)), {}) if type(base) is not type else Composing
    return meta(name, (half, base), {"__module__": __name__, "__qualname__": name, "__doc__": half.__doc__})


try:
    _reasoning_base = offered("vllm.parser.engine.adapters:ParserEngineReasoningAdapter")
except ImportError:
    _reasoning_base = ReasoningParser

Gemma4ReasoningParser: Any = _class("Gemma4ReasoningParser", _Reasoning, _reasoning_base)
"""For `--reasoning-parser`."""
Gemma4ToolParser: Any = _class("Gemma4ToolParser", _Tool, ToolParser)
"""For `--tool-call-parser`."""

_LOGGER = logging.getLogger("vllm.gemma4_parser")
LOGGER.parent = _LOGGER  # what is logged of outputs goes where vLLM logs
_LOGGER.info(
    "gemma4-parser %s (%s: %s) is active: profile %s, chunks %s, unparsed text as content %s",
    *(__version__, __implementation__, WHY),
    *(SETTINGS.profile.name, SETTINGS.style, SETTINGS.unparsed),
)
