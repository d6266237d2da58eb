"""What upstream accepts in a Gateway, although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Severity, Violation, rule

LOG_LEVELS = ("off", "error", "warning", "info", "debug", "trace")
_MAC_LENGTH = len("00:00:00:00:00:00")

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
VTEP_MAC_LENGTH = rule(
    "gateway-vtep-mac-length",
    what="vtepMAC of a Gateway has six bytes.",
    why="Ethernet has no longer ones; upstream accepts EUI-64 addresses, too.",
    source="ours",
    fix="write a MAC address of six bytes, like ca:fe:ba:be:00:01",
    severity=Severity.WARNING,
)
LOG_LEVEL = rule(
    "gateway-log-level",
    what=f"Log levels are {', '.join(LOG_LEVELS)}.",
    why="The dataplane knows no other.",
    source="ours",
    fix="write one of them, in lower case",
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
    if len(parse_mac(spec["vtepMAC"]) or "") > _MAC_LENGTH:
        yield VTEP_MAC_LENGTH.at(("spec", "vtepMAC"), f"{spec['vtepMAC']} has more than six bytes")
    yield from _logs(spec["logs"])
    yield from _sources(spec)


def _address(spec: Mapping[str, Any], field: str, subnet: str) -> Iterator[Violation]:
    prefix, allowed = parse_prefix(spec[field]), parse_prefix(subnet)
    if prefix is not None and allowed is not None and not allowed.covers(prefix):
        yield ADDRESS_FOREIGN.at(("spec", field), f"{prefix} is not inside {allowed}")


def _logs(logs: Mapping[str, Any]) -> Iterator[Violation]:
    levels: dict[Path, str] = {
        ("default",): logs["default"],
        **{("tags", tag): level for tag, level in logs["tags"].items()},
    }
    for path, level in levels.items():
        if level not in LOG_LEVELS:
            yield LOG_LEVEL.at(("spec", "logs", *path), f"{level!r} is not a log level")


def _sources(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for index, neighbor in enumerate(spec["neighbors"]):
        source = neighbor.get("source")
        if source and source not in spec["interfaces"]:
            yield NEIGHBOR_SOURCE.at(("spec", "neighbors", index, "source"), f"there is no interface {source}")
