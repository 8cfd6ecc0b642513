"""What is equal: results, errors, events, compared down to the types."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from differential import wire


class Allowed(NamedTuple):
    """A difference that is meant to be: patterns of what differs and of both sides' `repr`, and the reason."""

    what: str
    rust: str
    pure: str
    why: str


ALLOWED_DIFFERENCES: list[Allowed] = []
"""Empty, and a test holds it empty: the implementations agree in everything."""


class DisagreementError(AssertionError):
    """The implementations differ."""

    def __init__(self, what: str, rust: object, pure: object) -> None:
        super().__init__(what, rust, pure)
        self.what, self.rust, self.pure = what, rust, pure

    def __str__(self) -> str:
        return f"{self.what}\n  rust: {self.rust!r}\n  pure: {self.pure!r}"


def agree(what: str, rust: object, pure: object) -> None:
    """Raises `DisagreementError` where the sides differ."""
    if rust == pure:
        return
    for allowed in ALLOWED_DIFFERENCES:
        pairs = ((allowed.what, what), (allowed.rust, repr(rust)), (allowed.pure, repr(pure)))
        if all(re.fullmatch(pattern, said, re.DOTALL) for pattern, said in pairs):
            return
    raise DisagreementError(what, rust, pure)


def plain(value: Any) -> Any:
    """A value as something that is equal only to its like: 1, 1.0 and True differ, 0.0 and -0.0, orders of keys."""
    kind = type(value).__name__
    if value is None or isinstance(value, str | int):
        return kind, value
    if isinstance(value, float | Decimal | BaseException):
        return kind, repr(value)
    if isinstance(value, list | tuple):
        return kind, [plain(item) for item in value]
    if isinstance(value, Mapping):
        return kind, [(plain(key), plain(item)) for key, item in value.items()]
    if dataclasses.is_dataclass(value):
        return kind, [(field.name, plain(getattr(value, field.name))) for field in dataclasses.fields(value)]
    if kind == "Event":
        return kind, [plain(getattr(value, name)) for name in ("kind", "text", "index", "detail")]
    if kind == "Prompt":
        return kind, [plain(getattr(value, name)) for name in ("text", "segments", "start", "warnings")]
    if kind == "StreamParser":
        return kind, value.ended
    return kind, repr(value)


def plain_events(events: list[Any]) -> list[Any]:
    """The same for what a step returns, where speed counts."""
    return [(event.kind, event.text, event.index, event.detail) for event in events]


def plain_error(error: BaseException) -> Any:
    """All that a caller could tell errors apart by."""
    more = [
        plain(getattr(error, name, None)) for name in ("offset", "place", "reason", "errno", "filename", "strerror")
    ]
    return "raised", type(error).__name__, str(error), plain(error.args), more


def outcome(call: Callable[[], Any], plainly: Callable[[Any], Any] = plain) -> Any:
    """What a call returns or raises; a panic of Rust, which is no `Exception`, is an outcome like others."""
    try:
        value = call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return plain_error(error)
    return plainly(value)


def raised(found: Any) -> bool:
    """Whether an outcome is an error."""
    return isinstance(found, tuple) and found[0] == "raised"


class Pair:
    """Two implementations side by side: modules, or what has the names of one."""

    def __init__(self, rust: Any, pure: Any) -> None:
        self.rust = rust
        self.pure = pure
        self.seen: Counter[str] = Counter()
        """How often each kind, status, reason, repair and end occurred, as `repair double_brace`."""
        self._vocabularies: dict[str, tuple[Any, Any]] = {}

    def both(self, what: str, call: Callable[[Any], Any]) -> Any:
        """Calls with either implementation, compares and returns the outcome."""
        found = outcome(lambda: call(self.rust))
        agree(what, found, outcome(lambda: call(self.pure)))
        return found

    def vocabularies(self, which: str | Mapping[int, bytes] | None) -> tuple[Any, Any]:
        """A vocabulary in both implementations."""
        if which is None:
            return None, None
        if not isinstance(which, str):
            return self.rust.Vocabulary(which), self.pure.Vocabulary(which)
        if which not in self._vocabularies:
            self._vocabularies[which] = self.vocabularies(wire.VOCABULARIES[which]())
        return self._vocabularies[which]

    def note(self, events: list[Any]) -> None:
        """Counts what occurred in plain events."""
        for kind, text, _, detail in events:
            self.seen[f"kind {kind}"] += 1
            if kind == "call_end":
                self.seen[f"status {text}"] += 1
                self.seen.update(f"{'reason' if text == 'rejected' else 'repair'} {name}" for name in detail)
            elif kind == "unparsed":
                self.seen.update(f"reason {name}" for name in detail)
            elif kind == "end":
                self.seen[f"end {text}"] += 1


@cache
def implementations() -> Pair:
    """Rust and Python."""
    modules: list[ModuleType] = [importlib.import_module(f"gemma4_parser.{name}") for name in ("_rust", "_pure")]
    return Pair(*modules)
