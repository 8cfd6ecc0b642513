"""The stream parser: deltas of ids or of text in, events out."""

from threading import Lock
from typing import Any, NoReturn

from .arguments import Context
from .event import Event, make_event
from .ids import read_ids, typed, without_surrogates, word
from .output import Output
from .schema import read_tools
from .text import Assembler
from .token import (
    CHANNEL_CLOSE,
    CHANNEL_OPEN,
    LITERAL,
    RESPONSE_CLOSE,
    RESPONSE_OPEN,
    TURN_CLOSE,
    TURN_OPEN,
    ControlToken,
)
from .turn import Turn
from .utf8 import Utf8
from .vocabulary import PLAIN, Vocabulary

# What the last of these in a prompt says about the start of the output (rule `start`).
_CONTENT = (CHANNEL_CLOSE, TURN_OPEN, TURN_CLOSE, RESPONSE_OPEN, RESPONSE_CLOSE)
_START_AFTER = {CHANNEL_OPEN.literal: "reasoning", **{token.literal: "content" for token in _CONTENT}}
_CANNOT_FOLLOW = {
    ("ids", "text"): "the stream was fed token ids; text cannot follow",
    ("text", "ids"): "the stream was fed text; token ids cannot follow",
}
_FINISHED = "the stream is finished; reset it before it is used again"


