"""The parsers that are measured, each through the calls that its server makes, and anchors to compare with.

To add one, subclass `Contestant` and name the class in `ALL`.
"""

from __future__ import annotations

from gemma4_parser.bench.contestants.anchors import Detokenise, Harmony, Jiter, Json, OneEvent, Orjson
from gemma4_parser.bench.contestants.base import Contestant, Missing, Run
from gemma4_parser.bench.contestants.mlx_lm import MlxLm
from gemma4_parser.bench.contestants.ours import Arguments, Array, Ids, Text, TwinIds, TwinText
from gemma4_parser.bench.contestants.sglang import Sglang
from gemma4_parser.bench.contestants.transformers import Transformers
from gemma4_parser.bench.contestants.vllm import Vllm022, Vllm033

__all__ = ["ALL", "Contestant", "Missing", "Run", "by_name"]

ALL: list[type[Contestant]] = [
    Ids,
    Text,
    Array,
    TwinIds,
    TwinText,
    Vllm022,
    Vllm033,
    Sglang,
    Transformers,
    MlxLm,
    OneEvent,
    Detokenise,
    Harmony,
    Arguments,
    Orjson,
    Jiter,
    Json,
]
"""In the order of the tables."""


def by_name(name: str) -> type[Contestant]:
    """The contestant of this name."""
    return next(contestant for contestant in ALL if contestant.name == name)
