"""What an API server does with an object before and between Hedgehog's webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make, make_vpc
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests import decode
from hedgehog.manifests.metadata import generated_name, name_fault

SETTINGS = FabricSettings()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def decoding_violations(manifest: Any, settings: FabricSettings = SETTINGS) -> list[str]:
    """`rule path: message` of all that keeps *manifest* from being decoded."""
    plain, found = decode.decode(manifest, settings)
    assert (plain is None) == bool(found)
    return [f"{one.rule.id} {one}" for one in found]


def stored_form_violations(manifest: Any, old: Any = None) -> list[str]:
    """`rule path` of all that is wrong with what the webhooks make of *manifest*."""
    plain, found = decode.decode(manifest, SETTINGS)
    assert plain is not None, found
    new = decode.with_server_fields(stored(plain, SETTINGS), old)
    return [f"{one.rule.id} {one}".partition(":")[0] for one in decode.stored_form_violations(new, plain, old)]


def with_metadata(**metadata: Any) -> dict[str, Any]:
    """A Server with these metadata beside its name."""
    server = make("Server", "srv-1")
    server["metadata"] |= metadata
    return server


def test_a_valid_object_is_decoded_unchanged():
    """Not even copied."""
    vpc = make_vpc("vpc-1")
    assert decode.decode(vpc, SETTINGS) == (vpc, [])
    assert stored_form_violations(vpc) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": None}, "object-incomplete .kind: is missing"),
        ({"apiVersion": ""}, "object-incomplete .apiVersion: is missing"),
        ({"apiVersion": 1}, "object-incomplete .apiVersion: is not text"),
        ({"kind": "Rack"}, "kind-unknown .kind: 'Rack' is not a kind that a fabric holds"),
        (
            {"apiVersion": "vpc.githedgehog.com/v1alpha2"},
            "api-version-old .apiVersion: vpc.githedgehog.com/v1alpha2 VPC is no longer served; "
            "write vpc.githedgehog.com/v1beta1",
        ),
        (
            {"apiVersion": "wiring.githedgehog.com/v1beta1"},
            "api-version .apiVersion: wiring.githedgehog.com/v1beta1 VPC is not the version of this kind; "
            "write vpc.githedgehog.com/v1beta1",
        ),
    ],
)
def test_an_unknown_kind_or_version_is_refused(change, said):
    """Old versions have a rule of their own."""
    assert decoding_violations({**make_vpc("v"), **change}) == [said]


@pytest.mark.parametrize("sent", [None, [], "VPC", 1])
def test_what_is_not_a_mapping_is_not_an_object(sent):
    """Whatever it is."""
    assert decoding_violations(sent) == ["object-incomplete .: is not a mapping"]


def test_all_unknown_fields_and_wrong_types_are_reported():
    """Each with its place."""
    vpc = make_vpc("v") | {"data": {}}
    vpc["spec"] |= {"mode": 1, "vlans": [], "subnets": {"a": {"subnet": "10.0.0.0/24", "vlan": "1000"}}}
    assert [line.partition(":")[0] for line in decoding_violations(vpc)] == [
        "field-unknown .data",
        "field-type .spec.mode",
        "field-type .spec.subnets.a.vlan",
        "field-unknown .spec.vlans",
    ]


def test_a_field_of_a_newer_release_is_unknown_to_an_older_one():
    """hostBGPMinPrefixLen came with v0.129."""
    vpc = make_vpc("v")
    vpc["spec"]["subnets"]["subnet-1"] |= {"hostBGP": True, "hostBGPMinPrefixLen": 24}
    assert decoding_violations(vpc) == []
    (line,) = decoding_violations(vpc, FabricSettings(upstream=Upstream.V0_126))
    assert line.startswith("field-unknown .spec.subnets.subnet-1.hostBGPMinPrefixLen: ")


def test_null_map_values_are_dropped_and_null_items_become_zero_values():
    """A list of mappings gets an empty one, a list of lists keeps the null that no schema allows."""
    namespace = make("VLANNamespace", "n", {"ranges": [None, {"from": 1, "to": None}]})
    plain, _ = decode.decode(namespace, SETTINGS)
    assert plain is not None and plain["spec"] == {"ranges": [{}, {"from": 1}]}
    vpc = make_vpc("v")
    vpc["spec"]["permit"] = [["subnet-1", None], None]
    plain, _ = decode.decode(vpc, SETTINGS)
    assert plain is not None and plain["spec"]["permit"] == [["subnet-1", ""], None]
    assert stored_form_violations(vpc) == ["field-value .spec.permit[1]"]


def test_a_null_label_becomes_an_empty_one():
    """Metadata are read into Go's own types, which know no null."""
    plain, _ = decode.decode(with_metadata(labels={"a": None}, annotations=None, finalizers=[None]), SETTINGS)
    assert plain is not None
    assert plain["metadata"] == {"name": "srv-1", "namespace": "default", "labels": {"a": ""}, "finalizers": [""]}


def test_only_a_whole_float_becomes_an_integer():
    """JSON knows one kind of number."""
    vpc = make_vpc("v")
    vpc["spec"]["subnets"]["subnet-1"]["vlan"] = 1001.0
    plain, _ = decode.decode(vpc, SETTINGS)
    assert plain is not None and repr(plain["spec"]["subnets"]["subnet-1"]["vlan"]) == "1001"
    vpc["spec"]["subnets"]["subnet-1"]["vlan"] = 1001.5
    assert decoding_violations(vpc) == ["field-type .spec.subnets.subnet-1.vlan: 1001.5 is not an integer"]


