"""SGLang 0.5: a reasoning detector and a function-call detector over one parser, and the plugin that registers them.

SGLang asks the reasoning detector first and hands the text it returns to the function-call detector. Both get text
only, are made without knowing of each other, and are not told why generation ended. So the reasoning side parses
everything, and what it hands on is a `Step`: the visible text, which also carries the calls that came with it. The call
side takes them from there. Where nobody asks for calls, or another parser reads them, they stay text.

The end of a stream is taken for a cut (`finish("length")`), as nobody says that it was none: a call whose close marker
is missing there is never run.

The variables of `delta` choose profile, chunk style and what becomes of unparsed text. Without a profile, arguments are
spaced as SGLang's own parsers space them. The server makes the ids of calls, one for each name it is given, so
`repeat_ids` cannot be had, and is taken for `whole_calls`, where each chunk has id and name as well.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import gemma4_parser as g4
from gemma4_parser._impl import WHY
from gemma4_parser.integrations.delta import CallPiece, Delta, DeltaStream, Settings
from gemma4_parser.integrations.profiles import profile

__all__ = ["CallSide", "CallsAsText", "ReasoningSide", "Step", "detectors", "plugin", "register", "settings"]

NAME = "gemma4_rust"
"""The name of both detectors in SGLang's registries."""
BUILT_IN = "gemma4"
"""The name that is taken over on request."""
VARIABLE = "GEMMA4_PARSER_SGLANG"
"""`add` (default) registers that name only, `replace` takes the built-in name over as well, `off` does nothing."""

_logger = logging.getLogger("gemma4_parser")


def settings(*, whole: bool = False) -> Settings:
    """The settings that the environment asks for, as far as SGLang allows; `whole`: for outputs that are not streamed.

    Raises `ValueError` for values that are none.
    """
    found = Settings.from_environment()
    if not os.environ.get("GEMMA4_PARSER_PROFILE"):
        found = replace(found, profile=profile("spaced"))
    return replace(found, style="whole_calls") if whole or found.style == "repeat_ids" else found


class Step(str):
    """The visible text of one step, with the calls that came in it and their stream; true where it has either."""

    calls: list[CallPiece]
    stream: DeltaStream

    def __new__(cls, text: str, calls: list[CallPiece], stream: DeltaStream) -> Step:
        step = super().__new__(cls, text)
        step.calls = calls
        step.stream = stream
        return step

    def __bool__(self) -> bool:
        return len(self) > 0 or len(self.calls) > 0

    # The server joins the last step with what the end brings.
    def __add__(self, other: str) -> Step:
        more = other.calls if isinstance(other, Step) else []
        return Step(str(self) + str(other), self.calls + more, self.stream)

    def __radd__(self, other: str) -> Step:
        return Step(other + str(self), self.calls, self.stream)


class CallsAsText:
    """A stream for which the markup of calls is text, as it came; thoughts and ends are read as ever.

    The parser is shown other characters in place of what opens a call, and what comes out of it is put back.
    """

    _OPENER = "<|tool_call"  # begins every form of an opener, the drifted one with two bars as well
    _ESCAPE = "\ufdd0"  # a code point for private use within a program, which no text holds; escaped if one does
    _HIDDEN = _ESCAPE + "\ufdd1"
    _ITSELF = _ESCAPE + "\ufdd2"

    def __init__(self, start: Literal["content", "reasoning"]) -> None:
        self._stream = g4.StreamParser(start=start)
        self._held = ""
        self._half = ""

    def push_text(self, text: str) -> Delta | None:
        """What a further text brings."""
        text = self._held + text
        keep = len(text) - _prefix_at_end(text, self._OPENER)
        self._held = text[keep:]
        return self._shown(self._stream.push_text(self._hide(text[:keep])))

    def finish(self, reason: Literal["stop", "length", "abort"]) -> Delta | None:
        """What the end brings."""
        events = self._stream.push_text(self._hide(self._held)) + self._stream.finish(reason)
        self._held = ""
        return self._shown(events)

    def _hide(self, text: str) -> str:
        return text.replace(self._ESCAPE, self._ITSELF).replace(self._OPENER, self._HIDDEN)

    def _shown(self, events: list[g4.Event]) -> Delta | None:
        texts = {"reasoning": "", "content": ""}
        for kind, text, _, _ in events:
            if self._ESCAPE in text or self._half:
                text = self._half + text
                self._half = self._ESCAPE if text.endswith(self._ESCAPE) else ""
                text = text.removesuffix(self._ESCAPE) if self._half else text
                text = text.replace(self._HIDDEN, self._OPENER).replace(self._ITSELF, self._ESCAPE)
            if kind != "end":
                texts["reasoning" if kind == "reasoning" else "content"] += text
        return Delta(texts["reasoning"], texts["content"]) if any(texts.values()) else None


