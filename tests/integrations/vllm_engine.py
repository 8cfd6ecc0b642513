"""`vllm` with a scripted engine core: the command itself, all of the server's process, and no model.

    python vllm_engine.py serve MODEL …

Replaced is what needs a device: the platform counts as a CPU, and the client of the engine core, which would start it
in another process, gives scripted ids. Requests choose by their text: `output 12 by 4` is output 12 of the file that
`GEMMA4_TEST_OUTPUTS` names (a JSON list of lists of ids), in steps of 4 tokens. Stop tokens and the limit of tokens end
an output as they do in the scheduler.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The platform comes before all that looks at it.
platforms: Any = importlib.import_module("vllm.platforms")
platforms._current_platform = importlib.import_module("vllm.platforms.cpu").CpuPlatform()
command: Any = importlib.import_module("vllm.entrypoints.cli.main")
engine: Any = importlib.import_module("vllm.v1.engine")
client: Any = importlib.import_module("vllm.v1.engine.core_client")

OUTPUTS: list[list[int]] = json.loads(Path(os.environ["GEMMA4_TEST_OUTPUTS"]).read_text())


class Core:
    """What `AsyncLLM` asks of the client of an engine core."""

    engine_ranks_managed = (0,)

    resources = SimpleNamespace(engine_dead=False)

    def __init__(self, model: str) -> None:
        self.tokenizer: Any = importlib.import_module("transformers").AutoTokenizer.from_pretrained(model)
        self.outputs: asyncio.Queue[Any] = asyncio.Queue()
        self.running: dict[str, asyncio.Task[None]] = {}

    async def get_supported_tasks_async(self) -> tuple[str, ...]:
        return ("generate",)

    async def reset_mm_cache_async(self) -> None:
        pass

    async def add_request_async(self, request: Any) -> None:
        self.running[request.request_id] = asyncio.create_task(self.run(request))

    async def get_output_async(self) -> Any:
        return await self.outputs.get()

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            task = self.running.pop(request_id, None)
            if task is not None and task.cancel():
                print("engine core: aborted", flush=True)

    def shutdown(self, timeout: float | None = None) -> None:
        pass

    async def run(self, request: Any) -> None:
        """Tells one output, step by step."""
        found = re.findall(r"output (\d+) by (\d+)", self.tokenizer.decode(request.prompt_token_ids))
        number, size = map(int, found[-1])
        params = request.sampling_params
        stops = set() if params.ignore_eos else {self.tokenizer.eos_token_id}
        stops.update(params.stop_token_ids or ())
        ids = OUTPUTS[number][: params.max_tokens]
        end = next((at + 1 for at, token in enumerate(ids) if token in stops), len(ids))
        stopped = end > 0 and ids[end - 1] in stops
        for at in range(0, end, size):
            await asyncio.sleep(0.001)
            step = engine.EngineCoreOutput(request.request_id, ids[at : min(at + size, end)])
            if at + size >= end:
                step.finish_reason = engine.FinishReason.STOP if stopped else engine.FinishReason.LENGTH
                step.stop_reason = ids[end - 1] if stopped and ids[end - 1] != self.tokenizer.eos_token_id else None
                self.running.pop(request.request_id, None)
            if params.logprobs is not None:
                step.new_logprobs = logprobs(step.new_token_ids, params.logprobs)
            self.outputs.put_nowait(engine.EngineCoreOutputs(outputs=[step]))


def logprobs(ids: list[int], others: int) -> Any:
    """Each id is certain, and so are as many others."""
    numpy: Any = importlib.import_module("numpy")
    shape = (len(ids), others + 1)
    rows = numpy.repeat(numpy.array(ids)[:, None], shape[1], axis=1)
    lists = importlib.import_module("vllm.v1.outputs").LogprobsLists
    return lists(rows, numpy.zeros(shape), numpy.ones(len(ids), dtype=int))


def make(*args: Any, vllm_config: Any, **others: Any) -> Core:
    return Core(vllm_config.model_config.model)


client.EngineCoreClient.make_async_mp_client = staticmethod(make)

if __name__ == "__main__":
    sys.argv[0] = "vllm"
    command.main()
