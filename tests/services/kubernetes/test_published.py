"""What a Git sync has published is applied in the same run: once, and only where it is wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.objects import make_server
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Manifest, ObjectRef, Target
from hedgehog.kube.client import Cluster
from hedgehog.services.kubernetes import published
from hedgehog.store import fabrics, schedule, sync_state
from hedgehog.store.database import Lock, connect, transaction, try_locks
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import World, publish, world
from tests.store.benches import PUBLISHED, Ear

__all__ = ["api", "cluster", "world"]

GIT = {"git_sync_enabled": True, "git_repository": "network"}


@pytest.fixture(autouse=True)
def repository(world: World) -> None:
    """The repository of the fabrics."""
    fabrics.save_repository(world.database, "network", {"url": "https://git.example.com/network"})


def apply(world: World, *names: str, **options: object) -> list[Outcome]:
    """The second half of a run."""
    return published.apply_published(
        world.database,
        names,
        open_cluster=lambda name: world.dev.connect(world.kubeconfig, name=name),
        run_id="r",
        **options,
    )


def told(outcomes: list[Outcome]) -> list[tuple[str, OutcomeStatus, str]]:
    """Fabric, status and reason of each."""
    assert {outcome.target for outcome in outcomes} == {Target.KUBERNETES}
    return [(outcome.fabric, outcome.status, outcome.reason) for outcome in outcomes]


def make_published(world: World, name: str, *manifests: Manifest) -> None:
    """A fabric whose generation is in Git, by a run that wakes nobody."""
    world.fabric(name, *manifests, git_directory=name, **GIT)
    generation = fabrics.load_fabric(world.database, name).generation
    publish(world, name, *manifests, generation=generation, wake_kubernetes=False)


def woken(world: World, act: Callable[[], object]) -> list[str]:
    """The fabrics for which *act* wakes the Kubernetes sync."""
    ear = Ear.beside(world.database)
    act()
    found = [name for channel, name in ear.heard() if channel == PUBLISHED]
    ear.connection.close()
    return found


def test_what_was_published_is_applied_once_and_nobody_is_woken_for_it(world: World) -> None:
    """The same run does both; the next Kubernetes sync finds nothing due."""
    assert woken(world, lambda: make_published(world, "lab", make_server("a", "as published"))) == []
    assert [one.name for one in schedule.due(world.database, Target.KUBERNETES)] == ["lab"]

    (outcome,) = apply(world, "lab")

    assert (outcome.status, outcome.counts["created"]) == (OutcomeStatus.SUCCESS, 1)
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"]["description"] == "as published"
    assert schedule.due(world.database, Target.KUBERNETES) == []
    assert told(apply(world, "lab")) == [("lab", OutcomeStatus.SKIPPED, "its cluster has what is published")]
    assert woken(world, lambda: published.hand_over(world.database, ["lab"])) == []


def test_every_fabric_that_is_not_applied_says_why(world: World) -> None:
    """Without a cluster, not published, deleted meanwhile: the others of the batch are applied."""
    make_published(world, "good", make_server("g"))
    world.fabric("only-git", make_server("o"), enable_k8s_sync=False, git_directory="only-git", **GIT)
    world.fabric("refused", make_server("r"), git_directory="refused", **GIT)
    error = Outcome(
        "refused", Target.GIT, OutcomeStatus.ERROR, reason="401 from the host", error_class="PermissionDenied"
    )
    with transaction(world.database) as cursor:
        sync_state.finish(cursor, world.id("refused"), error, run_id="git")

    outcomes = apply(world, "only-git", "refused", "good", "gone")

    assert told(outcomes) == [
        ("only-git", OutcomeStatus.SKIPPED, "Kubernetes sync is not enabled"),
        ("refused", OutcomeStatus.SKIPPED, "nothing new was published to Git: 401 from the host"),
        ("good", OutcomeStatus.SUCCESS, ""),
        ("gone", OutcomeStatus.SKIPPED, "there is no such fabric any more, or its Git sync was switched off"),
    ]


def test_a_dry_run_applies_nothing(world: World) -> None:
    """It has published nothing, and a fabric that waits for another reason is not its business."""
    make_published(world, "lab", make_server("a"))
    (outcome,) = apply(world, "lab", dry_run=True)
    assert (outcome.status, outcome.reason, outcome.dry_run) == (
        OutcomeStatus.SKIPPED,
        "a dry run publishes nothing to apply",
        True,
    )
    assert world.live("Server") == {}


def test_a_regular_check_of_the_cluster_is_left_to_its_own_sync(world: World) -> None:
    """Only what is new in Git is applied here, due or not."""
    make_published(world, "lab", make_server("a"))
    apply(world, "lab")
    with transaction(world.database) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET due_at = now()")
    assert told(apply(world, "lab")) == [("lab", OutcomeStatus.SKIPPED, "its cluster has what is published")]


def test_what_another_run_works_on_is_left_to_it(world: World) -> None:
    """One lock per fabric and target: nothing is applied twice, and nobody is woken for what is under way."""
    make_published(world, "lab", make_server("a"))
    other = connect(world.database.get_dsn_parameters() | {"password": world.database.info.password})
    assert try_locks(other, Lock.KUBERNETES, [world.id("lab")])
    assert told(apply(world, "lab")) == [("lab", OutcomeStatus.SKIPPED, "another run works on it")]
    assert woken(world, lambda: published.hand_over(world.database, ["lab"])) == []
    other.close()


def test_what_is_published_while_a_cluster_is_written_wakes_the_next_sync(world: World) -> None:
    """Nothing is lost between two runs: who applied the older generation sees the newer one when it ends."""
    make_published(world, "lab", make_server("a", "first"))

    def publishes_again(name: str) -> Cluster:
        make_published(world, "lab", make_server("a", "second"))
        return world.dev.connect(world.kubeconfig, name=name)

    def act() -> None:
        published.apply_published(world.database, ["lab"], open_cluster=publishes_again, run_id="r")

    assert set(woken(world, act)) == {"lab"}
    assert [one.name for one in schedule.due(world.database, Target.KUBERNETES)] == ["lab"]
    assert apply(world, "lab")[0].status is OutcomeStatus.SUCCESS
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"]["description"] == "second"


def test_what_a_killed_run_left_is_taken_up_by_the_kubernetes_sync(world: World) -> None:
    """It is due since it was published; who still lives wakes the sync, and else its clock finds it."""
    make_published(world, "lab", make_server("a"))
    assert woken(world, lambda: published.hand_over(world.database, ["lab", "gone"])) == ["lab"]
    assert world.sync("lab", due_only=True).status is OutcomeStatus.SUCCESS


def test_a_cluster_that_did_not_answer_does_not_hold_up_git_again(world: World) -> None:
    """The first time the run waits for it; later the sync of the clusters does, which is woken."""

    def nobody(name: str) -> Cluster:
        raise RemoteUnavailable(f"{name} does not answer")

    make_published(world, "lab", make_server("a"))
    (first,) = published.apply_published(world.database, ["lab"], open_cluster=nobody, run_id="r")
    assert (first.status, first.retryable) == (OutcomeStatus.ERROR, True)
    assert told(apply(world, "lab")) == [("lab", OutcomeStatus.SKIPPED, "its cluster has what is published")]

    make_published(world, "lab", make_server("a", "changed"))
    why = "its cluster did not answer the last time; hedgehog_kubernetes_sync tries again"
    assert told(apply(world, "lab")) == [("lab", OutcomeStatus.SKIPPED, why)]
    assert woken(world, lambda: published.hand_over(world.database, ["lab"])) == ["lab"]
