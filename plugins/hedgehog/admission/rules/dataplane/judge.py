"""The verdict of the dataplane validator on one write of a Gateway or GatewayPeering."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.dataplane.gateways import (
    VTEP,
    group_faults,
    reading_faults,
    vtep_interface_faults,
    vtep_ip_faults,
)
from hedgehog.admission.rules.dataplane.release import RELEASES
from hedgehog.admission.rules.dataplane.routes import route_faults
from hedgehog.admission.rules.dataplane.stored import JudgedPeering, StoredPeerings, twins
from hedgehog.admission.rules.dataplane.values import Fault
from hedgehog.admission.rules.gateway.peerings import member_of
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Violation, printed

_GATEWAY, _PEERING, _INFO = "Gateway", "GatewayPeering", "VPCInfo"
_MOST_OTHERS = 5
"""At most so many faults of other objects are told at a write."""
_CORRECT = (
    "correct {owner}, which is possible by an update, or delete it; until then every write of another GatewayPeering and "
    "of a Gateway is refused"
)
_DELETE_ONE = (
    "delete {owner}, correct the other ones that are wrong, and create it again: while several are wrong, none of them can "
    "be corrected by an update, and every write of a GatewayPeering or Gateway is refused"
)


def judge(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """What the validator refuses at the write of *new*, in its order: the first is what upstream reports.

    Faults of *new* have their place in it; of those of other objects, which block the write, it is told which they are.
    """
    subject = (new["kind"], new["metadata"]["name"])
    faults = faults_at_write(new, state)
    owners = {fault.owner for fault in faults if subject not in fault.views}
    others = 0
    for fault in faults:
        if subject in fault.views:
            path, message = fault.views[subject]
            yield fault.rule.at(path, message, fault.hint)
        elif (others := others + 1) <= _MOST_OTHERS:
            yield _blocking(fault, others=len(owners) > 1)


def faults_at_write(new: Manifest, state: ClusterState) -> list[Fault]:
    """What the validator refuses at the write of *new*, in its order."""
    peerings = state.derive(StoredPeerings)
    peerings.refresh()
    gateway, written = new, None
    if new["kind"] == _PEERING:
        if any(state.get(_INFO, side) is None for side in new["spec"]["peering"]):
            return []
        written = JudgedPeering(new, state)
        first = min((name for _, name in state.users(member_of(written.peering.group))), default=None)
        found = state.get(_GATEWAY, first) if first else None
        if found is None:
            return []
        gateway = found
    return list(_unique(_faults(gateway, written, peerings, state)))


def _faults(
    gateway: Manifest, written: JudgedPeering | None, peerings: StoredPeerings, state: ClusterState
) -> Iterator[Fault]:
    yield from reading_faults(gateway)
    groups = _groups(gateway, state)
    has_vtep = VTEP in (gateway["spec"].get("interfaces") or {})
    suspects = peerings.suspects(written)
    is_wrong = bool(peerings.wrong) or (written is not None and not written.is_valid)
    is_outside = not groups.issuperset(_used_groups(written, peerings))
    every = list(peerings.with_written(written)) if suspects or is_wrong or is_outside else []
    for one in every:
        yield from one.unreadable
    yield from vtep_ip_faults(gateway)
    if suspects or is_wrong:
        yield from _overlay_faults(every, suspects, written, peerings, state)
    yield from group_faults(gateway, groups, (one.peering for one in every))
    if has_vtep and state.objects(_INFO):
        yield from vtep_interface_faults(gateway)


def _overlay_faults(
    every: list[JudgedPeering],
    suspects: Collection[str],
    written: JudgedPeering | None,
    peerings: StoredPeerings,
    state: ClusterState,
) -> Iterator[Fault]:
    """VPC after VPC: pairs that are peered twice, what is wrong with each peering, what is between them."""
    wrong = {name for one in every if not one.is_valid for name in one.peering.names}
    for target in sorted(wrong.union(suspects)):
        judged = peerings.towards(target, written)
        yield from twins(target, (one.peering for one in judged))
        for one in judged:
            yield from one.own[target]
        if target in suspects:
            release = RELEASES[state.settings.upstream]
            yield from route_faults(target, [one.peering for one in judged if one.is_valid], release)


def _groups(gateway: Manifest, state: ClusterState) -> set[str]:
    """The groups that *gateway* is in and that have stored members."""
    names = {group.get("name", "") for group in gateway["spec"].get("groups") or ()}
    return {name for name in names if any(True for _ in state.users(member_of(name)))}


def _used_groups(written: JudgedPeering | None, peerings: StoredPeerings) -> Iterator[str]:
    if written is not None:
        yield written.peering.group
    for group, users in peerings.groups.items():
        if written is None or len(users) > 1 or written.peering.name not in users:
            yield group


def _unique(faults: Iterable[Fault]) -> Iterator[Fault]:
    seen = set()
    for fault in faults:
        key = fault.rule.id, frozenset(fault.views), next(iter(fault.views.values()))[0]
        if key not in seen:
            seen.add(key)
            yield fault


def _blocking(fault: Fault, *, others: bool) -> Violation:
    """The violation at a write that a fault of other, stored objects blocks."""
    kind, name = fault.owner
    path, message = fault.views[fault.owner]
    owner = f"{kind} {name}"
    hint = fault.hint or (_DELETE_ONE if others else _CORRECT).format(owner=owner)
    return fault.rule.at((), f"{owner}, which is stored, blocks this write: {printed(path)} {message}", hint)
