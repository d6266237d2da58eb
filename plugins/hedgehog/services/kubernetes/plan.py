"""What a sync will do for one fabric, decided before anything is written. Pure: whatever counts was gathered before.

What differs is compared first, then come the fabric's drift policies, what the cluster's admission would refuse, and what
must not be deleted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import ALL_KINDS, JUDGED_TOGETHER
from hedgehog.fabric.model import ConflictPolicy, Manifest, ObjectRef
from hedgehog.fabric.render import fabric_ref, fabric_resource
from hedgehog.fabric.tools import Installation, is_owned_by
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan, spare, withhold
from hedgehog.kube.plan import plan as plan_changes
from hedgehog.services.kubernetes.drift_policy import DriftPlan, KnownDrift, apply_policies, stored_form
from hedgehog.services.kubernetes.gather import ClusterRecords, Job, ObservedCluster
from hedgehog.services.validation import FindRefusals


@dataclass(frozen=True, slots=True)
class FabricPlan:
    """What is to be done for one fabric, and what is to be recorded of it afterwards."""

    job: Job
    plan: Plan
    drift: DriftPlan
    begun: frozenset[ObjectRef]
    """What killed runs were about to create, and what this one will."""


def plan_fabric(
    job: Job,
    records: ClusterRecords,
    observed: ObservedCluster,
    find_refusals: FindRefusals,
    *,
    allow_large_prune: bool,
) -> FabricPlan:
    """Decide all that a sync will do for the fabric of *job*. What *find_refusals* says its cluster would refuse is held."""
    fabric = job.fabric
    desired = _desired(job, records, observed)
    drift = apply_policies(fabric, plan_changes(desired, observed.live), _known_drift(job, records))
    plan = spare(_without_refused(job, drift.plan, find_refusals), fabric, allow_large_prune=allow_large_prune)
    if fabric.conflict_policy is ConflictPolicy.FORCE:
        plan = replace(plan, forced=frozenset(plan.to_apply))
    return FabricPlan(job, plan, drift, records.begun.get(fabric.id, frozenset()) | plan.created)


def _desired(job: Job, records: ClusterRecords, observed: ObservedCluster) -> Desired:
    fabric = job.fabric
    manifests = dict(job.manifests)
    left_alone: dict[ObjectRef, str] = {}
    if fabric.publish_fabric_resource and observed.crd is not None:
        kind = observed.crd.kind
        if kind is None:
            left_alone[fabric_ref(fabric)] = observed.crd.note
        elif job.wait is None:
            manifests[fabric_ref(fabric)] = canonical(fabric_resource(fabric, group=kind.group, version=kind.version))
    owned = {ref: one.manifest for ref, one in records.owned.items() if one.fabric_id == fabric.id}
    begun = records.begun.get(fabric.id, frozenset())
    owned |= _left_behind(begun, {*manifests, *records.owned}, observed.live, records.installation)
    return Desired(
        manifests=manifests,
        owned=owned,
        adopted=frozenset(ref for ref, one in records.owned.items() if one.adopted and ref in owned),
        owners=_owners(job, records),
        left_alone=left_alone,
        installation=records.installation,
        stored=partial(stored_form, fabric.settings),
    )


def _owners(job: Job, records: ClusterRecords) -> dict[ObjectRef, str]:
    """The other fabrics that own objects, or that come before this one and want them too."""
    owners = {ref: one.fabric for ref, one in records.owned.items() if one.fabric_id != job.fabric.id}
    claimed = {ref: records.claimants[ref] for ref in job.manifests if ref in records.claimants}
    return owners | {ref: name for ref, name in claimed.items() if name != job.fabric.name}


def _left_behind(
    begun: Collection[ObjectRef], known: Collection[ObjectRef], live: Live, installation: Installation
) -> dict[ObjectRef, Manifest]:
    """What a killed run has created, and nobody wants or knows: to be deleted.

    An object in which we own no field is another's, and so is one that another installation has marked.
    """
    here = {ref: live.objects[ref] for ref in begun if ref not in known and ref in live.objects}
    return {ref: canonical(found) for ref, found in here.items() if is_owned_by(found, installation)}


def _known_drift(job: Job, records: ClusterRecords) -> KnownDrift:
    fabric_id = job.fabric.id
    return KnownDrift(
        job.rows,
        records.to_revert.get(fabric_id, frozenset()),
        records.corrections.get(fabric_id, {}),
    )


def _without_refused(job: Job, plan: Plan, find_refusals: FindRefusals) -> Plan:
    """The plan without what the cluster's admission would refuse.

    Nothing to write, nothing to ask about; and what was published to Git was checked then: new objects of it go as they
    are, but for those of gateways, which may be blocked by what only the cluster has.
    """
    only_new = all(
        change.action is Action.CREATED and ref.kind not in JUDGED_TOGETHER for ref, change in plan.to_apply.items()
    )
    if not plan.to_delete and only_new and (job.revision is not None or not plan.to_apply):
        return plan
    before = {ref: live for ref, live in plan.live.objects.items() if ref.kind in ALL_KINDS}
    written = {ref: plan.desired.manifests[ref] for ref in plan.to_apply if ref.kind in ALL_KINDS}
    wanted = {**{ref: live for ref, live in before.items() if ref not in plan.to_delete}, **written}
    refusals = find_refusals(job.fabric, list(wanted.values()), list(before.values()))
    return withhold(plan, refusals.writes, refusals.deletes, refusals.rounds)
