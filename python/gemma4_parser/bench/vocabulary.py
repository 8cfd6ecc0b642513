"""A stand-in for Gemma's vocabulary: its size, its control ids, bytes at their place, words; made of a seed.

The true one belongs to the model. This has single digits and 2.9 (code) to 3.3 (prose) characters to a token, where
the true one has somewhat more, so that costs per token are comparable.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from gemma4_parser.bench import texts
from gemma4_parser.tokens import CONTROL_TOKENS

SIZE = 262_144
MERGES = 514_906
"""As many as Gemma's tokenizer.json has; only reading the file takes longer by them."""
FIRST_BYTE = 238

_CONTROL = re.compile("(" + "|".join(map(re.escape, CONTROL_TOKENS)) + ")")
# Four letters with the sign before them, one digit, line breaks with the indent, a few signs together.
_PIECE = re.compile(r'[ _.("]?[A-Za-z]{1,4}|\d|\n+ *| +(?=\W)|[^\w\s<]{1,4}\n?|.', re.DOTALL)
# What surrounds the texts: each stands alone in the outputs, between control tokens.
_FORMAT = [
    *("call:get_weather{days:3,location:", "call:write_file{content:", "call:edit_files{edits:[{new_text:", ",unit:"),
    *(
        ",path:",
        "}]}",
        "}",
        ",b:",
        "}],b:",
        "[{a:",
        "{value:[{a:1,b:",
        "model\n",
        "thought\n",
        "src/main.py",
        "celsius",
    ),
    *(
        "Paris, France",
        "Done.",
        "One moment.",
        "another place",
        "none",
        "words",
        " numbers",
        "kind:",
        "title:",
        "name:",
    ),
    *(
        "call:store{about:{kind:",
        "matrix:{columns:40,flags:[true,false,null],name:",
        ",rows:50},values:[",
        ",-",
        "東京",
    ),
]


class Vocabulary:
    """The pieces, and text in tokens of them."""

    def __init__(self) -> None:
        self.pieces = _pieces()
        """The piece of each id as the tokenizer spells it, with `▁` for a space."""
        bytes_and_controls = {*range(FIRST_BYTE, FIRST_BYTE + 256), *CONTROL_TOKENS.values()}
        self.ids = {
            piece.replace("▁", " "): number
            for number, piece in enumerate(self.pieces)
            if number not in bytes_and_controls
        }

    def encode(self, text: str) -> list[int]:
        """The ids of an output: a control literal is its control token."""
        found: list[int] = []
        for part in _CONTROL.split(text):
            found += [CONTROL_TOKENS[part]] if part in CONTROL_TOKENS else self.encode_plain(part)
        return found

    def encode_plain(self, text: str) -> list[int]:
        """The ids of text in which control literals are spelled by ordinary tokens."""
        found: list[int] = []
        for piece in _PIECE.findall(text):
            number = self.ids.get(piece)
            if number is not None:
                found.append(number)
                continue
            for character in piece:
                number = self.ids.get(character)
                found += [FIRST_BYTE + byte for byte in character.encode()] if number is None else [number]
        return found

    def decode(self, ids: list[int]) -> str:
        """The text of ids that spell whole characters."""
        return b"".join(map(self.bytes_of, ids)).decode()

    def bytes_of(self, number: int) -> bytes:
        """What one id spells."""
        if FIRST_BYTE <= number < FIRST_BYTE + 256:
            return bytes([number - FIRST_BYTE])
        return self.pieces[number].replace("▁", " ").encode()

    def write(self, path: Path, merges: int = 0) -> None:
        """Writes a tokenizer.json; merges are random pairs, which only a reader that ignores them can load."""
        draw = random.Random(texts.SEED)
        decoder = {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        }
        added = [
            {
                **{"id": number, "content": literal, "special": True, "normalized": False},
                **{"single_word": False, "lstrip": False, "rstrip": False},
            }
            for literal, number in CONTROL_TOKENS.items()
        ]
        model = {
            **{"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None},
            **{"end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False},
            "vocab": {piece: number for number, piece in enumerate(self.pieces)},
            "merges": [[draw.choice(self.pieces), draw.choice(self.pieces)] for _ in range(merges)],
        }
        normalizer = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        tokenizer = {
            **{"version": "1.0", "truncation": None, "padding": None, "added_tokens": added},
            **{"normalizer": normalizer, "pre_tokenizer": None, "post_processor": None},
            **{"decoder": decoder, "model": model},
        }
        path.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def _pieces() -> list[str]:
    table = {number: literal for literal, number in CONTROL_TOKENS.items()}
    table |= {FIRST_BYTE + byte: f"<0x{byte:02X}>" for byte in range(256)}
    used = set(table.values())
    source = _words()
    for number in range(SIZE):
        if number not in table:
            piece = next(piece for piece in source if piece not in used)
            used.add(piece)
            table[number] = piece
    return [table[number] for number in range(SIZE)]


def _words() -> Iterator[str]:
    """The pieces of what is written, in a fixed order, then random ones of the lengths that vocabularies have."""
    corpus = [texts.code(400), texts.prose(200), *texts.PUNCTUATION, *texts.ANGLES, *texts.MARKERS, *_FORMAT]
    words = [form for word in texts.WORDS for form in (word, f" {word}", word.capitalize(), f" {word.capitalize()}")]
    characters = [chr(code) for code in range(0x20, 0x250) if chr(code).isprintable()]
    for text in [*characters, "\n", "\n\n", *words, *corpus]:
        yield from (piece.replace(" ", "▁") for piece in _PIECE.findall(text))
    draw = random.Random(texts.SEED)
    letters = "etaoinshrdlucmfwypvbgkqjxzETAOINSHéüñжшабвгдеλσ世界語文字日本"
    while True:
        length = min(16, 1 + int(draw.expovariate(0.22)))
        yield draw.choice(["", "▁"]) + "".join(draw.choices(letters, k=length))
