"""Desired rows: what the database accepts, how it refuses, and when a generation rises."""

from __future__ import annotations

import pytest

from hedgehog.errors import AlreadyExists, InvalidInput, NotFound
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.fabric.settings import FabricSettings
from hedgehog.store import fabrics, refusals
from hedgehog.store import objects as object_store
from tests.store.benches import make_vpc

REPOSITORY = {"git_repository": "net", "git_directory": "d"}


def test_a_fabric_is_stored_as_it_was_given(bench):
    """A 0 stays 0, a null stays null, an upper-case name keeps its case."""
    bench.repository(branch="prod", connection_id="net_git")
    settings = {
        "description": "d",
        "asn": 4294967295,
        "spine_count": 0,
        "switch_config": {"mtu": 9100, "none": None},
        "git_repository": "net",
        "git_directory": "fabrics/Lab 1",
        "git_sync_enabled": True,
        "kubernetes_connection_id": None,
        "prune_max_objects": 0,
        "settings": {"gateway_enabled": False, "vpc_irb_vlans": [[2000, 2100]]},
    }
    fabric = bench.fabric("Lab-1", **settings)
    read = {"settings": FabricSettings(gateway_enabled=False, vpc_irb_vlans=((2000, 2100),)), "git_repository": None}
    stored = {name: fabric.setting(name) for name in settings} | {"git_repository": None}
    assert stored == settings | read
    assert (fabric.resource_name, fabric.git_repository.branch) == ("lab-1", "prod")


def test_what_is_not_given_has_the_defaults_of_the_fabric_resource(bench):
    """As in the Celery system: ASN 65000, no switches yet, empty maps, nothing synced."""
    fabric = bench.fabric()
    assert (fabric.description, fabric.asn, fabric.spine_count, fabric.leaf_count) == ("", 65000, 0, 0)
    assert (fabric.spine_leaf_links, fabric.vpc_peering_config, fabric.switch_config) == ({}, {}, {})
    assert (fabric.git_repository, fabric.git_sync_enabled, fabric.kubernetes_sync_enabled) == (None, False, False)


def test_only_the_given_settings_are_set(bench):
    """The others stay as they are."""
    bench.fabric(asn=65001, description="one")
    assert fabrics.save_fabric(bench.connection, "lab", {"description": "two"}) is Action.CONFIGURED
    fabric = fabrics.load_fabric(bench.connection, "lab")
    assert (fabric.asn, fabric.description) == (65001, "two")


def test_other_settings_of_the_rules_are_a_new_generation(bench):
    """Objects that were fine may not be so any more."""
    bench.fabric(settings={"spine_asn": 65000})
    before = fabrics.load_fabric(bench.connection, "lab").generation
    assert fabrics.save_fabric(bench.connection, "lab", {"settings": {"spine_asn": 65001}}) is Action.CONFIGURED
    assert fabrics.load_fabric(bench.connection, "lab").generation == before + 1


def test_settings_of_the_rules_that_are_the_default_are_not_stored(bench):
    """So a later default counts."""
    bench.fabric(settings={"spine_asn": 65100})
    assert bench.execute("SELECT settings FROM hedgehog.fabric") == [({},)]


@pytest.mark.parametrize("settings", [{}, {"description": "one"}, {"switch_config": {"b": [1], "a": 1}}])
def test_equal_content_changes_nothing(bench, settings):
    """No new generation, no new time, nobody is woken."""
    bench.fabric(description="one", switch_config={"a": 1, "b": [1]})
    before = bench.execute("SELECT to_jsonb(f) FROM hedgehog.fabric f")
    assert fabrics.save_fabric(bench.connection, "lab", settings) is Action.UNCHANGED
    assert bench.execute("SELECT to_jsonb(f) FROM hedgehog.fabric f") == before


