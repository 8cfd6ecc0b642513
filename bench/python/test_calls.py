"""Times of the calls from Python by pytest-benchmark: to look at, never a gate. Run by `make bench-python`."""

from __future__ import annotations

from pathlib import Path

import pytest
from calls import OUTPUTS, Way, save, ways
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs, made once."""
    path = tmp_path_factory.mktemp("outputs") / "outputs.json"
    save(path)
    return path


@pytest.fixture(scope="session")
def known(saved: Path) -> dict[tuple[str, str], Way]:
    """All ways on all outputs; each has given the right answer."""
    return {(output, way.name): way for output in OUTPUTS for way in ways(saved, output)}


STEPS = ("push(id)", "push(list of 16)", "push(array of 16)", "push(numpy array of 16)", "push_text(token)")
WHOLE = ("parse(text)", "parse(ids)", "parse_arguments(text)", "arguments_to_json(text)")


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", [*STEPS, *WHOLE])
def test_call(benchmark: BenchmarkFixture, known: dict[tuple[str, str], Way], name: str, output: str) -> None:
    way = known.get((output, name))
    if way is None:
        pytest.skip("there is no such call for this output")
    benchmark.group = name
    benchmark.extra_info.update(calls=len(way.items), tokens=way.tokens)
    # A stream is as new in each round; all calls are one round.
    benchmark.pedantic(way.once, setup=way.fresh, rounds=50, warmup_rounds=2)  # type: ignore[no-untyped-call]
