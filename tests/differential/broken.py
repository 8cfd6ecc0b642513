"""The Rust implementation with one thing wrong with it: what the checks must notice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import gemma4_parser._rust as rust

Event = rust.Event
Events = list[Any]


class StreamParser:
    """As in Rust, until a method is overridden."""

    def __init__(self, vocabulary: Any = None, **options: Any) -> None:
        object.__setattr__(self, "inner", rust.StreamParser(vocabulary, **options))
        object.__setattr__(self, "held", [])

    inner: Any
    held: Events

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.inner, name, value)

    def push(self, ids: Any) -> Events:
        return self.changed(self.inner.push(ids))

    def push_text(self, text: Any) -> Events:
        return self.changed(self.inner.push_text(text))

    def finish(self, *reason: Any) -> Events:
        return self.changed(self.inner.finish(*reason))

    def reset(self, *start: Any) -> None:
        self.inner.reset(*start)

    @property
    def ended(self) -> bool:
        return bool(self.inner.ended)

    @staticmethod
    def start_of(prompt: Any, vocabulary: Any = None) -> str:
        return str(rust.StreamParser.start_of(prompt, vocabulary))

    def changed(self, events: Events) -> Events:
        return events


class Implementation:
    """The names of the module; those that are given take the place of its own."""

    def __init__(self, **names: Any) -> None:
        self.names = {"StreamParser": StreamParser, **names}

    def __getattr__(self, name: str) -> Any:
        return self.names[name] if name in self.names else getattr(rust, name)


class Breakage(NamedTuple):
    """What is wrong, and the check that is to notice."""

    name: str
    check: str
    made: Implementation


def _stream(**members: Any) -> Implementation:
    return Implementation(StreamParser=type("StreamParser", (StreamParser,), members))


def _changing(change: Callable[[Events], Iterable[Any]]) -> Implementation:
    return _stream(changed=lambda self, events: list(change(events)))


def without(name: str) -> Implementation:
    """A repair or reason is never named."""
    return _changing(lambda events: [_hidden(event, name) for event in events])


def _hidden(event: Any, name: str) -> Any:
    detail = tuple(other for other in event.detail if other != name)
    return Event(event.kind, event.text, event.index, detail)


def instead(kind: str, text: str) -> Implementation:
    """Events of this kind and text say something else."""

    def change(event: Any) -> Any:
        hit = event.kind == kind and event.text == text
        return Event(kind, text + "!", event.index, event.detail) if hit else event

    return _changing(lambda events: map(change, events))


def leaving_out(kind: str) -> Implementation:
    """There are no events of this kind."""
    return _changing(lambda events: [event for event in events if event.kind != kind])


def _split(events: Events) -> Iterable[Any]:
    for event in events:
        if event.kind == "content" and len(event.text) > 1:
            yield Event("content", event.text[:1])
            yield Event("content", event.text[1:])
        else:
            yield event


def _late(self: Any, events: Events) -> Events:
    """The last piece of content comes one step later."""
    due, self.held[:] = [*self.held, *events], []
    if due and due[-1].kind == "content":
        self.held.append(due.pop())
    return due


def _ids_before_the_error(self: Any, ids: Any) -> Events:
    if isinstance(ids, list):
        for token in ids[:-1]:
            self.inner.push(token)
        ids = ids[-1:]
    return list(self.inner.push(ids))


def _without(option: str) -> Implementation:
    """An option has no effect."""

    def made(self: Any, vocabulary: Any = None, **options: Any) -> None:
        StreamParser.__init__(self, vocabulary, **options)
        options.pop(option, None)
        object.__setattr__(self, "inner", rust.StreamParser(vocabulary, **options))

    return _stream(__init__=made)


def _another_message(text: Any, *, spaced: Any = False) -> str:
    try:
        return rust.arguments_to_json(text, spaced=spaced)
    except rust.ArgumentError as error:
        raise rust.ArgumentError(error.reason + "!", error.offset) from None


def _offset_in_bytes(text: Any, *, spaced: Any = False) -> str:
    try:
        return rust.arguments_to_json(text, spaced=spaced)
    except rust.ArgumentError as error:
        before = text[: error.offset].encode("utf-8", "replace")
        raise rust.ArgumentError(error.reason, len(before)) from None


def _values(change: Callable[[Any], Any]) -> Implementation:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else change(value)

    return Implementation(parse_arguments=lambda text: walk(rust.parse_arguments(text)))


def _unsorted(mapping: Any) -> str:
    text = rust.format_arguments(mapping)
    return text if len(mapping) < 2 else ",".join(rust.format_arguments({key: value}) for key, value in mapping.items())


class _Vocabulary:
    """As in Rust, but `len` counts one too many."""

    def __init__(self, pieces: Any) -> None:
        self.inner = rust.Vocabulary(pieces)

    def __len__(self) -> int:
        return len(self.inner) + 1

    def __repr__(self) -> str:
        return repr(self.inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _Forgiving(_Vocabulary):
    def __len__(self) -> int:
        return len(self.inner)

    def control_id(self, literal: str) -> int:
        try:
            return self.inner.control_id(literal)
        except KeyError:
            raise KeyError("no control token") from None


def _any_vocabulary(pieces: Any) -> Any:
    try:
        return rust.Vocabulary(pieces)
    except ValueError as error:
        raise ValueError(str(error).replace("token id", "id")) from None


class _File:
    """`from_file` raises another error for what is no JSON."""

    @staticmethod
    def from_file(path: Any) -> Any:
        try:
            return rust.Vocabulary.from_file(path)
        except ValueError as error:
            raise ValueError(str(error).partition(" at byte ")[0]) from None

    @staticmethod
    def from_tokenizer(tokenizer: Any) -> Any:
        return rust.Vocabulary.from_tokenizer(tokenizer)


def _start(prompt: Any, vocabulary: Any = None) -> str:
    if isinstance(prompt, str) and prompt.endswith("thought\n"):
        return "reasoning"
    return StreamParser.start_of(prompt, vocabulary)


def _float_as_int(value: Any) -> Any:
    whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return int(value) if whole else value


BREAKAGES = [
    Breakage("content split", "text", _changing(_split)),
    Breakage("content late", "text", _stream(changed=_late)),
    Breakage("ended never", "ids", _stream(ended=property(lambda self: False))),
    Breakage("reset does nothing", "text", _stream(reset=lambda self, *start: None)),
    Breakage("ids before a wrong one are kept", "machine", _stream(push=_ids_before_the_error)),
    *(Breakage(f"no {name}", "text", _without(name)) for name in ("tools", "coerce", "spaced", "lenient", "start")),
    Breakage("no parse_reasoning", "text", _without("parse_reasoning")),
    Breakage("parse without an end", "text", Implementation(parse=lambda *args, **options: rust.Message())),
    Breakage("another message", "arguments", Implementation(arguments_to_json=_another_message)),
    Breakage("offsets in bytes", "arguments", Implementation(arguments_to_json=_offset_in_bytes)),
    Breakage("no -0.0", "arguments", _values(lambda value: value + 0.0 if isinstance(value, float) else value)),
    Breakage("ints for floats", "arguments", _values(_float_as_int)),
    Breakage("floats for Decimal", "arguments", _values(lambda v: float(v) if type(v).__name__ == "Decimal" else v)),
    Breakage("keys unsorted", "format", Implementation(format_arguments=_unsorted)),
    Breakage("len", "vocabulary", Implementation(Vocabulary=_Vocabulary)),
    Breakage("another KeyError", "vocabulary", Implementation(Vocabulary=_Forgiving)),
    Breakage("another ValueError", "vocabulary", Implementation(Vocabulary=_any_vocabulary)),
    Breakage("no place in a file", "tokenizer", Implementation(Vocabulary=_File)),
    Breakage("the start by its last words", "start_of", _stream(start_of=staticmethod(_start))),
    Breakage("any order of calls", "machine", _stream(finish=lambda self, *reason: self.inner.finish("stop"))),
    Breakage("text of any type", "machine", _stream(push_text=lambda self, text: self.inner.push_text(str(text)))),
    Breakage("an event is a tuple", "event", Implementation(Event=lambda *fields: tuple(rust.Event(*fields)))),
]
