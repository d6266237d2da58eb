"""What the publication of a fabric changes: the part of a plan that is about Git."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.fabric.blast_radius import blast_radius
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.change_plan import ChangePlan, LostDrift, PlanEntry, PlanKind, PlannedHold, PlanPart, PlanPlace
from hedgehog.fabric.changes import WRITES, Action
from hedgehog.fabric.differences import FieldDifference, between
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.hosts.host import OpenHost
from hedgehog.services.git.fabric_run import RequestAccess
from hedgehog.services.git.plan import FileChange, FilePlan
from hedgehog.services.plans.markdown import plan_markdown
from hedgehog.store import git_files
from hedgehog.store.database import Connection

ObjectsByRef = Mapping[ObjectRef, Manifest]


def request_access(open_host: OpenHost) -> RequestAccess:
    """How pull requests are opened at the hosts that *open_host* enters: they say what the plan of the change says."""
    return RequestAccess(open_host, _describe)


def _describe(connection: Connection, fabric: Fabric, plan: FilePlan, revision: str) -> str:
    before = {ObjectRef.of(one): one for one in git_files.published(connection, [fabric.id])[fabric.id]}
    part, after = published_part(connection, fabric, before, plan)
    radius = blast_radius({change.ref for change in part.changes}, before, after)
    return plan_markdown(ChangePlan(fabric.name, PlanKind.SYNC, fabric.generation, (part,), radius, revision))


def published_part(
    connection: Connection, fabric: Fabric, before: ObjectsByRef, plan: FilePlan
) -> tuple[PlanPart, ObjectsByRef]:
    """What happens in Git, where *before* is published, and what is published then."""
    after = _published_after(connection, fabric, before, plan)
    changes = [_file_change(entry, before, after) for entry in plan.having(*WRITES) if entry.ref is not None]
    part = PlanPart(
        PlanPlace.GIT,
        tuple(changes),
        tuple(
            PlannedHold(str(entry.ref) if entry.refused else entry.path, entry.reason, entry.refused)
            for entry in plan.having(Action.SKIPPED)
        ),
        drift=tuple(
            LostDrift(entry.path, entry.reason)
            for entry in plan.having(*WRITES)
            if entry.reason and entry.path in plan.changes
        ),
        unchanged=plan.counts()[Action.UNCHANGED],
    )
    return part, after


def _published_after(
    connection: Connection, fabric: Fabric, before: ObjectsByRef, plan: FilePlan
) -> dict[ObjectRef, Manifest]:
    """What Git holds once *plan* was carried out, as the cluster gets it."""
    known = git_files.files(connection, [fabric.id])[fabric.id]
    gone = {known[path].ref for path in plan.removed if path in known}
    objects = [*(one for one in plan.written if one.object_digest is not None), *plan.adopted]
    kept = {ref: manifest for ref, manifest in before.items() if ref not in gone}
    return kept | {one.ref: one.manifest for one in objects if one.ref is not None and one.manifest is not None}


def _file_change(entry: FileChange, before: ObjectsByRef, after: ObjectsByRef) -> PlanEntry:
    ref = entry.ref
    if ref is None:
        raise ValueError(f"{entry.path} holds no object")
    differences: tuple[FieldDifference, ...] = ()
    if entry.action is Action.CONFIGURED and ref in before and ref in after:
        differences = tuple(between(canonical(before[ref]), canonical(after[ref])))
    return PlanEntry(ref, entry.action, differences, entry.reason)
