"""Reported, corrected or adopted: what a sync makes of others' changes, on a real database and a real API server."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_server, make_vpc
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Manifest, ObjectRef, SyncStatus, Target
from hedgehog.services.kubernetes import drift_decisions
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics, open_drift, schedule
from hedgehog.store import objects as object_store
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import create
from tests.origins import SOMEBODY, origins
from tests.services.kubernetes.watch_lab import drifts, edit, remove
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, HELD, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.SKIPPED
A, B = ObjectRef("Server", "default", "a"), ObjectRef("Server", "default", "b")


def description(world: World, name: str = "a") -> str | None:
    """The description in the cluster."""
    found = world.live("Server").get(ObjectRef("Server", "default", name))
    return None if found is None else found["spec"].get("description")


def wanted(world: World, fabric: str = "lab") -> dict[str, Manifest]:
    """The objects of a fabric by name."""
    row_id = world.id(fabric)
    return {row.ref.name: row.manifest for row in object_store.load_objects(world.database, [row_id])[row_id]}


def drifted(world: World, **settings: object) -> None:
    """A fabric with servers `a`, which somebody edited, and `b`, which somebody deleted."""
    world.fabric("lab", make_server("a"), make_server("b"), **settings)
    assert world.sync("lab").status is SUCCESS
    edit(world.api, make_server("a", "edited"))
    remove(world.api, B)


def test_reported_drift_is_left_as_it_is_with_the_reason(world: World) -> None:
    """The row says what and who, the state that somebody must decide, and the next run says the same."""
    drifted(world, drift_policy="report")
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, world.writes) == (HELD, "DriftReported", 0)
    assert outcome.details == (
        "Server/default/a failed (differs at .spec.description, last set by 'kubectl-edit'; decide with "
        "`hedgehog drift adopt lab Server/default/a` or `hedgehog drift revert lab Server/default/a`)",
        "Server/default/b failed (missing; decide with `hedgehog drift adopt lab Server/default/b` or "
        "`hedgehog drift revert lab Server/default/b`)",
    )
    assert world.state("lab").status is SyncStatus.OUT_OF_SYNC
    assert drifts(world.database, "lab") == {"a": "changed", "b": "missing"}
    found_at = [one.found_at for one in open_drift.listing(world.database, "lab")]
    assert world.sync("lab").reason == outcome.reason
    assert [one.found_at for one in open_drift.listing(world.database, "lab")] == found_at
    assert (description(world), description(world, "b")) == ("edited", None)


def test_corrected_drift_is_undone_and_leaves_no_row(world: World) -> None:
    """As ever; a field that somebody owns now is the conflict policy's."""
    drifted(world, conflict_policy="force")
    outcome = world.sync("lab")
    assert (outcome.counts["configured"], outcome.counts["created"]) == (1, 1)
    assert (description(world), drifts(world.database)) == ("a server", {})


def test_a_drift_in_conflict_stays_on_record(world: World) -> None:
    """Corrected as far as the conflict policy allows."""
    drifted(world)
    assert world.sync("lab").error_class == "FieldConflict"
    assert drifts(world.database) == {"a": "changed"}


def test_adopted_drift_becomes_what_the_fabric_wants(world: World) -> None:
    """Only what was changed; a deletion is reported, for it is a person's to say."""
    drifted(world, drift_policy="adopt")
    outcome = world.sync("lab")
    assert (outcome.status, world.writes) == (HELD, 0)
    assert "Server/default/a skipped (adopted into the fabric)" in outcome.details
    assert "a deletion is never adopted by itself" in outcome.reason
    assert wanted(world)["a"] == make_server("a", "edited")
    assert origins(world.database)[-1] == ("kubectl-edit", "cluster", "adopted, as the drift policy says")
    object_store.delete_objects(world.database, world.id("lab"), [B])
    assert world.sync("lab").status in {SUCCESS, SKIPPED}
    assert (drifts(world.database), description(world)) == ({}, "edited")
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


def test_an_adopted_object_has_what_people_set_and_nothing_else(world: World) -> None:
    """No status, no defaults that only the cluster has, no fields that nobody touched."""
    vpc = make_vpc("v", 1)
    world.fabric("lab", vpc, drift_policy="adopt")
    world.sync("lab")
    changed = {**vpc, "metadata": {**vpc["metadata"], "labels": {"team": "blue"}}, "spec": dict(vpc["spec"])}
    changed["spec"]["subnets"] = {"subnet-1": {"subnet": "10.1.0.0/24", "vlan": 1005, "dhcp": {"enable": True}}}
    edit(world.api, changed)
    world.sync("lab")
    assert wanted(world)["v"] == changed


