"""Actions: each is a POST, needs the permission to trigger the DAGs that do such work, and is recorded with its user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request

from hedgehog.airflow.web.access import (
    ACTIONS,
    ADOPTION,
    GIT_SYNC,
    KUBERNETES_SYNC,
    REPOSITORY_CHANGES,
    PermissionFirst,
    User,
    permission_to,
)
from hedgehog.airflow.web.models.actions import (
    Changed,
    ChangedItem,
    ClusterSyncBody,
    DecisionBody,
    DeleteBody,
    DiscardBody,
    DryRunBody,
    EditBody,
    LettersBody,
    PullBody,
    ResumeBody,
    RunStarted,
    SuspendBody,
    SyncBody,
    ValidateBody,
    ValidationAnswer,
)
from hedgehog.airflow.web.routes.git_commits import start_commit
from hedgehog.airflow.web.routes.parameters import Database, WritableDatabase
from hedgehog.airflow.web.runs import start
from hedgehog.fabric.changes import Action
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Target
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import Proposal
from hedgehog.services.browse.checking import check_text
from hedgehog.services.browse.drift import CLUSTER, GIT
from hedgehog.services.plans.approval import why_it_waits
from hedgehog.services.steer.decisions import choose, refuse_both_places, revert_chosen
from hedgehog.services.steer.deletions import Deletion, refuse_needed, remove_objects
from hedgehog.services.steer.edits import edit_object
from hedgehog.services.steer.git_edits import plan_edit, plan_git_deletion
from hedgehog.services.steer.git_plans import follows_git, plan_for_git
from hedgehog.services.steer.letters import discard_letters, replay_letters
from hedgehog.services.steer.suspension import resume_fabrics, suspend_fabrics
from hedgehog.services.steer.syncing import refuse_not_followed, refuse_not_synced
from hedgehog.services.upkeep.dead_letters import WAITS, select
from hedgehog.store.actions import Deed
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric

router = APIRouter(prefix="/actions", tags=["actions"], route_class=PermissionFirst)

Route = TypeVar("Route", bound=Callable[..., Any])


def action(name: str) -> Callable[[Route], Route]:
    """A route for the action *name*, with its permissions, which the table in docs/api.md is made from."""
    return router.post(f"/{name}", dependencies=permission_to(name), openapi_extra={"x-triggers": list(ACTIONS[name])})


@action("sync-git")
def sync_git(request: Request, user: User, database: WritableDatabase, body: SyncBody) -> RunStarted:
    """Publish fabrics to Git now, from where their clusters follow: a run of hedgehog_git_sync."""
    refuse_not_synced(database, Target.GIT, body.fabrics)
    deed = Deed(actor=user.get_name(), action="sync-git", fabrics=body.fabrics)
    return start(request, database, deed, GIT_SYNC, {"fabrics": body.fabrics, "force": body.force})


@action("sync-cluster")
def sync_cluster(request: Request, user: User, database: WritableDatabase, body: ClusterSyncBody) -> RunStarted:
    """Apply to the clusters now what is published: a run of hedgehog_kubernetes_sync."""
    refuse_not_synced(database, Target.KUBERNETES, body.fabrics)
    deed = Deed(actor=user.get_name(), action="sync-cluster", fabrics=body.fabrics)
    conf = {"fabrics": body.fabrics, "force": body.force, "allow_large_prune": body.allow_large_prune}
    return start(request, database, deed, KUBERNETES_SYNC, conf)


@action("pull")
def pull(request: Request, user: User, database: WritableDatabase, body: PullBody) -> RunStarted:
    """Read the repositories of fabrics whose source of truth is Git now: a run of hedgehog_repository_changes."""
    refuse_not_followed(database, body.fabrics)
    deed = Deed(actor=user.get_name(), action="pull", fabrics=body.fabrics)
    return start(request, database, deed, REPOSITORY_CHANGES, {"fabrics": body.fabrics})


@action("dry-run-git")
def dry_run_git(request: Request, user: User, database: WritableDatabase, body: DryRunBody) -> RunStarted:
    """Find out what the next sync to Git would do: a dry run of hedgehog_git_sync; see `/fabrics/{fabric}/dry-runs`."""
    refuse_not_synced(database, Target.GIT, [body.fabric])
    deed = Deed(actor=user.get_name(), action="dry-run-git", fabrics=[body.fabric])
    return start(request, database, deed, GIT_SYNC, {"fabrics": [body.fabric], "dry_run": True})


@action("dry-run-cluster")
def dry_run_cluster(request: Request, user: User, database: WritableDatabase, body: DryRunBody) -> RunStarted:
    """Find out what the next sync to the cluster would do: a dry run of hedgehog_kubernetes_sync."""
    refuse_not_synced(database, Target.KUBERNETES, [body.fabric])
    deed = Deed(actor=user.get_name(), action="dry-run-cluster", fabrics=[body.fabric])
    return start(request, database, deed, KUBERNETES_SYNC, {"fabrics": [body.fabric], "dry_run": True})


@action("suspend")
def suspend(user: User, database: WritableDatabase, body: SuspendBody) -> Changed:
    """Leave fabrics alone: nothing is written to Git or to a cluster until they are resumed."""
    actor = user.get_name()
    names = suspend_fabrics(
        database, body.fabrics, reason=body.reason, until=body.until, now=datetime.now(UTC), actor=actor
    )
    return changed("suspend", actor, ((name, "suspended", "") for name in names))


@action("resume")
def resume(user: User, database: WritableDatabase, body: ResumeBody) -> Changed:
    """Take suspended fabrics up again, at once."""
    actor = user.get_name()
    resumed = resume_fabrics(database, body.fabrics, actor=actor)
    return changed("resume", actor, ((name, "resumed" if done else "unchanged", "") for name, done in resumed.items()))


@action("adopt-git")
def adopt_git(request: Request, user: User, database: WritableDatabase, body: DecisionBody) -> RunStarted:
    """Take into the fabric what people wrote in Git, all of it or nothing: a run of hedgehog_adoption."""
    return _adopt(request, user, database, body, GIT)


@action("adopt-cluster")
def adopt_cluster(request: Request, user: User, database: WritableDatabase, body: DecisionBody) -> RunStarted:
    """Take objects into the fabric as they are in the cluster, all of them or none: a run of hedgehog_adoption."""
    return _adopt(request, user, database, body, CLUSTER)


def _adopt(request: Request, user: User, database: Connection, body: DecisionBody, place: str) -> RunStarted:
    refuse_both_places(choose(database, body.fabric, body.objects, place))
    deed = Deed(
        actor=user.get_name(),
        action="adopt-git" if place == GIT else "adopt-cluster",
        fabrics=[body.fabric],
        subjects=body.objects,
    )
    conf = {"fabric": body.fabric, "objects": body.objects, "place": place}
    return start(request, database, deed, ADOPTION, conf)


@action("revert-git")
def revert_git(user: User, database: WritableDatabase, body: DecisionBody) -> Changed:
    """Have the next sync overwrite what people wrote in Git."""
    return _revert("revert-git", user, database, body, GIT)


@action("revert-cluster")
def revert_cluster(user: User, database: WritableDatabase, body: DecisionBody) -> Changed:
    """Have the next sync write objects as the fabric wants them, no matter who changed them."""
    return _revert("revert-cluster", user, database, body, CLUSTER)


def _revert(word: str, user: User, database: Connection, body: DecisionBody, place: str) -> Changed:
    actor = user.get_name()
    done = revert_chosen(database, choose(database, body.fabric, body.objects, place), actor=actor)
    return changed(word, actor, ((one, "reverted", "") for one in (*done.paths, *map(str, done.refs))))


@action("replay")
def replay(user: User, database: WritableDatabase, body: LettersBody) -> Changed:
    """Make work that was given up due again, at once and with all its attempts."""
    actor = user.get_name()
    selection = select(database, ids=body.ids, fabrics=body.fabrics, target=body.target)
    done = replay_letters(database, selection, actor=actor)
    replayed = [(str(one.id), "replayed", "") for one in done.replayed]
    return changed("replay", actor, [*replayed, *((str(one.id), "left", WAITS) for one in done.left)])


@action("discard")
def discard(user: User, database: WritableDatabase, body: DiscardBody) -> Changed:
    """Take work that was given up off the list; its fabric stays parked until it changes or is synced by name."""
    actor = user.get_name()
    selection = select(database, ids=body.ids, fabrics=body.fabrics, target=body.target)
    done = discard_letters(database, selection, reason=body.reason, actor=actor)
    return changed("discard", actor, ((str(one.id), "discarded", "") for one in done))


@action("validate")
def validate(database: Database, body: ValidateBody) -> ValidationAnswer:
    """Check a text as a cluster would. Nothing is stored."""
    report = check_text(database, body.text, fabric=body.fabric, strict=body.strict, upstream=body.upstream)
    return ValidationAnswer.model_validate({"valid": report.valid, **report.as_dict()})


@action("edit")
def edit(request: Request, user: User, database: WritableDatabase, body: EditBody) -> Changed:
    """Store one object, validated beside the others of its fabric; Git and the cluster follow. Where Git is the source of
    truth, a run of hedgehog_git_change commits it there.
    """
    actor = user.get_name()
    if follows_git(database, body.fabric):
        return _edit_in_git(request, actor, database, body)
    done = edit_object(
        database,
        body.fabric,
        body.text,
        digest=body.digest,
        origin=Origin(who=actor, via=Via.API, why=body.reason),
        dry_run=body.dry_run,
        allow_invalid=body.allow_invalid,
    )
    item = (str(done.ref), done.action.value, "")
    return changed("edit", actor, [item], notes=done.notes, dry_run=body.dry_run, proposal=done.proposal)


def _edit_in_git(request: Request, actor: str, database: Connection, body: EditBody) -> Changed:
    fabric = load_fabric(database, body.fabric)
    found, change = plan_edit(database, fabric, body.text, digest=body.digest)
    plan = plan_for_git(database, fabric, change, actor=actor, allow_invalid=body.allow_invalid)
    run = None
    if found.action is not Action.UNCHANGED and not body.dry_run:
        deed = Deed(actor=actor, action="edit", fabrics=[fabric.name], subjects=[str(found.ref)], reason=body.reason)
        run = start_commit(request, database, deed, plan.id, allow_invalid=body.allow_invalid)
    item = (str(found.ref), found.action.value, "")
    return changed("edit", actor, [item], notes=found.notes, dry_run=body.dry_run, run=run)


@action("delete")
def delete(request: Request, user: User, database: WritableDatabase, body: DeleteBody) -> Changed:
    """Remove objects from a fabric, all of them or none; Git and the cluster follow. Where Git is the source of truth, a
    run of hedgehog_git_change removes them there.
    """
    actor = user.get_name()
    run = None
    if follows_git(database, body.fabric):
        done, run = _delete_in_git(request, actor, database, body)
    else:
        done = remove_objects(
            database,
            body.fabric,
            body.objects,
            origin=Origin(who=actor, via=Via.API, why=body.reason),
            dry_run=body.dry_run,
            allow_invalid=body.allow_invalid,
        )
    changes = [(str(ref), Action.DELETED.value, done.refusals.get(ref, "")) for ref in done.refs]
    users = sorted((str(one), str(ref)) for ref, refs in done.needed_by.items() for one in refs)
    notes = [f"{one} refers to {ref}" for one, ref in users]
    return changed("delete", actor, changes, notes=notes, dry_run=body.dry_run, proposal=done.proposal, run=run)


def _delete_in_git(
    request: Request, actor: str, database: Connection, body: DeleteBody
) -> tuple[Deletion, RunStarted | None]:
    fabric = load_fabric(database, body.fabric)
    found = plan_git_deletion(database, fabric, body.objects, dry_run=body.dry_run)
    if body.dry_run:
        return found, None
    refuse_needed(found, allow_invalid=body.allow_invalid)
    change = DesiredChange(deletes=found.refs)
    plan = plan_for_git(database, fabric, change, actor=actor, allow_invalid=body.allow_invalid)
    subjects = [str(ref) for ref in found.refs]
    deed = Deed(actor=actor, action="delete", fabrics=[fabric.name], subjects=subjects, reason=body.reason)
    return found, start_commit(request, database, deed, plan.id, allow_invalid=body.allow_invalid)


def changed(
    word: str,
    actor: str,
    changes: Iterable[tuple[str, str, str]],
    *,
    notes: Sequence[str] = (),
    dry_run: bool = False,
    proposal: Proposal | None = None,
    run: RunStarted | None = None,
) -> Changed:
    """The answer of an action that changed something in the database: what, to what, and a note.

    A *proposal* is a change that waits for approval instead, and a *run* does what is done in Git.
    """
    items = [ChangedItem(subject=subject, action=what, note=note) for subject, what, note in changes]
    waits = [why_it_waits(proposal)] if proposal is not None else []
    return Changed(
        action=word,
        actor=actor,
        dry_run=dry_run,
        changes=items,
        proposal=proposal.id if proposal is not None else None,
        run=run,
        notes=[*waits, *notes],
    )
