"""A server in a process of its own, started by a command of README.md and asked over HTTP by OpenAI's own client."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "GEMMA4_TEST_OUTPUTS"
"""Names the file of the outputs that a scripted model writes: a JSON list of lists of ids."""
TEMPLATE = (
    "{% for message in messages %}<|turn>{{ message['role'] }}\n{{ message['content'] }}<turn|>\n{% endfor %}"
    "<|turn>model\n{% if open %}<|channel>thought\n{% endif %}{# of Gemma 4: <|tool_call> <tool_call|> #}"
)


@dataclass
class Answer:
    """What a client has of one choice."""

    reasoning: str = ""
    content: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finish_reason: str | None = None

    @property
    def accepted(self) -> list[tuple[str, str]]:
        """The calls whose arguments are JSON."""
        found = []
        for name, arguments in self.calls.values():
            try:
                json.loads(arguments)
            except ValueError:
                continue
            found.append((name, arguments))
        return found


def commands(heading: str, program: str) -> list[tuple[dict[str, str], list[str]]]:
    """The commands with this word in a section of README.md, each with the variables before it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme[readme.index(f"\n{heading}\n") + 1 :].partition("\n## ")[0]
    found = []
    for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if program in words:
                first = next(at for at, word in enumerate(words) if "=" not in word)
                found.append((dict(word.split("=", 1) for word in words[:first]), words[first:]))
    return found


def make_model(folder: Path, tokenizer: Any, stops: Sequence[int], config: dict[str, Any]) -> None:
    """The folder of a model without weights.

    The tokenizer gets the decoder of Gemma's, by which mlx-lm picks its own, and a token for every id.
    """
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text("utf-8"))
    space = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    saved["decoder"] = {"type": "Sequence", "decoders": [space, {"type": "ByteFallback"}, {"type": "Fuse"}]}
    vocabulary = saved["model"]["vocab"]
    missing = set(range(max(vocabulary.values()))) - set(vocabulary.values())
    vocabulary |= {f"<unused {number}>": number for number in missing}
    path.write_text(json.dumps(saved), "utf-8")
    settings = folder / "tokenizer_config.json"
    made = {**json.loads(settings.read_text("utf-8")), "tokenizer_class": "PreTrainedTokenizerFast"}
    settings.write_text(json.dumps(made), "utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": list(stops)}), "utf-8")


class Served:
    """A running server.

    Args:
        command: What is run behind this interpreter, with `{port}` for the port.
        outputs: What the scripted model may write; requests name one by its number.
    """

    def __init__(
        self, folder: Path, command: list[str], variables: dict[str, str], model: str, outputs: list[list[int]]
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.model = model
        self.outputs = outputs
        (folder / "outputs.json").write_text(json.dumps(outputs))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEMMA4_")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        environment |= {VARIABLE: str(folder / "outputs.json"), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, *(word.replace("{port}", str(self.port)) for word in command)]
        self.log = folder / f"log-{self.port}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment | variables, stdout=log, stderr=log)
        self.client: Any = importlib.import_module("openai").OpenAI(
            base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none", max_retries=0, timeout=60
        )

    def said(self) -> str:
        """Its log."""
        return self.log.read_text("utf-8", "replace")

    def get(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def post(self, path: str, body: dict[str, Any]) -> str:
        asked = Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode())
        asked.add_header("Content-Type", "application/json")
        with urlopen(asked, timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(600):
            assert self.process.poll() is None, self.said()[-3000:]
            try:
                self.get("/health")
            except (URLError, OSError):
                time.sleep(0.5)
            else:
                return
        raise AssertionError(f"no answer: {self.said()[-3000:]}")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def body(self, ids: list[int], size: int, tools: list[dict[str, Any]] | None, **fields: Any) -> dict[str, Any]:
        """A request whose answer is this output, in steps of `size` tokens where the server can have such."""
        text = f"output {self.outputs.index(ids)} by {size}"
        made = {"model": self.model, "messages": [{"role": "user", "content": text}], **fields}
        return {**made, "tools": tools} if tools else made

    def stream(self, ids: list[int], size: int, tools: list[dict[str, Any]] | None, **fields: Any) -> list[Answer]:
        """The choices of a streamed answer."""
        answers: dict[int, Answer] = {}
        for chunk in self.client.chat.completions.create(**self.body(ids, size, tools, **fields), stream=True):
            for choice in chunk.choices:
                answer = answers.setdefault(choice.index, Answer())
                answer.reasoning += reasoning_of(choice.delta)
                answer.content += choice.delta.content or ""
                answer.finish_reason = choice.finish_reason or answer.finish_reason
                for piece in choice.delta.tool_calls or ():
                    if piece.index not in answer.calls:
                        assert piece.id and piece.type == "function" and piece.function.name
                        answer.calls[piece.index] = [piece.function.name, ""]
                    answer.calls[piece.index][1] += piece.function.arguments or ""
        return [answers[index] for index in sorted(answers)]

    def whole(self, ids: list[int], tools: list[dict[str, Any]] | None, **fields: Any) -> Answer:
        """An answer that is not streamed."""
        made = self.client.chat.completions.create(**self.body(ids, 16, tools, **fields)).choices[0]
        calls = [[call.function.name, call.function.arguments] for call in made.message.tool_calls or ()]
        return Answer(
            reasoning_of(made.message), made.message.content or "", dict(enumerate(calls)), made.finish_reason
        )


def reasoning_of(message: Any) -> str:
    """Under either of the names that servers give it."""
    return getattr(message, "reasoning", None) or getattr(message, "reasoning_content", None) or ""
