"""Threads: one vocabulary for many streams, many threads at one stream, long calls that let others run."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from helpers import merge_events, run, tokenise

TEXT = "<|channel>thought\nHm\n<channel|>Grüße 😀" + '<|tool_call>call:f{a:<|"|>東京<|"|>,b:[1,2]}<tool_call|>' * 5
THREADS = 8


def test_streams_share_a_vocabulary(impl: ModuleType, vocabulary: Any) -> None:
    ids = tokenise(TEXT)
    expected = merge_events(run(impl.StreamParser(vocabulary), [ids]))
    barrier = threading.Barrier(THREADS)

    def work(_: int) -> bool:
        barrier.wait()
        return all(
            merge_events(run(impl.StreamParser(vocabulary), [[token] for token in ids])) == expected for _ in range(50)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


def test_threads_share_a_stream(impl: ModuleType, vocabulary: Any) -> None:
    """Each push is one step: nothing is lost, doubled or refused."""
    stream = impl.StreamParser(vocabulary)
    barrier = threading.Barrier(THREADS)
    token = tokenise("a")

    def work(_: int) -> str:
        barrier.wait()
        return "".join(event.text for _ in range(2_000) for event in stream.push(token))

    with ThreadPoolExecutor(THREADS) as pool:
        texts = list(pool.map(work, range(THREADS)))
    assert texts == ["a" * 2_000] * THREADS
    assert stream.finish() == [impl.Event("end", "stop")]


def test_tools_are_shared(impl: ModuleType) -> None:
    """Many lists of tools, more than are kept, from many threads."""
    barrier = threading.Barrier(THREADS)

    def work(number: int) -> bool:
        barrier.wait()
        for turn in range(200):
            name = f"tool_{(number + turn) % 100}"
            function = {"name": name, "parameters": {"properties": {"a": {"type": "string"}}}}
            tool = {"type": "function", "function": function}
            (call,) = impl.parse(f"<|tool_call>call:{name}{{a:{turn}}}<tool_call|>", tools=[tool]).tool_calls
            if (call.name, call.value()) != (name, {"a": str(turn)}):
                return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


def test_the_collector_may_use_the_stream(impl: ModuleType, vocabulary: Any) -> None:
    """A finaliser may run whenever Python objects are made, also in the middle of a push, and push by itself."""
    stream = impl.StreamParser(vocabulary)
    (token,) = tokenise("a")
    texts: list[str] = []

    class Pushes:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            texts.extend(event.text for event in stream.push([token, token]))

    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(200):
            Pushes()
            texts.extend(event.text for event in stream.push(token))
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert "".join(texts) == "a" * 600


@pytest.mark.parametrize("form", ["text", "ids"])
def test_long_outputs_side_by_side(impl: ModuleType, vocabulary: Any, form: str) -> None:
    text = "Hello " * 50_000 + TEXT
    whole = text if form == "text" else tokenise(text)
    expected = impl.parse(whole, vocabulary)
    with ThreadPoolExecutor(4) as pool:
        assert all(message == expected for message in pool.map(lambda _: impl.parse(whole, vocabulary), range(12)))
