"""Which objects of a fabric a cluster would refuse, asked before anything is written. Pure: the caller loads the objects.

A refused object is left as it is where it is to be written; what refers to it waits with it, everything else proceeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hedgehog.fabric.changes import Round
from hedgehog.fabric.fabricator import effective_settings
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.schemas.admission import Operation
from hedgehog.schemas.check import Finding, rehearse
from hedgehog.schemas.rules.rule import Severity, Violation


@dataclass(frozen=True, slots=True)
class Judgement:
    """The objects not to be written and not to be deleted, each with the reason in one line; how to do the rest."""

    writes: Mapping[ObjectRef, str] = field(default_factory=dict)
    deletes: Mapping[ObjectRef, str] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    """In which order a cluster takes it; empty: all writes, then all deletes."""


Judge = Callable[[Fabric, Sequence[Manifest], Sequence[Manifest]], Judgement]
"""From a fabric, its objects as they are wanted and as they are now, to what must not be done. Raises nothing."""


def judge(fabric: Fabric, wanted: Sequence[Manifest], before: Sequence[Manifest]) -> Judgement:
    """What the admission of the fabric's cluster would refuse of the step from *before* to *wanted*.

    A fabric may keep only some kinds here and leave others, its wiring for example, to people with kubectl: references
    to kinds of which it has no object at all are left to the cluster to check.
    """
    known = {manifest["kind"] for manifest in (*wanted, *before)}
    settings = effective_settings(fabric.settings, wanted)
    if not settings.enforced:
        return Judgement()
    rehearsal = rehearse(wanted, settings, before=before, elsewhere=KINDS.keys() - known)
    refused = {ref: finding for ref, finding in rehearsal.findings.items() if finding.refused}
    return Judgement(
        {ref: _reason(one) for ref, one in refused.items() if one.operation is not Operation.DELETE},
        {ref: _reason(one) for ref, one in refused.items() if one.operation is Operation.DELETE},
        rehearsal.rounds,
    )


def _reason(finding: Finding) -> str:
    errors = [violation for violation in finding.violations if violation.rule.severity is Severity.ERROR]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_told(errors[0])}{more}"


def _told(violation: Violation) -> str:
    return f"{violation}; {violation.hint} [{violation.rule.id}]"
