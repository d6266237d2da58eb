"""The settings of a fabric, from its Fabricator and from plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from devstack.webhook_config import from_webhook_config
from hedgehog.errors import InvalidInput
from hedgehog.fabric.fabricator import effective_settings, read_fabricator
from hedgehog.fabric.settings import FabricSettings, Upstream, parse_settings


def make_fabricator(**config):
    """The smallest Fabricator, with *config* in its place."""
    return {"apiVersion": "fabricator.githedgehog.com/v1beta1", "kind": "Fabricator", "spec": {"config": config}}


def test_an_empty_fabricator_means_the_defaults_without_a_gateway():
    """As `hhfab init` makes it."""
    assert read_fabricator(make_fabricator())[0] == FabricSettings(gateway_enabled=False)


@pytest.mark.parametrize(
    ("sample", "config"),
    [
        ("generated__hhfab-vlab/gateway-1.fab.yaml", "default"),
        ("generated__hhfab-vlab/spineleaf-default.fab.yaml", "gateway-off"),
        ("githedgehog__nvidia-air-demo/config.yaml", "air"),
    ],
)
def test_a_real_fabricator_gives_what_its_controller_was_configured_with(reference: Path, sample, config):
    """The other half of the path: fabricator's own rendering of the same manifests."""
    manifest = next(yaml.safe_load_all((reference / "samples" / sample).read_text()))
    webhook = json.loads((reference / "admission" / "fabric-config.json").read_text())["configs"][config]
    assert read_fabricator(manifest)[0] == from_webhook_config(webhook)


def test_every_relevant_field_is_read():
    """Zero values mean unset, as in Go; a VLAN range without an end is one VLAN."""
    manifest = make_fabricator(
        control={"controlVIP": "10.9.0.1/32", "managementSubnet": "10.9.0.0/24"},
        fabric={
            "spineASN": 65000,
            "leafASNStart": 0,
            "vpcIRBVLANs": [{"from": 3000}],
            "proxyExternalSubnet": "10.8.0.0/22",
        },
        gateway={"enable": True, "communities": {"0": "50001:0", "1": "50001:1"}},
    )
    assert read_fabricator(manifest)[0] == FabricSettings(
        control_vip="10.9.0.1/32",
        management_subnet="10.9.0.0/24",
        spine_asn=65000,
        vpc_irb_vlans=((3000, 3000),),
        gateway_communities=2,
        reserved_subnets=(
            "10.9.0.0/24",
            "172.30.128.0/17",
            "172.30.8.0/22",
            "172.30.12.0/22",
            "172.30.96.0/19",
            "172.30.95.0/31",
            "10.8.0.0/22",
        ),
    )


def test_every_invalid_field_is_named():
    """All of them, each with what is wrong."""
    manifest = make_fabricator(
        control={"managementSubnet": "10.9.0.0"},
        fabric={"spineASN": "65100", "vpcIRBVLANs": [{"from": 3000, "to": 5000}], "vpcWorkaroundSubnet": 7},
        gateway={"communities": ["50001:0"]},
    )
    assert [f"Fabricator: .{'.'.join(path)}: {text}" for path, text in read_fabricator(manifest)[1]] == [
        "Fabricator: .spec.config.control.managementSubnet: '10.9.0.0' is not a subnet such as 172.30.0.0/21",
        "Fabricator: .spec.config.fabric.spineASN: '65100' is not a number from 0",
        "Fabricator: .spec.config.fabric.vpcIRBVLANs: [3000, 5000] is not a range of VLANs from 1 to 4094, the lower "
        "one first",
        "Fabricator: .spec.config.gateway.communities: ['50001:0'] is not a mapping",
        "Fabricator: .spec.config.fabric.vpcWorkaroundSubnet: 7 is not text",
    ]


def test_a_fabricator_overrides_all_settings_that_it_can_express():
    """The release of upstream, and fields that fabricator never sets."""
    stored = FabricSettings(upstream=Upstream.V0_126, vpc_peering_disabled=True, spine_asn=64000)
    vpc = {"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "VPC", "metadata": {"name": "a"}}
    assert effective_settings(stored, [vpc]) == stored
    assert effective_settings(stored, [vpc, make_fabricator()]) == FabricSettings(
        upstream=Upstream.V0_126, vpc_peering_disabled=True, gateway_enabled=False
    )


def test_an_unreadable_fabricator_leaves_the_previous_one_in_force():
    """It is refused; if there was none before, what can be read of it applies."""
    good, bad = (
        make_fabricator(fabric={"spineASN": 64000}),
        make_fabricator(fabric={"spineASN": "x", "leafASNEnd": 65200}),
    )
    assert effective_settings(FabricSettings(), [bad], before=[good]).spine_asn == 64000
    alone = effective_settings(FabricSettings(), [bad])
    assert (alone.spine_asn, alone.leaf_asn_end) == (65100, 65200)


def test_the_fabricator_named_default_applies_in_any_order():
    """The database sorts by name, files come by path."""
    one, other = make_fabricator(fabric={"spineASN": 64000}), make_fabricator(fabric={"spineASN": 64001})
    one["metadata"], other["metadata"] = {"name": "default"}, {"name": "aaa"}
    assert effective_settings(FabricSettings(), [one, other]) == effective_settings(FabricSettings(), [other, one])
    assert effective_settings(FabricSettings(), [other, one]).spine_asn == 64000


@pytest.mark.parametrize(
    "settings",
    [
        FabricSettings(),
        FabricSettings(
            upstream=Upstream.V0_126, gateway_enabled=False, vpc_irb_vlans=((1, 2), (5, 9)), fabric_mtu=9000
        ),
        FabricSettings(reserved_subnets=(), management_dhcp_start="10.0.0.9", management_subnet="10.0.0.0/24"),
    ],
)
def test_stored_settings_are_read_back(settings):
    """Through JSON, as the database keeps it."""
    assert parse_settings(json.loads(json.dumps(settings.as_dict()))) == settings


def test_default_settings_are_not_stored():
    """An empty mapping."""
    assert FabricSettings().as_dict() == {}
    assert parse_settings({}) == FabricSettings()
    assert replace(FabricSettings(), fabric_mtu=9000).as_dict() == {"fabric_mtu": 9000}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"fabric_mtuu": 9000}, "settings.fabric_mtuu: there is no such setting; did you mean fabric_mtu?"),
        ({"upstream": "v1"}, "settings.upstream: 'v1' is none of v0.126, v0.129"),
        ({"gateway_enabled": 1}, "settings.gateway_enabled: 1 is not true or false"),
        ({"spine_asn": True}, "settings.spine_asn: True is not a number from 0"),
        ({"vpc_irb_vlans": [3000, 3899]}, "settings.vpc_irb_vlans: 3000 is not a range such as [3000, 3899]"),
        ({"vpc_irb_vlans": [[9, 1]]}, "settings.vpc_irb_vlans: [9, 1] is not a range of VLANs from 1 to 4094"),
        ({"reserved_subnets": "10.0.0.0/8"}, "settings.reserved_subnets: '10.0.0.0/8' is not a list"),
        ({"reserved_subnets": ["10.0.0.0/33"]}, "settings.reserved_subnets: '10.0.0.0/33' is not a subnet"),
        ({"management_dhcp_end": "10.0.0.0/8"}, "settings.management_dhcp_end: '10.0.0.0/8' is not an address"),
    ],
)
def test_an_invalid_setting_is_named(values, said):
    """With what it could be."""
    with pytest.raises(InvalidInput) as caught:
        parse_settings(values)
    assert str(caught.value).startswith(said)
