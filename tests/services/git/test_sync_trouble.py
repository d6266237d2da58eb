"""Fabrics → Git when something goes wrong: killed runs, races, refusals, outages, bad data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from devstack.objects import make
from hedgehog.errors import NotFound, PushRace
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, Manifest, SyncStatus
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.services.git import sync as git_sync
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files
from hedgehog.store.database import Connection, connect, transaction
from tests.services.git.sync_lab import EDITED, Lab, make_vpc, open_lab, trust


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A database and a Git host with the empty repository `net`."""
    with open_lab(database, tmp_path) as lab:
        yield lab


class Killed(BaseException):
    """As if the process were gone."""


def killed_after_push(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sync ends between the push and its record."""
    monkeypatch.setattr(git_files, "record", lambda *_, **__: (_ for _ in ()).throw(Killed()))


def test_a_run_killed_after_its_push_is_not_repeated(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run finds the files as wanted and records them: no second commit."""
    lab.add_fabric("lab")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after_push(patch)
        lab.sync("lab")
    assert lab.state("lab").status is SyncStatus.SYNCING
    assert git_sync.plan(lab.database) == [["lab"]]
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.commit, outcome.counts["unchanged"]) == (OutcomeStatus.SUCCESS, None, 4)
    assert lab.log() == ["lab: 2 objects of 1 kind"]
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED


def test_a_killed_run_does_not_look_like_a_person(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects changed, vanished and came again before the next run: our own commit is not an edit to hold."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-0", vlan=1100), make_vpc("vpc-2"), make_vpc("vpc-3"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after_push(patch)
        lab.sync("lab")
    lab.save("lab", make_vpc("vpc-0", vlan=1200), make_vpc("vpc-1"), make_vpc("vpc-2", vlan=1300), delete_missing=True)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert sorted(outcome.details) == [
        "VPC/default/vpc-0 configured", "VPC/default/vpc-2 configured", "fabrics/lab/vpcs/vpc-3.yaml deleted",
    ]  # fmt: skip
    assert sorted(path for path in lab.files() if "vpcs" in path) == [
        f"fabrics/lab/vpcs/vpc-{n}.yaml" for n in range(3)
    ]


def test_old_files_of_a_fabric_that_is_created_again_are_not_deleted(lab: Lab) -> None:
    """Only what a killed run left since the last look is; an import may come later."""
    lab.add_fabric("lab")
    lab.sync("lab")
    fabric_store.delete_fabric(lab.database, "lab")
    lab.add_fabric("lab", vpcs=1)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert EDITED in lab.files()


def test_a_fabric_deleted_during_its_sync_does_no_harm(lab: Lab, database_parameters: dict[str, Any]) -> None:
    """Its files stay, the others of the batch are recorded."""
    lab.add_fabric("lab")
    lab.add_fabric("other")

    def delete_meanwhile(repository: GitRepository) -> Mirror:
        connection = connect(database_parameters)
        fabric_store.delete_fabric(connection, "lab")
        connection.close()
        return lab.open_mirror(repository)

    outcomes = lab.sync_all("lab", "other", open_mirror=delete_meanwhile)
    assert outcomes[1].status is OutcomeStatus.SUCCESS
    assert lab.state("other").status is SyncStatus.IN_SYNC


def test_a_batch_makes_a_commit_per_fabric_and_one_push(lab: Lab) -> None:
    """In the order of the names; a fabric without changes makes none."""
    for name in ("a", "b", "c"):
        lab.add_fabric(name)
    lab.sync("b")
    before = lab.pushes()
    outcomes = lab.sync_all("c", "a", "b")
    assert [outcome.fabric for outcome in outcomes] == ["c", "a", "b"]
    assert [outcome.status.value for outcome in outcomes] == ["success", "success", "skipped"]
    assert lab.pushes() == before + 1
    assert sorted(lab.log()) == ["a: 2 objects of 1 kind", "b: 2 objects of 1 kind", "c: 2 objects of 1 kind"]
    assert lab.sync_all("a", "b", "c")[0].status is OutcomeStatus.SKIPPED


def racing(lab: Lab, rounds: int) -> Callable[[GitRepository], Mirror]:
    """A mirror where somebody else commits *rounds* times between our read and our push."""
    person = lab.person()
    left = [rounds]

    class Slow(Mirror):
        def fetch(self, head: str) -> None:
            super().fetch(head)
            if left[0]:
                left[0] -= 1
                person.commit({f"theirs/{left[0]}": "x\n"})

    def open_(repository: GitRepository) -> Mirror:
        return Slow(lab.directory / "cache", Remote(repository.url, repository.branch))

    return open_


def test_a_lost_race_is_planned_again_on_the_new_head(lab: Lab) -> None:
    """Nothing of either side is lost; the pauses are short and differ."""
    lab.add_fabric("lab")
    lab.person().commit({"begin": "x"})
    outcome = lab.sync("lab", open_mirror=racing(lab, 3))
    assert outcome.status is OutcomeStatus.SUCCESS
    assert len(lab.pauses) == 3
    assert max(lab.pauses) < 1
    assert {"theirs/0", "theirs/1", "theirs/2", EDITED} <= lab.files().keys()
    assert lab.log()[0] == "lab: 2 objects of 1 kind"


def test_a_race_lost_again_and_again_is_an_error_to_retry(lab: Lab) -> None:
    """After five times others may have the worker."""
    lab.add_fabric("lab")
    lab.person().commit({"begin": "x"})
    outcome = lab.sync("lab", open_mirror=racing(lab, 99))
    assert (outcome.status, outcome.error_class, outcome.retryable) == (OutcomeStatus.ERROR, PushRace.__name__, True)
    assert len(lab.pauses) == git_sync.MOST_RACES
    assert lab.state("lab").status is SyncStatus.ERROR


def refuse(lab: Lab, condition: str) -> None:
    """A pre-receive hook that refuses commits for which the shell *condition* on $new is true."""
    hook = lab.host.path("net") / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nread old new ref\nif {condition}; then echo 'main is protected' >&2; exit 1; fi\n")
    hook.chmod(0o755)


def test_a_protected_branch_is_a_permanent_error_with_the_hosts_words(lab: Lab) -> None:
    """It is parked at once: trying again would not help."""
    lab.add_fabric("lab")
    refuse(lab, "true")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.retryable) == (OutcomeStatus.ERROR, "PermissionDenied", False)
    assert "main is protected" in outcome.reason
    assert (lab.state("lab").status, lab.state("lab").observed_generation) == (SyncStatus.PARKED, 0)
    assert lab.pushes() == 1


