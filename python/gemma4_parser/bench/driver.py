"""Runs a benchmark: all workers loaded, one working at a time, the order rotated every round."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gemma4_parser
from gemma4_parser.bench import machine, memory, workloads
from gemma4_parser.bench.contestants import ALL
from gemma4_parser.bench.contestants.base import ARGUMENTS, WHOLE
from gemma4_parser.bench.contestants.base import Contestant as Adapter
from gemma4_parser.bench.results import Cell, Contestant, Missing, Result, Workload, median_and_spread
from gemma4_parser.bench.vocabulary import Vocabulary

# A worker imports this very package and nothing else of our installation, whichever interpreter it runs in.
BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
place = sys.argv[1]
spec = spec_from_file_location("gemma4_parser", place + "/__init__.py", submodule_search_locations=[place])
package = sys.modules["gemma4_parser"] = module_from_spec(spec)
spec.loader.exec_module(package)
from gemma4_parser.bench.worker import main
main()
"""
LOADING = 300.0
"""Seconds that a worker may take to load."""
SLOW, SLOWER, SLOWEST = 1.0, 3.0, 10.0
"""From SLOW on the run that checks counts; from SLOWER three rounds are enough, from SLOWEST one."""

Note = Callable[[str], None]


@dataclass
class Settings:
    """How to measure."""

    rounds: int | None = None
    """None: 5, or 3 where no peer takes part."""
    seconds: float | None = None
    """What a contestant runs at least in a round. None: 0.05, or 0.03 where no peer takes part."""
    cap: float = 20.0
    """Seconds after which a run is stopped and extrapolated."""
    quick: bool = False
    only: list[str] = field(default_factory=list)
    """Workloads and contestants, by parts of their names; empty for all."""
    peers: list[str] = field(default_factory=list)
    """Interpreters in which other parsers are installed."""
    twin: bool = True
    memory: bool = True


class Failed(Exception):
    """A worker that gave no answer."""


