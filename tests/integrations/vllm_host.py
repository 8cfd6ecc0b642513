"""What the tests of the vLLM parsers share: a tokenizer, requests, and the server's path per step, in either vLLM.

The path is vLLM's own: `parse_delta` of the parser that `ParserManager` composes, behind `ChatStreamProcessor.step`
where this vLLM has it. Nothing of vLLM is replaced.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gemma4_parser as g4
from helpers import CONTROL_IDS, pieces

TURN_END = CONTROL_IDS["<turn|>"]
STOPS = {CONTROL_IDS[literal] for literal in ("<eos>", "<turn|>", "<|tool_response>")}
PROMPT = {
    "content": [CONTROL_IDS["<|turn>"]],
    "closed": [CONTROL_IDS["<|turn>"], CONTROL_IDS["<|channel>"], CONTROL_IDS["<channel|>"]],
    "reasoning": [CONTROL_IDS["<|turn>"], CONTROL_IDS["<|channel>"]],
}
"""Ends of prompts: a new turn, one with the thought closed in advance, one within a thought."""


def offered(*places: str) -> Any:
    """The first of the places, `module:name`, that this vLLM has."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise LookupError(places)


def has(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


@cache
def two_halves() -> bool:
    """Whether this vLLM has the protocol of 0.33."""
    return has("vllm.entrypoints.openai.chat_completion.stream_processor", "ChatStreamProcessor")


@cache
def tokenizer() -> Any:
    """The stand-in vocabulary as a tokenizer of `transformers`, cached as the server does it."""
    words = {number: piece for number, piece in pieces().items() if number not in CONTROL_IDS.values()}
    vocab = {
        f"<0x{piece[0]:02X}>" if len(piece) == 1 and 238 <= number < 494 else piece.decode(): number
        for number, piece in words.items()
    }
    content = {
        "version": "1.0",
        "added_tokens": [
            {
                **{"id": number, "content": literal, "special": True, "single_word": False},
                **{"lstrip": False, "rstrip": False, "normalized": False},
            }
            for literal, number in CONTROL_IDS.items()
        ],
        "model": {
            **{"type": "BPE", "vocab": {**vocab, **CONTROL_IDS}, "merges": [], "byte_fallback": True},
            **{"fuse_unk": False, "ignore_merges": False, "dropout": None, "unk_token": None},
            **{"continuing_subword_prefix": None, "end_of_word_suffix": None},
        },
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        **dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor")),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        made = importlib.import_module("transformers").PreTrainedTokenizerFast(
            tokenizer_file=str(path), eos_token="<eos>", bos_token="<bos>", pad_token="<pad>", unk_token="<unk>"
        )
    return importlib.import_module("vllm.tokenizers.hf").get_cached_tokenizer(made)


@cache
def vocabulary() -> g4.Vocabulary:
    return g4.Vocabulary(pieces())


def request(tools: list[dict[str, Any]] | None = None, **fields: Any) -> Any:
    """A chat request, checked by the host."""
    protocol = importlib.import_module("vllm.entrypoints.openai.chat_completion.protocol")
    given: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": True}
    if tools:
        given |= {"tools": tools, "tool_choice": "auto"}
    return protocol.ChatCompletionRequest(**{**given, **fields})


@cache
def composed(tool: str | None = "gemma4_rust", reasoning: str | None = "gemma4_rust") -> Any:
    """The parser class that the server makes of the two flags."""
    importlib.import_module("gemma4_parser.integrations.vllm").register()
    manager = offered("vllm.parser.parser_manager:ParserManager")
    made = manager.get_parser(tool, reasoning, enable_auto_tools=True)
    if two_halves():
        return made
    # 0.22 sets the halves on one class for the whole process; a subclass keeps this test's own.
    halves = {"reasoning_parser_cls": made.reasoning_parser_cls, "tool_parser_cls": made.tool_parser_cls}
    return type("Composed", (made,), halves)


@dataclass
class Said:
    """What the client of a stream has."""

    reasoning: str = ""
    content: str = ""
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    finish_reason: str | None = None

    def add(self, message: Any) -> None:
        if message is None:
            return
        # The host's own models accept it, and a client sees the same fields.
        assert type(message).model_validate(message.model_dump()) == message
        sent = json.loads(message.model_dump_json(exclude_unset=True))
        self.messages.append(sent)
        self.reasoning += sent.get("reasoning") or ""
        self.content += sent.get("content") or ""
        for piece in sent.get("tool_calls", ()):
            call = self.calls.setdefault(piece["index"], {"name": "", "arguments": ""})
            function = piece["function"]
            if piece.get("id"):
                assert call.setdefault("id", piece["id"]) == piece["id"]
                assert piece["type"] == "function"
                call["name"] = function["name"]
            assert call["name"], "the first piece of a call has its name"
            call["arguments"] += function.get("arguments") or ""

    def accepted(self) -> list[tuple[str, str]]:
        """Names and arguments of the calls whose arguments are JSON."""
        found = []
        for index in sorted(self.calls):
            try:
                json.loads(self.calls[index]["arguments"])
            except ValueError:
                continue
            found.append((self.calls[index]["name"], self.calls[index]["arguments"]))
        return found


class Server:
    """One choice of one streamed request."""

    def __init__(self, request: Any, *, prompt: Sequence[int], thinking: bool = True, parser_class: Any = None) -> None:
        self.request = request
        self.prompt = list(prompt)
        self.said = Said()
        self.parser_class = composed() if parser_class is None else parser_class
        kwargs = {"chat_template_kwargs": {"enable_thinking": thinking}}
        self.parser = self.parser_class(tokenizer(), request.tools, **kwargs)
        self.processor: Any = None
        if two_halves():
            made = offered("vllm.entrypoints.openai.chat_completion.stream_processor:ChatStreamProcessor")
            self.processor = made(request, self.parser, enable_auto_tools=True, parser_cls=self.parser_class)

    def step(self, ids: list[int], text: str, finish: str | None = None) -> Any:
        if self.processor is not None:
            step = self.processor.step(text, ids, finish, self.prompt)
            self.said.finish_reason = step.finish_reason
            message = step.delta
        else:
            message = self.parser.parse_delta(text, ids, self.request, self.prompt)
            message = self._last(message) if finish else message
        self.said.add(message)
        return message

    def _last(self, message: Any) -> Any:
        """What the server of 0.22 makes of the last message."""
        serving = importlib.import_module("vllm.entrypoints.openai.chat_completion.serving").OpenAIServingChat
        tool = self.parser.tool_parser
        if tool is None or not tool.prev_tool_call_arr or not (message and message.tool_calls):
            return message
        first = message.tool_calls[0].function
        if not first or first.arguments is None:
            return message
        index = len(tool.prev_tool_call_arr) - 1
        arguments = tool.prev_tool_call_arr[index].get("arguments", {})
        expected = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        actual = tool.streamed_args_for_tool[index]
        actual = actual[: -len(first.arguments)] if first.arguments else actual
        return serving._create_remaining_args_delta(message, expected.replace(actual, "", 1), index)

    def run(self, ids: Sequence[int], size: int, finish: str = "stop", lag: int = 0) -> Said:
        """All the steps of an output; `lag`: the text comes this many steps later."""
        steps = list(in_steps(ids, size))
        texts = [""] * lag + [text for _, text in steps]
        for number, (chunk, _) in enumerate(steps):
            last = number == len(steps) - 1
            text = "".join(texts[number:]) if last else texts[number]
            self.step(chunk, text, finish if last else None)
        return self.said


def in_steps(ids: Sequence[int], size: int) -> Iterator[tuple[list[int], str]]:
    """Steps of `size` ids with the text that the server's detokenizer gives in each: incomplete characters are held."""
    table = pieces()
    held = b""
    for at in range(0, len(ids), size):
        chunk = list(ids[at : at + size])
        text = ""
        for number in chunk:
            if number in CONTROL_IDS.values():
                text += held.decode("utf-8", "replace")
                held = b""
                # The text of the stop token is left out.
                if not (number in STOPS and at + size >= len(ids) and number == ids[-1]):
                    text += table[number].decode()
                continue
            held += table[number]
            whole = held.decode("utf-8", "ignore")
            if held.decode("utf-8", "replace") == whole:
                text += whole
                held = b""
            elif len(held) > 3:
                text += held.decode("utf-8", "replace")
                held = b""
        yield chunk, text
