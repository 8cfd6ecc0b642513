"""A prompt in the making: its pieces, where they come from, its warnings."""

import re
from bisect import bisect_right
from collections.abc import Collection, Generator
from itertools import accumulate
from operator import itemgetter
from typing import Any

from gemma4_parser.prompt import Prompt
from gemma4_parser.tokens import CONTROL_TOKENS

from ..format import Control, pairs_of, print_value

Work = Generator["Work", None, None]
"""What prints something that may be nested: it yields the work for what is within, instead of calling itself."""

TRIMMED = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What is trimmed off texts: the 29 characters of `str.strip`."""

TOOL_OPEN, TOOL_CLOSE, DELIMITER, THINK = (Control(f"<{name}>") for name in ("|tool", "tool|", '|"|', "|think|"))
CALL_OPEN, CALL_CLOSE = Control("<|tool_call>"), Control("<tool_call|>")
RESPONSE_OPEN, RESPONSE_CLOSE = Control("<|tool_response>"), Control("<tool_response|>")
CHANNEL_OPEN, CHANNEL_CLOSE = Control("<|channel>"), Control("<channel|>")
TURN_OPEN, TURN_CLOSE = Control("<|turn>"), Control("<turn|>")
_LITERAL = re.compile("|".join(map(re.escape, CONTROL_TOKENS)))

# The rows of the table of warnings, in its order.
(SPELLED, NO_CALL, HAS_RESPONSES, MOVED, BY_ORDER, ONE_MORE, NO_RESULT, PENDING) = range(8)
(PART, FIELD, TWO_REASONINGS, UNCLOSED, INLINE, ROLE, NO_TYPE, REFERENCE) = range(8, 16)
_TEXTS = (
    "the text spells {}, which is a control token for a tokenizer; ids() keeps it text",
    "the result answers no call and is left out",
    "the result is left out, since messages[{}] has tool_responses",
    "the result is moved to its call in messages[{}]",
    "the result belongs to the call of {} by its order",
    "the result is one more than there are calls; its name is unknown",
    "the call has no result",
    "the calls have no results yet: there is nothing to generate",
    "content of {} is left out",
    'the field "{}" is left out',
    'the field "reasoning_content" is left out for "reasoning"',
    "an unclosed thought in the content is left out",
    'a thought in the content is left out; in the field "reasoning" it would stay',
    'the role "{}" is not one that the model knows',
    "no type; OBJECT is assumed",
    '$ref "{}" is printed as it is',
)


class Place(tuple[int, ...]):
    """Where something in a prompt comes from; places are in the order of their warnings.

    A message is `(1, number)`, a call in it `(1, number, 1, call)`, an entry of its tool_responses
    `(1, number, 2, entry)`, a tool `(2, number)`.
    """

    __slots__ = ()

    def __str__(self) -> str:
        if not self:
            return "bos"
        if len(self) == 1:
            return "messages"
        outer = f"{'messages' if self[0] == 1 else 'tools'}[{self[1]}]"
        return outer if len(self) == 2 else f"{outer}.{'tool_calls' if self[2] == 1 else 'tool_responses'}[{self[3]}]"


MESSAGES = Place((1,))


def message(number: int) -> Place:
    """The place of a message."""
    return Place((1, number))


def call(number: int, within: int) -> Place:
    """The place of a call of a message."""
    return Place((1, number, 1, within))


def response(number: int, within: int) -> Place:
    """The place of an entry of the tool_responses of a message."""
    return Place((1, number, 2, within))


def tool(number: int) -> Place:
    """The place of a tool."""
    return Place((2, number))


# Fields that say nothing to a model: no warning tells of them.
_SILENT = ("id", "type", "index", "annotations", "strict")


class Writer:
    """Collects the pieces of a prompt. Those of type `Control` are control tokens, all others are text."""

    def __init__(self, bos: str) -> None:
        self.out: list[str] = [Control(bos) if bos in CONTROL_TOKENS else bos]
        self._places: list[tuple[int, Place]] = [(0, Place())]
        self._warnings: list[tuple[Place, int, str]] = []

    def at(self, place: Place) -> None:
        """What comes next is from there."""
        self._places.append((len(self.out), place))

    def add(self, *pieces: str) -> None:
        """The next pieces."""
        self.out += pieces

    def value(self, value: Any, *, quoted: bool = False) -> None:
        """The next value, which is a plain one."""
        print_value(value, self.out, quoted=quoted)

    def warn(self, place: Place, row: int, *values: object, at: str | None = None) -> None:
        """A warning; `at` is the place's name where it is a part of a tool."""
        self._warnings.append((place, row, f"{at or place}: {_TEXTS[row].format(*values)}"))

    def left_out(
        self, place: Place, fields: dict[str, Any], read: Collection[str], *, silent: Collection[str] = _SILENT
    ) -> None:
        """Warns of the fields that are not null and that nobody reads."""
        for key, value in pairs_of(fields):
            if key not in read and value is not None and key not in silent:
                self.warn(place, FIELD, key)

    def text(self) -> str:
        """All that has been written."""
        return "".join(self.out)

    def cut(self, length: int) -> None:
        """Keeps the first characters; the last of them is not within a control token."""
        end = sum(map(len, self.out))
        while end > length:
            last = self.out.pop()
            end -= len(last)
            if end < length:
                self.out.append(last[: length - end])

    def prompt(self) -> Prompt:
        """The prompt."""
        controls, start, at = [], "content", 0
        for piece in self.out:
            if type(piece) is Control:
                controls.append(at)
                start = "reasoning" if piece == CHANNEL_OPEN else "content"
            at += len(piece)
        text = self.text()
        self._spelled(text, controls)
        self._warnings.sort(key=itemgetter(0, 1))
        return Prompt(text, tuple(controls), start, tuple(dict.fromkeys(line for _, _, line in self._warnings)))

    def _spelled(self, text: str, controls: list[int]) -> None:
        """Warns of the literals in texts. None overlaps a control token, since `<` only starts one."""
        found = list(_LITERAL.finditer(text))
        if len(found) == len(controls):
            return
        true, ends = set(controls), list(accumulate(map(len, self.out), initial=0))
        starts = [ends[min(number, len(self.out))] for number, _ in self._places]
        for literal in found:
            if literal.start() not in true:
                place = self._places[bisect_right(starts, literal.start()) - 1][1]
                self.warn(place, SPELLED, literal[0])


def run(work: Work) -> None:
    """Does the work, and that within it, to any depth."""
    stack = [work]
    while stack:
        inner = next(stack[-1], None)
        if inner is None:
            stack.pop()
        else:
            stack.append(inner)
