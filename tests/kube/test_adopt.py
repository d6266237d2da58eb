"""Objects that somebody else wrote are taken over without a change of any value."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.errors import RetryableError
from hedgehog.fabric.canonical import owned_fields
from hedgehog.kube.adopt import intersect, moved_to_us, subtract, take_over, union
from hedgehog.kube.apply import apply_one
from hedgehog.kube.client import Cluster
from tests.kube.objects_lab import create, read, write_as

OURS = "hedgehog-airflow"


def test_a_dropped_field_leaves_an_adopted_object(api: Cluster) -> None:
    """Without the take-over it would stay for ever, because its creator owns it."""
    found = make("Server", "s", {"description": "one", "profile": "p"})
    wanted = make("Server", "s", {"profile": "p"})
    create(api, found)
    without = apply_one(api, wanted).stored
    assert without is not None
    assert without["spec"] == found["spec"]

    found["metadata"]["name"] = wanted["metadata"]["name"] = "t"
    live = create(api, found)
    assert take_over(api, live, [found]) is not live
    after = read(api, found)
    assert (after["spec"], after["metadata"]["generation"]) == (live["spec"], live["metadata"]["generation"])
    assert owned_fields(after, OURS) == {"f:spec": {".": {}, "f:description": {}, "f:profile": {}}}
    stored = apply_one(api, wanted).stored
    assert stored is not None
    assert stored["spec"] == {"profile": "p"}


def test_fields_that_the_fabric_never_had_stay_with_their_owners(api: Cluster) -> None:
    """Somebody's annotation and label are none of our business."""
    theirs = {"annotations": {"note": "theirs"}, "labels": {"team": "theirs"}}
    live = create(api, make("Server", "s", {"description": "one"}, **theirs))
    assert take_over(api, live, [make_server("s", "one")]) is not live
    after = read(api, live)
    managers = {entry["manager"]: entry["fieldsV1"] for entry in after["metadata"]["managedFields"]}
    assert managers[OURS] == {"f:spec": {".": {}, "f:description": {}}}
    assert "f:annotations" in managers["kubectl-create"]["f:metadata"]
    assert "f:spec" not in managers["kubectl-create"]
    stored = apply_one(api, make("Server", "s", {"profile": "p"})).stored
    assert stored is not None
    assert stored["spec"] == {"profile": "p"}
    assert {field: stored["metadata"][field] for field in theirs} == theirs


def test_what_we_applied_is_not_taken_over_again(api: Cluster) -> None:
    """No request at all."""
    apply_one(api, make_server("s"))
    live = read(api, make_server("s"))
    api.calls.clear()
    assert take_over(api, live, [make_server("s")]) is live
    assert not api.calls


def test_an_object_that_changed_meanwhile_is_left_for_the_next_run(api: Cluster) -> None:
    """The resourceVersion of what we saw is the precondition."""
    live = create(api, make_server("s"))
    write_as(api, "kubectl-edit", make_server("s", "newer"), force="true")
    with pytest.raises(RetryableError, match="changed while we worked on it"):
        take_over(api, live, [make_server("s")])


@pytest.mark.parametrize(
    ("fields", "value", "common"),
    [
        ({"f:a": {}, "f:b": {}}, {"a": 1}, {"f:a": {}}),
        ({"f:a": {".": {}, "f:x": {}}}, {"a": {"y": 1}}, {}),
        ({"f:a": {".": {}, "f:x": {}}}, {"a": {"x": 1}}, {"f:a": {".": {}, "f:x": {}}}),
        ({"f:a": {".": {}}}, {"a": {}}, {"f:a": {".": {}}}),
        ({"f:l": {'k:{"type":"x"}': {"f:y": {}}}}, {"l": [{"type": "x"}]}, {"f:l": {'k:{"type":"x"}': {"f:y": {}}}}),
    ],
)
def test_the_common_part_of_a_field_set_and_a_manifest(fields: Any, value: Any, common: Any) -> None:
    """A list is one field; a node alone is none."""
    assert intersect(fields, value) == common
    assert union(subtract(fields, common), common) == fields


def test_a_status_entry_is_nobody_s_to_take() -> None:
    """Status is written by controllers."""
    live = make_server("s") | {
        "metadata": {
            "managedFields": [
                {
                    "manager": "agent",
                    "operation": "Update",
                    "subresource": "status",
                    "fieldsV1": {"f:status": {"f:x": {}}},
                }
            ]
        }
    }
    assert moved_to_us(live, [{}]) is None
    entries = moved_to_us(live, [make_server("s")])
    assert entries is not None
    assert entries[1:] == live["metadata"]["managedFields"]
