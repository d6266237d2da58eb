"""What upstream accepts in a Gateway, although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Severity, Violation, rule

ADDRESS_FOREIGN = rule(
    "gateway-address-foreign",
    what="protocolIP and vtepIP of a Gateway are inside the subnets that the fabric reserves for them.",
    why="Switches announce and accept only these, so the gateway could not be reached.",
    source="ours",
    fix="choose a free address of the fabric's protocol or VTEP subnet",
    severity=Severity.WARNING,
)
ASN_FOREIGN = rule(
    "gateway-asn-foreign",
    what="The ASN of a Gateway is the gateway ASN of the fabric.",
    why="Switches expect that one, and refuse a session with another.",
    source="ours",
    fix="use the gateway ASN of the fabric's settings",
    severity=Severity.WARNING,
)
NEIGHBOR_SOURCE = rule(
    "gateway-neighbor-source",
    what="The source of a BGP neighbour is an interface of the Gateway.",
    why="The session cannot begin at an interface that does not exist.",
    source="ours",
    fix="name one of spec.interfaces, or leave it out",
    severity=Severity.WARNING,
)


def warn(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Warn of a Gateway that upstream accepts."""
    spec, settings = new["spec"], state.settings
    yield from _address(spec, "protocolIP", settings.protocol_subnet)
    yield from _address(spec, "vtepIP", settings.vtep_subnet)
    if spec["asn"] != settings.gateway_asn:
        yield ASN_FOREIGN.at(("spec", "asn"), f"{spec['asn']} is not {settings.gateway_asn}, the fabric's")
    yield from _sources(spec)


def _address(spec: Mapping[str, Any], field: str, subnet: str) -> Iterator[Violation]:
    prefix, allowed = parse_prefix(spec[field]), parse_prefix(subnet)
    if prefix is not None and allowed is not None and not allowed.covers(prefix):
        yield ADDRESS_FOREIGN.at(("spec", field), f"{prefix} is not inside {allowed}")


def _sources(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for index, neighbor in enumerate(spec["neighbors"]):
        source = neighbor.get("source")
        if source and source not in spec["interfaces"]:
            yield NEIGHBOR_SOURCE.at(("spec", "neighbors", index, "source"), f"there is no interface {source}")
