"""The plan of the next sync: what it says is what the syncs then do, at a real Git host and a real cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from devstack.cluster import DevCluster
from devstack.objects import make_server, small_fabric
from hedgehog.errors import InvalidInput, RemoteUnavailable, Superseded
from hedgehog.fabric.change_plan import ChangePlan, PlanKind, PlanPart, PlanPlace
from hedgehog.fabric.changes import Action, OutcomeStatus
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from hedgehog.services.plans.next_sync import SyncDependencies, plan_next_sync
from hedgehog.services.steer.plans import CarriedOut, carry_out, keep_plan
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.origins import SOMEBODY
from tests.services.git.sync_lab import Lab, open_lab

__all__ = ["api", "cluster"]

NAME = "lab"
OBJECTS = small_fabric("x")
VPC = ObjectRef.of(next(one for one in OBJECTS if one["kind"] == "VPC"))


@dataclass
class Place:
    """A fabric with a Git host and a cluster."""

    lab: Lab
    dev: DevCluster
    api: Cluster
    unreachable: set[str] = field(default_factory=set)

    def open_cluster(self, connection_id: str) -> Cluster:
        """As the Airflow hook does."""
        if "cluster" in self.unreachable:
            raise RemoteUnavailable("the cluster does not answer")
        return self.dev.connect(self.dev.kubeconfig, name=connection_id)

    @property
    def dependencies(self) -> SyncDependencies:
        """Where a plan looks."""
        return SyncDependencies(self.lab.open_mirror, self.open_cluster)

    def plan(self) -> ChangePlan:
        """The plan of the next sync, kept."""
        fabric = load_fabric(self.lab.database, NAME)
        plan = plan_next_sync(self.lab.database, fabric, self.dependencies)
        keep_plan(self.lab.database, fabric, plan, None, actor="ada")
        return plan

    def apply(self, plan: ChangePlan) -> CarriedOut:
        """Carry a plan out."""
        return carry_out(self.lab.database, plan.id, origin=SOMEBODY, run_id="run-1", dependencies=self.dependencies)

    def live(self) -> Manifest | None:
        """The VPC in the cluster."""
        return list_live(self.api, [(KINDS["VPC"], "default")]).objects.get(VPC)


@pytest.fixture
def place(database: Connection, cluster: DevCluster, api: Cluster, tmp_path: Path) -> Iterator[Place]:
    """A fabric that nobody has synced yet."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric(NAME, 0, enable_k8s_sync=True, kubernetes_connection_id="k8s_a", publish_fabric_resource=False)
        lab.save(NAME, *OBJECTS)
        yield Place(lab, cluster, api)


def parts(plan: ChangePlan) -> dict[PlanPlace, PlanPart]:
    """By place."""
    return {part.place: part for part in plan.parts}


def actions(part: PlanPart) -> dict[str, Action]:
    """What happens to which object."""
    return {str(change.ref): change.action for change in part.changes if change.ref.kind != "Fabric"}


def changed_vpc() -> Manifest:
    """The VPC with another description, and nothing else."""
    vpc = copy.deepcopy(next(one for one in OBJECTS if one["kind"] == "VPC"))
    vpc["metadata"]["annotations"] = {"note": "changed"}
    return vpc


def test_a_plan_says_what_both_syncs_then_do(place: Place) -> None:
    """The cluster's part is about what Git would have by then, and not about what it has now."""
    plan = place.plan()
    refs = {str(ObjectRef.of(one)) for one in OBJECTS}
    assert (plan.kind, plan.is_good) == (PlanKind.SYNC, True)
    found = parts(plan)
    assert actions(found[PlanPlace.GIT]) == dict.fromkeys(refs, Action.CREATED)
    assert actions(found[PlanPlace.KUBERNETES]) == dict.fromkeys(refs, Action.CREATED)
    assert [wave.deletes for wave in found[PlanPlace.KUBERNETES].waves] == [False] * len(
        found[PlanPlace.KUBERNETES].waves
    )
    assert place.lab.log() == []
    assert place.live() is None
    done = place.apply(plan)
    assert [one.status for one in done.outcomes] == [OutcomeStatus.SUCCESS] * 2
    assert place.live() is not None
    again = place.plan()
    assert (again.is_empty, again.revision) == (True, place.lab.state(NAME).revision)


def test_fields_are_compared_with_what_is_there(place: Place) -> None:
    """In Git as in the cluster, from what to what."""
    place.apply(place.plan())
    place.lab.save(NAME, changed_vpc())
    found = parts(place.plan())
    for part in found.values():
        (change,) = [one for one in part.changes if one.ref == VPC]
        assert str(change.differences[0]).startswith(".metadata.annotations")
        assert change.action is Action.CONFIGURED
    assert found[PlanPlace.GIT].unchanged == len(OBJECTS) + 1, "fabric.yaml and the README, too"


