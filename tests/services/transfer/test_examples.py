"""The example fabrics import cleanly, keep Hedgehog's rules, and fit into one cluster together."""

from __future__ import annotations

import ipaddress
import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from devstack.demo_host import SECOND_FLOOR
from hedgehog.admission.check import check_objects
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.references import references
from hedgehog.fabric.settings import FabricSettings
from hedgehog.services.transfer.load import import_documents, read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import SOMEBODY

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The generated fabric."""
    directory = tmp_path_factory.mktemp("large")
    generate(directory)
    return directory


def generate(directory):
    """Run the generator."""
    subprocess.run([sys.executable, EXAMPLES / "generate_large.py", directory], check=True, capture_output=True)


@pytest.fixture(scope="module")
def examples(postgres, large):
    """A database with both fabrics."""
    connection = store_database.connect(postgres.database("examples", template="hedgehog_template"))
    fabrics.save_repository(connection, "demo", {"url": "https://git.example.com/demo.git"})
    for name, directory in (("gen", EXAMPLES / "gen"), ("large", large)):
        report = import_documents(connection, read_documents(read_paths([directory])), origin=SOMEBODY)
        assert (report.fabric, report.notes) == (name, ())
    yield connection
    connection.close()
    postgres.drop("examples")


@pytest.fixture(scope="module")
def stored(examples):
    """The manifests of both fabrics by ref."""
    rows = {fabric.name: fabric.id for fabric in fabrics.load_fabrics(examples)}
    objects = object_store.load_objects(examples, list(rows.values()))
    return {name: {one.ref: one.manifest for one in objects[row]} for name, row in rows.items()}


def specs(objects, kind):
    """The specs of a kind by name."""
    return {ref.name: manifest["spec"] for ref, manifest in objects.items() if ref.kind == kind}


def ports(value):
    """Every "device/port" below *value*."""
    if isinstance(value, list):
        return [port for item in value for port in ports(item)]
    if isinstance(value, dict):
        own = [value["port"]] if isinstance(value.get("port"), str) else []
        return own + [port for child in value.values() for port in ports(child)]
    return []


def test_both_are_synced_to_the_demo_repository_and_cluster(examples):
    """In directories of their own."""
    settings = {
        (
            fabric.name,
            fabric.git_directory,
            fabric.kubernetes_connection_id,
            fabric.git_sync_enabled,
            fabric.kubernetes_sync_enabled,
        )
        for fabric in fabrics.load_fabrics(examples)
    }
    assert settings == {
        ("gen", "fabrics/gen", "demo_cluster", True, True),
        ("large", "fabrics/large", "demo_cluster", True, True),
    }


def test_one_is_large_and_the_other_has_every_kind_that_a_live_fabric_has(stored):
    """Sixty-four switches, and sixteen kinds."""
    assert len(specs(stored["large"], "Switch")) == 64
    assert len(stored["large"]) > 800
    assert len({ref.kind for ref in stored["gen"]}) == 16


def test_a_cluster_would_take_them_alone_and_side_by_side_without_a_word(stored):
    """No rule of admission is broken, and nothing is worth a warning."""
    gen, large = (list(stored[name].values()) for name in ("gen", "large"))
    for objects in (gen, large, gen + large):
        assert check_objects(objects, FabricSettings(), strict=True) == {}


def test_the_office_fits_beside_them_before_and_after_its_pull_request(stored):
    """It lives in the same cluster, and the demo's pull request adds a subnet."""
    texts = [file.read_text() for file in sorted((EXAMPLES / "office").glob("*s.yaml"))]
    others = [manifest for objects in stored.values() for manifest in objects.values()]
    for added in ("", SECOND_FLOOR):
        office = [one for text in [*texts[:-1], texts[-1] + added] for one in yaml.safe_load_all(text) if one]
        assert len(office) == 4
        assert len(office[-1]["spec"]["subnets"]) == (2 if added else 1)
        assert check_objects([*others, *office], FabricSettings(), strict=True) == {}


def test_no_object_is_in_both(stored):
    """One cluster holds them side by side."""
    assert not stored["gen"].keys() & stored["large"].keys()


def test_every_reference_leads_to_an_object_of_the_same_fabric(stored):
    """Namespaces that are meant by default included."""
    for objects in stored.values():
        for manifest in objects.values():
            assert references(manifest) <= objects.keys(), manifest["metadata"]["name"]
        for vpc in specs(objects, "VPC").values():
            assert ObjectRef("IPv4Namespace", "default", vpc.get("ipv4Namespace", "default")) in objects
            assert ObjectRef("VLANNamespace", "default", vpc.get("vlanNamespace", "default")) in objects


