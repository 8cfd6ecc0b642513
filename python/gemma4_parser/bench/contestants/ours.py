"""This package: the extension and the pure-Python twin, fed ids, arrays of ids, and text."""

from __future__ import annotations

from array import array
from importlib import import_module
from typing import Any, ClassVar

from gemma4_parser.bench.contestants.base import ARGUMENTS, WHOLE, Contestant, Each, Missing, Place, Run
from gemma4_parser.bench.workloads import Answer, Workload, compact


class Ids(Contestant):
    """`push(id)`, `push(list of ids)`; `parse(list of ids)`."""

    name = "ours"
    label = "this, ids"
    kind = "ours"
    group = "ours"
    module: ClassVar[str] = "_rust"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        try:
            self.g4: Any = import_module(f"gemma4_parser.{self.module}")
        except ImportError as error:
            raise Missing(f"{error}") from error
        self.vocabulary = self.g4.Vocabulary.from_file(place.tokenizer)

    @classmethod
    def title(cls) -> str:
        return cls.label

    def items(self, workload: Workload, feed: str) -> list[Any]:
        if feed == WHOLE:
            return [workload.ids]
        if feed == "1":
            return workload.ids
        return [ids for _, ids in workload.deltas(int(feed))]

    def open(self, workload: Workload, feed: str) -> Run:
        finish = workload.finish
        if feed == WHOLE:
            parse, vocabulary, tools = self.g4.parse, self.vocabulary, workload.tools
            return Each(lambda output: parse(output, vocabulary, finish=finish, tools=tools))
        stream = self.g4.StreamParser(self.vocabulary, tools=workload.tools)
        return Each(self.method(stream), lambda: stream.finish(finish))

    def method(self, stream: Any) -> Any:
        return stream.push

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        if feed == WHOLE:
            message = kept[0]
        else:
            message = self.g4.Message.from_events([event for events in kept for event in events])
        calls = [(call.name, call.arguments) for call in message.tool_calls]
        return Answer(message.reasoning or "", message.content or "", calls)

    def pieces(self, kept: list[Any]) -> list[str]:
        if kept and not isinstance(kept[0], list):
            return []
        return [event.text for events in kept for event in events if event.kind == "call_arguments"]


class Array(Ids):
    """The same with buffers of 32-bit ids, as numpy arrays are."""

    name = "ours-array"
    label = "this, arrays"
    feeds = ("16", "64", WHOLE)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        return [array("I", ids) for ids in super().items(workload, feed)]


class Text(Ids):
    """`push_text(text)`; `parse(text)`. The ids of the stop token have no text, so the stream is told by `finish`."""

    name = "ours-text"
    label = "this, text"

    def items(self, workload: Workload, feed: str) -> list[Any]:
        if feed == WHOLE:
            return [workload.text]
        return [text for text, _ in workload.deltas(int(feed))]

    def method(self, stream: Any) -> Any:
        return stream.push_text


class TwinIds(Ids):
    """The pure-Python implementation."""

    name = "twin"
    label = "twin, ids"
    kind = "twin"
    group = "twin"
    module = "_pure"


class TwinText(Text):
    """The pure-Python implementation, fed text."""

    name = "twin-text"
    label = "twin, text"
    kind = "twin"
    group = "twin"
    module = "_pure"


class Arguments(Ids):
    """`parse_arguments`: the arguments of a call to a Python value."""

    name = "parse_arguments"
    label = "parse_arguments"
    kind = "reader"
    feeds = (ARGUMENTS,)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        return [workload.arguments]

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(self.g4.parse_arguments)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        return value_answer(workload, kept)

    def pieces(self, kept: list[Any]) -> list[str]:
        return []


def value_answer(workload: Workload, kept: list[Any]) -> Answer:
    """The answer of what reads arguments alone."""
    return Answer(calls=[(workload.answer.calls[0][0], compact(kept[0]))])