class Process:
    """A worker process."""

    def __init__(self, interpreter: str) -> None:
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTHONPATH", None)
        # Nothing is to be fetched in the middle of a measurement; a GPU is not used.
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        environment |= {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
        if interpreter != sys.executable:
            # Our extension is measured in its own interpreter and need not fit others.
            environment[gemma4_parser._impl.VARIABLE] = "python"
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  (until the process is closed)
        place = str(Path(gemma4_parser.__file__).resolve().parent)
        # `-P` keeps the current directory off the path.
        self.process = subprocess.Popen(
            [interpreter, "-P", "-c", BOOT, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
            encoding="utf-8",
        )
        self.answers: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put("")

    def ask(self, limit: float, **request: Any) -> Any:
        """The answer to a request. Raises Failed where none comes within `limit` seconds."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.answers.get(timeout=limit)
        except queue.Empty:
            self.process.kill()
            raise Failed(f"no answer within {limit:.0f} s") from None
        except OSError:
            line = ""
        if not line:
            raise Failed(f"its process ended: {self._last_words()}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _last_words(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:200] if lines else "without a word"

    def close(self) -> None:
        """Ends the process."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(timeout=20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()


@dataclass
class Loaded:
    """A contestant that is ready."""

    adapter: type[Adapter]
    process: Process


class Driver:
    """One run."""

    def __init__(self, settings: Settings, note: Note) -> None:
        self.settings = settings
        self.note = note
        self.processes: list[Process] = []
        self.loaded: dict[str, Loaded] = {}
        # What is known of the growth: (contestant, series, feed) to pairs of size and seconds.
        self.grown: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
        self.rounds, self.seconds = settings.rounds or 0, settings.seconds or 0.0
        about = {**machine.about(), "version": gemma4_parser.__version__}
        self.result = Result(about, {"cap": settings.cap, "quick": settings.quick, "only": settings.only})

    def run(self) -> Result:
        """Measures everything and tells how it goes."""
        started = time.monotonic()
        watch = machine.Watch()
        with tempfile.TemporaryDirectory(prefix="gemma4-parser-bench-") as folder:
            try:
                self.note("making the vocabulary and the workloads")
                vocabulary = Vocabulary()
                chosen = self._prepare(vocabulary, Path(folder))
                self._cells(chosen, watch, started)
                own = time.process_time() + sum(self._processor_time(process) for process in self.processes)
            finally:
                for process in self.processes:
                    process.close()
            self.result.quiet = watch.verdict(own)
            if self.settings.memory:
                self.note("memory and load times")
                self.result.memory = memory.measure(vocabulary, Path(folder), quick=self.settings.quick)
        self.note(f"done in {time.monotonic() - started:.0f} s")
        return self.result

    def _prepare(self, vocabulary: Vocabulary, folder: Path) -> list[workloads.Workload]:
        tokenizer, saved = folder / "tokenizer.json", folder / "workloads.json"
        vocabulary.write(tokenizer)
        chosen = workloads.make(vocabulary, self._workloads())
        workloads.save(chosen, saved)
        self.result.workloads = [
            Workload(one.name, one.title, len(one.ids), len(one.text), one.series, one.size) for one in chosen
        ]
        self._load(self._assign(), tokenizer, saved)
        peers = any(one.adapter.kind == "peer" for one in self.loaded.values())
        self.rounds = self.rounds or (5 if peers else 3)
        self.seconds = self.seconds or (0.05 if peers else 0.03)
        self.result.settings |= {"rounds": self.rounds, "seconds": self.seconds}
        return chosen

    def _workloads(self) -> list[str]:
        names = workloads.names()
        if self.settings.quick:
            names = [name for name in names if not name.endswith(("16k", "64k", "256k"))]
        chosen = [name for name in names if any(part in name for part in self.settings.only)]
        return chosen or names

    def _contestants(self) -> list[type[Adapter]]:
        names = {adapter.name for adapter in ALL}
        wanted = {name for name in names if name in self.settings.only}
        return [
            adapter
            for adapter in ALL
            if (not wanted or adapter.name in wanted) and (self.settings.twin or adapter.kind != "twin")
        ]

    def _assign(self) -> dict[tuple[str, str], list[type[Adapter]]]:
        """The contestants of each process: by interpreter and group."""
        interpreters = list(dict.fromkeys([sys.executable, *self.settings.peers]))
        offered: dict[str, dict[str, str]] = {}
        for interpreter in interpreters:
            try:
                process = Process(interpreter)
                try:
                    told = process.ask(60, do="probe")
                finally:
                    process.close()
            except (OSError, Failed) as error:
                self.result.missing.append(Missing(interpreter, interpreter, f"cannot be used: {error}"))
                continue
            offered[interpreter] = told["versions"]
        groups: dict[tuple[str, str], list[type[Adapter]]] = {}
        for adapter in self._contestants():
            places = [one for one, versions in offered.items() if adapter.wants(versions)]
            if not places:
                self.result.missing.append(Missing(adapter.name, adapter.wanted(), "not installed"))
                continue
            groups.setdefault((places[0], adapter.group), []).append(adapter)
        return groups

    def _load(self, groups: dict[tuple[str, str], list[type[Adapter]]], tokenizer: Path, saved: Path) -> None:
        for (interpreter, group), adapters in groups.items():
            self.note(f"loading {group}")
            process = Process(interpreter)
            self.processes.append(process)
            names = [adapter.name for adapter in adapters]
            try:
                told = process.ask(LOADING, do="load", names=names, tokenizer=str(tokenizer), path=str(saved))
            except Failed as error:
                told = {"titles": {}, "missing": dict.fromkeys(names, str(error))}
            for adapter in adapters:
                if adapter.name in told["titles"]:
                    title = told["titles"][adapter.name]
                    self.loaded[adapter.name] = Loaded(adapter, process)
                    self.result.contestants.append(Contestant(adapter.name, title, adapter.kind, interpreter))
                else:
                    reason = told["missing"][adapter.name]
                    self.result.missing.append(Missing(adapter.name, adapter.wanted() or adapter.label, reason))
        order = {adapter.name: place for place, adapter in enumerate(ALL)}
        self.result.contestants.sort(key=lambda contestant: order[contestant.name])

    def _feeds(self, workload: workloads.Workload) -> list[str]:
        feeds = ["1", "16", WHOLE]
        if not self.settings.quick and workload.size < 64 * 1024:
            feeds.insert(1, "4")
        if workload.name in ("write_16k", "edits_16k", "prose"):
            feeds.insert(-1, "64")
        if workload.name in ("write_4k", "write_16k", "edits_16k", "numbers"):
            feeds.append(ARGUMENTS)
        return feeds

    def _cells(self, chosen: list[workloads.Workload], watch: machine.Watch, started: float) -> None:
        groups = [(workload, feed) for workload in chosen for feed in self._feeds(workload)]
        for number, (workload, feed) in enumerate(groups, 1):
            cells = self._group(workload, feed, number)
            self.result.cells += cells
            watch.look(2)
            passed = time.monotonic() - started
            told = ", ".join(f"{cell.contestant} {_short(cell)}" for cell in cells)
            self.note(f"{number}/{len(groups)} {passed:.0f} s  {workload.name}, {_words(feed)}: {told}")

    def _group(self, workload: workloads.Workload, feed: str, number: int) -> list[Cell]:
        """The cells of one workload and feed: checked, then timed in rounds whose order rotates."""
        cells: dict[str, Cell] = {}
        samples: dict[str, list[float]] = {}
        wanted: dict[str, int] = {}
        names = [name for name, one in self.loaded.items() if feed in one.adapter.feeds]
        for name in names:
            found = self._check(name, workload, feed)
            if found is None:
                continue
            cell, took = found
            cells[name] = cell
            if cell.seconds is None or cell.extrapolated:
                continue
            samples[name] = [took] if took >= SLOW else []
            wanted[name] = 1 if took >= SLOWEST else min(self.rounds, 3) if took >= SLOWER else self.rounds
        order = list(samples)
        for turn in range(self.rounds):
            at = (turn + number) % max(1, len(order))
            for name in order[at:] + order[:at]:
                if len(samples[name]) < wanted[name]:
                    self._time(cells[name], samples[name])
        for name, taken in samples.items():
            cell = cells[name]
            if taken:
                cell.seconds, cell.spread = median_and_spread(taken)
                cell.rounds = len(taken)
            if workload.series and cell.seconds is not None:
                self.grown.setdefault((name, workload.series, feed), []).append((len(workload.ids), cell.seconds))
        return list(cells.values())

    def _check(self, name: str, workload: workloads.Workload, feed: str) -> tuple[Cell, float] | None:
        """The cell with its verdict, and the seconds of this one run; None where there is nothing to measure."""
        one = self.loaded[name]
        size = len(workload.text.encode())
        if feed == ARGUMENTS:
            if workload.arguments is None:
                return None
            size = len(workload.answer.calls[0][1].encode())
        cell = Cell(workload.name, feed, name, len(workload.ids), size, 0, None, 0.0, 0, 0.0, "unchecked")
        cell.calls = len(workload.answer.calls)
        expected = self._expected(name, workload, feed)
        if expected is not None and expected > self.settings.cap * (1.0 if feed == WHOLE else 4.0):
            cell.seconds, cell.extrapolated = expected, True
            shorter = [one for one in self.result.cells if (one.contestant, one.feed) == (name, feed) and one.pieces]
            if shorter:
                cell.pieces, cell.largest = shorter[-1].pieces, shorter[-1].largest
            return cell, 0.0
        try:
            if not one.process.ask(LOADING, do="takes", name=name, workload=workload.name, feed=feed):
                return None
            # What cannot be stopped between two steps gets more time.
            limit = self.settings.cap * 10 + 60
            told = one.process.ask(
                limit, do="check", name=name, workload=workload.name, feed=feed, cap=self.settings.cap
            )
        except Failed as error:
            cell.verdict = str(error)
            return cell, 0.0
        cell.steps, cell.construct, cell.verdict = told["steps"], told["construct"], told["verdict"]
        cell.pieces, cell.largest = told["pieces"], told["largest"]
        if told["seconds"] is None:
            return cell, 0.0
        cell.seconds, cell.rounds, cell.extrapolated = told["seconds"], 1, told["stopped"]
        return cell, told["seconds"]

    def _expected(self, name: str, workload: workloads.Workload, feed: str) -> float | None:
        """Seconds that the growth so far lets expect; None where nothing is known."""
        known = self.grown.get((name, workload.series, feed), [])
        if len(known) < 2:
            return None
        (shorter, less), (longer, more) = known[-2:]
        exponent = max(1.0, math.log(more / less) / math.log(longer / shorter))
        return float(more * (len(workload.ids) / longer) ** exponent)

    def _time(self, cell: Cell, samples: list[float]) -> None:
        process = self.loaded[cell.contestant].process
        try:
            told = process.ask(
                self.settings.cap * 10 + 60,
                do="time",
                name=cell.contestant,
                workload=cell.workload,
                feed=cell.feed,
                seconds=self.seconds,
            )
        except Failed as error:
            cell.verdict = str(error)
            return
        samples.append(told["seconds"])
        cell.construct = told["construct"]

    def _processor_time(self, process: Process) -> float:
        try:
            return float(process.ask(60, do="processor_time"))
        except Failed:
            return 0.0


def _short(cell: Cell) -> str:
    if cell.per_token is None:
        return cell.verdict
    mark = "~" if cell.extrapolated else ""
    wrong = f" ({cell.verdict})" if cell.wrong else ""
    return f"{mark}{cell.per_token * 1e6:.3g}{wrong}"


def _words(feed: str) -> str:
    return {WHOLE: "whole", ARGUMENTS: "arguments alone"}.get(feed, f"{feed} a step") + ", µs a token"
