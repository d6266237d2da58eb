"""`hedgehog health`, `hedgehog self-test`: the health of everything, as last checked or checked now."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hedgehog.cli.arguments import add_command
from hedgehog.cli.output import VERBOSE, Screen, age, cell, progress, screen, show, table
from hedgehog.cli.session import fabric_database, run_id
from hedgehog.fabric.health import SEVERITY, Health
from hedgehog.fabric.shown import listed
from hedgehog.store import convergence, health
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.health import HealthRow, Scope

_COLUMNS = ("what", "name", "health", "since", "checked", "converged", "reason")
_ALIKE = 2
_NAMES_SHOWN = 4
_NAME = re.compile(r"[0-9/-]")
_CONVERGED = {True: "yes", False: "no"}


def add_commands(commands: Any) -> None:
    """Add `health` and `self-test`."""
    parser = add_command(
        commands,
        "health",
        _health,
        summary=(
            "show the health of every fabric, repository, credential and service, and whether the switches have "
            "everything"
        ),
        examples="hedgehog health\nhedgehog health gen --check\nhedgehog health --output json",
    )
    parser.add_argument("fabrics", nargs="*", metavar="NAME", help="these fabrics only; default: everything")
    parser.add_argument("--check", action="store_true", help="check now; exit status 1 when something is not healthy")
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
    show(arguments, data, lambda: _text(rows, datetime.now(UTC), screen(arguments), every=arguments.verbose))
    unhealthy = any(row.health not in (Health.HEALTHY, Health.PROGRESSING) for row in rows)
    return 1 if arguments.check and unhealthy else 0


def _latencies(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    """For each fabric, its last sync that wrote to the cluster."""
    found = convergence.latencies(connection, names or None, limit=1000)
    return {one.fabric: asdict(one) for one in reversed(found)}


def _check(connection: Connection, names: Sequence[str]) -> None:
    """Check the named fabrics, or everything, now, and record the result."""
    from hedgehog.airflow.adapters.hooks import host_name, open_cluster, open_mirror
    from hedgehog.services.observe import health as service
    from hedgehog.services.observe import remotes as remote_health
    from hedgehog.services.repository.hosts import note_hosts

    by_whom = run_id()
    for batch in service.plan(connection, fabrics=names or None):
        service.check_fabrics(connection, batch, open_cluster=open_cluster, run_id=by_whom)
    if names:
        return
    from hedgehog.airflow.adapters.health_adapters import airflow_health, find_host

    for batch in remote_health.plan(connection):
        note_hosts(connection, batch, host_name)
        remote_health.check_repositories(
            connection, batch, open_mirror=open_mirror, find_host=find_host, run_id=by_whom
        )
    remote_health.check_services(connection, airflow_health=airflow_health(), run_id=by_whom)


def _text(rows: Sequence[HealthRow], now: datetime, screen: Screen, *, every: bool) -> str:
    """One line per subject with its worst reason; below it, the reasons if there are several, similar ones together."""
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
    nothing = "nothing has been checked yet; check now with `hedgehog health --check`"
    text = [table(_COLUMNS, lines, nothing=nothing, screen=screen)]
    for row in rows:
        if len(row.reasons) > 1:
            reasons = list(map(cell, row.reasons)) if every else grouped_reasons(row.reasons)
            shown = [part for one in reasons for part in screen.wrap(one, 2)]
            text += [f"\n{row.name}:", *(f"  {line}" for line in shown)]
    return "\n".join(text)


def grouped_reasons(reasons: Sequence[str]) -> list[str]:
    """The reasons; those that differ only in a name are one line, with their number and the first names."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for reason in map(cell, reasons):
        alike.setdefault(_shape(reason), []).append(reason)
    return [one[0] if len(one) < _ALIKE else _together(one) for one in alike.values()]


def _shape(reason: str) -> tuple[str, ...]:
    """The words of a reason without names; a word with a digit, a slash or a dash counts as a name."""
    return tuple("…" if _NAME.search(word) else word for word in reason.split())


def _together(reasons: Sequence[str]) -> str:
    words = [reason.split() for reason in reasons]
    differing = next((place for place, column in enumerate(zip(*words, strict=True)) if len(set(column)) > 1), 0)
    others = [one[differing].rstrip(",;:") for one in words[1:]]
    return f"{reasons[0]} ({len(reasons)} such: also {listed(others, _NAMES_SHOWN, where=VERBOSE)})"


def _self_test(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.self_test import checks

    with progress(arguments, "trying everything"):
        found = checks()
    rows = [(one.name, "passed" if one.passed else "FAILED", one.text) for one in found]
    show(
        arguments,
        [asdict(one) for one in found],
        lambda: table(("check", "result", "text"), rows, nothing="", screen=screen(arguments)),
    )
    return 0 if all(one.passed for one in found) else 1
