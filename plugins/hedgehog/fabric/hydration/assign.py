"""Every address and ASN of a wiring assigned, as upstream does it, but that gateways forget old neighbors on their links.

Upstream: hydrate in pkg/hhfab/hydrate.go of githedgehog/fabricator.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from hedgehog.errors import InvalidInput
from hedgehog.fabric.addresses import Address, Prefix
from hedgehog.fabric.hydration.gateways import MOST_GATEWAYS, port_of, set_gateway_constants
from hedgehog.fabric.hydration.ranges import KEPT_FOR_CONTROL, Ranges
from hedgehog.fabric.hydration.wiring import Fields, Wiring, mclag_group_of, part_of, role_of
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.roles import SPINE

_LAST_ADDRESS = 2**32 - 1
_LARGEST_ASN = 2**32 - 1
NO_ADDRESS = "invalid Prefix"
"""What upstream writes after the last IPv4 address; it is refused by the inspection afterwards."""


def assign_everything(wiring: Wiring, ranges: Ranges) -> None:
    """Assign all addresses and ASNs of *wiring* in upstream's order, whether there are any or not.

    Nothing stops at the end of a range: `inspect` has to follow. Raises InvalidInput for a link to a gateway that
    cannot be completed, with *wiring* half assigned.
    """
    management = _addresses(_first_management(ranges), ranges.management.bits)
    dummies = _addresses(ranges.dummy.first, 31, step=2)
    for node in wiring.nodes:
        part_of(node["spec"], "management")["ip"] = next(management)
        part_of(node["spec"], "dummy")["ip"] = next(dummies)
    protocol, vtep = _addresses(ranges.protocol.first, 32), _addresses(ranges.vtep.first, 32)
    asns = count(ranges.leaf_asn_start)
    groups: dict[str, Fields] = {}
    for switch in wiring.switches_in_turn:
        spec = switch["spec"]
        spec["ip"], spec["protocolIP"] = next(management), next(protocol)
        if role_of(switch) == SPINE:
            spec["asn"] = ranges.spine_asn
        elif (group := mclag_group_of(switch)) is not None and group in groups:
            spec["asn"], spec["vtepIP"] = groups[group]["asn"], groups[group].get("vtepIP", "")
        else:
            spec["asn"], spec["vtepIP"] = next(asns) % (_LARGEST_ASN + 1), next(vtep)
        if (group := mclag_group_of(switch)) is not None:
            groups.setdefault(group, spec)
    _assign_links(wiring, ranges)
    _assign_gateways(wiring, ranges, protocol, vtep)


def _assign_links(wiring: Wiring, ranges: Ranges) -> None:
    addresses = _addresses(ranges.fabric.first, 31)
    for link in wiring.links_in_turn:
        if link.type == "gateway":
            port_of(wiring, link).forget_neighbors()
    for link in wiring.links_in_turn:
        for side in link.sides:
            side["ip"] = next(addresses)
        if link.type == "gateway":
            port_of(wiring, link).connect(link, ranges)


def _assign_gateways(wiring: Wiring, ranges: Ranges, protocol: Iterator[str], vtep: Iterator[str]) -> None:
    gateways: list[Manifest] = wiring.gateways_in_turn
    if len(gateways) > MOST_GATEWAYS:
        raise InvalidInput(f"there are {len(gateways)} gateways; a fabric has at most {MOST_GATEWAYS}")
    for number, gateway in enumerate(gateways, start=1):
        spec = gateway["spec"]
        spec["asn"], spec["protocolIP"], spec["vtepIP"] = ranges.gateway_asn, next(protocol), next(vtep)
        set_gateway_constants(spec, number, ranges)


def _first_management(ranges: Ranges) -> int:
    vip = ranges.control_vip.address
    if vip != Address(4, ranges.management.first + 1):
        raise InvalidInput(
            f"the control VIP {ranges.control_vip} is not the first address of the management subnet "
            f"{ranges.management.network}; set one of them so that it is"
        )
    return vip.value + KEPT_FOR_CONTROL


def _addresses(first: int, bits: int, *, step: int = 1) -> Iterator[str]:
    for value in count(first, step):
        yield str(Prefix(4, value, bits)) if value <= _LAST_ADDRESS else NO_ADDRESS