@pytest.mark.parametrize(
    ("name", "settings", "error", "said"),
    [
        ("LAB", {}, AlreadyExists, "fabric LAB: another fabric has this name but for upper and lower case"),
        ("under_score", {}, InvalidInput, "a name is letters, digits, '-' and '.'"),
        ("with space", {}, InvalidInput, "a name is letters, digits, '-' and '.'"),
        ("-a", {}, InvalidInput, "a name is letters, digits, '-' and '.'"),
        ("a..b", {}, InvalidInput, "a name is letters, digits, '-' and '.'"),
        ("", {}, InvalidInput, "a name is 1 to 63 characters long"),
        ("a" * 64, {}, InvalidInput, "a name is 1 to 63 characters long"),
        ("x", {"git_sync_enabled": True}, InvalidInput, "git_sync_enabled needs git_repository"),
        ("x", {"enable_k8s_sync": True}, InvalidInput, "enable_k8s_sync needs kubernetes_connection_id"),
        ("x", REPOSITORY, AlreadyExists, "another fabric has this directory of this repository"),
        ("x", {"git_directory": "../x"}, InvalidInput, "git_directory is a relative path"),
        ("x", {"git_directory": "/x"}, InvalidInput, "git_directory is a relative path"),
        ("x", {"git_directory": "x/"}, InvalidInput, "git_directory is a relative path"),
        ("x", {"git_directory": "a/.git"}, InvalidInput, "git_directory is a relative path"),
        ("x", {"git_directory": "a//b"}, InvalidInput, "git_directory is a relative path"),
        ("x", {"asn": 0}, InvalidInput, "asn is 1 to 4294967295"),
        ("x", {"asn": 4294967296}, InvalidInput, "asn is 1 to 4294967295"),
        ("x", {"asn": 10**30}, InvalidInput, "fabric x: bigint out of range"),
        ("x", {"asn": "many"}, InvalidInput, "fabric x: invalid input syntax"),
        ("x", {"spine_count": -1}, InvalidInput, "spine_count is 0 or more"),
        ("x", {"leaf_count": -1}, InvalidInput, "leaf_count is 0 or more"),
        ("x", {"spine_leaf_links": [1]}, InvalidInput, "spine_leaf_links is a mapping"),
        ("x", {"vpc_peering_config": 1}, InvalidInput, "vpc_peering_config is a mapping"),
        ("x", {"switch_config": None}, InvalidInput, "switch_config is a mapping"),
        ("x", {"description": "d" * 4001}, InvalidInput, "description has at most 4000 characters"),
        ("x", {"description": None}, InvalidInput, "description is missing"),
        ("x", {"kubernetes_connection_id": "a b"}, InvalidInput, "a connection id is 1 to 200"),
        ("x", {"kubernetes_namespace": "A"}, InvalidInput, "kubernetes_namespace is a Kubernetes name"),
        ("x", {"source_of_truth": "both"}, InvalidInput, "source_of_truth is database or git"),
        ("x", {"git_drift_policy": "keep"}, InvalidInput, "git_drift_policy is hold, overwrite or adopt"),
        ("x", {"prune_policy": "never"}, InvalidInput, "prune_policy is delete or orphan"),
        ("x", {"prune_max_objects": -1}, InvalidInput, "prune_max_objects is 0 or more"),
        ("x", {"prune_max_percent": 101}, InvalidInput, "prune_max_percent is 0 to 100"),
        ("x", {"conflict_policy": "ask"}, InvalidInput, "conflict_policy is report or force"),
        ("x", {"resync_seconds": 59}, InvalidInput, "resync_seconds is 60 to 86400"),
        ("x", {"git_repository": "absent"}, NotFound, "there is no git_repository 'absent'; import one first"),
        (
            "x",
            {"git_drift_polcy": "hold"},
            InvalidInput,
            "has no setting 'git_drift_polcy'; did you mean git_drift_policy?",
        ),
        ("x", {"generation": 5}, InvalidInput, "has no setting 'generation'"),
        (
            "x",
            {"settings": {"spine_asn": "a"}},
            InvalidInput,
            "fabric x: settings.spine_asn: 'a' is not a number from 0",
        ),
        ("x", {"settings": []}, InvalidInput, "fabric x: settings: [] is not a mapping"),
    ],
)
def test_an_impossible_fabric_is_refused_in_plain_words(settled, name, settings, error, said):
    """And nothing of it is stored."""
    with pytest.raises(error) as refused:
        fabrics.save_fabric(settled.connection, name, settings)
    assert said in str(refused.value)
    assert fabrics.fabric_names(settled.connection) == ["lab"]


