"""`make replay`: compares recorded answers of a real API server with Hedgehog's webhooks with those of our engine.

Prints every difference, and by kind and operation how often both agree. Ends with 1 when something is refused
that was accepted, when fewer than 99.5 % of the verdicts agree, or when we would store something else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from devstack.recorded import Case, Fabrics, cases, comparable
from hedgehog.admission.review import AdmissionResponse
from hedgehog.fabric.settings import Upstream
from hedgehog.manifests.rule import Severity

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "admission" / "cases" / "cases.jsonl.gz"
REFERENCE = ROOT.parent / "shared" / "reference" / "admission" / "cases.jsonl.gz"
AGREEMENT = 0.995
RECORDED = (Upstream.V0_126, Upstream.V0_129)
"""The releases whose answers were recorded."""

KNOWN: dict[str, str] = {}
"""Why an answer differs, by id of the case; a false rejection has no excuse."""

_LONGEST = 1500


@dataclass
class Tally:
    """The results so far."""

    verdicts: Counter[tuple[str, str, bool, bool]] = field(default_factory=Counter)
    """By kind, operation, theirs accepted, ours accepted."""
    differences: list[tuple[Case, AdmissionResponse]] = field(default_factory=list)
    stored_otherwise: list[tuple[Case, AdmissionResponse]] = field(default_factory=list)
    stages: Counter[bool] = field(default_factory=Counter)
    """Whether what both refused was refused at the same stage; no goal, only order of checks."""

    def add(self, case: Case, verdict: AdmissionResponse) -> None:
        """Count one answer."""
        self.verdicts[case.kind, case.op, case.accepted, verdict.accepted] += 1
        if case.accepted != verdict.accepted:
            self.differences.append((case, verdict))
        elif not case.accepted:
            self.stages[case.stage == verdict.stage] += 1
        elif case.stored is not None and (verdict.stored is None or case.stored != comparable(verdict.stored)):
            self.stored_otherwise.append((case, verdict))

    @property
    def false_rejections(self) -> int:
        """How often we refuse what the cluster accepts."""
        return sum(count for (_, _, theirs, ours), count in self.verdicts.items() if theirs and not ours)

    @property
    def agreement(self) -> float:
        """The share of equal verdicts."""
        return 1 - len(self.differences) / max(self.verdicts.total(), 1)

    @property
    def good(self) -> bool:
        """Whether the goals are met."""
        return not self.false_rejections and self.agreement >= AGREEMENT and not self.stored_otherwise


def replay(
    path: Path,
    upstream: Upstream,
    *,
    kinds: Collection[str] = (),
    ops: Collection[str] = (),
    fabrics: Collection[str] = (),
) -> Tally:
    """The answers to all cases of a file, or to those of the named kinds, operations and fabrics."""
    tally = Tally()
    loaded = Fabrics(path, upstream)
    for case in cases(path, upstream):
        chosen = ((case.kind, kinds), (case.op, ops), (case.fabric, fabrics))
        if all(not wanted or value in wanted for value, wanted in chosen):
            tally.add(case, loaded.answer(case))
    return tally


def report(tally: Tally, *, show: int) -> str:
    """The results as text: at most *show* differences of each sort in full, then the table."""
    lines = [_difference(case, verdict) for case, verdict in tally.differences[:show]]
    lines += [_stored_otherwise(case, verdict) for case, verdict in tally.stored_otherwise[:show]]
    lines += _table(tally)
    total = tally.verdicts.total()
    lines.append(
        f"{total - len(tally.differences)} of {total} verdicts equal ({tally.agreement:.3%}), "
        f"{tally.false_rejections} false rejections, {len(tally.stored_otherwise)} stored otherwise, "
        f"{tally.stages[True]} of {tally.stages.total()} refused at the same stage"
    )
    return "\n".join(lines)


def _difference(case: Case, verdict: AdmissionResponse) -> str:
    errors = [one for one in verdict.violations if one.rule.severity is Severity.ERROR]
    ours = "; ".join(f"{one.rule.id} {one}" for one in errors) or "accepted"
    theirs = "accepted" if case.accepted else f"refused ({case.stage}) {case.message}"
    known = f"\n   known:  {KNOWN[case.id]}" if case.id in KNOWN else ""
    return f"-- {case}\n   theirs: {theirs[:_LONGEST]}\n   ours:   {ours[:_LONGEST]}{known}"


def _stored_otherwise(case: Case, verdict: AdmissionResponse) -> str:
    ours = comparable(verdict.stored) if verdict.stored is not None else None
    theirs = json.dumps(case.stored, sort_keys=True)
    return (
        f"-- {case}: stored\n   theirs: {theirs[:_LONGEST]}\n   ours:   {json.dumps(ours, sort_keys=True)[:_LONGEST]}"
    )


def _table(tally: Tally) -> Iterable[str]:
    header = ("kind", "operation", "both accept", "both refuse", "only we accept", "only we refuse")
    yield "{:20}{:>12}{:>14}{:>14}{:>16}{:>16}".format(*header)
    for kind, op in sorted({(kind, op) for kind, op, _, _ in tally.verdicts}):
        answers = ((True, True), (False, False), (False, True), (True, False))
        counts = [tally.verdicts[kind, op, theirs, ours] for theirs, ours in answers]
        yield "{:20}{:>12}{:>14}{:>14}{:>16}{:>16}".format(kind, op, *counts)


def main() -> int:
    """Replay a file for each release; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    default = REFERENCE if REFERENCE.exists() else SAMPLE
    parser.add_argument("cases", type=Path, nargs="?", default=default, help="file of cases; make replay CASES=FILE")
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--op", action="append", default=[])
    parser.add_argument("--fabric", action="append", default=[])
    parser.add_argument("--upstream", choices=RECORDED, help="one release only")
    parser.add_argument("--show", type=int, default=sys.maxsize, help="differences to print in full (default: all)")
    options = parser.parse_args()
    good = True
    for upstream in [Upstream(options.upstream)] if options.upstream else RECORDED:
        chosen = {"kinds": options.kind, "ops": options.op, "fabrics": options.fabric}
        tally = replay(options.cases, upstream, **chosen)
        print(f"== {options.cases.name} as {upstream} answered\n{report(tally, show=options.show)}\n")
        good = good and tally.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
