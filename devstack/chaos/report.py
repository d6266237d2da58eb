"""The result of a chaos run, as data and as the printed table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts of faults and changes, and every broken promise, each with the round in which it was found."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """Faults that came too late to have an effect."""
    changes: int = 0
    rounds: int = 0
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    wrong_deletes: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Exceptions that are not of `hedgehog.errors`."""
    seconds: list[float] = field(default_factory=list)
    """Until a round converged, one value per round: worked, waited and skipped."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Kinds of faults that this machine cannot cause, with the reason."""

    @property
    def kills(self) -> int:
        """Processes that were killed."""
        return sum(count for kind, count in self.faults.items() if kind.startswith("kill "))

    @property
    def outages(self) -> int:
        """How often a server or disk was unreachable, slow, full or broken."""
        return sum(count for kind, count in self.faults.items() if kind.startswith("outage "))

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.duplicates or self.wrong_deletes or self.stuck or self.foreign)

    def text(self) -> str:
        """The table."""
        lines = [f"{'fault':32}{'injected':>10}{'too late':>10}"]
        for kind in sorted(self.faults.keys() | self.missed.keys()):
            lines.append(f"{kind:32}{self.faults[kind]:>10}{self.missed[kind] or '':>10}")
        lines += [f"{kind:32}{'-':>10}  {why}" for kind, why in sorted(self.left_out.items())]
        lines.append("")
        lines.append(f"{self.kills} kills and {self.outages} outages in {self.rounds} rounds, {self.changes} changes")
        for word, found in (
            ("lost changes", self.lost),
            ("duplicate commits", self.duplicates),
            ("wrong deletes", self.wrong_deletes),
            ("rounds that did not converge", self.stuck),
            ("unexpected exceptions", self.foreign),
        ):
            lines.append(f"{word:32}{len(found):>10}")
            lines += [f"    {one}" for one in found[:20]]
        lines.append(
            f"{'time to converge':32}{quantile(self.seconds, 0.5):>8.1f} s (p50) {quantile(self.seconds, 0.95):.1f} s (p95)"
        )
        lines.append(f"again with: make chaos SEED={self.seed}")
        return "\n".join(lines)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which *share* of the *values* lie; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
