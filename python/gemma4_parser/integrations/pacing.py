"""Ids that run ahead of the server's text: they are given on when the text has come as far.

A server that looks for stop strings holds text back, and cuts it where one is found; the ids of a step are not cut. So
what the ids mean must be said no sooner, and no further, than the text goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from gemma4_parser import Vocabulary
from gemma4_parser.integrations.delta import known_ids

__all__ = ["Pacer"]

TRIES = 8
"""Ids that may make one character together: a character has four bytes."""


class Pacer:
    """Matches ids with text. Where they do not fit together at all, ids decide and are no longer held (`free`)."""

    def __init__(self, vocabulary: Vocabulary, control: frozenset[int], letters: Sequence[int] = ()) -> None:
        """`control`: ids of control tokens, which the text may leave out; `letters`: the ids of the 256 single bytes.

        A token whose text has come in part is given on as letters. Without these it waits for the rest.
        """
        self.free = False
        self._vocabulary = vocabulary
        self._control = control
        self._letters = letters
        self._ids: list[int] = []
        self._text = ""
        self._at = 0  # what of the text was matched

    def push(self, ids: list[int], text: str) -> list[int]:
        """The ids whose text has come."""
        if self.free:
            return ids
        try:
            whole = self._vocabulary.decode(ids)
        except ValueError:
            ids = known_ids(self._vocabulary, ids)
            whole = self._vocabulary.decode(ids)
        if whole == text and not self._ids and not self._text:
            return ids
        self._ids += ids
        self._text += text
        ready = 0
        while ready < len(self._ids):
            step = self._step(ready)
            if step == 0:
                break
            ready += step
        given, self._ids = self._ids[:ready], self._ids[ready:]
        self._text, self._at = self._text[self._at :], 0
        return given

    def rest(self) -> list[int]:
        """At the end: the control tokens behind what has come; the text of others was cut off."""
        given: list[int] = []
        for number in self._ids:
            if number not in self._control:
                break
            given.append(number)
        self._ids = []
        return given

    def _step(self, ready: int) -> int:
        """How many ids from `ready` on the text covers next; 0 where more of it must come."""
        last = min(TRIES, len(self._ids) - ready)
        for count in range(1, last + 1):
            piece = self._vocabulary.decode(self._ids[ready : ready + count])
            if self._text.startswith(piece, self._at):
                self._at += len(piece)
                return count
            come = len(self._text) - self._at
            if come < len(piece) and piece.startswith(self._text[self._at :]):
                if come == 0 or not self._letters or self._ids[ready] in self._control or "\ufffd" in piece:
                    return 0
                self._ids[ready : ready + count] = [self._letters[byte] for byte in piece.encode()]
                return self._step(ready)
            if count == 1 and self._ids[ready] in self._control:
                return 1
            if not piece.endswith("\ufffd"):
                break
        else:
            if last < TRIES:
                return 0
        self.free = True
        return len(self._ids) - ready
