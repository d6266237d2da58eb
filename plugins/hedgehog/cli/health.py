"""`hedgehog health`, `hedgehog self-test`: how everything is, as last seen or asked now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hedgehog.cli.arguments import add_command
from hedgehog.cli.output import age, progress, show, table
from hedgehog.cli.session import fabric_database
from hedgehog.cli.sync import run_id
from hedgehog.fabric.health import SEVERITY, Health
from hedgehog.store import convergence, health
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.health import Row, Scope

_COLUMNS = ("what", "name", "health", "since", "checked", "converged", "reason")
_CONVERGED = {True: "yes", False: "no"}


def add_commands(commands: Any) -> None:
    """Add `health` and `self-test`."""
    parser = add_command(
        commands,
        "health",
        _health,
        summary="show how every fabric, repository, credential and service is, and whether the switches have it all",
        examples="hedgehog health\nhedgehog health gen --check\nhedgehog health --output json",
    )
    parser.add_argument("fabrics", nargs="*", metavar="NAME", help="these fabrics only; default: everything")
    parser.add_argument("--check", action="store_true", help="ask now; exit status 1 when something is not well")
    add_command(
        commands,
        "self-test",
        _self_test,
        summary="try database, connections and definitions for real; exit status 1 when a check fails",
        examples="hedgehog self-test",
        without=("database",),
    )


def _health(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        for name in arguments.fabrics:
            load_fabric(connection, name)  # raises NotFound with near names
        if arguments.check:
            with progress(arguments, "asking clusters and hosts"):
                _check(connection, arguments.fabrics)
        rows = health.latest(connection, *([Scope.FABRIC, arguments.fabrics] if arguments.fabrics else []))
        latencies = _latencies(connection, arguments.fabrics)
    rows.sort(key=lambda row: (list(Scope).index(row.scope), -SEVERITY[row.health], row.name))
    data = [asdict(row) | {"latency": latencies.get(row.name) if row.scope is Scope.FABRIC else None} for row in rows]
    show(arguments, data, lambda: _text(rows, datetime.now(UTC)))
    ill = any(row.health not in (Health.HEALTHY, Health.PROGRESSING) for row in rows)
    return 1 if arguments.check and ill else 0


def _latencies(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    """The last sync of each fabric that wrote to its cluster."""
    found = convergence.latencies(connection, names or None, limit=1000)
    return {one.fabric: asdict(one) for one in reversed(found)}


def _check(connection: Connection, names: Sequence[str]) -> None:
    """Look now, and record it: at the named fabrics, or at everything."""
    from hedgehog.airflow.hooks import open_cluster, open_mirror
    from hedgehog.services import health as service
    from hedgehog.services import remote_health

    by_whom = run_id()
    for batch in service.plan(connection, fabrics=names or None):
        service.check(connection, batch, open_cluster=open_cluster, run_id=by_whom)
    if names:
        return
    from hedgehog.airflow.health_adapters import airflow_health, open_github_of

    for batch in remote_health.plan(connection):
        remote_health.check_repositories(
            connection, batch, open_mirror=open_mirror, open_github=open_github_of, run_id=by_whom
        )
    remote_health.check_services(connection, airflow_health=airflow_health(), run_id=by_whom)


def _text(rows: Sequence[Row], now: datetime) -> str:
    """One line a thing with its worst reason; below, all reasons of what has several."""
    lines = [
        (
            row.scope.value,
            row.name,
            row.health.value,
            age(row.since, now),
            age(row.checked_at, now),
            _CONVERGED.get(row.facts.get("converged")),  # type: ignore[arg-type]
            row.reasons[0] if row.reasons else None,
        )
        for row in rows
    ]
    text = [table(_COLUMNS, lines, nothing="nothing was looked at yet; ask now with `hedgehog health --check`")]
    for row in rows:
        if len(row.reasons) > 1:
            text += [f"\n{row.name}:", *(f"  {reason}" for reason in row.reasons)]
    return "\n".join(text)


def _self_test(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.self_test import checks

    with progress(arguments, "trying everything"):
        found = checks()
    rows = [(one.name, "passed" if one.passed else "FAILED", one.text) for one in found]
    show(arguments, [asdict(one) for one in found], lambda: table(("check", "result", "text"), rows, nothing=""))
    return 0 if all(one.passed for one in found) else 1
