"""Counts of what outputs held, per process: calls by status, repairs, unparsed spans by reason.

`COUNTERS` is the process's own. Where `prometheus_client` is already imported (the host has it), the same counts are
also the Prometheus counter `gemma4_parser_events_total` with the labels `kind` and `name`.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

__all__ = ["COUNTERS", "Counters"]

NAME = "gemma4_parser_events_total"


class Counters:
    """Counts by kind and name; safe to use from any thread.

    Kinds are `call` (names `complete`, `repaired`, `rejected`, `suppressed`), `repair` (the names of DESIGN.md,
    part 2), `unparsed` (the reasons) and `handed_over` (reasons of spans that were sent as content).
    """

    def __init__(self, *, prometheus: bool = False) -> None:
        """`prometheus`: count there too, if the process has `prometheus_client` imported when something is counted."""
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._prometheus = prometheus
        self._counter: Any = None

    def add(self, kind: str, name: str) -> None:
        """Counts one."""
        with self._lock:
            self._counts[kind, name] = self._counts.get((kind, name), 0) + 1
            if self._prometheus and self._counter is None:
                self._counter = self._register()
        if self._counter is not None:
            self._counter.labels(kind=kind, name=name).inc()

    def value(self, kind: str, name: str) -> int:
        """The count of one kind and name; 0 where nothing was counted."""
        with self._lock:
            return self._counts.get((kind, name), 0)

    def snapshot(self) -> dict[tuple[str, str], int]:
        """A copy of all counts, by `(kind, name)`."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Sets the counts to zero; Prometheus counters only grow and stay as they are."""
        with self._lock:
            self._counts.clear()

    def _register(self) -> Any:
        client: Any = sys.modules.get("prometheus_client")
        if client is None:
            return None
        try:
            return client.Counter(NAME, "What outputs of Gemma 4 held.", ["kind", "name"])
        except (AttributeError, ValueError):  # registered twice, or the host's import is not finished
            self._prometheus = False
            return None


COUNTERS = Counters(prometheus=True)
"""The counts of this process."""
