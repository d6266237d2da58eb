"""Plans: made from a change that somebody thinks of, read, and carried out exactly as they were shown; rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request

from hedgehog.airflow.web.access import User
from hedgehog.airflow.web.models.actions import Changed
from hedgehog.airflow.web.models.plans import ApplyBody, ChangePlan, PlanBody, RollbackBody, RolledBack
from hedgehog.airflow.web.routes.actions import action, changed
from hedgehog.airflow.web.routes.git_commits import start_commit
from hedgehog.airflow.web.routes.parameters import Database, WritableDatabase, parsed_ref
from hedgehog.fabric.changes import ChangeSet
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.settings import release_of
from hedgehog.manifests import yaml
from hedgehog.services.browse.naming import named_objects
from hedgehog.services.steer.git_plans import check_plan_for_git, follows_git, plan_for_git
from hedgehog.services.steer.git_rollback import plan_git_rollback, refuse_without_git
from hedgehog.services.steer.plans import carry_out_change, change_of_documents, keep_plan, plan_completed
from hedgehog.services.steer.rollback import deed_of, roll_back
from hedgehog.store.actions import Deed
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.plans import load_plan

router = APIRouter(tags=["plans"])

_FILE = "text"
"""What messages call the text."""


@router.get("/plans/{plan}")
def get_plan(
    database: Database, plan: Annotated[str, Path(max_length=64, description="The id of a plan.")]
) -> ChangePlan:
    """A plan that somebody was shown: of a change, of a sync or of a merge."""
    return ChangePlan.model_validate(load_plan(database, plan).plan.as_dict())


@action("plan")
def plan_objects(user: User, database: WritableDatabase, body: PlanBody) -> ChangePlan:
    """Say what storing and removing objects would do to a fabric, and what that concerns; only the plan is kept."""
    fabric = load_fabric(database, body.fabric)
    documents = yaml.load(body.text.encode(), file=_FILE)
    gone = [one.ref for one in named_objects(database, fabric, body.deletes)]
    change = change_of_documents(
        documents, gone, namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings)
    )
    found, change = plan_completed(database, fabric, change, HydrationMode.MISSING)
    keep_plan(database, fabric, found, change, actor=user.get_name())
    return ChangePlan.model_validate(found.as_dict())


@action("apply")
def apply_plan(request: Request, user: User, database: WritableDatabase, body: ApplyBody) -> Changed:
    """Store what the plan of a change says, if the very same plan would be made now; Git and the cluster follow. Where Git
    is the source of truth, a run of hedgehog_git_change commits it there.
    """
    actor = user.get_name()
    if follows_git(database, load_plan(database, body.plan).plan.fabric):
        fabric, plan, _ = check_plan_for_git(database, body.plan, allow_invalid=False)
        subjects = [str(one.ref) for one in plan.changes]
        deed = Deed(actor=actor, action="apply", fabrics=[fabric.name], subjects=subjects, reason=body.reason)
        run = start_commit(request, database, deed, plan.id)
        return changed("apply", actor, ((str(one.ref), one.action.value, "") for one in plan.changes), run=run)
    done = carry_out_change(database, body.plan, origin=Origin(who=actor, via=Via.API, why=body.reason))
    stored = done.objects or ChangeSet()
    changes = ((str(one.ref), one.action.value, one.reason) for one in stored.writes)
    return changed("apply", actor, changes, proposal=done.proposal)


@action("rollback")
def rollback(request: Request, user: User, database: WritableDatabase, body: RollbackBody) -> RolledBack:
    """Make a fabric, or some of its objects, again what it was: a new change with the old content. Where Git is the source
    of truth, a run of hedgehog_git_change commits it there.
    """
    actor = user.get_name()
    refs = [parsed_ref(one) for one in body.objects]
    if follows_git(database, body.fabric):
        return _roll_back_in_git(request, actor, database, body, refs)
    done = roll_back(
        database,
        body.fabric,
        body.to,
        refs=refs,
        origin=Origin(who=actor, via=Via.API, why=body.reason),
        now=datetime.now(UTC),
        dry_run=body.dry_run,
        allow_invalid=body.allow_invalid,
        without_git=body.without_git,
    )
    return RolledBack.model_validate({**done.as_dict(), "proposal": done.proposal.id if done.proposal else None})


def _roll_back_in_git(
    request: Request, actor: str, database: Connection, body: RollbackBody, refs: Sequence[ObjectRef]
) -> RolledBack:
    refuse_without_git(body.fabric, without_git=body.without_git)
    fabric = load_fabric(database, body.fabric)
    now = datetime.now(UTC)
    step, found = plan_git_rollback(database, fabric, body.to, refs, now=now, dry_run=body.dry_run)
    run = None
    if not body.dry_run and not found.is_empty:
        plan = plan_for_git(database, fabric, step.change, actor=actor, allow_invalid=body.allow_invalid)
        deed = deed_of(step, Origin(who=actor, via=Via.API, why=body.reason))
        run = start_commit(
            request, database, deed, plan.id, rollback_to=step.to.generation, allow_invalid=body.allow_invalid
        )
    return RolledBack.model_validate({**found.as_dict(), "proposal": None, "run": run})
