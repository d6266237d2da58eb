"""`hedgehog status`, `hedgehog sync …`: how every fabric stands at its targets, and a run by hand without Airflow."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hedgehog.cli.arguments import add_command, add_group
from hedgehog.cli.output import age, progress, show, table, until
from hedgehog.cli.session import fabric_database
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import sync_state
from hedgehog.store.fabrics import load_fabric

_SHORT_COMMIT = 8
_SHORT_REASON = 100
_STATUS_COLUMNS = ("fabric", "target", "status", "generation", "revision", "success", "next", "reason")
_OUTCOME_COLUMNS = ("fabric", "status", "created", "configured", "deleted", "unchanged", "failed", "revision", "reason")


def add_commands(commands: Any) -> None:
    """Add `status` and `sync`."""
    parser = add_command(
        commands,
        "status",
        _status,
        summary="show how every fabric stands at Git and at its cluster",
        examples="hedgehog status\nhedgehog status gen --output json",
    )
    parser.add_argument("fabrics", nargs="*", metavar="NAME", help="default: all")
    group = add_group(commands, "sync", summary="bring fabrics to a target now, in this process, without Airflow")
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
        parser.add_argument("fabrics", nargs="*", metavar="NAME", help="default: all that are due")
        parser.add_argument("--force", action="store_true", help="compare everything anew; without names: all enabled")
        parser.add_argument("--dry-run", action="store_true", help="say what would be written, write nothing")
        if target is Target.KUBERNETES:
            parser.add_argument(
                "--allow-large-prune", action="store_true", help="delete more than the thresholds allow"
            )


def _status(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        states = sync_state.states(connection, arguments.fabrics or None)
        for name in arguments.fabrics:
            load_fabric(connection, name)  # raises NotFound with near names
    nothing = "no fabric has a sync enabled"
    show(
        arguments, [asdict(state) for state in states], lambda: state_table(states, datetime.now(UTC), nothing=nothing)
    )
    return 0


def state_table(states: Sequence[sync_state.State], now: datetime, *, nothing: str) -> str:
    """One line a fabric and target."""
    rows = [
        (
            state.fabric,
            state.target.value,
            state.status.value,
            f"{state.observed_generation}/{state.generation}",
            _short_revision(state.revision),
            age(state.last_success_at, now),
            until(state.due_at, now),
            _short(state.reason),
        )
        for state in states
    ]
    return table(_STATUS_COLUMNS, rows, nothing=nothing)


def _short_revision(revision: str | None) -> str | None:
    if revision is None:
        return None
    branch, _, commit = revision.partition("@sha1:")
    return f"{branch}@{commit[:_SHORT_COMMIT]}"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT_REASON else text[: _SHORT_REASON - 1] + "…"


def _sync_git(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.hooks import open_mirror
    from hedgehog.services import git_sync

    with fabric_database(arguments) as connection:
        names = _names(git_sync.plan(connection, fabrics=arguments.fabrics or None, force=arguments.force))
        with progress(arguments, f"syncing {len(names)} fabrics to Git"):
            outcomes = git_sync.sync(
                connection,
                names,
                open_mirror=open_mirror,
                run_id=run_id(),
                force=arguments.force,
                dry_run=arguments.dry_run,
            )
    return _tell(arguments, outcomes)


def _sync_kubernetes(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.hooks import open_cluster
    from hedgehog.services import kubernetes_sync

    with fabric_database(arguments) as connection:
        names = _names(kubernetes_sync.plan(connection, fabrics=arguments.fabrics or None, force=arguments.force))
        with progress(arguments, f"syncing {len(names)} fabrics to their clusters"):
            outcomes = kubernetes_sync.sync(
                connection,
                names,
                open_cluster=open_cluster,
                run_id=run_id(),
                dry_run=arguments.dry_run,
                allow_large_prune=arguments.allow_large_prune,
            )
    return _tell(arguments, outcomes)


def _names(batches: Sequence[Sequence[str]]) -> list[str]:
    return [name for batch in batches for name in batch]


def run_id() -> str:
    """Who ran it and where, as history shows it."""
    return f"hedgehog-command/{getpass.getuser()}@{socket.gethostname()}/{os.getpid()}"


def _tell(arguments: argparse.Namespace, outcomes: Sequence[Outcome]) -> int:
    data = [outcome.as_dict() | {"details": list(outcome.details)} for outcome in outcomes]
    show(arguments, data, lambda: _outcome_text(outcomes, details=arguments.verbose or arguments.dry_run))
    return 1 if any(outcome.status is OutcomeStatus.ERROR for outcome in outcomes) else 0


def _outcome_text(outcomes: Sequence[Outcome], *, details: bool) -> str:
    rows = [
        (
            outcome.fabric,
            outcome.status.value,
            *(outcome.counts.get(name, 0) for name in _OUTCOME_COLUMNS[2:7]),
            _short_revision(outcome.revision),
            _short(outcome.reason),
        )
        for outcome in outcomes
    ]
    lines = [table(_OUTCOME_COLUMNS, rows, nothing="no fabric is due")]
    for outcome in outcomes:
        told = outcome.details if details or outcome.status in (OutcomeStatus.ERROR, OutcomeStatus.HELD) else ()
        lines += [f"\n{outcome.fabric}:", *(f"  {line}" for line in told)] if told else []
    if any(outcome.dry_run for outcome in outcomes):
        lines.append("\ndry run: nothing was written")
    return "\n".join(lines)
