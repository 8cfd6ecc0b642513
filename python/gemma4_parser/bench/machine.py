"""The machine that a measurement ran on, and whether it was quiet. Imports nothing of the package."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import time
from pathlib import Path

SPREAD = 0.10
"""A fixed loop that takes so much more or less from one time to the next tells of other work."""
OTHERS = 0.10
"""Cores that others may use."""
STEAL = 0.01
"""Share of the time that a virtual machine may be kept waiting."""


def about() -> dict[str, str]:
    """Date, machine and Python, as they belong to every result."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{processor()}, {os.cpu_count()} threads",
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def spin() -> float:
    """Seconds that a fixed loop takes."""
    started = time.perf_counter()
    total = 0
    for number in range(100_000):
        total += number
    return time.perf_counter() - started


class Watch:
    """Watches whether anything else runs, from its making to :meth:`verdict`."""

    def __init__(self) -> None:
        self.spins: list[float] = []
        self.look()
        self.started = time.monotonic()
        self.before = _processor_times()

    def look(self, count: int = 20) -> None:
        """Takes some samples of the fixed loop; to be called now and then while nothing else of ours runs."""
        self.spins += [spin() for _ in range(count)]

    def verdict(self, own_seconds: float) -> dict[str, object]:
        """Whether it was quiet, and why not; `own_seconds` is the processor time of the measurement itself."""
        elapsed = time.monotonic() - self.started
        after = _processor_times()
        spins = sorted(self.spins)
        edge = len(spins) // 20
        middle = spins[edge : len(spins) - edge]
        spread = (middle[-1] - middle[0]) / statistics.median(middle)
        reasons = []
        if spread > SPREAD:
            reasons.append(f"a fixed loop took {spread:.0%} more or less from one time to the next")
        others = steal = None
        if self.before and after and elapsed > 0:
            others = max(0.0, (after[0] - self.before[0] - own_seconds) / elapsed)
            steal = (after[1] - self.before[1]) / elapsed
            if others > OTHERS:
                reasons.append(f"other programs used {others:.2f} of a core")
            if steal > STEAL:
                reasons.append(f"the machine was kept waiting {steal:.1%} of the time")
        return {"quiet": not reasons, "why": reasons, "spread": spread, "others": others, "steal": steal}


def _processor_times() -> tuple[float, float] | None:
    """Seconds that all cores were busy, and stolen, since the start; None where Linux does not tell."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        tick = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    user, nice, system, _, _, irq, soft, steal = (int(field) / tick for field in fields[:8])
    return user + nice + system + irq + soft, steal
