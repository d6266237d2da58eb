"""Two installations, each with a database of its own, that write to one cluster: neither touches what is the other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devstack import postgres as devpostgres
from devstack.objects import make, make_server
from hedgehog.fabric.changes import Action, OutcomeStatus
from hedgehog.fabric.drift_detection import DriftState
from hedgehog.fabric.labels import INSTALLATION
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.apply import apply_one
from hedgehog.services.kubernetes import drift_decisions, watched_drift
from hedgehog.services.transfer import backup
from hedgehog.services.transfer.restore import restore
from hedgehog.services.upkeep.purge import find_remains
from hedgehog.store import fabrics, installations, open_drift
from hedgehog.store.database import connect, transaction
from tests.kube.clusters import api, cluster
from tests.origins import SOMEBODY
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, HELD, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.SKIPPED
A = ObjectRef("Server", "default", "a")


@pytest.fixture
def other(world: World, postgres: devpostgres.Postgres, database_parameters: dict[str, Any]) -> Iterator[World]:
    """A second installation at the same cluster."""
    name = f"{database_parameters['dbname']}_other"
    connection = connect(postgres.database(name, template="hedgehog_template"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE hedgehog.installation SET id = 'theother'")  # both are copies of one template
    yield replace(world, database=connection, calls={})
    connection.close()
    postgres.drop(name)


def id_of(world: World) -> str:
    """Of the installation."""
    return installations.load(world.database).id


def server(world: World) -> Manifest:
    """Server `a` as it is in the cluster."""
    return world.live("Server")[A]


def mark(world: World) -> str | None:
    """Which installation wrote server `a` last."""
    found: dict[str, str] = server(world)["metadata"].get("annotations") or {}
    return found.get(INSTALLATION)


@pytest.mark.parametrize("wanted", [make_server("a"), make_server("a", "other")])
def test_an_object_of_another_installation_is_held_and_outlives_the_fabric(
    world: World, other: World, wanted: Manifest
) -> None:
    """Whether it is as wanted or not; neither writes back what the other wrote, and the rest proceeds."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    other.fabric("lab", wanted, make_server("b"), conflict_policy="force")
    for created in (1, 0):
        outcome = other.sync("lab")
        assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (HELD, "AlreadyExists", created)
    assert (
        f"Server/default/a: belongs to another installation of Hedgehog on Airflow ({id_of(world)})" in outcome.reason
    )
    assert f"hedgehog installation take-over {id_of(world)}" in outcome.reason
    other.fabric("lab")
    assert other.sync("lab").counts["deleted"] == 1
    assert set(world.live("Server")) == {A}
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


def test_an_object_is_taken_over_from_the_installation_that_is_named(world: World, other: World) -> None:
    """From then on the first one holds it, never deletes it, and lets go of it when its fabric drops it."""
    world.fabric(
        "lab", make("Server", "a", {"description": "a server"}, annotations={"hedgehog-airflow/adopt": "true"})
    )
    world.sync("lab")
    consent = {"hedgehog-airflow/adopt": id_of(world)}
    other.fabric(
        "lab", make("Server", "a", {"description": "a server"}, annotations={"hedgehog-airflow/adopt": "true"})
    )
    assert other.sync("lab").status is HELD
    other.fabric("lab", make("Server", "a", {"description": "new"}, annotations=consent))
    assert other.sync("lab").status is SUCCESS
    assert (other.sync("lab").status, other.writes, mark(world)) == (SKIPPED, 0, "theother")
    assert (world.sync("lab").error_class, world.writes) == ("AlreadyExists", 0)
    world.fabric("lab")
    outcome = world.sync("lab")
    assert (outcome.status, outcome.counts[Action.SKIPPED.value], world.writes) == (SKIPPED, 1, 0)
    assert world.inventory("lab") == {}
    assert server(world)["spec"]["description"] == "new"
    other.fabric("lab")
    assert other.sync("lab").counts["deleted"] == 1


