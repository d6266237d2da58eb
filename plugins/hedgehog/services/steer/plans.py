"""Plans that people ask for, keep and carry out: exactly what was shown, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hedgehog.errors import InvalidInput, Superseded
from hedgehog.fabric.change_plan import ChangePlan, PlanKind, PlanPlace
from hedgehog.fabric.changes import ChangeSet, Outcome, OutcomeStatus
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import Proposal
from hedgehog.fabric.settings import Upstream
from hedgehog.fabric.shown import first_lines
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.manifests.schema import NEWEST
from hedgehog.services.git import sync as git_sync
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.plans.approval import propose_if_needed
from hedgehog.services.plans.change import plan_change
from hedgehog.services.plans.comparison import plan_differences
from hedgehog.services.plans.deciding import store_change
from hedgehog.services.plans.next_sync import SyncDependencies, plan_next_sync
from hedgehog.services.transfer.completion import complete_change
from hedgehog.services.transfer.load import accept_all, raise_problems, refuse_git_source
from hedgehog.services.transfer.others import about_others, without_others
from hedgehog.store import objects
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.plans import StoredPlan, load_plan, save_plan

_MOST_DIFFERENCES = 20


def change_of_documents(
    documents: Iterable[yaml.Document], deletes: Iterable[ObjectRef], *, namespace: str, upstream: Upstream = NEWEST
) -> DesiredChange:
    """The change that stores the objects of *documents* and removes *deletes*; *namespace* is the fabric's default, and
    *upstream* its release.

    Raises InvalidInput with every problem found, a line each: also for our configuration documents, which a plan cannot
    show, and for an object that is to be both stored and removed.
    """
    items = [item for document in documents for item in intake.items(document)]
    settings = [one for one in items if configuration.is_configuration(one.manifest)]
    accepted, problems = accept_all(without_others(items), namespace=namespace, upstream=upstream)
    problems += about_others(items, namespace=namespace)[1]
    problems += [
        f"{one.place()}: a plan is about objects; import the settings of a fabric or repository with "
        "`hedgehog fabric import --dry-run` first"
        for one in settings
    ]
    gone = set(deletes)
    problems += [f"{one.ref} is both in the files and to be deleted; choose one" for one in accepted if one.ref in gone]
    raise_problems(problems)
    return DesiredChange(tuple(one.manifest for one in accepted), tuple(sorted(gone)))


def plan_completed(
    connection: Connection, fabric: Fabric, change: DesiredChange, mode: HydrationMode
) -> tuple[ChangePlan, DesiredChange]:
    """The plan of *change* with the addresses and ASNs that its objects leave out, and that change.

    They are assigned as *mode* says; a warning of the plan says how many, or why that is impossible.
    """
    full, found = complete_change(connection, fabric, change, mode)
    plan = plan_change(connection, fabric, full)
    first, *others = plan.parts
    first = replace(first, warnings=(*first.warnings, *found.notes, *found.problems))
    return replace(plan, parts=(first, *others)), full


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What became of a plan: the objects that were stored, or the outcomes of the syncs."""

    plan: ChangePlan
    objects: ChangeSet | None = None
    outcomes: tuple[Outcome, ...] = ()
    proposal: Proposal | None = None
    """As what it waits, where the change needs approval: nothing is stored yet."""


def keep_plan(
    connection: Connection, fabric: Fabric, plan: ChangePlan, change: DesiredChange | None, *, actor: str
) -> None:
    """Keep a plan that somebody was shown, so that it can be carried out by its id."""
    with transaction(connection) as cursor:
        save_plan(cursor, fabric.id, plan, change, actor=actor)


def carry_out(
    connection: Connection, plan_id: str, *, origin: Origin, run_id: str, dependencies: SyncDependencies
) -> CarriedOut:
    """Do what the plan says on behalf of *origin*, if the same plan would be made now; a change of objects is stored, a sync is run.

    Raises Superseded with the differences if the generation, the fabric's directory in Git, or anything that the plan
    says has changed since; InvalidInput for a merge, which is done at the Git host, and for a plan that has refusals;
    NotFound for an unknown plan.
    """
    stored = load_plan(connection, plan_id)
    _refuse_unusable(stored.plan)
    if stored.plan.kind is PlanKind.SYNC:
        return _sync(connection, stored.plan, origin, dependencies, run_id)
    return _store(connection, stored, origin)


