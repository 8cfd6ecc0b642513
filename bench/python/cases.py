"""Outputs in token ids for the measurements through Python, and a tokenizer.json of full size. All of it is seeded."""

from __future__ import annotations

import json
import random
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gemma4_parser import CONTROL_TOKENS

# Without the media tokens, whose ids lie among the words of this vocabulary.
CONTROLS = {literal: number for literal, number in CONTROL_TOKENS.items() if number < 200}
FIRST_PIECE = 1000
# A word with the space before it, one digit, a run of newlines or blanks, a few signs together.
PIECE = re.compile(r'<\|?[a-z_"]*\|?>| ?[A-Za-z]{1,7}|\d|\n+| +|[^\w\s<]{1,3}|.', re.DOTALL)

WORDS = ["the", "of", "a", "parser", "reads", "token", "after", "every", "word", "and", "then", "it", "is", "certain"]
WORDS += ["that", "nothing", "was", "lost", "between", "two", "steps", "while", "model", "goes", "on", "with", "piece"]
WORDS += ["another", "sentence", "about", "streams", "in", "which", "text", "arrives", "short", "long", "answers", "by"]
CODE = [
    "def read(path: str, limit: int = 10) -> list[str]:\n",
    '    with open(path, encoding="utf-8") as file:\n',
    "        return [line.rstrip('\\n') for line in file if line]\n",
    '    result = {"name": name, "values": [1, 2, 3], \'kind\': "a, b"}\n',
    '    print(f"{name}: {value!r}, {other}", end="")\n',
    '    if a < b and not c or d[0] == "x":\n',
    '        raise ValueError("expected a number, found nothing")\n',
    "    total += sum(values, start=0)  # see the note below, please\n",
    "\n",
    "@dataclass(frozen=True, slots=True)\n",
    "class Point:\n",
    "    x: float = 0.0\n",
]


@dataclass
class Case:
    """An output, and what must come of it."""

    name: str
    text: str
    ids: list[int]
    content: str | None
    reasoning: str | None
    arguments: str | None


class Tokens:
    """Cuts text into tokens; new pieces get the next id."""

    def __init__(self) -> None:
        self.pieces: dict[str, int] = {}

    def ids(self, text: str) -> list[int]:
        found = []
        for piece in PIECE.findall(text):
            next_id = FIRST_PIECE + len(self.pieces)
            found.append(CONTROLS[piece] if piece in CONTROLS else self.pieces.setdefault(piece, next_id))
        return found

    def vocabulary(self) -> dict[int, bytes]:
        return {number: piece.encode() for table in (CONTROLS, self.pieces) for piece, number in table.items()}


def prose(tokens: int) -> str:
    """Sentences of about so many tokens."""
    draw = random.Random(20260711)
    parts: list[str] = []
    count = 0
    while count < tokens:
        words = [draw.choice(WORDS) + ("," if draw.random() < 0.09 else "") for _ in range(draw.randint(6, 18))]
        parts.append(" ".join(words) + draw.choice([". ", ". ", ".\n", ".\n\n"]))
        count += len(PIECE.findall(parts[-1]))
    return "".join(parts)


def code(tokens: int) -> str:
    """Lines of code of about so many tokens."""
    draw = random.Random(20260711)
    parts: list[str] = []
    count = 0
    while count < tokens:
        parts.append(draw.choice(CODE))
        count += len(PIECE.findall(parts[-1]))
    return "".join(parts)


def cases(size: int, tokens: Tokens) -> list[Case]:
    """Prose, a thought, and a long string at the top level and nested, each of about ``size`` tokens."""
    text, lines = prose(size), code(size)

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def case(
        name: str, output: str, content: str | None = None, reasoning: str | None = None, arguments: object = None
    ) -> Case:
        json_text = None if arguments is None else compact(arguments)
        return Case(name, output, tokens.ids(output), content, reasoning, json_text)

    def call(name: str, body: str) -> str:
        return f"<|tool_call>call:{name}{{{body}}}<tool_call|><|tool_response>"

    def string(value: str) -> str:
        return f'<|"|>{value}<|"|>'

    thought = text.rstrip()
    return [
        case("prose", text + "<turn|>", content=text),
        case("thought", f"<|channel>thought\n{thought}\n<channel|>Done.<turn|>", content="Done.", reasoning=thought),
        case(
            "string of code",
            call("write_file", f"content:{string(lines)},path:{string('a.py')}"),
            arguments={"content": lines, "path": "a.py"},
        ),
        case(
            "string of prose",
            call("write_file", f"content:{string(text)},path:{string('a.md')}"),
            arguments={"content": text, "path": "a.md"},
        ),
        case(
            "nested string",
            call("edit", f"edits:[{{new_text:{string(lines)},path:{string('a.py')}}}]"),
            arguments={"edits": [{"new_text": lines, "path": "a.py"}]},
        ),
    ]


def tokenizer_json(entries: int = 262_144, merges: int = 514_906) -> Path:
    """A tokenizer.json of the size of Gemma's, made once and kept in the directory for temporary files."""
    path = Path(tempfile.gettempdir()) / f"gemma4-parser-bench-{entries}-{merges}-1.json"
    if path.exists():
        return path
    draw = random.Random(20260711)
    vocab: dict[str, int] = dict(CONTROLS)
    used = set(vocab.values())
    number = 0

    def add(piece: str) -> None:
        nonlocal number
        if piece in vocab:
            return
        while number in used:
            number += 1
        vocab[piece] = number
        number += 1

    for byte in range(256):
        add(f"<0x{byte:02X}>")
    letters = "etaoinshrdlucmfwypvbgkqjxzETAOINSH0123456789éüñжшабвгдеλσ世界語文字日本"
    while len(vocab) < entries:
        length = min(16, 1 + int(draw.expovariate(0.22)))
        add(draw.choice(["", "▁"]) + "".join(draw.choices(letters, k=length)))
    pieces = list(vocab)
    pairs = [[draw.choice(pieces), draw.choice(pieces)] for _ in range(merges)]
    decoder = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ],
    }
    added = [{"id": number, "content": literal, "special": True} for literal, number in CONTROLS.items()]
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "decoder": decoder,
        "model": {"type": "BPE", "byte_fallback": True, "vocab": vocab, "merges": pairs},
    }
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(path)
    return path
