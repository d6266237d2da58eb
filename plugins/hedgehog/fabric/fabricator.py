"""The settings of a fabric that follow from its Fabricator manifest: what hhfab makes of spec.config. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from hedgehog.fabric.kinds import FABRICATOR
from hedgehog.fabric.settings import FabricSettings, field_value
from hedgehog.fabric.shown import shown

KIND = "Fabricator"
_NAME = "default"

_FIELDS: Mapping[str, str] = {
    "control.controlVIP": "control_vip",
    "control.managementSubnet": "management_subnet",
    "control.dummySubnet": "dummy_subnet",
    "fabric.managementDHCPStart": "management_dhcp_start",
    "fabric.managementDHCPEnd": "management_dhcp_end",
    "fabric.spineASN": "spine_asn",
    "fabric.leafASNStart": "leaf_asn_start",
    "fabric.leafASNEnd": "leaf_asn_end",
    "fabric.protocolSubnet": "protocol_subnet",
    "fabric.vtepSubnet": "vtep_subnet",
    "fabric.fabricSubnet": "fabric_subnet",
    "fabric.vpcIRBVLANs": "vpc_irb_vlans",
    "fabric.th5WorkaroundVLANs": "th5_workaround_vlans",
    "fabric.includeCumulus": "include_cumulus",
    "fabric.includeCLSP": "include_clsp",
    "gateway.enable": "gateway_enabled",
    "gateway.asn": "gateway_asn",
}
_RESERVED: Mapping[str, str] = {
    "control.managementSubnet": "172.30.0.0/21",
    "fabric.fabricSubnet": "172.30.128.0/17",
    "fabric.protocolSubnet": "172.30.8.0/22",
    "fabric.vtepSubnet": "172.30.12.0/22",
    "fabric.vpcWorkaroundSubnet": "172.30.96.0/19",
    "fabric.mclagSessionSubnet": "172.30.95.0/31",
    "fabric.proxyExternalSubnet": "172.30.16.0/22",
}
"""The subnets that no VPC may overlap, in upstream's order, with their defaults."""
_DEFAULT = FabricSettings()
FABRIC_DEFAULTS: Mapping[str, Any] = {
    **_RESERVED,
    "registry.mode": "airgap",
    "control.controlVIP": _DEFAULT.control_vip,
    "control.dummySubnet": _DEFAULT.dummy_subnet,
    "control.kubeClusterSubnet": "172.28.0.0/16",
    "control.kubeServiceSubnet": "172.29.0.0/16",
    "control.kubeClusterDNS": "172.29.0.10",
    "fabric.mode": "spine-leaf",
    "fabric.managementDHCPStart": _DEFAULT.management_dhcp_start,
    "fabric.managementDHCPEnd": _DEFAULT.management_dhcp_end,
    "fabric.spineASN": _DEFAULT.spine_asn,
    "fabric.leafASNStart": _DEFAULT.leaf_asn_start,
    "fabric.leafASNEnd": _DEFAULT.leaf_asn_end,
    "fabric.vpcIRBVLANs": [{"from": first, "to": last} for first, last in _DEFAULT.vpc_irb_vlans],
    "fabric.th5WorkaroundVLANs": [{"from": first, "to": last} for first, last in _DEFAULT.th5_workaround_vlans],
    "fabric.eslagMACBase": "f2:00:00:00:00:00",
    "fabric.eslagESIPrefix": "00:f2:00:00:",
    "gateway.asn": _DEFAULT.gateway_asn,
    "gateway.communities": {str(priority): f"50001:{priority}" for priority in range(_DEFAULT.gateway_communities)},
}
"""What upstream fills in where spec.config has nothing, an empty value or 0."""
_OLD_LEAF_ASN_END, _OLD_IRB_VLANS = _DEFAULT.gateway_asn, ((3000, 3999),)
"""Defaults of older releases that collide with later ones, so upstream takes the new default where they are written."""
_NOT_IN_FABRICATOR = (
    "upstream",
    "fabric_mtu",
    "server_facing_mtu_offset",
    "vpc_peering_disabled",
    "allow_extra_switch_profiles",
    "enforced",
)
"""Settings that are not part of a Fabricator."""


FieldProblem = tuple[tuple[str, ...], str]
"""Path of a field and what is wrong with it."""


