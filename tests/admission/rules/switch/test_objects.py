"""What a cluster says of Switches: fields, references, ports, addresses, changes, and our own warnings."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests.rule import RULES, Severity
from tests.admission.rules.factories import broken_rules, make_admission, make_profile, make_spine, make_switch

PAIR = {"group": "pair", "type": "eslag"}

ACCEPTED = {
    "leaf": make_switch(),
    "spine": make_spine(),
    "leaf of a pair": make_switch(redundancy=PAIR),
    "speed of a group": make_switch(portGroupSpeeds={"1": "SPEED_10G"}),
    "speed of a port": make_switch(profile="celestica-ds2000", portSpeeds={"E1/48": "10G", "E1/50": "40G"}),
    "breakout": make_switch(portBreakouts={"E1/55": "4x25G"}),
    "negotiation of a part": make_switch(profile="celestica-ds3000", portAutoNegs={"E1/1/1": True}),
    "FEC by the alias": make_switch(portFECs={"E1/49": "rs", "E1/50/1": "fc", "E1/1": "auto"}),
    "FEC of parts": make_switch(portBreakouts={"E1/49": "4x25G"}, portFECs={"E1/49/4": "rs"}),
    "RoCE": make_switch(profile="celestica-ds5000", roce=True, ecmp={"roceQPN": True}),
}


@pytest.mark.parametrize("manifest", ACCEPTED.values(), ids=ACCEPTED)
@pytest.mark.parametrize("upstream", Upstream)
def test_a_valid_switch_is_accepted(manifest: Manifest, upstream: Upstream) -> None:
    """Nothing to say, not even a warning."""
    verdict = make_admission(settings=FabricSettings(upstream=upstream)).create(manifest)
    assert (verdict.accepted, broken_rules(verdict)) == (True, [])


REFUSED = {
    "no ASN": (make_switch(asn=None), ["switch-field-missing .spec.asn"]),
    "no IP": (make_switch(ip=None), ["switch-field-missing .spec.ip"]),
    "no protocol IP": (make_switch(protocolIP=""), ["switch-field-missing .spec.protocolIP"]),
    "no profile": (make_switch(profile=None), ["switch-field-missing .spec.profile"]),
    "leaf without VTEP": (make_switch(vtepIP=None), ["switch-vtep-ip-missing .spec.vtepIP"]),
    "spine with VTEP": (make_spine(vtepIP="172.30.12.9/32"), ["switch-vtep-ip-on-spine .spec.vtepIP"]),
    "group without type": (
        make_switch(redundancy={"group": "pair"}),
        ["switch-redundancy-incomplete .spec.redundancy"],
    ),
    "type without group": (
        make_switch(redundancy={"type": "eslag"}),
        ["switch-redundancy-incomplete .spec.redundancy"],
    ),
    "VLANNamespace": (make_switch(vlanNamespaces=["no"]), ["switch-vlan-namespace-missing .spec.vlanNamespaces[0]"]),
    "VLANNamespace twice": (
        make_switch(vlanNamespaces=["default", "default"]),
        ["switch-vlan-namespaces-overlap .spec.vlanNamespaces"],
    ),
    "group": (make_switch(groups=["nope", "pair"]), ["switch-group-missing .spec.groups[0]"]),
    "profile": (make_switch(profile="cumulus-vx"), ["switch-profile-missing .spec.profile"]),
    "port group": (
        make_switch(portGroupSpeeds={"13": "10G"}),
        ['switch-port-group-missing .spec.portGroupSpeeds["13"]'],
    ),
    "speed of a group": (
        make_switch(portGroupSpeeds={"1": "1G"}),
        ['switch-port-group-speed .spec.portGroupSpeeds["1"]'],
    ),
    "speed of no port": (make_switch(portSpeeds={"E1/99": "10G"}), ['switch-port-missing .spec.portSpeeds["E1/99"]']),
    "speed of a grouped port": (
        make_switch(portSpeeds={"E1/1": "10G"}),
        ['switch-port-speed-fixed .spec.portSpeeds["E1/1"]'],
    ),
    "speed": (
        make_switch(profile="celestica-ds2000", portSpeeds={"E1/1": "1G"}),
        ['switch-port-speed .spec.portSpeeds["E1/1"]'],
    ),
    "breakout of a fixed port": (
        make_switch(portBreakouts={"E1/1": "4x25G"}),
        ['switch-port-breakout-fixed .spec.portBreakouts["E1/1"]'],
    ),
    "breakout mode": (
        make_switch(portBreakouts={"E1/49": "8x25G"}),
        ['switch-port-breakout .spec.portBreakouts["E1/49"]'],
    ),
    "negotiation by the alias": (
        make_switch(profile="celestica-ds3000", portAutoNegs={"E1/1": True}),
        ['switch-port-auto-negotiation .spec.portAutoNegs["E1/1"]'],
    ),
    "FEC by the alias of a split port": (
        make_switch(portBreakouts={"E1/49": "4x25G"}, portFECs={"E1/49": "rs"}),
        ['switch-port-fec .spec.portFECs["E1/49"]'],
    ),
    "locators": (
        make_switch(profile="vs", portLocators={"E1/1": "5m"}),
        ["switch-port-locators-unsupported .spec.portLocators"],
    ),
    "locator of a split port": (
        make_switch(portLocators={"E1/49": "5m"}),
        ['switch-port-locator-port .spec.portLocators["E1/49"]'],
    ),
    "locator for how long": (
        make_switch(portLocators={"*": "a while"}),
        ['switch-port-locator-expiry .spec.portLocators["*"]'],
    ),
    "RoCE": (make_switch(profile="celestica-ds2000", roce=True), ["switch-roce-unsupported .spec.roce"]),
    "queue pairs": (make_switch(ecmp={"roceQPN": True}), ["switch-roce-qpn-unsupported .spec.ecmp.roceQPN"]),
    "ESLAG": (
        make_switch(profile="celestica-ds5000", redundancy=PAIR),
        ["switch-eslag-unsupported .spec.redundancy.type"],
    ),
    "all ports": (
        make_spine(
            profile="celestica-ds4000", portBreakouts={f"E1/{number}": "8x50G" for number in range(1, 33) if number % 2}
        ),
        ["switch-ports-exceeded .spec.portBreakouts"],
    ),
    "one pipeline": (
        make_switch(profile="celestica-ds5000", portBreakouts={"E1/1": "8x100G", "E1/4": "8x100G"}),
        ["switch-pipeline-exceeded .spec.portBreakouts"],
    ),
    "no prefix": (make_switch(ip="172.30.0.10"), ["switch-address-invalid .spec.ip"]),
    "no host": (make_switch(protocolIP="172.30.8.9/31"), ["switch-address-not-host .spec.protocolIP"]),
    "outside": (make_switch(vtepIP="172.30.8.9/32"), ["switch-address-outside .spec.vtepIP"]),
    "DHCP": (make_switch(ip="172.30.4.0/21"), ["switch-ip-in-dhcp-range .spec.ip"]),
    "control node": (make_switch(ip="172.30.0.1/21"), ["switch-address-used .spec.ip"]),
    "leaf ASN": (make_switch(asn=65100), ["switch-asn-outside .spec.asn"]),
    "spine ASN": (make_spine(asn=65101), ["switch-asn-of-spines .spec.asn"]),
}


@pytest.mark.parametrize(("manifest", "expected"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_switch_is_refused(manifest: Manifest, expected: list[str]) -> None:
    """Each fault gives its violation at its place, and no follow-ups."""
    assert broken_rules(make_admission().create(manifest)) == [*expected]


TAKEN = {
    "ip": ({"ip": "172.30.0.10/24"}, ["switch-address-used .spec.ip"]),
    "protocolIP": ({"protocolIP": "172.30.8.2/32"}, ["switch-address-used .spec.protocolIP"]),
    "vtepIP": ({"vtepIP": "172.30.12.1/32"}, ["switch-address-used .spec.vtepIP"]),
    "asn": ({"asn": 65101}, ["switch-asn-used .spec.asn"]),
}


@pytest.mark.parametrize(("same", "expected"), TAKEN.values(), ids=TAKEN)
def test_switches_have_different_addresses_and_leaves_different_asns(same: dict[str, Any], expected: list[str]) -> None:
    """The other switch is named; the switch itself does not count when it is updated."""
    admission = make_admission(make_switch("leaf-1", 1), make_switch("leaf-2", 2))
    assert broken_rules(admission.create(make_switch("leaf-3", 3, **same))) == expected
    assert broken_rules(admission.update(make_switch("leaf-2", 2, **same))) == expected
    assert broken_rules(admission.update(make_switch("leaf-1", 1, description="new"))) == []


def test_mclag_partners_may_share_asn_and_vtep_address() -> None:
    """Upstream still lets them, and warns."""
    mclag = {"redundancy": {"group": "pair", "type": "mclag"}}
    admission = make_admission(make_switch("leaf-1", 1, **mclag))
    verdict = admission.create(make_switch("leaf-2", 2, asn=65101, vtepIP="172.30.12.1/32", **mclag))
    assert (verdict.accepted, broken_rules(verdict)) == (True, ["switch-mclag-deprecated .spec.redundancy.type"])


@pytest.mark.parametrize("enabled", [True, False])
def test_addresses_of_gateways_are_taken_if_the_fabric_has_gateways(enabled: bool) -> None:
    """Without the gateway, upstream does not look."""
    admission = make_admission(settings=FabricSettings(gateway_enabled=enabled))
    admission.put(make("Gateway", "gw-1", {"protocolIP": "172.30.8.2/32", "vtepIP": "172.30.12.1/32"}))
    expected = ["switch-address-used .spec.protocolIP", "switch-address-used .spec.vtepIP"] if enabled else []
    assert broken_rules(admission.create(make_switch())) == expected


def test_an_undefined_pipeline_has_room_for_no_port() -> None:
    """As in a profile whose pipelines were changed under the switch."""
    profile = make_profile(pipelines={"2": {"maxPorts": 4}})
    assert broken_rules(make_admission(profile).create(make_switch(profile="mine"))) == [
        "switch-pipeline-exceeded .spec.portBreakouts"
    ]


@pytest.mark.parametrize("after", [{"E1/1": "4x25G"}, {}])
def test_breakouts_cannot_change_while_roce_is_on(after: dict[str, str]) -> None:
    """Even when RoCE goes off in the same change, and an empty mapping is not the same as none."""
    old = make_switch(profile="celestica-ds3000", roce=True)
    admission = make_admission(old)
    new = make_switch(profile="celestica-ds3000", portBreakouts=after)
    assert broken_rules(admission.update(new)) == ["switch-breakouts-frozen .spec.portBreakouts"]
    assert broken_rules(admission.update(make_switch(profile="celestica-ds3000"))) == []


def make_connection(name: str, port: str, *, kind: str = "unbundled", switch: str = "leaf-1") -> Manifest:
    """A Connection of the switch, with the label that admission gives it."""
    link = {"switch": {"port": f"{switch}/{port}"}, "server": {"port": "srv/e1"}}
    spec = {kind: {"link": link} if kind == "unbundled" else {"links": [link]}}
    return make("Connection", name, spec, labels={f"switch.fabric.githedgehog.com/{switch}": "true"})


def test_a_switch_with_connections_cannot_be_deleted() -> None:
    """MCLAG connections carry no label, and do not count."""
    admission = make_admission(make_switch(), make_switch("leaf-2", 2), make_connection("c", "E1/1"))
    assert broken_rules(admission.delete("Switch", "leaf-1")) == ["switch-has-connections ."]
    assert admission.delete("Switch", "leaf-2").accepted


WARNED = {
    "legacy role": (make_switch(role="virtual-edge"), ["switch-role-legacy .spec.role"]),
    "boot.mac": (make_switch(boot={"mac": "no"}), ["switch-boot-mac-invalid .spec.boot.mac"]),
    "boot.serial": (make_switch(boot={"serial": "sn-9"}), ["switch-boot-duplicate .spec.boot.serial"]),
    "locators": (make_switch(portLocators={"E1/1": "10m"}), ["switch-port-locators-kept .spec.portLocators"]),
    "locators that are over": (
        make_switch(portLocators={"E1/1": "2026-01-01 00:00:00"}),
        ["switch-port-locators-kept .spec.portLocators"],
    ),
}


@pytest.mark.parametrize(("manifest", "expected"), WARNED.values(), ids=WARNED)
def test_what_upstream_accepts_by_mistake_is_a_warning(manifest: Manifest, expected: list[str]) -> None:
    """The object is accepted all the same."""
    verdict = make_admission(make_switch("leaf-9", 9, boot={"serial": "SN-9"})).create(manifest)
    assert (verdict.accepted, broken_rules(verdict)) == (True, expected)


CHANGED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({"portBreakouts": {"E1/49": "4x25G", "E1/56": "4x25G"}}, []),
    "role": ({"role": "border-leaf"}, ["switch-role-changed .spec.role"]),
    "profile": (
        {"profile": "vs", "portBreakouts": {}},
        ["switch-profile-changed .spec.profile", "switch-port-in-use .spec.profile"],
    ),
    "breakout": ({"portBreakouts": {"E1/49": "1x40G"}}, ["switch-port-in-use .spec.portBreakouts"]),
    "redundancy": ({"redundancy": {}}, ["switch-redundancy-changed .spec.redundancy"]),
    "VLANNamespace": ({"vlanNamespaces": ["other"]}, ["switch-vlan-namespace-in-use .spec.vlanNamespaces"]),
}


@pytest.mark.parametrize(("change", "expected"), CHANGED.values(), ids=CHANGED)
def test_changes_that_break_connections_and_attachments_are_warnings(
    change: dict[str, Any], expected: list[str]
) -> None:
    """Upstream checks neither again."""
    before: dict[str, Any] = {"redundancy": PAIR, "groups": ["pair"], "portBreakouts": {"E1/49": "4x25G"}}
    admission = make_admission(
        make_switch(**before),
        make_connection("c", "E1/49/1", kind="eslag"),
        make("VLANNamespace", "other", {"ranges": [{"from": 3, "to": 4}]}),
        make("VPC", "v", {"vlanNamespace": "default", "subnets": {"a": {"subnet": "10.0.1.0/24", "vlan": 1001}}}),
        make("VPCAttachment", "a", {"connection": "c", "subnet": "v/a"}),
    )
    verdict = admission.update(make_switch(**{**before, **change}))
    assert (verdict.accepted, broken_rules(verdict)) == (True, expected)


def test_every_rule_of_switches_has_a_test() -> None:
    """The tables above name each of them."""
    named = " ".join(
        [one for _, lines in (*REFUSED.values(), *WARNED.values(), *CHANGED.values(), *TAKEN.values()) for one in lines]
        + ["switch-mclag-deprecated", "switch-breakouts-frozen", "switch-has-connections"]
    )
    # The CRD refuses other types of redundancy before the webhook does.
    unreachable = {"switch-redundancy-type"}
    assert {id for id in RULES if id.startswith("switch-") and id not in named} == unreachable


def test_warnings_are_about_what_upstream_accepts() -> None:
    """Nothing that is refused is called a warning."""
    warnings = {id for id, rule in RULES.items() if id.startswith("switch-") and rule.severity is Severity.WARNING}
    assert warnings == {
        "switch-boot-duplicate",
        "switch-boot-mac-invalid",
        "switch-mclag-deprecated",
        "switch-port-in-use",
        "switch-port-locators-kept",
        "switch-profile-changed",
        "switch-redundancy-changed",
        "switch-role-changed",
        "switch-role-legacy",
        "switch-vlan-namespace-in-use",
    }


def test_a_switch_may_lack_structures_that_a_patch_removed() -> None:
    """A cluster stores them empty only when its webhook has something else to change."""
    verdict = make_admission(make_switch()).patch(
        "Switch", "leaf-1", {"spec": {"redundancy": None, "boot": None, "ecmp": None}}
    )
    assert (verdict.accepted, broken_rules(verdict)) == (True, [])
