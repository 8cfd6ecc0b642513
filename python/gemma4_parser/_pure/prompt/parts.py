"""What messages hold: content parts, texts with thoughts in them, arguments as JSON text."""

from typing import Any

from gemma4_parser.errors import RenderError

from ..convert import MAX_DEPTH, Level
from ..format import Control
from ..json import Reader
from ..token import BLANKS
from .jinja import truth
from .writer import INLINE, TRIMMED, UNCLOSED, Place, Writer

_IMAGE, _AUDIO, _VIDEO = (Control(f"<|{kind}|>") for kind in ("image", "audio", "video"))
PLACEHOLDERS = {"image": _IMAGE, "image_url": _IMAGE, "audio": _AUDIO, "input_audio": _AUDIO, "video": _VIDEO}
"""The control token for a content part of this type, in the style `official`."""

_ALL_PLACEHOLDERS = {**PLACEHOLDERS, "input_image": _IMAGE}
"""Those of the style `fixed`."""
_TEXT_TYPES = ("text", "input_text", "output_text")
_PART_TYPES = (*_TEXT_TYPES, *_ALL_PLACEHOLDERS, "video_url", "file", "input_file", "refusal")
# The keys of content parts: an item with another one is of a list that is a value.
_PART_KEYS = {
    *("type", "text", "image", "image_url", "audio", "audio_url", "input_audio", "video", "video_url", "file"),
    *("file_id", "file_data", "file_url", "filename", "refusal", "url", "uri", "data", "source", "path", "base64"),
    *("format", "detail", "mime_type", "media_type", "mimeType", "transcript", "annotations", "citations"),
    *("cache_control", "id", "index"),
}
# Fields of a text part that say nothing to a model.
_SILENT = ("id", "type", "index", "annotations", "citations", "cache_control")


def part_kind(part: Any) -> str:
    """What a warning calls a content part."""
    kind = part.get("type") if isinstance(part, dict) else None
    return f'type "{kind}"' if type(kind) is str else "no type"


def is_parts(content: list[Any]) -> bool:
    """Whether the list of a tool message is one of content parts; any other is a value."""
    known = [part for part in content if isinstance(part, dict) and _is_known(part.get("type"))]
    return not content or (bool(known) and all(key in _PART_KEYS for part in known for key in part))


def _is_known(kind: Any) -> bool:
    return type(kind) is str and kind in _PART_TYPES


def part_text(part: Any, place: Place) -> str | None:
    """The text of a text part, None for any other part (the repair `text-parts`)."""
    if type(part) is str:
        return part
    if not isinstance(part, dict):
        raise RenderError(str(place), "a content part must be a mapping or a string")
    kind, text = part.get("type"), part.get("text")
    if not (text is not None if kind is None else type(kind) is str and kind in _TEXT_TYPES):
        return None
    if text is not None and type(text) is not str:
        raise RenderError(str(place), "the text of a content part must be a string")
    return text or ""


def part_left_out(part: Any, out: Writer, place: Place) -> None:
    """Warns of the fields of a text part that nobody reads."""
    if isinstance(part, dict):
        out.left_out(place, part, ("text",), silent=_SILENT)


def placeholder(part: Any) -> Control | None:
    """The control token that stands for a mapping which is no text part; None where it is left out."""
    kind = part.get("type")
    return _ALL_PLACEHOLDERS.get(kind) if type(kind) is str else None


def strip_thoughts(text: str, out: Writer, place: Place, *, would_stay: bool = False) -> str:
    """A model's text without its inline thoughts, trimmed; `would_stay` where the field of a thought is printed."""
    pieces = [piece.partition("<|channel>") for piece in text.split("<channel|>")]
    if pieces[-1][1]:
        out.warn(place, UNCLOSED)
    if would_stay and any(opening for _, opening, _ in pieces[:-1]):
        out.warn(place, INLINE)
    return "".join(before for before, _, _ in pieces).strip(TRIMMED)


def joined_texts(value: Any) -> str | None:
    """The text of a reasoning: a string, or a list of strings and of parts with a text; None for anything else."""
    if not truth(value):
        return ""
    if type(value) is str:
        return value
    if type(value) is not list:
        return None
    texts: list[Any] = [part.get("text") if isinstance(part, dict) else part for part in value]
    return "\n".join(texts) if all(type(text) is str for text in texts) else None


def arguments_of(value: Any) -> dict[str, Any] | None:
    """The arguments of a call, also from JSON text (the repair `string-arguments`); None for anything else."""
    if type(value) is str:
        value = _json_value(value) if value.strip(BLANKS) else None
    return {} if value is None else value if isinstance(value, dict) else None


def _json_value(text: str) -> Any:
    """The value of a JSON text, equal keys and the spelling of numbers kept; an empty list where it is none."""
    reader, levels = Reader(text), [Level(is_list=True)]
    try:
        for kind, value in iter(reader.pull, ("", None)):
            if kind == "key":
                levels[-1].key = value
            elif kind == "value":
                levels[-1].add(value)
            elif kind in "}]":
                done = levels.pop().close()
                levels[-1].add(done)
            elif len(levels) > MAX_DEPTH:
                return []
            else:
                levels.append(Level(is_list=kind == "["))
    except ValueError:
        return []
    (value,) = levels[0].close()
    return value
