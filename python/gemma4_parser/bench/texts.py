"""Prose, code and numbers for the workloads: the same ones on every machine."""

from __future__ import annotations

import random

SEED = 20260711

# fmt: off
WORDS = [
    "the", "of", "a", "parser", "reads", "token", "after", "every", "word", "and", "then", "it", "is", "certain",
    "that", "nothing", "was", "lost", "between", "two", "steps", "while", "model", "goes", "on", "with", "piece",
    "another", "sentence", "about", "streams", "in", "which", "text", "arrives", "short", "long", "answers", "by",
]
CODE = [
    "def read_lines(path: str, limit: int = 10) -> list[str]:\n",
    '    """Return the first lines of a file which are not empty."""\n',
    '    with open(path, encoding="utf-8") as source:\n',
    "        return [line.rstrip('\\n') for line in source if line]\n",
    '    result = {"name": name, "values": [first, second], \'kind\': "a, b"}\n',
    '    logger.info(f"{name}: {value!r}, {other}", extra=details)\n',
    '    if length < limit and not finished or header["kind"] == "x":\n',
    '        raise ValueError("expected a number, found nothing at all")\n',
    "    # Everything that was read before belongs to the previous answer.\n",
    "    total += sum(values, start=0)  # see the note below, please\n",
    "    # Callers that need every line of it pass none, then no limit is set.\n",
    "    # This must stay the last step: what follows from here on is text.\n",
    "@dataclass(frozen=True, slots=True)\n",
    "class Measurement:\n",
    "    seconds: float = 0.0\n",
]
PUNCTUATION = [
    '"},{"', "', '", '", "a": "b",', "}]}", "{{", "]],", 'say "no, never"', " : ", '\\"', "key:value,", "[1,2]", "<b>",
    "</b>", "a, b, c", "(x)", "`x`", "'", '"', "\\n", "=>", " and", " then", "\n",
]
ANGLES = ["a < b", " <| ", "<", "<|tool", "<chan", " |> ", "<|\"", " if x <y", " >", "<tool_", " <<<", "the word", "\n"]
MARKERS = [" the close <tool_call|> ends", " <turn|> is", " of a <|channel> in", " text about tokens", " <|tool_call>"]
# fmt: on


def prose(sentences: int) -> str:
    """So many sentences, some of them with commas and at the end of a paragraph."""
    draw = random.Random(SEED)
    parts = []
    for _ in range(sentences):
        words = [draw.choice(WORDS) + ("," if draw.random() < 0.09 else "") for _ in range(draw.randint(6, 18))]
        parts.append(" ".join(words).capitalize() + draw.choice([". ", ". ", ".\n", ".\n\n"]))
    return "".join(parts)


def code(lines: int) -> str:
    """So many lines of code."""
    draw = random.Random(SEED)
    return "".join(draw.choice(CODE) for _ in range(lines))


def mixed(pieces: list[str], count: int) -> str:
    """So many draws from the pieces."""
    draw = random.Random(SEED)
    return "".join(draw.choice(pieces) for _ in range(count))


def numbers(count: int) -> list[int | float]:
    """Integers and numbers with a fraction that floats have exactly, also negative ones."""
    draw = random.Random(SEED)
    found: list[int | float] = []
    for _ in range(count):
        whole = draw.randint(-99_999, 99_999)
        found.append(whole if draw.random() < 0.4 else whole + draw.randint(1, 7) / 8)
    return found