@pytest.mark.parametrize(
    ("name", "settings", "error", "said"),
    [
        ("a b", {"url": "u"}, InvalidInput, "a name is 1 to 200 letters"),
        ("a", {}, InvalidInput, "git_repository a: url is missing"),
        ("a", {"url": ""}, InvalidInput, "url is 1 to 500 characters long"),
        ("a", {"url": "https://me:canary@h/x"}, InvalidInput, "a URL carries no password"),
        ("a", {"url": "HTTPS://me:canary@h/x"}, InvalidInput, "a URL carries no password"),
        ("a", {"url": "u", "branch": "a..b"}, InvalidInput, "branch is a Git branch name"),
        ("a", {"url": "u", "branch": "-x"}, InvalidInput, "branch is a Git branch name"),
        ("a", {"url": "u", "branch": "x.lock"}, InvalidInput, "branch is a Git branch name"),
        ("a", {"url": "u", "connection_id": "a/b"}, InvalidInput, "a connection id is 1 to 200"),
        ("a", {"url": "u", "author_name": "a\nb"}, InvalidInput, "author_name is one line"),
        ("a", {"url": "u", "author_email": "a b"}, InvalidInput, "author_email is 1 to 200"),
        (
            "a",
            {"url": "https://git.example.com/net.git"},
            AlreadyExists,
            "another repository row has this URL and branch",
        ),
        ("a", {"uri": "u"}, InvalidInput, "git_repository a has no setting 'uri'; did you mean url?"),
    ],
)
def test_an_impossible_repository_is_refused_in_plain_words(settled, name, settings, error, said):
    """The password of a URL is not repeated."""
    with pytest.raises(error) as refused:
        fabrics.save_repository(settled.connection, name, settings)
    assert said in str(refused.value)
    assert "canary" not in str(refused.value)
    assert [one.name for one in fabrics.load_repositories(settled.connection)] == ["net"]


def test_every_constraint_that_a_setting_can_violate_has_a_message(settled):
    """A new one needs a message, too."""
    named = settled.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid IN ('hedgehog.fabric'::regclass, "
        "'hedgehog.git_repository'::regclass) AND contype IN ('c', 'u')"
    )
    not_by_settings = {
        "fabric_name_key",
        "git_repository_name_key",
        "git_repository_host_check",
        "fabric_suspended_reason_check",
        "fabric_suspension_is_whole",
    }
    assert {name for (name,) in named} - not_by_settings <= set(refusals.CONSTRAINTS)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        (("VPC", "default", "Upper", {}), "fabric_object_name_check"),
        (("VPC", "default", "a" * 254, {}), "fabric_object_name_check"),
        (("VPC", "default", "a", {"kind": "External"}), "fabric_object_names_agree"),
        (("VPC", "default", "a", {"metadata": {"name": "a", "namespace": "b"}}), "fabric_object_names_agree"),
    ],
)
def test_an_object_row_cannot_contradict_itself(settled, values, constraint):
    """Whoever writes it."""
    fabric = fabrics.load_fabric(settled.connection, "lab")
    kind, namespace, name, change = values
    manifest = {**make_vpc(name), **change}
    with pytest.raises(InvalidInput) as refused:
        settled.execute(
            "INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest) VALUES (%s, %s, %s, %s, %s)",
            *(fabric.id, kind, namespace, name, fabrics.jsonb(manifest)),
        )
    assert constraint in str(refused.value)


def test_a_repository_in_use_cannot_be_deleted(bench):
    """Its fabrics would lose their files."""
    bench.synced_fabric()
    with pytest.raises(InvalidInput, match=r"it refuses a value: .*fabric_git_repository_id_fkey"):
        bench.execute("DELETE FROM hedgehog.git_repository")


def test_an_unknown_name_is_answered_with_similar_ones(bench):
    """Or with how to find it."""
    bench.fabric("fabric-1")
    with pytest.raises(NotFound, match=r"there is no fabric .fabrik-1.; did you mean fabric-1"):
        fabrics.load_fabric(bench.connection, "fabrik-1")
    with pytest.raises(NotFound, match="`hedgehog fabric list` shows them all"):
        fabrics.suspend(bench.connection, "x", reason="r", until=None)


def test_objects_are_stored_and_reported_by_what_happened_to_them(bench):
    """The second time nothing did."""
    fabric = bench.fabric()
    wanted = [make_vpc("b"), make_vpc("a", mode="l3vni")]
    created = object_store.save_objects(bench.connection, fabric.id, wanted)
    assert [str(change) for change in created.changes] == ["VPC/default/a created", "VPC/default/b created"]
    assert object_store.save_objects(bench.connection, fabric.id, wanted).writes == ()
    changed = object_store.save_objects(bench.connection, fabric.id, [make_vpc("a")], delete_missing=True)
    assert changed.changes == (
        Change(ObjectRef("VPC", "default", "a"), Action.CONFIGURED),
        Change(ObjectRef("VPC", "default", "b"), Action.DELETED),
    )
    stored = object_store.load_objects(bench.connection, [fabric.id])[fabric.id]
    assert [(one.ref.name, one.manifest) for one in stored] == [("a", make_vpc("a"))]


