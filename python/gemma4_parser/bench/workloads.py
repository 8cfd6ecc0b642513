"""The workloads: outputs in tokens, each with the tools of its request and the answer that must come of it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gemma4_parser.bench import texts
from gemma4_parser.bench.vocabulary import Vocabulary
from gemma4_parser.tokens import STOP_TOKEN_IDS

SIZES = (1, 4, 16, 64, 256)
"""Lengths of the long strings, in units of 1,024 tokens."""

CLOSED_THOUGHT = "<|turn>model\n<|channel>thought\n<channel|>"
"""The end of a prompt without thinking, as the templates of the large models write it."""
OPEN_TURN = "<|turn>model\n"


@dataclass
class Answer:
    """What an output means: `calls` are pairs of name and the JSON text of the arguments."""

    reasoning: str = ""
    content: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Workload:
    """One output and what belongs to it."""

    name: str
    title: str
    prompt: list[int]
    """Ids of the end of the prompt."""
    ids: list[int]
    """The output, with the stop token where generation stopped by itself."""
    pieces: list[str]
    """What each id adds to the text; an incomplete character is added by its last byte."""
    finish: str
    """`stop`, or `length` for an output that was cut off."""
    tools: list[dict[str, Any]]
    answer: Answer
    series: str = ""
    """Workloads of one series differ in length only."""
    size: int = 0
    """Tokens of what is long in it."""

    @property
    def stops(self) -> bool:
        """Whether the last id is the stop token, whose text servers drop."""
        return self.finish == "stop"

    @property
    def text(self) -> str:
        """The text, without the stop token."""
        return "".join(self.pieces[:-1] if self.stops else self.pieces)

    @property
    def arguments(self) -> str | None:
        """The arguments between the brackets as the model wrote them, where the output is one call and nothing else."""
        head, _, rest = self.text.partition("{")
        if not head.startswith("<|tool_call>call:") or self.text.count("<|tool_call>") != 1 or not self.stops:
            return None
        return rest.removesuffix("<tool_call|>").removesuffix("}")

    def deltas(self, size: int) -> list[tuple[str, list[int]]]:
        """Text and ids of each step of so many tokens. The stop token is in the ids of the last step only."""
        found = []
        for at in range(0, len(self.ids), size):
            pieces = self.pieces[at : at + size]
            if self.stops and at + size >= len(self.ids):
                pieces = pieces[:-1]
            found.append(("".join(pieces), self.ids[at : at + size]))
        return found


def compact(value: object) -> str:
    """JSON as this parser writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(value: object) -> str:
    """A value as models write it in arguments."""
    if isinstance(value, str):
        return f'<|"|>{value}<|"|>'
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value)


def call(name: str, arguments: dict[str, Any]) -> str:
    """A call as models write it."""
    return f"<|tool_call>call:{name}{write(arguments)}<tool_call|>"


