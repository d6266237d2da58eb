"""Plans of changes of fabrics that follow Git: checked and kept where nothing but the fabric database is at hand, and
committed later, where Git can be reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.errors import InvalidInput
from hedgehog.fabric.change_plan import ChangePlan, PlanKind
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric, ObjectRef, SourceOfTruth
from hedgehog.fabric.origin import Origin
from hedgehog.services.plans.change import plan_change
from hedgehog.services.steer.git_change import GitAccess, GitChange
from hedgehog.services.steer.git_edits import commit_change
from hedgehog.services.steer.git_rollback import roll_back_in_git
from hedgehog.services.steer.plans import keep_plan, refuse_superseded_plan
from hedgehog.services.steer.rollback import refuse_refused
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.plans import load_plan


@dataclass(frozen=True, slots=True)
class CommittedPlan:
    """A plan, and where its change is in Git."""

    fabric: Fabric
    plan: ChangePlan
    git: GitChange


def follows_git(connection: Connection, name: str) -> bool:
    """Whether a fabric is changed by commits. Raises NotFound for an unknown one."""
    return load_fabric(connection, name).source_of_truth is SourceOfTruth.GIT


def plan_for_git(
    connection: Connection, fabric: Fabric, change: DesiredChange, *, actor: str, allow_invalid: bool
) -> ChangePlan:
    """The plan of a change, kept so that it can be committed by its id. Raises InvalidInput for what a cluster would
    refuse, unless *allow_invalid*.
    """
    plan = plan_change(connection, fabric, change)
    refuse_refused(plan, allow_invalid=allow_invalid)
    keep_plan(connection, fabric, plan, change, actor=actor)
    return plan


def check_plan_for_git(
    connection: Connection, plan_id: str, *, allow_invalid: bool
) -> tuple[Fabric, ChangePlan, DesiredChange]:
    """The kept plan of a change that could be committed now, with its fabric and its change.

    Raises NotFound for an unknown plan, Superseded if it would be another one now, InvalidInput for the plan of a sync or
    a merge, for one with refusals, unless *allow_invalid*, and for a fabric whose source of truth is the database.
    """
    stored = load_plan(connection, plan_id)
    fabric = load_fabric(connection, stored.plan.fabric)
    if stored.plan.kind is not PlanKind.CHANGE or stored.change is None:
        raise InvalidInput(
            f"plan {plan_id} is a {stored.plan.kind}, not a change of objects; only a change is committed"
        )
    if fabric.source_of_truth is not SourceOfTruth.GIT:
        raise InvalidInput(
            f"{fabric.name}: its source of truth is the database; carry the plan out with `hedgehog apply {plan_id}`"
        )
    refuse_superseded_plan(stored.plan, plan_change(connection, fabric, stored.change), "Plan the change again")
    refuse_refused(stored.plan, allow_invalid=allow_invalid)
    return fabric, stored.plan, stored.change


def commit_plan(
    connection: Connection,
    plan_id: str,
    *,
    origin: Origin,
    git: GitAccess,
    rollback_to: int | None = None,
    allow_invalid: bool = False,
) -> CommittedPlan:
    """Commit the change of a kept plan to the branch of its fabric, on behalf of *origin*; a pull request where that is
    protected, and nothing where Git has it already.

    With *rollback_to*, the change is the rollback of these objects to that generation, with their files as they were.
    Raises as `check_plan_for_git` and `change_files`.
    """
    fabric, plan, change = check_plan_for_git(connection, plan_id, allow_invalid=allow_invalid)
    if rollback_to is not None:
        refs = [*map(ObjectRef.of, change.upserts), *change.deletes]
        done = roll_back_in_git(
            connection,
            fabric.name,
            str(rollback_to),
            refs=refs,
            origin=origin,
            now=git.now,
            open_mirror=git.open_mirror,
            open_host=git.open_host,
            allow_invalid=allow_invalid,
        )
        return CommittedPlan(fabric, plan, done.git)
    found = commit_change(connection, fabric, change, origin=origin, git=git)
    if found.commit is not None:
        subjects = [str(one.ref) for one in plan.changes]
        with transaction(connection) as cursor:
            record_action(cursor, Deed.of(origin, action="apply", fabrics=[fabric.name], subjects=subjects))
    return CommittedPlan(fabric, plan, found)
