"""The shape of every kind, and how a violation is reported."""

from __future__ import annotations

import json

import pytest

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.manifests import yaml
from hedgehog.manifests.rule import printed
from hedgehog.manifests.schema import SCHEMAS, schema_violations


def make_vpc(**spec):
    """The smallest valid VPC, with *spec* on top."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": "vpc-1", "namespace": "default"},
        "spec": {"subnets": {"a": {"subnet": "10.0.1.0/24", "vlan": 1001}}, **spec},
    }


def check(manifest):
    """The violations as text."""
    return [str(violation) for violation in schema_violations(manifest)]


def test_a_valid_object_has_no_violations():
    """Nothing is reported."""
    assert check(make_vpc()) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"subnets": {"a": {"vlan": "70000"}}},
            ".spec.subnets.a.vlan: '70000' is not an integer; remove the quotes",
        ),
        ({"mode": 5}, ".spec.mode: 5 is not a string; write it in quotes"),
        ({"mode": True}, ".spec.mode: true is not a string; write it in quotes"),
        ({"permit": "all"}, ".spec.permit: 'all' is not a list"),
        ({"permit": [["a", None]]}, ".spec.permit[0][1]: null is not a string"),
        ({"subnets": []}, ".spec.subnets: [] is not a mapping"),
        ({"defaultIsolated": "yes"}, ".spec.defaultIsolated: 'yes' is not true or false"),
        ({"defaultIsolatd": True}, ".spec.defaultIsolatd: there is no such field; did you mean defaultIsolated?"),
        (
            {"subnets": {"a/b": {"x": 1}}},
            '.spec.subnets["a/b"].x: there is no such field; known here are dhcp, gateway',
        ),
        ({"mode": {"a": "x" * 100}}, f'.spec.mode: {{"a": "{"x" * 52}… is not a string'),
    ],
)
def test_a_violation_names_path_reason_and_advice(spec, said):
    """One at a time."""
    (violation,) = check(make_vpc(**spec))
    assert violation.startswith(said)


def test_all_violations_are_reported_in_the_order_of_their_paths():
    """Not the first one only."""
    wrong = make_vpc(subnets={"b": {"vlan": "1"}, "a": {"vlan": [], "colour": "red"}}, mode=1)
    wrong["extra"] = {}
    assert [line.split(":")[0] for line in check(wrong)] == [
        ".extra",
        ".spec.mode",
        ".spec.subnets.a.colour",
        ".spec.subnets.a.vlan",
        ".spec.subnets.b.vlan",
    ]


def test_enums_bounds_and_required_fields_are_reported():
    """In words, with what is allowed."""
    switch = {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Switch",
        "metadata": {},
        "spec": {"role": "leaf"},
    }
    assert check(switch) == [
        ".metadata.name: is missing",
        ".spec.role: 'leaf' is none of spine, server-leaf, border-leaf, mixed-leaf, virtual-edge",
    ]
    namespace = {**switch, "kind": "VLANNamespace", "metadata": {"name": "a"}, "spec": {"ranges": []}}
    assert check(namespace) == [".spec.ranges: has 0 items; at least 1 are allowed"]


def test_a_pattern_is_reported_verbatim():
    """Where the schema has one."""
    connection = {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Connection",
        "metadata": {"name": "c"},
        "spec": {"fabric": {"links": [{"spine": {"port": "s/1", "ip": "nonsense"}}]}},
    }
    (violation,) = check(connection)
    assert violation.startswith(".spec.fabric.links[0].spine.ip: 'nonsense' does not match ^")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "Vpc"}, ".kind: 'Vpc' is not a kind that a fabric holds"),
        ({"kind": None}, ".kind: null is not a kind that a fabric holds"),
        ({"apiVersion": "v1"}, ".apiVersion: 'v1': VPC is vpc.githedgehog.com/v1beta1"),
    ],
)
def test_an_unknown_kind_or_version_is_a_violation(change, said):
    """There is no schema for it."""
    assert check({**make_vpc(), **change}) == [said]


def test_every_kind_has_a_schema():
    """The table of kinds and the schema files agree."""
    for kind in (FABRIC, *KINDS.values()):
        minimal = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}
        assert not [line for line in check(minimal) if not line.startswith(".spec")], kind
    files = {path.stem.split("_")[0] for path in SCHEMAS.glob("*/*.json")}
    assert {name.lower() for name in KINDS} <= files


def test_paths_are_printed_as_people_write_them():
    """Odd keys are quoted."""
    assert printed(("spec", "portBreakouts", "E1/1", 0, "a-b_c", "")) == '.spec.portBreakouts["E1/1"][0].a-b_c[""]'
    assert printed(()) == "."


def test_samples_are_valid_if_upstreams_schema_accepts_them(reference):
    """382 real objects. Known differences: names that are missing, and what only a newer or a webhook-filled object has."""
    samples, differ = reference / "samples", []
    files = {}
    for line in (samples / "verdicts.jsonl").read_text().splitlines():
        verdict = json.loads(line)
        if verdict["file"] not in files:
            found = yaml.load((samples / verdict["file"]).read_bytes(), file=verdict["file"])
            files[verdict["file"]] = {document.index: document.manifest for document in found}
        manifest = canonical(files[verdict["file"]][verdict["doc"]])
        refused = [line for line in check(manifest) if line != ".metadata.name: is missing"]
        wanted = verdict["crd"] == "fail" or bool(verdict.get("unknown"))
        if bool(refused) != wanted:
            differ.append((verdict["kind"], verdict["go"]))
    # Fields that the webhooks fill in before the schema is looked at (2), a null that means {}, fields of v0.129.
    assert sorted(differ) == [
        ("ExternalAttachment", "ok"),
        ("GatewayPeering", "invalid"),
        ("VPC", "invalid"),
        ("VPCPeering", "ok"),
    ]