def test_a_commit_that_the_host_refuses_does_not_stop_the_others(lab: Lab) -> None:
    """The batch is pushed one by one when it is refused as a whole."""
    for name in ("a", "bad", "c"):
        lab.add_fabric(name)
    refuse(lab, "git ls-tree -r --name-only $new | grep -q fabrics/bad/")
    outcomes = lab.sync_all("a", "bad", "c")
    assert [outcome.status.value for outcome in outcomes] == ["success", "error", "success"]
    assert not [path for path in lab.files() if "bad" in path]
    assert lab.state("c").status is SyncStatus.IN_SYNC


def namespaces() -> list[Manifest]:
    """What every VPC needs."""
    return [
        make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
        make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
    ]


def test_objects_that_a_cluster_would_refuse_are_parked_and_block_no_others(lab: Lab) -> None:
    """Their files stay as they are, what refers to them waits with them, and each has its reason."""
    lab.add_fabric("lab", vpcs=0)
    lab.save("lab", *namespaces(), make_vpc("good"))
    dependencies = git_sync.Dependencies()
    assert lab.sync("lab", dependencies=dependencies).status is OutcomeStatus.SUCCESS
    bad = make_vpc("bad", vlan=7)
    also = make("VPCPeering", "good--bad", {"permit": [{"good": {}, "bad": {}}]})
    agent = {"apiVersion": "v1", "kind": "Agent", "metadata": {"name": "z", "namespace": "default"}}
    server = make("Server", "server-1")
    lab.save("lab", bad, also, agent, server, make_vpc("good", vlan=4000))
    outcome = lab.sync("lab", dependencies=dependencies)
    assert (outcome.status, outcome.counts["created"], outcome.counts["skipped"]) == (OutcomeStatus.HELD, 1, 4)
    told = {line.split()[0]: line for line in outcome.details}
    assert "vlan" in told["VPC/default/bad"]
    assert "VPC/default/bad" in told["VPCPeering/default/good--bad"]
    files = lab.files()
    assert "vlan: 1001" in files["fabrics/lab/vpcs/good.yaml"]
    assert [path for path in files if "bad" in path or "agent" in path] == []
    assert "fabrics/lab/servers/server-1.yaml" in files
    assert lab.state("lab").status is SyncStatus.OUT_OF_SYNC
    lab.save("lab", *namespaces(), make_vpc("good"), server, delete_missing=True)
    assert lab.sync("lab", dependencies=dependencies).status is OutcomeStatus.SUCCESS


