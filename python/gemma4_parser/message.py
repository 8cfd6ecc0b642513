"""What an output says, all of it at once: `Message` and its parts; both implementations make these same objects.

The rules of the fold are those of `DESIGN.md`, "Output"; those of values `values` and `json-text`.
"""

from __future__ import annotations

import os

# `typing`, `dataclasses` and `json` take longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import Field
    from typing import Any, ClassVar, Protocol, Self
else:
    Protocol = object

__all__ = ["EventLike", "Message", "ToolCall", "Unparsed"]


class EventLike(Protocol):
    """The fields of an `Event`, whichever implementation made it."""

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def index(self) -> int | None: ...
    @property
    def detail(self) -> tuple[str, ...]: ...


class _Fields:
    """What `dataclasses` wants to know of a class, made when it asks."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, record: object, owner: type) -> Any:
        from dataclasses import make_dataclass

        home: Any = next((kind for kind in owner.__mro__ if "__match_args__" in vars(kind)), None)
        if home is None:
            raise AttributeError(self.name)
        defaults = home.__init__.__defaults__
        required = len(home.__match_args__) - len(defaults)
        fields = [(name, home.__annotations__[name]) for name in home.__match_args__]
        given = [(*field, default) for field, default in zip(fields[required:], defaults, strict=True)]
        made = make_dataclass(home.__name__, [*fields[:required], *given], frozen=True)
        return getattr(made, self.name)


class _Record:
    """A frozen dataclass but for how it is made: compares, prints and pickles by its slots, which are its fields."""

    __slots__ = ()
    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__, __dataclass_params__ = _Fields(), _Fields()

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Record) and other.__class__ is self.__class__:
            return self._values() == other._values()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = zip(self.__match_args__, self._values(), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()

    def __replace__(self, **changes: Any) -> Self:
        return type(self)(**{**dict(zip(self.__match_args__, self._values(), strict=True)), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _setters(record: type[_Record]) -> Any:
    """What sets each slot of a new record: in half the time of `object.__setattr__`."""
    return [vars(record)[name].__set__ for name in record.__match_args__]


class ToolCall(_Record):
    """An accepted call of a tool.

    `arguments` is the JSON text of an object; `status` is "complete", or "repaired" by way of the named `repairs`.
    """

    __slots__ = __match_args__ = ("name", "arguments", "status", "repairs")
    name: str
    arguments: str
    status: str
    repairs: tuple[str, ...]

    def __init__(self, name: str, arguments: str, status: str = "complete", repairs: tuple[str, ...] = ()) -> None:
        _call_name(self, name)
        _call_arguments(self, arguments)
        _call_status(self, status)
        _call_repairs(self, repairs)

    def value(self) -> dict[str, Any]:
        """The arguments as a new dict; of equal keys the last one wins.

        Numbers are int and float, or `decimal.Decimal` where these cannot hold them: more digits than Python converts,
        or a float that would be infinite.
        """
        from gemma4_parser._json import json_value

        value: dict[str, Any] = json_value(self.arguments)
        return value


_call_name, _call_arguments, _call_status, _call_repairs = _setters(ToolCall)


class Unparsed(_Record):
    """A raw span that is neither text nor part of an accepted call, control tokens spelled out.

    `reason` is one of "truncated_call", "malformed_call", "not_a_call", "after_turn_end" and "stray_marker". For a
    rejected call `name` and `arguments` are what had been sent of it; such arguments never are valid JSON.
    """

    __slots__ = __match_args__ = ("text", "reason", "name", "arguments")
    text: str
    reason: str
    name: str | None
    arguments: str

    def __init__(self, text: str, reason: str, name: str | None = None, arguments: str = "") -> None:
        _span_text(self, text)
        _span_reason(self, reason)
        _span_name(self, name)
        _span_arguments(self, arguments)


_span_text, _span_reason, _span_name, _span_arguments = _setters(Unparsed)


def new_call_id() -> str:
    """A fresh id for a tool call: `call_` and 24 random hexadecimal digits."""
    return f"call_{os.urandom(12).hex()}"


class Message(_Record):
    """The fold of a stream's events.

    `reasoning` and `content` are None where there is none; `end` says how the output ended ("turn", "tool_response" or
    "eos" for an end marker, else what `finish` was told) and is None where the events had no end.
    """

    __slots__ = __match_args__ = ("reasoning", "content", "tool_calls", "unparsed", "end")
    reasoning: str | None
    content: str | None
    tool_calls: tuple[ToolCall, ...]
    unparsed: tuple[Unparsed, ...]
    end: str | None

    def __init__(
        self,
        reasoning: str | None = None,
        content: str | None = None,
        tool_calls: tuple[ToolCall, ...] = (),
        unparsed: tuple[Unparsed, ...] = (),
        end: str | None = None,
    ) -> None:
        _message_reasoning(self, reasoning)
        _message_content(self, content)
        _message_tool_calls(self, tool_calls)
        _message_unparsed(self, unparsed)
        _message_end(self, end)

    @classmethod
    def from_events(cls, events: Iterable[EventLike]) -> Message:
        """Folds the events of one stream, in order.

        Pieces are concatenated as they are. Neighbouring unparsed events of one index and reason are one span. A call
        that has not ended yet is left out.
        Raises `ValueError` for an event of a call that has not started.
        """
        fold = _Fold()
        for event in events:
            fold.add(event)
        return cls(
            reasoning="".join(fold.reasoning) or None,
            content="".join(fold.content) or None,
            tool_calls=tuple(
                ToolCall(call.name, "".join(call.arguments), call.status, call.repairs)
                for call in fold.calls.values()
                if call.status in ("complete", "repaired")
            ),
            unparsed=tuple(fold.span(*span) for span in fold.spans),
            end=fold.end,
        )

    @property
    def finish_reason(self) -> str:
        """The word of the Chat Completions API: "length" where generation was cut, "tool_calls", or "stop"."""
        if self.end in ("length", "abort"):
            return "length"
        return "tool_calls" if self.tool_calls else "stop"

    def to_openai(self, id_factory: Callable[[], str] = new_call_id) -> dict[str, Any]:
        """The assistant message of the Chat Completions API.

        `reasoning` and `tool_calls` are keys only where there are some; `content` is None where there is none. Ids of
        calls are what `id_factory` returns, called once for each.
        """
        message: dict[str, Any] = {"role": "assistant", "content": self.content}
        if self.reasoning is not None:
            message["reasoning"] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [
                {"id": id_factory(), "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        return message


_message_reasoning, _message_content, _message_tool_calls, _message_unparsed, _message_end = _setters(Message)


class _Call:
    """A call that is being folded; `status` is empty until it has ended."""

    __slots__ = ("arguments", "name", "repairs", "status")

    def __init__(self, name: str) -> None:
        self.name = name
        self.arguments: list[str] = []
        self.status = ""
        self.repairs: tuple[str, ...] = ()


class _Fold:
    """What has been seen so far."""

    def __init__(self) -> None:
        self.reasoning: list[str] = []
        self.content: list[str] = []
        self.calls: dict[int | None, _Call] = {}
        self.spans: list[tuple[int | None, str, list[str]]] = []
        self.end: str | None = None
        self.in_span = False

    def add(self, event: EventLike) -> None:
        in_span, self.in_span = self.in_span, False
        match event.kind:
            case "reasoning":
                self.reasoning.append(event.text)
            case "content":
                self.content.append(event.text)
            case "call_start":
                self.calls[event.index] = _Call(event.text)
            case "call_arguments":
                self.call(event).arguments.append(event.text)
            case "call_end":
                call = self.call(event)
                call.status, call.repairs = event.text, event.detail
            case "unparsed":
                self.in_span = True
                reason = event.detail[0] if event.detail else ""
                if not (in_span and self.spans[-1][:2] == (event.index, reason)):
                    self.spans.append((event.index, reason, []))
                self.spans[-1][2].append(event.text)
            case "end":
                self.end = event.text
            case kind:
                raise ValueError(f"there is no event of kind {kind!r}")

    def call(self, event: EventLike) -> _Call:
        try:
            return self.calls[event.index]
        except KeyError:
            raise ValueError(f"{event.kind} of call {event.index}, which has not started") from None

    def span(self, index: int | None, reason: str, pieces: list[str]) -> Unparsed:
        call = self.calls.get(index)
        if call is None:
            return Unparsed("".join(pieces), reason)
        return Unparsed("".join(pieces), reason, call.name, "".join(call.arguments))
