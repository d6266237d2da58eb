"""A webhook that hangs and a task that nears its time limit: what was done is recorded, the rest stays due."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devstack.objects import make_server, make_vpc, small_fabric
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.kube.client import CONCURRENCY, Cluster
from hedgehog.kube.resources import collection_path
from hedgehog.kube.throttle import MOST_OUTAGES
from hedgehog.services.git import sync as git_sync
from hedgehog.services.repository import changes as repository_changes
from hedgehog.store import fabrics, repository_heads, schedule, sync_state
from hedgehog.store.database import transaction
from tests.kube.clusters import api, cluster
from tests.services.git.sync_lab import Lab, open_lab, trust
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAME = "hedgehog-hangs"
ERROR, SKIPPED, SUCCESS = OutcomeStatus.ERROR, OutcomeStatus.SKIPPED, OutcomeStatus.SUCCESS
LIMIT = 60.0


@contextmanager
def hanging_webhook(client: Cluster, kind: str) -> Iterator[None]:
    """An admission webhook for *kind* that takes connections and never says a word."""
    row = KINDS[kind]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        rule = {"apiGroups": [row.group], "apiVersions": ["*"], "resources": [row.plural], "operations": ["*"]}
        entry = {
            "name": "hangs.example.com",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": f"https://127.0.0.1:{listener.getsockname()[1]}/"},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 1,
            "rules": [rule],
        }
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [entry],
        }
        client.call("POST", "POST", WEBHOOKS, subject=NAME, body=body)
        try:
            _until(client, kind, asked=True)
            yield
        finally:
            client.send("DELETE", "DELETE", f"{WEBHOOKS}/{NAME}", subject=NAME)
            _until(client, kind, asked=False)


def _until(client: Cluster, kind: str, *, asked: bool) -> None:
    """Wait until the API server asks the webhook, or does not any more."""
    row = KINDS[kind]
    body = {"apiVersion": row.api_version, "kind": kind, "metadata": {"name": "probe"}, "spec": {}}
    started = time.monotonic()
    while True:
        path = collection_path(row, "default")
        options = {"subject": "probe", "body": body, "query": {"dryRun": "All"}, "idempotent": False}
        if (b"failed calling webhook" in client.send("PROBE", "POST", path, **options).body) is asked:
            return
        assert time.monotonic() - started < LIMIT


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets an hour go by when it is called."""
    real, passed = time.monotonic, []
    monkeypatch.setattr(time, "monotonic", lambda: real() + 3600 * len(passed))
    return lambda: passed.append(1)


def soon() -> float:
    """A time limit that is not reached unless an hour goes by."""
    return time.monotonic() + 1800


def test_a_webhook_that_hangs_is_asked_a_few_times_only(world: World) -> None:
    """The rest of its kind is left for the next attempt, with the reason; other kinds arrive, other fabrics ask no more."""
    world.fabric("lab", *[make_server(f"s{number}") for number in range(32)], make_vpc("v"))
    world.fabric("more", *[make_server(f"t{number}") for number in range(32)])
    with hanging_webhook(world.api, "Server"):
        first, second = world.sync_all(["lab", "more"])
        assert world.calls["PATCH"] <= CONCURRENCY + MOST_OUTAGES + 1
    assert (first.status, first.retryable, first.counts["created"], world.state("lab").status) == (
        ERROR,
        True,
        1,
        SyncStatus.ERROR,
    )
    assert 'failed calling webhook "hangs.example.com"' in first.reason
    assert first.counts["failed"] + first.counts["skipped"] == 32
    assert "not tried" in first.details[-2]
    assert (second.status, second.retryable, second.counts["skipped"]) == (ERROR, True, 32)
    done = world.sync_all(["lab", "more"])
    assert [(one.status, one.counts["created"]) for one in done] == [(SUCCESS, 32), (SUCCESS, 32)]


def test_a_webhook_that_hangs_stops_deletions_as_well(world: World) -> None:
    """They ask it, too; what stays is owned still."""
    world.fabric("lab", *[make_server(f"s{number}") for number in range(32)], prune_max_objects=100)
    world.sync("lab")
    world.fabric("lab", make_vpc("v"), prune_max_objects=100)
    with hanging_webhook(world.api, "Server"):
        outcome = world.sync("lab")
        assert world.calls["DELETE"] <= CONCURRENCY + MOST_OUTAGES
    assert (outcome.status, outcome.retryable, len(world.inventory("lab"))) == (ERROR, True, 33)
    assert world.sync("lab").counts["deleted"] == 32


