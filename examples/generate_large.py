"""Write a fabric of 64 switches as files for `hedgehog fabric import`: python examples/generate_large.py DIR

4 spines, 30 pairs of leaves, 150 servers, 40 VPCs, about 850 objects. Same output every time. Beside `examples/gen` in
one cluster it collides with nothing: names begin with `l-`, addresses, ASNs and VLANs are others.
"""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

SPINES = [f"l-spine-{number:02}" for number in range(1, 5)]
LEAVES = [f"l-leaf-{number:02}" for number in range(1, 61)]
PAIRS = list(zip(LEAVES[::2], LEAVES[1::2], strict=True))
BORDER = LEAVES[-2:]
BONDED_SERVERS = 3
"""Of each pair, on both leaves; each leaf has one more server of its own."""
VPCS = 40
UPLINK = 49
"""First of the four leaf ports that lead to the spines."""

NAMESPACE = "large"
SPINE_ASN, FIRST_LEAF_ASN = 65100, 65201
MANAGEMENT = ipaddress.IPv4Address("172.30.1.0")
PROTOCOL = ipaddress.IPv4Address("172.30.9.0")
VTEP = ipaddress.IPv4Address("172.30.13.0")
LINKS = ipaddress.IPv4Address("172.30.160.0")
SUBNETS = list(ipaddress.IPv4Network("10.64.0.0/15").subnets(new_prefix=24))
FIRST_VLAN = 2501

FABRIC = {
    "apiVersion": "hedgehog-airflow/v1",
    "kind": "Fabric",
    "metadata": {"name": "large"},
    "spec": {
        "description": "Sixty-four switches, generated",
        "asn": SPINE_ASN,
        "spine_count": len(SPINES),
        "leaf_count": len(LEAVES),
        "git_repository": "demo",
        "git_directory": "fabrics/large",
        "git_sync_enabled": True,
        "enable_k8s_sync": True,
        "kubernetes_connection_id": "demo_cluster",
    },
}