def tool(name: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """A tool of a request; every type is told, as some parsers go by the schema alone."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}


STRING: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
EDIT = {"type": "object", "properties": {"new_text": STRING, "path": STRING}, "required": ["new_text", "path"]}
WRITE_FILE = tool("write_file", content=STRING, path=STRING)
EDIT_FILES = tool("edit_files", edits={"type": "array", "items": EDIT})
WEATHER = tool("get_weather", location=STRING, unit=STRING, days={"type": "integer"})


class _Maker:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def text_of(self, tokens: int, source: Callable[[int], str]) -> str:
        """Text of exactly so many tokens."""
        count = tokens // 8 + 1
        while len(ids := self.vocabulary.encode_plain(source(count))) < tokens:
            count += count // 2 + 1
        return self.vocabulary.decode(ids[:tokens])

    def make(
        self,
        name: str,
        title: str,
        output: str | list[int],
        answer: Answer,
        tools: list[dict[str, Any]],
        *,
        prompt: str = CLOSED_THOUGHT,
        finish: str = "stop",
        series: str = "",
        size: int = 0,
    ) -> Workload:
        ids = self.vocabulary.encode(output) if isinstance(output, str) else output
        if finish == "stop":
            ids = [*ids, STOP_TOKEN_IDS[-1 if answer.calls else 1]]
        decoder = codecs.getincrementaldecoder("utf-8")()
        pieces = [decoder.decode(self.vocabulary.bytes_of(number)) for number in ids]
        given = self.vocabulary.encode(prompt)
        return Workload(name, title, given, ids, pieces, finish, tools, answer, series, size)

    def one_call(
        self, name: str, title: str, arguments: dict[str, Any], used: dict[str, Any], series: str = "", size: int = 0
    ) -> Workload:
        function = used["function"]["name"]
        answer = Answer(calls=[(function, compact(arguments))])
        return self.make(name, title, call(function, arguments), answer, [used], series=series, size=size)

    def plain(self) -> Iterable[tuple[str, Callable[[], Workload]]]:
        """Name and maker of each workload, in the order of the tables."""
        yield "short_call", self.short_call
        yield "ten_calls", self.ten_calls
        for size in SIZES:
            yield f"write_{size}k", lambda size=size: self.long_string(size, nested=False)  # type: ignore[misc]
        for size in SIZES:
            yield f"edits_{size}k", lambda size=size: self.long_string(size, nested=True)  # type: ignore[misc]
        yield "write_prose", self.string_of_prose
        yield "numbers", self.numbers
        yield "prose", self.prose
        yield "thought", self.thought
        yield "turn", self.turn
        yield "punctuation", self.punctuation
        yield "markers", self.markers
        yield "angles", self.angles
        yield "nesting", self.nesting
        yield "cut_off", self.cut_off

    def short_call(self) -> Workload:
        arguments = {"days": 3, "location": "Paris, France", "unit": "celsius"}
        return self.one_call("short_call", "a short call", arguments, WEATHER)

    def ten_calls(self) -> Workload:
        asked = [
            {"days": day, "location": f"{place}, in the {side} and about {day} of them", "unit": "celsius"}
            for day, (place, side) in enumerate([("Paris", "long"), ("東京", "short"), ("A word", "text")] * 3, 1)
        ]
        asked.append({"days": 10, "location": "another place", "unit": "none"})
        output = "".join(call("get_weather", arguments) for arguments in asked)
        answer = Answer(calls=[("get_weather", compact(arguments)) for arguments in asked])
        return self.make("ten_calls", "ten parallel calls", output, answer, [WEATHER])

    def long_string(self, size: int, *, nested: bool) -> Workload:
        edit = {"content": self.text_of(size * 1024, texts.code), "path": "src/main.py"}
        if not nested:
            title = f"a string of {size}k tokens"
            return self.one_call(f"write_{size}k", title, edit, WRITE_FILE, "write", size * 1024)
        arguments = {"edits": [{"new_text": edit["content"], "path": edit["path"]}]}
        return self.one_call(
            f"edits_{size}k", f"the same in edits:[…], {size}k", arguments, EDIT_FILES, "edits", size * 1024
        )

    def string_of_prose(self) -> Workload:
        arguments = {"content": self.text_of(16 * 1024, texts.prose), "path": "src/main.py"}
        return self.one_call("write_prose", "a string of 16k tokens, prose", arguments, WRITE_FILE, size=16 * 1024)

    def numbers(self) -> Workload:
        matrix = {"columns": 40, "flags": [True, False, None], "name": "a table", "rows": 50}
        about = {"kind": "long", "title": "of numbers"}
        integers = {"type": "integer"}
        shape = {
            "columns": integers,
            "flags": {"type": "array", "items": {"type": ["boolean", "null"]}},
            "name": STRING,
            "rows": integers,
        }
        used = tool(
            "store",
            about={"type": "object", "properties": {"kind": STRING, "title": STRING}},
            matrix={"type": "object", "properties": shape},
            values={"type": "array", "items": NUMBER},
        )
        arguments = {"about": about, "matrix": matrix, "values": texts.numbers(2_000)}
        return self.one_call("numbers", "nested objects, 2,000 numbers", arguments, used)

    def prose(self) -> Workload:
        text = self.text_of(8_192, texts.prose)
        return self.make("prose", "8k tokens of prose", text, Answer(content=text), [WEATHER], size=8_192)

    def thought(self) -> Workload:
        thought = self.text_of(8_192, texts.prose).rstrip()
        output = f"<|channel>thought\n{thought}\n<channel|>Done."
        answer = Answer(reasoning=thought, content="Done.")
        return self.make("thought", "8k tokens of thought", output, answer, [WEATHER], prompt=OPEN_TURN, size=8_192)

    def turn(self) -> Workload:
        thought, text = self.text_of(4_096, texts.prose).rstrip(), self.text_of(3_900, texts.prose)
        first = {"days": 2, "location": "Paris", "unit": "celsius"}
        second = {"content": self.text_of(128, texts.code), "path": "src/main.py"}
        output = f"<|channel>thought\n{thought}\n<channel|>{text}"
        output += call("get_weather", first) + call("write_file", second)
        calls = [("get_weather", compact(first)), ("write_file", compact(second))]
        title = "8k of thought, prose, two calls"
        answer = Answer(thought, text, calls)
        return self.make("turn", title, output, answer, [WEATHER, WRITE_FILE], prompt=OPEN_TURN)

    def punctuation(self) -> Workload:
        text = self.text_of(2_048, lambda count: texts.mixed(texts.PUNCTUATION, count))
        arguments = {"content": text, "path": "src/main.py"}
        return self.one_call("punctuation", "hostile: commas, quotes, brackets", arguments, WRITE_FILE)

    def markers(self) -> Workload:
        """Control literals spelled by ordinary tokens in a string: they are data."""
        text = self.text_of(2_048, lambda count: texts.mixed(texts.MARKERS, count)) + " of text"
        encode, plain = self.vocabulary.encode, self.vocabulary.encode_plain
        output = encode('<|tool_call>call:write_file{content:<|"|>') + plain(text)
        output += encode('<|"|>,path:<|"|>src/main.py<|"|>}<tool_call|>')
        answer = Answer(calls=[("write_file", compact({"content": text, "path": "src/main.py"}))])
        return self.make("markers", "hostile: markers in a string", output, answer, [WRITE_FILE])

    def angles(self) -> Workload:
        text = self.text_of(2_048, lambda count: texts.mixed(texts.ANGLES, count)) + " <"
        output = self.vocabulary.encode_plain(text)
        return self.make("angles", "hostile: prose of < and <|", output, Answer(content=text), [WEATHER])

    def nesting(self) -> Workload:
        value: Any = 1
        shape: dict[str, Any] = {"type": "integer"}
        for _ in range(60):
            value, shape = (
                [{"a": value, "b": "x"}],
                {
                    "type": "array",
                    "items": {"type": "object", "properties": {"a": shape, "b": STRING}},
                },
            )
        return self.one_call("nesting", "hostile: 120 levels", {"value": value}, tool("store", value=shape))

    def cut_off(self) -> Workload:
        """A call that never ended: whatever was sent of it, no call may run."""
        text = self.text_of(2_048, texts.code)
        output = f'One moment.<|tool_call>call:write_file{{content:<|"|>{text}'
        answer = Answer(content="One moment.")
        return self.make("cut_off", "hostile: cut off in a string", output, answer, [WRITE_FILE], finish="length")


def names() -> list[str]:
    """All workloads."""
    return [name for name, _ in _Maker.plain(_Maker.__new__(_Maker))]


def make(vocabulary: Vocabulary, chosen: Iterable[str]) -> list[Workload]:
    """The chosen workloads, in the order of the tables."""
    wanted = set(chosen)
    return [maker() for name, maker in _Maker(vocabulary).plain() if name in wanted]


def save(workloads: list[Workload], path: Path) -> None:
    """Writes workloads for other interpreters, so that all have the same ones."""
    path.write_text(json.dumps([asdict(workload) for workload in workloads], ensure_ascii=False), encoding="utf-8")


def load(path: Path) -> dict[str, Workload]:
    """Reads what :func:`save` wrote; by name."""
    found = {}
    for fields in json.loads(path.read_text(encoding="utf-8")):
        answer = fields.pop("answer")
        calls = [(name, arguments) for name, arguments in answer.pop("calls")]
        found[fields["name"]] = Workload(**fields, answer=Answer(**answer, calls=calls))
    return found


def verdict(workload: Workload, found: Answer) -> str:
    """`right`, or what is wrong: `reasoning`, `content`, `calls` (which ones), `arguments`, `invalid JSON`.

    Arguments are compared as JSON values with their types. `blanks`: only blanks at the edges of a text differ.
    Of an output that was cut off, calls without valid JSON are left out: no client runs them.
    """
    expected = workload.answer
    calls = found.calls
    if workload.finish == "length":
        calls = [(name, arguments) for name, arguments in calls if _parsed(arguments) is not None]
    if [name for name, _ in calls] != [name for name, _ in expected.calls]:
        return "calls"
    for (_, arguments), (_, wanted) in zip(calls, expected.calls, strict=True):
        value = _parsed(arguments)
        if value is None:
            return "invalid JSON"
        if value != _parsed(wanted):
            return "arguments"
    texts_found = (("reasoning", found.reasoning, expected.reasoning), ("content", found.content, expected.content))
    for name, text, wanted in texts_found:
        if text.strip() != wanted.strip():
            return name
    return "right" if all(text == wanted for _, text, wanted in texts_found) else "blanks"


def _parsed(arguments: str) -> str | None:
    """JSON in one spelling, which keeps 1, 1.0, true and "1" apart; None for what is no JSON."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return None
