"""`python -m gemma4_parser.integrations.mlx_lm` with a scripted model: all of the server, and no weights.

Replaced is the loading of the model. The stand-in is one of mlx: its logits name the next id of one of the outputs, and
mlx-lm generates with it. Requests choose by their text, `output 12`, and
come one at a time.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import gemma4_parser.integrations.mlx_lm as ours
from integrations.served import VARIABLE

OUTPUTS: list[list[int]] = json.loads(Path(os.environ[VARIABLE]).read_text())
core: Any = importlib.import_module("mlx.core")
nn: Any = importlib.import_module("mlx.nn")
host: Any = importlib.import_module("mlx_lm.server")
VOCABULARY = 1 + max(map(max, OUTPUTS))


class Model(nn.Module):  # type: ignore[misc]
    """The keys in its cache are the ids that it has read."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        self.known = [tokenizer, tokenizer.encode("<|turn>model\n", add_special_tokens=False)]

    @property
    def layers(self) -> list[Any]:
        return []

    def make_cache(self) -> list[Any]:
        return [importlib.import_module("mlx_lm.models.cache").KVCache()]

    def __call__(self, inputs: Any, cache: Any, **others: Any) -> Any:
        tokenizer, opened = self.known
        keys = inputs.astype(core.float32)[:, None, :, None]
        read = [int(number) for number in cache[0].update_and_fetch(keys, keys)[0][0, 0, :, 0].tolist()]
        turns = [at for at, number in enumerate(read) if number == opened[0]]
        asked = re.findall(r"output (\d+) ", tokenizer.decode(read[: turns[-1]])) if turns else []
        following = 0
        if asked and len(read) >= turns[-1] + len(opened):
            output = OUTPUTS[int(asked[-1])]
            following = output[min(len(read) - turns[-1] - len(opened), len(output) - 1)]
        logits = core.where(core.arange(VOCABULARY) == following, 100.0, 0.0)
        return logits[None, None, :] * core.ones((*inputs.shape, 1))


def load(path: str, *args: Any, **others: Any) -> Any:
    utils: Any = importlib.import_module("mlx_lm.utils")
    stops = json.loads((Path(path) / "generation_config.json").read_text())["eos_token_id"]
    tokenizer = utils.load_tokenizer(Path(path), eos_token_ids=stops)
    return Model(tokenizer), tokenizer, {}


if __name__ == "__main__":
    host.load = load
    ours.main()
