"""What a cluster says of Externals and ExternalAttachments."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.admission.review import Admission
from hedgehog.fabric.model import Manifest
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_external,
    make_external_attachment,
    make_external_peering,
    make_link,
    make_vpc,
)

STATIC = {"remoteIP": "100.1.0.2", "ip": "100.1.0.1/24", "vlan": 20}


def fabric(*more: Manifest) -> Admission:
    """Externals of both forms, external Connections `border` and `spare`, and another Connection."""
    borders = [make("Connection", name, {"external": {"link": {}}}) for name in ("border", "spare")]
    return make_admission(
        make_external("ext-1"),
        make_external("fixed", static={"prefixes": ["0.0.0.0/0"]}),
        *borders,
        make_link("single"),
        *more,
    )


def static(*prefixes: str, **spec: Any) -> Manifest:
    """A static External."""
    return make_external("mine", static={"prefixes": list(prefixes)}, **spec)


@pytest.mark.parametrize(
    ("external", "expected"),
    [
        (make_external("mine"), []),
        (make_external("mine", inboundCommunity="", outboundCommunity=""), []),
        (make_external("mine", inboundCommunity="65535:0"), []),
        (static("10.0.0.0/24", "10.0.1.0/24"), []),
        (make_external("a-long-name1"), ["external-name-too-long .metadata.name"]),
        (make_external("mine", inboundCommunity="65536:1"), ["external-community .spec.inboundCommunity"]),
        (make_external("mine", outboundCommunity="01:1"), ["external-community .spec.outboundCommunity"]),
        (static("10.0.0.0/24", inboundCommunity="1:1"), ["external-static-communities .spec.inboundCommunity"]),
        (static(), ["external-static-empty .spec.static.prefixes"]),
        (static("10.0.0.0"), ["external-static-prefix .spec.static.prefixes[0]"]),
        (static("10.1.0.0/16", "10.0.0.0/8"), ["external-static-overlap .spec.static.prefixes[0]"]),
        (make_external("mine", ipv4Namespace="nope"), ["external-ipv4-namespace-absent .spec.ipv4Namespace"]),
        (static("172.30.8.0/24"), ["external-static-reserved .spec.static.prefixes[0]"]),
        (static("fd00::/64", "10.0.0.1/8"), [f"external-static-unusual .spec.static.prefixes[{at}]" for at in (0, 1)]),
        (make_external("ext.mine"), ["external-name-marked .metadata.name"]),
    ],
)
def test_an_external_has_communities_or_prefixes(external: Manifest, expected: list[str]) -> None:
    """And a short name, in a namespace that exists; odd prefixes are warned of."""
    assert broken_rules(fabric().create(external)) == expected


@pytest.mark.parametrize("user", [make_external_attachment(), make_external_peering()])
def test_an_external_is_deleted_after_its_attachments_and_peerings(user: Manifest) -> None:
    """The refusal names them."""
    admission = fabric(make_vpc("vpc-1"), user)
    verdict = admission.delete("External", "ext-1")
    assert [str(one) for one in verdict.violations] == [f".: is used by {user['kind']} {user['metadata']['name']}"]
    admission.remove(user["kind"], user["metadata"]["name"])
    assert admission.delete("External", "ext-1").accepted


def test_changing_an_external_that_is_in_use_is_a_warning() -> None:
    """Upstream accepts a change of form or of namespace; while nothing uses the External there is no warning."""
    changed = make_external("ext-1", static={"prefixes": ["0.0.0.0/0"]}, ipv4Namespace="other")
    other = make("IPv4Namespace", "other", {"subnets": ["10.1.0.0/16"]})
    assert broken_rules(fabric(other, make_external_attachment()).update(changed)) == [
        "external-form-changed .spec.static",
        "external-ipv4-namespace-changed .spec.ipv4Namespace",
    ]
    assert broken_rules(fabric(other, make_vpc("vpc-1"), make_external_peering()).update(changed)) == [
        "external-ipv4-namespace-changed .spec.ipv4Namespace"
    ]
    assert broken_rules(fabric(other).update(changed)) == []


def fixed(**changes: Any) -> Manifest:
    """An ExternalAttachment in the static form; None removes a field."""
    fields = {field: value for field, value in {**STATIC, **changes}.items() if value is not None}
    return make_external_attachment(external="fixed", static=fields)


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (make_external_attachment(), []),
        (fixed(), []),
        (fixed(ip=None, proxy=True), []),
        (fixed(remoteIP="fe80::1%eth0"), []),
        (make_external_attachment(external=""), ["external-attachment-external-required .spec.external"]),
        (make_external_attachment(external="nope"), ["external-attachment-external-absent .spec.external"]),
        (make_external_attachment(external="fixed"), ["external-attachment-form .spec.static"]),
        (make_external_attachment(static=STATIC), ["external-attachment-form .spec.static"]),
        (make_external_attachment(connection=""), ["external-attachment-connection-required .spec.connection"]),
        (make_external_attachment(connection="nope"), ["external-attachment-connection-absent .spec.connection"]),
        (make_external_attachment(connection="single"), ["external-attachment-connection-type .spec.connection"]),
        (make_external_attachment(switch={}), ["external-attachment-switch-ip .spec.switch.ip"]),
        (make_external_attachment(switch={"ip": "100.1.0.1"}), ["external-attachment-switch-ip .spec.switch.ip"]),
        (make_external_attachment(switch={"ip": "100.1.0.1/024"}), []),
        (
            make_external_attachment(neighbor={}),
            [
                "external-attachment-neighbor-asn .spec.neighbor.asn",
                "external-attachment-neighbor-ip .spec.neighbor.ip",
            ],
        ),
        (
            make_external_attachment(neighbor={"asn": 1, "ip": "100.1.0.2/24"}),
            ["external-attachment-neighbor-ip .spec.neighbor.ip"],
        ),
        (
            make_external_attachment(neighbor={"asn": 1, "ip": "0.0.0.0"}),
            ["external-attachment-neighbor-unspecified .spec.neighbor.ip"],
        ),
        (
            make_external_attachment(external="fixed", static=STATIC, switch={"vlan": 5}, neighbor={"asn": 1}),
            [f"external-attachment-static-exclusive .spec.{field}" for field in ("switch.vlan", "neighbor.asn")],
        ),
        (fixed(remoteIP=""), ["external-attachment-remote-ip .spec.static.remoteIP"]),
        (fixed(remoteIP="100.1.0.2/24"), ["external-attachment-remote-ip .spec.static.remoteIP"]),
        (fixed(proxy=True), ["external-attachment-ip-or-proxy .spec.static"]),
        (fixed(ip=None), ["external-attachment-ip-or-proxy .spec.static"]),
        (fixed(ip="100.1.0.1"), ["external-attachment-static-ip .spec.static.ip"]),
        (fixed(vlan=4095), ["external-attachment-vlan-range .spec.static.vlan"]),
    ],
)
def test_an_external_attachment_has_one_of_two_forms(attachment: Manifest, expected: list[str]) -> None:
    """That of its External, at a Connection of type external."""
    assert broken_rules(fabric().create(attachment)) == expected


def test_attachments_of_a_connection_have_different_vlans() -> None:
    """Whatever the form; no VLAN counts as one."""
    admission = fabric(
        make_external_attachment("first"), make_external_attachment("bare", switch={"ip": "100.2.0.1/24"})
    )
    assert broken_rules(admission.create(make_external_attachment("second"))) == [
        "external-attachment-vlan-taken .spec.switch.vlan"
    ]
    for vlan in (10, 0):
        assert broken_rules(admission.create(fixed(vlan=vlan))) == ["external-attachment-vlan-taken .spec.static.vlan"]
    assert broken_rules(admission.create(make_external_attachment("second", connection="spare"))) == []
    assert broken_rules(admission.update(make_external_attachment("first"))) == []


def statement(**changes: Any) -> dict[str, Any]:
    """A statement of an ACL."""
    whole = {"seq": 10, "action": "permit", "protocol": "tcp", "srcPrefix": "any", "dstPrefix": "10.0.0.0/8"}
    return {**whole, **changes}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement(), statement(seq=20, portRangeBegin=80, portRangeEnd=80)], []),
        ([statement(tcpFilters={"syn": True, "notAck": True})], []),
        ([statement(protocol="icmp", icmpType=0)], []),
        ([statement(seq=9)], ["external-acl-seq [0].seq"]),
        ([statement(), statement()], ["external-acl-seq [1].seq"]),
        ([statement(action="drop")], ["external-acl-action [0].action"]),
        ([statement(protocol="gre")], ["external-acl-protocol [0].protocol"]),
        (
            [statement(srcPrefix="", dstPrefix="x")],
            ["external-acl-prefix [0].srcPrefix", "external-acl-prefix [0].dstPrefix"],
        ),
        ([statement(protocol="udp", tcpFilters={})], ["external-acl-tcp-filters [0].tcpFilters"]),
        (
            [statement(tcpFilters={"established": True, "ack": True})],
            ["external-acl-tcp-filters [0].tcpFilters.established"],
        ),
        ([statement(tcpFilters={"syn": True, "notSyn": True})], ["external-acl-tcp-filters [0].tcpFilters.notSyn"]),
        ([statement(icmpCode=0)], ["external-acl-icmp [0].icmpCode"]),
        ([statement(protocol="ip", portRangeEnd=1)], ["external-acl-ports [0].portRangeBegin"]),
        ([statement(portRangeEnd=80)], ["external-acl-ports [0].portRangeBegin"]),
        ([statement(portRangeBegin=81, portRangeEnd=80)], ["external-acl-ports [0].portRangeBegin"]),
        (
            [statement(srcPrefix="10.0.0.1/8", dstPrefix="fd00::/64")],
            ["external-acl-prefix-unusual [0].srcPrefix", "external-acl-prefix-unusual [0].dstPrefix"],
        ),
    ],
)
def test_statements_of_an_acl_are_validated(statements: list[dict[str, Any]], expected: list[str]) -> None:
    """Each for itself, and their numbers together."""
    found = broken_rules(fabric().create(make_external_attachment(inboundACL={"statements": statements})))
    assert [one.replace(".spec.inboundACL.statements", "") for one in found] == expected
