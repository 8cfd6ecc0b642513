"""Writes a seed for each vector into fuzz/seeds, in the shape that the target reads: two bytes, then the text."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    home = ROOT / "fuzz" / "seeds"
    home.mkdir(exist_ok=True)
    for name in ("output.jsonl", "own.jsonl"):
        for line in (ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8").split("\n"):
            if line:
                case = json.loads(line)
                (home / case["id"]).write_bytes(b"\x00\x02" + case["text"].encode())


if __name__ == "__main__":
    main()
