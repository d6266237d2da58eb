"""What `hhfab` refuses in a Fabricator.

What it leaves out has upstream's default, which is judged together with the rest. Upstream: Fabricator.Validate of
githedgehog/fabricator and FabricConfig.Init of githedgehog/fabric, which stop at the first fault.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.hhfab import fab_rules as rules
from hedgehog.fabric.addresses import Address, Prefix, parse_address, parse_prefix
from hedgehog.fabric.fabricator import FABRIC_DEFAULTS, read_fabricator
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.shown import shown
from hedgehog.manifests.file_rules import FABRICATOR_FIELD
from hedgehog.manifests.rule import Path, Violation

_KUBERNETES = ("control.kubeServiceSubnet", "control.kubeClusterSubnet")
_DISJOINT = (
    "control.managementSubnet",
    "fabric.protocolSubnet",
    "fabric.vtepSubnet",
    "fabric.fabricSubnet",
    "control.dummySubnet",
    "fabric.mclagSessionSubnet",
    "fabric.vpcWorkaroundSubnet",
)
_SYSTEM_USERS = frozenset(
    {
        *("root", "daemon", "bin", "sys", "adm", "tty", "disk", "lp", "mail", "news", "uucp", "man", "proxy", "kmem"),
        *(
            "dialout",
            "fax",
            "voice",
            "cdrom",
            "floppy",
            "tape",
            "sudo",
            "audio",
            "dip",
            "www-data",
            "backup",
            "operator",
        ),
        *("list", "irc", "src", "gnats", "shadow", "utmp", "video", "sasl", "plugdev", "staff", "games", "users"),
        *("nogroup", "systemd-journal", "systemd-timesync", "systemd-network", "systemd-resolve", "systemd-coredump"),
        *("docker", "redis", "netadmin", "secadmin", "messagebus", "input", "kvm", "render", "crontab", "i2c", "ssh"),
        *("ntp", "frr", "hhagent", "alloy"),
    }
)
"""Users that a switch has, so that nobody else may have their names."""
_NUMBER = re.compile(r"[0-9]+")
_ESI_PREFIX_LENGTH = 12
_MAC_LENGTH = 17
_HOST_BITS = 32


def fabricator_violations(manifest: Manifest) -> Iterator[Violation]:
    """What `hhfab` refuses when it loads *manifest*, which has the shape of a Fabricator."""
    config = _Config(manifest)
    yield from _registry(config)
    yield from _subnets(config)
    yield from _management(config)
    yield from _users(config)
    if config.value("fabric.mode") != FABRIC_DEFAULTS["fabric.mode"]:
        yield rules.MODE.at(_path("fabric.mode"), f"{shown(config.value('fabric.mode'))} is not a mode")
    yield from _asns(config)
    yield from _vlans(config)
    if config.value("observability.defaults") not in ("", None, "none", "minimal"):
        message = f"{shown(config.value('observability.defaults'))} is none of minimal, none"
        yield rules.OBSERVABILITY.at(_path("observability.defaults"), message)
    yield from _communities(config)


def config_violations(manifest: Manifest) -> Iterator[Violation]:
    """What `hhfab` refuses later, when it makes the settings of the fabric controller from a loaded Fabricator."""
    config = _Config(manifest)
    mac, esi = config.text("fabric.eslagMACBase"), config.text("fabric.eslagESIPrefix")
    if len(parse_mac(mac) or "") != _MAC_LENGTH:
        yield rules.ESLAG.at(_path("fabric.eslagMACBase"), f"{shown(mac)} is not a MAC address of 48 bits")
    if len(esi) != _ESI_PREFIX_LENGTH:
        yield rules.ESLAG.at(_path("fabric.eslagESIPrefix"), f"{shown(esi)} does not have 12 characters")
    for path, text in read_fabricator(manifest)[1]:
        yield FABRICATOR_FIELD.at(path, text)


class _Config:
    """spec.config with upstream's defaults."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._given = _mapping(_mapping(manifest.get("spec")).get("config"))

    def value(self, path: str) -> Any:
        """What is given, or the default where that is a zero value of Go."""
        value: Any = self._given
        for name in path.split("."):
            value = _mapping(value).get(name)
        return value or FABRIC_DEFAULTS.get(path, value)

    def text(self, path: str) -> str:
        """Of a field that the schema says is text."""
        return str(self.value(path) or "")

    def prefix(self, path: str) -> Prefix | None:
        """The IPv4 subnet of a field; None if it is not one."""
        found = parse_prefix(self.text(path))
        return found if found is not None and found.version == 4 else None

    def address(self, path: str) -> Address | None:
        """The IPv4 address of a field; None if it is not one."""
        found = parse_address(self.text(path))
        return found if found is not None and found.version == 4 else None


def _registry(config: _Config) -> Iterator[Violation]:
    mode, upstream = config.value("registry.mode"), config.value("registry.upstream")
    if mode not in ("airgap", "upstream"):
        yield rules.REGISTRY.at(_path("registry.mode"), f"{shown(mode)} is neither airgap nor upstream")
    elif mode == "airgap" and upstream is not None:
        yield rules.REGISTRY.at(_path("registry.upstream"), "there is an upstream registry, but the mode is airgap")
    elif mode == "upstream" and not config.value("registry.upstream.repo"):
        yield rules.REGISTRY.at(_path("registry.upstream.repo"), "the mode is upstream, but there is no repo")


