"""A rendered prompt: its text and its ids. Both implementations make these same objects.

The rules are those of `DESIGN.md`, part 8.
"""

from __future__ import annotations

from itertools import pairwise

from gemma4_parser.tokens import CONTROL_TOKENS, STOP_TOKEN_IDS

TYPE_CHECKING = False
if TYPE_CHECKING:  # What only types need is not imported with the package.
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["Prompt"]


class Prompt:
    """What `render` returns: a prompt, and what a server must know to use it.

    `text` is the whole prompt, in which a literal that a user spelled looks like a control token; `warnings` says
    where. `controls` are the places of the true ones, in characters. `start` is what `StreamParser(start=…)` needs,
    "content" or "reasoning". `warnings` are sentences of the form `PLACE: TEXT`. Prompts are immutable and compare by
    these four.
    """

    __slots__ = ("_controls", "_segments", "_start", "_text", "_warnings")

    def __init__(self, text: str, controls: tuple[int, ...], start: str, warnings: tuple[str, ...]) -> None:
        """`controls`: offsets in `text`, ascending; a literal ends at the next `>`."""
        self._text, self._controls, self._start, self._warnings = text, controls, start, warnings
        self._segments: tuple[tuple[bool, str], ...] | None = None

    @property
    def text(self) -> str:
        """The whole prompt."""
        return self._text

    @property
    def controls(self) -> tuple[int, ...]:
        """The offsets of the control tokens in `text`, in characters."""
        return self._controls

    @property
    def start(self) -> str:
        """Where the output starts: "content", or "reasoning" where the prompt ends within a thought."""
        return self._start

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out, guessed, or can be mistaken; each names its message or tool."""
        return self._warnings

    @property
    def stop_token_ids(self) -> tuple[int, ...]:
        """The ids at which generation has to stop; never that of `<tool_call|>`."""
        return STOP_TOKEN_IDS

    @property
    def segments(self) -> tuple[tuple[bool, str], ...]:
        """Pairs `(is_control, text)` that make up the text: each control token, and all text between two of them."""
        if self._segments is None:
            segments, at = [], 0
            for offset in self._controls:
                if at < offset:
                    segments.append((False, self._text[at:offset]))
                at = self._text.index(">", offset) + 1
                segments.append((True, self._text[offset:at]))
            if at < len(self._text):
                segments.append((False, self._text[at:]))
            self._segments = tuple(segments)
        return self._segments

    def ids(self, tokenizer: Any) -> list[int]:
        """The token ids: control tokens where the prompt has them, and nowhere else.

        tokenizer: of transformers, or a `tokenizers.Tokenizer`. It is only asked, never changed, and adds no `<bos>`.
        Text is cut within every literal of a control token or special token before it is encoded, so that none is
        found, whatever a message spells; other text has the ids that it has in the whole.
        Raises ValueError where the tokenizer lacks a control token, cuts or pads what it encodes, or makes a control
        token of every spelling of a text; TypeError for what is no tokenizer.
        """
        encoder = _Encoder(tokenizer)
        ids: list[int] = []
        for is_control, text in self.segments:
            if is_control:
                ids.append(encoder.control(text))
            else:
                for piece in encoder.pieces(text):
                    ids.extend(encoder.encode(piece))
        return ids

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Prompt) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        text, controls, start, warnings = self._key()
        return f"Prompt(text={text!r}, controls={controls!r}, start={start!r}, warnings={warnings!r})"

    def __reduce__(self) -> tuple[type[Prompt], tuple[str, tuple[int, ...], str, tuple[str, ...]]]:
        return type(self), self._key()

    def _key(self) -> tuple[str, tuple[int, ...], str, tuple[str, ...]]:
        return self._text, self._controls, self._start, self._warnings


class _Encoder:
    """A tokenizer, and what it takes for control tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self._id_of, self._encode = _methods(tokenizer)
        known = {literal: found for literal in CONTROL_TOKENS if (found := self._id_of(literal)) is not None}
        special = _special_tokens(tokenizer)
        self._control_ids = known
        # What a tokenizer gives for a character that it does not know may be in a text.
        unknown = known.get("<unk>", _unknown(tokenizer))
        controls = {found for literal, found in known.items() if literal != "<unk>"}
        self._forbidden = controls | ({*special.values()} - {unknown})
        self._literals = {*CONTROL_TOKENS, *special} - {""}
        # Tokenizers have thousands of special tokens, but these begin and measure alike.
        self._lengths: dict[str, set[int]] = {}
        for literal in self._literals:
            self._lengths.setdefault(literal[0], set()).add(len(literal))

    def control(self, literal: str) -> int:
        """The id of a control token."""
        try:
            return self._control_ids[literal]
        except KeyError:
            raise ValueError(f"the tokenizer has no control token {literal}") from None

    def pieces(self, text: str) -> Iterator[str]:
        """The text, cut behind the first character of each literal."""
        cuts = [0, len(text)]
        for first in self._lengths.keys() & set(text):
            lengths = self._lengths[first]
            at = text.find(first)
            while at >= 0:
                if any(text[at : at + length] in self._literals for length in lengths):
                    cuts.append(at + 1)
                at = text.find(first, at + 1)
        cuts.sort()
        for start, end in pairwise(cuts):
            if start < end:
                yield text[start:end]

    def encode(self, text: str) -> list[int]:
        """The ids of a text, none of which is a control token."""
        ids = self._encode(text)
        if self._forbidden.isdisjoint(ids):
            return ids
        ids = [number for character in text for number in self._encode(character)]
        if self._forbidden.isdisjoint(ids):
            return ids
        number = next(number for number in ids if number in self._forbidden)
        raise ValueError(f"the tokenizer makes control token {number} of the text {text!r}")


def _methods(tokenizer: Any) -> tuple[Callable[[str], int | None], Callable[[str], list[int]]]:
    """How to find the id of a token (None where there is none), and how to encode a text."""
    encode, to_id = (getattr(tokenizer, name, None) for name in ("encode", "token_to_id"))
    to_ids, to_token = (getattr(tokenizer, f"convert_{name}", None) for name in ("tokens_to_ids", "ids_to_tokens"))

    def ids(text: str) -> list[int]:
        encoded = encode(text, add_special_tokens=False)  # type: ignore[misc]
        return list(getattr(encoded, "ids", encoded))

    if callable(encode) and callable(to_id):
        if getattr(tokenizer, "truncation", None) or getattr(tokenizer, "padding", None):
            raise ValueError("the tokenizer cuts or pads what it encodes; call no_truncation() and no_padding() first")
        return to_id, ids
    if not (callable(encode) and callable(to_ids) and callable(to_token)):
        raise TypeError(
            f"a tokenizer of transformers or a tokenizers.Tokenizer is needed, not {type(tokenizer).__name__}"
        )

    def id_of(literal: str) -> int | None:
        # What is not there has the id of the unknown token.
        found: int | None = to_ids(literal)
        return found if found is not None and to_token(found) == literal else None

    return id_of, ids


def _special_tokens(tokenizer: Any) -> dict[str, int]:
    """The special tokens besides the control tokens, with their ids."""
    decoder = getattr(tokenizer, "added_tokens_decoder", None)
    if decoder is None:
        method = getattr(tokenizer, "get_added_tokens_decoder", None)
        decoder = method() if callable(method) else {}
    return {str(token.content): number for number, token in decoder.items() if token.special}


def _unknown(tokenizer: Any) -> int | None:
    """The id of the token for what a tokenizer of transformers does not know."""
    found: int | None = getattr(tokenizer, "unk_token_id", None)
    return found
