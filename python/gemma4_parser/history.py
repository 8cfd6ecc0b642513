"""Thoughts in the history of a conversation: which ones are sent back to the model.

Google's rule: thoughts of earlier turns are taken out before the next turn, those between the calls of the current turn
stay. DESIGN.md, part 8.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # What only types need is not imported with the package.
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    Policy: TypeAlias = Literal["current_turn", "tool_turns", "all", "none"]

__all__ = ["strip_thoughts"]

POLICIES = ("current_turn", "tool_turns", "all", "none")
FIELDS = ("reasoning", "reasoning_content", "reasoning_details", "thinking", "thinking_blocks")
"""Fields of a message that hold thoughts, as servers and gateways name them."""
PARTS = ("thinking", "reasoning", "redacted_thinking")
"""Types of content parts that hold thoughts."""

_OPEN, _CLOSE = "<|channel>", "<channel|>"
_BLANKS = " \t\r\n"


def strip_thoughts(messages: Sequence[Any], policy: Policy = "current_turn") -> list[Any]:
    """The messages without the thoughts that the model should not see again, as a new list.

    messages: a list or tuple of messages of the Chat Completions API, each a mapping or an object with `model_dump`.
    policy: the thoughts that are kept. "current_turn": of messages behind the last one of role user, between the calls
        of the current turn and on its answer. "tool_turns": those, and of messages with calls anywhere. "all". "none".

    Thoughts are the fields `reasoning`, `reasoning_content`, `reasoning_details`, `thinking` and `thinking_blocks`,
    content parts of the types `thinking`, `reasoning` and `redacted_thinking`, and in texts of the content what stands
    between `<|channel>` and `<channel|>`, or to the end where it is not closed; a `<channel|>` by itself is deleted.
    Blanks (space, tab, CR, LF) that this leaves at the start or end of a text go too; nothing else is trimmed.

    Only messages of role assistant and model are looked into. A message that nothing is taken from is passed on as it
    is, the same object; any other becomes a new dict. None is left out: a content of nothing but thoughts becomes
    empty text, and so does a list of parts of which none is left. The input is not changed.
    Takes time linear in the messages. Raises ValueError for another policy, TypeError for wrong types, with the place.
    """
    if not isinstance(policy, str):
        raise TypeError(f"policy must be a str, not {type(policy).__name__}")
    if policy not in POLICIES:
        raise ValueError(f"policy must be 'current_turn', 'tool_turns', 'all' or 'none', not {policy!r}")
    if not isinstance(messages, list | tuple):
        raise TypeError(f"messages must be a list or tuple, not {type(messages).__name__}")
    read = [_mapping(message, f"messages[{at}]") for at, message in enumerate(messages)]
    roles = [_role(fields, at) for at, fields in enumerate(read)]
    last_user = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
    found = []
    for at, (message, fields, role) in enumerate(zip(messages, read, roles, strict=True)):
        current = at > last_user and policy != "none"
        with_calls = policy == "tool_turns" and bool(fields.get("tool_calls") or fields.get("function_call"))
        kept = policy == "all" or current or with_calls or role not in ("assistant", "model")
        stripped = None if kept else _stripped(fields, at)
        found.append(message if stripped is None else stripped)
    return found


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    from collections.abc import Mapping

    if not isinstance(value, Mapping | type) and callable(dump := getattr(value, "model_dump", None)):
        value = dump()
    if not isinstance(value, Mapping):
        raise TypeError(f"{place} must be a mapping, not {type(value).__name__}")
    return value


def _role(fields: Mapping[str, Any], at: int) -> str | None:
    role = fields.get("role")
    if role is not None and not isinstance(role, str):
        raise TypeError(f"messages[{at}]['role'] must be a str, not {type(role).__name__}")
    return role


def _stripped(fields: Mapping[str, Any], at: int) -> dict[str, Any] | None:
    """The message without its thoughts; None where it has none."""
    content = _content(fields.get("content"), f"messages[{at}]['content']")
    if content is None and not any(fields.get(name) for name in FIELDS):
        return None
    rest = {key: value for key, value in fields.items() if key not in FIELDS}
    return rest if content is None else rest | {"content": content}


def _content(content: Any, place: str) -> str | list[Any] | None:
    """The content without thoughts; None where it has none."""
    if content is None:
        return None
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, list | tuple):
        raise TypeError(f"{place} must be a str, a list or None, not {type(content).__name__}")
    changed, rest = False, []
    for number, part in enumerate(content):
        fields = None if isinstance(part, str) else _mapping(part, f"{place}[{number}]")
        if fields is not None and fields.get("type") in PARTS:
            changed = True
            continue
        text = part if fields is None else fields.get("text")
        stripped = _text(text) if isinstance(text, str) else None
        if stripped is None:
            rest.append(part)
            continue
        changed = True
        # An empty part says nothing, and servers refuse it.
        if stripped:
            rest.append(stripped if fields is None else {**fields, "text": stripped})
    return (rest or "") if changed else None


def _text(text: str) -> str | None:
    """The text without inline thoughts; None where it has none. It is read as the renderer reads a model's text."""
    if _OPEN not in text and _CLOSE not in text:
        return None
    pieces = [piece.partition(_OPEN)[0] for piece in text.split(_CLOSE)]
    rest = "".join(pieces)
    if not pieces[0].strip(_BLANKS):
        rest = rest.lstrip(_BLANKS)
    # What follows the last thing that was taken out.
    if _OPEN in text.rpartition(_CLOSE)[2] or not pieces[-1].strip(_BLANKS):
        rest = rest.rstrip(_BLANKS)
    return rest
