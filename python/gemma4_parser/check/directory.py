"""A model directory: its files, whether it is Gemma 4, and which size."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple

from gemma4_parser import CONTROL_TOKENS, model_kind
from gemma4_parser.check.json_text import BadJson, Edit, JsonText
from gemma4_parser.check.report import CheckError, Finding

__all__ = [
    "CONFIG",
    "GENERATION",
    "TEMPLATE",
    "TOKENIZER",
    "TOKENIZER_CONFIG",
    "Examination",
    "File",
    "identify",
    "read",
]

CONFIG = "config.json"
GENERATION = "generation_config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
# In the order in which findings are told.
NAMES = (
    CONFIG,
    GENERATION,
    TEMPLATE,
    "additional_chat_templates/tool_use.jinja",
    "chat_template.json",
    "processor_config.json",
    TOKENIZER_CONFIG,
    TOKENIZER,
)
MAX_BYTES = 1 << 28
"""A file beyond this is not what its name says: Google's tokenizer.json, the largest, has 32 MB."""

_MODEL_TYPE = re.compile(r"(gemma4|diffusion_gemma)(_\w+)?")
_NO_LANGUAGE_MODEL = ("_audio", "_vision")
_DRAFTER = "_assistant"
_BASE_NAME = re.compile(r"(models--google--)?gemma-4-(e2b|e4b|12b|26b-a4b|31b)", re.IGNORECASE)


class File(NamedTuple):
    """A file as it was read."""

    data: bytes
    status: os.stat_result
    """Of the file itself, behind all links."""
    link: str | None
    """Where the symbolic link of this name points to; None for a file."""


class Examination:
    """The files of a directory, what is wrong with them, and the edits that repair it."""

    def __init__(self, data: dict[str, bytes], parsed: dict[str, JsonText]) -> None:
        """`parsed`: what has been read of these or earlier contents; files that are the same are not read again."""
        self.data = data
        self.model: str | None = None
        self.findings: list[Finding] = []
        self.edits: dict[str, list[Edit]] = {}
        self.written: dict[str, bytes] = {}
        self.json: dict[str, JsonText] = {}
        for name in NAMES:
            if name.endswith(".json") and name in data:
                try:
                    known = parsed.get(name)
                    self.json[name] = known if known and known.data is data[name] else JsonText(data[name])
                except BadJson as error:
                    self.add(name, "json", str(error), "nothing that needs it can start", None)
        self.ids = self._control_ids()
        """The ids of the control tokens in tokenizer.json, as far as they are there."""

    def _control_ids(self) -> dict[str, int]:
        """Of an id in `added_tokens` and one in `model.vocab` the first counts, as for a `Vocabulary`."""
        model, added = self.value(TOKENIZER, "model"), self.value(TOKENIZER, "added_tokens")
        pieces = model.get("vocab") if isinstance(model, dict) else None
        found: dict[Any, Any] = {}
        if isinstance(pieces, dict):
            found = {literal: pieces[literal] for literal in CONTROL_TOKENS if literal in pieces}
        elif isinstance(pieces, list):
            scored = (piece[0] if isinstance(piece, list) and piece else None for piece in pieces)
            found = {piece: number for number, piece in enumerate(scored) if isinstance(piece, str)}
        for token in added if isinstance(added, list) else ():
            if isinstance(token, dict) and token.get("content") in CONTROL_TOKENS:
                found[token["content"]] = token.get("id")
        return {name: found[name] for name in CONTROL_TOKENS if type(found.get(name)) is int}

    def add(self, file: str, code: str, problem: str, reason: str, repair: str | None, *edits: Edit) -> None:
        """Adds a finding, and the edits of its file that repair it."""
        self.findings.append(Finding(file, code, problem, reason, repair))
        if edits:
            self.edits.setdefault(file, []).extend(edit for edit in edits if edit not in self.edits.get(file, []))

    def write(self, file: str, content: bytes) -> None:
        """Gives a whole file a new content, as a repair."""
        self.written[file] = content

    def value(self, file: str, key: str) -> Any:
        """A member of a JSON file; None where there is none."""
        place = self.json[file].members.get(key) if file in self.json else None
        return place.value if place else None