def _prefix_at_end(text: str, literal: str) -> int:
    """The length of the longest proper prefix of `literal` that ends `text`."""
    for length in range(min(len(text), len(literal) - 1), 0, -1):
        if text.endswith(literal[:length]):
            return length
    return 0


class ReasoningSide:
    """What the reasoning detector does, whatever its base class.

    `start` is "reasoning" where the prompt ends inside a thought. `calls`: whether the call side reads what is handed
    on. `hold`: a thought is given when it is over, not as it comes. `tools` and `calls` may be set until the first text
    is pushed.
    """

    def __init__(self, *, start: Literal["content", "reasoning"] = "content", calls: bool, hold: bool = False) -> None:
        self.tools: list[dict[str, Any]] = []
        self.calls = calls
        self._start = start
        self._hold = hold
        self._held: list[str] = []
        self._stream: DeltaStream | CallsAsText | None = None

    def push(self, text: str) -> tuple[str, str]:
        """The reasoning and the text for the call side that a further text brings."""
        return self._take((self._stream or self._open()).push_text(text))

    def finish(self) -> tuple[str, str]:
        """The same for the end of the stream."""
        reasoning, rest = self._take((self._stream or self._open()).finish("length"))
        return reasoning + self._release(), rest

    def whole(self, text: str) -> tuple[str, str]:
        """The same for a whole output."""
        stream = self._stream or self._open(whole=True)
        first, last = self._take(stream.push_text(text)), self._take(stream.finish("length"))
        return first[0] + last[0] + self._release(), first[1] + last[1]

    def _open(self, *, whole: bool = False) -> DeltaStream | CallsAsText:
        if self.calls:
            self._stream = DeltaStream(tools=self.tools, start=self._start, settings=settings(whole=whole))
        else:
            self._stream = CallsAsText(self._start)
        return self._stream

    def _take(self, delta: Delta | None) -> tuple[str, str]:
        if delta is None:
            return "", ""
        reasoning = delta.reasoning or ""
        if self._hold:
            self._held.append(reasoning)
            reasoning = self._release() if delta.content or delta.calls else ""
        if not isinstance(self._stream, DeltaStream):
            return reasoning, delta.content or ""
        return reasoning, Step(delta.content or "", delta.calls, self._stream)

    def _release(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        return text


class CallSide:
    """What the function-call detector does, whatever its base class."""

    def __init__(self) -> None:
        self._stream: DeltaStream | None = None
        self._source: DeltaStream | None = None

    @property
    def rejected(self) -> set[int]:
        """The numbers of the calls whose start was sent and which are no calls."""
        stream = self._source or self._stream
        return {call.index for call in stream.calls if call.status == "rejected"} if stream is not None else set()

    def push(self, text: str, tools: Iterable[Any]) -> tuple[str, list[CallPiece]]:
        """The content and the pieces of calls that a further text brings, a `Step` or raw output."""
        if isinstance(text, Step):
            self._source = text.stream
            return str(text), text.calls
        return self._take((self._stream or self._open(tools)).push_text(text)) if text else ("", [])

    def finish(self) -> tuple[str, list[CallPiece]]:
        """The same for the end of the stream."""
        return self._take(self._stream.finish("length")) if self._stream is not None else ("", [])

    def whole(self, text: str, tools: Iterable[Any]) -> tuple[str, list[CallPiece]]:
        """The content and the calls of a whole output, each in one piece."""
        if isinstance(text, Step):
            self._source = text.stream
            return str(text), text.calls
        stream = self._stream or self._open(tools, whole=True)
        first, last = self._take(stream.push_text(text)), self._take(stream.finish("length"))
        return first[0] + last[0], first[1] + last[1]

    def _open(self, tools: Iterable[Any], *, whole: bool = False) -> DeltaStream:
        # Thoughts that arrive here are wanted in the content, as they came: the server has no reasoning detector, or
        # the request asks not to separate them.
        self._stream = DeltaStream(tools=openai_tools(tools), parse_reasoning=False, settings=settings(whole=whole))
        return self._stream

    def _take(self, delta: Delta | None) -> tuple[str, list[CallPiece]]:
        return (delta.content or "", delta.calls) if delta is not None else ("", [])


def detectors() -> tuple[type[Any], type[Any]]:
    """The reasoning detector and the function-call detector, as subclasses of those of the installed SGLang.

    The same two classes each time. Raises `ImportError` without SGLang.
    """
    global _classes
    if _classes is None:
        _classes = _reasoning_detector(), _call_detector()
    return _classes


_classes: tuple[type[Any], type[Any]] | None = None


def _reasoning_detector() -> type[Any]:
    host = import_module(_REASONING)
    base: Any = host.BaseReasoningFormatDetector

    class Gemma4ReasoningDetector(base):  # type: ignore[misc]
        """Splits thoughts off and hands everything else on to the function-call detector."""

        def __init__(
            self,
            stream_reasoning: bool = True,
            force_reasoning: bool = False,
            continue_final_message: bool = False,
            previous_content: str = "",
            force_nonempty_content: bool = False,
            tool_call_parser_active: bool = False,
        ) -> None:
            previous = previous_content if isinstance(previous_content, str) else ""
            super().__init__(
                "<|channel>",
                "<channel|>",
                force_reasoning=force_reasoning,
                stream_reasoning=stream_reasoning,
                continue_final_message=continue_final_message,
                previous_content=previous,
                reasoning_default="explicit_enable_thinking",
                force_nonempty_content=force_nonempty_content,
            )
            self.think_start_self_label = "thought\n"
            start: Literal["content", "reasoning"] = "reasoning" if force_reasoning else "content"
            if continue_final_message and ("<|channel>" in previous or "<channel|>" in previous):
                start = g4.StreamParser.start_of(previous)
            calls = tool_call_parser_active and _calls_are_ours()
            self.side = ReasoningSide(start=start, calls=calls, hold=not stream_reasoning)
            self._thoughts: list[str] = []  # kept only where they may have to stand for the content
            self._visible = False

        def parse_streaming_increment(self, new_text: str) -> Any:
            return self._result(*self.side.push(new_text))

        def finish(self) -> Any:
            reasoning, rest = self.side.finish()
            if self._force_nonempty_content and not rest and not self._visible:
                return self._result("", "".join(self._thoughts) + reasoning)
            return self._result(reasoning, rest)

        def detect_and_parse(self, text: str) -> Any:
            return self._maybe_apply_force_nonempty_content(self._result(*self.side.whole(text)))

        def _result(self, reasoning: str, rest: str) -> Any:
            if self._force_nonempty_content:
                self._thoughts.append(reasoning)
                self._visible = self._visible or bool(rest)
            return host.StreamingParseResult(normal_text=rest, reasoning_text=reasoning)

    return Gemma4ReasoningDetector


def _call_detector() -> type[Any]:
    base: Any = import_module("sglang.srt.function_call.base_format_detector").BaseFormatDetector
    types = import_module("sglang.srt.function_call.core_types")

    class Gemma4CallDetector(base):  # type: ignore[misc]
        """Takes calls from what the reasoning detector handed on, or from raw output where there is none.

        `tool_index` is the call's number in the output. `incomplete_tool_call_indices`, which the server reads to
        choose the finish reason, holds the calls that were cut off or rejected after their start had been sent.
        """

        def __init__(self) -> None:
            super().__init__()
            self.bot_token = "<|tool_call>"
            self.eot_token = "<tool_call|>"
            self.side = CallSide()

        @property
        def incomplete_tool_call_indices(self) -> set[int]:
            return self.side.rejected

        def has_tool_call(self, text: str) -> bool:
            if isinstance(text, Step):
                return len(text.calls) > 0
            return "<|tool_call" in text or text.lstrip().startswith(("call:", "<tool_call:"))

        def parse_streaming_increment(self, new_text: str, tools: Sequence[Any]) -> Any:
            return self._result(*self.side.push(new_text, tools))

        def finish(self, tools: Sequence[Any]) -> Any:
            return self._result(*self.side.finish())

        def detect_and_parse(self, text: str, tools: Sequence[Any]) -> Any:
            return self._result(*self.side.whole(text, tools))

        def supports_structural_tag(self) -> bool:
            return False

        def structure_info(self) -> Any:
            raise NotImplementedError("Gemma 4 does not write JSON, which SGLang's structural tags ask for")

        def _result(self, content: str, pieces: Iterable[CallPiece]) -> Any:
            calls = [types.ToolCallItem(tool_index=i, name=name, parameters=text) for i, _, name, text in pieces]
            return types.StreamingParseResult(normal_text=content, calls=calls)

    return Gemma4CallDetector


def openai_tools(tools: Iterable[Any] | None) -> list[dict[str, Any]]:
    """The tools of a request of SGLang's chat or Responses API, in the form of the Chat Completions API.

    Dicts are taken as they are, and what has no name is left out.
    """
    found = []
    for tool in tools or ():
        if isinstance(tool, dict):
            found.append(tool)
            continue
        function = getattr(tool, "function", None) or tool
        if name := getattr(function, "name", None):
            found.append({"type": "function", "function": {"name": name, "parameters": function.parameters}})
    return found


def _calls_are_ours() -> bool:
    """Whether the server's function-call parser is the one of this module, which understands a `Step`."""
    try:
        name = import_module("sglang.srt.runtime_context").get_serving().tool_call_parser
        found = import_module(_CALLS).FunctionCallParser.ToolCallParserEnum.get(name)
    except Exception:  # no server in this process, or another way to ask it
        return True
    return found is None or found is detectors()[1]


_CALLS = "sglang.srt.function_call.function_call_parser"
_HOOKS = "sglang.srt.plugins.hook_registry"
_REASONING = "sglang.srt.parser.reasoning_parser"


def _hand_over_tools(result: None, parser: Any, *args: Any, **kwargs: Any) -> None:
    """Behind the constructor of `ReasoningParser`: its detectors are not told of the request."""
    side = getattr(parser.detector, "side", None)
    request = kwargs.get("request", args[3] if len(args) > 3 else None)
    if isinstance(side, ReasoningSide) and request is not None:
        tools = list(getattr(request, "tools", None) or ())
        messages = getattr(request, "messages", None) or ()
        side.tools = openai_tools(tools + [tool for m in messages for tool in getattr(m, "tools", None) or ()])
        # Forced calls are a JSON list that the server reads itself; its reader takes nothing but a plain `str`.
        side.calls = side.calls and not _forced(request)


def _forced(request: Any) -> bool:
    """Whether a call is required: the word, or the tool that is named."""
    ask = getattr(request, "effective_tool_choice", None)
    choice = ask() if ask is not None else getattr(request, "tool_choice", None)
    return choice == "required" or not (choice is None or isinstance(choice, str))


def plugin() -> None:
    """The entry point of the group `sglang.srt.plugins`; SGLang applies the hook when all its plugins are loaded."""
    _register()


def register() -> tuple[str, ...]:
    """Registers both detectors in this process, for servers that load no plugins; again is harmless.

    Returns their names in both registries: `gemma4_rust`, and `gemma4` where `GEMMA4_PARSER_SGLANG` is `replace`; none
    where it is `off` or SGLang is not installed. Raises `ValueError` for another value of this and the other variables.
    """
    names = _register()
    if names:
        import_module(_HOOKS).HookRegistry.apply_hooks()
    return names


def _register() -> tuple[str, ...]:
    asked = os.environ.get(VARIABLE) or "add"
    if asked not in ("add", "replace", "off"):
        raise ValueError(f"{VARIABLE} must be add, replace or off, not {asked!r}")
    if asked == "off" or find_spec("sglang") is None:
        return ()
    settings()  # tells what is wrong with the other variables now, not with the first request
    names = (NAME, BUILT_IN) if asked == "replace" else (NAME,)
    reasoning, calls = detectors()
    registries = (
        (import_module(_REASONING).ReasoningParser.DetectorMap, reasoning),
        (import_module(_CALLS).FunctionCallParser.ToolCallParserEnum, calls),
    )
    if all(registry.get(name) is found for registry, found in registries for name in names):
        return names
    for registry, found in registries:
        registry.update(dict.fromkeys(names, found))
    global _hooked
    if not _hooked:
        _hooked = True
        hooks = import_module(_HOOKS)
        hooks.HookRegistry.register(f"{_REASONING}.ReasoningParser.__init__", _hand_over_tools, hooks.HookType.AFTER)
    place = f"{NAME} and in place of the built-in {BUILT_IN}"
    if asked == "add":
        place = f"{NAME} ({VARIABLE}=replace: also {BUILT_IN})"
    _logger.info("gemma4-parser %s (%s: %s) is registered as %s", g4.__version__, g4.__implementation__, WHY, place)
    return names


_hooked = False
