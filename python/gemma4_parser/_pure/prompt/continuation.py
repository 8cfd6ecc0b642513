"""Continuing the last message: as transformers does it in the official style, whatever the template is."""

from typing import Any

from gemma4_parser.errors import RenderError

from .jinja import contains, truth
from .parts import part_text
from .results import MODEL_ROLES, calls_of
from .writer import MESSAGES, TRIMMED, Place, Writer, message

_REASONING = ("reasoning", "reasoning_content")
_MARK = "CONTINUE_FINAL_MESSAGE_TAG"
"""Stands behind the text to continue while the prompt is rendered, with a space behind it. It is transformers' own."""


def marked(messages: list[Any], field: str) -> tuple[list[Any], str]:
    """The messages with the mark behind the text of the field, and that text."""
    if not messages:
        raise RenderError(str(MESSAGES), "there is no message to continue")
    place = message(len(messages) - 1)
    last = dict(messages[-1]) if isinstance(messages[-1], dict) else {}
    if field == "reasoning_content" and last.get(field) is None:
        last[field] = last.get("reasoning")
    value = last.get(field)
    if value is None:
        raise RenderError(str(place), f"the message has no {field} to continue")
    if isinstance(value, list):
        last[field], text = _marked_part(value, field, place)
    else:
        text = _text(value, field, place)
        for name in _REASONING if field in _REASONING else (field,):
            if last.get(name) == value:
                last[name] = f"{text}{_MARK} "
    return [*messages[:-1], last], text


def _marked_part(parts: list[Any], field: str, place: Place) -> tuple[list[Any], str]:
    """The last part that has a text is the one."""
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if isinstance(part, dict) and "text" in part:
            text = _text(part["text"], field, place)
            return [*parts[:number], {**part, "text": f"{text}{_MARK} "}, *parts[number + 1 :]], text
        if contains(part, "text") is not False:
            break
    raise RenderError(str(place), f"the {field} has no text part to continue")


def _text(value: Any, field: str, place: Place) -> str:
    if type(value) is not str:
        raise RenderError(str(place), f"the {field} to continue must be a string")
    return value


def cut(out: Writer, text: str, field: str, place: Place) -> None:
    """Ends the prompt at the mark. Where the template trimmed the space behind it, what is before is trimmed too."""
    rendered = out.text()
    at = rendered.rfind(_MARK)
    if at < 0 or text.strip(TRIMMED) not in rendered:
        raise RenderError(str(place), f"the {field} to continue is not printed as it is")
    kept = rendered[:at]
    out.cut(at if rendered.startswith(" ", at + len(_MARK)) else len(kept.rstrip(TRIMMED)))


def check(messages: list[Any], field: str) -> None:
    """What cannot be continued in the style `fixed` is an error."""
    if not messages:
        raise RenderError(str(MESSAGES), "there is no message to continue")
    last, place = messages[-1], str(message(len(messages) - 1))
    if not isinstance(last, dict):
        raise RenderError(place, "a message must be a mapping")
    is_model = last.get("role") in MODEL_ROLES
    if field != "content":
        if not is_model:
            raise RenderError(place, "only a message of role assistant can be continued")
        if last.get("reasoning") is None and last.get("reasoning_content") is None:
            raise RenderError(place, f"the message has no {field} to continue")
    else:
        if not is_model and last.get("role") != "user":
            raise RenderError(place, "only a message of role user or assistant can be continued")
        _check_content(last.get("content"), message(len(messages) - 1), is_model=is_model)
    has_calls, has_results = bool(calls_of(last)), truth(last.get("tool_responses"))
    if is_model and (has_calls and not has_results if field == "content" else has_calls or has_results):
        raise RenderError(place, "the calls behind the text to continue would be lost")


def _check_content(content: Any, place: Place, *, is_model: bool) -> None:
    if content is None:
        raise RenderError(str(place), "the message has no content to continue")
    if isinstance(content, list):
        texts = [part_text(part, place) for part in content]
        if all(text is None for text in texts):
            raise RenderError(str(place), "the content has no text part to continue")
        content = texts[-1]
        if content is None:
            raise RenderError(str(place), "the last part of the content must be text")
    if is_model and type(content) is str and ("<|channel>" in content or "<channel|>" in content):
        raise RenderError(str(place), "the content to continue holds a channel marker")
