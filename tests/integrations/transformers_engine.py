"""`python -m gemma4_parser.integrations.transformers` with a scripted model: all of the server, and no weights.

Replaced is the loading of the model. The stand-in gives the ids of one of the outputs to the server's streamer, or
returns them; requests choose by their text, `output 12`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gemma4_parser.integrations.transformers as ours
from integrations.served import VARIABLE

OUTPUTS: list[list[int]] = json.loads(Path(os.environ[VARIABLE]).read_text())


class Model:
    """What the server asks of a model."""

    def __init__(self, folder: str) -> None:
        transformers: Any = importlib.import_module("transformers")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.generation_config = transformers.GenerationConfig.from_pretrained(folder)
        self.config = SimpleNamespace(model_type="gemma4")
        self.device = "cpu"

    def generate(self, *, input_ids: Any, generation_config: Any, streamer: Any = None, **others: Any) -> Any:
        torch: Any = importlib.import_module("torch")
        found = re.findall(r"output (\d+)", self.tokenizer.decode(input_ids[0]))
        ids = OUTPUTS[int(found[-1])][: generation_config.max_new_tokens]
        if streamer is not None:
            streamer.put(input_ids)
            for number in ids:
                streamer.put(torch.tensor([number]))
            streamer.end()
        return torch.cat([input_ids, torch.tensor([ids], dtype=input_ids.dtype)], dim=1)


def load(self: Any, model_id_and_revision: str, **others: Any) -> Any:
    model = Model(model_id_and_revision.partition("@")[0])
    return model, model.tokenizer


if __name__ == "__main__":
    importlib.import_module("transformers.cli.serving.model_manager").ModelManager.load_model_and_processor = load
    ours.main()
