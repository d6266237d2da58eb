"""A directory of hhfab becomes a fabric."""

from __future__ import annotations

import pytest

from devstack.objects import make_vpc
from devstack.unhydrated import make_fab, make_wiring, text, write
from hedgehog.errors import InvalidInput
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.services.transfer.from_hhfab import hhfab_paths, take_fabricator
from hedgehog.services.transfer.load import import_documents, read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import SOMEBODY

CONFIG = {"vtepSubnet": "172.30.20.0/22", "mode": "spine-leaf"}


@pytest.fixture
def directory(tmp_path):
    """With two files in include/, and with what hhfab leaves lying around."""
    write(tmp_path, make_fab(gateways=1, config={"fabric": CONFIG}), make_wiring(gateways=1, servers=1))
    (tmp_path / "include" / "vpcs.yaml").write_text(text([make_vpc("vpc-1")]))
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "old.yaml").write_text("kind: [")
    return tmp_path


def imported(connection, path, *, fabric="lab", **values):
    documents = read_documents(read_paths(hhfab_paths(path)))
    others, given = take_fabricator(connection, documents, fabric=fabric, values=values)
    return import_documents(connection, others, origin=SOMEBODY, fabric=fabric, mode=HydrationMode.MISSING, given=given)


def stored(connection):
    fabric = fabrics.load_fabric(connection, "lab")
    return fabric, {
        f"{one.ref.kind}/{one.ref.name}": one.manifest
        for one in object_store.load_objects(connection, [fabric.id])[fabric.id]
    }


def test_only_what_hhfab_reads_is_read(directory):
    """fab.yaml and the files of include/; another directory is none of its."""
    assert [path.name for path in hhfab_paths(directory)] == ["fab.yaml", "vpcs.yaml", "wiring.yaml"]
    assert hhfab_paths(directory / "include") is None


def test_wiring_vpcs_and_settings_are_taken_as_they_are(database, directory):
    """Hydrated with the ranges of the Fabricator, which itself is not stored."""
    report = imported(database, directory, kubernetes_connection_id="lab_cluster")
    fabric, objects = stored(database)
    assert (report.fabric, len(objects)) == ("lab", len(make_wiring(gateways=1, servers=1)) + 3)
    assert (fabric.kubernetes_connection_id, fabric.settings.vtep_subnet) == ("lab_cluster", "172.30.20.0/22")
    assert fabric.settings.gateway_enabled
    assert objects["Switch/leaf-01"]["spec"]["vtepIP"] == "172.30.20.0/32"
    assert objects["ControlNode/control-1"]["spec"]["management"]["ip"] == "172.30.0.5/21"
    assert "VPC/vpc-1" in objects
    assert "Fabricator/default" not in objects


def test_a_second_import_changes_nothing(database, directory):
    """And other settings of the fabric stay."""
    imported(database, directory)
    fabrics.save_fabric(database, "lab", {"prune_max_objects": 7})
    assert imported(database, directory).objects.writes == ()
    assert stored(database)[0].prune_max_objects == 7


def test_a_fabricator_that_cannot_be_read_is_refused_with_its_place(database, tmp_path):
    """Nothing is stored."""
    write(tmp_path, make_fab(config={"fabric": {"vtepSubnet": "x"}}), make_wiring())
    with pytest.raises(InvalidInput, match=r"fab.yaml:\d+:\d+: spec.config.fabric.vtepSubnet: "):
        imported(database, tmp_path)
    assert fabrics.load_fabrics(database, ["lab"]) == []


def test_the_fabric_must_be_named(database, directory):
    """Nothing in the directory names it."""
    documents = read_documents(read_paths(hhfab_paths(directory)))
    with pytest.raises(InvalidInput, match="--fabric NAME"):
        take_fabricator(database, documents, fabric=None, values={})
