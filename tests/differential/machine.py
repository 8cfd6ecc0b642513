"""One stream in both implementations, used in any order, rightly and wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from differential import cases, values, wire
from differential.compare import Pair, agree, outcome, raised
from differential.objects import type_of_error
from differential.tape import Tape, tapes

small_tapes = st.binary(max_size=40).map(Tape)


class Lockstep(RuleBasedStateMachine):
    """Every step is done in both; what it returns or raises, and `ended`, must be equal, also after an error."""

    pair: Pair

    @initialize(tape=tapes(), name=st.sampled_from((*wire.VOCABULARIES, "")))
    def start(self, tape: Tape, name: str) -> None:
        self.name = name
        options = cases.options(tape)
        rust, pure = self.pair.vocabularies(name or None)
        made = outcome(lambda: self.pair.rust.StreamParser(rust, **options))
        agree("StreamParser", made, outcome(lambda: self.pair.pure.StreamParser(pure, **options)))
        if raised(made):
            options = {}
        self.rust = self.pair.rust.StreamParser(rust, **options)
        self.pure = self.pair.pure.StreamParser(pure, **options)

    def both(self, what: str, call: Callable[[Any], Any]) -> None:
        agree(what, outcome(lambda: call(self.rust)), outcome(lambda: call(self.pure)))

    @rule(tape=tapes())
    def push_text(self, tape: Tape) -> None:
        text = cases.case(tape).whole
        self.both(f"push_text({text!r})", lambda stream: stream.push_text(text))

    @rule(tape=tapes())
    def push(self, tape: Tape) -> None:
        text = cases.case(tape).whole
        ids, name = wire.tokens(tape, text)
        # Ids of another vocabulary are as good as random ones.
        given: list[Any] = ids if name == self.name or not tape.chance(2) else [token % 400 for token in ids]
        for at in range(0, len(given), 1 + tape.below(40)):
            self.both(f"push({given[at : at + 7]})", lambda stream: stream.push(given[at : at + 7]))  # noqa: B023

    @rule(tape=small_tapes, number=st.integers(0, 1100))
    def push_odd(self, tape: Tape, number: int) -> None:
        form = tape.below(len(values.ID_FORMS))
        self.both(f"push of form {form} with {number}", lambda stream: stream.push(values.ID_FORMS[form](number)))

    @rule(given=st.sampled_from(values.TEXTS))
    def push_odd_text(self, given: Any) -> None:
        self.both(f"push_text({given!r})", lambda stream: stream.push_text(given))

    @rule(reason=st.sampled_from(values.WORDS), default=st.booleans())
    def finish(self, reason: Any, default: bool) -> None:
        self.both(f"finish({reason!r})", lambda stream: stream.finish() if default else stream.finish(reason))

    @rule(start=st.sampled_from(values.WORDS), default=st.booleans())
    def reset(self, start: Any, default: bool) -> None:
        self.both(f"reset({start!r})", lambda stream: stream.reset() if default else stream.reset(start))

    @rule(name=st.sampled_from(("ended", "more", "push", "__dict__")), value=st.booleans())
    def set_attribute(self, name: str, value: bool) -> None:
        self.both(f"set {name}", lambda stream: type_of_error(lambda: setattr(stream, name, value)))

    @invariant()
    def ended_is_equal(self) -> None:
        if hasattr(self, "rust"):
            agree("ended", self.rust.ended, self.pure.ended)


def machine_of(pair: Pair) -> type[Lockstep]:
    """The machine for these implementations."""
    return type("Lockstep", (Lockstep,), {"pair": pair})
