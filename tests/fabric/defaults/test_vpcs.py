"""The form in which a cluster stores VPCs, their attachments and namespaces."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

SETTINGS = FabricSettings()
PREFIX = "fabric.githedgehog.com/"


def subnet_of(**fields: Any) -> Any:
    """The subnet 10.0.1.0/24 of a VPC as stored."""
    vpc = make("VPC", "vpc-1", {"subnets": {"a": {"subnet": "10.0.1.0/24", "vlan": 1001, **fields}}})
    return stored(vpc, SETTINGS)["spec"]["subnets"]["a"]


def test_a_vpc_gets_namespaces_labels_and_gateways() -> None:
    """The user's labels are kept, those with admission's prefix are computed again."""
    vpc = make(
        "VPC", "vpc-1", {"subnets": {"a": {"subnet": "10.0.1.7/24"}}}, labels={"team": "a", f"{PREFIX}vlanns": "x"}
    )
    vpc["metadata"].pop("namespace")
    before = copy.deepcopy(vpc)
    after = stored(vpc, SETTINGS)
    assert after == {
        **vpc,
        "metadata": {
            "name": "vpc-1",
            "namespace": "default",
            "labels": {"team": "a", f"{PREFIX}ipv4ns": "default", f"{PREFIX}vlanns": "default"},
        },
        "spec": {
            "ipv4Namespace": "default",
            "vlanNamespace": "default",
            "subnets": {"a": {"subnet": "10.0.1.7/24", "gateway": "10.0.1.1", "dhcp": {}}},
        },
    }
    assert vpc == before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"gateway": "", "vlan": 0}, {"gateway": "10.0.1.1", "vlan": 0, "dhcp": {}}),
        ({"subnet": "fd00::/30"}, {"subnet": "fd00::/30", "gateway": "fd00::1", "dhcp": {}}),
        ({"subnet": "x"}, {"subnet": "x", "dhcp": {}}),
        ({"hostBGP": True}, {"hostBGP": True, "dhcp": {}}),
        ({"dhcp": {"range": {"start": "x"}, "options": {"pxeURL": "x"}}}, {"gateway": "10.0.1.1", "dhcp": {}}),
        (
            {"dhcp": {"enable": True, "range": {"start": "10.0.1.9"}}},
            {"gateway": "10.0.1.1", "dhcp": {"enable": True, "range": {"start": "10.0.1.9", "end": "10.0.1.255"}}},
        ),
    ],
)
def test_a_subnet_gets_its_missing_defaults(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Zero values that somebody wrote stay where they mean something; DHCP that is off loses its settings."""
    assert subnet_of(**fields) == {"subnet": "10.0.1.0/24", "vlan": 1001, **expected}


def test_dhcp_options_get_defaults_and_are_sorted() -> None:
    """Empty ones vanish."""
    options = {"dnsServers": ["8.8.8.8", "1.1.1.1"], "advertisedRoutes": [{"destination": "b"}, {"destination": "a"}]}
    assert subnet_of(dhcp={"enable": True, "options": options})["dhcp"]["options"] == {
        "dnsServers": ["1.1.1.1", "8.8.8.8"],
        "timeServers": [],
        "interfaceMTU": 9036,
        "leaseTimeSeconds": 3600,
        "advertisedRoutes": [{"destination": "a"}, {"destination": "b"}],
    }
    assert "options" not in subnet_of(dhcp={"enable": True, "options": {"interfaceMTU": 0}})["dhcp"]


def test_mac_addresses_are_normalised() -> None:
    """But for subnets with empty options, where upstream stops early."""
    static = {"0C-20-12-FE-01-01": {"ip": "10.0.1.9"}}
    assert subnet_of(dhcp={"enable": True, "static": static})["dhcp"]["static"] == {
        "0c:20:12:fe:01:01": {"ip": "10.0.1.9"}
    }
    assert subnet_of(dhcp={"enable": True, "static": static, "options": {}})["dhcp"]["static"] == static


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("0C:20:12:FE:01:01", "0c:20:12:fe:01:01"),
        ("0c-20-12-fe-01-01", "0c:20:12:fe:01:01"),
        ("0c20.12fe.0101", "0c:20:12:fe:01:01"),
        ("0c:20:12:fe:01:01:02:03", "0c:20:12:fe:01:01:02:03"),
        ("0c:20:12:fe:01-01", None),
        ("0c2012fe0101", None),
        ("0c:20:12:fe:01", None),
        ("0c:20:12:fe:01:01:02", None),
        ("0c:20:12:fe:01:0g", None),
        ("0c:20:12:fe:01:01\n", None),
    ],
)
def test_mac_addresses_are_parsed_as_in_go(text: str, mac: str | None) -> None:
    """6, 8 or 20 bytes with one sort of separators."""
    assert parse_mac(text) == mac


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([{"from": 20}, {"from": 5, "to": 9}], {"ranges": [{"from": 5, "to": 9}, {"from": 20, "to": 20}]}),
        ([{"from": 5, "to": 0}], {"ranges": [{"from": 5, "to": 5}]}),
        ([{"from": 20, "to": 30}, {"from": 9, "to": 5}], {}),
        ([{"to": 5}], {}),
        ([{"from": 4095}], {}),
    ],
)
def test_vlan_ranges_are_sorted_or_dropped(ranges: list[dict[str, int]], expected: dict[str, Any]) -> None:
    """One bad range, and none is stored."""
    assert stored(make("VLANNamespace", "ns", {"ranges": ranges}), SETTINGS)["spec"] == expected


