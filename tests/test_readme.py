"""What the documents show works, and what they count is counted right."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import gemma4_parser as g4
from helpers import CONTROL_IDS
from prompt_tokenizers import gemma_like

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
SERVER, WHOLE, PROMPT, ROUNDS = re.findall(r"```python\n(.*?)```", README, re.S)


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


def test_a_prompt(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g4, "render", impl.render)
    names: dict[str, Any] = {"g4": g4, "tokenizer": gemma_like()}
    shown = 0
    for line in PROMPT.splitlines():
        code, _, value = line.partition("  # ")
        if " = " in code:
            exec(code, names)
        else:
            assert repr(eval(code, names)) == value.strip(), line
            shown += 1
    assert shown == 4
    turn_close = g4.CONTROL_TOKENS["<turn|>"]
    assert names["prompt"].text.count("<turn|>") == 3
    assert names["ids"].count(turn_close) == 2, "the user's is text"


def test_ten_rounds(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each prompt of a turn starts with the one before and its answer; thoughts of the turn before are gone."""
    prompts: list[g4.Prompt] = []
    answers: list[str] = []

    def render(*arguments: Any, **options: Any) -> g4.Prompt:
        prompts.append(impl.render(*arguments, **options))
        return prompts[-1]

    def parse(output: str, **options: Any) -> g4.Message:
        answers.append(output)
        message: g4.Message = impl.parse(output, **options)
        return message

    monkeypatch.setattr(g4, "render", render)
    monkeypatch.setattr(g4, "parse", parse)
    names: dict[str, Any] = {}
    exec(ROUNDS, names)  # the text of our own README
    assert len(prompts) == len(answers) == 10
    tokenizer = gemma_like()
    for number, prompt in enumerate(prompts):
        assert prompt.warnings == ()
        assert prompt.start == ("content" if number in (0, 5) else "reasoning")
        if number in (0, 5):
            assert "<|channel>" not in prompt.text, "the thoughts of the turn before are not sent back"
            continue
        before = prompts[number - 1].text + answers[number - 1]
        assert prompt.text.startswith(before)
        result = json.dumps({"city": "Paris", "day": number, "rain": number % 3 == 0})
        behind = f'response:forecast{{value:<|"|>{result}<|"|>}}<tool_response|><|channel>thought\n'
        assert prompt.text == before + behind
        answer = tokenizer.encode(answers[number - 1], add_special_tokens=False).ids
        ids = prompts[number - 1].ids(tokenizer) + answer
        assert prompt.ids(tokenizer)[: len(ids)] == ids, "the ids that were read and written, again"
    messages = names["messages"]
    roles = [message["role"] for message in messages[4:]]
    assert roles == [*(["assistant", "tool"] * 4), "assistant", "user"] * 2
    assert [message["reasoning"] for message in messages if message["role"] == "assistant"] == [
        "A greeting.",
        *(f"Day {number} is next." if number % 5 else "Enough." for number in range(1, 11)),
    ]
    assert messages[-2]["content"] == "Take an umbrella."
    stripped = g4.strip_thoughts(messages)
    assert not any("reasoning" in message for message in stripped)
    assert impl.render(stripped, names["tools"]).text == impl.render(messages, names["tools"]).text


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
    cells = [row.split("|")[2] for row in table.splitlines() if row.startswith("| ")][1:]
    names = set(re.findall(r"`(\w+)`", "".join(cells))) - {"tokenizers"}
    assert all("`" in cell for cell in cells)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rust/core/tests").rglob("*.rs"))
    assert len(names) >= 14
    assert [name for name in sorted(names) if f"fn {name}(" not in tests] == []
