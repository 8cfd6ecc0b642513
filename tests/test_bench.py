"""The benchmarks: their workloads give the right answers, and a run tells who was wrong, stopped or left out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gemma4_parser.bench import driver, machine, pictures, results, summary, tables, workloads
from gemma4_parser.bench.contestants import ALL, base, ours
from gemma4_parser.bench.vocabulary import SIZE, Vocabulary
from gemma4_parser.bench.worker import Worker, extrapolate
from gemma4_parser.tokens import CONTROL_TOKENS
from helpers import ROOT

MANIFEST = ROOT / "bench" / "rust" / "Cargo.toml"
LONGEST = ("write_256k", "edits_256k")


# The outputs of bench/rust, whose program checks its own answers.


def rust_workload(*arguments: str) -> str:
    """Output of the workload program, built as the tests of the crates are: fast to build, all checks on."""
    command = ["cargo", "run", "--quiet", "--locked", "--manifest-path", str(MANIFEST), "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def rust_workloads() -> list[tuple[str, str]]:
    if shutil.which("cargo") is None:
        return []
    listed = json.loads(rust_workload("--list"))["workloads"]
    return [(workload["name"], form) for workload in listed for form in workload["forms"]]


@pytest.mark.skipif(shutil.which("cargo") is None, reason="the workloads are built by cargo, which is not here")
@pytest.mark.parametrize(("name", "form"), rust_workloads())
def test_answers_of_rust_workloads(name: str, form: str) -> None:
    for per_delta in ("1", "16", "0"):
        assert json.loads(rust_workload(name, "2000", "--tokens-per-delta", per_delta, "--form", form))["tokens"] > 0


# The outputs of `gemma4-parser bench`.


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="module")
def made(vocabulary: Vocabulary) -> dict[str, workloads.Workload]:
    """All workloads, by name."""
    return {workload.name: workload for workload in workloads.make(vocabulary, workloads.names())}


@pytest.fixture(scope="module")
def place(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> base.Place:
    path = tmp_path_factory.mktemp("bench") / "tokenizer.json"
    vocabulary.write(path)
    return base.Place(path)


@pytest.fixture(scope="module")
def worker(made: dict[str, workloads.Workload], place: base.Place) -> Worker:
    """A worker with all of ours, in this process."""
    found = Worker()
    found.workloads = made
    found.contestants = {one.name: one(place) for one in ALL if one.kind in ("ours", "twin")}
    found.contestants["parse_arguments"] = ours.Arguments(place)
    return found


def test_the_vocabulary(vocabulary: Vocabulary, made: dict[str, workloads.Workload]) -> None:
    assert len(vocabulary.pieces) == len(set(vocabulary.pieces)) == SIZE
    assert all(vocabulary.pieces[number] == literal for literal, number in CONTROL_TOKENS.items())
    for name, least, most in (("write_16k", 2.8, 3.4), ("prose", 3.1, 3.5)):
        assert least < len(made[name].text) / len(made[name].ids) < most
    assert made["write_4k"].size == 4096
    assert vocabulary.decode(made["ten_calls"].ids[:-1]) == made["ten_calls"].text


def test_workloads_are_saved_whole(made: dict[str, workloads.Workload], tmp_path: Path) -> None:
    some = [made[name] for name in ("ten_calls", "turn", "cut_off")]
    workloads.save(some, tmp_path / "some.json")
    assert list(workloads.load(tmp_path / "some.json").values()) == some


def test_deltas(made: dict[str, workloads.Workload]) -> None:
    for name in ("ten_calls", "cut_off"):
        workload = made[name]
        for size in (1, 4, 16):
            deltas = workload.deltas(size)
            assert "".join(text for text, _ in deltas) == workload.text
            assert [number for _, ids in deltas for number in ids] == workload.ids


@pytest.mark.parametrize("name", workloads.names())
def test_answers(name: str, worker: Worker) -> None:
    """Each implementation, each input, each size of step."""
    for contestant in worker.contestants:
        for feed in (*base.STEPS, base.WHOLE, base.ARGUMENTS):
            if not worker.takes(contestant, name, feed) or (name in LONGEST and feed not in ("16", base.WHOLE)):
                continue
            told = worker.check(contestant, name, feed, 60)
            assert told["verdict"] == "right", f"{contestant}, {feed}: {told['verdict']}"
            assert told["seconds"] > 0
    # What a long string is sent in says who streams.
    if name.startswith(("write_", "edits_")) and name not in LONGEST:
        told = worker.check("ours", name, "16", 60)
        assert told["pieces"] > 10 and told["largest"] < 0.5


def test_verdicts(made: dict[str, workloads.Workload]) -> None:
    def of(name: str, **changed: Any) -> str:
        answer = made[name].answer
        fields = {"reasoning": answer.reasoning, "content": answer.content, "calls": list(answer.calls)}
        return workloads.verdict(made[name], workloads.Answer(**{**fields, **changed}))

    assert of("turn") == "right"
    assert of("turn", reasoning=made["turn"].answer.reasoning + "\n") == "blanks"
    assert of("turn", reasoning="Hm") == "reasoning"
    assert of("turn", content="") == "content"
    assert of("turn", calls=made["turn"].answer.calls[:1]) == "calls"
    arguments = made["short_call"].answer.calls[0][1]
    assert of("short_call", calls=[("get_weather", arguments.replace(":", ": "))]) == "right"
    for wrong in (arguments.replace("3", '"3"'), arguments.replace("3", "3.0"), arguments.replace("Paris", "paris")):
        assert of("short_call", calls=[("get_weather", wrong)]) == "arguments"
    assert of("short_call", calls=[("get_weather", arguments[:-1])]) == "invalid JSON"
    # Of an output that was cut off, only what would run is wrong.
    assert of("cut_off", calls=[("write_file", '{"content":"x')]) == "right"
    assert of("cut_off", calls=[("write_file", '{"content":"x"}')]) == "calls"


class Wrong(ours.Ids):
    """Drops the last call."""

    name = "wrong"

    def answer(self, workload: workloads.Workload, feed: str, kept: list[Any]) -> workloads.Answer | None:
        found = super().answer(workload, feed, kept)
        assert found is not None
        return workloads.Answer(found.reasoning, found.content, found.calls[:-1])


class Slow(ours.Ids):
    """Takes a millisecond of processor time for each block of steps, and more for the next ones."""

    name = "slow"

    def open(self, workload: workloads.Workload, feed: str) -> base.Run:
        return _Slow()


class _Slow:
    spent = 0.001

    def drive(self, items: Sequence[Any], keep: base.Keep) -> None:
        end = time.thread_time() + self.spent
        while time.thread_time() < end:
            pass
        self.spent += 0.001

    def close(self, keep: base.Keep) -> None:
        pass


class Raises(ours.Ids):
    """Fails in the middle."""

    name = "raises"

    def open(self, workload: workloads.Workload, feed: str) -> base.Run:
        def call(item: Any) -> None:
            raise ValueError("no\nsuch thing")

        return base.Each(call)


def test_who_is_wrong_or_slow_is_marked(worker: Worker, place: base.Place) -> None:
    for kind in (Wrong, Slow, Raises):
        worker.contestants[kind.name] = kind(place)
    try:
        told = worker.check("wrong", "ten_calls", "16", 60)
        assert told["verdict"] == "calls"
        assert tables.marked(cell(told)).endswith("!")
        told = worker.check("slow", "write_4k", "1", 0.01)
        assert told["stopped"] and told["verdict"] == "unchecked"
        assert tables.marked(cell(told)).startswith("~")
        told = worker.check("raises", "ten_calls", "1", 60)
        assert (told["verdict"], told["seconds"]) == ("raises ValueError: no such thing", None)
        assert tables.marked(cell(told)) == "fails!"
    finally:
        for kind in (Wrong, Slow, Raises):
            del worker.contestants[kind.name]


def cell(told: dict[str, Any]) -> results.Cell:
    """A cell of what a worker told."""
    return results.Cell(
        *("turn", "1", "x", 100, 300, told["steps"], told["seconds"], 0.0, 1, 0.0, told["verdict"], told["stopped"])
    )


def test_extrapolation() -> None:
    linear = [(256 * at, 0.1 * at) for at in range(1, 9)]
    assert extrapolate(linear, 4096) == pytest.approx(1.6)
    square = [(256 * at, 0.1 * at * at) for at in range(1, 9)]
    assert extrapolate(square, 4096) == pytest.approx(25.6)
    assert extrapolate(linear, 2048) == pytest.approx(0.8)


def test_quiet() -> None:
    watch = machine.Watch()
    verdict = watch.verdict(0.0)
    assert isinstance(verdict["quiet"], bool)
    assert verdict["quiet"] == (not verdict["why"])


# A run from end to end.

CHOSEN = ("short_call", "prose")


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The file, the tables and the progress of a short run by the command."""
    path = tmp_path_factory.mktemp("run") / "result.json"
    command = [sys.executable, "-m", "gemma4_parser", "bench", "--quick", "--rounds", "1", "--json", str(path)]
    missing = str(path.parent / "nowhere")
    refused = subprocess.run([*command, "--peers", missing], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and f"no Python at {missing}" in refused.stderr
    done = subprocess.run([*command, "--only", *CHOSEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path, done.stdout, done.stderr


def test_a_run(own_run: tuple[Path, str, str]) -> None:
    path, shown, progress = own_run
    shape = json.loads(path.read_text(encoding="utf-8"))
    assert set(shape) == {
        *("about", "settings", "quiet", "workloads", "contestants", "missing", "cells", "memory", "format"),
    }
    result = results.Result.from_json(shape)
    assert result.to_json() == shape
    # `--only prose` means all with it in the name.
    assert {one.name for one in result.workloads} == {"short_call", "prose", "write_prose"}
    assert {"ours", "ours-text", "ours-array", "twin", "twin-text", "one_event"} <= {
        one.name for one in result.contestants
    }
    assert {one.name for one in result.contestants} | {one.name for one in result.missing} == {one.name for one in ALL}
    for found in result.cells:
        assert found.verdict in ("right", "anchor"), found
        assert found.seconds and found.rounds == 1 and not found.extrapolated
    assert result.memory["vocabulary, MB"] > 1
    for title in ("1 a step: µs a token", "Memory and loading", "Whole outputs to a Message"):
        assert title in shown
    assert "not installed" in shown
    assert "prose, 1 a step" in progress


def test_show(own_run: tuple[Path, str, str], tmp_path: Path) -> None:
    path, shown, _ = own_run
    command = [sys.executable, "-m", "gemma4_parser", "bench", "--show"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, shown)
    other = tmp_path / "other.json"
    for text in ("{}", '{"format": 1}', "[]"):
        other.write_text(text)
        done = subprocess.run([*command, str(other)], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "not a benchmark result" in done.stderr


# Tables and pictures of a result that is made up.


def canned() -> results.Result:
    """Two peers: one fast, wrong in one place; one slow, stopped in one place, that streams arguments."""
    made = [("short_call", 30, "", 0), ("prose", 8192, "", 8192)]
    made += [
        (f"{series}_{size}k", size * 1024, series, size * 1024) for series in ("write", "edits") for size in (1, 4)
    ]
    result = results.Result({"date": "2026-01-01", "processor": "P", "system": "S", "python": "3", "version": "0"}, {})
    result.quiet = {"quiet": False, "why": ["it rained"]}
    for name, tokens, series, size in made:
        result.workloads.append(results.Workload(name, f"title of {name}", tokens, 3 * tokens, series, size))
        for at, (contestant, kind) in enumerate(
            [("one_event", "anchor"), ("ours", "ours"), ("mlx-lm", "peer"), ("vllm033", "peer")]
        ):
            if not any(one.name == contestant for one in result.contestants):
                result.contestants.append(results.Contestant(contestant, contestant.upper(), kind, "python"))
            wrong, stopped = contestant == "mlx-lm" and name == "prose", contestant == "vllm033" and name == "edits_4k"
            verdict = "anchor" if kind == "anchor" else "content" if wrong else "unchecked" if stopped else "right"
            streams = (9, 0.2) if contestant == "vllm033" else (1, 1.0)
            seconds = tokens * 1e-7 * 10**at * (tokens / 1024 if stopped else 1)
            for feed in ("1", "16", "whole"):
                result.cells.append(
                    results.Cell(
                        *(name, feed, contestant, tokens, 3 * tokens, tokens, seconds, 0.01, 5, 1e-5, verdict, stopped),
                        *(*streams, 1),
                    )
                )
    result.missing.append(results.Missing("sglang", "SGLang", "not installed"))
    result.memory = {"import, ms": 20.0}
    return result


def test_tables() -> None:
    result = canned()
    shape = json.loads(json.dumps(result.to_json()))
    assert results.Result.from_json(shape).to_json() == shape
    shown = tables.text(result)
    line = next(line for line in shown.splitlines() if line.startswith("  title of prose"))
    assert line.split()[3:] == ["0.100", "1.00", "10.0!", "100"]
    assert "left out: SGLang: not installed" in shown
    assert "wrong answer: MLX-LM: content: prose (1, 16, whole)" in shown
    assert "NOT a quiet machine, so the figures are rough: it rained" in shown
    assert re.search(r"title of edits_4k .* ~400\n", shown)
    rows = {str(row[0]): row for row in summary.against(result, "1").rows}
    # The fastest is one that is right.
    assert rows["title of prose"][4:6] == ["VLLM033", pytest.approx(100)]
    assert rows["title of write_4k"][4:6] == ["MLX-LM", pytest.approx(10)]
    assert rows["title of write_4k"][7:9] == ["VLLM033", pytest.approx(100)]
    growth = {str(row[0]): row[1:] for row in summary.growth(result).rows}
    assert growth["OURS"][0] == "1.00 (4k)"
    anchor = {str(row[0]): row for row in summary.against_anchor(result).rows}
    assert anchor["title of prose"][3] == pytest.approx(10)
    for table in tables.all_tables(result):
        widths = {len(line.split(" | ")) for line in tables.markdown(table)}
        assert widths == {len(table.head)}, table.title
    assert tables.markdown(summary.Table("", ["a"], [["prose of < and <|"]]))[-1] == r"| prose of < and <\| |"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.09996, "0.100"),
        (0.1234, "0.123"),
        (1.0, "1.00"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (4379.0, "4,380"),
    ],
)
def test_numbers(value: float, shown: str) -> None:
    assert tables.number(value) == shown


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no pictures")
    names = [path.name for path in pictures.draw(canned(), tmp_path)]
    assert names == [f"bench-{name}.{kind}" for name in ("growth", "workloads", "share") for kind in ("svg", "png")]
    assert "MLX-LM" in (tmp_path / "bench-growth.svg").read_text(encoding="utf-8")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(pictures.NoMatplotlib, match=r"pip install 'gemma4-parser\[bench\]'"):
        pictures.library()


def test_the_package_does_not_load_the_benchmark() -> None:
    code = "import sys, gemma4_parser, gemma4_parser.cli; print([name for name in sys.modules if '.bench.' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_that_dies_is_left_out() -> None:
    process = driver.Process(sys.executable)
    try:
        process.process.kill()
        with pytest.raises(driver.Failed, match="its process ended"):
            process.ask(10, do="probe")
    finally:
        process.close()
