"""What a gateway gets from its links and from its place among the gateways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hedgehog.errors import InvalidInput
from hedgehog.fabric.addresses import Address, parse_address, parse_prefix
from hedgehog.fabric.hydration.ranges import Ranges
from hedgehog.fabric.hydration.wiring import Fields, Wiring, WiringLink, number_in, part_of, text_in
from hedgehog.fabric.model import Manifest

MOST_GATEWAYS = 254
_VTEP_OVERHEAD = 64
_NAMESPACE = "default"
_MAC = "CA:FE:BA:BE:01:"
_OUR_MAC = re.compile(f"{_MAC}([0-9a-f]{{2}})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GatewayPort:
    """The interface of a gateway at the end of a link, and the switch at the other end."""

    gateway: Fields
    """The spec of the gateway."""
    name: str
    switch: Manifest | None

    @property
    def interface(self) -> Fields:
        """As it is in the gateway."""
        return part_of(self.gateway["interfaces"], self.name)

    def connect(self, link: WiringLink, ranges: Ranges) -> None:
        """Let the interface have the address of *link* alone, and append the switch to the neighbors.

        Raises InvalidInput where the switch does not exist or has no ASN.
        """
        self.interface["ips"], self.interface["mtu"] = [text_in(link.sides[1], "ip")], ranges.gateway_mtu
        self.gateway["neighbors"] = [*(self.gateway.get("neighbors") or ()), self._neighbor(link)]

    def forget_neighbors(self) -> None:
        """Remove the neighbors on the interface. Upstream keeps them, so that each of its runs adds one."""
        known = self.gateway.get("neighbors") or ()
        self.gateway["neighbors"] = [one for one in known if one.get("source") != self.name]

    def follow(self, link: WiringLink, ranges: Ranges) -> None:
        """The same where something is missing: nothing that is there is changed or doubled."""
        self.interface["ips"] = self.interface.get("ips") or [text_in(link.sides[1], "ip")]
        self.interface["mtu"] = self.interface.get("mtu") or ranges.gateway_mtu
        neighbors, wanted = self.gateway.get("neighbors") or [], self._neighbor(link)
        if not any(one.get("source") == self.name and one.get("ip") == wanted["ip"] for one in neighbors):
            self.gateway["neighbors"] = [*neighbors, wanted]

    def addresses(self) -> tuple[Address | None, Address | None]:
        """The addresses of the switch and of the gateway that the gateway knows of."""
        here = next((parse_prefix(text) for text in self.interface.get("ips") or () if isinstance(text, str)), None)
        known = (one for one in self.gateway.get("neighbors") or () if one.get("source") == self.name)
        there = next((parse_address(text_in(one, "ip")) for one in known), None)
        return there, here.address if here is not None else None

    def _neighbor(self, link: WiringLink) -> Fields:
        address = parse_prefix(text_in(link.sides[0], "ip"))
        if address is None or self.switch is None or not number_in(self.switch["spec"], "asn"):
            device = link.port(0)[0]
            raise InvalidInput(
                f"{link.ref}: link {link.index}: there is no switch {device!r} with an address and an ASN"
            )
        return {"source": self.name, "ip": str(address.address), "asn": self.switch["spec"]["asn"]}


def port_of(wiring: Wiring, link: WiringLink) -> GatewayPort:
    """The end of a link to a gateway. Raises InvalidInput where the gateway or its interface does not exist."""
    (switch_name, _), (gateway_name, port) = link.port(0), link.port(1)
    gateway = wiring.named("Gateway", gateway_name)
    if gateway is None or gateway["metadata"]["namespace"] != _NAMESPACE:
        raise InvalidInput(f"{link.ref}: link {link.index} leads to gateway {gateway_name!r}, which does not exist")
    if port not in (gateway["spec"].get("interfaces") or {}):
        raise InvalidInput(f"{link.ref}: link {link.index}: gateway {gateway_name} has no interface {port!r}")
    return GatewayPort(gateway["spec"], port, wiring.named("Switch", switch_name))


def set_gateway_constants(spec: Fields, number: int, ranges: Ranges) -> None:
    """The MAC and MTU of the VTEP of the gateway of this *number*, counted from 1."""
    spec["vtepMAC"] = f"{_MAC}{number:02x}"
    spec["vtepMTU"] = ranges.gateway_mtu - _VTEP_OVERHEAD


def free_gateway_numbers(gateways: Iterable[Manifest]) -> Iterator[int]:
    """The numbers that no gateway's MAC has, the lowest first. Raises InvalidInput after the last."""
    macs = (_OUR_MAC.fullmatch(text_in(gateway["spec"], "vtepMAC")) for gateway in gateways)
    used = {int(mac[1], 16) for mac in macs if mac is not None}
    yield from (number for number in range(1, MOST_GATEWAYS + 1) if number not in used)
    raise InvalidInput(f"a fabric has at most {MOST_GATEWAYS} gateways")