def read(path: Path) -> dict[str, File]:
    """The files of a model directory that a check reads, as far as they are there.

    Raises `CheckError` where it is no directory, or a file cannot be read.
    """
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise CheckError(f"{path}: not a directory; a check needs the directory of a Hugging Face model")
    except OSError as error:
        raise CheckError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise CheckError(f"{path!r}: {error}") from error
    files = {}
    for name in NAMES:
        place = path / name
        try:
            link = os.readlink(place) if place.is_symlink() else None
            try:
                files[name] = File(*_read_file(place), link)
            except (FileNotFoundError, NotADirectoryError):
                if link is not None:
                    missing = f"a link to {link}, which is not there: is the download complete?"
                    raise CheckError(f"{place}: {missing}") from None
        except OSError as error:
            raise CheckError(f"{place}: {error.strerror or error}") from error
    return files


def _read_file(place: Path) -> tuple[bytes, os.stat_result]:
    # Before it is opened: a pipe would wait for a writer.
    if not stat.S_ISREG(os.stat(place).st_mode):
        raise CheckError(f"{place}: not a file")
    with open(place, "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_size > MAX_BYTES:
            raise CheckError(f"{place}: too large, {status.st_size} bytes")
        return file.read(), status


def identify(path: Path, found: Examination) -> str | None:
    """The size of the model: `small`, `large`, `diffusion`, or None where nothing tells.

    Raises `CheckError` where the directory is not that of a Gemma 4 model, or nothing tells that it is.
    """
    model_type = found.value(CONFIG, "model_type")
    if CONFIG in found.json:
        _refuse_others(path, model_type)
    if TOKENIZER in found.json:
        # The others are in the vocabulary of Gemma 3 as well.
        if not any("|" in literal for literal in found.ids):
            raise CheckError(f"{path / TOKENIZER}: it has none of Gemma 4's control tokens; this is another model")
    elif not isinstance(model_type, str):
        broken = [f"{told.file} {told.problem}" for told in found.findings if told.file in (CONFIG, TOKENIZER)]
        absent = f"{CONFIG} has no model_type" if CONFIG in found.data else f"neither {CONFIG} nor {TOKENIZER} is here"
        raise CheckError(f"{path}: nothing tells that this is a Gemma 4 model: {', '.join(broken) or absent}")
    return _by_config(found, model_type) or model_kind(_name(path)) or model_kind(_name(path.resolve()))


def is_base(path: Path) -> bool:
    """Whether the directory is called as one of Google's base models, which know no turns and have no template."""
    in_cache = [part for part in path.parts if part.startswith("models--")]
    return any(_BASE_NAME.fullmatch(part) for part in (path.name, *in_cache))


def _refuse_others(path: Path, model_type: object) -> None:
    if model_type is None:
        return
    known = _MODEL_TYPE.fullmatch(model_type) if isinstance(model_type, str) else None
    if not known or str(model_type).endswith(_NO_LANGUAGE_MODEL):
        raise CheckError(f"{path / CONFIG}: the model type is {model_type!r}; this is not a Gemma 4 model")
    if str(model_type).endswith(_DRAFTER):
        raise CheckError(f"{path / CONFIG}: the model type is {model_type!r}; a drafter has no prompts of its own")


def _by_config(found: Examination, model_type: object) -> str | None:
    kind = str(model_type or "")
    if kind.startswith("diffusion_gemma"):
        return "diffusion"
    if kind.startswith("gemma4_unified"):
        return "large"
    text = found.value(CONFIG, "text_config")
    config = text if isinstance(text, dict) else {}
    width = config.get("hidden_size_per_layer_input", found.value(CONFIG, "hidden_size_per_layer_input"))
    # Only the small sizes have embeddings of their own in each layer.
    return ("small" if width > 0 else "large") if type(width) is int else None


def _name(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
