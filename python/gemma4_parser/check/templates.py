"""The chat template: whether it is Google's current one or gemma4-parser's for the size of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from gemma4_parser.chat_template import chat_template
from gemma4_parser.check.directory import TEMPLATE, Examination
from gemma4_parser.check.json_text import JsonText, Place

__all__ = ["SIZES", "any_there", "examine", "prints_bos"]

SIZES = ("small", "large", "diffusion")
NAMES = {"small": "E2B and E4B", "large": "12B, 26B-A4B and 31B", "diffusion": "DiffusionGemma"}
FIELD = "chat_template"
OWN_MARK = "from gemma4-parser"
USED = ("default", "tool_use")
"""Of several named templates, those that are used without being asked for."""


class Published(NamedTuple):
    """A template that Google has published, as it can be known again."""

    date: str
    model: str
    size: int
    """In bytes."""
    digest: str
    """SHA-256 in hexadecimal, or how it begins."""


PUBLISHED = (
    Published("2026-04-02", "large", 12_045, "2dfbfc7d"),
    Published("2026-04-02", "small", 11_926, "55572b8d3c8342044e25874c73fe5234b661fa0a57a57f6ef75b58e03d7d959a"),
    Published("2026-04-09", "large", 16_448, "85a08664d16d8f3be4416c92427b3ac10df1024ac566cc0b4bc3bab409393f98"),
    Published("2026-04-09", "small", 16_317, "781d10940fbc44be40064b5d43a056fc486c84ceaa55538226368b57314132bf"),
    Published("2026-04-28", "large", 16_934, "94899c0f917d93f6fe81c95744d1e8ddab2d21d39228d2e4aec1fb2a25bff413"),
    Published("2026-04-28", "small", 16_804, "33204f1acb5bd0002713e16a593847f24ceeafe711ed88bda2a352dc996a3373"),
    Published("2026-05", "large", 17_466, "36e3a42e5cf14cd0020e72d92e1fdd9970f59b82170e421f0cbe1bb42bead3f0"),
    Published("2026-05", "small", 17_336, "2f1b4d75d067bae3fe44e676721c7f077d243bc007156cb9c2f8b5836613d082"),
    Published("2026-07-09", "large", 18_683, "ae53464bf3be25802b3a5b37def7fd89667067d7577049b3b2d74c4d8de4c6d4"),
    Published("2026-07-09", "small", 18_569, "0a2c8073c878ab1da004bee933a998606537bbb62016310352c7285c3f01c5b5"),
    Published("2026-07-09", "diffusion", 18_575, "9aeb7eac68ad87bba7567e9d4597ff203e5609f1b427d9e823437d0142cc61bf"),
)
CURRENT = "2026-07-09"
FAULTS = {
    "2026-04-02": "tool results stand in turns of their own, which the model does not know",
    "2026-04-09": "parameters of tools that are called as keywords (type, description) are lost",
    "2026-04-28": "images in tool results are dropped, and thoughts of the current turn are lost",
    "2026-05": "null in arguments becomes None, and thoughts of the current turn are lost",
}
"""What each outdated template does wrong."""
EMPTY_THOUGHT = "the large sizes are prompted with an empty thought where thinking is off, the others are not"
REOPENED = "it opens a turn of the model behind every tool result"


class Origin(NamedTuple):
    """Where a template comes from."""

    name: str
    fault: str | None
    """Why it should not be used; None for one that may be."""
    model: str | None = None
    """The size that it is for; None where that is not known."""
    own: bool = False
    """Whether it is this package's."""

    def unfit(self, model: str) -> str | None:
        """Why it should not be used for a size; None where it may be."""
        if self.model in (None, model):
            return None
        if "large" in (self.model, model):
            return EMPTY_THOUGHT
        return None if self.own or self.model == "small" else REOPENED


class _Found(NamedTuple):
    """A template in a file."""

    file: str
    label: str
    """What it is called in the file; empty where it is the whole file."""
    text: str
    source: tuple[JsonText, Place] | None
    """Where it is in a JSON file."""


