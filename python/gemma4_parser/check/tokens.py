"""The control tokens of the tokenizer, and the `<bos>` that is put in front of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from gemma4_parser import CONTROL_TOKENS, Vocabulary
from gemma4_parser.check.directory import TOKENIZER, TOKENIZER_CONFIG, Examination
from gemma4_parser.check.json_text import Edit, JsonText, Place
from gemma4_parser.check.report import Finding

__all__ = ["examine", "vocabulary"]

BOS = "<bos>"
MEDIA = frozenset(literal for literal, number in CONTROL_TOKENS.items() if number > 200)
NOT_SPECIAL = "servers that leave special tokens out of the text show them to the user"
CLASSIFIERS = ("BertProcessing", "RobertaProcessing")
"""Post-processors that put a token in front, `cls`, and one behind, `sep`."""
ONE_BOS = "two <bos> stand at the start of a prompt, which the model has never seen"


def examine(found: Examination, *, prints_bos: bool) -> None:
    """Adds what is wrong with the control tokens. `prints_bos`: a chat template does so itself."""
    if TOKENIZER_CONFIG in found.json:
        _examine_config(found, prints_bos)
    if TOKENIZER in found.json:
        _examine_ids(found)
        _examine_added(found)
        if prints_bos:
            _examine_post_processor(found)
    elif TOKENIZER not in found.data:
        found.add(TOKENIZER, "control-tokens", "is missing", "the ids of the control tokens are known from it", None)


def vocabulary(found: Examination, path: Path) -> list[Finding]:
    """What keeps this package's `Vocabulary` from reading a `tokenizer.json`, but for absent control tokens."""
    if TOKENIZER not in found.json or any(name not in found.ids for name in CONTROL_TOKENS if name not in MEDIA):
        return []
    try:
        Vocabulary.from_file(path)
    except (OSError, ValueError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return [Finding(TOKENIZER, "file", "is no vocabulary for this parser", reason, None)]
    return []


def _examine_ids(found: Examination) -> None:
    """Absent tokens and other ids: what the weights know cannot be repaired in a file."""
    for media, reason in (
        (False, "the model cannot be prompted, or its calls and thoughts not be told from text"),
        (True, "images, audio and video have no place in a prompt"),
    ):
        absent = [name for name in CONTROL_TOKENS if name not in found.ids and (name in MEDIA) == media]
        if absent:
            problem = f"has no control tokens {', '.join(absent)}"
            found.add(TOKENIZER, "control-tokens", problem, reason, None)
    moved = [
        f"{literal} is {number}, not {CONTROL_TOKENS[literal]}"
        for literal, number in found.ids.items()
        if number != CONTROL_TOKENS[literal]
    ]
    if moved:
        reason = "Google's weights know the tokens by Google's ids"
        found.add(TOKENIZER, "control-tokens", f"has other ids: {', '.join(moved)}", reason, None)


def _examine_added(found: Examination) -> None:
    """Tokens that are not special, and those that are pieces of the vocabulary and nothing more."""
    text = found.json[TOKENIZER]
    place = text.members.get("added_tokens")
    tokens = text.items_of(place) if place and isinstance(place.value, list) else []
    entries = [token for token in tokens if _content(token) in CONTROL_TOKENS]
    _examine_special(found, TOKENIZER, text, entries)
    known = {_content(token) for token in entries}
    lone = {literal: number for literal, number in found.ids.items() if literal not in known}
    if not lone:
        return
    missing = [_entry(literal, number) for literal, number in sorted(lone.items(), key=itemgetter(1))]
    if place and tokens:
        # In the order of ids, as they are written.
        slots: dict[int, list[object]] = {}
        for entry in missing:
            behind = [at for at, token in enumerate(tokens) if _id(token) > entry["id"]]
            slots.setdefault(behind[0] if behind else len(tokens), []).append(entry)
        edits = [text.inserted(place, slot, group) for slot, group in slots.items()]
    else:
        edits = [text.replaced(place, missing) if place else text.added("added_tokens", missing)]
    problem = f"{_named(lone)} not among its added_tokens"
    reason = "in a prompt they are cut into pieces of text, which the model does not take for them"
    found.add(TOKENIZER, "control-tokens", problem, reason, "they become special added tokens", *edits)


def _examine_special(found: Examination, file: str, text: JsonText, entries: Sequence[Place]) -> None:
    wrong = [entry for entry in entries if entry.value.get("special") is not True]
    if not wrong:
        return
    edits = []
    for entry in wrong:
        special = text.members_of(entry).get("special")
        edits.append(text.replaced(special, True) if special else text.added("special", True, entry))
    problem = f"{_named([entry.value['content'] for entry in wrong])} not special"
    found.add(file, "control-tokens", problem, NOT_SPECIAL, "they become special", *edits)


def _examine_config(found: Examination, prints_bos: bool) -> None:
    text = found.json[TOKENIZER_CONFIG]
    place = text.members.get("added_tokens_decoder")
    if place and isinstance(place.value, dict):
        members = text.members_of(place)
        entries = {key: entry for key, entry in members.items() if _content(entry) in CONTROL_TOKENS}
        _examine_special(found, TOKENIZER_CONFIG, text, list(entries.values()))
        known = {**CONTROL_TOKENS, **found.ids}
        moved = [
            f"{_content(entry)} is {key}, not {known[_content(entry)]}"
            for key, entry in entries.items()
            if key != str(known[_content(entry)])
        ]
        if moved:
            reason = "readers take the id of this file or that of tokenizer.json"
            problem = f"added_tokens_decoder has other ids: {', '.join(moved)}"
            found.add(TOKENIZER_CONFIG, "control-tokens", problem, reason, None)
    adds = text.members.get("add_bos_token")
    if adds and adds.value is True and prints_bos:
        problem = f"add_bos_token is true, and the chat template prints {BOS} itself"
        repair = "add_bos_token becomes false"
        found.add(TOKENIZER_CONFIG, "double-bos", problem, ONE_BOS, repair, text.replaced(adds, False))


def _examine_post_processor(found: Examination) -> None:
    text = found.json[TOKENIZER]
    place = text.members.get("post_processor")
    edits: list[Edit] = []
    waiting = [place] if place else []
    while waiting:
        step = waiting.pop()
        if not isinstance(step.value, dict):
            continue
        if step.value.get("type") in CLASSIFIERS and _is_pair(step.value.get("cls")) and step.value["cls"][0] == BOS:
            edits.append(text.replaced(step, _without_bos(step.value)))
            continue
        members = text.members_of(step)
        steps = members.get("processors")
        if steps and isinstance(steps.value, list):
            waiting += text.items_of(steps)
        for name in ("single", "pair"):
            template = members.get(name)
            if template and isinstance(template.value, list):
                items = text.items_of(template)
                kept = [item for item in items if not _is_bos(item.value)]
                if len(kept) < len(items):
                    edits.append(text.relisted(template, kept))
    if edits:
        problem = f"post_processor adds {BOS}, and the chat template prints it itself"
        repair = f"post_processor adds no {BOS}"
        found.add(TOKENIZER, "double-bos", problem, ONE_BOS, repair, *edits)


def _is_pair(token: object) -> bool:
    return isinstance(token, list) and len(token) == 2 and isinstance(token[0], str) and type(token[1]) is int


def _without_bos(step: dict[str, Any]) -> dict[str, Any]:
    """A template that adds what a step of `CLASSIFIERS` does, but no `<bos>`: these cannot do without `cls`."""
    roberta = step["type"] == "RobertaProcessing"
    ends, special_tokens = [], {}
    if _is_pair(step.get("sep")) and step["sep"][0] != BOS:
        literal, number = step["sep"]
        ends = [{"SpecialToken": {"id": literal, "type_id": 0}}]
        special_tokens = {literal: {"id": literal, "ids": [number], "tokens": [literal]}}
    second = 0 if roberta else 1
    single = [{"Sequence": {"id": "A", "type_id": 0}}, *ends]
    behind = [{"SpecialToken": {**end["SpecialToken"], "type_id": second}} for end in ends]
    pair = [*single, *(ends if roberta else []), {"Sequence": {"id": "B", "type_id": second}}, *behind]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens}


def _is_bos(step: object) -> bool:
    token = step.get("SpecialToken") if isinstance(step, dict) else None
    return isinstance(token, dict) and token.get("id") == BOS


def _content(token: Place) -> str:
    content = token.value.get("content") if isinstance(token.value, dict) else None
    return content if isinstance(content, str) else ""


def _id(token: Place) -> int:
    number = token.value.get("id") if isinstance(token.value, dict) else None
    return number if type(number) is int else -1


def _entry(literal: str, number: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": literal, **flags, "special": True}


def _named(literals: Sequence[str] | dict[str, int]) -> str:
    return f"{', '.join(literals)} {'is' if len(literals) == 1 else 'are'}"