def test_the_digest_depends_on_the_content_only(bench):
    """Not on the order of keys."""
    one, two = bench.fabric("one"), bench.fabric("two")
    object_store.save_objects(bench.connection, one.id, [make_vpc(a=1, b={"c": 1, "d": 2})])
    object_store.save_objects(bench.connection, two.id, [make_vpc(b={"d": 2, "c": 1}, a=1)])
    stored = object_store.load_objects(bench.connection, [one.id, two.id])
    assert stored[one.id][0].digest == stored[two.id][0].digest


def test_a_statement_raises_the_generation_once_however_many_objects_it_changes(bench):
    """Insert, update, delete."""
    fabric = bench.fabric()
    object_store.save_objects(bench.connection, fabric.id, [make_vpc(f"v{number}") for number in range(50)])
    assert bench.generation() == 2
    bench.execute("UPDATE hedgehog.fabric_object SET manifest = jsonb_set(manifest, '{spec,mode}', '\"l3vni\"')")
    assert bench.generation() == 3
    object_store.delete_objects(
        bench.connection, fabric.id, [ObjectRef("VPC", "default", f"v{number}") for number in range(9)]
    )
    assert bench.generation() == 4
    bench.execute("DELETE FROM hedgehog.fabric_object")
    assert bench.generation() == 5


def test_a_statement_that_changes_nothing_raises_nothing(bench):
    """Equal content, absent rows, empty lists."""
    fabric = bench.fabric()
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()], delete_missing=True)
    object_store.delete_objects(bench.connection, fabric.id, [ObjectRef("VPC", "default", "absent")])
    bench.execute("UPDATE hedgehog.fabric_object SET manifest = manifest, updated_at = now()")
    bench.execute("UPDATE hedgehog.fabric SET description = description")
    assert bench.generation() == 2


def test_each_fabric_of_a_statement_gets_its_own_rise(bench):
    """And the others none."""
    one, two = bench.fabric("one"), bench.fabric("two")
    bench.fabric("three")
    for fabric in (one, two):
        object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    bench.execute("DELETE FROM hedgehog.fabric_object")
    assert [bench.generation(name) for name in ("one", "two", "three")] == [3, 3, 1]


def test_an_object_that_moves_changes_both_fabrics(bench):
    """The one it leaves and the one it joins."""
    one, two = bench.fabric("one"), bench.fabric("two")
    object_store.save_objects(bench.connection, one.id, [make_vpc()])
    bench.execute("UPDATE hedgehog.fabric_object SET fabric_id = %s", two.id)
    assert [bench.generation(name) for name in ("one", "two")] == [3, 2]


def test_suspending_is_not_a_change_of_what_is_wanted(bench):
    """The generation stays."""
    bench.fabric()
    fabrics.suspend(bench.connection, "lab", reason="r", until=None)
    fabrics.resume(bench.connection, "lab")
    assert bench.generation() == 1


def test_a_deleted_fabric_takes_its_rows_with_it_but_not_its_history(bench):
    """What happened stays known."""
    fabric = bench.synced_fabric()
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    bench.execute(
        "INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, counts, reason, duration) "
        "VALUES (%s, 'lab', 'git', 'success', 1, '{}', '', 0)",
        fabric.id,
    )
    fabrics.delete_fabric(bench.connection, "lab")
    tables = ("fabric", "fabric_object", "sync_state", "sync_event")
    assert [bench.execute(f"SELECT count(*) FROM hedgehog.{table}")[0][0] for table in tables] == [0, 0, 0, 1]
    assert bench.due(Target.GIT, force=True) == []


@pytest.mark.parametrize(
    ("until", "year"), [("NULL", None), ("'infinity'", 9999), ("'20000-01-01'", 9999), ("'0044-03-15 BC'", 1)]
)
def test_a_time_that_no_client_has_is_the_last_or_first_that_it_has(bench, until: str, year: int | None) -> None:
    """Such a row was the end of everything that lists fabrics."""
    bench.fabric("lab")
    bench.execute(f"UPDATE hedgehog.fabric SET suspended = true, suspended_until = {until}")
    (fabric,) = fabrics.load_fabrics(bench.connection)
    assert (fabric.suspended_until and fabric.suspended_until.year) == year
