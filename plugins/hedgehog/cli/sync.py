"""`hedgehog sync …`: a manual run, without Airflow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command, add_group
from hedgehog.cli.output import Screen, cell, note, progress, screen, show, table
from hedgehog.cli.selection import add_selection, chosen_fabrics
from hedgehog.cli.session import fabric_database, run_id, user
from hedgehog.cli.status import shown_revision
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.shown import counted
from hedgehog.services.claims import suspension
from hedgehog.services.waits import WindowOverride, waits
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabrics

if TYPE_CHECKING:
    from hedgehog.services.repository.changes import RepositoryOutcome

_OUTCOME_COLUMNS = ("fabric", "status", "created", "configured", "deleted", "unchanged", "failed", "revision", "reason")


def add_commands(commands: Any) -> None:
    """Add `sync` and `pull`."""
    _add_pull(commands)
    group = add_group(commands, "sync", summary="sync fabrics to a target now, in this process, without Airflow")
    for target, run, what in (
        (Target.GIT, _sync_git, "publish fabrics to Git"),
        (Target.KUBERNETES, _sync_kubernetes, "apply what is published to the clusters"),
    ):
        parser = add_command(
            group,
            target.value,
            run,
            summary=f"{what}; exit status 1 when one fails",
            examples=f"hedgehog sync {target} gen --dry-run\nhedgehog sync {target}        # all that are due",
        )
        add_selection(parser, default="all that are due")
        parser.add_argument(
            "--force", action="store_true", help="compare everything again; without names: of all enabled fabrics"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be written; write nothing")
        parser.add_argument(
            "--override-window",
            metavar="REASON",
            help="write although no change window is open; the reason is recorded",
        )
        if target is Target.KUBERNETES:
            parser.add_argument(
                "--allow-large-prune", action="store_true", help="delete more than the thresholds allow"
            )


def _add_pull(commands: Any) -> None:
    parser = add_command(
        commands,
        "pull",
        _pull,
        summary="read repositories now and take over what was pushed, without Airflow; exit status 1 when one fails",
        examples="hedgehog pull            # all that a fabric follows\nhedgehog pull acme/net --force",
    )
    parser.add_argument(
        "repositories", nargs="*", metavar="REPOSITORY", help="its name, URL or owner/name; default: all"
    )
    parser.add_argument("--force", action="store_true", help="compare every file even if no branch moved")


def _pull(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_host, open_mirror
    from hedgehog.services.repository import changes as repository_changes
    from hedgehog.services.repository import plan as repository_plan

    with fabric_database(arguments) as connection:
        asked = arguments.repositories or [""]
        batches = [batch for one in asked for batch in repository_plan.plan(connection, repository=one, at_once=True)]
        names = list(dict.fromkeys(_names(batches)))
        with progress(arguments, f"reading {len(names)} repositories"):
            found = repository_changes.follow(
                connection,
                names,
                open_mirror=open_mirror,
                open_host=open_host,
                run_id=run_id(),
                force=arguments.force,
                at_once=True,
            )
    show(arguments, [one.as_dict() for one in found], lambda: _pull_text(found, screen(arguments)))
    return 1 if any(one.failed for one in found) else 0


def _pull_text(found: Sequence[RepositoryOutcome], screen: Screen) -> str:
    columns = ("repository", "revision", "moved", "fabrics taken over", "fabrics due at Git", "error")
    rows = [
        (
            one.repository,
            shown_revision(one.revision),
            "yes" if one.moved else "no",
            len(one.outcomes),
            ", ".join(one.woken) or None,
            str(one.error) if one.error else None,
        )
        for one in found
    ]
    outcomes = [outcome for one in found for outcome in one.outcomes]
    lines = [table(columns, rows, nothing="no fabric follows a repository", screen=screen)]
    lines += [cell(line) for one in found for line in one.requests.failed]
    return "\n".join([*lines, *(["", outcome_text(outcomes, details=False, screen=screen)] if outcomes else [])])


def _sync_git(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_host, open_mirror
    from hedgehog.services.git import sync as git_sync
    from hedgehog.services.plans.publication import request_access

    override = _override(arguments)
    with fabric_database(arguments) as connection:
        names = _names(git_sync.plan(connection, fabrics=chosen_fabrics(arguments, connection), force=arguments.force))
        with progress(arguments, f"syncing {counted(len(names), 'fabric')} to Git"):
            outcomes = git_sync.sync(
                connection,
                names,
                open_mirror=open_mirror,
                requests=request_access(open_host),
                run_id=run_id(),
                force=arguments.force,
                dry_run=arguments.dry_run,
                override=override,
            )
        _note_skipped(arguments, connection, names)
    return _show_outcomes(arguments, outcomes)


def _sync_kubernetes(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_cluster
    from hedgehog.services.kubernetes import sync as kubernetes_sync

    override = _override(arguments)
    with fabric_database(arguments) as connection:
        chosen = chosen_fabrics(arguments, connection)
        names = _names(kubernetes_sync.plan(connection, fabrics=chosen, force=arguments.force))
        with progress(arguments, f"syncing {counted(len(names), 'fabric')} to their clusters"):
            outcomes = kubernetes_sync.sync(
                connection,
                names,
                open_cluster=open_cluster,
                run_id=run_id(),
                dry_run=arguments.dry_run,
                allow_large_prune=arguments.allow_large_prune,
                override=override,
            )
        _note_skipped(arguments, connection, names)
    return _show_outcomes(arguments, outcomes)


def _override(arguments: argparse.Namespace) -> WindowOverride | None:
    if arguments.override_window is None:
        return None
    if not arguments.override_window.strip() or not (arguments.fabrics or arguments.select):
        arguments.parser.error("--override-window needs a reason, and fabrics by name or with --select")
    return WindowOverride(arguments.override_window, user())


def _note_skipped(arguments: argparse.Namespace, connection: Connection, names: Sequence[str]) -> None:
    """Note which fabrics a sync skips, which a dry run includes, and why."""
    if not arguments.dry_run:
        return
    now = datetime.now(UTC)
    waiting = waits(connection, names, now=now)
    for fabric in load_fabrics(connection, names):
        if why := suspension(fabric, now):
            note(f"{fabric.name} is {why}; a sync skips it until it is resumed")
        elif fabric.name in waiting:
            note(f"{fabric.name}: a sync waits: {waiting[fabric.name].reason}")


def _names(batches: Sequence[Sequence[str]]) -> list[str]:
    return [name for batch in batches for name in batch]


def _show_outcomes(arguments: argparse.Namespace, outcomes: Sequence[Outcome]) -> int:
    data = [outcome.as_dict() | {"details": list(outcome.details)} for outcome in outcomes]
    details = arguments.verbose or arguments.dry_run
    show(arguments, data, lambda: outcome_text(outcomes, details=details, screen=screen(arguments)))
    return 1 if any(outcome.status is OutcomeStatus.ERROR for outcome in outcomes) else 0


def outcome_text(outcomes: Sequence[Outcome], *, details: bool, screen: Screen) -> str:
    """How syncs ended: a line for each; *details* adds what each of them did."""
    rows = [
        (
            outcome.fabric,
            outcome.status.value,
            *(outcome.counts.get(name, 0) for name in _OUTCOME_COLUMNS[2:7]),
            shown_revision(outcome.revision),
            outcome.reason,
        )
        for outcome in outcomes
    ]
    lines = [table(_OUTCOME_COLUMNS, rows, nothing="no fabric is due", screen=screen)]
    for outcome in outcomes:
        shown = outcome.details if details or outcome.status in (OutcomeStatus.ERROR, OutcomeStatus.HELD) else ()
        lines += [f"\n{outcome.fabric}:", *(f"  {cell(line)}" for line in shown)] if shown else []
    if any(outcome.dry_run for outcome in outcomes):
        lines.append("\ndry run: nothing was written")
    return "\n".join(lines)
