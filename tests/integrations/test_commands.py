"""The commands of README.md for transformers and mlx-lm, asked over HTTP by OpenAI's own client.

Their servers run as they are installed, with a model that writes scripted outputs in place of one with weights.
(`test_vllm_server.py` does the same with vLLM's.) SGLang's command imports kernels for a GPU before anything else, so
`test_sglang.py` begins at its plugins and its handler.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import gemma4_parser as g4
from helpers import CONTROL_IDS, tokenise
from integrations.hosts import tokenizer, turns
from integrations.served import Served, commands, make_model

STOPS = (CONTROL_IDS["<eos>"], CONTROL_IDS["<turn|>"], CONTROL_IDS["<|tool_response>"])
TURNS = list(turns(40, seed=8))
CUT = tokenise('One.<|tool_call>call:now{a:<|"|>x y')
OUTPUTS = [*([*tokenise(turn.text), CONTROL_IDS["<turn|>"]] for turn in TURNS), CUT]
CONFIG = {"model_type": "gemma4", "architectures": ["Gemma4ForConditionalGeneration"]}
SECTION = "### SGLang, transformers, mlx-lm"
NAMES = ("get_weather", "edit-file", "now", "ns.search")
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in NAMES]


def command_of(program: str) -> list[str]:
    """What README.md starts, from the module on."""
    ((variables, words),) = commands(SECTION, f"gemma4_parser.integrations.{program}")
    assert variables == {} and words[:2] == ["python", "-m"]
    return words[3:]


def serve(folder: Path, engine: str, words: list[str]) -> Served:
    (at,) = [at for at, word in enumerate(words) if "/" in word]
    model = str(folder / "model")
    words = [*words[:at], model, *words[at + 1 :], "--host", "127.0.0.1", "--port", "{port}"]
    return Served(folder, [str(Path(__file__).with_name(engine)), *words], {}, model, OUTPUTS)


@pytest.fixture(scope="module", params=["transformers", "mlx_lm"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server of a command of README.md."""
    program: str = request.param
    for needed in (program, *(["uvicorn", "fastapi"] if program == "transformers" else [])):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed here")
    folder = tmp_path_factory.mktemp(program)
    make_model(folder / "model", tokenizer(), STOPS, CONFIG)
    made = serve(folder, f"{program.removesuffix('_lm')}_engine.py", command_of(program))
    try:
        made.wait()
        yield made
    finally:
        made.close()


def said(found: Any) -> Any:
    return found.reasoning, found.content, [(name, json.loads(arguments)) for name, arguments in found.accepted]


def test_generated_turns(server: Served) -> None:
    for turn, ids in zip(TURNS, OUTPUTS, strict=False):
        wanted = (turn.reasoning, turn.content, turn.calls)
        (streamed,) = server.stream(ids, 1, TOOLS, max_tokens=len(ids) + 9)
        assert said(streamed) == wanted, turn.text
        assert said(server.whole(ids, TOOLS, max_tokens=len(ids) + 9)) == wanted, turn.text
        assert streamed.finish_reason == ("tool_calls" if turn.calls else "stop")


def test_a_cut_call_never_runs(server: Served) -> None:
    (streamed,) = server.stream(CUT, 1, TOOLS, max_tokens=len(CUT))
    assert (streamed.content, streamed.accepted, streamed.finish_reason) == ("One.", [], "length")
    whole = server.whole(CUT, TOOLS, max_tokens=len(CUT))
    assert (whole.content, whole.accepted, whole.finish_reason) == ("One.", [], "length")


def test_the_log_says_which_parser_runs(server: Served) -> None:
    assert f"gemma4-parser {g4.__version__} ({g4.__implementation__}" in server.said()
