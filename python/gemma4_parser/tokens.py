"""The control tokens of Google's tokenizer, which all sizes of Gemma 4 share, and where generation stops."""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTROL_TOKENS", "STOP_TOKEN_IDS"]

CONTROL_TOKENS: Mapping[str, int] = MappingProxyType(
    {
        "<pad>": 0,
        "<eos>": 1,
        "<bos>": 2,
        "<unk>": 3,
        "<mask>": 4,
        "<|tool>": 46,
        "<tool|>": 47,
        "<|tool_call>": 48,
        "<tool_call|>": 49,
        "<|tool_response>": 50,
        "<tool_response|>": 51,
        '<|"|>': 52,
        "<|think|>": 98,
        "<|channel>": 100,
        "<channel|>": 101,
        "<|turn>": 105,
        "<turn|>": 106,
        "<|image>": 255_999,
        "<|audio>": 256_000,
        "<|image|>": 258_880,
        "<|audio|>": 258_881,
        "<image|>": 258_882,
        "<audio|>": 258_883,
        "<|video|>": 258_884,
    }
)
"""The id of each literal. A `Vocabulary` finds its own by the literals."""

STOP_TOKEN_IDS = (1, 106, 50)
"""`<eos>`, `<turn|>` and `<|tool_response>`; never 49, `<tool_call|>`, which would cut off parallel calls."""
