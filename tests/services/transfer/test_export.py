"""What is exported imports to exactly the same."""

from __future__ import annotations

import pytest

from hedgehog.errors import NotFound
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import CONTROLLER_KINDS
from hedgehog.manifests import yaml
from hedgehog.services.transfer.export import CONFIGURATION_FILE, export, stream
from hedgehog.services.transfer.load import import_documents
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import SOMEBODY

SETTINGS = {
    "description": "two\nlines: and 'quotes'",
    "asn": 4294967295,
    "spine_count": 0,
    "spine_leaf_links": {"speed": "100G", "list": [1, None, {"a": "yes"}]},
    "switch_config": {"on": "off", "1": 0.5},
    "git_repository": "net",
    "git_directory": "fabrics/lab",
    "git_sync_enabled": True,
    "kubernetes_connection_id": "c",
    "kubernetes_namespace": "racks",
    "enable_k8s_sync": True,
    "git_drift_policy": "adopt",
    "prune_max_objects": 0,
    "resync_seconds": 61,
    "settings": {"gateway_enabled": False, "reserved_subnets": ["10.0.0.0/8"]},
}


@pytest.fixture
def other(postgres):
    """A second, empty fabric database."""
    parameters = postgres.database("other", template="hedgehog_template")
    connection = store_database.connect(parameters)
    yield connection
    connection.close()
    postgres.drop("other")


def documents(files):
    """The documents of exported files."""
    return [document for name, text in files.items() for document in yaml.load(text, file=name)]


def make_fabric(database):
    """A fabric with settings of every type and two objects."""
    fabrics.save_repository(database, "net", {"url": "ssh://git@host/net.git", "connection_id": None})
    fabrics.save_fabric(database, "Lab", SETTINGS)
    fabric = fabrics.load_fabric(database, "Lab")
    vpc = {"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "VPC", "spec": {"permit": [["a", "b"]]}}
    group = {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "SwitchGroup", "spec": {}}
    vpc["metadata"] = {"name": "a", "namespace": "default", "annotations": {"note": "50000:50"}}
    group["metadata"] = {"name": "g", "namespace": "racks"}
    object_store.save_objects(database, fabric.id, [vpc, group])
    return fabrics.load_fabric(database, "Lab")


def test_an_export_is_one_file_an_object_behind_the_configuration(database):
    """Where the fabric's directory in Git is does not matter."""
    make_fabric(database)
    assert list(export(database, "Lab")) == [CONFIGURATION_FILE, "switchgroups/racks/g.yaml", "vpcs/a.yaml"]


def test_an_export_imported_again_changes_nothing(database):
    """The law, file by file and as one stream."""
    before = make_fabric(database)
    files = export(database, "Lab")
    for found in (documents(files), yaml.load(stream(files), file="stream")):
        report = import_documents(database, found, replace=True, origin=SOMEBODY)
        assert (report.repositories, report.fabrics) == ({"net": Action.UNCHANGED}, {"Lab": Action.UNCHANGED})
        assert (report.objects.writes, report.notes) == ((), ())
    assert fabrics.load_fabric(database, "Lab") == before


def test_an_export_makes_the_same_fabric_elsewhere(database, other):
    """And exports to the same bytes from there."""
    make_fabric(database)
    files = export(database, "Lab")
    import_documents(other, documents(files), allow_invalid=True, origin=SOMEBODY)
    assert export(other, "Lab") == files


def test_an_export_brings_back_what_was_changed(database):
    """Settings that were not set included."""
    make_fabric(database)
    files = export(database, "Lab")
    fabrics.save_fabric(database, "Lab", {"description": "x", "git_sync_enabled": False, "git_repository": None})
    fabrics.save_repository(database, "net", {"connection_id": "git"})
    import_documents(database, documents(files), replace=True, origin=SOMEBODY)
    assert export(database, "Lab") == files


def test_a_fabric_without_repository_has_none_in_its_export(database):
    """Null means none."""
    fabrics.save_fabric(database, "bare", {})
    (document,) = documents(export(database, "bare"))
    assert document.manifest["spec"]["git_repository"] is None


def test_a_fabric_that_is_not_there_cannot_be_exported(database):
    """With near names."""
    make_fabric(database)
    with pytest.raises(NotFound, match="did you mean Lab"):
        export(database, "Lap")


@pytest.mark.parametrize(
    "sample",
    [
        "samples/githedgehog__nvidia-air-demo/include.yaml",
        "samples/generated__hhfab-vlab/gateway-1.wiring.yaml",
        "samples/generated__hhfab-vlab/spineleaf-default.wiring.yaml",
        "admission/fabrics/gen.yaml",
        "admission/fabrics/spineleaf.yaml",
        "admission/fabrics/v0129.yaml",
    ],
)
def test_upstreams_fabrics_survive_import_and_export(database, reference, sample):
    """Every object, unchanged."""
    fabrics.save_fabric(database, "lab", {})
    found = yaml.load((reference / sample).read_bytes(), file=sample)
    found = [document for document in found if document.manifest["kind"] not in CONTROLLER_KINDS]
    report = import_documents(database, found, fabric="lab", allow_invalid=True, origin=SOMEBODY)
    assert report.objects.counts()["created"] == len(found) >= 15
    files = export(database, "lab")
    assert len(files) == len(found) + 1
    assert import_documents(database, documents(files), replace=True, origin=SOMEBODY).objects.writes == ()
    assert export(database, "lab") == files
