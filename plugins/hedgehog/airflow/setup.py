"""`hedgehog setup`: what an Airflow needs once before our DAGs run. Idempotent; says what it found and what it did."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.adapters import metadata
from hedgehog.airflow.adapters.connections import database_parameters, enter_airflow
from hedgehog.airflow.adapters.hooks import open_database
from hedgehog.airflow.self_test import check_connections, check_settings
from hedgehog.errors import HedgehogError, RemoteUnavailable
from hedgehog.fabric.shown import printable

if TYPE_CHECKING:
    from hedgehog.services.observe.self_test import SelfTestResult


DAGS = Path(__file__).resolve().parents[3] / "dags"
"""Our DAG files, where they lie beside the package, as in the image; else none is missed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hedgehog setup`."""
    parser.add_argument(
        "--check", action="store_true", help="only check: change nothing, and end with 1 if something is missing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Migrate the fabric database, create missing pools, try every connection. Returns 0 when everything is in order,
    else 1.

    In the order in which an Airflow starts up, each step resting on those before it: settings, database, pools,
    connections; and for a check the DAGs, which cannot run before.
    """
    problems = _failed(check_settings())
    without_database = _database_step(check=arguments.check)
    problems += [*without_database, *_pools_step(check=arguments.check)]
    if not without_database:
        problems += _failed(check_connections())
    if arguments.check:
        problems += _dags_step()
    for problem in problems:
        _say("PROBLEM", problem)
    _say("ready" if not problems else "not ready", f"{len(problems)} problems" if problems else "all checks passed")
    return 1 if problems else 0


def _say(label: str, text: str) -> None:
    print(f"{label:>9}  {printable(text)}", flush=True)  # noqa: T201 - the output of a command


def _failed(results: Iterable[SelfTestResult]) -> list[str]:
    """Show each check that passed, as it ends, and return the others."""
    problems = []
    for result in results:
        if result.passed:
            _say("ok", str(result))
        else:
            problems.append(str(result))
    return problems


def _database_step(*, check: bool) -> list[str]:
    try:
        if check and (missing := _missing_migrations()):
            return [f"fabric database: not migrated ({', '.join(missing)}); run `hedgehog setup`"]
        open_database().close()
    except HedgehogError as error:
        return [f"fabric database: {error}"]
    _say("ok", "fabric database: reachable, migrations applied")
    return []


def _missing_migrations() -> list[str]:
    from hedgehog.store import database, migrate

    connection = database.connect(database_parameters())
    try:
        return migrate.missing(connection)
    finally:
        connection.close()


def _airflow_client() -> Any:
    """What the `airflow pools` command itself uses."""
    enter_airflow()
    from airflow.api.client import get_current_api_client

    return get_current_api_client()


def _known_pools() -> set[str]:
    """The pools as far as they can be seen without loading Airflow."""
    try:
        return metadata.pools()
    except (metadata.NeedsAirflow, HedgehogError):  # Airflow says what is wrong
        return set()


def _pools_step(*, check: bool) -> list[str]:
    """Create the pools that are missing, as `airflow pools set` does; the slots of one that is there are left alone."""
    from hedgehog.airflow.names import POOLS

    if _known_pools() >= POOLS.keys():
        _say("ok", f"pools: {', '.join(POOLS)} (you may change their slots)")
        return []
    _say("…", "checking the pools (loads Airflow, which takes some seconds)")
    from sqlalchemy.exc import SQLAlchemyError

    client = _airflow_client()
    try:
        missing = POOLS.keys() - {row[0] for row in client.get_pools()}
        if missing and check:
            return [f"pools missing: {', '.join(sorted(missing))}; run `hedgehog setup`"]
        for name in sorted(missing):
            slots, description = POOLS[name]
            client.create_pool(name=name, slots=slots, description=description, include_deferred=False)
            _say("created", f"pool {name} with {slots} slots")
    except SQLAlchemyError as error:  # its text may show the URL: the class and the way out are enough
        return [f"pools: Airflow's own database cannot be used ({type(error).__name__}); run `airflow db check`"]
    _say("ok", f"pools: {', '.join(POOLS)} (you may change their slots)")
    return []


def _dags_step() -> list[str]:
    """Whether Airflow has parsed all our DAGs and none is paused. An API that is not there yet is not a
    problem.
    """
    from hedgehog.airflow.adapters.rest import API_CONNECTION, open_api
    from hedgehog.airflow.names import TAG

    api = open_api()
    if api is None:
        _say("skipped", f"DAGs: not checked; create a connection {API_CONNECTION} with a login for that")
        return []
    with api:
        try:
            found = {dag["dag_id"]: dag for dag in api.get("/dags", {"tags": TAG, "limit": 100})["dags"]}
        except RemoteUnavailable as error:
            _say("skipped", f"DAGs: {error}; start Airflow, then check again")
            return []
        except HedgehogError as error:
            return [f"DAGs: {error}"]
    return _of_dags(found)


def _of_dags(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the DAGs that Airflow has."""
    absent = sorted({path.stem for path in DAGS.glob("hedgehog_*.py")} - found.keys())
    broken = sorted(name for name, dag in found.items() if dag.get("has_import_errors"))
    paused = sorted(name for name, dag in found.items() if dag.get("is_paused"))
    problems = [
        *(
            [f"DAGs not parsed: {', '.join(absent)}; check dags_folder and the log of the dag-processor"]
            if absent
            else []
        ),
        *([f"DAGs with errors: {', '.join(broken)}; see `airflow dags list-import-errors`"] if broken else []),
        *([f"DAGs paused: {', '.join(paused)}; run `airflow dags unpause NAME` for each"] if paused else []),
    ]
    if not problems:
        _say("ok", f"DAGs: {len(found)} parsed, none paused")
    return problems
