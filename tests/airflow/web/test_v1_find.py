"""What uses a value is found by the API, and objects are deleted with it."""

from __future__ import annotations

from devstack.objects import small_fabric
from hedgehog.store.actions import action_rows
from hedgehog.store.objects import object_refs
from tests.airflow.web.api_lab import add_fabric
from tests.origins import origins


def test_what_uses_a_value_is_found_in_all_fabrics(database, read):
    """With the fields that hold it, page by page."""
    for name in ("ams", "fra"):
        add_fabric(database, name, small_fabric(name))
    found = read("/find", value="10.1.0.7", limit=1)
    (one,) = found["items"]
    assert (one["fabric"], one["ref"]) == ("ams", "VPC/default/ams-v")
    assert one["places"] == [{"path": ".spec.subnets.subnet-1.subnet", "value": "10.1.0.0/24"}]
    rest = read("/find", value="10.1.0.7", limit=1, cursor=found["next_cursor"])
    assert ([one["fabric"] for one in rest["items"]], rest["next_cursor"]) == (["fra"], None)
    assert [one["fabric"] for one in read("/find", value="10.1.0.7", fabric="fra")["items"]] == ["fra"]


def test_a_search_for_nothing_is_refused(database, api):
    """And one in a fabric that does not exist."""
    assert api.get("/find").status_code == 422
    assert api.get("/find", params={"value": " "}).json()["reason"] == "InvalidInput"
    assert api.get("/find", params={"value": "x", "fabric": "gone"}).status_code == 404
    assert api.get("/find", params={"value": "x", "cursor": "xx"}).status_code == 422


def test_objects_are_deleted_with_a_reason(database, api):
    """What still needs them is said before; the history and the record of actions have the user."""
    gen = add_fabric(database, "gen", small_fabric("gen"))

    def delete(*objects, **options):
        body = {"fabric": "gen", "objects": objects, "reason": "the tenant left", **options}
        return api.post("/actions/delete", json=body)

    shown = delete("vpc/gen-v", dry_run=True).json()
    assert (shown["dry_run"], [one["subject"] for one in shown["changes"]]) == (True, ["VPC/default/gen-v"])
    (user,) = {note.split()[0] for note in shown["notes"]}
    assert user.startswith("VPCAttachment/default/")
    refused = delete("vpc/gen-v")
    assert (refused.status_code, "VPC/default/gen-v cannot be deleted" in refused.json()["detail"]) == (422, True)
    done = delete("vpc/gen-v", user).json()
    assert [(one["subject"], one["action"]) for one in done["changes"]] == [
        ("VPC/default/gen-v", "deleted"),
        (user, "deleted"),
    ]
    assert "gen-v" not in {ref.name for ref in object_refs(database, gen.id)}
    (row,) = action_rows(database, "gen", after=None, limit=5)
    assert (row["actor"], row["action"], row["reason"]) == ("ann", "delete", "the tenant left")
    assert origins(database, "gen")[-1] == ("ann", "api", "the tenant left")
