"""A fabric of any size as people design it, without addresses and ASNs: fab.yaml and the wiring beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from devstack.objects import make
from hedgehog.fabric.model import Manifest

_HASH = "$5$example$hash"
"""hhfab only looks at how it begins."""
LEAF_PORTS = 48
"""Ports of a leaf towards servers; those towards spines come after them."""


def make_fab(*, gateways: int = 0, config: dict[str, Any] | None = None) -> list[Manifest]:
    """A Fabricator, a control node, and one node per gateway. *config* has sections that replace those of spec.config."""
    found = [
        make("Fabricator", "default", {"config": {**_config(gateways), **(config or {})}}),
        make(
            "ControlNode",
            "control-1",
            {
                "bootstrap": {"disk": "/dev/sda"},
                "external": {"interface": "enp2s0", "ip": "dhcp"},
                "management": {"interface": "enp2s1"},
            },
        ),
    ]
    for number in _numbers(gateways):
        node = {"roles": ["gateway"], "bootstrap": {"disk": "/dev/sda"}, "management": {"interface": "enp2s0"}}
        found.append(make("FabNode", f"gateway-{number}", node))
    return found


def make_wiring(*, spines: int = 2, leaves: int = 2, gateways: int = 0, servers: int = 0) -> list[Manifest]:
    """Each leaf has a link to each spine, each gateway one to each of two spines, and each server one to a leaf."""
    found = [
        make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
        make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/8"]}),
    ]
    for number in _numbers(spines):
        found.append(_switch(f"spine-{number:02}", "spine", "celestica-ds5000", number))
    for number in _numbers(leaves):
        found.append(_switch(f"leaf-{number:02}", "server-leaf", "celestica-ds2000", 100 + number))
    for spine in _numbers(spines):
        found += [_fabric_link(spine, leaf) for leaf in _numbers(leaves)]
    found += _gateways(spines, gateways)
    for number in _numbers(servers):
        found += _server(number, leaf=(number - 1) % leaves + 1, port=(number - 1) // leaves + 1)
    return found


def write(directory: Path, fab: list[Manifest], wiring: list[Manifest]) -> None:
    """Lay them out as `hhfab init` does: fab.yaml, and files in include/."""
    (directory / "include").mkdir(parents=True, exist_ok=True)
    (directory / "fab.yaml").write_text(text(fab))
    (directory / "include" / "wiring.yaml").write_text(text(wiring))


def text(manifests: list[Manifest]) -> str:
    """A YAML stream."""
    return "".join(f"---\n{yaml.safe_dump(one, sort_keys=False)}" for one in manifests)


def _config(gateways: int) -> dict[str, Any]:
    return {
        "control": {"defaultUser": {"password": _HASH}},
        "fabric": {"mode": "spine-leaf", "defaultSwitchUsers": {"admin": {"password": _HASH, "role": "admin"}}},
        "gateway": {"enable": gateways > 0},
    }


def _switch(name: str, role: str, profile: str, number: int) -> Manifest:
    boot = {"mac": f"0c:20:12:ff:{number // 256:02x}:{number % 256:02x}"}
    return make("Switch", name, {"role": role, "profile": profile, "boot": boot})


def _fabric_link(spine: int, leaf: int) -> Manifest:
    name = f"spine-{spine:02}--fabric--leaf-{leaf:02}"
    sides = {
        "spine": {"port": f"spine-{spine:02}/E1/{leaf}"},
        "leaf": {"port": f"leaf-{leaf:02}/E1/{LEAF_PORTS + spine}"},
    }
    return make("Connection", name, {"fabric": {"links": [sides]}})


def _gateways(spines: int, gateways: int) -> Iterator[Manifest]:
    if gateways:
        yield make("GatewayGroup", "default")
    for number in _numbers(gateways):
        name, uplinks = f"gateway-{number}", _numbers(min(spines, 2))
        interfaces = {f"enp2s{uplink}": {"kernel": f"enp2s{uplink}p"} for uplink in uplinks}
        yield make("Gateway", name, {"groups": [{"name": "default"}], "interfaces": interfaces, "workers": 8})
        for uplink in uplinks:
            sides = {
                "switch": {"port": f"spine-{uplink:02}/E1/{64 + number}"},
                "gateway": {"port": f"{name}/enp2s{uplink}"},
            }
            yield make("Connection", f"spine-{uplink:02}--gateway--{name}", {"gateway": {"links": [sides]}})


def _server(number: int, *, leaf: int, port: int) -> Iterator[Manifest]:
    name = f"server-{number:04}"
    yield make("Server", name, {"description": f"rack {leaf}"})
    link = {"server": {"port": f"{name}/enp2s1"}, "switch": {"port": f"leaf-{leaf:02}/E1/{port}"}}
    yield make("Connection", f"{name}--unbundled--leaf-{leaf:02}", {"unbundled": {"link": link}})


def _numbers(count: int) -> range:
    return range(1, count + 1)
