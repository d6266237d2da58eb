"""What a sync will do, decided from values alone."""

from __future__ import annotations

from typing import Any

from devstack.objects import make, make_attachment, make_server, make_vpc
from hedgehog.errors import AlreadyExists, DefinitionMissing, FinalizerPending, PermissionDenied
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.tools import Installation
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan, plan

HERE = Installation("here", frozenset({"", "here"}))
OURS = [{"manager": "hedgehog-airflow", "operation": "Apply", "fieldsV1": {"f:spec": {"f:description": {}}}}]


def by_ref(*manifests: Manifest) -> dict[ObjectRef, Manifest]:
    """Manifests by their ref."""
    return {ObjectRef.of(manifest): manifest for manifest in manifests}


def wanted(*manifests: Manifest, owned: tuple[Manifest, ...] = (), **rest: Any) -> Desired:
    """A fabric that wants *manifests* and owns *owned*."""
    values: dict[str, Any] = {"adopted": frozenset(), "owners": {}, "left_alone": {}, "installation": HERE} | rest
    return Desired(by_ref(*manifests), by_ref(*owned), **values)


def ref(name: str, kind: str = "Server") -> ObjectRef:
    """The ref of an object in the default namespace."""
    return ObjectRef(kind, "default", name)


def actions(planned: Plan) -> dict[str, Action]:
    """What is planned for each object, by name."""
    settled = {one.name: result.change.action for one, result in planned.settled.items()}
    applied = {one.name: change.action for one, change in planned.to_apply.items()}
    return settled | applied | {one.name: Action.DELETED for one in planned.to_delete}


def test_absent_is_created_different_is_configured_equal_is_unchanged() -> None:
    """The three ordinary cases, with the field that differs."""
    live = Live(by_ref(make_server("b", "old"), make_server("c")))
    planned = plan(wanted(make_server("a"), make_server("b", "new"), make_server("c")), live)
    assert actions(planned) == {"a": Action.CREATED, "b": Action.CONFIGURED, "c": Action.UNCHANGED}
    assert planned.to_apply[ref("b")] == Change(ref("b"), Action.CONFIGURED, ".spec.description")


def test_a_vpc_made_by_hand_is_left_alone() -> None:
    """Only what the fabric owns is ever deleted."""
    assert actions(plan(wanted(), Live(by_ref(make_vpc("foreign"))))) == {}


def test_what_is_owned_and_no_longer_wanted_is_deleted_or_forgotten() -> None:
    """Forgotten, when it is not in the cluster any more."""
    planned = plan(wanted(owned=(make_server("a"), make_server("b"))), Live(by_ref(make_server("a"))))
    assert list(planned.to_delete) == [ref("a")]
    assert planned.gone == {ref("b")}


def test_found_as_wanted_is_adopted_or_recognised_as_our_own() -> None:
    """Our own: a run died between its write and its record."""
    ours = make_server("b")
    ours["metadata"] = ours["metadata"] | {"managedFields": OURS}
    planned = plan(wanted(make_server("a"), make_server("b")), Live(by_ref(make_server("a"), ours)))
    assert list(planned.adopted) == [ref("a")]
    assert list(planned.recognised) == [ref("b")]
    again = wanted(make_server("a"), make_server("b"), owned=(make_server("a"), make_server("b")))
    planned = plan(again, Live(by_ref(make_server("a"), ours)))
    assert (planned.adopted, planned.recognised) == ({}, {})


def test_a_field_dropped_inside_a_list_item_is_written() -> None:
    """The live item merely has more, as if admission had filled it in; only what was last applied tells."""

    def connection(**link: Any) -> Manifest:
        return make("Connection", "c", {"bundled": {"links": [{"port": "p"} | link]}})

    before, after = connection(mtu=9000), connection()
    planned = plan(wanted(after, owned=(before,)), Live(by_ref(before)))
    assert planned.to_apply[ref("c", "Connection")].reason == ".spec.bundled.links[0].mtu"
    assert plan(wanted(after, owned=(after,)), Live(by_ref(before))).to_apply == {}


def test_another_fabric_s_object_is_never_touched() -> None:
    """Neither when it differs nor when it is absent."""
    planned = plan(wanted(make_server("a", "mine"), owners={ref("a"): "other"}), Live(by_ref(make_server("a"))))
    result = planned.settled[ref("a")]
    assert isinstance(result.error, AlreadyExists)
    assert str(result.change) == (
        "Server/default/a failed (belongs to fabric other in this cluster; drop it from one of the two fabrics)"
    )
    assert (planned.to_apply, planned.to_delete) == ({}, {})


def test_about_a_kind_that_could_not_be_listed_nothing_is_decided() -> None:
    """No create, no delete, no forgetting: an outage is not an empty cluster."""
    forbidden = PermissionDenied("list of vpcs in default: forbidden")
    live = Live(by_ref(make_server("s")), {"VPC": forbidden})
    planned = plan(wanted(make_vpc("v"), make_server("s"), owned=(make_vpc("w"), make_server("s"))), live)
    assert actions(planned) == {"v": Action.FAILED, "s": Action.UNCHANGED, "w": Action.SKIPPED}
    assert planned.settled[ref("v", "VPC")].error is planned.settled[ref("w", "VPC")].error is forbidden
    assert (planned.to_apply, planned.to_delete, planned.gone) == ({}, {}, frozenset())


def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    """A write would be lost with it."""
    leaving = make_server("s", "old")
    leaving["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"]}
    result = plan(wanted(make_server("s", "new")), Live(by_ref(leaving))).settled[ref("s")]
    assert isinstance(result.error, FinalizerPending)
    assert "waits for example.com/hold" in str(result.change)


def test_what_is_to_be_left_alone_is_neither_written_nor_deleted() -> None:
    """The Fabric resource of a cluster that may not have it."""
    planned = plan(
        wanted(owned=(make_server("s"),), left_alone={ref("s"): "no rights"}), Live(by_ref(make_server("s")))
    )
    assert [str(result.change) for result in planned.settled.values()] == ["Server/default/s skipped (no rights)"]
    assert planned.to_delete == {}


def test_many_different_fields_are_cut_short() -> None:
    """Three are shown."""
    spec = {name: 1 for name in "abcde"}
    planned = plan(wanted(make("Server", "s", spec)), Live(by_ref(make("Server", "s"))))
    assert planned.to_apply[ref("s")].reason == ".spec.a, .spec.b, .spec.c and 2 more"


def test_what_an_unlisted_object_may_refer_to_is_not_deleted() -> None:
    """The attachment may still be there; without its CRD it cannot be."""
    attachment, vpc = make_attachment("a", "v", "c"), make_vpc("v")
    owned = wanted(owned=(attachment, vpc, make_server("s")))
    live = by_ref(vpc, make_server("s"))
    planned = plan(owned, Live(live, {"VPCAttachment": PermissionDenied("no list")}))
    assert actions(planned) == {"a": Action.SKIPPED, "v": Action.SKIPPED, "s": Action.DELETED}
    assert planned.gone == set()
    planned = plan(owned, Live(live, {"VPCAttachment": DefinitionMissing("not served")}))
    assert actions(planned) == {"a": Action.SKIPPED, "v": Action.SKIPPED, "s": Action.DELETED}
    planned = plan(owned, Live(live, {"VPCAttachment": DefinitionMissing("no CRD", objects_gone=True)}))
    assert actions(planned) == {"v": Action.DELETED, "s": Action.DELETED}
    assert planned.gone == {ref("a", "VPCAttachment")}
