"""Model directories for the tests of the check: a right one, and what may be wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gemma4_parser import CONTROL_TOKENS, chat_template
from gemma4_parser.check import check
from helpers import FIRST_BYTE, pieces

FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
NEIGHBOUR: dict[str, Any] = {"id": 7, "content": "<unused1>", **FLAGS, "special": False}
"""An added token that is none of the control tokens, and nobody's concern."""


def tokenizer(*, bos: bool = False) -> dict[str, Any]:
    """A tokenizer.json of Gemma's shape: the stand-in vocabulary, all control tokens, and merges."""
    words = {number: piece.decode("utf-8", "replace") for number, piece in pieces().items() if number >= 1000}
    single = [{"Sequence": {"id": "A", "type_id": 0}}]
    if bos:
        single.insert(0, {"SpecialToken": {"id": "<bos>", "type_id": 0}})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(
            [*(added(literal) for literal in CONTROL_TOKENS), dict(NEIGHBOUR)], key=lambda token: int(token["id"])
        ),
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {
                **CONTROL_TOKENS,
                "<unused1>": 7,
                **{f"<0x{byte:02X}>": FIRST_BYTE + byte for byte in range(256)},
                **{word.replace(" ", "▁"): number for number, word in words.items()},
            },
            "merges": [["{", "}"], ["}", "}"]],
        },
    }


def added(literal: str) -> dict[str, Any]:
    """An entry of `added_tokens` as Google's are."""
    return {"id": CONTROL_TOKENS[literal], "content": literal, **FLAGS, "special": True}


def token_of(record: dict[str, Any], literal: str) -> dict[str, Any]:
    """The entry of a control token in a tokenizer.json."""
    found: dict[str, Any] = next(token for token in record["added_tokens"] if token["content"] == literal)
    return found


RIGHT: dict[str, Any] = {
    "config.json": {
        "architectures": ["Gemma4ForConditionalGeneration"],
        "model_type": "gemma4",
        "eos_token_id": [1, 106],
        "text_config": {"model_type": "gemma4_text", "hidden_size_per_layer_input": 0, "eos_token_id": 1},
    },
    "generation_config.json": {
        "bos_token_id": 2,
        "do_sample": True,
        "eos_token_id": [1, 106, 50],
        "pad_token_id": 0,
        "temperature": 1.0,
        "top_k": 64,
        "top_p": 0.95,
        "transformers_version": "5.5.0",
    },
    "tokenizer_config.json": {
        "backend": "tokenizers",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "extra_special_tokens": ["<|video|>"],
        "model_max_length": 1000000000000000019884624838656,
        "motto": "Grüße, 東京 😀",
        "sot_token": "<|turn>",
        "tokenizer_class": "GemmaTokenizer",
    },
}
"""The small files of a large model, as Google writes them; `motto` stands for what is unknown."""


def right() -> dict[str, Any]:
    """All files of a directory that has nothing wrong with it: JSON values, or the text of a file."""
    files: dict[str, Any] = json.loads(json.dumps(RIGHT))
    return {**files, "tokenizer.json": tokenizer(), "chat_template.jinja": chat_template("large")}


def write_model(folder: Path, files: dict[str, Any]) -> Path:
    """Writes the files of a directory: JSON as transformers writes it, text and bytes as they are."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            place.write_bytes(content)
        elif isinstance(content, str):
            place.write_bytes(content.encode())
        else:
            place.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All that is in a directory, by name; a link is what it points to, behind an arrow."""
    found = {}
    for place in sorted(folder.rglob("*")):
        name = place.relative_to(folder).as_posix()
        if place.is_symlink():
            found[name] = b"-> " + str(place.readlink()).encode()
        elif place.is_file():
            found[name] = place.read_bytes()
    return found


def found(folder: Path) -> list[str]:
    """File and problem of all findings of a check, which changes nothing."""
    before = contents(folder)
    report = check(folder)
    assert contents(folder) == before
    assert report.remaining == report.findings
    assert report.changes == ()
    for finding in report.findings:
        assert all(text == text.strip() and "\n" not in text for text in finding if text is not None)
        assert finding.code in ("file", "json", "stop-ids", "template", "control-tokens", "double-bos")
    return [f"{finding.file}: {finding.problem}" for finding in report.findings]
