"""What Hedgehog's admission rules depend on besides the objects: the settings of the fabric's control cluster. Pure."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.addresses import parse_address, parse_prefix
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.shown import shown

LAST_VLAN = 4094
LARGEST_ASN = 2**32 - 1
LARGEST_NUMBER = 2**16 - 1
"""The largest value of other numbers, which are bytes of a frame or counts."""
MOST_RANGES = 1000
"""At most so many ranges or subnets in one setting, because each object is compared with all of them."""
VLANRange = tuple[int, int]
"""First and last VLAN, both included."""


class Upstream(StrEnum):
    """The release of githedgehog/fabric whose rules apply; they differ in places."""

    V0_126 = "v0.126"
    V0_129 = "v0.129"
    NEWER = "newer"
    """Newer than this package knows: what it does not know is kept as it is, and not judged."""


@dataclass(frozen=True, slots=True)
class FabricSettings:
    """The settings of one fabric. Defaults are those of fabricator's DefaultConfig (pkg/fab/fabric.go), gateway enabled.

    Subnets are CIDR strings, addresses plain strings.
    """

    upstream: Upstream = Upstream.V0_129
    vpc_irb_vlans: tuple[VLANRange, ...] = ((3000, 3899),)
    th5_workaround_vlans: tuple[VLANRange, ...] = ((3900, 3999),)
    reserved_subnets: tuple[str, ...] = (
        "172.30.0.0/21",
        "172.30.128.0/17",
        "172.30.8.0/22",
        "172.30.12.0/22",
        "172.30.96.0/19",
        "172.30.95.0/31",
        "172.30.16.0/22",
    )
    control_vip: str = "172.30.0.1/32"
    """The control nodes' address in the management subnet: no switch may have it."""
    management_subnet: str = "172.30.0.0/21"
    management_dhcp_start: str = "172.30.4.0"
    management_dhcp_end: str = "172.30.7.254"
    dummy_subnet: str = "172.30.90.0/24"
    """Addresses of the links between control nodes and the pods on them."""
    protocol_subnet: str = "172.30.8.0/22"
    vtep_subnet: str = "172.30.12.0/22"
    fabric_subnet: str = "172.30.128.0/17"
    fabric_mtu: int = 9100
    server_facing_mtu_offset: int = 64
    spine_asn: int = 65100
    leaf_asn_start: int = 65101
    leaf_asn_end: int = 65533
    gateway_asn: int = 65534
    gateway_enabled: bool = True
    gateway_communities: int = 10
    """How many gateway communities are configured: a GatewayGroup takes that many members."""
    vpc_peering_disabled: bool = False
    allow_extra_switch_profiles: bool = False
    include_cumulus: bool = False
    include_clsp: bool = False
    enforced: bool = True
    """Whether a sync holds what these rules refuse. False leaves the decision to the cluster: for wiring that has no
    addresses yet, or a cluster with other rules."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data that differs from the defaults, as stored with the fabric; `parse_settings` gives it back."""
        default = FabricSettings()
        return {
            field.name: _as_plain_data(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(default, field.name)
        }


class UnreadableSettings(FabricSettings):
    """Stored settings that are invalid: reading any of them raises an InvalidInput that says why."""

    __slots__ = ("why",)
    why: str

    def __init__(self, why: str) -> None:
        object.__setattr__(self, "why", why)

    def __getattr__(self, name: str) -> Any:
        raise InvalidInput(self.why)

    def __repr__(self) -> str:
        return f"UnreadableSettings({self.why!r})"


def release_of(settings: FabricSettings) -> Upstream:
    """The release whose fields objects may have; the default where the stored settings are invalid."""
    return FabricSettings().upstream if isinstance(settings, UnreadableSettings) else settings.upstream


def parse_settings(values: Any, *, owner: str = "settings") -> FabricSettings:
    """The settings in plain data, as `FabricSettings.as_dict` returns it; a missing field has its default.

    Raises InvalidInput with one line `owner.field: what is wrong` per invalid field.
    """
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{owner}: {values!r} is not a mapping")
    problems, found = [], {}
    for name, value in values.items():
        try:
            found[name] = field_value(name, value)
        except ValueError as error:
            problems.append(f"{owner}.{name}: {error}")
    if problems:
        raise InvalidInput("\n".join(problems))
    return FabricSettings(**found)


def field_value(name: str, value: Any) -> Any:
    """The value of the field *name* of `FabricSettings` from plain data. Raises ValueError, which says what is wrong."""
    types = _types()
    if name not in types:
        hint = did_you_mean(name, types, otherwise="see docs/validation.md")
        raise ValueError(f"there is no such setting; {hint}")
    return _READERS[types[name]](name, value)


@functools.cache
def _types() -> Mapping[str, Any]:
    return typing.get_type_hints(FabricSettings)


def _upstream(name: str, value: Any) -> Upstream:
    if value not in list(Upstream):
        raise ValueError(f"{shown(value)} is none of {', '.join(Upstream)}")
    return Upstream(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not true or false")
    return value


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{shown(value)} is not a number from 0")
    largest = LARGEST_ASN if "asn" in name else LARGEST_NUMBER
    if value > largest:
        raise ValueError(f"{value} is too large; at most {largest}")
    return value


def _network(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    what, parse = ("an address", parse_address) if "dhcp" in name else ("a subnet such as 172.30.0.0/21", parse_prefix)
    if parse(value) is None:
        raise ValueError(f"{shown(value)} is not {what}")
    return value


def _networks(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{shown(value)} is not a list")
    _refuse_many(value)
    return tuple(_network(name, one) for one in value)


def _vlans(name: str, value: Any) -> tuple[VLANRange, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{shown(value)} is not a list of ranges such as [3000, 3899]")
    _refuse_many(value)
    return tuple(_vlan_range(one) for one in value)


def _vlan_range(value: Any) -> VLANRange:
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or any(not isinstance(one, int) or isinstance(one, bool) for one in pair):
        raise ValueError(f"{shown(value)} is not a range such as [3000, 3899]")
    if not 1 <= pair[0] <= pair[1] <= LAST_VLAN:
        raise ValueError(f"{shown(value)} is not a range of VLANs from 1 to {LAST_VLAN}, the lower one first")
    return pair[0], pair[1]


def _refuse_many(value: Sized) -> None:
    if len(value) > MOST_RANGES:
        raise ValueError(f"has {len(value)} entries; at most {MOST_RANGES} are allowed")


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    Upstream: _upstream,
    bool: _flag,
    int: _number,
    str: _network,
    tuple[str, ...]: _networks,
    tuple[VLANRange, ...]: _vlans,
}


def _as_plain_data(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_plain_data(one) for one in value]
    return value.value if isinstance(value, StrEnum) else value
