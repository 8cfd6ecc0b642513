"""What the vLLM parsers know of a tokenizer, read once for each: the vocabulary, and the ids of control tokens."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import Any

from gemma4_parser import Vocabulary
from gemma4_parser.integrations.delta import LOGGER
from gemma4_parser.integrations.pacing import Pacer
from gemma4_parser.tokens import CONTROL_TOKENS

__all__ = [
    "CHANNEL",
    "CHANNEL_END",
    "CLOSE",
    "OPENER",
    "TOOL_RESPONSE",
    "TURN",
    "control_of",
    "pacer_of",
    "stops_of",
    "vocabulary_of",
]

OPENER, CLOSE, CHANNEL, CHANNEL_END = "<|tool_call>", "<tool_call|>", "<|channel>", "<channel|>"
TURN, TOOL_RESPONSE = "<|turn>", "<|tool_response>"

_LOCK = threading.Lock()
_CONTROL: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()
_VOCABULARIES: weakref.WeakKeyDictionary[Any, Vocabulary | None] = weakref.WeakKeyDictionary()


def vocabulary_of(tokenizer: Any) -> Vocabulary | None:
    """The vocabulary of a tokenizer, read once; None where it cannot be read, and text must do."""
    with _LOCK:
        if tokenizer in _VOCABULARIES:
            return _VOCABULARIES[tokenizer]
        found = None
        try:
            found = Vocabulary.from_tokenizer(tokenizer)
        except (TypeError, ValueError, AttributeError) as error:
            LOGGER.warning("token ids of this tokenizer cannot be read, text is parsed instead: %s", error)
        with suppress(TypeError):  # it cannot be referred to weakly
            _VOCABULARIES[tokenizer] = found
        return found


def _control_ids(vocab: dict[str, int]) -> dict[str, int]:
    """The control tokens of a vocabulary. Those that are asked for are always there, with an id that never comes."""
    known = {literal: vocab[literal] for literal in CONTROL_TOKENS if literal in vocab}
    asked = (OPENER, CLOSE, CHANNEL, CHANNEL_END, TURN, TOOL_RESPONSE)
    absent = {literal: -2 - at for at, literal in enumerate(asked)}  # -1 stands for no id yet
    return absent | known


def control_of(half: Any, needed: tuple[str, ...]) -> dict[str, int]:
    """The ids of the control tokens, by their literals, for a parser of vLLM.

    Raises `RuntimeError` where the tokenizer lacks those that the half cannot do without.
    """
    tokenizer = half.model_tokenizer
    found = _CONTROL.get(tokenizer) if tokenizer in _CONTROL else None
    if found is None:
        found = _control_ids(half.vocab)
        with suppress(TypeError):  # it cannot be referred to weakly
            _CONTROL[tokenizer] = found
    missing = [literal for literal in needed if found[literal] < 0]
    if missing:
        raise RuntimeError(f"this is no tokenizer of Gemma 4, it has no {', '.join(missing)}")
    return found


def stops_of(ids: dict[str, int]) -> frozenset[int]:
    """Where generation stops."""
    return frozenset(ids[literal] for literal in ("<eos>", "<turn|>", TOOL_RESPONSE) if literal in ids)


def pacer_of(half: Any, vocabulary: Vocabulary) -> Pacer:
    """What holds the ids of a request with stop strings, for a parser of vLLM."""
    letters = [half.vocab.get(f"<0x{byte:02X}>", -1) for byte in range(256)]
    return Pacer(vocabulary, frozenset(half.ids.values()), letters if min(letters) >= 0 else ())
