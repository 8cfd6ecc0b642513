"""What a canonical output says: a parser of the whole text that is small enough to be seen to be right.

It answers for the canonical grammar of `DESIGN.md` part 1 alone and knows no streams, no repairs, no rejected calls.
Whatever could be anything but a canonical turn, or is read otherwise by the lenient grammar, it does not answer.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from gemma4_parser import CONTROL_TOKENS

BLANKS = " \t\r\n"
CLOSES = {"<turn|>": "turn", "<|turn>": "turn", "<|tool_response>": "tool_response", "<eos>": "eos", "<pad>": "eos"}
END = "|".join(map(re.escape, CLOSES))
CONTROL = re.compile("|".join(map(re.escape, CONTROL_TOKENS)))
TURN_END = re.compile(rf"({END})(?:[{BLANKS}]|{END})*\Z")
NAME = re.compile(r"[^\x00-\x1f\"'`<({]+")
KEY = re.compile(r"[^\x00-\x1f\"'`,:={}\[\]]+")
SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SPOILT_STRING = re.compile(rf"(?:<tool_call\|>|{END})[{BLANKS}]*(?:<\|tool_call>|{END})")
DEEPEST = 60
"""Deeper ones are not answered: the recursion is Python's."""


class Answer(NamedTuple):
    """What the output says. Calls are pairs of a name and the compact JSON text of the arguments."""

    reasoning: str
    content: str
    calls: list[tuple[str, str]]
    end: str


class _NotCanonicalError(Exception):
    """The output is not surely canonical."""


def answer(text: str, finish: str = "stop") -> Answer | None:
    """What a canonical output says; None for any other."""
    try:
        return _Oracle(re.sub("[\ud800-\udfff]", "\ufffd", text), finish).turn()
    except _NotCanonicalError:
        return None


class _Oracle:
    def __init__(self, text: str, finish: str) -> None:
        self.text = text
        self.at = self.depth = 0
        self.made = Answer("", "", [], finish)

    def turn(self) -> Answer:
        thoughts, said = [], []
        need(not self.text.startswith("thought\n"))
        while self.at < len(self.text):
            if self.takes("<|channel>thought\n"):
                thoughts += self.thought()
                need(not self.text.startswith("thought\n", self.at))
            elif self.takes("<|tool_call>"):
                self.call()
            elif ended := TURN_END.match(self.text, self.at):
                need(ended[1] != "<pad>" and not ("<eos>" in ended[0] and self.made.end != "stop"))
                self.made, self.at = self.made._replace(end=CLOSES[ended[1]]), len(self.text)
            else:
                said.append(self.prose())
        return self.made._replace(reasoning="".join(thoughts), content="".join(said))

    def thought(self) -> list[str]:
        """Its stretches; those of blanks say nothing, and a newline before the end is the frame's."""
        found = []
        while not self.takes("<channel|>"):
            if self.takes("<|tool_call>"):
                self.call()
                continue
            stretch = self.prose()
            found.append(stretch.removesuffix("\n") if self.text.startswith("<channel|>", self.at) else stretch)
            if not stretch.strip(BLANKS):
                found.pop()
        return found

    def prose(self) -> str:
        """Text up to the next control token; nothing in it or at its end may look like the beginning of one."""
        control = CONTROL.search(self.text, self.at)
        start, self.at = self.at, control.start() if control else len(self.text)
        stretch = self.text[start : self.at]
        need(stretch and "<|tool_call|>" not in stretch)
        tail = stretch[stretch.rfind("<") :]
        need(control or "<" not in stretch or not any(literal.startswith(tail) for literal in CONTROL_TOKENS))
        need(not (control and stretch[-1] in "\"'`" and self.text.startswith(stretch[-1], control.end())))
        return stretch

    def call(self) -> None:
        self.blanks()
        need(self.takes("call:"))
        self.blanks()
        name = self.matched(NAME).strip(BLANKS)
        need(name and len(name.encode()) <= 1024)
        self.blanks()
        arguments = self.value("{")
        self.blanks()
        need(self.takes("<tool_call|>"))
        need(not re.match(rf"[{BLANKS}]*<tool_call\|>", self.text[self.at :]))
        self.made.calls.append((name, arguments))

    def value(self, openers: str = "{[") -> str:
        """The JSON text of the value that stands here."""
        self.blanks()
        opener = self.text[self.at : self.at + 1]
        if opener and opener in openers:
            return self.members(opener)
        need(openers == "{[")
        return self.string() if self.text.startswith('<|"|>', self.at) else self.matched(SCALAR)

    def members(self, opener: str) -> str:
        self.at, self.depth = self.at + 1, self.depth + 1
        need(self.depth <= DEEPEST)
        close = "}" if opener == "{" else "]"
        found: list[str] = []
        while not self.closes(close):
            found.append(self.pair() if opener == "{" else self.value())
            need(self.closes(close, move=False) or self.takes(","))
        self.depth -= 1
        return opener + ",".join(found) + close

    def pair(self) -> str:
        self.blanks()
        key = self.string() if self.text.startswith('<|"|>', self.at) else json_text(self.matched(KEY).strip(BLANKS))
        self.blanks()
        need(self.takes(":"))
        return f"{key}:{json_text('') if self.closes('}', move=False) else self.value()}"

    def string(self) -> str:
        end = self.text.find('<|"|>', self.at + 5)
        need(end > 0)
        data = self.text[self.at + 5 : end]
        need(not SPOILT_STRING.search(data))
        self.at = end + 5
        following = self.text[self.at :].lstrip(BLANKS)[:1]
        need(following in (",", "}", "]") or (following == ":" and not CONTROL.search(data)))
        return json_text(data)

    def blanks(self) -> None:
        while self.text[self.at : self.at + 1] in tuple(BLANKS):
            self.at += 1

    def takes(self, literal: str) -> bool:
        taken = self.text.startswith(literal, self.at)
        self.at += len(literal) if taken else 0
        return taken

    def closes(self, bracket: str, *, move: bool = True) -> bool:
        self.blanks()
        return self.takes(bracket) if move else self.text.startswith(bracket, self.at)

    def matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found or CONTROL.search(found[0]):
            raise _NotCanonicalError
        self.at = found.end()
        return found[0]


def need(condition: object) -> None:
    if not condition:
        raise _NotCanonicalError


def json_text(data: str) -> str:
    return json.dumps(data, ensure_ascii=False)
