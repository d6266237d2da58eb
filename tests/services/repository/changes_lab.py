"""A repository with a fabric, and people who push to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgehog.fabric.model import Target
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository.changes import RepositoryOutcome
from hedgehog.store import git_files, inbox, schedule, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.inbox import Arrival
from tests.services.git.sync_lab import Lab, open_lab
from tests.services.git.sync_lab import make_vpc as make_any_vpc

LAB = "fabrics/lab"
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "gen"
WIRING = ("namespaces", "servers", "switches", "connections")


@pytest.fixture
def lab(database, tmp_path):
    """A Git host with the repository `net`; Git is the source of truth of fabric `lab`."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git", enable_k8s_sync=True, kubernetes_connection_id="cluster")
        yield lab


@pytest.fixture
def ada(lab):
    """Somebody who pushes; she has pushed the wiring of an example, many objects a file, and two VPCs."""
    ada = lab.person()
    wiring = {f"{LAB}/wiring/{name}.yaml": (EXAMPLE / f"{name}.yaml").read_text() for name in WIRING}
    vpcs = {f"{LAB}/vpcs/{name}.yaml": text(make_vpc(name, vlan)) for name, vlan in (("a", 1001), ("b", 1002))}
    ada.commit(wiring | vpcs)
    follow(lab)
    return ada


def make_vpc(name: str, vlan: int = 1500) -> dict[str, Any]:
    """A VPC with one subnet, another one for each name."""
    vpc = make_any_vpc(name, vlan)
    vpc["spec"]["subnets"]["default"]["subnet"] = f"10.10.{sum(map(ord, name)) % 250}.0/24"
    return vpc


def text(*manifests: Any) -> str:
    """A file of one or more documents."""
    return yaml.safe_dump_all(manifests)


def make_attachment(vpc: str = "a", subnet: str = "default") -> dict[str, Any]:
    """A VPC's subnet on a server of the example."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPCAttachment",
        "metadata": {"name": f"{vpc}-server", "namespace": "default"},
        "spec": {"subnet": f"{vpc}/{subnet}", "connection": "srv-01--unbundled--leaf-01"},
    }


def follow(lab: Lab, name: str = "net", *, run_id: str = "run-1", **options: Any) -> RepositoryOutcome:
    """Look at a repository as the mapped task does."""
    (look,) = repository_changes.follow(lab.database, [name], open_mirror=lab.open_mirror, run_id=run_id, **options)
    return look


def objects(lab: Lab, fabric: str = "lab") -> dict[str, Any]:
    """What the database has beside the wiring, by name: the VLAN of a VPC, the subnet of an attachment."""
    found = object_store.load_objects(lab.database, [lab.id(fabric)])[lab.id(fabric)]
    return _short(one.manifest for one in found)


def published(lab: Lab, fabric: str = "lab") -> dict[str, Any]:
    """What a cluster gets."""
    return _short(git_files.published(lab.database, [lab.id(fabric)])[lab.id(fabric)])


def _short(manifests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in manifests}
    vpcs = {name: spec["subnets"]["default"]["vlan"] for (kind, name), spec in found.items() if kind == "VPC"}
    return vpcs | {name: spec["subnet"] for (kind, name), spec in found.items() if kind == "VPCAttachment"}


def state(lab: Lab, fabric: str = "lab", target: Target = Target.GIT) -> sync_state.SyncState:
    """The fabric's state."""
    return next(one for one in sync_state.states(lab.database, [fabric]) if one.target is target)


def execute(lab: Lab, sql: str, *values: Any) -> list[Any]:
    """Run SQL."""
    with lab.database.cursor() as cursor:
        cursor.execute(sql, values)
        found = cursor.fetchall() if cursor.description else []
    lab.database.commit()
    return found


def due(lab: Lab) -> list[str]:
    """The fabrics that the sync to clusters takes up now."""
    return [one.name for one in schedule.due(lab.database, Target.KUBERNETES)]


def push(lab: Lab, head: str, number: int = 1, **changes: Any) -> None:
    """A delivery of the Git host that `net` moved."""
    given = {"repository": "acme/net", "url": lab.host.url("net"), "branch": "main", "after": head}
    arrival = Arrival(f"d-{number}", f"{number:064x}", inbox.BRANCH, "push", **{**given, **changes})
    inbox.store_delivery(lab.database, arrival)


def delivery(lab: Lab) -> tuple[str, str]:
    """Status and reason of the last delivery."""
    return execute(lab, "SELECT status, reason FROM hedgehog.inbox ORDER BY id DESC LIMIT 1")[0]