def manifest(api: str, kind: str, name: str, spec: Manifest) -> Manifest:
    """One object of Hedgehog's API group *api*."""
    return {"apiVersion": f"{api}.githedgehog.com/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def namespaces() -> Iterator[Manifest]:
    """VLANs and addresses of the VPCs."""
    last = FIRST_VLAN + 498
    yield manifest("wiring", "VLANNamespace", NAMESPACE, {"ranges": [{"from": FIRST_VLAN, "to": last}]})
    yield manifest("vpc", "IPv4Namespace", NAMESPACE, {"subnets": ["10.64.0.0/16", "10.65.0.0/16"]})


def switches() -> Iterator[Manifest]:
    """Spines whose ports are broken out to four leaves each, and pairs of leaves."""
    for number, name in enumerate(SPINES, 1):
        breakouts = {f"E1/{port}": "4x100G" for port in range(1, len(LEAVES) // 4 + 1)}
        spec = {
            "role": "spine",
            "profile": "celestica-ds4000",
            "asn": SPINE_ASN,
            "portBreakouts": breakouts,
            "vlanNamespaces": [NAMESPACE],
        }
        yield manifest("wiring", "Switch", name, spec | {"description": name} | addresses(number))
    for number, pair in enumerate(PAIRS, 1):
        yield manifest("wiring", "SwitchGroup", group(number), {})
        for name in pair:
            yield leaf(name, number)


def leaf(name: str, pair: int) -> Manifest:
    """One leaf of a pair."""
    number = LEAVES.index(name) + 1
    spec = {
        "role": "border-leaf" if name in BORDER else "server-leaf",
        "profile": "dell-s5248f-on",
        "description": f"{name}, pair {pair}",
        "asn": FIRST_LEAF_ASN + number - 1,
        "vtepIP": f"{VTEP + number}/32",
        "vlanNamespaces": [NAMESPACE],
        "redundancy": {"group": group(pair), "type": "eslag"},
    }
    return manifest("wiring", "Switch", name, spec | addresses(len(SPINES) + number))


def group(pair: int) -> str:
    """The redundancy group of a pair."""
    return f"l-pair-{pair:02}"


def addresses(number: int) -> Manifest:
    """Management and protocol address of the switch of that number."""
    return {"ip": f"{MANAGEMENT + number}/21", "protocolIP": f"{PROTOCOL + number}/32"}


def servers() -> Iterator[tuple[str, list[str]]]:
    """The name of each server with the leaves it is connected to."""
    number = 0
    for pair in PAIRS:
        for leaves in [list(pair)] * BONDED_SERVERS + [[name] for name in pair]:
            number += 1
            yield f"l-srv-{number:03}", leaves


def connection_name(server: str, leaves: list[str]) -> str:
    """As Hedgehog's own tools name a connection."""
    return "--".join([server, "eslag" if len(leaves) > 1 else "unbundled", *leaves])


def connections() -> Iterator[Manifest]:
    """Every cable."""
    taken = dict.fromkeys(LEAVES, 0)
    for server, leaves in servers():
        links = []
        for index, name in enumerate(leaves):
            taken[name] += 1
            links.append({"server": {"port": f"{server}/eth{index}"}, "switch": {"port": f"{name}/E1/{taken[name]}"}})
        spec = {"eslag": {"links": links}} if len(links) > 1 else {"unbundled": {"link": links[0]}}
        yield manifest("wiring", "Connection", connection_name(server, leaves), spec)
    for name in BORDER:
        spec = {"external": {"link": {"switch": {"port": f"{name}/E1/48"}}}}
        yield manifest("wiring", "Connection", f"{name}--external", spec)
    for index, (spine, name) in enumerate((spine, name) for spine in SPINES for name in LEAVES):
        number = LEAVES.index(name)
        link = {
            "spine": {"port": f"{spine}/E1/{number // 4 + 1}/{number % 4 + 1}", "ip": f"{LINKS + 2 * index}/31"},
            "leaf": {"port": f"{name}/E1/{UPLINK + SPINES.index(spine)}", "ip": f"{LINKS + 2 * index + 1}/31"},
        }
        yield manifest("wiring", "Connection", f"{spine}--fabric--{name}", {"fabric": {"links": [link]}})


def vpc_name(number: int) -> str:
    """At most 11 characters."""
    return f"l-vpc-{number:02}"


def vpcs() -> Iterator[Manifest]:
    """VPCs of three subnets, a server each, and neighbours that may talk to each other."""
    for number in range(1, VPCS + 1):
        subnets = {}
        for index, name in enumerate(("front", "app", "data")):
            slot = 3 * (number - 1) + index
            subnets[name] = {"subnet": str(SUBNETS[slot]), "vlan": FIRST_VLAN + slot}
        subnets["front"]["dhcp"] = {"enable": True}
        spec = {"ipv4Namespace": NAMESPACE, "vlanNamespace": NAMESPACE, "subnets": subnets}
        yield manifest("vpc", "VPC", vpc_name(number), spec)
    for number, (server, leaves) in enumerate(servers()):
        vpc, subnet = vpc_name(number % VPCS + 1), ("front", "app", "data")[number // VPCS % 3]
        spec = {"subnet": f"{vpc}/{subnet}", "connection": connection_name(server, leaves)}
        yield manifest("vpc", "VPCAttachment", f"{vpc}-{subnet}--{server}", spec)
    for number in range(1, VPCS, 2):
        one, other = vpc_name(number), vpc_name(number + 1)
        yield manifest("vpc", "VPCPeering", f"{one}--{other}", {"permit": [{one: {}, other: {"subnets": ["front"]}}]})


def externals() -> Iterator[Manifest]:
    """The way out over both border leaves, for the first VPC."""
    spec = {"ipv4Namespace": NAMESPACE, "inboundCommunity": "65000:300", "outboundCommunity": "65000:400"}
    yield manifest("vpc", "External", "l-inet", spec)
    for index, name in enumerate(BORDER):
        own, peer = f"198.18.64.{2 * index + 1}/31", f"198.18.64.{2 * index}"
        neighbor = {"asn": 64600, "ip": peer}
        spec = {"external": "l-inet", "connection": f"{name}--external", "switch": {"ip": own, "vlan": 200}}
        yield manifest("vpc", "ExternalAttachment", f"{name}--l-inet", spec | {"neighbor": neighbor})
    vpc, external = (
        {"name": vpc_name(1), "subnets": ["front"]},
        {"name": "l-inet", "prefixes": [{"prefix": "0.0.0.0/0"}]},
    )
    yield manifest("vpc", "ExternalPeering", "l-vpc-01--l-inet", {"permit": {"vpc": vpc, "external": external}})


def files() -> dict[str, list[Manifest]]:
    """The documents of each file."""
    return {
        "fabric.yaml": [FABRIC],
        "namespaces.yaml": list(namespaces()),
        "switches.yaml": list(switches()),
        "servers.yaml": [manifest("wiring", "Server", name, {"description": name}) for name, _ in servers()],
        "connections.yaml": list(connections()),
        "vpcs.yaml": list(vpcs()),
        "externals.yaml": list(externals()),
    }


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, metavar="DIR")
    directory: Path = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, documents in files().items():
        text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False)
        (directory / name).write_text(text)
        total += len(documents)
    print(f"{total} documents in {len(files())} files written to {directory}")


if __name__ == "__main__":
    main()