def test_subnets_of_a_namespace_are_sorted_as_text() -> None:
    """Not by number."""
    namespace = make("IPv4Namespace", "ns", {"subnets": ["9.0.0.0/8", "10.0.0.0/8"]})
    assert stored(namespace, SETTINGS)["spec"]["subnets"] == ["10.0.0.0/8", "9.0.0.0/8"]


def test_an_object_that_admission_does_not_change_is_stored_as_sent() -> None:
    """Without labels an empty map is created, which counts as a change although it is not visible."""
    bare = {"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "IPv4Namespace"}
    assert "spec" not in stored({**bare, "metadata": {"name": "ns", "labels": {"team": "a"}}}, SETTINGS)
    assert stored({**bare, "metadata": {"name": "ns"}}, SETTINGS)["spec"] == {}


def test_a_removed_empty_struct_is_not_added_again() -> None:
    """Nothing that upstream sees has changed."""
    vpc = stored(make("VPC", "vpc-1", {"subnets": {"a": {"subnet": "10.0.1.0/24"}}}), SETTINGS)
    del vpc["spec"]["subnets"]["a"]["dhcp"]
    assert stored(vpc, SETTINGS) == vpc


@pytest.mark.parametrize(
    ("spec", "subnet", "labels"),
    [
        (
            {"subnet": "vpc-1", "connection": "c"},
            "vpc-1/default",
            {"vpc": "vpc-1", "subnet": "default", "connection": "c"},
        ),
        (
            {"subnet": "vpc-1/a/b", "nativeVLAN": True},
            "vpc-1/a/b",
            {"vpc": "vpc-1", "subnet": "a/b", "connection": "", "nativevlan": "true"},
        ),
        ({"subnet": "vpc-1/"}, "vpc-1/", {"vpc": "vpc-1", "subnet": "default", "connection": ""}),
    ],
)
def test_an_attachment_gets_its_subnet_and_labels(spec: dict[str, Any], subnet: str, labels: dict[str, str]) -> None:
    """A VPC alone means its subnet `default`."""
    after = stored(make("VPCAttachment", "a", spec), SETTINGS)
    assert after["spec"]["subnet"] == subnet
    assert after["metadata"]["labels"] == {f"{PREFIX}{key}": value for key, value in labels.items()}


OPTIONAL = st.sampled_from(["", "10.0.1.1", "10.0.1.9", "x"])
DHCP = st.fixed_dictionaries(
    {},
    optional={
        "enable": st.booleans(),
        "range": st.fixed_dictionaries({}, optional={"start": OPTIONAL, "end": OPTIONAL}),
        "options": st.fixed_dictionaries(
            {},
            optional={
                "pxeURL": OPTIONAL,
                "dnsServers": st.lists(OPTIONAL),
                "interfaceMTU": st.sampled_from([0, 1500]),
                "advertisedRoutes": st.lists(
                    st.fixed_dictionaries({}, optional={"destination": OPTIONAL, "gateway": OPTIONAL})
                ),
            },
        ),
        "static": st.dictionaries(
            st.sampled_from(["0C:20:12:FE:01:01", "0c:20:12:fe:01:01", "0c20.12fe.0101", "x"]),
            st.fixed_dictionaries({"ip": OPTIONAL}),
        ),
    },
)
SUBNETS = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries(
        {},
        optional={
            "subnet": st.sampled_from(["10.0.1.0/24", "10.0.1.7/30", "10.0.1.0/31", "0.0.0.0/0", "::/0", "x", ""]),
            "gateway": OPTIONAL,
            "vlan": st.integers(0, 4095),
            "hostBGP": st.booleans(),
            "dhcp": DHCP,
        },
    ),
)
RANGES = st.lists(st.fixed_dictionaries({}, optional={"from": st.integers(0, 5000), "to": st.integers(0, 5000)}))
SENT = st.one_of(
    st.builds(lambda subnets: make("VPC", "vpc-1", {"subnets": subnets}), SUBNETS),
    st.builds(lambda ranges: make("VLANNamespace", "ns", {"ranges": ranges}), RANGES),
    st.builds(lambda subnets: make("IPv4Namespace", "ns", {"subnets": subnets}), st.lists(OPTIONAL)),
    st.builds(lambda subnet: make("VPCAttachment", "a", {"subnet": subnet}), st.text("ab/", max_size=5)),
)


@given(SENT)
def test_a_stored_vpc_is_not_changed_again(manifest: Manifest) -> None:
    """Admission has nothing to add to its own work, and leaves its input alone.

    But for MAC addresses beside empty DHCP options: upstream drops the options, and sees the addresses the next time.
    """
    before = copy.deepcopy(manifest)
    once = stored(manifest, SETTINGS)
    twice = stored(once, SETTINGS)
    assert _without_leases(twice) == _without_leases(once)
    assert stored(twice, SETTINGS) == twice
    assert manifest == before


def _without_leases(manifest: Manifest) -> Manifest:
    """A copy without what `_fill_dhcp` may only see the second time."""
    copied = copy.deepcopy(manifest)
    for subnet in copied["spec"].get("subnets", {}).values() if copied["kind"] == "VPC" else ():
        subnet["dhcp"].pop("static", None)
    return copied
