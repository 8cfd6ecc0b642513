"""The cases of prompt.jsonl and prompt_own.jsonl, and the language of their facts."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any, NamedTuple

from helpers import VECTORS

MODELS = {"v4-large": "large", "v4-small": "small", "v4-diffusiongemma": "diffusion"}
"""The templates of the version that the official style copies, and the names of their models here."""


class Error(NamedTuple):
    """That there is no prompt; `text` says why, or where."""

    text: str


Outcome = str | Error


class PromptCase(NamedTuple):
    """One line of prompt.jsonl."""

    id: str
    note: str
    messages: list[Any]
    tools: list[Any] | None
    kwargs: dict[str, Any]
    facts: list[str]
    made_for: str
    """The template that the facts were made for."""
    texts: dict[str, Outcome]
    """What each template prints."""

    def official(self) -> dict[str, Outcome]:
        """By model: what the official style prints."""
        return {MODELS[template]: text for template, text in self.texts.items() if template in MODELS}

    def older(self) -> dict[str, Outcome]:
        """By template: what older versions printed."""
        return {template: text for template, text in self.texts.items() if template not in MODELS}


class OwnCase(NamedTuple):
    """One line of prompt_own.jsonl."""

    id: str
    repair: str
    messages: list[Any]
    tools: list[Any] | None
    kwargs: dict[str, Any]
    model: str
    expected: Outcome
    """In the fixed style; of an error the place."""
    start: str
    warnings: list[str]
    wanted: list[str]
    official: Outcome


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / name).read_bytes().split(b"\n") if line]


def _expected(case: dict[str, Any]) -> Outcome:
    return case["expected"] if "expected" in case else Error(case["expected_error"])


def prompt_cases() -> list[PromptCase]:
    """The cases of prompt.jsonl."""
    found = []
    for case in _lines("prompt.jsonl"):
        made_for = case["template"]
        texts: dict[str, Outcome] = {made_for: _expected(case)}
        for template, text in case.get("expected_other", {}).items():
            texts[template] = text if isinstance(text, str) else Error(text["error"])
        found.append(
            PromptCase(
                case["id"], case["note"], case["messages"], case["tools"], case["kwargs"], case["expected_facts"],
                made_for, texts,
            )
        )  # fmt: skip
    return found


def own_cases() -> list[OwnCase]:
    """The cases of prompt_own.jsonl."""
    found = []
    for case in _lines("prompt_own.jsonl"):
        official = case["expected_other"]["official"]
        found.append(
            OwnCase(
                case["id"], case["repair"], case["messages"], case["tools"], case["kwargs"], case["model"],
                _expected(case),
                case.get("start", ""), case.get("warnings", []), case.get("wanted", []),
                official if isinstance(official, str) else Error(official["error"]),
            )
        )  # fmt: skip
    return found


def outcome(impl: ModuleType, messages: Any, tools: Any = None, **options: Any) -> Outcome:
    """The text of the prompt, or the error that says why there is none."""
    try:
        text: str = impl.render(messages, tools, **options).text
    except ValueError as error:
        return Error(str(error))
    return text


_QUOTED = r"""(?P<quote{0}>['"])(?P<text{0}>.*)(?P=quote{0})"""
_FACT = re.compile(
    "(?P<verb>raises)"
    r"|(?P<verb1>contains|does not contain|contains exactly (?P<count>[0-9]+)|starts with|ends with) "
    + _QUOTED.format(1)
    + f"|{_QUOTED.format(2)} occurs before {_QUOTED.format(3)}",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\([nt'\\])")


def holds(fact: str, found: Outcome) -> bool:
    """Whether the fact, a sentence of the vectors, is true of the outcome. Of an error only `raises` is."""
    match = _FACT.fullmatch(fact)
    assert match, fact
    if match["verb"] or isinstance(found, Error):
        return bool(match["verb"]) and isinstance(found, Error)
    text, first, second = (_unescape(match[f"text{number}"]) for number in (1, 2, 3))
    if not match["verb1"]:
        return 0 <= found.find(first) < found.find(second)
    if match["count"]:
        return found.count(text) == int(match["count"])
    return {
        "contains": text in found,
        "does not contain": text not in found,
        "starts with": found.startswith(text),
        "ends with": found.endswith(text),
    }[match["verb1"]]


def _unescape(text: str | None) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text or "")