def carry_out_change(connection: Connection, plan_id: str, *, origin: Origin) -> CarriedOut:
    """The same for the plan of a change alone: asks neither Git nor a cluster. Raises InvalidInput for other plans, too."""
    stored = load_plan(connection, plan_id)
    _refuse_unusable(stored.plan)
    if stored.plan.kind is not PlanKind.CHANGE:
        raise InvalidInput(f"plan {plan_id} is a sync of fabric {stored.plan.fabric}; sync the fabric instead")
    return _store(connection, stored, origin)


def _refuse_unusable(plan: ChangePlan) -> None:
    if plan.kind is PlanKind.MERGE:
        raise InvalidInput(f"plan {plan.id} is the merge of branch {plan.branch}: merge it at its Git host")
    if plan.refused:
        one = plan.refused[0]
        raise InvalidInput(
            f"plan {plan.id} cannot be carried out: {one.subject}: {one.reason}; correct that, then plan again"
        )
    unverified = next((part.unverified for part in plan.parts if part.unverified), "")
    if unverified:
        raise InvalidInput(f"plan {plan.id} cannot be carried out: {unverified}; plan again")


def refuse_superseded_plan(stored: ChangePlan, now: ChangePlan, make_again: str) -> None:
    """Raise Superseded, with the differences, unless the plan *stored* is the one that would be made *now*."""
    differences = plan_differences(stored, now)
    if differences:
        lines = first_lines(differences, _MOST_DIFFERENCES)
        raise Superseded("\n".join([f"plan {stored.id} no longer holds; nothing was written. {make_again}", *lines]))


def _deed(plan: ChangePlan, origin: Origin) -> Deed:
    subjects = [str(change.ref) for change in plan.changes]
    return Deed.of(origin, action="apply", fabrics=[plan.fabric], subjects=subjects)


def _store(connection: Connection, stored: StoredPlan, origin: Origin) -> CarriedOut:
    """Store the change of a plan, in one transaction that nobody else's change of the fabric can come into."""
    plan, change = stored.plan, stored.change or DesiredChange()
    with transaction(connection) as cursor:
        objects.lock_objects(cursor, load_fabric(connection, plan.fabric).id)
        fabric = load_fabric(connection, plan.fabric)
        refuse_git_source(fabric)
        refuse_superseded_plan(plan, plan_change(connection, fabric, change), "Plan the change again")
        proposal = propose_if_needed(connection, fabric, change, origin)
        if proposal is not None:
            return CarriedOut(plan, proposal=proposal)
        changes = store_change(connection, fabric, change, origin=origin)
        record_action(cursor, _deed(plan, origin))
    return CarriedOut(plan, changes)


def _sync(
    connection: Connection, plan: ChangePlan, origin: Origin, dependencies: SyncDependencies, run_id: str
) -> CarriedOut:
    """Run the syncs of a plan: Git, and then the cluster, unless Git failed."""
    fabric = load_fabric(connection, plan.fabric)
    again = f"Plan again with `hedgehog plan {plan.fabric}`"
    refuse_superseded_plan(plan, plan_next_sync(connection, fabric, dependencies), again)
    with transaction(connection) as cursor:
        record_action(cursor, _deed(plan, origin))
    names, planned_from = [plan.fabric], {plan.fabric: plan.generation}
    places = {part.place for part in plan.parts}
    outcomes: list[Outcome] = []
    if PlanPlace.GIT in places:
        outcomes += git_sync.sync(
            connection,
            names,
            open_mirror=dependencies.open_mirror,
            requests=dependencies.requests,
            run_id=run_id,
            wake_kubernetes=PlanPlace.KUBERNETES not in places,
            planned_from=planned_from,
        )
    failed = any(one.status is OutcomeStatus.ERROR for one in outcomes)
    if PlanPlace.KUBERNETES in places and not failed:
        # After a sync to Git, the cluster gets what that one has published.
        outcomes += kubernetes_sync.sync(
            connection,
            names,
            open_cluster=dependencies.open_cluster,
            run_id=run_id,
            planned_from=None if outcomes else planned_from,
        )
    return CarriedOut(plan, outcomes=tuple(outcomes))
