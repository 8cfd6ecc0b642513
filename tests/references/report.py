"""What the comparison has counted, shown at the end of the run."""

from __future__ import annotations

LINES: list[str] = []


def tell(line: str) -> None:
    LINES.append(line)
