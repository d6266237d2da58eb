"""A sync that is killed after it wrote to the cluster, and before it could note what it wrote."""

from __future__ import annotations

import pytest

from devstack.objects import make_server
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube import outcome
from hedgehog.kube.client import Cluster
from hedgehog.store import inventory
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import create
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]


class Killed(BaseException):
    """Nothing of the product catches it, as nothing catches SIGKILL."""


@pytest.fixture
def killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fabric whose sync created a and b in the cluster, and ended there."""

    def kill(*_: object, **__: object) -> None:
        raise Killed

    world.fabric("lab", make_server("a"), make_server("b"))
    with monkeypatch.context() as patch:
        patch.setattr(outcome, "effect", kill)
        with pytest.raises(Killed):
            world.sync("lab")
    assert {ref.name for ref in world.live("Server")} == {"a", "b"}
    assert world.inventory("lab") == {}


def begun(world: World) -> set[str]:
    """What is noted as begun and not as done."""
    found = inventory.begun(world.database, "k8s_a", [world.id("lab")])
    return {ref.name for refs in found.values() for ref in refs}


def test_what_a_killed_run_created_is_deleted_when_nobody_wants_it_any_more(world: World, killed: None) -> None:
    """Nobody owned it otherwise, and it stayed in the cluster for ever."""
    world.fabric("lab", make_server("a"))
    assert world.sync("lab").counts["deleted"] == 1
    assert {ref.name for ref in world.live("Server")} == {"a"}
    assert (world.inventory("lab"), begun(world)) == ({"a": False}, set())


def test_the_last_objects_of_a_kind_are_found_too(world: World, killed: None) -> None:
    """No object of the fabric is of that kind any more."""
    world.fabric("lab")
    assert world.sync("lab").counts["deleted"] == 2
    assert (world.live("Server"), begun(world)) == ({}, set())


def test_what_a_killed_run_created_is_taken_over_when_it_is_still_wanted(world: World, killed: None) -> None:
    """Without a write."""
    world.sync("lab")
    assert (world.writes, world.inventory("lab"), begun(world)) == (0, {"a": False, "b": False}, set())


def test_an_object_that_somebody_else_made_of_that_name_is_left_alone(world: World, api: Cluster, killed: None) -> None:
    """Ours was deleted, theirs has nothing of ours."""
    world.fabric("lab")
    world.sync("lab")
    world.fabric("lab", make_server("c"))
    inventory.begin(world.database, "k8s_a", world.id("lab"), [ObjectRef("Server", "default", "a")])
    create(api, make_server("a", "theirs"))
    assert world.sync("lab").counts["deleted"] == 0
    assert {one.name for one in world.live("Server")} == {"a", "c"}
    assert begun(world) == set()


def test_a_run_that_ends_well_leaves_nothing_begun(world: World) -> None:
    """The table has only what killed runs left."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    assert begun(world) == set()
