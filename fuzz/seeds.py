"""Writes seeds for every target into fuzz/seeds: each vector, in the shape that the target reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FINISH = ("stop", "length", "abort")
# Where a call's arguments are: between the braces.
OPEN, CLOSE = "{", "}<tool_call|>"

VOCABULARY = b'\x03,"a":24,"<0x0A>":25,"\xe2\x96\x81the":26\x00{"id":27,"content":"<x>"}\x00'
DECODER = (
    b'{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\xe2\x96\x81"},"content":" "},'
    b'{"type":"ByteFallback"},{"type":"Fuse"}]}'
)
IDS = b"\xff\x07call:f{a:\xff\x0b\xc3\xa9\xc3\xfe\x02\xff\x0b}\xff\x08"
PIECES = b"\x01\x01\x00call:f\xffa:\xff{\xff}\xff\xc3\xff\xa9\xff thought\n\x00"


def case(vector: dict[str, Any]) -> bytes:
    """Four choices, the tools and the text, as `Input::case` reads them."""
    flags = FINISH.index(vector.get("finish", "stop"))
    flags |= (not vector.get("lenient", True)) << 2
    flags |= vector.get("coerce", False) << 3
    flags |= vector.get("spaced", False) << 4
    flags |= (not vector.get("parse_reasoning", True)) << 5
    flags |= (vector.get("start", "content") == "reasoning") << 6
    tools = vector.get("tools")
    listed = json.dumps(tools).encode() + b"\x00" if tools is not None else b""
    return bytes([flags, tools is not None, 2, 128]) + listed + vector["text"].encode()


def seeds(vector: dict[str, Any]) -> dict[str, bytes]:
    """A seed for each target, of a kind of its own behind a hyphen; none where the vector holds nothing for it."""
    text = vector["text"]
    found = {"splits_agree": case(vector), "oracle": b"\x00" + case(vector), "total": b"\x05" + case(vector)}
    if OPEN in text and CLOSE in text:
        found["arguments"] = b"\x00" + text[text.index(OPEN) + 1 : text.rindex(CLOSE)].encode()
    if vector.get("tools") is not None:
        tools = json.dumps(vector["tools"]).encode()
        found["total-tools"] = b"\x04" + tools + b"\x00" + case(vector | {"tools": None})
    return found


def main() -> None:
    home = ROOT / "fuzz" / "seeds"
    for file in ("output.jsonl", "own.jsonl"):
        for line in (ROOT / "tests" / "vectors" / file).read_text(encoding="utf-8").split("\n"):
            if line:
                vector = json.loads(line)
                for name, seed in seeds(vector).items():
                    target, _, kind = name.partition("-")
                    (home / target).mkdir(parents=True, exist_ok=True)
                    (home / target / f"{vector['id']}{kind}").write_bytes(seed)
    (home / "total" / "vocabulary").write_bytes(VOCABULARY + DECODER + b"\x00" + bytes(range(28)))
    (home / "total" / "pieces").write_bytes(PIECES + b"\x00\x00\x02\x00" + bytes(range(64)))
    (home / "total" / "ids").write_bytes(b"\x00\x00\x00\x02\x00" + IDS)


if __name__ == "__main__":
    main()