def _subnets(config: _Config) -> Iterator[Violation]:
    found = {path: config.prefix(path) for path in (*_KUBERNETES, *_DISJOINT)}
    for path, subnet in found.items():
        if subnet is None:
            yield rules.SUBNET.at(_path(path), f"{shown(config.text(path))} is not an IPv4 subnet")
    together = [_DISJOINT, (*_KUBERNETES, _DISJOINT[0])]
    for one, other in (pair for paths in together for pair in itertools.combinations(paths, 2)):
        first, second = found[one], found[other]
        if first is not None and second is not None and first.overlaps(second):
            message = f"{second} overlaps {first}, which is {one}"
            yield rules.SUBNET_OVERLAP.at(_path(other), message)


def _management(config: _Config) -> Iterator[Violation]:
    subnet, services = config.prefix("control.managementSubnet"), config.prefix("control.kubeServiceSubnet")
    for path in ("fabric.managementDHCPStart", "fabric.managementDHCPEnd"):
        address = config.address(path)
        if address is None:
            yield rules.MANAGEMENT.at(_path(path), f"{shown(config.text(path))} is not an IPv4 address")
        elif subnet is not None and not subnet.contains(address):
            yield rules.MANAGEMENT.at(_path(path), f"{address} is not in the management subnet {subnet.network}")
    path = "control.controlVIP"
    vip = config.prefix(path)
    if vip is None or vip.bits != _HOST_BITS:
        yield rules.MANAGEMENT.at(_path(path), f"{shown(config.text(path))} is not an IPv4 address as /32")
    elif subnet is not None and not subnet.contains(vip.address):
        yield rules.MANAGEMENT.at(_path(path), f"{vip} is not in the management subnet {subnet.network}")
    path = "control.kubeClusterDNS"
    dns = config.address(path)
    if dns is None or (services is not None and not services.contains(dns)):
        yield rules.CLUSTER_DNS.at(_path(path), f"{shown(config.text(path))} is not an address of the service subnet")


def _users(config: _Config) -> Iterator[Violation]:
    yield from _password(config.text("control.defaultUser.password"), _path("control.defaultUser.password"))
    users, path = _mapping(config.value("fabric.defaultSwitchUsers")), _path("fabric.defaultSwitchUsers")
    for name, user in users.items():
        if name in _SYSTEM_USERS:
            yield rules.USER.at((*path, name), f"{name} is a user of the switch's own system")
        role = _mapping(user).get("role")
        if role not in ("admin", "operator"):
            yield rules.USER.at((*path, name, "role"), f"{shown(role)} is neither admin nor operator")
        yield from _password(str(_mapping(user).get("password") or ""), (*path, name, "password"))
    if _mapping(users.get("admin")).get("role") != "admin":
        yield rules.USER.at(path, "there is no user admin of role admin")


def _password(text: str, path: Path) -> Iterator[Violation]:
    """The text is a secret, which no message may show."""
    if not text:
        yield rules.USER.at(path, "there is no password hash")
    elif not text.startswith("$5$"):
        yield rules.USER.at(path, "is not a hash that begins with $5$")


def _asns(config: _Config) -> Iterator[Violation]:
    settings, _ = read_fabricator(config.manifest)
    start, end = settings.leaf_asn_start, settings.leaf_asn_end
    spine, gateway = settings.spine_asn, settings.gateway_asn
    if start >= end:
        yield rules.ASN.at(_path("fabric.leafASNStart"), f"{start} is not below {end}, the end of the range of leaves")
    for path, asn in (("fabric.spineASN", spine), ("gateway.asn", gateway)):
        if start <= asn <= end:
            yield rules.ASN.at(_path(path), f"{asn} is in the range of leaves, {start}-{end}")
    if spine == gateway:
        yield rules.ASN.at(_path("gateway.asn"), f"{gateway} is also the ASN of spines")


def _vlans(config: _Config) -> Iterator[Violation]:
    settings, _ = read_fabricator(config.manifest)
    for one, other in itertools.combinations(sorted([*settings.th5_workaround_vlans, *settings.vpc_irb_vlans]), 2):
        if one[1] >= other[0]:
            message = "{}-{} overlaps {}-{}".format(*one, *other)
            yield rules.VLANS.at(_path("fabric.vpcIRBVLANs"), message)


def _communities(config: _Config) -> Iterator[Violation]:
    communities = _mapping(config.value("gateway.communities"))
    for priority, community in communities.items():
        parts = str(community).split(":")
        path = (*_path("gateway.communities"), priority)
        if not _is_number(priority, 32):
            yield rules.COMMUNITY.at(path, f"{shown(priority)} is not a priority")
        if len(parts) != 2 or not all(_is_number(part, 16) for part in parts):
            yield rules.COMMUNITY.at(path, f"{shown(community)} is not a community")


def _is_number(text: Any, bits: int) -> bool:
    return isinstance(text, str) and _NUMBER.fullmatch(text) is not None and int(text) < 2**bits


def _path(dotted: str) -> Path:
    return ("spec", "config", *dotted.split("."))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
