"""What the documents show works, and what they count is counted right."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gemma4_parser as g4
from helpers import CONTROL_IDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
SERVER, WHOLE = re.findall(r"```python\n(.*?)```", README, re.S)


def test_the_servers_loop() -> None:
    thought = "<|channel>thought\nHm.<channel|>"
    output = f"{thought}One moment.<|tool_call>call:f{{a:1}}<tool_call|><|tool_call>call:g{{b}}<tool_call|><turn|>"
    sent: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    letters = {300 + byte: f"<0x{byte:02X}>" for byte in range(256)}
    tokenizer = {
        "model": {"type": "BPE", "vocab": {piece: number for number, piece in letters.items()}, "merges": []},
        "added_tokens": [{"id": number, "content": literal} for literal, number in CONTROL_IDS.items()],
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    }
    names = {
        "tokenizer": SimpleNamespace(to_str=lambda: json.dumps(tokenizer)),
        "request": {"tools": None},
        "prompt_ids": [CONTROL_IDS["<|turn>"]],
        "steps": [
            [CONTROL_IDS[part]] if part in CONTROL_IDS else [300 + byte for byte in part.encode()]
            for part in re.split("(" + "|".join(map(re.escape, CONTROL_IDS)) + ")", output)
        ],
        "send": lambda **fields: sent.append(fields),
        "drop": lambda **fields: dropped.append(fields),
    }
    exec(SERVER, names)  # the text of our own README
    assert "".join(fields.get("reasoning", "") for fields in sent) == "Hm."
    assert "".join(fields.get("content", "") for fields in sent) == "One moment."
    assert "".join(fields.get("arguments", "") for fields in sent if fields.get("tool_call") == 0) == '{"a":1}'
    assert dropped == [{"tool_call": 1, "reason": "malformed_call"}]


def test_whole_outputs() -> None:
    names: dict[str, Any] = {"g4": g4}
    shown = 0
    for line in WHOLE.splitlines():
        code, _, value = line.partition("    # ")
        if " = " in code:
            exec(code, names)
        elif value.startswith(("'", "{")):
            assert repr(eval(code, names)) == value, line
            shown += 1
    assert shown == 4


def test_every_repair_is_told() -> None:
    source = (ROOT / "rust/core/src/event.rs").read_text(encoding="utf-8")
    names = re.findall(r'= "(\w+)"', source.split("Repair {", 1)[1].split("\n}\n", 1)[0])
    table = DESIGN.split("## Part 2", 1)[1].split("## Part 3", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == names
    assert f"{len(names)} named repairs" in README


def test_paths_exist() -> None:
    for name in ("README.md", "DESIGN.md", "CONTRIBUTING.md", "bench/README.md", "tests/vectors/README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for path in re.findall(r"`((?:rust|tests|bench|python)/[\w./-]+)`|\]\(([\w./-]+)\)", text):
            found = path[0] or path[1]
            assert (ROOT / found).exists() or (ROOT / name).parent.joinpath(found).exists(), f"{name}: {found}"


def test_rules_exist() -> None:
    rules = set(re.findall(r"^\*\*`([\w-]+)`", DESIGN, re.M)) | set(re.findall(r"^\| `(\w+)` \|", DESIGN, re.M))
    for path in ROOT.glob("rust/core/src/**/*.rs"):
        for group in re.findall(r"\(rules? ([^)]*)\)", path.read_text(encoding="utf-8")):
            for rule in re.findall(r"`([\w-]+)`", group):
                assert rule in rules, f"{path}: {rule}"


def test_every_guarantee_has_its_test() -> None:
    table = README.split("## Guarantees", 1)[1].split("## Numbers", 1)[0]
    names = set(re.findall(r"`(\w+)`", table.split("|---|---|", 1)[1])) - {"no_std", "unsafe", "tokenizers"}
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rust/core/tests").rglob("*.rs"))
    assert len(names) >= 14
    assert [name for name in sorted(names) if f"fn {name}(" not in tests] == []
