"""The references as objects that can be asked: each runs in a process and an environment of its own."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

FOLDERS = {
    "template": "",
    "dialog": "dialog",
    "vllm 0.22.1": "vllm==0.22.1",
    "vllm 0.33.0": "vllm==0.33.0",
}
ENVIRONMENTS = ("template", "dialog")
"""The references that need packages; the others are files that need Python only."""


class Refusal(str):
    """What a reference says that will not read or write something."""


def pickled(value: Any) -> str:
    """A Python value for a request."""
    return base64.b64encode(pickle.dumps(value)).decode()


class Reference:
    """A reference. Answers to the same request are remembered."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        python = sys.executable
        if name in ENVIRONMENTS:
            python = str(home / name / ("Scripts" if os.name == "nt" else "bin") / "python")
        command = [python, "-X", "utf8", str(HERE / "server.py"), name, str(home / FOLDERS[name])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._known: dict[str, Any] = {}
        if self._line() != "ready":
            raise RuntimeError(f"{name} does not start")

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        return line.rstrip("\n")

    def ask(self, requests: Sequence[dict[str, Any]]) -> list[Any]:
        """The answers to requests, in their order; `Refusal` where there is none."""
        keys = [json.dumps(request) for request in requests]
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        for start in range(0, len(new), 500):
            part = new[start : start + 500]
            assert self._process.stdin is not None
            self._process.stdin.write(f"[{','.join(part)}]\n")
            self._process.stdin.flush()
            for key, answer in zip(part, json.loads(self._line()), strict=True):
                self._known[key] = answer["value"] if "value" in answer else Refusal(answer["error"])
        return [self._known[key] for key in keys]

    def read(self, texts: Iterable[str], *, cut: bool = False, **more: Any) -> list[Any]:
        """The values of texts of arguments, without the outer brackets.

        Args:
            texts: The texts.
            cut: They are of calls that were cut off there.
            more: For vLLM 0.33.0: `properties`, the schemas of the arguments.
        """
        if cut:
            more["cut"] = True
        return self.ask([{"do": "read", "text": text, **more} for text in texts])

    def close(self) -> None:
        self._process.communicate()
