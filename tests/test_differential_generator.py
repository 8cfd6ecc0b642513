"""The proof of agreement is not hollow: its inputs reach everything, and its checks notice what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import run_state_machine_as_test

import fuzz
import gemma4_parser._rust as rust
from differential import broken, cases, checks
from differential.compare import DisagreementError, Pair
from differential.machine import machine_of
from differential.minimise import minimise
from differential.tape import tapes
from helpers import ROOT

SETTINGS = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


def words() -> list[str]:
    """Every word that an event can have, as the core lists them: `repair double_brace`."""
    source = (ROOT / "rust" / "core" / "src" / "event.rs").read_text(encoding="utf-8")
    found = []
    for name in ("Kind", "Status", "Reason", "End", "Repair"):
        block = re.search(rf"^    {name} {{\n(.*?)^    }}$", source, re.MULTILINE | re.DOTALL)
        assert block
        found += [f"{name.lower()} {word}" for word in re.findall(r' = "(\w+)",', block[1])]
    return found


def test_the_words_are_all_there() -> None:
    """As many as the design tells of: 7 kinds, 3 statuses, 5 reasons, 6 ends, 21 repairs."""
    assert len(words()) == len(set(words())) == 7 + 3 + 5 + 6 + 21


@pytest.mark.parametrize("ids", [False, True], ids=["text", "ids"])
def test_everything_is_reached(ids: bool) -> None:
    pair = Pair(rust, rust)
    for case in cases.some(lambda tape: cases.case(tape, ids=ids), 6000, seed=1):
        checks.check_case(pair, case)
    rare = {word: pair.seen[word] for word in words() if pair.seen[word] < 5}
    assert not rare
    assert pair.seen["status repaired"] > 500
    assert set(pair.seen) == set(words())


def notices(made: Any, check: str, examples: int = 2000) -> bool:
    """Whether the check tells Rust and this implementation apart."""
    pair = Pair(rust, made)
    try:
        if check == "machine":
            run_state_machine_as_test(machine_of(pair), settings=settings(SETTINGS, max_examples=60))
        elif check in ("text", "ids"):
            on_cases = given(cases.cases(ids=check == "ids"))(lambda case: checks.check_case(pair, case))
            settings(SETTINGS, max_examples=examples)(on_cases)()
        else:
            on_tapes = given(tapes())(lambda tape: checks.ON_TAPES[check](pair, tape))
            settings(SETTINGS, max_examples=min(examples, 1500))(on_tapes)()
    except DisagreementError:
        return True
    return False


@pytest.mark.parametrize("check", ["text", "ids", "machine", *checks.ON_TAPES])
def test_nothing_is_noticed_where_nothing_is_wrong(check: str) -> None:
    assert not notices(broken.Implementation(), check, examples=100)


@pytest.mark.parametrize("breakage", broken.BREAKAGES, ids=lambda breakage: breakage.name)
def test_a_breakage_is_noticed(breakage: broken.Breakage) -> None:
    assert notices(breakage.made, breakage.check)


@pytest.mark.parametrize("word", words())
def test_a_word_that_is_missing_is_noticed(word: str) -> None:
    """For each kind, status, reason, end and repair: an implementation that leaves it out is told apart."""
    family, name = word.split()
    if family in ("repair", "reason"):
        made = broken.without(name)
    elif family == "kind":
        made = broken.leaving_out(name)
    else:
        made = broken.instead({"status": "call_end", "end": "end"}[family], name)
    assert notices(made, "text", examples=4000)


def test_a_difference_is_made_small() -> None:
    made = broken.without("round_brackets")
    pair = Pair(rust, made)

    def fails(case: cases.Case) -> bool:
        try:
            checks.check_case(pair, case)
        except DisagreementError:
            return True
        return False

    case = next(case for case in cases.some(cases.case, 4000, seed=2) if fails(case) and len(case.whole) > 60)
    small = minimise(case, fails)
    assert fails(small)
    assert len(small.whole) <= len("<|tool_call>call:x()")
    assert small.options == {}
    assert small.deltas == [small.whole]


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each check a few examples, then the next."""
    for name in ("LONG", "WITHOUT_SHRINKING"):
        monkeypatch.setattr(fuzz, name, settings(getattr(fuzz, name), max_examples=40))


@pytest.mark.usefixtures("short_rounds")
def test_the_fuzzer_ends_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.fuzz(Pair(rust, rust), seconds=0.5, first_seed=1)
    assert "0 differences" in capsys.readouterr().out


@pytest.mark.usefixtures("short_rounds")
def test_the_fuzzer_prints_a_vector(capsys: pytest.CaptureFixture[str]) -> None:
    """The line that it prints is a case that the vectors can take: Rust passes it."""
    assert not fuzz.fuzz(Pair(rust, broken.without("python_literal")), seconds=120, first_seed=1)
    *_, line, _ = capsys.readouterr().out.split("\n")
    case = json.loads(line)
    assert len(case["text"]) < 60
    message = rust.parse(case["text"], finish=case["finish"], tools=case["tools"])
    assert [list(call.repairs) for call in message.tool_calls] == [
        call["repairs"] for call in case["expect"]["tool_calls"]
    ]
    assert "python_literal" in line


@pytest.mark.usefixtures("short_rounds")
def test_the_fuzzer_tells_of_what_is_no_case(capsys: pytest.CaptureFixture[str]) -> None:
    made = broken.Implementation(format_arguments=lambda mapping: "x")
    assert not fuzz.fuzz(Pair(rust, made), seconds=120, first_seed=1)
    assert "check format" in capsys.readouterr().out
