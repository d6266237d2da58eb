"""The result format that all benchmarks share: a figure and that of its peer, measured in the same run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = "HEDGEHOG_BENCH_RESULTS"
"""Environment variable that names the file to which results are added."""


@dataclass(frozen=True)
class Figure:
    """One result. `ratio` says how many times better we are than the peer, whatever the unit.

    `goal` is a ratio when there is a peer and `met` compares with it; `of` can also judge the value itself.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    goal: float | None = None
    met: bool | None = None

    @classmethod
    def of(
        cls,
        name: str,
        value: float,
        unit: str,
        peer: str | None = None,
        peer_value: float | None = None,
        *,
        goal: float | None = None,
        times: float | None = None,
    ) -> Figure:
        """A figure with its ratio worked out: a rate (unit `…/s`) is better when higher, all else when lower.

        *goal* is the worst value that is good enough, *times* the smallest ratio.
        """
        is_rate = unit.endswith("/s")
        ratio = None
        if peer_value is not None:
            ratio = value / peer_value if is_rate else peer_value / value
        met = None
        if times is not None:
            met = ratio is not None and ratio >= times
        elif goal is not None:
            met = value >= goal if is_rate else value <= goal
        return cls(name, value, unit, peer, peer_value, ratio, goal if times is None else times, met)


def say(text: str) -> None:
    """Progress, apart from the results."""
    print(f"  {text}", file=sys.stderr, flush=True)


def emit(figures: Sequence[Figure]) -> None:
    """Print a table; add the figures to the file that HEDGEHOG_BENCH_RESULTS names, if it does."""
    print(table(figures), flush=True)
    if os.environ.get(RESULTS):
        path = Path(os.environ[RESULTS])
        before = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*before, *map(asdict, figures)], indent=1) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned columns."""
    header = ("figure", "value", "unit", "peer", "peer's", "ratio", "goal", "met")
    rows = [header, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    met = "" if figure.met is None else "yes" if figure.met else "NO"
    numbers = (figure.peer_value, figure.ratio, figure.goal)
    peer_value, ratio, goal = ("" if number is None else f"{number:.4g}" for number in numbers)
    return (figure.name, f"{figure.value:.4g}", figure.unit, figure.peer or "", peer_value, ratio, goal, met)
