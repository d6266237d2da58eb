"""A GatewayPeering as the dataplane validator reads it, and what is wrong with one. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hedgehog.fabric.address_sets import AddressSet, address_set
from hedgehog.fabric.addresses import Prefix
from hedgehog.manifests.rule import Path, Rule

Ports = tuple[int, int]
"""First and last port."""
ALL_PORTS: Ports = (0, 65535)
Subject = tuple[str, str]
"""Kind and name of a Gateway or GatewayPeering."""
Protocols = frozenset[str]
STATIC, MASQUERADE, PORT_FORWARD = "static", "masquerade", "portForward"


@dataclass(frozen=True)
class Blocks:
    """The IP blocks of one list: what it includes, and what it excludes."""

    included: tuple[Prefix, ...] = ()
    excluded: tuple[Prefix, ...] = ()

    @cached_property
    def addresses(self) -> AddressSet:
        """What is left of it."""
        return address_set(self.included, self.excluded)

    @property
    def is_empty(self) -> bool:
        """Whether it is not given at all."""
        return not self.included and not self.excluded


@dataclass(frozen=True)
class Expose:
    """One expose of a side; of port forwarding, one for each entry of `ports`."""

    path: Path
    is_default: bool = False
    nat: str = ""
    """static, masquerade, portForward, or empty for none."""
    ips: Blocks = Blocks()
    outside_ips: Blocks = Blocks()
    """What `as` lists."""
    protocols: Protocols = frozenset(("tcp", "udp"))
    inside_ports: Ports = ALL_PORTS
    outside_ports: Ports = ALL_PORTS
    ports_path: Path = ()
    """The entry of `ports`; empty without port forwarding."""

    @property
    def inside(self) -> AddressSet:
        """The addresses before translation."""
        return self.ips.addresses

    @property
    def public(self) -> AddressSet:
        """The addresses that the other side sends to."""
        return self.outside_ips.addresses if self.nat else self.inside

    @property
    def public_ports(self) -> Ports:
        """The ports that the other side sends to."""
        return self.outside_ports if self.nat else self.inside_ports

    @property
    def is_stateful(self) -> bool:
        """Whether its NAT keeps flows."""
        return self.nat in (MASQUERADE, PORT_FORWARD)

    @property
    def version(self) -> int | None:
        """4 or 6; None for the default."""
        prefixes = self.ips.included or self.ips.excluded
        return prefixes[0].version if prefixes else None


@dataclass(frozen=True)
class Side:
    """One side of a peering."""

    name: str
    exposes: tuple[Expose, ...]

    @property
    def has_default(self) -> bool:
        """Whether any expose is the default."""
        return any(expose.is_default for expose in self.exposes)

    @property
    def is_default_only(self) -> bool:
        """Whether the default is all that it exposes."""
        return len(self.exposes) == 1 and self.exposes[0].is_default

    @property
    def is_ipv4(self) -> bool:
        """Whether any expose is IPv4."""
        return any(expose.version == 4 for expose in self.exposes)

    @property
    def is_stateful(self) -> bool:
        """Whether every expose has NAT that keeps flows."""
        return all(expose.is_stateful for expose in self.exposes)


@dataclass(frozen=True)
class Match:
    """One end of an access control rule: prefixes with ports, and ports of any address; nothing matches everything."""

    entries: tuple[tuple[Prefix, Ports | None], ...] = ()
    any_address: tuple[Ports, ...] = ()

    @property
    def uses_ports(self) -> bool:
        """Whether it names any port."""
        return bool(self.any_address) or any(ports is not None for _, ports in self.entries)


@dataclass(frozen=True)
class AclRule:
    """One rule of an access control list."""

    path: Path
    name: str
    source: str
    destination: str
    src: Match
    dst: Match
    protocol: str
    """tcp, udp, a number, or empty for any."""
    is_per_flow: bool


@dataclass(frozen=True)
class Peering:
    """A GatewayPeering."""

    name: str
    group: str
    sides: tuple[Side, Side]
    """In the order of their names."""
    acl: tuple[AclRule, ...] | None

    @property
    def names(self) -> tuple[str, str]:
        """The names of both sides."""
        return self.sides[0].name, self.sides[1].name

    def towards(self, name: str) -> Side:
        """The side that is not *name*."""
        return self.sides[0] if self.sides[1].name == name else self.sides[1]

    def of(self, name: str) -> Side:
        """The side that is *name*."""
        return self.sides[0] if self.sides[0].name == name else self.sides[1]


@dataclass(frozen=True)
class Fault:
    """What the validator refuses, as each object that takes part in it sees it."""

    rule: Rule
    views: Mapping[Subject, tuple[Path, str]]
    """Path and message by the object; the one to blame comes first."""
    hint: str = ""

    @property
    def owner(self) -> Subject:
        """The object that upstream names."""
        return next(iter(self.views))


def peering_fault(rule: Rule, peering: str, path: Path, message: str) -> Fault:
    """A fault of one GatewayPeering alone."""
    return Fault(rule, {("GatewayPeering", peering): (path, message)})