def test_what_the_fabric_changed_as_well_is_not_adopted(world: World) -> None:
    """Two edits of one object: neither is lost without a person's word."""
    drifted(world, drift_policy="adopt")
    object_store.save_objects(world.database, world.id("lab"), [make_server("a", "of the fabric")])
    outcome = world.sync("lab")
    assert "the fabric changed it, too" in outcome.details[0]
    assert (wanted(world)["a"], description(world)) == (make_server("a", "of the fabric"), "edited")


def test_a_fabric_that_lives_in_git_adopts_nothing(world: World) -> None:
    """Its files are changed in Git."""
    drifted(world, drift_policy="adopt", source_of_truth="git")
    assert "the fabric lives in Git; change it there" in world.sync("lab").details[0]
    with pytest.raises(InvalidInput, match="lives in Git"):
        drift_decisions.adopt(world.database, world.api, "lab", [A], origin=SOMEBODY)


def test_a_kind_may_have_a_policy_of_its_own(world: World) -> None:
    """The others follow the fabric's."""
    world.fabric("lab", make_server("a"), make("SwitchGroup", "g"), drift_policies={"Server": "report"})
    world.sync("lab")
    remove(world.api, A)
    remove(world.api, ObjectRef("SwitchGroup", "default", "g"))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.counts["created"], drifts(world.database)) == (HELD, 1, {"a": "missing"})


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"Servers": "report"}, "did you mean Server"),
        ({"Server": "ignore"}, "report, correct or adopt"),
        ({"VPC": 1}, "report"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(world: World, policies: dict[str, object], said: str) -> None:
    """Before it is silently of no effect."""
    with pytest.raises(InvalidInput, match=said):
        fabrics.save_fabric(world.database, "lab", {"drift_policies": policies})


def test_a_person_s_revert_goes_before_every_policy_and_owner(world: World) -> None:
    """Once: the next drift is reported again."""
    drifted(world, drift_policy="report")
    world.sync("lab")
    assert drift_decisions.revert(world.database, "lab", []) == [A, B]
    assert [one.name for one in schedule.due(world.database, Target.KUBERNETES)] == ["lab"]
    assert world.sync("lab").status is SUCCESS
    assert (description(world), description(world, "b"), drifts(world.database)) == ("a server", "a server", {})
    edit(world.api, make_server("a", "again"))
    assert (world.sync("lab").status, description(world)) == (HELD, "again")


def test_a_person_may_adopt_changes_deletions_and_strangers(world: World) -> None:
    """What is gone leaves the fabric, what belonged to nobody joins it; without names only what was changed."""
    drifted(world, drift_policy="report")
    create(world.api, make_server("stranger"))
    world.sync("lab")
    assert [
        str(change) for change in drift_decisions.adopt(world.database, world.api, "lab", [], origin=SOMEBODY).changes
    ] == ["Server/default/a configured"]
    assert origins(world.database)[-1] == ("kubectl-edit", "cluster", "adopted by somebody")
    assert world.sync("lab").status is HELD
    stranger = open_drift.Drift(ObjectRef("Server", "default", "stranger"), open_drift.DriftState.UNOWNED)
    with open_drift.transaction(world.database) as cursor:
        open_drift.note(cursor, "k8s_a", [stranger])
    changes = drift_decisions.adopt(world.database, world.api, "lab", [stranger.ref, B], origin=SOMEBODY).changes
    assert {(change.ref.name, change.action.value) for change in changes} == {("stranger", "created"), ("b", "deleted")}
    assert world.sync("lab").status in {SUCCESS, SKIPPED}
    assert (drifts(world.database), sorted(wanted(world))) == ({}, ["a", "stranger"])
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


@pytest.mark.parametrize("ref", [A, B])
def test_what_changed_since_it_was_listed_is_not_adopted(world: World, ref: ObjectRef) -> None:
    """Nobody has seen it: an edit must not become a deletion, nor another edit."""
    drifted(world, drift_policy="report")
    world.sync("lab")
    if ref == A:
        remove(world.api, A)
    else:
        create(world.api, make_server("b", "somebody else's"))
    with pytest.raises(InvalidInput, match=f"^{ref}: changed again since it was listed; list it again"):
        drift_decisions.adopt(world.database, world.api, "lab", [ref], origin=SOMEBODY)
    assert sorted(wanted(world)) == ["a", "b"]
    world.sync("lab")
    drift_decisions.adopt(world.database, world.api, "lab", [ref], origin=SOMEBODY)
    assert sorted(wanted(world)) == (["b"] if ref == A else ["a", "b"])


def test_another_value_at_the_same_place_must_be_seen_as_well(world: World) -> None:
    """What was listed is a value, not a field."""
    drifted(world, drift_policy="report")
    world.sync("lab")
    edit(world.api, make_server("a", "edited again"))
    with pytest.raises(InvalidInput, match="changed again since it was listed"):
        drift_decisions.adopt(world.database, world.api, "lab", [], origin=SOMEBODY)
    world.sync("lab")
    drift_decisions.adopt(world.database, world.api, "lab", [], origin=SOMEBODY)
    assert wanted(world)["a"]["spec"]["description"] == "edited again"


def test_what_has_no_drift_cannot_be_decided_on(world: World) -> None:
    """With the way to see what there is."""
    drifted(world, drift_policy="report")
    with pytest.raises(NotFound, match=r"Server/default/z has no drift.*hedgehog drift list lab"):
        drift_decisions.revert(world.database, "lab", [ObjectRef("Server", "default", "z")])
    with pytest.raises(NotFound, match="Server/default/z has no drift"):
        drift_decisions.adopt(world.database, world.api, "lab", [ObjectRef("Server", "default", "z")], origin=SOMEBODY)


def test_what_prune_leaves_behind_is_an_orphan(world: World) -> None:
    """Because the policy says so, or because there is too much of it; never deleted by itself."""
    world.fabric("lab", *[make_server(f"s{number}") for number in range(12)])
    world.sync("lab")
    world.fabric("lab", make_server("s0"))
    assert world.sync("lab").error_class == "PruneRefused"
    assert set(drifts(world.database, "lab").values()) == {"orphan"}
    assert world.sync("lab", allow_large_prune=True).counts["deleted"] == 11
    assert drifts(world.database) == {}
    world.fabric("lab", make_server("s1"), prune_policy="orphan")
    world.sync("lab")
    assert (drifts(world.database, "lab"), len(world.live("Server"))) == ({"s0": "orphan"}, 2)
    world.sync("lab")
    assert drifts(world.database, "lab") == {"s0": "orphan"}


def test_a_dry_run_decides_and_records_nothing(world: World) -> None:
    """It says what would be."""
    drifted(world, drift_policy="adopt")
    outcome = world.sync("lab", dry_run=True)
    assert "Server/default/a skipped (adopted into the fabric)" in outcome.details
    assert (drifts(world.database), wanted(world)["a"]) == ({}, make_server("a"))


def test_a_revert_that_comes_while_a_sync_works_is_done_by_the_next(world: World) -> None:
    """The sync that had planned without it leaves it on record."""
    create(world.api, make_server("a", "theirs"))
    world.fabric("lab", make_server("a"))
    assert world.sync("lab").error_class == "FieldConflict"

    def meanwhile(*_: object) -> Refusals:
        drift_decisions.revert(world.database, "lab", [A])
        return Refusals()

    assert world.sync("lab", find_refusals=meanwhile).status is HELD
    assert (world.sync("lab").status, description(world)) == (SUCCESS, "a server")


def test_what_the_fabric_changes_while_a_sync_adopts_is_kept(world: World) -> None:
    """The drift stays; the next sync says that both changed it."""
    drifted(world, drift_policy="adopt")
    object_store.save_objects(world.database, world.id("lab"), [make_server("c")])

    def meanwhile(*_: object) -> Refusals:
        object_store.save_objects(world.database, world.id("lab"), [make_server("a", "of the fabric")])
        return Refusals()

    world.sync("lab", find_refusals=meanwhile)
    assert (wanted(world)["a"], drifts(world.database)["a"]) == (make_server("a", "of the fabric"), "changed")
    assert any("the fabric changed it, too" in line for line in world.sync("lab").details)
