"""Pieces of vocabularies, and texts of tokenizer.json: good ones, odd ones, broken ones."""

from __future__ import annotations

import json
from typing import Any

import helpers
from differential.tape import Tape
from differential.values import Broken, Index
from gemma4_parser import CONTROL_TOKENS

SPACE = "\u2581"
OPTIONAL = ("<pad>", "<bos>", "<unk>", "<mask>")
REQUIRED = {number: literal for literal, number in helpers.CONTROL_IDS.items() if literal not in OPTIONAL}

REPLACE = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
DECODERS: tuple[Any, ...] = (
    {"type": "Sequence", "decoders": [REPLACE, {"type": "ByteFallback"}, {"type": "Fuse"}]},
    {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    {"type": "Sequence", "decoders": [{"type": "Sequence", "decoders": [REPLACE]}, {"type": "Fuse"}]},
    {"type": "Sequence", "decoders": []},
    {"type": "Fuse"},
    {"type": "ByteFallback"},
    REPLACE,
    None,
    {"type": "Replace", "pattern": {"String": SPACE}, "content": "_"},
    {"type": "Replace", "pattern": {"String": "x"}, "content": " "},
    {"type": "Replace", "pattern": {"Regex": SPACE}, "content": " "},
    {"type": "Replace", "pattern": SPACE, "content": " "},
    {"type": "Replace"},
    {"type": "Metaspace", "replacement": SPACE},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    {"type": "Sequence", "decoders": [REPLACE, {"type": "ByteLevel"}]},
    {"type": "Sequence", "decoders": [{"type": "Strip"}, {"type": "WordPiece"}]},
    {"type": "Sequence", "decoders": {}},
    {"type": "Sequence"},
    {"type": 5},
    {"decoders": []},
    {},
    [],
    "Fuse",
    5,
    {"type": "Fuse", "decoders": 5},
    {"type": "Sequence", "decoders": [None]},
    {"type": "Sequence", "decoders": ["Fuse"]},
    {"type": "BPEDecoder", "suffix": "</w>"},
)
# fmt: off
PIECES = (
    "a", "b", f"{SPACE}x", f"x{SPACE}{SPACE}y", "<0x41>", "<0xE9>", "<0xff>", "<0xFf>", "<0x+1>", "<0x1>", "<0xGG>",
    "<0x 1>", "", " ", "é", "😀", "\n", '"', "\\", "\u2028", "\x7f", "\x00", "<unused1>", "call:", "<0x411>", "x<0x41>",
    "\ufffd", "▁",
)
NUMBERS: tuple[Any, ...] = (
    7, 0, 300, -1, 2**24, 2**24 + 1, 2**32, 2**64, 1.0, 1e2, "5", None, True, [], 10**30, -0.0, 48,
)
ODD_PIECES: tuple[Any, ...] = (
    None, "pieces", 5, (), [], {}, [b""], [None], ["a"], {0: "a"}, {"0": b"a"}, {0.5: b"a"}, {1: b"a"}, b"", object(),
    {b"a"},
)
"""What is no list and no dict of pieces, or none of Gemma's."""
OTHER_PIECES = (
    b"x", b"", b"\xff", b"\xe6\x9d", "é".encode(), b"<|tool_call>", b"<eos>", b" ", b"<0x41>", b"\xe2\x96\x81",
)
ODD_IDS: tuple[Any, ...] = (
    -1, 2**24, 2**24 + 1, 2**32, 2**70, "5", None, 1.5, True, Index(9), Index(-2), Broken(), b"k", 10**5000,
)
ODD_ROWS: tuple[Any, ...] = (
    ["x"], [], ["x", 1, 2], [5, 1], "x", None, ["x", "y"], [["x"], 1], {}, ["x", None], ["x", -1e400],
)
ODD_MODELS: tuple[Any, ...] = (
    None, [], "BPE", {}, {"vocab": None}, {"vocab": 5}, {"vocab": {}}, {"vocab": []}, {"type": "BPE"}, {"vocab": "x"},
)
ODD_ADDED: tuple[Any, ...] = ({"id": 115}, {"content": "x"}, {"id": 115, "content": 5}, {}, None, "x", [])
EARLIER_FIELDS = (
    '"decoder":null,', '"added_tokens":[{"id":7,"content":"q"}],', '"model":{"vocab":{"z":9}},', '"model":null,',
    '"x":1,"x":2,',
)
# fmt: on


def pieces(tape: Tape) -> Any:
    """What `Vocabulary` is given."""
    if tape.chance(8):
        return tape.pick(ODD_PIECES)
    table: dict[Any, Any] = {number: literal.encode() for number, literal in REQUIRED.items()}
    if tape.chance(2):
        table = dict(helpers.pieces())
    if tape.chance(5):
        for _ in range(1 + tape.below(3)):
            table.pop(tape.pick(tuple(REQUIRED)), None)
    for _ in range(tape.below(6)):
        table[tape.below(400)] = tape.pick(OTHER_PIECES)
    if tape.chance(6):
        table[tape.pick(ODD_IDS)] = b"odd"
    if tape.chance(8):
        table[tape.below(60)] = tape.pick(("x", None, 5, bytearray(b"x"), memoryview(b"x"), [], b"y"))
    if tape.chance(6):
        return [table.get(number, b"") for number in range(400)]
    return dict(reversed(table.items())) if tape.chance(4) else table


def tokenizer_json(tape: Tape) -> str:
    """The text of a tokenizer.json."""
    if tape.chance(10):
        return tape.pick(BROKEN)
    vocab: dict[str, Any] = {literal: number for number, literal in REQUIRED.items()}
    added: list[Any] = []
    for literal, number in CONTROL_TOKENS.items():
        if number < 200 and tape.chance(3):
            if tape.chance(2):
                vocab.pop(literal, None)
            added.append({"id": number, "content": literal, "special": True})
    for _ in range(tape.below(8)):
        vocab[tape.pick(PIECES)] = 110 + tape.below(12)
    if tape.chance(6):
        vocab[tape.pick(PIECES)] = tape.pick(NUMBERS)
    if tape.chance(8):
        vocab.pop(tape.pick(tuple(vocab)))
    for _ in range(tape.below(4) if tape.chance(3) else 0):
        content, number = tape.pick(PIECES), tape.pick(NUMBERS) if tape.chance(3) else 110 + tape.below(12)
        good = {"id": number, "content": content, "normalized": False, "x": [1, {"y": None}]}
        added.append(tape.pick(ODD_ADDED) if tape.chance(3) else good)
    kept: Any = vocab
    if tape.chance(4):
        ordered = sorted(vocab.items(), key=lambda item: item[1] if isinstance(item[1], int) else 0)
        kept = [[piece, -1.5] for piece, _ in ordered]
        if tape.chance(2):
            table = {number: piece for piece, number in vocab.items() if isinstance(number, int) and 0 <= number < 1000}
            kept = [[table.get(number, ""), 0.0] for number in range(max(table) + 1)]
        if tape.chance(6):
            kept.insert(tape.below(len(kept)), tape.pick(ODD_ROWS))
    model: Any = {"type": "BPE", "vocab": kept, "merges": [["a", "b"]], "unk_token": None}
    if tape.chance(12):
        model = tape.pick(ODD_MODELS)
    decoder = tape.pick(DECODERS) if tape.chance(2) else DECODERS[0]
    made = {"version": "1.0", "model": model, "added_tokens": added, "decoder": decoder}
    if tape.chance(12):
        made["added_tokens"] = tape.pick((None, {}, "x", 5, [[]]))
    if tape.chance(12):
        del made[tape.pick(("model", "added_tokens", "decoder", "version"))]
    text = json.dumps(made, ensure_ascii=tape.chance(2), indent=tape.pick((None, None, 1)))
    if tape.chance(8):
        # Of two fields of one name the last counts.
        text = "{" + tape.pick(EARLIER_FIELDS) + text[1:]
    if tape.chance(5):
        text = accident(tape, text)
    return text


def accident(tape: Tape, text: str) -> str:
    """A text that is hardly JSON any more."""
    at = tape.below(len(text) + 1)
    match tape.below(4):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + text[at + 1 + tape.below(3) :]
        case _:
            return text[:at] + tape.pick(SPOILERS) + text[at:]


# fmt: off
SPOILERS = (
    "x", ",", "}", "]", '"', "\\", "\\ud800", "\\u12", "\n", "\x00", "\x01", "01", "-", "é", "[", "{", ":", "1e", "tru",
    " ", "NaN", "\ufeff", "\\x", "//", "'", '""', "null", "1.", ".5", "\u2028", "[" * 200, "\\ud83d\\ude00", "\\ude00",
    "+1",
)
BROKEN = (
    "", "not JSON", "[]", "{}", "null", "5", '"x"', "{", '{"model"', '{"model":', '{"model":{"type":"BPE","vocab":{}}}',
    "\ufeff{}", '{"model":{"vocab":{"a":0}}}', " { } ", '{"a":1,}', "{'a':1}", "{} x", "[" * 1000, '{"a":' * 1000,
    '{"a":"\\ud800"}', "\x00", '{"model":{"vocab":[["a",0.0]]},"model":null}', '{"a":tru}', '{"a":01}', '{"a":1.}',
    '{"a":-}', '{"a":"\n"}', '{"a":"\\q"}', '{"x":' + "[" * 63 + "]" * 63 + "}",
    '{"decoder":' + "[" * 63 + "]" * 63 + "}", '{"decoder":' + "[" * 70 + "]" * 70 + "}",
)
# fmt: on


def text_as_bytes(tape: Tape, text: str) -> bytes:
    """The bytes of a file, sometimes no UTF-8."""
    encoded = text.encode("utf-8", "surrogatepass")
    if tape.chance(20):
        at = tape.below(len(encoded) + 1)
        return encoded[:at] + tape.pick((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf")) + encoded[at:]
    return encoded