def test_addresses_and_asns_of_switches_are_unique_and_in_their_subnets(stored):
    """Over both fabrics."""
    switches = [spec for objects in stored.values() for spec in specs(objects, "Switch").values()]
    for field, subnet in (("ip", "172.30.0.0/22"), ("protocolIP", "172.30.8.0/22"), ("vtepIP", "172.30.12.0/22")):
        found = [ipaddress.ip_interface(spec[field]).ip for spec in switches if field in spec]
        assert len(set(found)) == len(found)
        assert all(address in ipaddress.ip_network(subnet) for address in found)
    for spec in switches:
        assert (spec["role"] == "spine") == ("vtepIP" not in spec) == (spec["asn"] == 65100)
    leaves = [spec["asn"] for spec in switches if spec["role"] != "spine"]
    assert len(set(leaves)) == len(leaves)
    assert all(65101 <= asn <= 65533 for asn in leaves)


def test_a_port_is_in_one_connection_only(stored):
    """On switches, servers and gateways."""
    used = Counter(
        port for objects in stored.values() for spec in specs(objects, "Connection").values() for port in ports(spec)
    )
    assert [port for port, count in used.items() if count > 1] == []


def test_links_of_the_fabric_are_unique_networks_of_two(stored):
    """Both ends in one /31 of the fabric's subnet."""
    networks = []
    for objects in stored.values():
        for spec in specs(objects, "Connection").values():
            for links in [spec[kind]["links"] for kind in ("fabric", "mesh", "gateway") if kind in spec]:
                for link in links:
                    ends = [ipaddress.ip_interface(end["ip"]) for end in link.values()]
                    assert len(ends) == 2
                    assert ends[0].network == ends[1].network
                    assert ends[0].ip != ends[1].ip
                    networks.append(ends[0].network)
    assert len(set(networks)) == len(networks) > 240
    assert all(
        network.prefixlen == 31 and network.subnet_of(ipaddress.ip_network("172.30.128.0/17")) for network in networks
    )


def test_names_that_hedgehog_keeps_short_are_short(stored):
    """VPCs, externals and address namespaces have at most 11 characters."""
    for objects in stored.values():
        assert all(len(ref.name) <= 11 for ref in objects if ref.kind in ("VPC", "External", "IPv4Namespace"))
        assert all(len(ref.name) <= 63 for ref in objects)


def test_subnets_of_vpcs_are_inside_their_namespace_and_do_not_overlap(stored):
    """Nor do VLANs."""
    for objects in stored.values():
        pools = specs(objects, "IPv4Namespace")
        ranges = specs(objects, "VLANNamespace")
        subnets, vlans = [], []
        for vpc in specs(objects, "VPC").values():
            pool = [ipaddress.ip_network(one) for one in pools[vpc.get("ipv4Namespace", "default")]["subnets"]]
            space = vpc.get("vlanNamespace", "default")
            for subnet in vpc["subnets"].values():
                network = ipaddress.ip_network(subnet["subnet"])
                assert any(network.subnet_of(one) for one in pool)
                subnets.append(network)
                if "vlan" in subnet:
                    assert any(
                        one["from"] <= subnet["vlan"] <= one.get("to", one["from"]) for one in ranges[space]["ranges"]
                    )
                    vlans.append((space, subnet["vlan"]))
        assert len(set(vlans)) == len(vlans)
        subnets.sort()
        assert not any(one.overlaps(other) for one, other in itertools.pairwise(subnets))


def test_address_pools_and_vlans_of_the_two_do_not_meet(stored):
    """Whatever is attached where."""
    pools = [
        [ipaddress.ip_network(net) for spec in specs(objects, "IPv4Namespace").values() for net in spec["subnets"]]
        for objects in stored.values()
    ]
    assert not any(one.overlaps(other) for one in pools[0] for other in pools[1])
    vlans = [
        {
            vlan
            for spec in specs(objects, "VLANNamespace").values()
            for one in spec["ranges"]
            for vlan in range(one["from"], one.get("to", one["from"]) + 1)
        }
        for objects in stored.values()
    ]
    assert not vlans[0] & vlans[1]
    assert max(vlans[0] | vlans[1]) < 3000


def test_an_attachment_is_there_once(stored):
    """A subnet and a cable."""
    for objects in stored.values():
        pairs = [(spec["subnet"], spec["connection"]) for spec in specs(objects, "VPCAttachment").values()]
        assert len(set(pairs)) == len(pairs)


def test_the_large_fabric_is_the_same_every_time(large, tmp_path):
    """Byte by byte."""
    generate(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in large.iterdir()
    }
