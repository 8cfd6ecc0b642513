"""transformers: `ResponseParser` with the Gemma 4 template of `transformers serve`, and that server's chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gemma4_parser.bench.contestants.base import WHOLE, Contestant, Each, Keep, Place, Run, load
from gemma4_parser.bench.contestants.vllm import hugging_face_tokenizer
from gemma4_parser.bench.workloads import Answer, Workload

MODEL = "gemma4"


class _Steps:
    def __init__(self, parser: Any, chunks_of: Any) -> None:
        self.parser = parser
        self.chunks_of = chunks_of

    def drive(self, items: Sequence[str], keep: Keep) -> None:
        feed, chunks_of = self.parser.feed, self.chunks_of
        for text in items:
            chunks = chunks_of(feed(text))
            if keep is not None:
                keep(chunks)

    def close(self, keep: Keep) -> None:
        try:
            _, events = self.parser.finalize()
        except (ValueError, RuntimeError):
            # As the server: what is left of an output that ended within a call is dropped.
            events = []
        chunks = self.chunks_of(events)
        if keep is not None:
            keep(chunks)


class Transformers(Contestant):
    """`feed` and the server's conversion of the events; whole outputs by `parse_response`."""

    name = "transformers"
    label = "transformers"
    kind = "peer"
    group = "transformers"
    distributions = ("transformers",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.parsing = load("transformers.utils.chat_parsing")
        self.serving = load("transformers.cli.serving.utils")
        templates = self.serving._RESPONSE_TEMPLATE_FALLBACKS
        self.template = next(template for models, template in templates.items() if MODEL in models)
        self.tokenizer = hugging_face_tokenizer(place)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        # The text of the stop token reaches this parser; the template ends content with it.
        stop = workload.pieces[-1] if workload.stops else ""
        if feed == WHOLE:
            return [workload.text + stop]
        deltas = [text for text, _ in workload.deltas(int(feed))]
        deltas[-1] += stop
        return deltas

    def open(self, workload: Workload, feed: str) -> Run:
        prefix, tools = self.tokenizer.decode(workload.prompt), workload.tools
        if feed == WHOLE:
            parse, template = self.parsing.parse_response, self.template
            return Each(lambda text: parse(text, template, prefix=prefix, tools=tools))
        parser = self.parsing.ResponseParser(self.template, prefix=prefix, tools=tools)
        return _Steps(parser, self.serving.response_events_to_chunks)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        if feed == WHOLE:
            message = kept[0]
            calls = [self.serving._normalize_tool_call(call) for call in message.get("tool_calls") or ()]
            found = [(call.name, call.arguments) for call in calls]
            return Answer(message.get("reasoning_content") or "", message.get("content") or "", found)
        answer = Answer()
        for chunk in (chunk for chunks in kept for chunk in chunks):
            if isinstance(chunk, self.serving.ToolCall):
                answer.calls.append((chunk.name, chunk.arguments))
            elif isinstance(chunk, self.serving.ReasoningText):
                answer.reasoning += str(getattr(chunk, "text", chunk))
            else:
                answer.content += chunk
        return answer

    def pieces(self, kept: list[Any]) -> list[str]:
        chunks = (chunk for chunks in kept if isinstance(chunks, list) for chunk in chunks)
        return [chunk.arguments for chunk in chunks if isinstance(chunk, self.serving.ToolCall)]
