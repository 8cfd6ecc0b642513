"""Side by side with the parser that vLLM has built in, on well-formed output: equal, or for a reason of the table.

With the profile of the version, the JSON text of the arguments is compared byte for byte.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

import gemma4_parser as g4
from gemma4_parser.integrations.delta import Settings
from gemma4_parser.integrations.profiles import PROFILES
from integrations.test_vllm_stream import settings, turn
from integrations.vllm_host import PROMPT, Said, Server, composed, request, tokenizer, two_halves
from references.corpus import Values

COUNT = 200
VERSION = "0.33" if two_halves() else "0.22"
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
NAMES = ("f", "get_weather", "a-b", "a.b")


class Case:
    """One output: a thought or none, text or none, calls, text between or behind them."""

    def __init__(self, seed: int) -> None:
        source = random.Random(seed)
        values = Values(seed)
        self.thought = source.choice(("", "Hm.", "It is é 東京.\nSo: call it."))
        self.newline = source.choice(("\n", "", "\n\n"))
        self.text = source.choice(("", "One moment.", 'A text {with} brackets, "quotes".', " ", "Yes. "))
        self.between = source.choice(("", "", "", "\n", "More."))
        self.arguments = [values.arguments() for _ in range(source.choice((0, 1, 1, 2, 3)))]
        self.names = [source.choice(NAMES) for _ in self.arguments]
        self.schemas = source.random() < 0.5
        self.tools = list(self._tools(source))

    def _tools(self, source: random.Random) -> Iterator[dict[str, Any]]:
        for name in NAMES:
            properties = {
                key: {"type": source.choice(TYPES)} if source.random() < 0.8 else {"anyOf": [{"type": "string"}, {}]}
                for arguments in self.arguments
                for key in arguments
            }
            parameters = {"type": "object", "properties": properties} if self.schemas else {"type": "object"}
            yield {"type": "function", "function": {"name": name, "parameters": parameters}}

    @property
    def calls(self) -> list[str]:
        return [
            f"<|tool_call>call:{name}{{{g4.format_arguments(arguments)}}}<tool_call|>"
            for name, arguments in zip(self.names, self.arguments, strict=True)
        ]

    @property
    def output(self) -> str:
        thought = f"<|channel>thought\n{self.thought}{self.newline}<channel|>" if self.thought else ""
        return thought + self.text + "".join(call + self.between for call in self.calls)


CASES = [Case(seed) for seed in range(COUNT)]


class Found(NamedTuple):
    """A field that the two parsers give differently."""

    field: str
    case: Case
    prompt: str
    size: int
    profile: str
    theirs: Any
    ours: Any


class Row(NamedTuple):
    version: str
    reason: str
    when: Callable[[Found], bool]


def squeezed(text: str) -> str:
    return "".join(text.split())


DIFFERENCES = [
    Row(
        "0.22",
        "Without a thought, and none closed in the prompt, its reasoning phase never ends: raw markup is content.",
        lambda found: not found.case.thought and found.prompt == "content" and found.field in ("content", "calls"),
    ),
    Row(
        "0.22",
        "With the thought closed in the prompt, a thought in the output is raw markup in its content.",
        lambda found: bool(found.case.thought) and found.prompt == "closed" and found.field in ("reasoning", "content"),
    ),
    Row(
        "0.22",
        "More than one token per step: it counts markers in text, and loses or repeats what lies around two of them.",
        lambda found: found.size > 1 and not (not found.case.thought and found.prompt == "content"),
    ),
    Row(
        "0.22",
        "It keeps the newlines before the marker that closes the thought; the last one is structure.",
        lambda found: found.size == 1 and found.field == "reasoning" and found.theirs.rstrip() == found.ours.rstrip(),
    ),
    Row(
        "0.33",
        "It trims all blanks at the end of a thought; only one newline is structure.",
        lambda found: found.field == "reasoning" and found.theirs == found.ours.rstrip() != found.ours,
    ),
    Row(
        "0.33",
        "It drops text of blanks alone, or beside calls; here content is kept byte for byte.",
        lambda found: found.field == "content" and squeezed(found.theirs) == squeezed(found.ours),
    ),
    Row(
        "both",
        "Our own rules type by spelling and schema; the version's rules are its profile.",
        lambda found: found.field == "calls" and found.profile == "default" and found.size == 1,
    ),
    Row(
        "0.33",
        "Our own rules type by spelling and schema; the version's rules are its profile.",
        lambda found: found.field == "calls" and found.profile == "default" and found.size > 1,
    ),
]


def served(case: Case, parser: str, prompt: str, size: int) -> Said | None:
    """What the client has; None where the stream is no valid one."""
    server = Server(request(case.tools), prompt=PROMPT[prompt], parser_class=composed(parser, parser))
    try:
        return server.run(turn(case.output), size)
    except AssertionError:
        assert parser == "gemma4", "ours is always valid"
        return None


def differences() -> Iterator[Found]:
    for profile in ("default", f"vllm-{VERSION}"):
        with settings(Settings(profile=PROFILES[profile])):
            for number, case in enumerate(CASES):
                prompt = ("content", "closed")[number % 2]
                for size in (1, 4):
                    theirs, ours = served(case, "gemma4", prompt, size), served(case, "gemma4_rust", prompt, size)
                    assert ours is not None
                    if theirs is None:
                        yield Found("calls", case, prompt, size, profile, None, ours.accepted())
                        continue
                    for field, their, our in (
                        ("reasoning", theirs.reasoning, ours.reasoning),
                        ("content", theirs.content, ours.content),
                        ("calls", theirs.accepted(), ours.accepted()),
                    ):
                        if their != our:
                            yield Found(field, case, prompt, size, profile, their, our)


def test_streams_are_equal_or_differ_for_a_reason() -> None:
    rows = [row for row in DIFFERENCES if row.version in (VERSION, "both")]
    seen: Counter[int] = Counter()
    unexplained: list[Any] = []
    for found in differences():
        fit = [number for number, row in enumerate(rows) if row.when(found)]
        seen.update(fit)
        if not fit:
            where = (found.field, found.prompt, found.size, found.profile)
            unexplained.append((where, found.case.output, found.theirs, found.ours))
    assert unexplained == []
    assert sorted(seen) == list(range(len(rows))), "a row that explains nothing"


def test_arguments_of_whole_outputs_byte_for_byte() -> None:
    def read(case: Case, parser: str) -> list[tuple[str, str]]:
        asked = request(case.tools)
        half = composed(parser, parser).tool_parser_cls(tokenizer(), asked.tools)
        found = half.extract_tool_calls("".join(case.calls), asked)
        return [(call.function.name, call.function.arguments) for call in found.tool_calls]

    with settings(Settings(profile=PROFILES[f"vllm-{VERSION}"])):
        for seed in range(5 * COUNT):
            case = Case(seed)
            assert read(case, "gemma4_rust") == read(case, "gemma4"), case.output


def test_our_own_rules_give_back_what_was_written() -> None:
    for case in CASES:
        if case.schemas:  # of any types, which values then follow
            continue
        ours = served(case, "gemma4_rust", "content", 1)
        assert ours is not None
        assert [json.loads(arguments) for _, arguments in ours.accepted()] == case.arguments
        assert [name for name, _ in ours.accepted()] == case.names
        assert ours.content == case.text + case.between * len(case.calls)
