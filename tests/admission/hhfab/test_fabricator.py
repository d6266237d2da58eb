"""What hhfab refuses in a Fabricator."""

from __future__ import annotations

import pytest

from devstack.unhydrated import make_fab
from hedgehog.admission.hhfab.fabricator import config_violations, fabricator_violations

ADMIN = {"password": "$5$a$b", "role": "admin"}


def broken(section, **fields):
    """The rules that a Fabricator breaks with *fields* in a section of its config, by path below spec.config."""
    config = make_fab()[0]["spec"]["config"]
    manifest = make_fab(config={section: {**config.get(section, {}), **fields}})[0]
    found = list(fabricator_violations(manifest)) or list(config_violations(manifest))
    return {".".join(map(str, one.path[2:])): one.rule.id for one in found}


def test_what_hhfab_makes_is_accepted():
    """Everything that it leaves out has a default."""
    assert broken("control") == {}


@pytest.mark.parametrize(
    ("section", "fields", "expected"),
    [
        ("registry", {"mode": "mirror"}, {"registry.mode": "fabricator-registry"}),
        ("registry", {"upstream": {"repo": "ghcr.io"}}, {"registry.upstream": "fabricator-registry"}),
        ("registry", {"mode": "upstream"}, {"registry.upstream.repo": "fabricator-registry"}),
        ("fabric", {"vtepSubnet": "10.60.0.0"}, {"fabric.vtepSubnet": "fabricator-subnet"}),
        ("fabric", {"protocolSubnet": "fd00::/64"}, {"fabric.protocolSubnet": "fabricator-subnet"}),
        ("fabric", {"vtepSubnet": "172.30.8.0/24"}, {"fabric.vtepSubnet": "fabricator-subnet-overlap"}),
        ("control", {"kubeClusterSubnet": "172.29.0.0/17"}, {"control.kubeClusterSubnet": "fabricator-subnet-overlap"}),
        ("fabric", {"managementDHCPEnd": "10.0.0.9"}, {"fabric.managementDHCPEnd": "fabricator-management-address"}),
        ("fabric", {"managementDHCPStart": "x"}, {"fabric.managementDHCPStart": "fabricator-management-address"}),
        ("control", {"controlVIP": "172.30.0.1/21"}, {"control.controlVIP": "fabricator-management-address"}),
        ("control", {"controlVIP": "172.31.0.1/32"}, {"control.controlVIP": "fabricator-management-address"}),
        ("control", {"kubeClusterDNS": "172.30.0.10"}, {"control.kubeClusterDNS": "fabricator-cluster-dns"}),
        ("control", {"defaultUser": {}}, {"control.defaultUser.password": "fabricator-user"}),
        ("fabric", {"mode": "collapsed-core"}, {"fabric.mode": "fabricator-mode"}),
        ("fabric", {"leafASNStart": 65533}, {"fabric.leafASNStart": "fabricator-asn"}),
        ("fabric", {"spineASN": 65200}, {"fabric.spineASN": "fabricator-asn"}),
        ("gateway", {"asn": 65100}, {"gateway.asn": "fabricator-asn"}),
        ("fabric", {"vpcIRBVLANs": [{"from": 3000, "to": 3950}]}, {"fabric.vpcIRBVLANs": "fabricator-vlans"}),
        ("gateway", {"communities": {"x": "1:1"}}, {"gateway.communities.x": "fabricator-gateway-community"}),
        ("gateway", {"communities": {"0": "1:70000"}}, {"gateway.communities.0": "fabricator-gateway-community"}),
        ("observability", {"defaults": "some"}, {"observability.defaults": "fabricator-observability"}),
        ("fabric", {"eslagMACBase": "f2:00"}, {"fabric.eslagMACBase": "fabricator-eslag"}),
        ("fabric", {"eslagESIPrefix": "00:f2:"}, {"fabric.eslagESIPrefix": "fabricator-eslag"}),
    ],
)
def test_each_wrong_value_is_refused_at_its_field(section, fields, expected):
    """And nothing else is."""
    assert broken(section, **fields) == expected


@pytest.mark.parametrize(
    ("users", "path"),
    [
        ({"op": {**ADMIN, "role": "operator"}}, ""),
        ({"admin": ADMIN, "root": ADMIN}, ".root"),
        ({"admin": ADMIN, "op": {**ADMIN, "role": "king"}}, ".op.role"),
        ({"admin": ADMIN, "op": {"role": "operator"}}, ".op.password"),
    ],
)
def test_switch_users_are_as_hhfab_wants_them(users, path):
    """The message never shows a password."""
    assert broken("fabric", defaultSwitchUsers=users) == {f"fabric.defaultSwitchUsers{path}": "fabricator-user"}


def test_defaults_of_older_releases_are_replaced():
    """They would collide with newer ones."""
    assert broken("fabric", leafASNEnd=65534, vpcIRBVLANs=[{"from": 3000, "to": 3999}]) == {}
