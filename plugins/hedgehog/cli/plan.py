"""`hedgehog plan` and `hedgehog apply`: what would happen to a fabric, and exactly that."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command, add_reason
from hedgehog.cli.git_change import git_access, git_change_lines
from hedgehog.cli.output import progress, say, screen, show
from hedgehog.cli.proposals import note_proposal
from hedgehog.cli.session import fabric_database, origin, run_id, user
from hedgehog.cli.sync import outcome_text
from hedgehog.errors import InvalidInput
from hedgehog.fabric.change_plan import ChangePlan, PlanKind
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.settings import release_of
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric

if TYPE_CHECKING:
    from hedgehog.services.plans.next_sync import SyncDependencies
    from hedgehog.services.steer.git_change import GitAccess
    from hedgehog.services.steer.plans import CarriedOut


def add_commands(commands: Any) -> None:
    """Add `plan` and `apply`."""
    parser = add_command(
        commands,
        "plan",
        _plan,
        summary="show what a change, the next sync or a merge would do to a fabric, and what it concerns; changes nothing; "
        "exit status 1 if something is refused or cannot be planned",
        examples="""
        hedgehog plan gen                                      # what the next sync writes to Git and to the cluster
        hedgehog plan gen vpcs/prod.yaml --delete VPC/default/lab
        hedgehog plan gen --branch add-vpc                     # what merging that branch would do
        hedgehog apply 3f2a90c1d4e5b678                        # do what that plan says, if it still holds
        """,
    )
    parser.add_argument("fabric", metavar="FABRIC")
    parser.add_argument(
        "paths", nargs="*", metavar="FILE", help="objects that would be stored: file, directory, or - for stdin"
    )
    parser.add_argument(
        "--delete", action="append", default=[], metavar="REF", dest="deletes",
        help="an object that would be removed: Kind/namespace/name, or Kind/name where that is clear",
    )  # fmt: skip
    parser.add_argument(
        "--hydrate",
        choices=[mode.value for mode in HydrationMode],
        default=HydrationMode.MISSING.value,
        help="what `fabric import` would assign that the files leave out: missing (default), if-not-present, override, never",
    )
    parser.add_argument("--branch", metavar="BRANCH", help="a branch that would be merged into that of the fabric")
    parser.add_argument("--markdown", action="store_true", help="write Markdown, as in the comment on a pull request")
    parser = add_command(
        commands,
        "apply",
        _apply,
        summary="do what a plan says, if the very same plan would be made now; exit status 1 if not",
        examples='hedgehog apply 3f2a90c1d4e5b678 --reason "move lab to its own VLAN"',
    )
    parser.add_argument("plan", metavar="PLAN", help="the id that `hedgehog plan` shows")
    add_reason(parser)


def _plan(arguments: argparse.Namespace) -> int:
    is_change = bool(arguments.paths or arguments.deletes)
    if arguments.branch and is_change:
        arguments.parser.error("name files and objects to delete, or a branch with --branch; not both")
    if arguments.markdown and arguments.output == "json":
        arguments.parser.error("choose one of --markdown and --output json")
    with fabric_database(arguments) as connection:
        fabric = load_fabric(connection, arguments.fabric)
        change = None
        with progress(arguments, f"planning {fabric.name}"):
            if is_change:
                plan, change = _of_change(arguments, connection, fabric)
            elif arguments.branch:
                plan = _of_merge(arguments, connection, fabric)
            else:
                plan = _of_sync(connection, fabric)
        _keep(connection, fabric, plan, change)
    if arguments.markdown:
        _say_markdown(arguments, plan)
    else:
        show(arguments, plan.as_dict(), lambda: _text(arguments, plan))
    return 0 if plan.is_good else 1


def _of_change(
    arguments: argparse.Namespace, connection: Connection, fabric: Fabric
) -> tuple[ChangePlan, DesiredChange]:
    from hedgehog.services.browse.naming import named_objects
    from hedgehog.services.steer.plans import change_of_documents, plan_completed
    from hedgehog.services.transfer import load, local_files

    stdin = sys.stdin.buffer
    documents = load.read_documents(local_files.read_paths(arguments.paths, stdin=stdin)) if arguments.paths else []
    if arguments.paths and not documents:
        raise InvalidInput(f"{', '.join(arguments.paths)}: no YAML document was found; there is nothing to plan")
    gone = [one.ref for one in named_objects(connection, fabric, arguments.deletes)]
    change = change_of_documents(
        documents, gone, namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings)
    )
    return plan_completed(connection, fabric, change, HydrationMode(arguments.hydrate))


def _of_merge(arguments: argparse.Namespace, connection: Connection, fabric: Fabric) -> ChangePlan:
    from hedgehog.airflow.adapters.hooks import open_mirror
    from hedgehog.services.pull_requests.branch_plan import plan_merge

    return plan_merge(connection, fabric, arguments.branch, open_mirror=open_mirror)


def _of_sync(connection: Connection, fabric: Fabric) -> ChangePlan:
    from hedgehog.services.plans.next_sync import plan_next_sync

    return plan_next_sync(connection, fabric, _dependencies())


def _dependencies() -> SyncDependencies:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_host, open_mirror
    from hedgehog.services.plans.next_sync import SyncDependencies
    from hedgehog.services.plans.publication import request_access

    return SyncDependencies(open_mirror, open_cluster, requests=request_access(open_host))


def _keep(connection: Connection, fabric: Fabric, plan: ChangePlan, change: DesiredChange | None) -> None:
    from hedgehog.services.steer.plans import keep_plan

    keep_plan(connection, fabric, plan, change, actor=user())


def _say_markdown(arguments: argparse.Namespace, plan: ChangePlan) -> None:
    from hedgehog.services.plans.markdown import plan_markdown

    say(arguments, plan_markdown(plan).rstrip("\n"))


def _text(arguments: argparse.Namespace, plan: ChangePlan) -> str:
    from hedgehog.services.plans.text import plan_text

    return "\n".join([plan_text(plan, every=arguments.verbose), "", _next_step(plan)])


def _next_step(plan: ChangePlan) -> str:
    if not plan.is_good:
        return "It cannot be carried out as it is."
    if plan.is_empty:
        return "Nothing is to be done."
    if plan.kind is PlanKind.MERGE:
        return "Merge the branch at its Git host to carry it out."
    return f"To carry out exactly this: hedgehog apply {plan.id}"


def _apply(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.plans import carry_out
    from hedgehog.store.plans import load_plan

    with fabric_database(arguments) as connection:
        plan = load_plan(connection, arguments.plan).plan
        git = git_access(connection, plan.fabric) if plan.kind is PlanKind.CHANGE else None
        if git is not None:
            return _commit(arguments, connection, git)
        with progress(arguments, f"carrying out plan {arguments.plan}"):
            done = carry_out(
                connection,
                arguments.plan,
                origin=origin(arguments),
                run_id=run_id(),
                dependencies=_dependencies(),
            )
    show(arguments, _as_dict(done), lambda: _done_text(arguments, done))
    if done.proposal is not None:
        note_proposal(done.proposal)
    return 1 if any(outcome.status is OutcomeStatus.ERROR for outcome in done.outcomes) else 0


def _commit(arguments: argparse.Namespace, connection: Connection, git: GitAccess) -> int:
    """Carry out the plan of a change of a fabric whose source of truth is Git."""
    from hedgehog.services.steer.git_plans import commit_plan

    with progress(arguments, f"committing plan {arguments.plan}"):
        done = commit_plan(connection, arguments.plan, origin=origin(arguments), git=git)
    data = {
        "plan": done.plan.id,
        "fabric": done.plan.fabric,
        "changes": [{"object": str(one.ref), "action": one.action.value} for one in done.plan.changes],
        "git": done.git.as_dict(),
    }
    head = f"plan {done.plan.id} was carried out in the Git repository of {done.plan.fabric}"
    changes = (f"  {one.ref} {one.action}" for one in done.plan.changes)
    lines = [head, *changes, *git_change_lines(done.git, dry_run=False, listed=True)]
    show(arguments, data, lambda: "\n".join(lines))
    return 0


def _as_dict(done: CarriedOut) -> dict[str, Any]:
    changes = done.objects.writes if done.objects is not None else ()
    return {
        "plan": done.plan.id,
        "fabric": done.plan.fabric,
        "changes": [{"object": str(change.ref), "action": change.action.value} for change in changes],
        "proposal": done.proposal.as_dict() if done.proposal else None,
        "outcomes": [outcome.as_dict() for outcome in done.outcomes],
    }


def _done_text(arguments: argparse.Namespace, done: CarriedOut) -> str:
    if done.proposal is not None:
        return f"plan {done.plan.id} waits for approval as proposal {done.proposal.id}"
    if done.objects is None:
        return outcome_text(done.outcomes, details=True, screen=screen(arguments))
    lines = [
        f"plan {done.plan.id} was carried out: objects of {done.plan.fabric} were stored; the next sync writes them"
    ]
    return "\n".join([*lines, *(f"  {change}" for change in done.objects.writes)])
