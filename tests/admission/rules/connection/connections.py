"""Connections of every type, and those that upstream accepts by mistake, with their warnings."""

from __future__ import annotations

from typing import Any

from devstack.objects import make
from hedgehog.fabric.model import Manifest


def ports(**sides: str) -> dict[str, Any]:
    """A link: `switch="leaf-01/E1/1"`, or with an address `leaf="leaf-01/E1/1 172.30.128.0/31"`."""
    return {side: dict(zip(("port", "ip"), text.split(" "), strict=False)) for side, text in sides.items()}


def connection(name: str, **spec: Any) -> Manifest:
    """A Connection."""
    return make("Connection", name, spec)


def unbundled(name: str, leaf: str = "leaf-01/E1/1", server: str = "srv-01/e1", **more: Any) -> Manifest:
    """One cable."""
    return connection(name, unbundled={"link": ports(switch=leaf, server=server), **more})


def eslag(*leaves: str, name: str = "c", **more: Any) -> Manifest:
    """Cables of srv-01 to several leaves."""
    links = [ports(switch=leaf, server=f"srv-01/e{number}") for number, leaf in enumerate(leaves)]
    return connection(name, eslag={"links": links, **more})


def fabric(*links: tuple[str, str], name: str = "c") -> Manifest:
    """Links between a spine and a leaf."""
    return connection(name, fabric={"links": [ports(spine=spine, leaf=leaf) for spine, leaf in links]})


def static(ip: str = "10.9.0.1/24", next_hop: str = "10.9.0.2", *subnets: str, **more: Any) -> Manifest:
    """A static external."""
    end = {"port": "leaf-03/E1/1", "ip": ip, "nextHop": next_hop, "subnets": list(subnets)}
    return connection("c", staticExternal={"link": {"switch": {**end, **more.pop("switch", {})}}, **more})


WARNED = {
    "eslag mtu": (
        eslag("leaf-01/E1/1", "leaf-02/E1/1", mtu=9100),
        ["connection-eslag-mtu-too-large .spec.eslag.mtu"],
    ),
    "half an eslag": (
        eslag("leaf-01/E1/1", "leaf-03/E1/1"),
        ["connection-eslag-half-redundant .spec.eslag.links[1].switch.port"],
    ),
    "one-legged eslag": (
        eslag("leaf-01/E1/1", "leaf-01/E1/2"),
        ["connection-eslag-one-switch .spec.eslag.links"],
    ),
    "long name": (unbundled("c" * 64), ["connection-name-too-long .metadata.name"]),
    "one port, two names": (
        connection("c", vpcLoopback={"links": [ports(switch1="leaf-01/E1/55", switch2="leaf-01/E1/55/1")]}),
        ["connection-port-alias .spec.vpcLoopback.links[0].switch2.port"],
    ),
    "management port": (
        unbundled("c", "leaf-01/M1"),
        ["connection-port-management .spec.unbundled.link.switch.port"],
    ),
    "no addresses": (
        fabric(("spine-01/E1/1 172.30.128.0/31", "leaf-01/E1/49")),
        ["connection-link-address-missing .spec.fabric.links[0]"],
    ),
    "leaf as spine": (
        connection("c", unbundled=unbundled("c", "spine-01/E1/1")["spec"]["unbundled"]),
        ["connection-switch-role .spec.unbundled.link.switch.port"],
    ),
    "no gateway": (
        connection(
            "c", gateway={"links": [ports(switch="leaf-01/E1/1 172.30.128.0/31", gateway="gw-9/e1 172.30.128.1/31")]}
        ),
        ["connection-gateway-missing .spec.gateway.links[0].gateway.port"],
    ),
    "VLAN": (
        static(switch={"vlan": 4095}),
        ["connection-vlan-invalid .spec.staticExternal.link.switch.vlan"],
    ),
}
