"""Maintenance on the running servers: parked work is replayed, old runs and rows are deleted, a backup is restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from devstack.objects import make_server
from devstack.stack import Stack
from hedgehog.airflow.adapters.rest import AirflowApi
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.services.transfer.restore import restore, restore_from_git
from hedgehog.services.upkeep.maintenance import KEPT_RUNS, sweep_runs
from hedgehog.store import database as store_database
from hedgehog.store import dead_letters, fabrics, migrate
from hedgehog.store.database import transaction
from hedgehog.store.dead_letters import LetterStatus, Selection
from tests.origins import SOMEBODY


def run(stack: Stack, dag_id: str, **conf: object) -> str:
    """Run a DAG of maintenance manually until it has succeeded; returns the run's id."""
    run_id = stack.airflow.trigger(dag_id, **conf)
    stack.airflow.succeed(dag_id, run_id)
    return run_id


def test_parked_work_is_listed_corrected_and_replayed(stack: Stack, name: str) -> None:
    """The repository was missing; somebody creates it and triggers the replay."""
    stack.add_repository(f"{name}-late", url=stack.git.url(f"{name}-late"))
    stack.add_fabric(name, [make_server(f"{name}-s")], git_repository=f"{name}-late")
    stack.wait_status(name, "git", "parked")
    (letter,) = dead_letters.letters(stack.database, Selection(fabrics=[name]))
    assert (letter.error_class, letter.verb, letter.conf) == ("NotFound", "git_sync", {"fabrics": [name]})

    stack.git.create(f"{name}-late")
    replay = run(stack, "hedgehog_dead_letter_replay", fabrics=[name])

    stack.wait_in_sync(name)
    closed = dead_letters.letter(stack.database, letter.id)
    assert (closed.status, closed.closed_by) == (LetterStatus.REPLAYED, f"hedgehog_dead_letter_replay/{replay}")


def test_old_runs_and_rows_are_deleted_and_the_newest_are_kept(stack: Stack, name: str) -> None:
    """Through Airflow's REST API, if there is a connection to it; without one the task is skipped, and green."""
    first = run(stack, "hedgehog_result_cleanup")
    path = f"/dags/hedgehog_result_cleanup/dagRuns/{first}/taskInstances/sweep_runs"
    assert stack.airflow.call("GET", path)["state"] == "skipped"
    stack.airflow.call(
        "POST",
        "/connections",
        {
            "connection_id": "hedgehog_airflow_api",
            "conn_type": "http",
            "host": stack.airflow.url,
            "login": "admin",
            "password": stack.airflow.password,
        },
    )
    stack.add_fabric(name, [make_server(f"{name}-s")])
    stack.wait_in_sync(name)
    dry = run(stack, "hedgehog_result_cleanup", dry_run=True)
    assert stack.airflow.xcom("hedgehog_result_cleanup", dry, "sweep_runs") == {
        "deleted": {},
        "more": False,
        "days": 14.0,
    }
    report = stack.airflow.xcom("hedgehog_result_cleanup", dry, "sweep")
    assert report["sync_event"] == {"days": 30.0, "rows": 0, "more": False}

    for run_id in [stack.airflow.trigger("hedgehog_log_rotation", dry_run=True) for _ in range(23)]:
        stack.airflow.finished("hedgehog_log_rotation", run_id)
    ids = runs_of_the_paused(stack, "hedgehog_log_rotation")
    with AirflowApi(stack.airflow.url, login="admin", password=stack.airflow.password) as api:
        assert "hedgehog_log_rotation" in api.our_dags()
        later = datetime.now(UTC) + timedelta(minutes=1)
        counted = sweep_runs(api, later, dry_run=True)
        swept = sweep_runs(api, later)
    surplus = len(ids) - KEPT_RUNS
    assert surplus >= 3
    assert counted.deleted["hedgehog_log_rotation"] == swept.deleted["hedgehog_log_rotation"] == surplus
    assert set(runs_of_the_paused(stack, "hedgehog_log_rotation")) == set(ids[surplus:])
    pause(stack, "hedgehog_log_rotation", paused=False)


def pause(stack: Stack, dag_id: str, *, paused: bool) -> None:
    """Pause a DAG or unpause it."""
    stack.airflow.call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})


def runs_of_the_paused(stack: Stack, dag_id: str) -> list[str]:
    """Ids of all ended runs of a DAG, oldest first. The DAG stays paused, so that its schedule adds none."""
    pause(stack, dag_id, paused=True)
    path = f"/dags/{dag_id}/dagRuns?limit=100&order_by=run_after&state="
    stack.airflow.wait(lambda: not stack.airflow.call("GET", f"{path}running")["dag_runs"], f"runs of {dag_id} to end")
    ended = stack.airflow.call("GET", f"{path}success&state=failed")["dag_runs"]
    return [run["dag_run_id"] for run in ended]


def test_logs_are_rotated_where_airflow_writes_them(stack: Stack) -> None:
    """Open and recent logs are left alone."""
    done = run(stack, "hedgehog_log_rotation")
    report = stack.airflow.xcom("hedgehog_log_rotation", done, "rotate")
    assert (report["compressed"], report["deleted"]) == (0, 0)
    assert report["open"] > 0
    assert report["bytes_before"] > 0


def test_a_backup_and_git_alone_restore_to_the_same_hashes(stack: Stack, name: str) -> None:
    """Database → backup → empty database → restore; and Git → empty database."""
    repository = stack.add_repository(f"{name}-net")
    stack.add_fabric(name, [make_server(f"{name}-{number}") for number in range(20)], git_repository=repository)
    stack.wait_in_sync(name)
    done = run(stack, "hedgehog_backup")
    report = stack.airflow.xcom("hedgehog_backup", done, "backup")
    wanted = hashes(stack.database)
    from_backup, from_git = emptied(stack, f"{name}_backup"), emptied(stack, f"{name}_git")

    restored = restore(from_backup, Path(report["place"]), origin=SOMEBODY)

    assert hashes(from_backup) == wanted
    assert restored.revisions[name] == stack.states(name)["git"].revision
    row = next(one for one in fabrics.load_repositories(stack.database) if one.name == repository)
    credentials = GitCredentials(username="hedgehog", token=stack.token)
    mirror = Mirror(stack.directory / f"{name}-mirror", Remote(row.url, row.branch, credentials))
    restore_from_git(
        from_git, mirror, GitRepository(0, row.name, row.url, row.branch, row.connection_id), origin=SOMEBODY
    )
    assert hashes(from_git) == {key: digest for key, digest in wanted.items() if key[0] == name}
    from_backup.close()
    from_git.close()


def emptied(stack: Stack, database: str) -> store_database.Connection:
    """Another fabric database on the same server, migrated and empty."""
    own = store_database.connect(stack.parameters)
    own.autocommit = True
    with own.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
    own.close()
    connection = store_database.connect({**stack.parameters, "dbname": database})
    migrate.migrate(connection)
    return connection


def hashes(connection: store_database.Connection) -> dict[tuple[str, ...], str]:
    """The digest of every object, by fabric, kind, namespace and name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name, o.kind, o.namespace, o.name, o.digest FROM hedgehog.fabric_object o "
            "JOIN hedgehog.fabric f ON f.id = o.fabric_id"
        )
        return {tuple(row[:4]): row[4] for row in cursor.fetchall()}
