"""What is indexed of a Switch, so that rules can ask whether an address or ASN is free."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.admission.cluster_state import ClusterState, Fact
from hedgehog.fabric import labels
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.roles import LEAVES

_HOST = "/32"


def facts(manifest: Manifest) -> Iterator[Fact]:
    """("switch-ip" | "protocol-ip" | "vtep-ip", address), ("asn", n) of leaves only, ("boot", what, value)."""
    spec = manifest["spec"]
    ip = parse_prefix(spec.get("ip", ""))
    if ip is not None:
        yield "switch-ip", ip.address
    for name, subject in (("protocolIP", "protocol-ip"), ("vtepIP", "vtep-ip")):
        address = host_address(spec.get(name, ""))
        if address:
            yield subject, address
    if spec.get("asn") and spec.get("role") in LEAVES:
        yield "asn", spec["asn"]
    yield from boot_facts(manifest)


def boot_facts(manifest: Manifest) -> Iterator[Fact]:
    """The serial number and MAC address by which a switch is recognised when it boots."""
    boot = manifest["spec"].get("boot") or {}
    for name in ("serial", "mac"):
        if boot.get(name):
            yield "boot", name, boot[name].lower()


def host_address(text: str) -> str:
    """The address of an IPv4 /32, as text; empty for anything else. IPv4 prefixes have one spelling only."""
    prefix = parse_prefix(text)
    return text.removesuffix(_HOST) if prefix is not None and prefix.version == 4 and prefix.bits == 32 else ""


def others(state: ClusterState, fact: Fact, name: str) -> Iterator[tuple[str, str]]:
    """Kind and name of every other object than Switch *name* with this fact; Gateways only where the fabric has them."""
    for kind, user in state.users(fact):
        if (kind, user) != ("Switch", name) and (kind != "Gateway" or state.settings.gateway_enabled):
            yield kind, user


def connections_of(state: ClusterState, switch: str) -> Iterator[Manifest]:
    """The Connections that a label selector finds for the switch; MCLAG connections carry no labels."""
    return state.labelled("Connection", labels.connected_switch(switch), labels.SET)
