"""The form in which a cluster stores externals, their attachments and peerings, and the peerings of VPCs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream

LABEL = "fabric.githedgehog.com/"


def as_stored(kind: str, spec: dict[str, Any], **metadata: Any) -> tuple[Any, Any]:
    """The spec and the labels of an object as stored."""
    result = stored(make(kind, "mine", spec, **metadata), FabricSettings())
    return result["spec"], result["metadata"].get("labels")


def test_an_external_is_in_the_default_namespace() -> None:
    """Its label names the namespace; the user's own labels are kept."""
    labels = {"team": "a", f"{LABEL}ipv4ns": "forged"}
    assert as_stored("External", {"ipv4Namespace": ""}, labels=labels) == (
        {"ipv4Namespace": "default"},
        {"team": "a", f"{LABEL}ipv4ns": "default"},
    )


def test_empty_structs_are_added_to_an_attachment() -> None:
    """Those that Go does not leave out."""
    spec = {"external": "ext-1", "connection": "border", "static": {"proxy": True}}
    assert as_stored("ExternalAttachment", spec) == (
        {**spec, "static": {"proxy": True, "remoteIP": ""}, "switch": {}, "neighbor": {}},
        {f"{LABEL}external": "ext-1", f"{LABEL}connection": "border"},
    )


def test_an_object_that_needs_no_default_is_stored_unchanged() -> None:
    """Go's empty structs do not appear when the labels are right already."""
    spec = {"external": "ext-1", "connection": "border"}
    labels = {f"{LABEL}external": "ext-1", f"{LABEL}connection": "border"}
    assert as_stored("ExternalAttachment", spec, labels=labels) == (spec, labels)


def test_the_lists_of_an_external_peering_are_sorted() -> None:
    """Subnets and prefixes."""
    permit = {
        "vpc": {"name": "vpc-1", "subnets": ["web", "app"]},
        "external": {"name": "ext-1", "prefixes": [{"prefix": "2.0.0.0/8"}, {"prefix": "1.0.0.0/8"}]},
    }
    assert as_stored("ExternalPeering", {"permit": permit}) == (
        {
            "permit": {
                "vpc": {"name": "vpc-1", "subnets": ["app", "web"]},
                "external": {"name": "ext-1", "prefixes": [{"prefix": "1.0.0.0/8"}, {"prefix": "2.0.0.0/8"}]},
            }
        },
        {f"{LABEL}vpc": "vpc-1", f"{LABEL}external": "ext-1"},
    )


def test_a_vpc_peering_is_labelled_with_its_vpcs() -> None:
    """In order; not at all where it has not two."""
    _, labels = as_stored("VPCPeering", {"permit": [{"b": {}, "a": {}}, {"a": {}, "b": {}}]})
    assert labels == {
        "vpc.fabric.githedgehog.com/a": "true",
        "vpc.fabric.githedgehog.com/b": "true",
        f"{LABEL}vpc1": "a",
        f"{LABEL}vpc2": "b",
    }
    assert as_stored("VPCPeering", {"permit": [{"a": {}, "b": {}}, {"a": {}}]}) == (
        {"permit": [{"a": {}, "b": {}}, {"a": {}}]},
        None,
    )


names = st.sampled_from(["", "a", "b", "c"])
optional_names = st.fixed_dictionaries({}, optional={"name": names})
peers = st.fixed_dictionaries({}, optional={"subnets": st.lists(names, max_size=3)})
specs = st.one_of(
    st.tuples(st.just("External"), st.fixed_dictionaries({}, optional={"ipv4Namespace": names})),
    st.tuples(
        st.just("ExternalAttachment"),
        st.fixed_dictionaries(
            {},
            optional={
                "external": names,
                "connection": names,
                "static": st.fixed_dictionaries({}, optional={"proxy": st.booleans()}),
                "inboundACL": st.just({"statements": [{}]}),
            },
        ),
    ),
    st.tuples(
        st.just("ExternalPeering"),
        st.fixed_dictionaries(
            {},
            optional={
                "permit": st.fixed_dictionaries(
                    {},
                    optional={
                        "vpc": peers,
                        "external": st.fixed_dictionaries(
                            {}, optional={"prefixes": st.lists(st.fixed_dictionaries({}, optional={"prefix": names}))}
                        ),
                    },
                )
            },
        ),
    ),
    st.tuples(
        st.just("VPCPeering"),
        st.fixed_dictionaries({}, optional={"permit": st.lists(st.dictionaries(names, peers, max_size=3), max_size=3)}),
    ),
)


@given(specs, st.dictionaries(st.sampled_from(["team", f"{LABEL}vpc1"]), names), st.sampled_from(Upstream))
def test_storing_twice_changes_nothing(drawn: tuple[str, Any], labels: dict[str, str], upstream: Upstream) -> None:
    """Whatever is stored."""
    kind, spec = drawn
    settings = FabricSettings(upstream=upstream)
    once: Manifest = stored(make(kind, "mine", spec, labels=labels), settings)
    assert stored(once, settings) == once
