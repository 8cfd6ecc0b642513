"""What there is to compare with: the least that a step can cost, detokenising alone, and readers of plain JSON."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from gemma4_parser.bench.contestants.base import ARGUMENTS, Contestant, Each, Keep, Missing, Place, Run, load
from gemma4_parser.bench.contestants.ours import value_answer
from gemma4_parser.bench.workloads import Answer, Workload


class Anchor(Contestant):
    """Something that is no parser of this format."""

    kind = "anchor"
    group = "anchors"
    feeds: ClassVar[tuple[str, ...]] = ("1",)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        return workload.ids

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        return None


class OneEvent(Anchor):
    """A native call that reads an id and returns a list of one new event."""

    name = "one_event"
    label = "native call, one event"
    group = "ours"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        try:
            self.call = import_module("gemma4_parser._rust")._one_event
        except ImportError as error:
            raise Missing(f"{error}") from error

    @classmethod
    def title(cls) -> str:
        return cls.label

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(self.call)


class _Detokenising:
    def __init__(self, stream: Any, tokenizer: Any) -> None:
        self.stream = stream
        self.tokenizer = tokenizer

    def drive(self, items: Sequence[int], keep: Keep) -> None:
        step, tokenizer = self.stream.step, self.tokenizer
        for item in items:
            text = step(tokenizer, item)
            if keep is not None:
                keep(text)

    def close(self, keep: Keep) -> None:
        pass


class Detokenise(Anchor):
    """`DecodeStream.step`, the incremental detokeniser of `tokenizers`: what text input costs a server before."""

    name = "detokenise"
    label = "tokenizers"
    distributions = ("tokenizers",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.tokenizer = load("tokenizers").Tokenizer.from_file(str(place.tokenizer))
        self.decoders = load("tokenizers.decoders")

    def open(self, workload: Workload, feed: str) -> Run:
        return _Detokenising(self.decoders.DecodeStream(skip_special_tokens=False), self.tokenizer)


class Harmony(Anchor):
    """The parser of another model's format, called for each token: the nearest compiled relative.

    It brings no vocabulary and loads one from the network, or from the folder that `TIKTOKEN_ENCODINGS_BASE` names.
    LiteLLM's package carries the same file, under the SHA-1 of its address, as tiktoken's cache does.
    """

    CARRIED = "litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790"

    name = "harmony"
    label = "openai-harmony"
    distributions = ("openai-harmony",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.harmony = load("openai_harmony")
        litellm = find_spec("litellm")
        if litellm is not None and litellm.origin is not None and "TIKTOKEN_ENCODINGS_BASE" not in os.environ:
            carried = Path(litellm.origin).parent / self.CARRIED
            if carried.exists():
                shutil.copyfile(carried, place.tokenizer.with_name("o200k_base.tiktoken"))
                os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(place.tokenizer.parent)
        try:
            self.encoding = self.harmony.load_harmony_encoding(self.harmony.HarmonyEncodingName.HARMONY_GPT_OSS)
        except Exception as error:
            raise Missing(f"its vocabulary cannot be loaded: {error}") from error

    def takes(self, workload: Workload, feed: str) -> bool:
        return super().takes(workload, feed) and workload.name == "prose"

    def items(self, workload: Workload, feed: str) -> list[Any]:
        head = self.encoding.encode("<|channel|>final<|message|>", allowed_special="all")
        return [*head, *self.encoding.encode(workload.text)]

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(self.harmony.StreamableParser(self.encoding, self.harmony.Role.ASSISTANT).process)


class Reader(Anchor):
    """A reader of the JSON that the arguments amount to."""

    kind = "reader"
    feeds = (ARGUMENTS,)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        return [workload.answer.calls[0][1].encode()]

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        return value_answer(workload, kept)


class Orjson(Reader):
    """`orjson.loads`."""

    name = "orjson"
    label = "orjson"
    distributions = ("orjson",)

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(load("orjson").loads)


class Jiter(Reader):
    """`jiter.from_json`."""

    name = "jiter"
    label = "jiter"
    distributions = ("jiter",)

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(load("jiter").from_json)


class Json(Reader):
    """`json.loads` of the standard library."""

    name = "json"
    label = "json.loads"
    group = "ours"

    @classmethod
    def title(cls) -> str:
        return cls.label

    def open(self, workload: Workload, feed: str) -> Run:
        return Each(json.loads)
