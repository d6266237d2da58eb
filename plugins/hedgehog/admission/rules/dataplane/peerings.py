"""Rules of one GatewayPeering as a whole: its two sides, and its access control list."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.admission.rules.dataplane.acls import acl_faults
from hedgehog.admission.rules.dataplane.exposes import side_faults
from hedgehog.admission.rules.dataplane.release import Release
from hedgehog.admission.rules.dataplane.values import Fault, Peering, Side, peering_fault
from hedgehog.admission.rules.gateway.exposes import NAT_STATEFUL
from hedgehog.manifests.rule import rule

_PATH = ("spec", "peering")
_SOURCE = "githedgehog/dataplane config/src/external/overlay/vpc.rs"

DEFAULT_BOTH = rule(
    "gateway-peering-default-both",
    what="Only one side of a GatewayPeering has a default expose.",
    why="Each side would send everything to the other.",
    source=f"{_SOURCE} Peering::validate",
    fix="list the addresses that one of the sides exposes instead of its default",
)
VERSION_SIDES = rule(
    "gateway-peering-ip-version-sides",
    what="Both sides of a GatewayPeering expose the same version of IP, or one exposes only its default (since v0.129).",
    why="The gateway does not translate between IPv4 and IPv6.",
    source=f"{_SOURCE} validate_ip_version",
    fix="expose IPv4 on both sides, or IPv6 on both",
)


def peering_faults(peering: Peering, local: str, release: Release) -> Iterator[Fault]:
    """What is wrong with *peering* in the turn of its side *local*, in the validator's order."""
    if release < Release.V0_24:
        yield from side_faults(peering.name, peering.of(local), release)
        yield from _both_default(peering)
        return
    found = [*_both_default(peering)]
    sides = (peering.of(local), peering.towards(local))
    found += [fault for side in sides for fault in side_faults(peering.name, side, release)]
    yield from found
    if not found:
        yield from acl_faults(peering, sides)
        yield from _versions(peering)
        yield from _translations(peering)


def _both_default(peering: Peering) -> Iterator[Fault]:
    if all(side.has_default for side in peering.sides):
        names = " and ".join(peering.names)
        yield peering_fault(DEFAULT_BOTH, peering.name, _PATH, f"{names} both have a default")


def _versions(peering: Peering) -> Iterator[Fault]:
    one, other = peering.sides
    if one.is_default_only or other.is_default_only or one.is_ipv4 == other.is_ipv4:
        return
    message = f"{one.name} exposes {_version(one)}, and {other.name} {_version(other)}"
    yield peering_fault(VERSION_SIDES, peering.name, _PATH, message)


def _version(side: Side) -> str:
    return "IPv4" if side.is_ipv4 else "IPv6"


def _translations(peering: Peering) -> Iterator[Fault]:
    if all(any(expose.is_stateful for expose in side.exposes) for side in peering.sides):
        names = " and ".join(peering.names)
        yield peering_fault(NAT_STATEFUL, peering.name, _PATH, f"{names} both have stateful NAT")
