"""Marker assembly for the text form: decoded text in, symbols out (rule `text-form`)."""

import re

from .token import CONTROLS, EOS, LITERAL, PAD, PARTIAL, Symbol

# Behind an `<eos>` the turn has ended, so `<pad>` counts.
_EOS_RUN = re.compile(r"(?:[ \t\r\n]|<pad>|<eos>|<turn\|>|<\|turn>|<\|tool_response>)*+")
_OPEN = PARTIAL | {PAD.literal[:end] for end in range(len(PAD.literal))}


class Assembler:
    """Finds the literals of control tokens in text, also where they are split over deltas.

    Two things are held: a tail that may become a literal, and an `<eos>` (with the blanks and end markers behind it)
    until it is known whether text follows.
    """

    def __init__(self) -> None:
        self.held = ""
        self._eos: list[str] = []

    def is_empty(self) -> bool:
        """Whether nothing is held."""
        return not (self.held or self._eos)

    def push(self, delta: str) -> list[Symbol]:
        """The symbols that the delta makes certain."""
        text, eos_is_text = self.held + delta, 0
        if self._eos:
            behind = _run_end(text, 0)
            self._eos.append(text[:behind])
            self.held = text[behind : behind + 16]
            if self.held in _OPEN:
                return []
            text, eos_is_text = "".join(self._eos) + text[behind:], sum(map(len, self._eos))
            self._eos = []
        symbols: list[Symbol] = []
        start = at = 0
        while (at := text.find("<", at)) >= 0:
            found = LITERAL.match(text, at)
            if not found:
                if text[at : at + 16] in PARTIAL:
                    break
                at += 1
                continue
            token, behind = CONTROLS[found[0]], found.end()
            if token is EOS:
                if at >= eos_is_text:
                    eos_is_text = _run_end(text, behind)
                    if text[eos_is_text : eos_is_text + 16] in _OPEN:
                        break
            else:
                symbols += (text[start:at], token)
                start = behind
            at = behind
        at = at if at >= 0 else len(text)
        symbols.append(text[start:at])
        self.held = text[at:]
        if self.held[:5] == EOS.literal:
            self._eos, self.held = [text[at:eos_is_text]], text[eos_is_text:]
        return symbols

    def finish(self, stop: bool) -> list[Symbol]:
        """The end of the stream: an `<eos>` that was the last word counts if generation stopped by itself."""
        text, start = "".join(self._eos) + self.held, 0
        # A literal in the making is text that follows the `<eos>`.
        eos_counts = stop and not self.held
        symbols: list[Symbol] = []
        for found in LITERAL.finditer(text):
            if found[0] != EOS.literal or eos_counts:
                symbols += (text[start : found.start()], CONTROLS[found[0]])
                start = found.end()
        return [*symbols, text[start:]]


def _run_end(text: str, at: int) -> int:
    """Where the blanks and end markers end that stand behind an `<eos>`."""
    found = _EOS_RUN.match(text, at)
    return found.end() if found else at