def examine(found: Examination) -> None:
    """Adds what is wrong with the templates."""
    templates = list(_templates(found))
    origins = [_origin(template.text) for template in templates]
    # A template for one size tells which where nothing else does.
    told = {origin.model for origin in origins if origin.model}
    model = found.model = found.model or (told.pop() if len(told) == 1 else None)
    if not templates:
        repair = f"gemma4-parser's for {NAMES[model]} is written" if model else None
        reason = "servers refuse to chat, or guess a form that the model does not know"
        found.add(TEMPLATE, "template", "is missing, and no other file has a chat template", reason, repair)
        if model:
            found.write(TEMPLATE, chat_template(model).encode())
    for template, origin in zip(templates, origins, strict=True):
        _examine_one(found, template, origin, model)


def any_there(found: Examination) -> bool:
    """Whether the directory has a chat template."""
    return any(True for _ in _templates(found))


def prints_bos(found: Examination) -> bool:
    """Whether a chat template in the directory prints `<bos>`."""
    return any("bos_token" in template.text or "<bos>" in template.text for template in _templates(found))


def _examine_one(found: Examination, template: _Found, origin: Origin, model: str | None) -> None:
    problem, reason = f"is {origin.name}", origin.fault
    if not reason and model:
        problem, reason = f"is {origin.name}, and this model is one of {NAMES[model]}", origin.unfit(model)
    if not reason:
        return
    if template.label:
        problem = f"{template.label} {problem}"
    if model is None:
        found.add(template.file, "template", problem, f"{reason} (nothing tells the size of the model)", None)
        return
    own = chat_template(model)
    repair = f"gemma4-parser's for {NAMES[model]} takes its place"
    if template.source is None:
        found.add(template.file, "template", problem, reason, repair)
        found.write(template.file, own.encode())
    else:
        text, place = template.source
        found.add(template.file, "template", problem, reason, repair, text.replaced(place, own))


def _templates(found: Examination) -> Iterator[_Found]:
    """All templates that a server may take: which file counts differs between them."""
    for file, data in found.data.items():
        if file.endswith(".jinja"):
            yield _Found(file, "", data.decode("utf-8", "replace"), None)
        elif file in found.json and (place := found.json[file].members.get(FIELD)):
            text = found.json[file]
            for label, value in _named(text, place):
                if isinstance(value.value, str):
                    yield _Found(file, label, text.string(value), (text, value))


def _named(text: JsonText, place: Place) -> Iterator[tuple[str, Place]]:
    if isinstance(place.value, dict):
        yield from ((f"{FIELD} {name!r}", item) for name, item in text.members_of(place).items() if name in USED)
    elif isinstance(place.value, list):
        for item in text.items_of(place):
            entry = text.members_of(item) if isinstance(item.value, dict) else {}
            if "name" in entry and "template" in entry and entry["name"].value in USED:
                yield f"{FIELD} {entry['name'].value!r}", entry["template"]
    else:
        yield FIELD, place


def _origin(text: str) -> Origin:
    for model in SIZES:
        if _body(text) == _body(chat_template(model)):
            return Origin(f"gemma4-parser's for {NAMES[model]}", None, model, own=True)
    for published in PUBLISHED:
        if _is(text, published):
            name = f"Google's of {published.date} for {NAMES[published.model]}"
            if published.date == CURRENT:
                return Origin(name, None, published.model)
            return Origin(f"{name}, which is outdated", FAULTS[published.date], published.model)
    if OWN_MARK in text:
        return Origin("gemma4-parser's, but of another version or changed", "repairs of this version are not in it")
    if "<start_of_turn>" in text:
        return Origin("one for an earlier Gemma", "its turns are those of other control tokens")
    if "<|turn>" not in text:
        return Origin("not for Gemma 4", "it prints no turns that the model knows")
    name = "neither Google's nor gemma4-parser's"
    return Origin(name, "nobody has compared what it prints with what the model has learnt to read")


def _body(text: str) -> str:
    """A template without what copying changes: line ends, and whether there is one at the end."""
    return text.replace("\r\n", "\n").rstrip("\n")


def _is(text: str, published: Published) -> bool:
    return any(size == published.size and digest.startswith(published.digest) for size, digest in _digests(text))


@lru_cache(maxsize=16)
def _digests(text: str) -> tuple[tuple[int, str], ...]:
    body = _body(text)
    # An escape in JSON may spell what UTF-8 cannot hold.
    forms = [form.encode("utf-8", "surrogatepass") for form in (body, f"{body}\n")]
    return tuple((len(form), hashlib.sha256(form).hexdigest()) for form in forms)
