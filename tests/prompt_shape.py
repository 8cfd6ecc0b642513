"""Whether a prompt is balanced: read segment by segment, as a tokenizer will hand it to the model."""

from __future__ import annotations

from typing import Any, NamedTuple

from gemma4_parser import CONTROL_TOKENS

DELIMITER = '<|"|>'
BLOCKS = {
    "<|tool>": ("declaration:", "<tool|>"),
    "<|tool_call>": ("call:", "<tool_call|>"),
    "<|tool_response>": ("response:", "<tool_response|>"),
}
"""By opener: what a block begins with, and its close marker."""
MEDIA = ("<|image|>", "<|audio|>", "<|video|>")


class Shape(NamedTuple):
    """What the segments say."""

    roles: list[str]
    """Of the turns, in order."""
    end: str
    """What is open: nothing (`closed`), a `turn`, a turn behind `results`, a `thought`, a turn with `pending` calls."""


class _Reader:
    """The segments, one after the other."""

    def __init__(self, segments: Any) -> None:
        self.segments = list(segments)
        self.at = 0

    def peek(self) -> tuple[bool, str]:
        """The next segment; no text behind the last one."""
        return self.segments[self.at] if self.at < len(self.segments) else (False, "")

    def control(self) -> str:
        """The next segment where it is a control token, taken; else nothing."""
        is_control, text = self.peek()
        if not is_control:
            return ""
        self.at += 1
        return text

    def text(self) -> str:
        """The next segment where it is text, taken; else nothing."""
        is_control, text = self.peek()
        if is_control or not text:
            return ""
        self.at += 1
        return text

    def ended(self) -> bool:
        return self.at == len(self.segments)


def check_segments(prompt: Any) -> None:
    """Segments are the text; control tokens are exactly literals; no two texts are neighbours, none is empty."""
    assert isinstance(prompt.segments, tuple)
    assert "".join(text for _, text in prompt.segments) == prompt.text
    was_text = False
    for is_control, text in prompt.segments:
        assert is_control is True or is_control is False
        assert text
        if is_control:
            assert text in CONTROL_TOKENS
        else:
            assert not was_text, prompt.segments
        was_text = not is_control


def read_shape(prompt: Any, bos: str = "<bos>") -> Shape:
    """The turns of the prompt and what its end leaves open; an AssertionError where anything else is unbalanced."""
    reader = _Reader(prompt.segments)
    assert reader.control() == bos
    roles: list[str] = []
    while not reader.ended():
        assert reader.control() == "<|turn>", "text outside a turn"
        role, newline, _ = reader.text().partition("\n")
        assert newline
        roles.append(role)
        end = _turn(reader, role)
        if end != "closed":
            assert reader.ended(), "a turn that is not closed"
            return Shape(roles, end)
        assert reader.text() == "\n", "a turn ends with a newline"
    return Shape(roles, "closed")


def _turn(reader: _Reader, role: str) -> str:
    """Reads to the end of the turn; says how it ended."""
    end = "turn"
    while not reader.ended():
        token = reader.control()
        end = "turn"
        if token == "<turn|>":
            return "closed"
        if token == "<|channel>":
            assert role == "model"
            if not _thought(reader):
                return "thought"
        elif token in BLOCKS:
            assert role == ("system" if token == "<|tool>" else "model"), (token, role)
            if reader.ended():
                assert token == "<|tool_response>"
                return "pending"
            _block(reader, *BLOCKS[token])
            if token == "<|tool_response>":
                end = "results"
                while reader.peek() in [(True, literal) for literal in MEDIA]:
                    reader.control()
        elif token == "<|think|>":
            assert role == "system"
        else:
            assert token in MEDIA, token
        if reader.text():
            end = "turn"
    return end


def _thought(reader: _Reader) -> bool:
    """Reads a thought; whether it is closed."""
    text = reader.text()
    assert text.startswith("thought\n")
    if reader.ended():
        return False
    assert text.endswith("\n")
    assert reader.control() == "<channel|>"
    return True


def _block(reader: _Reader, start: str, close: str) -> None:
    """Reads a declaration, a call or a response: brackets outside strings are balanced and end with the block."""
    text = reader.text()
    assert text.startswith(start), text
    outside = text[text.index("{") :]
    brackets: list[str] = []
    started = False
    while True:
        for character in outside:
            assert brackets or not started, f"behind the last bracket: {outside}"
            started = True
            if character in "{[":
                brackets.append({"{": "}", "[": "]"}[character])
            elif character in "}]":
                assert brackets.pop() == character, outside
        token = reader.control()
        if token == close:
            assert not brackets, "a bracket that is not closed"
            return
        assert token == DELIMITER, token
        assert brackets, "a string outside the brackets"
        reader.text()
        assert reader.control() == DELIMITER, "a string that is not closed"
        outside = reader.text()
