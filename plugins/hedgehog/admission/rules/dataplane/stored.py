"""All GatewayPeerings of a cluster as the dataplane validator reads them, kept up to date with the cluster's state."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.dataplane.conversion import conversion_faults, peering_of
from hedgehog.admission.rules.dataplane.peerings import peering_faults
from hedgehog.admission.rules.dataplane.release import RELEASES, Release
from hedgehog.admission.rules.dataplane.routes import Routes, route_faults
from hedgehog.admission.rules.dataplane.values import Fault, Peering
from hedgehog.admission.rules.peered_pairs import GATEWAY_DUPLICATE as DUPLICATE
from hedgehog.fabric.model import Manifest

_INFO, _KIND = "VPCInfo", "GatewayPeering"
Pair = tuple[str, str]


class JudgedPeering:
    """A peering with what is wrong with it alone."""

    __slots__ = ("own", "peering", "unreadable")

    def __init__(self, manifest: Manifest, state: ClusterState) -> None:
        release = RELEASES[state.settings.upstream]
        subnets = {name: _subnets(state.get(_INFO, name)) for name in manifest["spec"]["peering"]}
        self.peering: Peering = peering_of(manifest, subnets, release)
        self.unreadable = tuple(conversion_faults(manifest, release))
        """What cannot be read; while there is any, nothing else of any peering is judged."""
        self.own: dict[str, tuple[Fault, ...]] = dict.fromkeys(self.peering.names, ())
        """What is wrong with the peering, in the turn of each of its sides."""
        # Since v0.24 both turns find the same.
        for name in () if self.unreadable else self.peering.names[: 1 if release >= Release.V0_24 else 2]:
            self.own[name] = tuple(peering_faults(self.peering, name, release))

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong with it alone."""
        return not self.unreadable and not any(self.own.values())


def _subnets(info: Manifest | None) -> Mapping[str, str]:
    named = ((info or {}).get("spec") or {}).get("subnets") or {}
    return {name: subnet.get("cidr", "") for name, subnet in named.items()}


class StoredPeerings:
    """The peerings that the controller feeds: those whose VPCs exist. `refresh` before every use."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._release = RELEASES[state.settings.upstream]
        self.judged: dict[str, JudgedPeering] = {}
        self.names: list[str] = []
        """Of all peerings, in order."""
        self.of: dict[str, dict[str, None]] = {}
        """The names of the peerings of each VPC or External, also of those that are not fed."""
        self.groups: dict[str, dict[str, None]] = {}
        """The names of the peerings of each GatewayGroup."""
        self.wrong: dict[str, None] = {}
        """Peerings that are not valid by themselves."""
        self._sides: dict[str, tuple[str, ...]] = {}
        self._routes: dict[str, Routes] = {}
        self._doubtful: dict[str, None] = {}
        """VPCs and Externals whose stored peerings may conflict with each other."""
        for name in state.objects(_KIND):
            self._add(name)

    def refresh(self) -> None:
        """Take over what has changed in the cluster's state."""
        touched = self._state.take_touched()
        names = {name for kind, name in touched if kind == _KIND}
        for kind, vpc in touched:
            if kind == _INFO:
                names.update(self.of.get(vpc, ()))
        for name in names:
            self._remove(name)
        for name in sorted(names):
            self._add(name)

    def with_written(self, written: JudgedPeering | None) -> Iterator[JudgedPeering]:
        """All peerings in order of their names, *written* in the place of the stored one of its name."""
        if written is None:
            yield from (self.judged[name] for name in self.names)
            return
        new = written.peering.name
        at = bisect.bisect_left(self.names, new)
        rest = at + 1 if new in self.judged else at
        yield from (self.judged[name] for name in self.names[:at])
        yield written
        yield from (self.judged[name] for name in self.names[rest:])

    def suspects(self, written: JudgedPeering | None) -> set[str]:
        """The VPCs and Externals whose peerings may conflict with each other; no others do."""
        found = set(self._doubtful)
        if written is not None and written.is_valid:
            found.update(name for name in written.peering.names if not self._fits(name, written.peering))
        return found

    def towards(self, target: str, written: JudgedPeering | None) -> list[JudgedPeering]:
        """The peerings of one VPC or External, in order of their names."""
        found = {name: self.judged[name] for name in self.of.get(target, ()) if name in self.judged}
        if written is not None:
            found.pop(written.peering.name, None)
            if target in written.peering.names:
                found[written.peering.name] = written
        return [found[name] for name in sorted(found)]

    def _fits(self, target: str, peering: Peering) -> bool:
        return not self._has_twin(peering) and (
            target not in self._routes or self._routes[target].fits(peering, self._release)
        )

    def _has_twin(self, peering: Peering) -> bool:
        return any(name != peering.name for _, name in self._state.users(("peered", _KIND, *peering.names)))

    def _add(self, name: str) -> None:
        manifest = self._state.get(_KIND, name)
        sides = tuple(((manifest or {}).get("spec") or {}).get("peering") or ())
        if manifest is None or len(sides) != 2:
            return
        self._sides[name] = sides
        for side in sides:
            self.of.setdefault(side, {})[name] = None
        if any(self._state.get(_INFO, side) is None for side in sides):
            return
        judged = self.judged[name] = JudgedPeering(manifest, self._state)
        bisect.insort(self.names, name)
        self.groups.setdefault(judged.peering.group, {})[name] = None
        if not judged.is_valid:
            self.wrong[name] = None
        for side in judged.peering.names if judged.is_valid else ():
            if side not in self._doubtful and not self._fits(side, judged.peering):
                self._doubtful[side] = None
            self._routes.setdefault(side, Routes(side)).add(judged.peering)

    def _remove(self, name: str) -> None:
        for side in self._sides.pop(name, ()):
            del self.of[side][name]
        judged = self.judged.pop(name, None)
        if judged is None:
            return
        self.names.remove(name)
        users = self.groups[judged.peering.group]
        del users[name]
        if not users:
            del self.groups[judged.peering.group]
        self.wrong.pop(name, None)
        for side in judged.peering.names if judged.is_valid else ():
            self._routes[side].remove(judged.peering)
            if side in self._doubtful and not any(conflicts(side, self.towards(side, None), self._release)):
                del self._doubtful[side]


def conflicts(target: str, judged: list[JudgedPeering], release: Release) -> Iterator[Fault]:
    """What is wrong between the peerings of one VPC or External, those that are not valid by themselves left out."""
    peerings = [one.peering for one in judged if one.is_valid]
    yield from twins(target, peerings)
    yield from route_faults(target, peerings, release)


def twins(target: str, peerings: Iterable[Peering]) -> Iterator[Fault]:
    """The pairs of which *target* is one that are peered more than once."""
    first: dict[str, str] = {}
    for peering in peerings:
        other = peering.towards(target).name
        if other in first:
            pair = " and ".join(peering.names)
            views = {
                (_KIND, mine): (("spec", "peering"), f"{pair} are already peered by {theirs}")
                for mine, theirs in ((peering.name, first[other]), (first[other], peering.name))
            }
            yield Fault(DUPLICATE, views)
        first.setdefault(other, peering.name)
