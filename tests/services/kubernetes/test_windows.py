"""A cluster outside of change windows: nothing new is written, and drift is corrected where the fabric says so."""

from __future__ import annotations

from datetime import UTC, datetime

from devstack.objects import make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.selectors import Selector
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.waits import WindowOverride
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.watch_lab import edit, remove
from tests.services.kubernetes.worlds import World, world
from tests.services.windows_lab import freeze, set_window

__all__ = ["api", "cluster", "world"]

LAB = Selector.named(["lab"])
B = ObjectRef("Server", "default", "b")


def changed_outside(world: World, **settings: object) -> None:
    """A fabric whose window is closed, whose `a` and `b` others touched, and which wants `c`, another `b`, and no `d`."""
    world.fabric("lab", make_server("a"), make_server("b"), make_server("d"), conflict_policy="force", **settings)
    assert world.sync("lab").status is OutcomeStatus.SUCCESS
    edit(world.api, make_server("a", "edited"))
    remove(world.api, B)
    world.fabric("lab", make_server("a"), make_server("b", "new"), make_server("c"), conflict_policy="force")
    set_window(world.database, LAB, open=False)


def descriptions(world: World) -> dict[str, str]:
    """The description of each server in the cluster."""
    return {ref.name: found["spec"].get("description", "") for ref, found in world.live("Server").items()}


def test_nothing_is_written_while_the_window_is_closed(world: World) -> None:
    """Neither what is new nor drift, which stays on record."""
    changed_outside(world)
    outcome = world.sync("lab")
    assert (outcome.status, world.writes) == (OutcomeStatus.SKIPPED, 0)
    assert "its window is closed (nights)" in outcome.reason
    assert descriptions(world) == {"a": "edited", "d": "a server"}


def test_drift_is_corrected_to_what_was_applied_last(world: World) -> None:
    """What is new, and what is to be deleted, waits; the fabric is due again when the window opens, or for the next look."""
    changed_outside(world, drift_outside_windows="correct")
    assert kubernetes_sync.plan(world.database) == [["lab"]]
    outcome = world.sync("lab", due_only=True)
    assert outcome.status is OutcomeStatus.SUCCESS
    assert descriptions(world) == {"a": "a server", "b": "a server", "d": "a server"}
    state = world.state("lab")
    assert state.observed_generation < state.generation
    assert state.due_at is not None
    assert state.due_at > datetime.now(UTC)
    assert kubernetes_sync.plan(world.database) == []


def test_an_override_writes_everything(world: World) -> None:
    """As if the window were open."""
    changed_outside(world, drift_outside_windows="correct")
    assert world.sync("lab", override=WindowOverride("outage 42", "bob")).status is OutcomeStatus.SUCCESS
    assert descriptions(world) == {"a": "a server", "b": "new", "c": "a server"}


def test_an_opened_window_lets_everything_through(world: World) -> None:
    """What waited is planned at once."""
    changed_outside(world, drift_outside_windows="correct")
    assert kubernetes_sync.plan(world.database) == [["lab"]]
    world.sync("lab", due_only=True)
    set_window(world.database, LAB, open=True)
    assert kubernetes_sync.plan(world.database) == [["lab"]]
    world.sync("lab", due_only=True)
    assert descriptions(world) == {"a": "a server", "b": "new", "c": "a server"}


def test_a_fabric_that_was_never_applied_waits_whatever_its_drift_policy(world: World) -> None:
    """There is nothing to keep as it was."""
    world.fabric("lab", make_server("a"), drift_outside_windows="correct")
    set_window(world.database, LAB, open=False)
    outcome = world.sync("lab")
    assert (outcome.status, world.live("Server")) == (OutcomeStatus.SKIPPED, {})
    assert "its window is closed" in outcome.reason


def test_a_frozen_cluster_is_not_written_even_for_drift(world: World) -> None:
    """A freeze is for everything."""
    changed_outside(world, drift_outside_windows="correct")
    freeze(world.database, LAB)
    assert kubernetes_sync.plan(world.database) == []
    assert (world.sync("lab").status, world.writes) == (OutcomeStatus.SKIPPED, 0)
    assert descriptions(world) == {"a": "edited", "d": "a server"}
