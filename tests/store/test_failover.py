"""The database fails over: a standby is told from a database that is unreachable, and the primary is found among
several hosts.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from devstack import postgres as devpostgres
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.model import Target
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, inbox, metrics, migrate, schedule, sync_state
from hedgehog.store.dead_letters import Selection, replay
from tests.store.benches import Bench


@pytest.fixture(scope="module")
def pair(postgres):
    """Parameters of a fabric database with the fabric `lab`, at its primary and at a standby of it."""
    name = "failing_over"
    primary = postgres.database(name, template="hedgehog_template")
    connection = store_database.connect(primary)
    Bench(connection).synced_fabric()
    connection.close()
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-pg-standby-"))
    directory.chmod(0o755)
    standby = devpostgres.start_standby(postgres, directory / "data")
    yield primary, {**standby.parameters, "dbname": name}
    devpostgres.stop(directory / "data")
    shutil.rmtree(directory, ignore_errors=True)
    postgres.drop(name)


@pytest.fixture
def reading(pair):
    """A connection to the standby, of somebody who wants it so."""
    connection = store_database.connect({**pair[1], "target_session_attrs": "any"})
    yield connection
    connection.close()


def test_a_standby_is_refused_when_it_is_connected_to(pair):
    """Not with the first statement that writes, in the middle of the work."""
    with pytest.raises(RemoteUnavailable, match=r"is a standby, or read-only .* lead to the primary"):
        store_database.connect(pair[1])


def test_of_several_hosts_the_primary_is_found(pair):
    """In whatever order they are named."""
    primary, standby = pair
    for hosts in ((standby, primary), (primary, standby)):
        connection = store_database.connect({**primary, "host": ",".join(str(one["host"]) for one in hosts)})
        assert schedule.make_due(connection, Target.GIT, [1]) == ["lab"]
        connection.close()


@pytest.mark.parametrize(
    "work",
    [
        lambda connection: fabrics.suspend(connection, "lab", reason="CHG-17", until=None),
        lambda connection: sync_state.begin(connection, Target.GIT, [1], run_id="run"),
        lambda connection: replay(connection, Selection(), by="ann"),
        lambda connection: inbox.remind(connection, inbox.BRANCH),
        lambda connection: metrics.record(connection, "host", []),
        migrate.migrate,
    ],
    ids=["suspend", "begin", "replay", "remind", "record", "migrate"],
)
def test_a_write_to_a_standby_is_retried(reading, work):
    """It is the primary again, or another host is, before long."""
    with pytest.raises(RemoteUnavailable, match="the fabric database is a standby"):
        work(reading)


def test_a_standby_can_be_read_on_request(reading):
    """`target_session_attrs` in the extra of the connection."""
    assert {state.fabric for state in sync_state.states(reading)} == {"lab"}
    assert {one.name for one in metrics.current_samples(reading)} >= {"hedgehog_fabrics"}


@pytest.mark.parametrize(
    "line",
    [
        ["fabric", "suspend", "lab", "--reason", "CHG-17"],
        ["fabric", "resume", "lab"],
        ["dead-letters", "replay", "--all"],
        ["migrate"],
        ["status"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("attributes", ["read-write", "any"])
def test_a_command_says_that_it_is_a_standby(pair, monkeypatch, command, line, attributes):
    """In one line, without a traceback."""
    extra = {"host": pair[1]["host"], "target_session_attrs": attributes}
    connection = {"conn_type": "postgres", "login": "postgres", "schema": pair[1]["dbname"], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", json.dumps(connection))
    code, _, said = command(*line)
    if line == ["status"] and attributes == "any":
        assert code == 0
        return
    assert code != 0
    assert "is a standby, or read-only" in said
    assert "Traceback" not in said