def read_fabricator(manifest: Mapping[str, Any]) -> tuple[FabricSettings, list[FieldProblem]]:
    """The settings that *manifest* gives, with defaults where a field cannot be read, and the problems of those fields.

    What it leaves out has upstream's default: no gateway. What hhfab checks beyond that (disjoint subnets and ASN
    ranges, users) is not checked.
    """
    config = _mapping(_mapping(manifest.get("spec")).get("config"))
    problems: list[FieldProblem] = []
    found: dict[str, Any] = {"gateway_enabled": False}
    for path, name in _FIELDS.items():
        value = _value(config, path)
        if not _is_unset(value):
            found |= _read(path, name, _pairs(value) if name.endswith("_vlans") else value, problems)
    communities = _value(config, "gateway.communities")
    if isinstance(communities, Mapping) and communities:
        found["gateway_communities"] = len(communities)
    elif not _is_unset(communities):
        problems.append((_path("gateway.communities"), f"{shown(communities)} is not a mapping"))
    settings = FabricSettings(**found, reserved_subnets=_reserved(config, problems))
    return dataclasses.replace(settings, **_modernized(settings)), problems


def _modernized(settings: FabricSettings) -> dict[str, Any]:
    newer: dict[str, Any] = {}
    if settings.leaf_asn_end == settings.gateway_asn == _OLD_LEAF_ASN_END:
        newer["leaf_asn_end"] = _DEFAULT.leaf_asn_end
    if settings.vpc_irb_vlans == _OLD_IRB_VLANS:
        newer["vpc_irb_vlans"] = _DEFAULT.vpc_irb_vlans
    return newer


def _reserved(config: Mapping[str, Any], problems: list[FieldProblem]) -> tuple[str, ...]:
    subnets: list[str] = []
    for path, default in _RESERVED.items():
        value = _value(config, path)
        ignored: list[FieldProblem] = []  # of a field that is a setting itself; it is reported there
        read = (
            {}
            if _is_unset(value)
            else _read(path, "reserved_subnets", [value], ignored if path in _FIELDS else problems)
        )
        subnets += read.get("reserved_subnets", (default,))
    return tuple(subnets)


def effective_settings(
    stored: FabricSettings, manifests: Iterable[Mapping[str, Any]], *, before: Iterable[Mapping[str, Any]] = ()
) -> FabricSettings:
    """The settings that apply: those of the Fabricator among *manifests*, else *stored*. Raises nothing.

    A Fabricator with a field that cannot be read is refused, so the one *before* applies in its place; if there was
    none, what can be read of it, with defaults for the rest. What is not part of a Fabricator, such as the release of
    upstream, is always taken from *stored*.
    """
    given = _fabricator(manifests)
    if given is None:
        return stored
    settings, problems = read_fabricator(given)
    old = _fabricator(before) if problems else None
    if old is not None:
        settings, _ = read_fabricator(old)
    return settings_beside_fabricator(settings, stored)


def settings_beside_fabricator(read: FabricSettings, stored: FabricSettings | None) -> FabricSettings:
    """What was *read* from a Fabricator, with what is not part of one from the *stored* settings of the fabric."""
    if stored is None:
        return read
    return dataclasses.replace(read, **{name: getattr(stored, name) for name in _NOT_IN_FABRICATOR})


def is_fabricator(manifest: Mapping[str, Any]) -> bool:
    """Whether it is Hedgehog's Fabricator, in whatever version."""
    version = manifest.get("apiVersion")
    return manifest.get("kind") == KIND and isinstance(version, str) and version.startswith(f"{FABRICATOR}/")


def _fabricator(manifests: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The Fabricator that applies, whatever the order: a cluster has one, named default."""
    found = [manifest for manifest in manifests if is_fabricator(manifest)]
    return min(found, key=_rank, default=None)


def _rank(manifest: Mapping[str, Any]) -> tuple[bool, str]:
    name = _mapping(manifest.get("metadata")).get("name")
    return name != _NAME, name if isinstance(name, str) else ""


def _path(dotted: str) -> tuple[str, ...]:
    return ("spec", "config", *dotted.split("."))


def _read(path: str, name: str, value: Any, problems: list[FieldProblem]) -> dict[str, Any]:
    try:
        return {name: field_value(name, value)}
    except ValueError as error:
        problems.append((_path(path), str(error)))
        return {}


def _value(config: Mapping[str, Any], path: str) -> Any:
    section, _, name = path.partition(".")
    return _mapping(config.get(section)).get(name)


def _is_unset(value: Any) -> bool:
    """Go does not distinguish zero values from absent ones, and fills both in."""
    return not value


def _pairs(value: Any) -> Any:
    """VLAN ranges as pairs. A range without an end is one VLAN."""
    return [_pair(one) for one in value] if isinstance(value, list) else value


def _pair(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    first = value.get("from")
    return [first, value.get("to") or first]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