def test_a_vpc_that_is_still_attached_keeps_its_file(lab: Lab) -> None:
    """The cluster would refuse to delete it."""
    lab.add_fabric("lab", vpcs=0)
    peering = make("VPCPeering", "a--b", {"permit": [{"a": {}, "b": {}}]})
    vpcs = [make_vpc("a"), make_vpc("b", vlan=1002)]
    vpcs[1]["spec"]["subnets"]["default"]["subnet"] = "10.0.2.0/24"
    dependencies = git_sync.Dependencies()
    lab.save("lab", *namespaces(), *vpcs, peering)
    assert lab.sync("lab", dependencies=dependencies).status is OutcomeStatus.SUCCESS
    lab.save("lab", *namespaces(), vpcs[0], peering, delete_missing=True)
    outcome = lab.sync("lab", dependencies=dependencies)
    assert (outcome.status, outcome.counts["deleted"]) == (OutcomeStatus.HELD, 0)
    assert "fabrics/lab/vpcs/b.yaml" in lab.files()


def test_unexpected_data_stops_its_fabric_only(lab: Lab) -> None:
    """A bug in reading one fabric's data is an error of that fabric."""
    lab.add_fabric("good")
    lab.add_fabric("bad")

    def find_refusals(fabric: Fabric, wanted: Sequence[Manifest], before: Sequence[Manifest]) -> Refusals:
        if fabric.name == "bad":
            raise ZeroDivisionError("nobody foresaw this")
        return Refusals()

    dependencies = git_sync.Dependencies(find_refusals=find_refusals)
    outcomes = lab.sync_all("bad", "good", dependencies=dependencies)
    assert [outcome.status.value for outcome in outcomes] == ["error", "success"]
    assert (outcomes[0].error_class, outcomes[0].retryable) == ("ZeroDivisionError", True)


def test_a_host_that_is_unreachable_is_an_error_to_retry(lab: Lab) -> None:
    """The next attempt is planned by the store; the other repository is served."""
    lab.add_fabric("lab")
    fabric_store.save_repository(lab.database, "gone", {"url": "http://127.0.0.1:1/gone.git"})
    lab.add_fabric("far", git_repository="gone", git_directory="far")
    outcomes = lab.sync_all("far", "lab")
    assert [outcome.status.value for outcome in outcomes] == ["error", "success"]
    assert (outcomes[0].error_class, outcomes[0].retryable) == ("RemoteUnavailable", True)
    state = lab.state("far")
    assert (state.status, state.attempts, state.last_success_at) == (SyncStatus.ERROR, 1, None)
    assert state.due_at is not None


def test_a_repository_that_cannot_be_opened_is_an_error_of_its_fabrics(lab: Lab) -> None:
    """Such as a connection that does not exist."""
    lab.add_fabric("lab")

    def fail(repository: GitRepository) -> Mirror:
        raise NotFound("there is no connection 'git'")

    outcome = lab.sync("lab", open_mirror=fail)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ERROR, "there is no connection 'git'")
    assert lab.state("lab").status is SyncStatus.PARKED


def test_a_wrong_token_is_an_authentication_error_without_the_token(lab: Lab) -> None:
    """In no outcome and in no row of the database."""
    lab.host.users["robot"] = "right"
    lab.token = "canary-4711"
    lab.add_fabric("lab")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "AuthenticationFailed")
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT reason || details::text FROM hedgehog.sync_event")
        rows = str(cursor.fetchall())
    assert rows != "[]"
    assert "canary" not in rows + repr(outcome)


def test_batches_on_one_repository_wait_for_each_other(lab: Lab, database_parameters: dict[str, Any]) -> None:
    """Each pushes once: the lock saves them the race."""
    names = [f"f{number}" for number in range(4)]
    for name in names:
        lab.add_fabric(name)
    outcomes: list[Outcome] = []

    def work(name: str) -> None:
        connection = connect(database_parameters)
        dependencies = git_sync.Dependencies(find_refusals=trust)
        outcomes.extend(
            git_sync.sync(connection, [name], open_mirror=lab.open_mirror, run_id=name, dependencies=dependencies)
        )
        connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.SUCCESS] * 4
    assert len(lab.log()) == lab.pushes() == 4


def test_a_name_given_twice_is_synced_once(lab: Lab) -> None:
    """And its lock is freed."""
    lab.add_fabric("lab")
    assert len(lab.sync_all("lab", "lab")) == 1
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)
