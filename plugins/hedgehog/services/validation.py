"""Which objects of a fabric a cluster would refuse, asked before anything is written. Pure: the caller loads the objects.

A refused object is left as it is where it is to be written; what refers to it waits with it, everything else proceeds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hedgehog.admission.check import Finding, check_rounds
from hedgehog.admission.review import Operation
from hedgehog.fabric.changes import Round
from hedgehog.fabric.fabricator import effective_settings
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.shown import first_lines
from hedgehog.manifests.intake import foreign_namespace
from hedgehog.manifests.rule import Severity, Violation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusals:
    """The objects not to be written and not to be deleted, each with the reason in one line; how to do the rest."""

    writes: Mapping[ObjectRef, str] = field(default_factory=dict)
    deletes: Mapping[ObjectRef, str] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    """In which order a cluster takes it; empty: all writes, then all deletes."""
    warnings: Mapping[ObjectRef, str] = field(default_factory=dict)
    """What a cluster accepts and somebody should know, of the objects that change."""


FindRefusals = Callable[[Fabric, Sequence[Manifest], Sequence[Manifest]], Refusals]
"""From a fabric, its objects as they are wanted and as they are now, to what must not be done.

Raises only for a fabric whose settings cannot be read.
"""


def find_refusals(fabric: Fabric, wanted: Sequence[Manifest], before: Sequence[Manifest]) -> Refusals:
    """What the admission of the fabric's cluster would refuse of the step from *before* to *wanted*.

    A fabric may keep only some kinds here and leave others, its wiring for example, to people with kubectl: references
    to kinds of which it has no object at all are left to the cluster to check. An object that cannot be checked is
    refused by itself; should nothing be checkable, nothing is to be done. Raises only for a fabric whose settings cannot
    be read.
    """
    if not fabric.settings.enforced:
        return Refusals()
    try:
        return _refusals(fabric, wanted, before)
    except Exception as error:  # callers work on batches: what nobody foresaw in one fabric must not end the others
        logger.exception("%s could not be checked", fabric.name)
        return _nothing(wanted, before, f"could not be verified: {type(error).__name__}; the log says more")


def _refusals(fabric: Fabric, wanted: Sequence[Manifest], before: Sequence[Manifest]) -> Refusals:
    known = {manifest["kind"] for manifest in (*wanted, *before)}
    settings = effective_settings(fabric.settings, wanted, before=before)
    checked = check_rounds(wanted, settings, before=before, unknown_kinds=KINDS.keys() - known)
    refused = {ref: finding for ref, finding in checked.findings.items() if finding.refused}
    return Refusals(
        {
            **_elsewhere(fabric, wanted),
            **{ref: _reason(one) for ref, one in refused.items() if one.operation is not Operation.DELETE},
        },
        {ref: _reason(one) for ref, one in refused.items() if one.operation is Operation.DELETE},
        checked.rounds,
        {ref: _faults(one.violations) for ref, one in checked.findings.items() if ref not in refused},
    )


def _elsewhere(fabric: Fabric, wanted: Sequence[Manifest]) -> Mapping[ObjectRef, str]:
    """Objects in a namespace that is not the fabric's, though their kind may live there."""
    found = {}
    for manifest in wanted:
        row = KINDS.get(manifest["kind"])
        if row is not None and row.namespace is None:
            namespace = manifest["metadata"]["namespace"]
            foreign = foreign_namespace(row.kind, namespace, fabric.kubernetes_namespace)
            if foreign:
                found[ObjectRef.of(manifest)] = f".metadata.namespace: {foreign}"
    return found


def _nothing(wanted: Sequence[Manifest], before: Sequence[Manifest], reason: str) -> Refusals:
    """Everything that would change is held."""
    new, old = ({ObjectRef.of(manifest): manifest for manifest in manifests} for manifests in (wanted, before))
    return Refusals(
        {ref: reason for ref, manifest in new.items() if old.get(ref) != manifest},
        {ref: reason for ref in old.keys() - new.keys()},
    )


_MOST_FAULTS = 5
"""Faults of one object that a reason names."""


def _reason(finding: Finding) -> str:
    return _faults(one for one in finding.violations if one.rule.severity is Severity.ERROR)


def _faults(violations: Iterable[Violation]) -> str:
    return "; also ".join(first_lines(map(_described, violations), _MOST_FAULTS))


def _described(violation: Violation) -> str:
    return f"{violation}; {violation.hint} [{violation.rule.id}]"
