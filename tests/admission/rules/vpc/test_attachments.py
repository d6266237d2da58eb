"""What a cluster says of VPCAttachments."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.admission.review import Admission
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_link,
    make_spine,
    make_subnet,
    make_switch,
    make_vpc,
)

LINK = "fabric.githedgehog.com/p2p-link"


def attach(subnet: str = "vpc-1/default", connection: str = "single", name: str = "mine", **spec: Any) -> Manifest:
    """A VPCAttachment."""
    return make("VPCAttachment", name, {"subnet": subnet, "connection": connection, **spec})


def fabric(*more: Manifest, upstream: Upstream = Upstream.V0_129) -> Admission:
    """VPCs of both modes, one with a hostBGP subnet, and Connections of every sort, with nothing attached."""
    pair = {"redundancy": {"group": "pair", "type": "eslag"}}
    return make_admission(
        make_server("srv-1"),
        make_switch("leaf-1", 1, **pair),
        make_switch("leaf-2", 2, **pair),
        make_switch("leaf-3", 3, vlanNamespaces=["other"]),
        make_switch("leaf-4", 4, profile="celestica-ds5000"),
        make_spine("spine-1", profile="celestica-ds4000"),
        make_link("single"),
        make_link("bundle", "bundled"),
        make_link("both", "eslag", "leaf-1", "leaf-2"),
        make_link("foreign", "unbundled", "leaf-3"),
        make_link("l3-only", "unbundled", "leaf-4"),
        make_link("out", "unbundled", "gone"),
        make("Connection", "loop", {"vpcLoopback": {}}),
        make_vpc("vpc-1", {"default": make_subnet(1), "bgp": make_subnet(2, vlan=0, hostBGP=True)}),
        make_vpc("vpc-3", {"default": make_subnet(3)}, mode="l3vni"),
        *more,
        settings=FabricSettings(upstream=upstream),
    )


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (attach(), []),
        (attach("vpc-1"), []),
        (attach(connection="bundle", nativeVLAN=True), []),
        (attach(connection="both"), []),
        (attach("vpc-1/bgp"), []),
        (attach("vpc-3/default", "l3-only"), []),
        (attach(""), ["attachment-subnet-required .spec.subnet"]),
        (attach("/default"), ["attachment-subnet-required .spec.subnet"]),
        (attach(connection=""), ["attachment-connection-required .spec.connection"]),
        (attach("vpc-9/default"), ["attachment-vpc-missing .spec.subnet"]),
        (attach("vpc-1/nope"), ["attachment-subnet-missing .spec.subnet"]),
        (attach("vpc-1/"), ["attachment-subnet-missing .spec.subnet"]),
        (
            attach("vpc-9/x", "nope"),
            ["attachment-vpc-missing .spec.subnet", "attachment-connection-missing .spec.connection"],
        ),
        (attach(connection="loop"), ["attachment-connection-type .spec.connection"]),
        (attach("vpc-3/default", "both"), ["attachment-eslag-mode .spec.connection"]),
        (attach("vpc-1/bgp", "bundle"), ["attachment-hostbgp-connection .spec.connection"]),
        (attach("vpc-1/bgp", nativeVLAN=True), ["attachment-hostbgp-native-vlan .spec.nativeVLAN"]),
        (attach(connection="foreign"), ["attachment-vlan-namespace .spec.connection"]),
        (attach(connection="l3-only"), ["attachment-mode-unsupported .spec.connection"]),
        (attach(connection="out"), ["attachment-switch-missing .spec.connection"]),
    ],
)
def test_attachments_need_a_connection_that_fits_their_vpc(attachment: Manifest, expected: list[str]) -> None:
    """The subnet, the type of the Connection, its switches and their models decide."""
    assert broken_rules(fabric().create(attachment)) == expected


def test_the_older_release_allows_a_native_vlan_for_hostbgp() -> None:
    """v0.126 does not look."""
    assert fabric(upstream=Upstream.V0_126).create(attach("vpc-1/bgp", nativeVLAN=True)).accepted


def test_hostbgp_cannot_be_combined_with_mclag() -> None:
    """Not even on one of the two switches."""
    switch = make_switch("leaf-5", 5, redundancy={"group": "pair", "type": "mclag"})
    verdict = fabric(switch, make_link("mc", "unbundled", "leaf-5")).create(attach("vpc-1/bgp", "mc"))
    assert broken_rules(verdict) == ["attachment-hostbgp-mclag .spec.connection"]


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("10.99.0.0/31", True),
        ("10.99.0.1/31", True),
        ("10.99.0.0/30", False),
        ("fd00::/31", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_p2p_link_is_an_ipv4_31(text: str, accepted: bool) -> None:
    """Either of the two addresses will do."""
    attachment = attach()
    attachment["metadata"]["annotations"] = {LINK: text}
    expected = [] if accepted else [f'attachment-p2p-link-invalid .metadata.annotations["{LINK}"]']
    assert broken_rules(fabric().create(attachment)) == expected


def test_a_subnet_is_attached_once_and_only_one_is_untagged() -> None:
    """An update may keep what the attachment itself has."""
    there = fabric(attach(name="first", nativeVLAN=True))
    assert broken_rules(there.create(attach())) == ["attachment-duplicate .spec.subnet"]
    assert broken_rules(there.create(attach("vpc-3/default", nativeVLAN=True))) == [
        "attachment-native-vlan-taken .spec.nativeVLAN"
    ]
    assert there.create(attach("vpc-3/default")).accepted
    assert there.update(attach(name="first", nativeVLAN=True)).accepted


def test_an_attachment_can_always_be_deleted() -> None:
    """Nothing refers to it."""
    assert fabric(attach()).delete("VPCAttachment", "mine").accepted
