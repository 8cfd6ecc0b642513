"""SGLang's chat server without a model: its own handler, with a generator of texts in place of the engine.

Stubs stand for `triton` and `torchvision` where these are not installed; the parts used here do not need them.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any


class _Nothing:
    """Does nothing, under any name, also as a decorator."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        return given[0] if len(given) == 1 and callable(given[0]) and not named else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class _Stub(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing()


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def prepare() -> None:
    """Makes SGLang importable. transformers first: it asks for the version of torchvision if there is one."""
    importlib.import_module("transformers.models.auto.image_processing_auto")
    missing = [name for name in ("triton", "torchvision") if find_spec(name) is None]
    if missing:
        sys.meta_path.append(_Finder(missing))


@dataclass
class Answer:
    """An assistant message as the server sent it; of a stream, its chunks folded as a client does."""

    reasoning: str = ""
    content: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    finish: str | None = None
    ids: list[str] = field(default_factory=list)


class Server:
    """The handler of chat completions with these parsers."""

    def __init__(self, reasoning: str | None, calls: str | None) -> None:
        chat: Any = importlib.import_module("sglang.srt.entrypoints.openai.serving_chat")
        context: Any = importlib.import_module("sglang.srt.runtime_context")
        serving = SimpleNamespace(
            tool_call_parser=calls,
            reasoning_parser=reasoning,
            default_chat_template_kwargs=None,
            incremental_streaming_output=False,
            stream_response_default_include_usage=False,
            enable_cache_report=False,
            return_input_ids=False,
            return_output_ids=False,
        )
        chat.get_serving = context.get_serving = lambda: serving
        names = {"tool_call_parser": calls, "reasoning_parser": reasoning}
        config = SimpleNamespace(
            hf_config=SimpleNamespace(model_type="gemma4", architectures=["Gemma4ForCausalLM"]),
            get_default_sampling_params=lambda: {},
        )
        manager = SimpleNamespace(
            config_value=names.get,
            tokenizer=None,
            model_config=config,
            server_args=None,
            generate_request=self._generate,
        )
        templates = SimpleNamespace(
            reasoning_config=None, force_reasoning=False, chat_template_name=None, python_chat_template=None
        )
        self._chat = chat.OpenAIServingChat(manager, templates)
        self._protocol: Any = importlib.import_module("sglang.srt.entrypoints.openai.protocol")
        self._steps: list[tuple[int, str, str | None]] = []

    def request(self, tools: Sequence[Any], **more: Any) -> Any:
        return self._protocol.ChatCompletionRequest(
            model="gemma", messages=[{"role": "user", "content": "?"}], tools=list(tools) or None, **more
        )

    def stream(self, request: Any, deltas: Sequence[str], finish: str = "stop") -> Answer:
        """A streamed response; the last step tells the finish reason."""
        return self.streams(request, [deltas], finish)[0]

    def streams(self, request: Any, choices: Sequence[Sequence[str]], finish: str = "stop") -> list[Answer]:
        """Several choices of one response, their steps in turn."""
        texts = [""] * len(choices)
        self._steps = []
        for step in range(max(map(len, choices)) + 1):
            for number, deltas in enumerate(choices):
                if step > len(deltas):
                    continue
                texts[number] += deltas[step] if step < len(deltas) else ""
                self._steps.append((number, texts[number], finish if step == len(deltas) else None))
        answers = [Answer() for _ in choices]
        asyncio.run(self._read(request, answers))
        return answers

    def whole(self, request: Any, text: str, finish: str = "stop") -> Answer:
        """A response that is not streamed."""
        ret = {"text": text, "meta_info": _meta(finish), "index": 0}
        response = self._chat._build_chat_response(request, [ret], 0)
        choice = self._protocol.ChatCompletionResponse.model_validate_json(response.model_dump_json()).choices[0]
        message = choice.message
        calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
        ids = [call.id for call in message.tool_calls or []]
        return Answer(message.reasoning_content or "", message.content or "", calls, choice.finish_reason, ids)

    def responses(self, tools: Sequence[Any], text: str) -> tuple[str, str, list[tuple[str, str]]]:
        """A whole output as the Responses API reads it."""
        module: Any = importlib.import_module("sglang.srt.entrypoints.openai.serving_responses")
        handler = object.__new__(module.OpenAIServingResponses)
        handler.__dict__.update(self._chat.__dict__)
        flat = [{"type": "function", **tool["function"]} for tool in tools]
        request = self._protocol.ResponsesRequest(model="gemma", input="?", tools=flat)
        known = [self._protocol.Tool(**tool) for tool in tools]
        reasoning, content, calls, _ = handler._parse_text_output(request, text, known, require_reasoning=False)
        return reasoning or "", content or "", [(call.name, call.parameters) for call in calls]

    async def _generate(self, *_: Any) -> AsyncIterator[dict[str, Any]]:
        for number, text, finish in self._steps:
            yield {"index": number, "text": text, "meta_info": _meta(finish)}

    async def _read(self, request: Any, answers: list[Answer]) -> None:
        parts: dict[tuple[int, int], list[str]] = {}
        model = self._protocol.ChatCompletionStreamResponse
        async for line in self._chat._generate_chat_stream(None, request, None):
            body = line.removeprefix("data: ").strip()
            if body == "[DONE]":
                break
            assert "error" not in json.loads(body), body
            for choice in model.model_validate_json(body).choices:
                answer = answers[choice.index]
                answer.reasoning += choice.delta.reasoning_content or ""
                answer.content += choice.delta.content or ""
                answer.finish = choice.finish_reason or answer.finish
                for call in choice.delta.tool_calls or []:
                    if call.index == len(answer.calls):
                        assert call.id and call.function.name
                        answer.calls.append((call.function.name, ""))
                        answer.ids.append(call.id)
                    else:
                        assert call.id is None and call.function.name is None and call.index < len(answer.calls)
                    parts.setdefault((choice.index, call.index), []).append(call.function.arguments or "")
        for (number, index), pieces in parts.items():
            answers[number].calls[index] = (answers[number].calls[index][0], "".join(pieces))


def _meta(finish: str | None) -> dict[str, Any]:
    reason = {"type": finish, "matched": 106} if finish else None
    return {"id": "x", "finish_reason": reason, "prompt_tokens": 1, "completion_tokens": 1, "weight_version": "1"}
