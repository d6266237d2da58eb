"""What a change concerns: the devices, networks and peerings that it touches, and those that depend on it. Pure.

It follows the references between objects. From a changed object upwards: what refers to it, directly or through others.
From all of these downwards: what they refer to. A changed peering also concerns what is attached to its two sides. A
default that a manifest leaves out is not a reference, as for `references`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references
from hedgehog.fabric.topology import cables_of

PEERING_KINDS = frozenset({"VPCPeering", "ExternalPeering", "GatewayPeering"})
_ATTACHED_KINDS = frozenset({"VPCAttachment", "ExternalAttachment", "Gateway"})
"""What uses one side of a peering."""


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """The names of all that is concerned, each sorted; ports as `switch/port`, peerings as `Kind/name`."""

    switches: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    peerings: tuple[str, ...] = ()
    externals: tuple[str, ...] = ()

    def groups(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each group that has anything, with its names."""
        for one in fields(self):
            if names := getattr(self, one.name):
                yield one.name, names

    def as_dict(self) -> dict[str, list[str]]:
        """Plain data: every group is a key."""
        return {one.name: list(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def of(cls, data: Mapping[str, Collection[str]]) -> BlastRadius:
        """The inverse of `as_dict`."""
        return cls(**{one.name: tuple(data.get(one.name, ())) for one in fields(cls)})


def blast_radius(changed: Iterable[ObjectRef], *states: Mapping[ObjectRef, Manifest]) -> BlastRadius:
    """What the change of the objects *changed* concerns; *states* are all objects as they were and as they will be."""
    seeds = set(changed)
    if not seeds:
        return BlastRadius()
    targets: dict[ObjectRef, set[ObjectRef]] = {}
    users: dict[ObjectRef, set[ObjectRef]] = {}
    for ref, manifest in _contents(states):
        for target in references(manifest):
            targets.setdefault(ref, set()).add(target)
            users.setdefault(target, set()).add(ref)
    upwards = _closure(seeds, users) | _attached(seeds, targets, users)
    concerned = _closure(upwards, targets)
    there = {ref for ref in concerned if any(ref in state for state in states)} | seeds
    return _named(there, states)


def _contents(states: Collection[Mapping[ObjectRef, Manifest]]) -> Iterator[tuple[ObjectRef, Manifest]]:
    """Every content of every object; one that stays the same once."""
    seen: dict[ObjectRef, Manifest] = {}
    for state in states:
        for ref, manifest in state.items():
            if seen.get(ref) is not manifest:
                seen[ref] = manifest
                yield ref, manifest


def _closure(refs: Iterable[ObjectRef], edges: Mapping[ObjectRef, Collection[ObjectRef]]) -> set[ObjectRef]:
    """*refs* and all that the edges lead to from them."""
    found = set(refs)
    left = list(found)
    while left:
        for ref in edges.get(left.pop(), ()):
            if ref not in found:
                found.add(ref)
                left.append(ref)
    return found


def _attached(
    seeds: Collection[ObjectRef],
    targets: Mapping[ObjectRef, Collection[ObjectRef]],
    users: Mapping[ObjectRef, Collection[ObjectRef]],
) -> set[ObjectRef]:
    """What is attached to the sides of the peerings among *seeds*."""
    sides = {target for ref in seeds if ref.kind in PEERING_KINDS for target in targets.get(ref, ())}
    return {user for side in sides for user in users.get(side, ()) if user.kind in _ATTACHED_KINDS}


def _named(refs: Collection[ObjectRef], states: Collection[Mapping[ObjectRef, Manifest]]) -> BlastRadius:
    by_kind: dict[str, set[str]] = {}
    for ref in refs:
        by_kind.setdefault(ref.kind, set()).add(ref.name)
    ports = {
        f"{plug.device[1]}/{plug.port}"
        for ref in refs
        if ref.kind == "Connection"
        for state in states
        if ref in state
        for cable in cables_of(state[ref])
        for plug in cable.plugs
        if plug.device[0] == "Switch" and plug.port
    }

    def names(kind: str) -> tuple[str, ...]:
        return tuple(sorted(by_kind.get(kind, ())))

    return BlastRadius(
        switches=names("Switch"),
        ports=tuple(sorted(ports)),
        servers=names("Server"),
        gateways=names("Gateway"),
        vpcs=names("VPC"),
        peerings=tuple(sorted(f"{ref.kind}/{ref.name}" for ref in refs if ref.kind in PEERING_KINDS)),
        externals=names("External"),
    )
