"""Vocabularies of every kind, and outputs as their ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import helpers
from differential.tape import Tape
from gemma4_parser import CONTROL_TOKENS

LITERAL = re.compile("(" + "|".join(map(re.escape, sorted(CONTROL_TOKENS, key=len, reverse=True))) + ")")

# Bytes of no character, pieces of characters, characters with structure at their side, spelled literals, nothing.
# fmt: off
_ODD_PIECES = (
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f", b"\x98\x80", b"\x9f\x98", b"\xe6\x9d", b"\xb1{", b"\xa9:1,",
    b"\xc3", b"\xa9", b'\xa9<|"|>', b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"\xe2\x80", b"\xa8", b"", b'},{"',
    b'":["', b"x<|tool_call>", b"<tool_call|", b"<|tool_call>call:f{", b"|>", b"<eos>\n", b"<", b"<|", b"tool",
    b"\xe2\x80\xa8}", b"thought", b"thought\n", b"call:", b"call", b":f{", b"a:", b"}}", b"]}", b",b:", b" \n", b"\n\n",
    b", city:", b"', ", b'"}', b"=", b"\\", b"\\u00", b"e9", b"\xef\xbf\xbd", b"\x00", b"\x7f", b"\xe0\xa4", b"\xf1",
    b"\xe1\x80\xf0\x9f", b"<unused0>", b"<0x41>", b"\xe2\x96\x81x",
)
# fmt: on


_EMPTY = 1000 + 7 * _ODD_PIECES.index(b"")


def _odd() -> dict[int, bytes]:
    """No id is where Google's is, two ids for one literal, every byte, and pieces that cut characters and structure."""
    found = {5 + 3 * number: literal.encode() for number, literal in enumerate(reversed(list(CONTROL_TOKENS)))}
    found |= {6: b"<|tool_call>", 9: b"<tool_call|>", 12: b"<eos>", 15: b'<|"|>'}
    found |= {500 + byte: bytes([byte]) for byte in range(256)}
    found |= {1000 + 7 * number: piece for number, piece in enumerate(_ODD_PIECES)}
    return found


def _bytes() -> dict[int, bytes]:
    """Nothing but the required control tokens and bytes."""
    optional = {"<pad>", "<bos>", "<unk>", "<mask>"}
    found = {number: literal.encode() for literal, number in helpers.CONTROL_IDS.items() if literal not in optional}
    return found | {300 + byte: bytes([byte]) for byte in range(256)}


VOCABULARIES = {"words": helpers.pieces, "bytes": _bytes, "odd": _odd}


@cache
def _index(name: str) -> tuple[dict[str, list[int]], dict[int, list[tuple[bytes, int]]]]:
    """Of a vocabulary the ids of each control literal, and of each first byte the other pieces, longest first."""
    controls: dict[str, list[int]] = {}
    starting: dict[int, list[tuple[bytes, int]]] = {}
    for number, piece in sorted(VOCABULARIES[name]().items()):
        literal = piece.decode("utf-8", "replace")
        if literal in CONTROL_TOKENS:
            controls.setdefault(literal, []).append(number)
        elif piece:
            starting.setdefault(piece[0], []).append((piece, number))
    for candidates in starting.values():
        candidates.sort(reverse=True)
    return controls, starting


def tokens(tape: Tape, text: str) -> tuple[list[int], str | Mapping[int, bytes]]:
    """The text as ids of a vocabulary, which may be one that is made for it alone.

    Now and then a control literal is spelled by ordinary tokens, and bytes are inserted that are no UTF-8.
    """
    parts = _parts(tape, text)
    if tape.chance(3):
        return _own_vocabulary(tape, parts)
    name = tape.pick(tuple(VOCABULARIES))
    controls, starting = _index(name)
    lengthy = tape.chance(2)
    ids: list[int] = []
    for part in parts:
        if isinstance(part, str):
            if found := controls.get(part):
                ids.append(tape.pick(found))
                continue
            part = part.encode()
        at = 0
        while at < len(part):
            fitting = [(piece, number) for piece, number in starting[part[at]] if part.startswith(piece, at)]
            piece, number = fitting[0] if lengthy else tape.pick(fitting)
            ids.append(number)
            at += len(piece)
            if name == "odd" and tape.chance(12):
                ids.append(_EMPTY)
    return ids, name


def _parts(tape: Tape, text: str) -> list[str | bytes]:
    """Control literals as text, all else as bytes."""
    parts: list[str | bytes] = []
    spelled = tape.chance(6)
    for part in LITERAL.split(text):
        if part in CONTROL_TOKENS and not (spelled and tape.chance(3)):
            parts.append(part)
        elif part:
            parts.append(part.encode("utf-8", "surrogatepass"))
    if tape.chance(6):
        for _ in range(1 + tape.below(3)):
            odd = tape.pick((b"\xff", b"\xe6\x9d", b"\x80", b"\xf0\x9f\x98", b"\xc3", b"\xed\xb0\x80", b"\xe2\x80"))
            at = tape.below(len(parts) + 1)
            parts.insert(at, odd)
    return parts


def _own_vocabulary(tape: Tape, parts: list[str | bytes]) -> tuple[list[int], Mapping[int, bytes]]:
    """Every piece of a random cut of the text is a token."""
    by_piece: dict[bytes, int] = {literal.encode(): 2 * number for number, literal in enumerate(CONTROL_TOKENS)}
    ids: list[int] = []
    for part in parts:
        if isinstance(part, str):
            ids.append(by_piece[part.encode()])
            continue
        at = 0
        while at < len(part):
            length = 1 + tape.below(tape.pick((1, 2, 6, 20)))
            piece = part[at : at + length]
            # A piece that is a control literal would be the control token.
            if piece.decode("utf-8", "replace") in CONTROL_TOKENS:
                piece = piece[:1]
            ids.append(by_piece.setdefault(piece, 100 + len(by_piece)))
            at += len(piece)
            if tape.chance(24):
                ids.append(by_piece.setdefault(b"", 99))
    return ids, {number: piece for piece, number in by_piece.items()}
