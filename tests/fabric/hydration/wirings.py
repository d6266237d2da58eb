"""Wirings without addresses, as people write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hedgehog.fabric.hydration.ranges import Ranges, ranges_of
from hedgehog.fabric.settings import FabricSettings

Manifest = dict[str, Any]


def make_ranges(**settings: Any) -> Ranges:
    """Upstream's ranges, with *settings* in place of some."""
    return ranges_of(FabricSettings(**settings))


def manifest(kind: str, name: str, spec: Manifest, namespace: str = "default") -> Manifest:
    """An object of a wiring."""
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def make_wiring(
    *, spines: int = 2, leaves: int = 3, gateways: int = 1, mclag: bool = False, links: int = 2
) -> list[Manifest]:
    """A control node and a network without any address or ASN; with *mclag* the first two leaves are peers."""
    found = [manifest("ControlNode", "control-1", {"management": {"interface": "enp2s1"}}, "fab")]
    found += [manifest("FabNode", f"gateway-{number}", {"roles": ["gateway"]}, "fab") for number in _numbers(gateways)]
    found += [manifest("Switch", f"spine-{number}", {"role": "spine"}) for number in _numbers(spines)]
    for number in _numbers(leaves):
        peer = {"redundancy": {"type": "mclag", "group": "pair"}} if mclag and number <= 2 else {}
        found.append(manifest("Switch", f"leaf-{number}", {"role": "server-leaf", **peer}))
    for spine in _numbers(spines):
        for leaf in _numbers(leaves):
            sides = [
                {
                    "spine": {"port": f"spine-{spine}/E1/{leaf}.{link}"},
                    "leaf": {"port": f"leaf-{leaf}/E1/{spine}.{link}"},
                }
                for link in _numbers(links)
            ]
            found.append(manifest("Connection", f"spine-{spine}--fabric--leaf-{leaf}", {"fabric": {"links": sides}}))
    found += _gateways(spines, gateways)
    return found


def _gateways(spines: int, gateways: int) -> Iterator[Manifest]:
    for number in _numbers(gateways):
        interfaces: Manifest = {f"enp2s{spine}": {} for spine in _numbers(spines)}
        yield manifest("Gateway", f"gateway-{number}", {"interfaces": interfaces})
        for spine in _numbers(spines):
            sides = {
                "switch": {"port": f"spine-{spine}/E1/{50 + number}"},
                "gateway": {"port": f"gateway-{number}/enp2s{spine}"},
            }
            yield manifest("Connection", f"spine-{spine}--gateway--gateway-{number}", {"gateway": {"links": [sides]}})


def _numbers(count: int) -> range:
    return range(1, count + 1)


def assigned(manifests: list[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """Every field that hydration fills in and that is there: its mapping and name, which may be deleted."""
    for one in manifests:
        spec = one["spec"]
        holders: list[Manifest] = [spec, spec.get("management") or {}, spec.get("dummy") or {}]
        for connection in ("fabric", "mesh", "gateway"):
            for link in (spec.get(connection) or {}).get("links") or ():
                holders += link.values()
        holders += (spec.get("interfaces") or {}).values()
        names = ("ip", "asn", "protocolIP", "vtepIP", "vtepMAC", "vtepMTU", "neighbors", "ips", "mtu")
        yield from ((holder, name) for holder in holders for name in names if name in holder)
