"""The exceptions of this package; both implementations raise these same objects."""

from __future__ import annotations

__all__ = ["ArgumentError", "RenderError"]


class ArgumentError(ValueError):
    """An argument text fits no accepted form.

    `offset` is the place of the error in characters of the text, counted from 0; `reason` is the sentence without it.
    """

    def __init__(self, reason: str, offset: int) -> None:
        """`reason`: a sentence without the place; `offset`: characters before the place."""
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.reason} at character {self.offset}"


class RenderError(ValueError):
    """A message or a tool cannot be rendered.

    `place` names it, as `messages[2].tool_calls[0]` or `tools[0]`; `reason` is the sentence without it.
    """

    def __init__(self, place: str, reason: str) -> None:
        """`place`: the message, call, result or tool; `reason`: a sentence without the place."""
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"
