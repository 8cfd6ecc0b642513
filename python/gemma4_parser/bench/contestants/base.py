"""What a contestant is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Protocol

from gemma4_parser.bench.workloads import Answer, Workload

Keep = Callable[[Any], object] | None
"""Where the outputs go; None while only the time counts."""

STEPS = ("1", "4", "16", "64")
"""Tokens of one step."""
WHOLE = "whole"
ARGUMENTS = "arguments"
"""The arguments of one call alone, to a Python value."""


class Missing(Exception):
    """A contestant that cannot be measured here; the text is the reason."""


@dataclass(frozen=True)
class Place:
    """What a contestant may need of the run."""

    tokenizer: Path
    """A tokenizer.json with the stand-in vocabulary, without merges."""


class Run(Protocol):
    """One output through one parser that was just made."""

    def drive(self, items: Sequence[Any], keep: Keep) -> None:
        """Makes the calls for these items: what is timed."""

    def close(self, keep: Keep) -> None:
        """Makes the calls at the end of the stream: timed too."""


class Contestant:
    """A parser, loaded once in a process of its own. The constructor loads it and raises what the import raises."""

    name: ClassVar[str]
    label: ClassVar[str]
    kind: ClassVar[str]
    """`ours`, `twin`, `peer`, `anchor`, or `reader` of arguments alone."""
    group: ClassVar[str]
    """Contestants of one group share a process."""
    distributions: ClassVar[tuple[str, ...]] = ()
    """What must be installed."""
    needs: ClassVar[str] = ""
    """The same in words, where the versions matter."""
    feeds: ClassVar[tuple[str, ...]] = (*STEPS, WHOLE)

    def __init__(self, place: Place) -> None:
        self.place = place

    @classmethod
    def wants(cls, versions: dict[str, str]) -> bool:
        """Whether an interpreter with these distributions can run it."""
        return all(name in versions for name in cls.distributions)

    @classmethod
    def title(cls) -> str:
        """The label with the version."""
        return " ".join([cls.label, *(version(name) for name in cls.distributions[:1])])

    @classmethod
    def wanted(cls) -> str:
        """What has to be installed, in words."""
        return cls.needs or " and ".join(cls.distributions)

    def takes(self, workload: Workload, feed: str) -> bool:
        """Whether there is anything to measure."""
        return feed in self.feeds and (feed != ARGUMENTS or workload.arguments is not None)

    def items(self, workload: Workload, feed: str) -> list[Any]:
        """What the calls get, one item each."""
        raise NotImplementedError

    def open(self, workload: Workload, feed: str) -> Run:
        """Makes the parser of one request: timed apart."""
        raise NotImplementedError

    def answer(self, workload: Workload, feed: str, kept: list[Any]) -> Answer | None:
        """What the outputs amount to; None where there is no answer to check."""
        raise NotImplementedError

    def pieces(self, kept: list[Any]) -> list[str]:
        """The pieces in which the arguments of calls were sent."""
        return []


class Each:
    """A run that calls one function with each item and one without any at the end."""

    def __init__(self, call: Callable[[Any], Any], end: Callable[[], Any] | None = None) -> None:
        self.call = call
        self.end = end

    def drive(self, items: Sequence[Any], keep: Keep) -> None:
        call = self.call
        if keep is None:
            for item in items:
                call(item)
        else:
            for item in items:
                keep(call(item))

    def close(self, keep: Keep) -> None:
        if self.end is not None:
            last = self.end()
            if keep is not None:
                keep(last)


class Calls:
    """Gathers the calls of a stream of deltas."""

    def __init__(self) -> None:
        self.found: dict[int, list[str]] = {}

    def add(self, index: int, name: str | None, arguments: str | None) -> None:
        """A delta of the call of this index."""
        entry = self.found.setdefault(index, ["", ""])
        entry[0] += name or ""
        entry[1] += arguments or ""

    def list(self) -> list[tuple[str, str]]:
        """Name and arguments of each."""
        return [(name, arguments) for _, (name, arguments) in sorted(self.found.items())]


def number(text: str) -> tuple[int, ...]:
    """The first parts of a version."""
    parts = []
    for part in text.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        parts.append(int(digits or 0))
    return tuple(parts)


def load(name: str) -> Any:
    """A module that this package does not depend on.

    Raises:
        Missing: It cannot be imported.
    """
    try:
        return import_module(name)
    except Exception as error:
        raise Missing(f"import {name}: {type(error).__name__}: {error}") from error


def installed(names: set[str]) -> dict[str, str]:
    """Versions of those of the distributions that are installed here."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
