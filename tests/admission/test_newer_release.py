"""On a cluster that is newer than this package, what is not known is kept and not judged."""

from __future__ import annotations

import pytest

from devstack.objects import make
from hedgehog.admission.check import load
from hedgehog.admission.files import check_files
from hedgehog.fabric.render import dump
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests.intake import Accepted, Item, accept_manifest
from tests.admission.rules.factories import make_subnet, make_vpc

NEWER = FabricSettings(upstream=Upstream.NEWER)
TOPOLOGY = {"fabric": "default", "domains": ["default"]}
SPACES = (
    make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"], "topology": {"fabric": "default"}}),
    make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}], "topology": {"fabric": "default"}}),
)


def make_topology_vpc(**spec):
    """A VPC as a newer cluster exports it."""
    return make_vpc("vpc-1", {"default": {**make_subnet(1), "colour": "red"}}, topology=TOPOLOGY, **spec)


def test_unknown_fields_are_noted_once_for_all_objects():
    """The known ones are judged as ever; the release that is known refuses the others."""
    files = {"fabric.yaml": b"---\n".join(map(dump, (*SPACES, make_topology_vpc())))}
    report = check_files(files, NEWER)
    assert (report.valid, [str(remark) for _, remark in report.remarks()]) == (True, [])
    assert report.notes == (
        "newer than this package knows: not judged: .spec.subnets, .spec.topology of 3 objects; they are kept as they are",
    )
    known = check_files(files, FabricSettings())
    assert {remark.rule.id for _, remark in known.remarks()} == {"field-unknown"}


def test_unknown_fields_are_taken_over_and_stored_as_they_are():
    """By an import and by what a cluster would store; a wrong value of a known field is refused all the same."""
    vpc = make_topology_vpc()
    accepted = accept_manifest(Item(vpc, "here"), namespace="default", upstream=Upstream.NEWER)
    assert isinstance(accepted, Accepted)
    assert accepted.manifest["spec"] == vpc["spec"]
    response = load(SPACES, NEWER).create(vpc)
    assert response.stored["spec"]["topology"] == TOPOLOGY
    assert response.stored["spec"]["subnets"]["default"]["colour"] == "red"
    refused = load(SPACES, NEWER).create(make_topology_vpc(mode="odd"))
    assert [one.rule.id for one in refused.violations] == ["vpc-mode"]


def test_a_field_beside_spec_is_unknown_in_every_release():
    """A misspelled `spec` would lose everything."""
    wrong = {**make_vpc(), "spce": {}}
    problems = accept_manifest(Item(wrong, "here"), namespace="default", upstream=Upstream.NEWER)
    assert isinstance(problems, list) or "spce" not in problems.manifest
    assert [one.rule.id for one in load(SPACES, NEWER).create(wrong).violations] == ["field-unknown"]


def test_a_kind_of_which_only_the_name_is_known_is_kept_as_it_is():
    """Noted like unknown fields; elsewhere it is refused, with what to set."""
    interconnect = make(
        "VPCInterconnect", "ic-01", {"links": [{"vlan": 101}], "remote": {"prefixes": ["10.60.0.0/16"]}}
    )
    accepted = accept_manifest(Item(interconnect, "here"), namespace="default", upstream=Upstream.NEWER)
    assert isinstance(accepted, Accepted)
    assert accepted.manifest == interconnect
    report = check_files({"ic.yaml": dump(interconnect)}, NEWER)
    assert (report.valid, report.notes) == (
        True,
        ("newer than this package knows: not judged: VPCInterconnect of 1 object; they are kept as they are",),
    )
    assert load((), NEWER).create(interconnect).stored["spec"] == interconnect["spec"]
    (told,) = load((), FabricSettings()).create(interconnect).violations
    assert (told.rule.id, told.message) == ("kind-unknown", "VPCInterconnect is a kind of newer releases")
    assert told.hint.startswith("set `upstream: newer`")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("duplicate-vpcpeering.yaml", {"v0.126": [], "v0.129": [], "newer": ["peering-pair-duplicate"]}),
        ("vlannamespace-bcm-reserved.yaml", {"v0.126": [], "v0.129": [], "newer": []}),
        ("next-topology-field.yaml", {"v0.129": ["field-unknown"], "newer": []}),
        ("next-external-mixed.yaml", {"v0.129": ["external-attachment-form"], "newer": []}),
        ("next-external-localasn-bfd.yaml", {"v0.129": ["field-unknown"], "newer": []}),
        ("next-vpcinterconnect.yaml", {"v0.129": ["kind-unknown"], "newer": []}),
        ("gateway-default-group.yaml", {"v0.129": ["gateway-group-absent"], "newer": ["gateway-group-absent"]}),
    ],
)
def test_differences_of_releases_are_those_that_were_found_upstream(file, expected, reference):
    """Only what the manifests themselves are about: the connections that they name are elsewhere."""
    content = (reference / "gateway" / "next" / file).read_bytes()
    found = {}
    for release in expected:
        report = check_files({file: content}, FabricSettings(upstream=Upstream(release)))
        broken = {remark.rule.id for _, remark in report.remarks() if remark.severity == "error"}
        found[release] = sorted(broken - {"external-attachment-connection-absent", "reference-refused"})
    assert found == expected
