"""Which objects an object refers to, and the order that follows from it.

The cluster refuses an object that refers to one it does not have, and refuses to delete one that is still referred to.
The order is derived from the manifests alone. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef

EXTERNAL_PREFIX = "ext."
"""A gateway peering names an External with this prefix, a VPC without."""

_SWITCH_ENDS = ("switch", "switch1", "switch2", "spine", "leaf", "leaf1", "leaf2")
_LINK_ENDS: Mapping[str, str] = {**dict.fromkeys(_SWITCH_ENDS, "Switch"), "server": "Server", "gateway": "Gateway"}
_UNKNOWN_WAVE = 1 + max(kind.wave for kind in KINDS.values())

Reference = tuple[str, str]
"""Kind and name that a spec refers to; the namespace is that of the object itself."""


def references(manifest: Mapping[str, Any]) -> frozenset[ObjectRef]:
    """The objects that *manifest* refers to, whether they exist or not.

    Only references that admission checks; a default that the manifest leaves out (namespace `default`, for example) is
    not one. Never raises: a malformed field refers to nothing, which validation reports.
    """
    kind, namespace = manifest.get("kind"), _mapping(manifest.get("metadata")).get("namespace")
    find = _FINDERS.get(kind) if isinstance(kind, str) else None
    if find is None:
        return frozenset()
    namespace = namespace if isinstance(namespace, str) and namespace else "default"
    found = find(_mapping(manifest.get("spec")))
    return frozenset(ObjectRef(kind, namespace, name) for kind, name in found if name)


def waves(manifests: Iterable[Manifest]) -> list[list[Manifest]]:
    """Order *manifests* so that each refers only to objects of earlier waves, or to none of them; delete in reverse.

    The table of kinds gives the coarse order, references inside one of its waves split it further. Objects that refer
    to each other in a cycle cannot be ordered: they follow in the order of their names. The product's own `Fabric`
    comes last, because it summarizes the others. The order of the input does not matter.
    """
    levels: dict[int, dict[ObjectRef, Manifest]] = {}
    for manifest in manifests:
        levels.setdefault(_level(manifest["kind"]), {})[ObjectRef.of(manifest)] = manifest
    return [wave for level in sorted(levels) for wave in _by_reference(levels[level])]


def _level(kind: str) -> int:
    if kind == FABRIC.kind:
        return _UNKNOWN_WAVE + 1
    row = KINDS.get(kind)
    return row.wave if row else _UNKNOWN_WAVE


def _by_reference(level: Mapping[ObjectRef, Manifest]) -> Iterator[list[Manifest]]:
    """Split one wave of the table by the references inside it, in time proportional to their number."""
    targets = {ref: _others(ref, manifest, level) for ref, manifest in level.items()}
    users: dict[ObjectRef, list[ObjectRef]] = {}
    for ref, wanted in targets.items():
        for target in wanted:
            users.setdefault(target, []).append(ref)
    missing = {ref: len(wanted) for ref, wanted in targets.items()}
    """How many of its targets an object still waits for."""
    cycles = None
    ready = sorted(ref for ref, number in missing.items() if not number)
    while missing:
        if not ready:
            cycles = cycles or _Cycles(targets, users, missing)
            ready = [cycles.first()]
        yield [level[ref] for ref in ready]
        for ref in ready:
            del missing[ref]
        if cycles:
            cycles.remove(ready)
        ready = sorted(_freed(ready, users, missing))


def _freed(
    done: Iterable[ObjectRef], users: Mapping[ObjectRef, Iterable[ObjectRef]], missing: dict[ObjectRef, int]
) -> Iterator[ObjectRef]:
    """The objects that wait for nothing any more after *done*; counts down *missing*."""
    for ref in done:
        for user in users.get(ref, ()):
            if user in missing:
                missing[user] -= 1
                if not missing[user]:
                    yield user


def _others(ref: ObjectRef, manifest: Manifest, level: Mapping[ObjectRef, Manifest]) -> frozenset[ObjectRef]:
    return frozenset(target for target in references(manifest) if target in level and target != ref)


class _Cycles:
    """The objects that refer to each other in cycles, without those that merely wait for a cycle."""

    def __init__(
        self,
        targets: Mapping[ObjectRef, Collection[ObjectRef]],
        users: Mapping[ObjectRef, Collection[ObjectRef]],
        waiting: Collection[ObjectRef],
    ) -> None:
        self._targets = targets
        self._users = {ref: sum(user in waiting for user in users.get(ref, ())) for ref in waiting}
        """How many of the objects that are left refer to it."""
        self._by_name = sorted(waiting, reverse=True)
        self.remove(ref for ref, number in list(self._users.items()) if not number)

    def first(self) -> ObjectRef:
        """The first object by name."""
        while self._by_name[-1] not in self._users:
            self._by_name.pop()
        return self._by_name[-1]

    def remove(self, refs: Iterable[ObjectRef]) -> None:
        """Remove *refs*, and what only they refer to."""
        leaving = list(refs)
        while leaving:
            ref = leaving.pop()
            if self._users.pop(ref, None) is None:
                continue
            for target in self._targets[ref]:
                if target in self._users:
                    self._users[target] -= 1
                    if not self._users[target]:
                        leaving.append(target)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _references(kind: str, *names: Any) -> Iterator[Reference]:
    return ((kind, name) for name in names if isinstance(name, str))


def _switch(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _references("VLANNamespace", *_items(spec.get("vlanNamespaces")))
    yield from _references("SwitchGroup", *_items(spec.get("groups")))
    yield from _references("SwitchGroup", _mapping(spec.get("redundancy")).get("group"))


def _connection(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _link_ends(spec)
    yield from _references("VPC", _mapping(spec.get("staticExternal")).get("withinVPC"))


def _link_ends(value: Any) -> Iterator[Reference]:
    """The device of each "device/port", wherever the connection type has its links."""
    if isinstance(value, list):
        for item in value:
            yield from _link_ends(item)
    elif isinstance(value, Mapping):
        for key, child in value.items():
            port = _mapping(child).get("port") if key in _LINK_ENDS else None
            if isinstance(port, str):
                yield _LINK_ENDS[key], port.partition("/")[0]
            else:
                yield from _link_ends(child)


def _vpc(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _references("IPv4Namespace", spec.get("ipv4Namespace"))
    yield from _references("VLANNamespace", spec.get("vlanNamespace"))
    for subnet in _mapping(spec.get("subnets")).values():
        yield from _references("VPC", _mapping(_mapping(subnet).get("dhcp")).get("relayVPC"))


def _vpc_attachment(spec: Mapping[str, Any]) -> Iterator[Reference]:
    subnet = spec.get("subnet")
    yield from _references("VPC", subnet.partition("/")[0] if isinstance(subnet, str) else None)
    yield from _references("Connection", spec.get("connection"))


def _vpc_peering(spec: Mapping[str, Any]) -> Iterator[Reference]:
    for permit in _items(spec.get("permit")):
        yield from _references("VPC", *_mapping(permit))


def _external(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _references("IPv4Namespace", spec.get("ipv4Namespace"))


def _external_attachment(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _references("External", spec.get("external"))
    yield from _references("Connection", spec.get("connection"))


def _external_peering(spec: Mapping[str, Any]) -> Iterator[Reference]:
    permit = _mapping(spec.get("permit"))
    yield from _references("VPC", _mapping(permit.get("vpc")).get("name"))
    yield from _references("External", _mapping(permit.get("external")).get("name"))


def _gateway(spec: Mapping[str, Any]) -> Iterator[Reference]:
    for group in _items(spec.get("groups")):
        yield from _references("GatewayGroup", _mapping(group).get("name"))


def _gateway_peering(spec: Mapping[str, Any]) -> Iterator[Reference]:
    yield from _references("GatewayGroup", spec.get("gatewayGroup"))
    for kind, name in _references("VPC", *_mapping(spec.get("peering"))):
        if name.startswith(EXTERNAL_PREFIX):
            yield "External", name.removeprefix(EXTERNAL_PREFIX)
        else:
            yield kind, name


_FINDERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Reference]]] = {
    "Switch": _switch,
    "Gateway": _gateway,
    "VPC": _vpc,
    "External": _external,
    "Connection": _connection,
    "VPCAttachment": _vpc_attachment,
    "ExternalAttachment": _external_attachment,
    "VPCPeering": _vpc_peering,
    "ExternalPeering": _external_peering,
    "GatewayPeering": _gateway_peering,
}
