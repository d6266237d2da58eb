"""What was written to Git, and what differs from it."""

from __future__ import annotations

import pytest

from hedgehog.fabric.model import ObjectRef
from hedgehog.store import git_files
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from hedgehog.store.git_files import GitFile
from tests.store.benches import make_vpc

BLOB, OTHER_BLOB = "a" * 40, "b" * 40


def ref(name):
    """A VPC by name."""
    return ObjectRef("VPC", "default", name)


@pytest.fixture
def fabric(bench):
    """A fabric with VPCs a and b, both of them wanted in Git."""
    found = bench.fabric()
    object_store.save_objects(bench.connection, found.id, [make_vpc("a"), make_vpc("b")])
    return found


def record(bench, fabric, written=(), removed=(), held=()):
    """Write what a push did."""
    with transaction(bench.connection) as cursor:
        git_files.record(cursor, fabric.id, written=written, removed=removed, held=held)


def file_of(bench, fabric, name, **values):
    """The file of a VPC as it is in the database now."""
    stored = {one.ref.name: one for one in object_store.load_objects(bench.connection, [fabric.id])[fabric.id]}[name]
    return GitFile(f"vpcs/{name}.yaml", ref(name), BLOB, stored.digest, stored.manifest, **values)


def test_only_what_is_not_in_git_yet_is_read(bench, fabric):
    """The cost follows the change."""
    found = git_files.changed_objects(bench.connection, [fabric.id])[fabric.id]
    assert [one.ref.name for one in found] == ["a", "b"]
    record(bench, fabric, [file_of(bench, fabric, "a"), file_of(bench, fabric, "b")])
    assert git_files.changed_objects(bench.connection, [fabric.id]) == {fabric.id: []}
    object_store.save_objects(bench.connection, fabric.id, [make_vpc("b", mode="l3vni")])
    found = git_files.changed_objects(bench.connection, [fabric.id])[fabric.id]
    assert [(one.ref.name, one.manifest["spec"]) for one in found] == [("b", {"mode": "l3vni"})]


def test_a_file_without_its_object_is_to_be_removed(bench, fabric):
    """A README and fabric.yaml have no object and stay."""
    resource = {"kind": "Fabric"}
    published = GitFile("fabric.yaml", ObjectRef("Fabric", "hedgehog-system", "lab"), BLOB, None, resource)
    record(bench, fabric, [GitFile("README.md", None, BLOB), published, file_of(bench, fabric, "a")])
    assert git_files.removed_files(bench.connection, [fabric.id]) == {fabric.id: []}
    object_store.delete_objects(bench.connection, fabric.id, [ref("a")])
    assert [one.path for one in git_files.removed_files(bench.connection, [fabric.id])[fabric.id]] == ["vpcs/a.yaml"]
    record(bench, fabric, removed=["vpcs/a.yaml"])
    assert set(git_files.files(bench.connection, [fabric.id])[fabric.id]) == {"README.md", "fabric.yaml"}


def test_the_cluster_gets_what_was_published(bench, fabric):
    """Not what changed since."""
    record(bench, fabric, [file_of(bench, fabric, "a"), GitFile("README.md", None, BLOB)])
    object_store.save_objects(bench.connection, fabric.id, [make_vpc("a", mode="l3vni")])
    assert git_files.published(bench.connection, [fabric.id]) == {fabric.id: [make_vpc("a")]}


def test_a_held_file_keeps_its_reason_until_it_is_freed(bench, fabric):
    """And nothing else of it changes."""
    record(bench, fabric, [file_of(bench, fabric, "a")])
    record(bench, fabric, held=[("vpcs/a.yaml", "edited by somebody")])
    (found,) = git_files.files(bench.connection, [fabric.id])[fabric.id].values()
    assert (found.held_reason, found.blob_id, found.ref) == ("edited by somebody", BLOB, ref("a"))
    record(bench, fabric, held=[("vpcs/a.yaml", None)])
    (found,) = git_files.files(bench.connection, [fabric.id])[fabric.id].values()
    assert found.held_reason is None


def test_a_file_is_written_over_and_an_object_may_move(bench, fabric):
    """The old path goes in the same push."""
    record(bench, fabric, [file_of(bench, fabric, "a")])
    moved = GitFile("new/a.yaml", ref("a"), OTHER_BLOB, "x", make_vpc("a"))
    record(bench, fabric, [moved], removed=["vpcs/a.yaml"])
    (found,) = git_files.files(bench.connection, [fabric.id])[fabric.id].values()
    assert (found.path, found.blob_id) == ("new/a.yaml", OTHER_BLOB)


def test_every_fabric_asked_for_has_an_answer(bench, fabric):
    """An empty one, if there is nothing."""
    assert git_files.files(bench.connection, [fabric.id, 999]) == {fabric.id: {}, 999: {}}
