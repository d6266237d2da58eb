"""One fabric's or cluster's trouble, foreseen or not, never stops the others of its batch."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_server
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Fabric, SyncStatus
from hedgehog.kube.client import Cluster
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics
from hedgehog.store.database import transaction
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, ERROR = OutcomeStatus.SUCCESS, OutcomeStatus.ERROR


@pytest.mark.parametrize(
    "trouble", [InvalidInput("Fabricator/fab/default: \0 \udcff"), RuntimeError("nobody foresaw this")]
)
def test_a_fabric_that_cannot_be_judged_fails_alone(world: World, trouble: Exception) -> None:
    """Its outcome is recorded, and what is permanent is told from what may pass."""

    def find_refusals(fabric: Fabric, wanted: object, before: object) -> Refusals:
        if fabric.name == "bad":
            raise trouble
        return Refusals()

    world.fabric("bad", make_server("a"))
    world.fabric("good", make_server("b"))
    bad, good = world.sync_all(["bad", "good"], find_refusals=find_refusals)
    assert (bad.status, bad.error_class, bad.retryable) == (
        ERROR,
        type(trouble).__name__,
        isinstance(trouble, RuntimeError),
    )
    assert world.state("bad").reason in {bad.reason, "Fabricator/fab/default: \\x00 \\udcff"}
    assert good.status is SUCCESS
    assert [ref.name for ref in world.live("Server")] == ["b"]


def test_a_fabricator_that_admission_cannot_read_fails_alone(world: World) -> None:
    """Import accepts it: its schema says no more than that there are settings."""
    odd = make("Fabricator", "default", {"config": {"control": {"managementSubnet": "none"}}})
    world.fabric("bad", odd, make_server("a"))
    world.fabric("good", make_server("b"))
    bad, good = world.sync_all(["bad", "good"])
    assert bad.status is not SUCCESS
    assert good.status is SUCCESS


def test_a_fabric_whose_stored_settings_are_unreadable_fails_alone_until_they_are_right(world: World) -> None:
    """As a newer version, or somebody with SQL, left them; never are defaults taken for them."""
    world.fabric("bad", make_server("a"))
    world.sync("bad")
    world.fabric("bad", make_server("a", "new"))
    world.fabric("good", make_server("b"))
    with transaction(world.database) as cursor:
        cursor.execute("""UPDATE hedgehog.fabric SET settings = '{"nonsense": 1, "asn": []}' WHERE name = 'bad'""")
    bad, good = world.sync_all(["bad", "good"])
    assert (bad.status, bad.error_class, bad.retryable) == (ERROR, "InvalidInput", False)
    assert "fabric bad: settings.nonsense: there is no such setting" in bad.reason
    assert good.status is SUCCESS
    with pytest.raises(InvalidInput):
        fabrics.load_fabric(world.database, "bad").settings.as_dict()
    fabrics.save_fabric(world.database, "bad", {"settings": {}})
    assert world.sync("bad").status is SUCCESS


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            '{"kind": "Server"}',
            "Server/default/a cannot be used: its manifest in the fabric database has no metadata.name",
        ),
        ('{"metadata": {"name": "a", "namespace": "default"}}', "has no kind 'Server'; import it again"),
        ('{"a": 1e400}', "Server/default/a cannot be read from the fabric database"),
    ],
)
def test_a_row_that_is_not_a_manifest_fails_alone(world: World, manifest: str, said: str) -> None:
    """Whatever somebody wrote into the table: the object is named, and what to do."""
    world.fabric("bad", make_server("a"))
    world.fabric("good", make_server("b"))
    with transaction(world.database) as cursor:
        cursor.execute("UPDATE hedgehog.fabric_object SET manifest = %s WHERE name = 'a'", (manifest,))
    bad, good = world.sync_all(["bad", "good"])
    assert (bad.status, good.status) == (ERROR, SUCCESS)
    assert said in bad.reason
    assert world.state("bad").status is SyncStatus.PARKED


def test_a_cluster_that_fails_in_an_unexpected_way_fails_its_own_fabrics(world: World) -> None:
    """The fabric in the other cluster arrives."""
    world.fabric("bad", make_server("a"), kubernetes_connection_id="k8s_bad")
    world.fabric("good", make_server("b"))

    def open_cluster(connection_id: str) -> Cluster:
        if connection_id == "k8s_bad":
            raise ValueError("port is not a number")
        return world.dev.connect(name=connection_id)

    bad, good = world.sync_all(["bad", "good"], open_cluster=open_cluster)
    assert (bad.status, bad.retryable, good.status) == (ERROR, True, SUCCESS)
