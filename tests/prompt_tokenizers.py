"""Small tokenizers in the shape of Gemma's: byte fallback, `▁` for a blank, merges, control tokens at their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from gemma4_parser import CONTROL_TOKENS

FIRST_BYTE = 238
FIRST_CHARACTER = 1000
MERGED = (
    "<|tu", "turn", "|>", "channel", "<|tool", "_call", "call:", "response:", "tool|>", '<|"', '"|', "thought", "▁the",
    "▁▁", "Sunny", ":{", "}}", "user", "model", "system", "Check", "ing", "<turn", "bos>", "declaration:", "value:",
)  # fmt: skip
"""Words that the merges make, also such as reach into the literals of control tokens. None goes over a newline."""


def gemma_like(
    literals: Sequence[str] = tuple(CONTROL_TOKENS), other: Sequence[Any] = (), *, special: bool = True
) -> Tokenizer:
    """A `tokenizers.Tokenizer`, with these literals as control tokens and `other` special tokens behind them.

    `special`: whether the control tokens are marked so.
    """
    vocabulary = {literal: CONTROL_TOKENS[literal] for literal in literals}
    vocabulary |= {f"<0x{byte:02X}>": FIRST_BYTE + byte for byte in range(256)}
    vocabulary |= {"\n" * length: 106 + length for length in range(1, 32)}
    merges: dict[tuple[str, str], None] = {}
    pieces = dict.fromkeys([*map(chr, range(0x21, 0x7F)), "▁", *"éü漢字"])
    for word in MERGED:
        for end in range(1, len(word)):
            merges[word[:end], word[end]] = None
            pieces[word[: end + 1]] = None
    merges |= {("\n" * length, "\n"): None for length in range(1, 31)}
    vocabulary |= {piece: FIRST_CHARACTER + number for number, piece in enumerate(pieces)}
    model = models.BPE(vocab=vocabulary, merges=list(merges), byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    made = Tokenizer(model)
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    added = [AddedToken(literal, special=special, normalized=False) for literal in literals]
    if special:
        made.add_special_tokens(added)
    else:
        made.add_tokens(added)
    made.add_special_tokens(list(other))
    return made


def with_bos(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, which from now on puts `<bos>` before what it encodes with special tokens."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", CONTROL_TOKENS["<bos>"])]
    )
    return tokenizer


class Wrapped:
    """The methods of a tokenizer of transformers: special tokens are added unless it is told not to."""

    unk_token_id = CONTROL_TOKENS["<unk>"]

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        return self._tokenizer.get_added_tokens_decoder()

    def convert_tokens_to_ids(self, token: str) -> int:
        """The id of the unknown token for what is none."""
        found = self._tokenizer.token_to_id(token)
        return self.unk_token_id if found is None else found

    def convert_ids_to_tokens(self, number: int) -> str | None:
        return self._tokenizer.id_to_token(number)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
