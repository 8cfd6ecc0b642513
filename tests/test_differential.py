"""The implementations agree: event for event, error for error, in everything that they take."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import run_state_machine_as_test

from differential import cases, checks, compare, objects
from differential.compare import Allowed, DisagreementError, implementations
from differential.limits import HOSTILE_TOOLS, LIMITS
from differential.machine import machine_of
from differential.minimise import vector
from differential.tape import Tape, tapes
from helpers import cuts, tokenise

FAST = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def check(case: cases.Case) -> None:
    pair = implementations()
    try:
        checks.check_case(pair, case)
    except DisagreementError as error:
        error.add_note(f"a line for the vectors: {vector(pair, case)}")
        raise


@settings(FAST, max_examples=2000)
@given(case=cases.cases(ids=False))
def test_text(case: cases.Case) -> None:
    check(case)


@settings(FAST, max_examples=2000)
@given(case=cases.cases(ids=True))
def test_ids(case: cases.Case) -> None:
    check(case)


@pytest.mark.parametrize("form", ["text", "ids"])
def test_vectors(form: str) -> None:
    """The cases of the vectors step by step: whole, one by one, cut at random, and every third prefix of them."""
    for number, found in enumerate(cases.VECTORS):
        whole: Any = found.text if form == "text" else tokenise(found.text)
        vocabulary = None if form == "text" else "words"
        for deltas in cuts(whole, 2, seed=number):
            check(cases.Case(deltas, found.finish, found.options, vocabulary))
        for end in range(number % 3, len(whole), 3 + len(whole) // 30):
            finish = random.Random(end).choice(("stop", "length", "abort"))
            check(cases.Case([whole[:end]], finish, found.options, vocabulary))


EXAMPLES = {"vocabulary": 150, "tokenizer": 200}


@pytest.mark.parametrize("name", checks.ON_TAPES)
def test_on_tapes(name: str) -> None:
    @settings(FAST, max_examples=EXAMPLES.get(name, 800))
    @given(tape=tapes())
    def run(tape: Tape) -> None:
        checks.ON_TAPES[name](implementations(), tape)

    run()


def test_any_order_of_calls() -> None:
    run_state_machine_as_test(
        machine_of(implementations()), settings=settings(FAST, max_examples=60, stateful_step_count=30)
    )


@pytest.mark.parametrize("use", objects.USES)
def test_objects(use: str) -> None:
    for name, make in objects.OBJECTS.items():
        implementations().both(f"{use} of {name}", lambda impl: objects.USES[use](make(impl)))  # noqa: B023


@pytest.mark.parametrize("name", objects.CALLS)
def test_arguments_by_place_and_name(name: str) -> None:
    implementations().both(name, lambda impl: objects.call(name, impl))


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str) -> None:
    """At and beyond each limit."""
    for case in LIMITS[name]():
        check(case)


@pytest.mark.parametrize("name", HOSTILE_TOOLS)
def test_hostile_tools(name: str) -> None:
    """Schemas beyond what is compiled."""
    for body in ("v:5,k1:007,a:x, y", 'v:{a:5,b:<|"|>6<|"|>}', "v:{a:{b:5,a:x, y},k1:5}"):
        text = f"<|tool_call>call:f{{{body}}}<tool_call|>"
        check(cases.Case([text], options={"tools": HOSTILE_TOOLS[name](), "coerce": True}))


def test_no_difference_is_allowed() -> None:
    assert compare.ALLOWED_DIFFERENCES == []


def test_an_allowed_difference_would_have_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DisagreementError):
        compare.agree("finish", ["a"], ["b"])
    monkeypatch.setattr(compare, "ALLOWED_DIFFERENCES", [Allowed("fin.*", r"\['a'\]", r"\['b'\]", "a test")])
    compare.agree("finish", ["a"], ["b"])
    for what, rust, pure in (("push", ["a"], ["b"]), ("finish", ["b"], ["b", "c"]), ("finish", ["a"], ["c"])):
        with pytest.raises(DisagreementError):
            compare.agree(what, rust, pure)