def test_drift_that_would_be_overwritten_is_named(place: Place) -> None:
    """Of the cluster and, by a policy, of Git."""
    place.apply(place.plan())
    write_as(place.api, "kubectl-edit", make_server("x-srv", "by kubectl"), force="true")
    path = next(path for path in place.lab.files() if path.endswith(f"{VPC.name}.yaml"))
    place.lab.person().commit({path: yaml.safe_dump(changed_vpc())})
    found = parts(place.plan())
    assert [(one.subject, one.refused) for one in found[PlanPlace.GIT].held] == [(path, False)]
    assert [one.subject for one in found[PlanPlace.KUBERNETES].drift] == ["Server/default/x-srv"]
    with transaction(place.lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.fabric SET git_drift_policy = 'overwrite'")
    plan = place.plan()
    assert [one.subject for one in parts(plan)[PlanPlace.GIT].drift] == [path]


def test_what_a_place_does_not_answer_is_its_own_part(place: Place) -> None:
    """Git is planned all the same, and such a plan cannot be carried out."""
    place.unreachable.add("cluster")
    plan = place.plan()
    assert not plan.is_good
    found = parts(plan)
    assert "does not answer" in found[PlanPlace.KUBERNETES].unverified
    assert len(found[PlanPlace.GIT].changes) >= len(OBJECTS)
    with pytest.raises(InvalidInput, match="does not answer"):
        place.apply(plan)


def test_a_refused_object_is_in_the_plan_with_its_reason(place: Place) -> None:
    """Here, one whose subnet the VPC no longer has: it stays out of Git."""
    vpc = changed_vpc()
    vpc["spec"]["subnets"] = {"other": {"subnet": "10.0.1.0/24", "vlan": 1000}}
    place.lab.save(NAME, vpc)
    plan = place.plan()
    assert {one.subject for one in plan.refused} == {"VPCAttachment/default/x-attach"}
    with pytest.raises(InvalidInput, match="cannot be carried out"):
        place.apply(plan)


def test_a_plan_is_superseded_by_a_change_of_the_fabric(place: Place) -> None:
    """With the difference; nothing is written."""
    plan = place.plan()
    place.lab.save(NAME, make_server("late"))
    with pytest.raises(Superseded, match=r"generation \d+ → \d+[\s\S]*new: Server/default/late created"):
        place.apply(plan)
    assert place.lab.log() == []


def test_a_plan_is_superseded_by_a_push_to_its_directory_and_by_no_other(place: Place) -> None:
    """A repository of many fabrics moves all the time."""
    place.apply(place.plan())
    place.lab.save(NAME, changed_vpc())
    plan = place.plan()
    place.lab.person().commit({"fabrics/other/file.txt": "not ours"})
    assert place.plan().id == plan.id
    place.lab.person().commit({f"fabrics/{NAME}/note.txt": "ours"})
    with pytest.raises(Superseded, match="Git was changed"):
        place.apply(plan)
    live = place.live()
    assert live is not None
    assert "note" not in live["metadata"].get("annotations", {})


def test_a_plan_is_superseded_by_a_change_of_the_cluster(place: Place) -> None:
    """What was confirmed is what is done: the field that somebody else changed since was in no plan."""
    place.apply(place.plan())
    server = make_server("x-srv", "changed")
    place.lab.save(NAME, changed_vpc())
    plan = place.plan()
    write_as(place.api, "kubectl-edit", server, force="true")
    with pytest.raises(Superseded, match=r"Cluster: (new: )?Server/default/x-srv"):
        place.apply(plan)


def test_a_fabric_without_syncs_has_no_next_one(place: Place) -> None:
    """That is said."""
    with transaction(place.lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.fabric SET git_sync_enabled = false, enable_k8s_sync = false")
    with pytest.raises(InvalidInput, match="no sync writes anything"):
        place.plan()


def test_a_merge_cannot_be_carried_out_here(place: Place) -> None:
    """It is done where the branches are."""
    fabric = load_fabric(place.lab.database, NAME)
    plan = ChangePlan(NAME, PlanKind.MERGE, fabric.generation, (PlanPart(PlanPlace.GIT),), branch="add-vpc")
    keep_plan(place.lab.database, fabric, plan, None, actor="ada")
    with pytest.raises(InvalidInput, match="merge it at its Git host"):
        place.apply(plan)
