"""Fuzzes the implementations against each other until the time is over: `make fuzz`.

FUZZ_SECONDS (default 3600) is the time, FUZZ_SEED where the seeds begin (default: anywhere). One line every few seconds
tells how far it is. At the first difference it stops with exit code 1 and prints the input, made small, and a line for
`tests/vectors/own.jsonl`.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from differential import cases, checks, prompt_checks
from differential.compare import DisagreementError, Pair, implementations
from differential.machine import machine_of
from differential.minimise import minimise, told, vector
from differential.tape import tapes

EXAMPLES = 500
"""Of one check before the next one has its turn: a second or a few."""
EVERY = 5.0
"""Seconds between two lines."""

LONG = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    verbosity=Verbosity.quiet,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
WITHOUT_SHRINKING = settings(LONG, phases=[Phase.generate])
MACHINE = settings(LONG, max_examples=20, stateful_step_count=30)


class Progress:
    """Counts, and tells of it every few seconds."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.start = self.told = time.monotonic()
        self.examples = 0

    def count(self) -> None:
        self.examples += 1
        if time.monotonic() - self.told >= EVERY:
            self.tell()

    def tell(self, differences: int = 0) -> None:
        self.told = time.monotonic()
        seconds = self.told - self.start
        seen = self.pair.seen
        repairs = {name.split()[1]: count for name, count in seen.items() if name.startswith("repair ")}
        rarest = ", ".join(f"{name} {count}" for name, count in sorted(repairs.items(), key=lambda item: item[1])[:2])
        print(
            f"{seconds:6.0f} s  {self.examples} examples, {self.examples / max(seconds, 1e-9):.0f}/s; "
            f"calls {seen['status complete']} complete, {seen['status repaired']} repaired, "
            f"{seen['status rejected']} rejected; {len(repairs)} repairs {sum(repairs.values())} times, "
            f"rarest {rarest}; {differences} differences",
            flush=True,
        )


def rounds(pair: Pair, progress: Progress) -> Iterator[tuple[str, Callable[[int], None]]]:
    """Each check by its name; called with a seed it runs a batch of examples."""

    def on_cases(ids: bool) -> Callable[[int], None]:
        def check(case: cases.Case) -> None:
            progress.count()
            try:
                checks.check_case(pair, case)
            except DisagreementError as error:
                raise CaseError(case, error) from None

        return lambda number: seed(number)(WITHOUT_SHRINKING(given(cases.cases(ids=ids))(check)))()

    def on_tapes(check: Callable[[Pair, Any], None]) -> Callable[[int], None]:
        def run(tape: Any) -> None:
            progress.count()
            check(pair, tape)

        return lambda number: seed(number)(LONG(given(tapes())(run)))()

    def machine(number: int) -> None:
        progress.count()
        made = seed(number)(machine_of(pair))
        run_state_machine_as_test(made, settings=MACHINE)

    while True:
        # What the model writes is what matters most.
        for name, check in {**checks.ON_TAPES, **prompt_checks.ON_TAPES}.items():
            yield "text", on_cases(False)
            yield "ids", on_cases(True)
            yield name, on_tapes(check)
        yield "machine", machine


class CaseError(Exception):
    """A case in which the implementations differ."""

    def __init__(self, case: cases.Case, error: DisagreementError) -> None:
        super().__init__(case, error)
        self.case, self.error = case, error


def differs(pair: Pair, case: cases.Case) -> DisagreementError | None:
    """How the implementations differ in a case."""
    try:
        checks.check_case(pair, case)
    except DisagreementError as error:
        return error
    return None


def fuzz(pair: Pair, seconds: float, first_seed: int) -> bool:
    """Whether no difference was found in this time."""
    progress = Progress(pair)
    source = random.Random(first_seed)
    for name, check in rounds(pair, progress):
        if time.monotonic() - progress.start >= seconds:
            break
        number = source.getrandbits(64)
        try:
            check(number)
        except CaseError as found:
            progress.tell(1)
            small = minimise(found.case, lambda case: differs(pair, case) is not None)
            print(f"\ncheck {name}, seed {number}: {differs(pair, small)}\n{told(small)}\n\n{vector(pair, small)}")
            return False
        except DisagreementError as error:
            progress.tell(1)
            print(f"\ncheck {name}, seed {number}: {error}")
            return False
    progress.tell()
    return True


def main() -> int:
    seconds = float(os.environ.get("FUZZ_SECONDS", "3600"))
    first_seed = int(os.environ.get("FUZZ_SEED", str(random.getrandbits(32))))
    print(f"fuzzing for {seconds:.0f} s from seed {first_seed}", flush=True)
    return 0 if fuzz(implementations(), seconds, first_seed) else 1


if __name__ == "__main__":
    sys.exit(main())
