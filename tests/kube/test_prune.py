"""Deleting exactly what was seen and owned, users first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make_server, small_fabric
from hedgehog.errors import PermissionDenied, PruneRefused
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.references import waves
from hedgehog.kube.apply import apply, apply_one
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from hedgehog.kube.plan import guard
from hedgehog.kube.prune import prune
from tests.kube.fake_server import Reply, Request, serve, status
from tests.kube.objects_lab import read, seen

SERVERS = [(KINDS["Server"], "default")]


@pytest.mark.parametrize(
    ("to_delete", "size", "refused"),
    [
        (10, 10, False),
        (11, 11, True),
        (11, 55, False),
        (11, 54, True),
        (1000, 5000, False),
        (1001, 5000, True),
        (0, 0, False),
    ],
)
def test_more_than_both_thresholds_is_refused(to_delete: int, size: int, refused: bool) -> None:
    """Ten objects and a fifth of the inventory."""
    if refused:
        with pytest.raises(PruneRefused, match="allow_large_prune"):
            guard(to_delete, size, max_objects=10, max_percent=20)
    else:
        guard(to_delete, size, max_objects=10, max_percent=20)


@given(size=st.integers(0, 10_000), to_delete=st.integers(0, 10_000))
def test_deleting_less_is_never_refused_when_deleting_more_is_not(size: int, to_delete: int) -> None:
    """The guard is monotonic."""
    try:
        guard(to_delete, size, max_objects=10, max_percent=20)
    except PruneRefused:
        with pytest.raises(PruneRefused):
            guard(to_delete + 1, size, max_objects=10, max_percent=20)


def test_users_go_before_what_they_use() -> None:
    """The reverse of the apply order."""
    with serve(lambda _: Reply(200, {"kind": "Status"})) as fake:
        results = prune(fake.cluster, seen(*small_fabric("x")))
    order = [request.path.split("/")[6] for request in fake.requests]
    assert order.index("vpcattachments") < order.index("connections") < order.index("vpcs")
    assert order.index("connections") < order.index("servers") < order.index("switchgroups")
    assert {result.change.action for result in results.values()} == {Action.DELETED}


def test_what_is_still_used_because_its_user_could_not_be_deleted_is_spared() -> None:
    """One refused attachment keeps its VPC and Connection; the rest goes."""

    def reply(request: Request) -> Reply:
        return status(403, "forbidden") if "vpcattachments" in request.path else Reply(200, {"kind": "Status"})

    with serve(reply) as fake:
        results = prune(fake.cluster, seen(*small_fabric("x")))
    actions = {ref.kind: result.change.action for ref, result in results.items()}
    assert actions == {
        "VPCAttachment": Action.FAILED,
        "Connection": Action.SKIPPED,
        "VPC": Action.SKIPPED,
        "Server": Action.SKIPPED,
        "SwitchGroup": Action.DELETED,
    }
    assert isinstance(results[ObjectRef("VPCAttachment", "default", "x-attach")].error, PermissionDenied)


def test_all_objects_are_deleted_from_a_real_cluster(api: Cluster) -> None:
    """And one that is already gone counts as deleted."""
    manifests = [*small_fabric("x"), make_server("y")]
    apply(api, waves(manifests))
    live = [read(api, manifest) for manifest in manifests]
    prune(api, live[-1:])
    results = prune(api, live)
    assert {result.change.action for result in results.values()} == {Action.DELETED}
    assert results[ObjectRef("Server", "default", "y")].change.reason == "already gone"
    assert list_live(api, SERVERS).objects == {}


def test_a_new_object_of_the_same_name_is_not_deleted(api: Cluster) -> None:
    """It has another uid than the one that was seen."""
    apply_one(api, make_server("s"))
    old = read(api, make_server("s"))
    prune(api, [old])
    apply_one(api, make_server("s", "somebody made it again"))
    (result,) = prune(api, [old]).values()
    assert result.change.action is Action.SKIPPED
    assert "created meanwhile" in result.change.reason
    assert len(list_live(api, SERVERS).objects) == 1


def test_a_finalizer_is_reported_and_never_stripped(api: Cluster) -> None:
    """The object stays until its owner lets it go; asking twice changes nothing."""
    held = make_server("s")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    apply_one(api, held)
    (first,) = prune(api, [read(api, held)]).values()
    assert first.change.action is Action.DELETED
    assert "example.com/hold" in first.change.reason
    (second,) = prune(api, [read(api, held)]).values()
    assert second.change.action is Action.SKIPPED
    assert "waits for example.com/hold" in second.change.reason
    free = make_server("s")
    free["metadata"]["finalizers"] = []
    apply_one(api, free, force_conflicts=True)