class StreamParser:
    """Parses one stream of model output as it arrives, as token ids or as text with special tokens kept.

    vocabulary: needed for ids, not for text.
    tools: OpenAI's list of tools, as dicts or as objects with model_dump().
    start: "content", or "reasoning" where the prompt ends inside a thought; see start_of.
    parse_reasoning: False leaves the markers of thoughts in the text.
    lenient: False accepts only the canonical grammar of calls.
    coerce: read delimited values as what their schema asks for, where it allows no string.
    spaced: arguments with the spaces of Python's json.dumps; else compact.
    Rule `use` of DESIGN.md. Raises ValueError and TypeError for options that cannot be used. May be shared by threads:
    each call is one step.
    """

    __module__ = "gemma4_parser"
    __slots__ = ("_context", "_fed", "_lock", "_out", "_reasons", "_start", "_text", "_turn", "_utf8", "_vocabulary")
    _fed: str
    _turn: Turn
    _utf8: Utf8

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'gemma4_parser.StreamParser' is not an acceptable base type")

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        *,
        tools: Any = None,
        start: str = "content",
        parse_reasoning: bool = True,
        lenient: bool = True,
        coerce: bool = False,
        spaced: bool = False,
    ) -> None:
        (start,), options = of_types(vocabulary, [start], [parse_reasoning, lenient, coerce, spaced])
        _start_named(start)
        self._vocabulary, self._reasons = vocabulary, options[0]
        self._context = Context(read_tools(tools), *options[1:])
        self._lock, self._out = Lock(), Output()
        self._restart(start)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle 'gemma4_parser.StreamParser' object")

    def push(self, /, ids: Any) -> list[Event]:
        """Takes the next token ids and returns the events that they make certain; often none.

        Rule `ids-form` of DESIGN.md.
        ids: an int, a list, a tuple, or a one-dimensional contiguous buffer of 32- or 64-bit integers (a numpy array).
        Raises ValueError for an id outside the vocabulary, before anything changes, and where the stream has no
        vocabulary; TypeError for what holds no ids; RuntimeError after finish and where the stream was fed text.
        """
        numbers = read_ids(ids)
        with self._lock:
            # One ordinary token in plain text or in an open string: by far the most frequent step.
            vocabulary = self._vocabulary
            if len(numbers) == 1 and self._fed == "ids" and vocabulary is not None and self._utf8.is_empty:
                text = vocabulary._plain.get(numbers[0])
                if text and (found := self._turn.plain_kind(text)):
                    return [make_event(found[0], text, found[1], ())]
            fed = self._then("ids")
            if vocabulary is None:
                raise ValueError("token ids need a vocabulary")
            pieces = vocabulary._known(numbers)
            self._fed = fed
            run: list[str] = []
            for piece in pieces:
                if isinstance(piece, bytes):
                    run.append(self._utf8.push(piece))
                elif piece:
                    run.append(self._utf8.flush())
                    if isinstance(piece, str):
                        run.append(piece)
                        continue
                    self._turn.push("".join(run))
                    self._turn.push(piece)
                    run.clear()
            self._turn.push("".join(run))
            return self._out.take()

    def push_text(self, /, text: str) -> list[Event]:
        """Takes the next piece of text, special tokens kept, and returns the events that it makes certain.

        Rule `text-form` of DESIGN.md. A lone surrogate is read as U+FFFD. Other threads wait meanwhile.
        Raises TypeError for what is no str, RuntimeError after finish and where the stream was fed ids.
        """
        text = without_surrogates(typed(text, str))
        with self._lock:
            is_plain = self._fed == "text" and self._text.is_empty() and PLAIN.fullmatch(text)
            if is_plain and (found := self._turn.plain_kind(text)):
                return [make_event(found[0], text, found[1], ())]
            self._fed = self._then("text")
            self._turn.set_text_form()
            for symbol in self._text.push(text):
                self._turn.push(symbol)
            return self._out.take()

    def finish(self, /, reason: str = "stop") -> list[Event]:
        """Ends the stream and returns the last events; the last one is of kind "end".

        Rules `cut-off`, `partial-literal` and `marker-in-string` of DESIGN.md.
        reason: "stop" where the model stopped by itself, "length" where a limit cut it off, "abort" where the caller
        did.
        Raises ValueError for another reason, RuntimeError where the stream is finished already.
        """
        reason = finish_named(word(reason))
        with self._lock:
            fed, self._fed = self._fed, self._then("finished")
            for symbol in [self._utf8.flush()] if fed == "ids" else self._text.finish(reason == "stop"):
                self._turn.push(symbol)
            self._turn.finish(reason)
            return self._out.take()

    @property
    def ended(self) -> bool:
        """Whether an end marker was seen: the caller may stop generating."""
        return self._turn.ended()

    def reset(self, /, start: str | None = None) -> None:
        """Makes the stream as new, with the same vocabulary and options.

        start: "content" or "reasoning" from now on; None leaves it as it was.
        Raises ValueError for another start.
        """
        start = None if start is None else _start_named(word(start))
        with self._lock:
            self._restart(start or self._start)

    @staticmethod
    def start_of(prompt: Any, vocabulary: Vocabulary | None = None) -> str:
        """Where the output of this prompt starts: "content", or "reasoning" where the prompt ends inside a thought.

        Rule `start` of DESIGN.md.
        prompt: its text, or its token ids (which need the vocabulary; those that it does not know are passed over).
        Raises ValueError for ids without a vocabulary, TypeError for what is neither.
        """
        if vocabulary is not None:
            typed(vocabulary, Vocabulary)
        if isinstance(prompt, str):
            literals = LITERAL.findall(prompt)
        else:
            numbers = read_ids(prompt)
            if vocabulary is None:
                raise ValueError("token ids need a vocabulary")
            pieces = map(vocabulary._pieces.get, numbers)
            literals = [piece.literal for piece in pieces if isinstance(piece, ControlToken)]
        return next((_START_AFTER[literal] for literal in reversed(literals) if literal in _START_AFTER), "content")

    def _then(self, fed: str) -> str:
        """What the stream has been fed after this, if that may follow."""
        if message := _FINISHED if self._fed == "finished" else _CANNOT_FOLLOW.get((self._fed, fed)):
            raise RuntimeError(message)
        return fed

    def _restart(self, start: str) -> None:
        if start == "reasoning" and not self._reasons:
            raise ValueError('start "reasoning" contradicts parse_reasoning off')
        self._start, self._fed = start, "nothing"
        self._out.take()
        self._utf8, self._text = Utf8(), Assembler()
        self._turn = Turn(self._context, self._out, start == "reasoning", self._reasons)


def of_types(vocabulary: object, words: list[str], options: list[bool]) -> tuple[list[str], list[bool]]:
    """Arguments of the right types, which are looked at before any value is."""
    if vocabulary is not None:
        typed(vocabulary, Vocabulary)
    return list(map(word, words)), [typed(option, bool) for option in options]


def finish_named(name: str) -> str:
    """The reason of a finish; raises ValueError where this is none."""
    return _named(("stop", "length", "abort"), name, "finish reason")


def _start_named(name: str) -> str:
    return _named(("content", "reasoning"), name, "start")


def _named(names: tuple[str, ...], name: str, what: str) -> str:
    if name not in names:
        raise ValueError(f"{what} must be one of {', '.join(map(repr, names))}, not '{name}'")
    return name