def test_an_object_as_wanted_is_marked_when_it_is_taken_over(world: World, other: World) -> None:
    """Else the installation that it was taken from would not see it."""
    consent = {"hedgehog-airflow/adopt": id_of(world)}
    wanted = make("Server", "a", {"description": "a server"}, annotations=consent)
    world.fabric("lab", wanted)
    world.sync("lab")
    other.fabric("lab", wanted)
    assert (other.sync("lab").status, mark(world)) == (SUCCESS, "theother")


def test_objects_of_an_earlier_version_go_on_without_a_write(world: World) -> None:
    """They have no mark; they get one when they are written for another reason."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    apply_one(world.api, make_server("a"))  # as versions did that knew no mark
    assert mark(world) is None
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    world.fabric("lab", make_server("a", "new"))
    assert (world.sync("lab").status, mark(world)) == (SUCCESS, id_of(world))


def test_the_mark_is_not_drift_and_no_part_of_the_fabric(world: World) -> None:
    """Whoever removes it, and when the object is adopted."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    assert mark(world) == id_of(world)
    live = server(world)
    assert watched_drift.update_drift(world.database, "k8s_a", {A: live}).woken == ()
    del live["metadata"]["annotations"]
    assert watched_drift.update_drift(world.database, "k8s_a", {A: live}).woken == ()
    assert open_drift.listing(world.database) == []


def test_a_restored_database_goes_on_with_its_objects(world: World, other: World, tmp_path: Path) -> None:
    """Backups know whose they are; there is no write for it."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    done = backup.write_backup(world.database, tmp_path, now=datetime.now(UTC))
    restore(other.database, Path(done.place), origin=SOMEBODY)
    assert (other.sync("lab").status, other.writes, other.inventory("lab")) == (SKIPPED, 0, {"a": False})
    other.fabric("lab", make_server("a", "new"))
    assert (other.sync("lab").status, mark(world)) == (SUCCESS, "theother")


def test_an_installation_that_no_longer_exists_is_replaced_by_command(
    world: World, other: World, postgres: devpostgres.Postgres, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore from Git, which does not know it."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    other.fabric("lab", make_server("a"))
    assert other.sync("lab").status is HELD
    name = other.database.get_dsn_parameters()["dbname"]
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", postgres.uri(name, scheme="postgres"))
    assert command("installation", "show")[1] == "theother\n"
    assert command("installation", "take-over", "'; --")[0] == 1
    assert other.sync("lab").status is HELD
    assert command("installation", "take-over", id_of(world))[0] == 0
    assert command("installation", "show")[1] == f"theother\nin place of {id_of(world)}\n"
    assert (other.sync("lab").status, other.writes) == (SKIPPED, 0)


def test_what_another_installation_has_is_neither_an_orphan_nor_purged(world: World, other: World) -> None:
    """Each sees the objects of the other as a stranger's."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    other.fabric("lab", make_server("b"))
    other.sync("lab")
    watched_drift.update_drift(other.database, "k8s_a", {A: server(world)})
    (found,) = [one.drift for one in open_drift.listing(other.database) if one.drift.ref == A]
    assert (found.state, found.manager) == (DriftState.UNOWNED, f"hedgehog-airflow of installation {id_of(world)}")
    drift_decisions.adopt(other.database, world.api, "lab", [A], origin=SOMEBODY)
    assert other.sync("lab").status is SUCCESS
    assert mark(world) == "theother"

    def open_cluster(connection_id: str) -> Any:
        return world.dev.connect(world.kubeconfig, name=connection_id)

    def open_mirror(repository: Any) -> Any:
        raise AssertionError("the fabric has no repository")

    options: dict[str, Any] = {"open_mirror": open_mirror, "open_cluster": open_cluster, "now": datetime.now(UTC)}
    (place,) = find_remains(world.database, "lab", **options).clusters
    assert (set(place.live), place.gone) == (set(), {A})
    assert fabrics.load_fabric(world.database, "lab")
