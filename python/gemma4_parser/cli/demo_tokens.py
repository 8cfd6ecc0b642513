"""A small vocabulary for the demo, in the shape of Gemma's: control tokens at their true ids, bytes, words.

What it does not have as a word is spelled in bytes, so that one character comes in several tokens, as a tokenizer with
byte fallback does it.
"""

from __future__ import annotations

import re

from gemma4_parser import CONTROL_TOKENS, Vocabulary

FIRST_BYTE = 238
FIRST_WORD = 1000

# Words with the blank before them, digits one by one, other marks in small groups, line breaks with the indent.
_WORDS = re.compile(r" ?[^\W\d_]+|\d|_+|\n *|[^\w\s]{1,3}|\s")
_CONTROL = re.compile("(" + "|".join(map(re.escape, CONTROL_TOKENS)) + ")")


class Tokens:
    """The vocabulary of one text, and the text in its tokens."""

    def __init__(self, text: str) -> None:
        """Makes words of the parts of `text` that are Latin or Chinese script; all else is spelled in bytes."""
        words: dict[str, int] = {}
        ids: list[int] = []
        for part in _CONTROL.split(text):
            if part in CONTROL_TOKENS:
                ids.append(CONTROL_TOKENS[part])
                continue
            for word in _WORDS.findall(part):
                if _is_word(word):
                    ids.append(words.setdefault(word, FIRST_WORD + len(words)))
                else:
                    ids.extend(FIRST_BYTE + byte for byte in word.encode())
        pieces = {number: literal.encode() for literal, number in CONTROL_TOKENS.items()}
        pieces |= {FIRST_BYTE + byte: bytes([byte]) for byte in range(256)}
        pieces |= {number: word.encode() for word, number in words.items()}
        self.ids = ids
        self.vocabulary = Vocabulary(pieces)


def _is_word(word: str) -> bool:
    """Basic plane below U+3000 or Chinese characters: kana and emoji go byte by byte."""
    return all(character < "\u2600" or "\u4e00" <= character <= "\u9fff" for character in word)