@given(JSON, st.sampled_from(["spec", "metadata", "status"]))
def test_the_decoder_handles_any_json(value, field):
    """It accepts or gives reasons, and never changes what it was given."""
    sent = make_vpc("v") | {field: value}
    before = repr(sent)
    decoding_violations(sent)
    assert repr(sent) == before


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"labels": {"a": 1}}, "field-type .metadata.labels.a"),
        ({"annotations": {"a": True}}, "field-type .metadata.annotations.a"),
        ({"name": 7}, "field-type .metadata.name"),
        ({"foo": 1}, "field-unknown .metadata.foo"),
        ({"ownerReferences": [{"uuid": "x"}]}, "field-unknown .metadata.ownerReferences[0].uuid"),
        ({"managedFields": [{"manager": 1}]}, "field-type .metadata.managedFields[0].manager"),
        ({"generation": "1"}, "field-type .metadata.generation"),
        ({"creationTimestamp": "yesterday"}, "metadata-timestamp .metadata.creationTimestamp"),
    ],
)
def test_metadata_of_a_wrong_type_is_not_decoded(metadata, said):
    """An API server answers 400."""
    assert [line.partition(":")[0] for line in decoding_violations(with_metadata(**metadata))] == [said]


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"example.com/a": "x" * 63, "b": ""}},
        {"annotations": {"Note": "any text, \n 'quoted'", "UPPER.example.com/a": ""}},
        {"finalizers": ["example.com/hold", "nodomain"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1", "controller": True}]},
        {"creationTimestamp": "2026-01-01T00:00:00Z", "generation": 7, "managedFields": [{"fieldsV1": {"f:a": {}}}]},
    ],
)
def test_valid_metadata_is_accepted(metadata):
    """Nothing is reported."""
    assert stored_form_violations(with_metadata(**metadata)) == []


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"labels": {"a b": "x"}}, ['metadata-label-key .metadata.labels["a b"]']),
        ({"labels": {"/a": "x"}}, ['metadata-label-key .metadata.labels["/a"]']),
        ({"labels": {"a": "x" * 64}}, ["metadata-label-value .metadata.labels.a"]),
        ({"labels": {"a": "-x"}}, ["metadata-label-value .metadata.labels.a"]),
        ({"annotations": {"bad key": ""}}, ['metadata-annotation-key .metadata.annotations["bad key"]']),
        ({"annotations": {"a": "x" * 2**18}}, ["metadata-annotations-size .metadata.annotations"]),
        ({"finalizers": ["a b"]}, ["metadata-finalizer .metadata.finalizers[0]"]),
        ({"finalizers": ["orphan", "foregroundDeletion"]}, ["metadata-finalizer .metadata.finalizers"]),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}]},
            ["metadata-owner .metadata.ownerReferences[0].uid"],
        ),
    ],
)
def test_invalid_metadata_is_refused(metadata, said):
    """An API server answers 422."""
    assert stored_form_violations(with_metadata(**metadata)) == said


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a-", "a..b", "a_b", "a b", "é", "a/b", "x" * 254, "a\n"])
def test_a_name_is_a_subdomain(name):
    """Nothing else fits into a URL."""
    assert name_fault(name)


@pytest.mark.parametrize("name", ["a", "0", "a.b-c", "x" * 253])
def test_valid_names_are_accepted(name):
    """Dots and digits are fine."""
    assert name_fault(name) == ""


def test_a_name_is_generated_from_its_prefix():
    """At most 63 characters, however long the beginning."""
    assert generated_name({"generateName": "gen-"}) == "gen-bcdfg"
    assert len(generated_name({"generateName": "x" * 100})) == 63
    assert generated_name({}) == ""


def test_a_label_that_hedgehog_computes_is_reported_as_such():
    """The name that it comes from stands in spec."""
    attachment = make("VPCAttachment", "a", {"connection": "c" * 64, "subnet": "v/s"})
    plain, _ = decode.decode(attachment, SETTINGS)
    assert plain is not None
    (found,) = decode.stored_form_violations(stored(plain, SETTINGS), plain, None)
    assert found.message.endswith("(Hedgehog computes the label fabric.githedgehog.com/connection from spec)")


def test_bounds_of_the_schema_apply_to_the_stored_form():
    """An enum, a required field, an int32."""
    switch = make("Switch", "s", {"role": "leaf", "asn": 2**31})
    assert stored_form_violations(switch) == ["field-value .spec.asn", "field-value .spec.role"]


def test_an_update_cannot_set_the_deletion_timestamp():
    """Only a delete does."""
    old = make("Server", "srv-1")
    sent = with_metadata(deletionTimestamp="2026-01-01T00:00:00Z")
    assert stored_form_violations(sent, old) == ["metadata-timestamp .metadata.deletionTimestamp"]
    assert stored_form_violations(sent) == []


@given(JSON, JSON)
def test_a_merge_patch_of_an_object_onto_itself_changes_nothing(value, other):
    """RFC 7386: and nulls are never left in mappings."""
    merged = decode.merge_patch(value, other)
    assert decode.merge_patch(merged, {}) == (merged if isinstance(merged, dict) else {})
