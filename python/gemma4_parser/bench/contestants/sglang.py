"""SGLang: `ReasoningParser`, then `FunctionCallParser`, for each chunk of text, as its chat server calls them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from gemma4_parser.bench.contestants.base import WHOLE, Calls, Contestant, Each, Keep, Place, Run, load
from gemma4_parser.bench.workloads import Answer, Workload

NAME = "gemma4"
STUBBED = ("triton", "torchvision")
"""Used by kernels and images only: stubs where they are not installed."""


class _Stub(ModuleType):
    """A module in which every name is there and does nothing, also as a decorator."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing()


class _Nothing:
    def __call__(self, *given: Any, **named: Any) -> Any:
        return given[0] if len(given) == 1 and callable(given[0]) and not named else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class _Finder(MetaPathFinder, Loader):
    """Finds stubs for missing packages and all that is imported from them."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _Steps:
    def __init__(self, reasoning: Any, calls: Any, item: Any) -> None:
        self.reasoning = reasoning
        self.calls = calls
        self.item = item

    def drive(self, items: Sequence[str], keep: Keep) -> None:
        parse_reasoning, parse_calls = self.reasoning.parse_stream_chunk, self.calls.parse_stream_chunk
        for text in items:
            reasoning, rest = parse_reasoning(text)
            content, calls = parse_calls(rest)
            if keep is not None:
                keep((reasoning, content, calls))

    def close(self, keep: Keep) -> None:
        reasoning, rest = self.reasoning.parse_stream_end()
        content, calls = self.calls.parse_stream_chunk(rest) if rest else ("", [])
        last, more = self.calls.parse_stream_end()
        unsent = self.unsent()
        if keep is not None:
            keep((reasoning, (content or "") + (last or ""), [*calls, *more]))
            if unsent:
                keep((None, "", [self.item(tool_index=0, name=None, parameters=unsent)]))

    def unsent(self) -> str:
        """What of the arguments of the last call the server would still send."""
        detector = self.calls.detector
        calls = getattr(detector, "prev_tool_call_arr", None)
        sent = getattr(detector, "streamed_args_for_tool", None)
        if not calls or not sent or len(calls) > len(sent):
            return ""
        arguments = calls[-1].get("arguments", {})
        expected = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        done = sent[len(calls) - 1]
        return expected[len(done) :] if expected.startswith(done) else ""


class Sglang(Contestant):
    """Both parsers for each chunk and their calls at the end; whole outputs by `parse_non_stream` of both."""

    name = "sglang"
    label = "SGLang"
    kind = "peer"
    group = "sglang"
    distributions = ("sglang",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        sys.meta_path.append(_Finder([name for name in STUBBED if find_spec(name) is None]))
        self.reasoning_parser = load("sglang.srt.parser.reasoning_parser").ReasoningParser
        self.call_parser = load("sglang.srt.function_call.function_call_parser").FunctionCallParser
        self.item = load("sglang.srt.function_call.core_types").ToolCallItem
        self.tool = load("sglang.srt.entrypoints.openai.protocol").Tool
        self.tools: dict[str, list[Any]] = {}

    def items(self, workload: Workload, feed: str) -> list[Any]:
        return [workload.text] if feed == WHOLE else [text for text, _ in workload.deltas(int(feed))]

    def open(self, workload: Workload, feed: str) -> Run:
        if workload.name not in self.tools:
            self.tools[workload.name] = [self.tool(**tool) for tool in workload.tools]
        reasoning = self.reasoning_parser(NAME, feed != WHOLE, False, tool_call_parser_active=True)
        calls = self.call_parser(self.tools[workload.name], NAME)
        if feed == WHOLE:

            def parse(text: str) -> tuple[Any, Any, Any]:
                thought, rest = reasoning.parse_non_stream(text)
                found: list[Any] = []
                if calls.has_tool_call(rest):
                    rest, found = calls.parse_non_stream(rest)
                return thought, rest, found

            return Each(parse)
        return _Steps(reasoning, calls, self.item)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        # The index is the tool's place in the request there, so that two calls of one tool have the same: a name
        # starts a call.
        calls = Calls()
        count = -1
        for _, _, items in kept:
            for item in items:
                count += bool(item.name)
                calls.add(count, item.name, item.parameters)
        reasoning = "".join(thought or "" for thought, _, _ in kept)
        return Answer(reasoning, "".join(content or "" for _, content, _ in kept), calls.list())

    def pieces(self, kept: list[Any]) -> list[str]:
        return [item.parameters for _, _, items in kept for item in items if item.parameters]
