"""What the tests of hosts other than vLLM share: outputs cut as a detokeniser gives them, and generated ones."""

from __future__ import annotations

import codecs
import importlib
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import gemma4_parser as g4
from helpers import CONTROL_IDS, Case, cases, pieces, tokenise

SIZES = ("1 character", "1", "4", "16", "whole")
"""How outputs are cut: one character at a time, so many tokens at a time, not at all."""

TEXT_CASES = [case for case in cases() if "text" in case.forms]
OTHER_TOOL = {"type": "function", "function": {"name": "other_tool", "parameters": {"type": "object"}}}
"""For cases without tools: a server calls none where the request has none."""


def deltas(text: str, size: str) -> list[str]:
    """The text in pieces; what is no complete character yet waits for the next one."""
    if size == "whole":
        return [text]
    if size == "1 character":
        return list(text)
    known, ids, step = pieces(), tokenise(text.encode("utf-8", "replace").decode()), int(size)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    groups = [b"".join(known[token] for token in ids[at : at + step]) for at in range(0, len(ids), step)]
    return [decoder.decode(group) for group in groups]


def tokenizer() -> Any:
    """The stand-in vocabulary as a tokenizer of transformers."""
    tokenizers: Any = importlib.import_module("tokenizers")
    ordinary = {number: piece for number, piece in pieces().items() if number not in CONTROL_IDS.values()}
    vocab = {
        f"<0x{piece[0]:02X}>" if len(piece) == 1 and number < 494 else piece.decode(): number
        for number, piece in ordinary.items()
    }
    made = tokenizers.Tokenizer(tokenizers.models.BPE({**vocab, **CONTROL_IDS}, [], byte_fallback=True))
    decoders = tokenizers.decoders
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    made.add_special_tokens(list(CONTROL_IDS))
    return importlib.import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<eos>", bos_token="<bos>", pad_token="<pad>", unk_token="<unk>"
    )


def tools_of(case: Case) -> list[dict[str, Any]]:
    """The tools of a case in the form that a server takes, or one that is never called."""
    found = []
    for tool in case.options.get("tools") or []:
        function = tool.get("function", tool)
        found.append({"type": "function", "function": {"parameters": None, **function}})
    return found or [OTHER_TOOL]


class Turn(NamedTuple):
    """A generated turn, as the chat template writes it, and what it says."""

    text: str
    reasoning: str
    content: str
    calls: list[tuple[str, dict[str, Any]]]


NAMES = ("get_weather", "edit-file", "now", "ns.search")
KEYS = ("city", "path", "days", "edits", "Content-Type", "a", "größe", "$ref")
# fmt: off
TEXTS = (
    "Paris", "", "a b", 'say "x"', "{[,:]}", "C:\\new", "line\nline", "東京 😀", "call:f{", "<b>", "it's", "x, y: z",
    "007", "true", "null", " padded ", "1e5",
)
# fmt: on
NUMBERS: tuple[Any, ...] = (0, 1, -42, 2.5, 10**20, 1e-05, 1e22, -0.5)
PROSE = ("One moment.", "I should look it up.", "a < b | c", "Done: 東京", "`code` {x}")


def value(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(9 if depth < 3 else 5)
    if kind < 2:
        return source.choice(TEXTS)
    if kind == 2:
        return source.choice(NUMBERS)
    if kind < 5:
        return source.choice((True, False, None))
    if kind < 7:
        return [value(source, depth + 1) for _ in range(source.randrange(4))]
    return arguments(source, depth + 1) if kind == 7 else [[source.choice(TEXTS)]]


def arguments(source: random.Random, depth: int = 0) -> dict[str, Any]:
    return {key: value(source, depth) for key in source.sample(KEYS, source.randrange(4))}


def call_text(name: str, given: dict[str, Any]) -> str:
    return f"<|tool_call>call:{name}{{{g4.format_arguments(given)}}}<tool_call|>"


def turns(count: int, seed: int) -> Iterator[Turn]:
    """Turns with a thought or none, text or none, and up to three calls."""
    source = random.Random(seed)
    for _ in range(count):
        reasoning = source.choice(("", *PROSE))
        content = source.choice(("", *PROSE))
        calls = [(source.choice(NAMES), arguments(source)) for _ in range(source.randrange(4))]
        thought = f"<|channel>thought\n{reasoning}\n<channel|>" if reasoning else ""
        text = thought + content + "".join(call_text(*call) for call in calls)
        yield Turn(text, reasoning, content, calls)


def expected_content(message: g4.Message, *, started: bool) -> str:
    """The content of a message, or what of it could not be parsed where it says nothing else.

    `started`: what was sent of rejected calls counts as something.
    """
    content = message.content or ""
    left = [span for span in message.unparsed if span.reason != "stray_marker"]
    if content.strip() or message.tool_calls or (started and any(span.name is not None for span in left)):
        return content
    starts = (f"<|tool_call>call:{span.name}{span.arguments}" if span.name is not None else "" for span in left)
    return content + "".join(start + span.text for start, span in zip(starts, left, strict=True))
