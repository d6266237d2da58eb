"""A push reaches a cluster with Hedgehog's admission: at one revision, in the right order, without a refused write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from devstack.admission_webhook import Webhook, admission_webhook
from devstack.airflow import ROOT
from devstack.cluster import DevCluster
from devstack.git_server import Person
from devstack.stack import Stack, kubernetes_connection
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import waves
from hedgehog.fabric.settings import FabricSettings
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import kind_of, object_path
from hedgehog.store import fabrics, sync_state
from tests.e2e.github_lab import NO_COMMIT, GitHubLab, make_vpc
from tests.e2e.looks import run

EXAMPLE = ROOT / "examples" / "gen"
WIRING = ("namespaces", "servers", "switches", "connections")
CLUSTER = "e2e_hedgehog_cluster"


@dataclass
class Guarded:
    """A cluster that defaults and refuses objects, like Hedgehog's."""

    cluster: DevCluster
    webhook: Webhook

    def live(self) -> dict[ObjectRef, Manifest]:
        """Every object of Hedgehog's kinds."""
        return live(self.cluster)


def live(cluster: DevCluster) -> dict[ObjectRef, Manifest]:
    """Every object of Hedgehog's kinds in namespace `default`."""
    client = cluster.connect()
    try:
        found = list_live(client, [(kind, "default") for kind in KINDS.values() if kind.namespace in (None, "default")])
        assert not found.failed, found.failed
        return dict(found.objects)
    finally:
        client.close()


