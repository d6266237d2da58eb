"""An object that is deleted and waits for its finalizer is held with the finalizer's name, and in nobody's way."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.problems import ProblemKind
from hedgehog.store.database import transaction
from hedgehog.store.problems import open_problems
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.services.kubernetes.watch_lab import drifts, remove, watch
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "watch", "world"]

SUCCESS, HELD, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.SKIPPED


def keep(world: World, *names: str) -> None:
    """Put a finalizer on servers."""
    for name in names:
        write_as(world.api, "keeper", make("Server", name, finalizers=["example.com/keep"]))


def release(world: World, *names: str) -> None:
    """Let them go."""
    for name in names:
        write_as(world.api, "keeper", make("Server", name))


@pytest.fixture
def kept(world: World):
    """Servers with a finalizer, which are released in the end."""
    names: list[str] = []

    def start(*servers: Manifest) -> None:
        names.extend(one["metadata"]["name"] for one in servers)
        world.fabric("lab", *servers)
        world.sync("lab")
        keep(world, *names)

    yield start
    for ref in world.live("Server"):
        release(world, ref.name)


def test_what_waits_for_its_finalizer_is_held_until_it_goes(world: World, kept) -> None:
    """With the finalizer's name and since when; the same words each time."""
    kept(make_server("a"))
    world.fabric("lab")
    assert world.sync("lab").counts["deleted"] == 1
    reasons = set()
    for _ in range(2):
        outcome = world.sync("lab")
        assert (outcome.status, outcome.error_class, world.writes) == (HELD, "FinalizerPending", 0)
        reasons.add(outcome.reason)
    (reason,) = reasons
    assert "Server/default/a: being deleted since 20" in reason
    assert "waits for example.com/keep" in reason
    release(world, "a")
    assert world.sync("lab").status is SKIPPED
    assert world.inventory("lab") == {}


def test_what_is_being_deleted_does_not_count_for_the_prune_guard(world: World, kept) -> None:
    """Fifteen that go, and one more that the fabric drops."""
    kept(*[make_server(f"s{i}") for i in range(15)])
    world.fabric("lab", make_server("t"), make_server("u"))
    world.sync("lab", allow_large_prune=True)
    world.fabric("lab", make_server("u"))
    outcome = world.sync("lab")
    assert (outcome.error_class, outcome.counts["deleted"]) == ("FinalizerPending", 1)


def test_a_finalizer_needs_somebody_after_an_hour(world: World, kept) -> None:
    """Most go by themselves."""
    kept(make_server("a"))
    world.fabric("lab")
    world.sync("lab")
    world.sync("lab")
    (young,) = open_problems(world.database)
    assert (young.kind, young.subject, young.needs_somebody) == (ProblemKind.FINALIZER, "Server/default/a", False)
    with transaction(world.database) as cursor:
        cursor.execute("UPDATE hedgehog.finding SET since = now() - interval '61 minutes'")
    (old,) = open_problems(world.database)
    assert old.needs_somebody


@pytest.mark.parametrize("description", ["a server", "changed"])
def test_a_wanted_object_that_somebody_deletes_is_held_until_it_can_be_created_again(
    world: World, kept, watch, description: str
) -> None:
    """As an unwanted one; its end wakes the fabric where it is watched, and is looked for where it is not."""
    kept(make_server("a"))
    world.fabric("lab", make_server("a", description), make_server("b"))
    with watch() as running:
        running.settled()
        remove(world.api, ObjectRef("Server", "default", "a"))
        for created in (1, 0):
            outcome = world.sync("lab")
            assert (outcome.status, outcome.error_class) == (HELD, "FinalizerPending")
            assert outcome.counts["created"] == created
        assert "Server/default/a: being deleted since 20" in outcome.reason
        assert "waits for example.com/keep; it is created again" in outcome.reason
        (problem,) = open_problems(world.database)
        assert (problem.kind, problem.subject, problem.needs_somebody) == (
            ProblemKind.FINALIZER,
            "Server/default/a",
            False,
        )
        state = world.state("lab")
        assert state.due_at is not None
        assert state.last_attempt_at is not None
        assert (state.due_at - state.last_attempt_at).total_seconds() <= 300
        running.until(lambda: drifts(world.database) == {"a": "missing"})
        running.woken.clear()
        release(world, "a")
        running.until(lambda: running.woken)
    assert world.sync("lab").counts["created"] == 1
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"]["description"] == description
    assert not open_problems(world.database)
