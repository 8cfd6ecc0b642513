"""vLLM: the parser that `ParserManager` composes for the name `gemma4`, called as the chat server calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gemma4_parser.bench.contestants.base import WHOLE, Calls, Contestant, Each, Keep, Place, Run, load, number
from gemma4_parser.bench.workloads import Answer, Workload
from gemma4_parser.tokens import CONTROL_TOKENS

NAME = "gemma4"
ENGINE_PARSERS = (0, 33)
"""From here on the server steps a `ChatStreamProcessor`."""


def hugging_face_tokenizer(place: Place) -> Any:
    """The stand-in vocabulary as a tokenizer of `transformers`."""
    return load("transformers").PreTrainedTokenizerFast(
        tokenizer_file=str(place.tokenizer),
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=list(CONTROL_TOKENS),
        clean_up_tokenization_spaces=False,
    )


class _Vllm(Contestant):
    label = "vLLM"
    kind = "peer"
    distributions = ("vllm",)
    feeds = ("1", "4", "16", "64", WHOLE)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        load("vllm.logger")
        import logging

        logging.getLogger("vllm").setLevel(logging.ERROR)
        # As the server does it: the vocabulary is made a dict once.
        self.tokenizer = load("vllm.tokenizers.hf").get_cached_tokenizer(hugging_face_tokenizer(place))
        self.protocol = load("vllm.entrypoints.openai.chat_completion.protocol")
        manager = load("vllm.parser.parser_manager").ParserManager
        self.parser_class = manager.get_parser(NAME, NAME, enable_auto_tools=True)
        self.requests: dict[str, Any] = {}

    def request(self, workload: Workload) -> Any:
        """The request of a workload, made once."""
        if workload.name not in self.requests:
            message = {"role": "user", "content": "?"}
            self.requests[workload.name] = self.protocol.ChatCompletionRequest(
                model="m", messages=[message], tools=workload.tools, tool_choice="auto", skip_special_tokens=False
            )
        return self.requests[workload.name]

    def parser(self, workload: Workload, **options: Any) -> Any:
        """The parser of one request."""
        return self.parser_class(
            self.tokenizer, self.request(workload).tools, chat_template_kwargs=self.thinking(workload), **options
        )

    def thinking(self, workload: Workload) -> dict[str, Any]:
        return {"enable_thinking": bool(workload.answer.reasoning)}

    def items(self, workload: Workload, feed: str) -> list[Any]:
        if feed == WHOLE:
            return [workload.text]
        deltas = workload.deltas(int(feed))
        last = len(deltas) - 1
        return [(text, ids, workload.finish if at == last else None) for at, (text, ids) in enumerate(deltas)]

    def pieces(self, kept: list[Any]) -> list[str]:
        deltas = (delta for delta in kept if delta is not None and hasattr(delta, "tool_calls"))
        functions = (call.function for delta in deltas for call in delta.tool_calls or ())
        return [function.arguments for function in functions if function is not None and function.arguments]


def fold(deltas: list[Any]) -> Answer:
    """What the deltas amount to at the client."""
    calls = Calls()
    reasoning, content = [], []
    for delta in deltas:
        if delta is None:
            continue
        reasoning.append(delta.reasoning or "")
        content.append(delta.content or "")
        for call in delta.tool_calls or ():
            function = call.function
            calls.add(call.index, function and function.name, function and function.arguments)
    return Answer("".join(reasoning), "".join(content), calls.list())


class _Steps033:
    def __init__(self, processor: Any, prompt: list[int]) -> None:
        self.processor = processor
        self.prompt = prompt

    def drive(self, items: Sequence[tuple[str, list[int], str | None]], keep: Keep) -> None:
        step, prompt = self.processor.step, self.prompt
        for text, ids, finish in items:
            done = step(text, ids, finish, prompt)
            if keep is not None:
                keep(done.delta)

    def close(self, keep: Keep) -> None:
        pass


class Vllm033(_Vllm):
    """`ChatStreamProcessor.step` for each delta; `Parser.parse` for whole outputs."""

    name = "vllm033"
    needs = "vllm 0.33 or newer"
    group = "vllm033"

    @classmethod
    def wants(cls, versions: dict[str, str]) -> bool:
        return "vllm" in versions and number(versions["vllm"]) >= ENGINE_PARSERS

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.processor = load("vllm.entrypoints.openai.chat_completion.stream_processor").ChatStreamProcessor

    def open(self, workload: Workload, feed: str) -> Run:
        parser, request = self.parser(workload, model_config=None), self.request(workload)
        if feed == WHOLE:
            parser.set_prompt_token_ids(workload.prompt)
            ids = workload.ids
            return Each(lambda text: parser.parse(text, request, enable_auto_tools=True, model_output_token_ids=ids))
        processor = self.processor(request, parser, enable_auto_tools=True, parser_cls=self.parser_class)
        return _Steps033(processor, workload.prompt)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        if feed != WHOLE:
            return fold(kept)
        reasoning, content, calls = kept[0]
        return Answer(reasoning or "", content or "", [(call.name, call.arguments) for call in calls or ()])


class _Steps022:
    def __init__(self, parser: Any, request: Any, prompt: list[int], protocol: Any) -> None:
        self.parser = parser
        self.request = request
        self.prompt = prompt
        self.protocol = protocol

    def drive(self, items: Sequence[tuple[str, list[int], str | None]], keep: Keep) -> None:
        parse_delta, request, prompt = self.parser.parse_delta, self.request, self.prompt
        for text, ids, finish in items:
            delta = parse_delta(delta_text=text, delta_token_ids=ids, request=request, prompt_token_ids=prompt)
            if finish is not None:
                delta = self.last(delta)
            if keep is not None:
                keep(delta)

    def close(self, keep: Keep) -> None:
        pass

    def last(self, delta: Any) -> Any:
        """The last delta of a call brings what of its arguments was not sent yet, as the server sees to it."""
        tool_parser = self.parser.tool_parser
        calls = delta.tool_calls if delta else None
        if not calls or calls[0].function is None or calls[0].function.arguments is None:
            return delta
        if not tool_parser.prev_tool_call_arr:
            return delta
        index = len(tool_parser.prev_tool_call_arr) - 1
        arguments = tool_parser.prev_tool_call_arr[index].get("arguments", {})
        expected = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        sent = tool_parser.streamed_args_for_tool[index]
        latest = len(calls[0].function.arguments)
        sent = sent[:-latest] if latest else sent
        own = next((call for call in calls if call.index == index), None)
        function = self.protocol.DeltaFunctionCall(
            name=own.function.name if own and own.function else None, arguments=expected.replace(sent, "", 1)
        )
        call = self.protocol.DeltaToolCall(
            index=index, id=own.id if own else None, type=own.type if own else None, function=function
        )
        return self.protocol.DeltaMessage(tool_calls=[call])


class Vllm022(_Vllm):
    """`parse_delta` of the composed parser, with the server's repair at the end of the stream.

    Whole outputs: `extract_reasoning`, then `extract_tool_calls` of its content.
    """

    name = "vllm022"
    needs = "vllm older than 0.33"
    group = "vllm022"

    @classmethod
    def wants(cls, versions: dict[str, str]) -> bool:
        return "vllm" in versions and number(versions["vllm"]) < ENGINE_PARSERS

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.deltas = load("vllm.entrypoints.openai.engine.protocol")

    def open(self, workload: Workload, feed: str) -> Run:
        parser, request = self.parser(workload), self.request(workload)
        if feed == WHOLE:

            def parse(text: str) -> tuple[Any, Any]:
                reasoning, content = parser.reasoning_parser.extract_reasoning(text, request=request)
                found = parser.tool_parser.extract_tool_calls("" if content is None else content, request=request)
                return reasoning, found

            return Each(parse)
        return _Steps022(parser, request, workload.prompt, self.deltas)

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        if feed != WHOLE:
            return fold(kept)
        reasoning, found = kept[0]
        calls = [(call.function.name, call.function.arguments) for call in found.tool_calls]
        return Answer(reasoning or "", found.content or "", calls)
