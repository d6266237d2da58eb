"""What a cluster says of Connections: types, ports, devices, addresses, changes, and our own warnings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make, make_server, make_vpc
from hedgehog.admission.review import Admission, AdmissionResponse
from hedgehog.admission.rules.table import rules
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import default_profiles
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests.rule import RULES, Severity
from tests.admission.rules.connection.connections import WARNED, connection, eslag, fabric, ports, static, unbundled

ESLAG = {"redundancy": {"group": "pair", "type": "eslag"}}


def switch(name: str, role: str = "server-leaf", profile: str = "dell-s5248f-on", **spec: Any) -> Manifest:
    """A Switch as far as Connections look at it."""
    return make("Switch", name, {"role": role, "profile": profile, **spec})


def attachment(kind: str, connection: str) -> Manifest:
    """Something attached to a Connection, as the cluster stores it."""
    return make(kind, f"to-{connection[:50]}", labels={"fabric.githedgehog.com/connection": connection})


def admission_with(*more: Manifest, upstream: Upstream = Upstream.V0_129) -> Admission:
    """Two leaves of a pair, one alone, a spine, two servers, a gateway and a VPC; nothing is connected yet."""
    admission = Admission(FabricSettings(upstream=upstream), default_profiles(FabricSettings()))
    objects = [
        switch("leaf-01", portBreakouts={"E1/55": "4x25G"}, **ESLAG),
        switch("leaf-02", **ESLAG),
        switch("leaf-03"),
        switch("spine-01", "spine", "celestica-ds4000"),
        make_server("srv-01"),
        make_server("srv-02"),
        make("Gateway", "gw-1"),
        make_vpc("vpc-1"),
        *more,
    ]
    for manifest in objects:
        admission.put(manifest)
    return admission


def broken_rules(verdict: AdmissionResponse) -> list[str]:
    """Rule and place of each violation."""
    return [f"{one.rule.id} {str(one).split(': ')[0]}" for one in verdict.violations]


def put(admission: Admission, *manifests: Manifest) -> Admission:
    """The fabric with these objects admitted."""
    for manifest in manifests:
        verdict = admission.create(manifest)
        assert verdict.stored is not None, verdict.violations
        admission.put(verdict.stored)
    return admission


GOOD: Iterable[Manifest] = [
    unbundled("c", mtu=9036),
    connection(
        "c",
        bundled={
            "links": [
                ports(switch="leaf-01/E1/1", server="srv-01/e1"),
                ports(switch="leaf-01/E1/55/4", server="srv-01/e2"),
            ]
        },
    ),
    eslag("leaf-01/E1/1", "leaf-02/E1/1"),
    fabric(("spine-01/E1/1/1 172.30.128.0/31", "leaf-01/E1/49 172.30.128.1/31")),
    connection(
        "c", mesh={"links": [ports(leaf1="leaf-01/E1/49 172.30.128.0/31", leaf2="leaf-02/E1/49 172.30.128.1/31")]}
    ),
    connection(
        "c", gateway={"links": [ports(switch="spine-01/E1/1 172.30.128.0/31", gateway="gw-1/e1 172.30.128.1/31")]}
    ),
    connection("c", vpcLoopback={"links": [ports(switch1="leaf-01/E1/1", switch2="leaf-01/E1/2")]}),
    connection("c", external={"link": ports(switch="leaf-03/E1/1")}),
    static("10.9.0.1/24", "10.9.0.2", "10.10.0.0/16", "10.11.0.0/16", switch={"vlan": 4094}),
    static("10.9.0.1/24", "10.9.0.2", "0.0.0.0/0", withinVPC="vpc-1"),
]


@pytest.mark.parametrize("manifest", GOOD, ids=lambda manifest: next(iter(manifest["spec"])))
@pytest.mark.parametrize("upstream", Upstream)
def test_valid_connections_of_each_type_are_accepted(manifest: Manifest, upstream: Upstream) -> None:
    """Nothing to say, not even a warning."""
    verdict = admission_with(upstream=upstream).create(manifest)
    assert (verdict.accepted, broken_rules(verdict)) == (True, [])


REFUSED = {
    "no type": (connection("c"), ["connection-type-missing .spec"]),
    "mtu": (unbundled("c", mtu=9037), ["connection-mtu-too-large .spec.unbundled.mtu"]),
    "mtu of a type that does not count": (
        connection("c", **unbundled("c")["spec"], bundled={"mtu": 9100}),
        ["connection-mtu-too-large .spec.bundled.mtu"],
    ),
    "port without device": (unbundled("c", "/E1/1"), ["connection-port-malformed .spec.unbundled.link.switch.port"]),
    "no port": (
        connection("c", external={}),
        ["connection-port-malformed .spec.external.link.switch.port"],
    ),
    "switch": (unbundled("c", "leaf-9/E1/1"), ["connection-switch-missing .spec.unbundled.link.switch.port"]),
    "server": (
        unbundled("c", server="srv-9/e1"),
        ["connection-server-missing .spec.unbundled.link.server.port"],
    ),
    "port": (unbundled("c", "leaf-01/E1/99"), ["connection-port-unknown .spec.unbundled.link.switch.port"]),
    "part of a port that is whole": (
        unbundled("c", "leaf-02/E1/55/2"),
        ["connection-port-unknown .spec.unbundled.link.switch.port"],
    ),
    "two faults at once": (
        unbundled("c", "leaf-01/E1/99", "srv-9/e1", mtu=9037),
        [
            "connection-mtu-too-large .spec.unbundled.mtu",
            "connection-port-unknown .spec.unbundled.link.switch.port",
            "connection-server-missing .spec.unbundled.link.server.port",
        ],
    ),
    "bundled over two switches": (
        connection(
            "c",
            bundled={
                "links": [
                    ports(switch="leaf-01/E1/1", server="srv-01/e1"),
                    ports(switch="leaf-02/E1/1", server="srv-01/e2"),
                ]
            },
        ),
        ["connection-device-count .spec.bundled"],
    ),
    "bundled without links": (connection("c", bundled={}), ["connection-device-count .spec.bundled"]),
    "a port twice": (
        eslag("leaf-01/E1/1", "leaf-01/E1/1"),
        ["connection-port-repeated .spec.eslag.links[1].switch.port"],
    ),
    "eslag without a group": (
        eslag("leaf-03/E1/1", "leaf-03/E1/2"),
        ["connection-eslag-group .spec.eslag.links"],
    ),
    "eslag over two groups": (
        eslag("leaf-01/E1/1", "leaf-04/E1/1"),
        ["connection-eslag-group .spec.eslag.links"],
    ),
    "eslag over five switches": (
        eslag(*(f"leaf-0{number}/E1/1" for number in range(1, 6))),
        ["connection-device-count .spec.eslag", "connection-eslag-group .spec.eslag.links"],
    ),
    "address outside": (
        fabric(("spine-01/E1/1 10.0.0.0/31", "leaf-01/E1/49 10.0.0.1/31")),
        [f"connection-link-address .spec.fabric.links[0].{side}.ip" for side in ("spine", "leaf")],
    ),
    "no /31": (
        fabric(("spine-01/E1/1 172.30.128.0/30", "leaf-01/E1/49 172.30.128.1/31")),
        ["connection-link-address .spec.fabric.links[0].spine.ip"],
    ),
    "two networks": (
        fabric(("spine-01/E1/1 172.30.128.0/31", "leaf-01/E1/49 172.30.128.3/31")),
        ["connection-link-address .spec.fabric.links[0]"],
    ),
    "one address twice": (
        fabric(("spine-01/E1/1 172.30.128.0/31", "leaf-01/E1/49 172.30.128.0/31")),
        ["connection-link-address-taken .spec.fabric.links[0].leaf.ip"],
    ),
    "no address of a static external": (
        connection("c", staticExternal={"link": {"switch": {"port": "leaf-03/E1/1"}}}),
        [f"connection-static-address .spec.staticExternal.link.switch.{field}" for field in ("ip", "nextHop")],
    ),
    "next hop elsewhere": (
        static("10.9.0.1/24", "10.8.0.2"),
        ["connection-static-address .spec.staticExternal.link.switch.nextHop"],
    ),
    "host bits": (
        static("10.9.0.1/24", "10.9.0.2", "10.10.0.1/16"),
        ["connection-static-subnet .spec.staticExternal.link.switch.subnets[0]"],
    ),
    "everything and more": (
        static("10.9.0.1/24", "10.9.0.2", "10.10.0.0/16", "0.0.0.0/0"),
        ["connection-static-subnet .spec.staticExternal.link.switch.subnets"],
    ),
    "overlap": (
        static("10.9.0.1/24", "10.9.0.2", "10.10.0.0/16", "10.10.1.0/24", "172.30.8.0/24"),
        [f"connection-static-subnet-overlap .spec.staticExternal.link.switch.subnets[{number}]" for number in (1, 2)],
    ),
    "VPC": (
        static("10.9.0.1/24", "10.9.0.2", withinVPC="nope"),
        ["connection-vpc-missing .spec.staticExternal.withinVPC"],
    ),
}


@pytest.mark.parametrize("manifest, wanted", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("upstream", Upstream)
def test_all_violations_of_a_connection_are_reported(manifest: Manifest, wanted: list[str], upstream: Upstream) -> None:
    """Every violation, and no follow-ups of one fault."""
    more = [
        switch("leaf-04", redundancy={"group": "other", "type": "eslag"}),
        switch("leaf-05", redundancy={"group": "other", "type": "eslag"}),
    ]
    verdict = admission_with(*more, upstream=upstream).create(manifest)
    assert (verdict.accepted, broken_rules(verdict)) == (False, wanted)


@pytest.mark.parametrize(
    "first, second",
    [("leaf-01/E1/1", "leaf-01/E1/1"), ("leaf-01/E1/55", "leaf-01/E1/55/1"), ("leaf-01/E1/55/1", "leaf-01/E1/55")],
)
def test_a_port_is_in_only_one_connection_by_either_of_its_names(first: str, second: str) -> None:
    """E1/55 is E1/55/1 when it is broken out."""
    admission = put(admission_with(), unbundled("one", first))
    verdict = admission.create(unbundled("two", second, "srv-02/e1"))
    assert [str(one) for one in verdict.violations] == [
        f".spec.unbundled.link.switch.port: {second} is used by Connection one"
    ]
    assert admission.update(unbundled("one", second)).accepted


def test_a_link_address_is_used_only_once() -> None:
    """Also between connections of different types."""
    admission = put(
        admission_with(), fabric(("spine-01/E1/1 172.30.128.0/31", "leaf-01/E1/49 172.30.128.1/31"), name="one")
    )
    mesh = {"links": [ports(leaf1="leaf-01/E1/50 172.30.128.1/31", leaf2="leaf-02/E1/50 172.30.128.0/31")]}
    assert broken_rules(admission.create(connection("two", mesh=mesh))) == [
        f"connection-link-address-taken .spec.mesh.links[0].{side}.ip" for side in ("leaf1", "leaf2")
    ]


def test_a_switch_without_its_profile_accepts_no_connection() -> None:
    """Which ports it has is in the profile."""
    verdict = admission_with(switch("leaf-07", profile="nope")).create(unbundled("c", "leaf-07/E1/1"))
    assert broken_rules(verdict) == ["connection-profile-missing .spec.unbundled.link.switch.port"]


def test_type_and_vpc_of_a_connection_are_immutable() -> None:
    """The type is the first that is set, so adding one after it changes nothing for upstream."""
    admission = put(admission_with(), unbundled("one"), static("10.9.0.1/24", "10.9.0.2", withinVPC="vpc-1"))
    assert broken_rules(admission.update(connection("one", external={"link": ports(switch="leaf-01/E1/1")}))) == [
        "connection-type-immutable .spec"
    ]
    assert broken_rules(admission.update(static())) == ["connection-vpc-immutable .spec.staticExternal.withinVPC"]
    both = connection("one", **unbundled("one")["spec"], external={})
    assert (admission.update(both).accepted, broken_rules(admission.update(both))) == (
        True,
        ["connection-two-types .spec.external"],
    )


@pytest.mark.parametrize("kind", ["VPCAttachment", "ExternalAttachment"])
def test_a_connection_is_deleted_after_its_attachments(kind: str) -> None:
    """Delete is refused while something is attached, and free afterwards."""
    admission = put(admission_with(), unbundled("one"))
    admission.put(attachment(kind, "one"))
    assert broken_rules(admission.delete("Connection", "one")) == ["connection-in-use ."]
    admission.remove(kind, "to-one")
    assert admission.delete("Connection", "one").accepted


def test_the_older_release_warns_of_mclag_and_the_newer_refuses_it() -> None:
    """Beside another type it hides the ends of that one from both."""
    links = [ports(switch="nope/E1/1", server="nope/e1")] * 2
    alone, beside = connection("c", mclag={"links": links}), unbundled("c", "nope/E1/1")
    beside["spec"]["mclag"] = {"links": links}
    older, newer = (admission_with(upstream=upstream) for upstream in (Upstream.V0_126, Upstream.V0_129))
    deprecated = ["connection-mclag-deprecated .spec.mclag"]
    assert (older.create(alone).accepted, broken_rules(older.create(alone))) == (True, deprecated)
    assert (newer.create(alone).accepted, broken_rules(newer.create(alone))) == (
        False,
        ["connection-mclag-removed .spec.mclag"],
    )
    assert [broken_rules(one.create(beside)) for one in (older, newer)] == [deprecated, deprecated]


@pytest.mark.parametrize("manifest, wanted", WARNED.values(), ids=WARNED)
def test_what_upstream_accepts_by_mistake_is_a_warning(manifest: Manifest, wanted: list[str]) -> None:
    """Accepted, with a warning."""
    verdict = admission_with().create(manifest)
    assert (verdict.accepted, broken_rules(verdict)) == (True, wanted)


def test_moving_ports_of_an_attached_connection_is_a_warning() -> None:
    """Adding a cable is fine; so is moving ports while nothing is attached."""
    admission = put(admission_with(), eslag("leaf-01/E1/1", "leaf-02/E1/1"))
    moved, more = eslag("leaf-01/E1/2", "leaf-02/E1/1"), eslag("leaf-01/E1/1", "leaf-02/E1/1", "leaf-02/E1/2")
    assert broken_rules(admission.update(moved)) == []
    admission.put(attachment("VPCAttachment", "c"))
    assert broken_rules(admission.update(more)) == []
    assert [str(one) for one in admission.update(moved).violations] == [
        ".spec.eslag: leaves leaf-01/E1/1 while to-c is attached"
    ]


def test_errors_of_connections_name_upstreams_code() -> None:
    """Errors name upstream's code; warnings are ours or upstream's own warning."""
    rules()
    ours = [one for one in RULES.values() if one.id.startswith("connection-")]
    assert [one.id for one in ours if one.severity is Severity.ERROR and one.source == "ours"] == []
    assert all(one.what.endswith(".") and one.why.endswith(".") and one.fix for one in ours)


_TEXT = st.sampled_from(
    ["leaf-01/E1/1", "leaf-02/E1/2", "leaf-01/E1/55/1", "srv-01/e1", "gw-1/e", "", "x", "/", "a/b/c"]
)
_END = st.fixed_dictionaries(
    {}, optional={"port": _TEXT, "ip": st.sampled_from(["172.30.128.0/31", "172.30.128.1/31"])}
)


@given(st.data())
def test_no_object_of_the_right_shape_makes_a_rule_fail(data: st.DataObject) -> None:
    """Whatever is set or left out: a verdict, and an accepted object is stored the same the second time."""
    spec: dict[str, Any] = {}
    schema = {
        "unbundled": ("link", ("server", "switch")),
        "bundled": ("links", ("server", "switch")),
        "eslag": ("links", ("server", "switch")),
        "fabric": ("links", ("spine", "leaf")),
        "vpcLoopback": ("links", ("switch1", "switch2")),
        "external": ("link", ("switch",)),
    }
    for field in data.draw(st.sets(st.sampled_from(sorted(schema)), min_size=1, max_size=2)):
        links, sides = schema[field]
        ends = {side: _END if field == "fabric" else _END.map(_without_address) for side in sides}
        link = st.fixed_dictionaries({}, optional=ends)
        spec[field] = data.draw(
            st.fixed_dictionaries({}, optional={links: link if links == "link" else st.lists(link, min_size=2)})
        )
    admission = admission_with()
    verdict = admission.create(connection("c", **spec))
    if verdict.stored is not None:
        admission.put(verdict.stored)
        assert admission.update(verdict.stored).stored == verdict.stored


def _without_address(end: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in end.items() if key != "ip"}