def test_a_sync_whose_time_is_up_records_what_it_has_and_leaves_the_rest_due(world, late, monkeypatch) -> None:
    """In the midst of the first fabric; the second stands as before, and nothing counts as failed."""
    world.fabric("one", *small_fabric("x"))
    world.fabric("two", make_server("t"))
    real = Cluster.call

    def call(client, verb, method, path, **options):
        answer = real(client, verb, method, path, **options)
        if verb == "PATCH":
            late()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Cluster, "call", call)
        one, two = world.sync_all(["one", "two"], deadline=soon())
    assert (one.status, one.error_class, one.counts["created"] > 0) == (ERROR, "NotReached", True)
    assert len(world.inventory("one")) == one.counts["created"]
    assert (two.status, "not reached before the time limit" in two.reason) == (SKIPPED, True)
    assert (world.state("one").attempts, world.state("two").attempts) == (0, 0)
    assert (world.state("one").status, world.state("two").status) == (SyncStatus.OUT_OF_SYNC, SyncStatus.NEVER_SYNCED)
    assert {one.name for one in schedule.due(world.database, Target.KUBERNETES)} == {"one", "two"}
    done = world.sync_all(["one", "two"], deadline=soon())
    assert [one.status for one in done] == [SUCCESS, SUCCESS]


def test_a_sync_that_gets_nothing_done_in_its_time_is_a_failed_attempt(world) -> None:
    """So that what can never be done in time is parked in the end."""
    world.fabric("lab", make_server("a"))
    before = {world.id("lab"): SyncStatus.SYNCING}
    sync_state.begin(world.database, Target.KUBERNETES, before, run_id="killed")
    sync_state.begin(world.database, Target.KUBERNETES, before, run_id="run-2")
    with transaction(world.database) as cursor:
        sync_state.undo_begin(cursor, Target.KUBERNETES, before, run_id="run-2")
    assert (world.state("lab").status, world.state("lab").attempts) == (SyncStatus.ERROR, 1)


def test_an_unreached_cluster_is_not_even_opened(world: World) -> None:
    """The limit was reached by the one before it."""
    world.fabric("lab", make_server("a"))
    outcome = world.sync("lab", deadline=time.monotonic())
    assert (outcome.status, world.calls, world.state("lab").status) == (SKIPPED, {}, SyncStatus.NEVER_SYNCED)
    assert [one.name for one in schedule.due(world.database, Target.KUBERNETES)] == ["lab"]


@pytest.fixture
def lab(database, tmp_path) -> Iterator[Lab]:
    """A Git host with the repository `net` and two fabrics in it."""
    with open_lab(database, tmp_path) as lab:
        for name in ("one", "two"):
            lab.add_fabric(name, 2)
        yield lab


def test_a_sync_to_git_pushes_what_was_planned_in_time(lab, late) -> None:
    """And the other fabric is published by the next run."""
    judged = []

    def find_refusals(*arguments):
        judged.append(1)
        late()
        return trust(*arguments)

    dependencies = git_sync.Dependencies(find_refusals=find_refusals)
    one, two = git_sync.sync(
        lab.database,
        ["one", "two"],
        open_mirror=lab.open_mirror,
        run_id="run-1",
        dependencies=dependencies,
        deadline=soon(),
    )
    assert (one.status, one.commit is None, two.status, len(judged)) == (SUCCESS, False, SKIPPED, 1)
    assert (lab.state("one").status, lab.state("two").status) == (SyncStatus.IN_SYNC, SyncStatus.NEVER_SYNCED)
    assert [one.name for one in schedule.due(lab.database, Target.GIT)] == ["two"]
    (again,) = git_sync.sync(
        lab.database, ["two"], open_mirror=lab.open_mirror, run_id="run-2", dependencies=dependencies
    )
    assert again.status is SUCCESS


def test_a_push_that_could_not_be_taken_in_wholly_is_looked_at_again(lab, late) -> None:
    """The head is not noted as taken in; a repository that nobody got to is not touched."""
    for name in ("one", "two"):
        lab.add_fabric(name, 2, source_of_truth="git")
    lab.person().commit({"fabrics/one/README.md": "x", "fabrics/two/README.md": "x"})
    options = {"open_mirror": lab.open_mirror, "run_id": "run-1"}

    def find_refusals(*arguments):
        late()
        return trust(*arguments)

    (look,) = repository_changes.follow(lab.database, ["net"], find_refusals=find_refusals, deadline=soon(), **options)
    assert type(look.error).__name__ == "NotReached"
    repository = fabrics.load_repositories(lab.database)[0].id
    assert repository_heads.last_seen(lab.database, repository) is None
    (look,) = repository_changes.follow(lab.database, ["net"], deadline=time.monotonic(), **options)
    assert (type(look.error).__name__, look.outcomes) == ("NotReached", ())
    (look,) = repository_changes.follow(lab.database, ["net"], deadline=soon(), **options)
    assert look.error is None
    assert repository_heads.last_seen(lab.database, repository) is not None
