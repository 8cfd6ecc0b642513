"""mlx-lm: the text state machine of its server, then `parse_tool_call` for each call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gemma4_parser.bench.contestants.base import WHOLE, Contestant, Keep, Place, Run, load
from gemma4_parser.bench.contestants.vllm import hugging_face_tokenizer
from gemma4_parser.bench.workloads import Answer, Workload


class _Steps:
    """The loop of the server's handler, with the chunks that it would send."""

    def __init__(self, machine: Any, state: Any, formatter: Any, *, streams: bool) -> None:
        self.machine = machine
        self.state = state
        self.format = formatter
        self.streams = streams
        self.before = "normal"
        self.tool_text = self.text = self.reasoning = ""
        self.calls: list[str] = []

    def drive(self, items: Sequence[tuple[str, str | None]], keep: Keep) -> None:
        machine, state = self.machine, self.state
        split = machine.split
        for given, finish in items:
            if finish == "stop":
                state, current = machine.discard(state)
                segments = [(current, "")]
            elif finish == "length":
                state, segments = split(state, given)
                state, flushed, current = machine.flush(state)
                segments.append((current, flushed))
            else:
                state, segments = split(state, given)
            for current, clean in segments:
                if current == "reasoning":
                    self.reasoning += clean
                elif current == "tool":
                    self.tool_text += clean
                elif current == "normal":
                    if self.before == "tool":
                        self.calls.append(self.tool_text)
                        self.tool_text = ""
                    self.text += clean
                self.before = current
            if self.streams and current != "tool" and (self.text or self.calls or self.reasoning):
                self.send(keep)
        self.state = state

    def send(self, keep: Keep) -> None:
        chunk = (self.reasoning, self.text, self.format(self.calls))
        self.reasoning = self.text = ""
        self.calls = []
        if keep is not None:
            keep(chunk)

    def close(self, keep: Keep) -> None:
        if self.before == "tool" and self.tool_text:
            self.calls.append(self.tool_text)
        self.send(keep)


class MlxLm(Contestant):
    """The server gives one token at a time to the machine; more at once here as several tokens' text in one."""

    name = "mlx-lm"
    label = "mlx-lm"
    kind = "peer"
    group = "mlx-lm"
    distributions = ("mlx-lm",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        import logging

        logging.disable(logging.WARNING)
        self.server = load("mlx_lm.server")
        generate, module = load("mlx_lm.generate"), load("mlx_lm.tool_parsers.gemma4")
        wrapper = load("mlx_lm.tokenizer_utils").TokenizerWrapper
        tokenizer = wrapper(
            hugging_face_tokenizer(place),
            tool_call_start=module.tool_call_start,
            tool_call_end=module.tool_call_end,
            tool_parser=module.parse_tool_call,
        )
        self.parse = tokenizer.tool_parser
        self.machine = generate.make_text_state_machine(tokenizer)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        # Its server has no other way for whole outputs than token by token. All text at once flatters it.
        deltas = [workload.text] if feed == WHOLE else [text for text, _ in workload.deltas(int(feed))]
        items: list[tuple[str, str | None]] = [(text, None) for text in deltas]
        if not workload.stops:
            items[-1] = (items[-1][0], workload.finish)
        elif feed == "1":
            items[-1] = ("", "stop")
        else:
            items.append(("", "stop"))
        return items

    def open(self, workload: Workload, feed: str) -> Run:
        streams = feed != WHOLE
        formatter = self.server.ToolCallFormatter(self.parse, workload.tools, streams)
        return _Steps(self.machine, self.machine.make_state("normal"), formatter, streams=streams)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        calls = [call["function"] for _, _, calls in kept for call in calls]
        return Answer(
            "".join(reasoning for reasoning, _, _ in kept),
            "".join(text for _, text, _ in kept),
            [(call["name"], call["arguments"]) for call in calls],
        )

    def pieces(self, kept: list[Any]) -> list[str]:
        return [call["function"]["arguments"] for _, _, calls in kept for call in calls]