@pytest.fixture(scope="module")
def second_cluster(github: GitHubLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """Another cluster than that of the other tests, whose objects no admission would take."""
    cluster = DevCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    try:
        cluster.install_crds()
        github.connect(CLUSTER, **json.loads(kubernetes_connection(cluster.kubeconfig)))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def guarded(stack: Stack, second_cluster: DevCluster) -> Iterator[Guarded]:
    """The cluster, empty and with Hedgehog's admission; the fabrics of a test are forgotten after it."""
    with admission_webhook(second_cluster, FabricSettings()) as webhook:
        yield Guarded(second_cluster, webhook)
    for fabric in fabrics.load_fabrics(stack.database):
        if fabric.kubernetes_connection_id == CLUSTER:
            fabrics.delete_fabric(stack.database, fabric.name)
    client = second_cluster.connect()
    for wave in reversed(waves(live(second_cluster).values())):
        for one in wave:
            ref = ObjectRef.of(one)
            client.call("DELETE", "DELETE", object_path(kind_of(one), ref), subject=str(ref))
    client.close()


def example(*names: str) -> list[Manifest]:
    """Objects of the example fabric; without names all of them."""
    texts = [(EXAMPLE / f"{name}.yaml").read_text() for name in names or _all_names()]
    found = [one for text in texts for one in yaml.safe_load_all(text) if one]
    for one in found:
        one["metadata"].setdefault("namespace", "default")
    return found


def _all_names() -> list[str]:
    return sorted(path.stem for path in EXAMPLE.glob("*.yaml") if path.stem != "fabric")


def make_attachment(vpc: str, connection: str = "srv-01--unbundled--leaf-01") -> Manifest:
    """The subnet `default` of a VPC on a server of the example."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPCAttachment",
        "metadata": {"name": f"{vpc}--{connection}", "namespace": "default"},
        "spec": {"subnet": f"{vpc}/default", "connection": connection},
    }


def text(*manifests: Manifest) -> str:
    """A file with these objects."""
    return yaml.safe_dump_all(manifests)


def events(github: GitHubLab, name: str, since: int = 0) -> list[Any]:
    """The history of a fabric: target, status, revision, failed writes, what was done and not done."""
    return github.query(
        "SELECT target, status, revision, counts, details, id FROM hedgehog.sync_event WHERE fabric = %s AND id > %s "
        "ORDER BY id",
        name,
        since,
    )


def newest(github: GitHubLab, name: str) -> int:
    """The last event of a fabric until now."""
    return max((event[-1] for event in events(github, name)), default=0)


def wait_for(stack: Stack, name: str, revision: str) -> None:
    """Wait until both targets of a fabric are in sync at a revision."""
    stack.airflow.wait(
        lambda: (
            [(str(one.status), one.revision) for one in sync_state.states(stack.database, [name])]
            == [("in_sync", revision)] * 2
        ),
        f"{name} to be in sync at {revision}",
    )


# Git is the source of truth -------------------------------------------------------------------------------------------


@pytest.fixture
def ada(github: GitHubLab, guarded: Guarded, name: str) -> Person:
    """Somebody whose first push, the wiring of the example, has arrived in the cluster."""
    wiring = {f"fabrics/{name}/{part}.yaml": (EXAMPLE / f"{part}.yaml").read_text() for part in WIRING}
    ada = github.add_repository(name, wiring)
    settings = {"source_of_truth": "git", "kubernetes_connection_id": CLUSTER}
    github.stack.add_fabric(name, git_repository=name, **settings)
    head = ada.git("rev-parse", "HEAD").strip()
    assert github.worked_on(github.push(name, NO_COMMIT, head)) == ("done", f"read main@sha1:{head}")
    wait_for(github.stack, name, f"main@sha1:{head}")
    assert guarded.webhook.refusals == []
    return ada


def assert_arrived(github: GitHubLab, guarded: Guarded, name: str, head: str, since: int) -> None:
    """A VPC and its attachment are in the cluster: one revision, one event a target, nothing failed or refused."""
    wait_for(github.stack, name, f"main@sha1:{head}")
    found = events(github, name, since)
    assert [(event[:3], event[3]["created"], event[3]["failed"]) for event in found] == [
        (("git", "success", f"main@sha1:{head}"), 2, 0),
        (("kubernetes", "success", f"main@sha1:{head}"), 2, 0),
    ], found
    objects = guarded.live()
    attachment = next(one for ref, one in objects.items() if ref.kind == "VPCAttachment")
    assert ObjectRef("VPC", "default", "vpc-new") in objects
    assert attachment["metadata"]["labels"]["fabric.githedgehog.com/vpc"] == "vpc-new"
    assert guarded.webhook.refusals == []


def test_a_pushed_vpc_and_its_attachment_arrive_at_one_revision(
    github: GitHubLab, guarded: Guarded, ada: Person, name: str
) -> None:
    """The webhook wakes one DAG, and its changes wake the other; both targets are at the pushed commit."""
    before, since = ada.git("rev-parse", "HEAD").strip(), newest(github, name)
    added = {"at.yaml": text(make_attachment("vpc-new")), "vpc.yaml": text(make_vpc("vpc-new", "10.10.1.0/24", 1001))}
    head = ada.commit({f"fabrics/{name}/{path}": content for path, content in added.items()})

    delivery = github.push(name, before, head)

    assert_arrived(github, guarded, name, head, since)
    assert github.worked_on(delivery) == ("done", f"read main@sha1:{head}")


def test_a_push_whose_webhook_was_lost_arrives_with_the_schedule(
    github: GitHubLab, guarded: Guarded, ada: Person, name: str
) -> None:
    """No delivery announces it; when the repository was not read for some minutes, the next run asks for its head."""
    since = newest(github, name)
    added = text(make_vpc("vpc-new", "10.10.1.0/24", 1001), make_attachment("vpc-new"))
    head = ada.commit({f"fabrics/{name}/new.yaml": added})
    github.query(
        "UPDATE hedgehog.repository_head SET checked_at = now() - interval '5 minutes' WHERE git_repository_id = "
        "(SELECT id FROM hedgehog.git_repository WHERE name = %s)",
        name,
    )

    github.stack.airflow.trigger("hedgehog_repository_changes")

    assert_arrived(github, guarded, name, head, since)


# The database is the source of truth ----------------------------------------------------------------------------------


def add_fabric(github: GitHubLab, name: str, objects: list[Manifest]) -> None:
    """A fabric of the database in a repository of its own, in the guarded cluster, and in sync."""
    github.add_repository(name, {"README.md": "# net\n"})
    github.stack.add_fabric(name, objects, git_repository=name, kubernetes_connection_id=CLUSTER)
    github.stack.wait_in_sync(name)


def specs(found: dict[ObjectRef, Manifest]) -> dict[str, Any]:
    """The specs of VPCs, attachments and connections by name."""
    kinds = ("VPC", "VPCAttachment", "Connection")
    return {ref.name: one["spec"] for ref, one in found.items() if ref.kind in kinds}


def test_values_that_admission_fills_in_are_not_drift(github: GitHubLab, guarded: Guarded, name: str) -> None:
    """Every kind of object, written once: a run that compares all of it finds nothing to write."""
    objects = example()
    add_fabric(github, name, objects)
    assert guarded.webhook.refusals == []
    before = guarded.live()
    assert {ObjectRef.of(one) for one in objects} == before.keys()
    writes = guarded.webhook.calls.total()

    for target in ("git", "kubernetes"):
        state, outcomes = run(github.stack, target, name, force=True)
        assert (state, outcomes[name]["status"]) == ("success", "skipped"), outcomes

    assert guarded.live() == before
    assert guarded.webhook.calls.total() == writes


def test_a_renamed_connection_and_moved_vlans_arrive_in_one_run(github: GitHubLab, guarded: Guarded, name: str) -> None:
    """An object that takes over a port, an address or a VLAN is written after the one that releases it; the cluster
    refuses nothing."""
    wiring = example(*WIRING)
    old = next(one for one in wiring if one["metadata"]["name"] == "srv-01--unbundled--leaf-01")
    renamed = {**old, "metadata": {**old["metadata"], "name": "srv-01-renamed"}}
    up, down = range(1, 13), range(21, 33)
    vpcs = [make_vpc(f"v-{i:02}", f"10.10.{i}.0/24", 1000 + i) for i in (*up, *down, 40)]
    add_fabric(github, name, [*wiring, *vpcs, make_attachment("v-01")])
    since = newest(github, name)

    # Each takes the VLAN of the one after it, or of the one before it, and a new VPC all of one that goes.
    moved = [make_vpc(f"v-{i:02}", f"10.10.{i}.0/24", 1001 + i) for i in up]
    moved += [make_vpc(f"v-{i:02}", f"10.10.{i}.0/24", 999 + i) for i in down]
    moved.append(make_vpc("v-41", "10.10.40.0/24", 1040))
    others = [one for one in wiring if one is not old]
    wanted = [*others, renamed, *moved, make_attachment("v-01", "srv-01-renamed")]
    github.stack.save(name, wanted, replace=True)
    github.stack.wait_in_sync(name)

    done = [event for event in events(github, name, since) if event[0] == "kubernetes"]
    assert [(event[1], event[3]["failed"]) for event in done] == [("success", 0)], done
    assert guarded.webhook.refusals == []
    found = guarded.live()
    assert {ObjectRef.of(one) for one in wanted} == found.keys()
    vlans = {ref.name: one["spec"]["subnets"]["default"]["vlan"] for ref, one in found.items() if ref.kind == "VPC"}
    assert vlans == {one["metadata"]["name"]: one["spec"]["subnets"]["default"]["vlan"] for one in moved}


def test_an_invalid_object_is_held_and_the_others_arrive(github: GitHubLab, guarded: Guarded, name: str) -> None:
    """Together with the objects that refer to it; the cluster is not even asked. Once corrected, it arrives as well."""
    wiring = example(*WIRING)
    good, bad = make_vpc("v-1", "10.10.1.0/24", 1001), make_vpc("v-2", "10.10.2.0/24", 4000)
    add_fabric(github, name, wiring)

    github.stack.save(name, [good, bad, make_attachment("v-1"), make_attachment("v-2", "srv-02--bundled--leaf-02")])
    github.stack.airflow.wait(
        lambda: {"v-1", "v-1--srv-01--unbundled--leaf-01"} <= specs(guarded.live()).keys(), "the good VPC"
    )
    state = github.stack.wait_status(name, "git", "out_of_sync")

    assert "VPC/default/v-2" in state.reason, state
    assert not {"v-2", "v-2--srv-02--bundled--leaf-02"} & specs(guarded.live()).keys()
    assert "v-2" not in github.hub.repositories.git(f"acme/{name}", "ls-tree", "-r", "--name-only", "main")

    github.stack.save(name, [make_vpc("v-2", "10.10.2.0/24", 1002)])
    github.stack.wait_in_sync(name)
    assert {"v-2", "v-2--srv-02--bundled--leaf-02"} <= specs(guarded.live()).keys()
    assert guarded.webhook.refusals == []


def test_a_pushed_edit_of_a_database_owned_fabric_is_held_and_reported(
    github: GitHubLab, guarded: Guarded, name: str
) -> None:
    """The webhook leads to a read of the push, and that to the sync, which leaves the edit alone and reports it."""
    add_fabric(github, name, [*example(*WIRING), make_vpc("v-1", "10.10.1.0/24", 1001)])
    ada = github.person(f"acme/{name}")
    ada.pull()
    before, path = ada.git("rev-parse", "HEAD").strip(), f"fabrics/{name}/vpcs/v-1.yaml"
    edited = (ada.directory / path).read_text().replace("1001", "1011")
    head = ada.commit({path: edited})

    assert github.worked_on(github.push(name, before, head)) == ("done", f"read main@sha1:{head}")
    state = github.stack.wait_status(name, "git", "out_of_sync")

    assert path in state.reason, state
    held = [event for event in events(github, name) if event[:2] == ("git", "held")]
    assert len(held) == 1
    assert any(path in line for line in held[0][4]), held
    assert specs(guarded.live())["v-1"]["subnets"]["default"]["vlan"] == 1001
    assert ada.git("ls-remote", "origin", "main").split()[0] == head
