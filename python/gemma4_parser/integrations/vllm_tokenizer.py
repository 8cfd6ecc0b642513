"""What the vLLM parsers know of a tokenizer, read once for each: the vocabulary, and the ids of control tokens."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from gemma4_parser import Vocabulary
from gemma4_parser.integrations.delta import LOGGER
from gemma4_parser.tokens import CONTROL_TOKENS

__all__ = [
    "CHANNEL",
    "CHANNEL_END",
    "CLOSE",
    "OPENER",
    "TOOL_RESPONSE",
    "TURN",
    "control_of",
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
        if tokenizer not in _VOCABULARIES:
            try:
                _VOCABULARIES[tokenizer] = Vocabulary.from_tokenizer(tokenizer)
            except (TypeError, ValueError, AttributeError) as error:
                LOGGER.warning("token ids of this tokenizer cannot be read, text is parsed instead: %s", error)
                _VOCABULARIES[tokenizer] = None
        return _VOCABULARIES[tokenizer]


def _control_ids(vocab: dict[str, int]) -> dict[str, int]:
    """The control tokens of a vocabulary. Raises `RuntimeError` where it has not those of Gemma 4."""
    found = {literal: vocab[literal] for literal in CONTROL_TOKENS if literal in vocab}
    missing = [
        literal for literal in (OPENER, CLOSE, CHANNEL, CHANNEL_END, TURN, TOOL_RESPONSE) if literal not in found
    ]
    if missing:
        raise RuntimeError(f"this is no tokenizer of Gemma 4, it has no {', '.join(missing)}")
    return found


def control_of(half: Any) -> dict[str, int]:
    """The ids of the control tokens, by their literals, for a parser of vLLM. Raises as above."""
    tokenizer = half.model_tokenizer
    if tokenizer not in _CONTROL:
        found = _control_ids(half.vocab)
        try:
            _CONTROL[tokenizer] = found
        except TypeError:  # it cannot be referred to weakly
            return found
    return _CONTROL[tokenizer]


def stops_of(ids: dict[str, int]) -> frozenset[int]:
    """Where generation stops."""
    return frozenset(ids[literal] for literal in ("<eos>", "<turn|>", TOOL_RESPONSE) if literal in ids)
