"""What `hhfab` refuses in the ControlNode and the FabNodes.

Upstream: ControlNode.Validate and FabNode.Validate in api/fabricator/v1beta1 of githedgehog/fabricator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.hhfab import fab_rules as rules
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.hydration.ranges import Ranges
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.shown import shown
from hedgehog.manifests.rule import Violation

CONTROL, OTHER = "ControlNode", "FabNode"
_ROLE = "gateway"
Placed = tuple[ObjectRef, Violation]


def node_violations(nodes: Sequence[Manifest]) -> Iterator[Placed]:
    """What is wrong with *nodes*, all there are, apart from their addresses."""
    controls = [node for node in nodes if node["kind"] == CONTROL]
    for extra in controls[1:]:
        yield ObjectRef.of(extra), rules.NODE_COUNT.at((), f"is the second of {len(controls)} ControlNodes")
    names = {node["metadata"]["name"] for node in controls}
    for node in nodes:
        ref, name = ObjectRef.of(node), node["metadata"]["name"]
        yield from ((ref, one) for one in _own_violations(node))
        if node["kind"] == OTHER and name in names:
            yield ref, rules.NODE_NAME.at(("metadata", "name"), f"{name} is also the name of a ControlNode")


def length_violations(nodes: Iterable[Manifest], ranges: Ranges) -> Iterator[Placed]:
    """Addresses of hydrated *nodes* with another length than their network. What else they must be, hydration checks."""
    for node in nodes:
        text = str(_part(node, "management").get("ip") or "")
        prefix = parse_prefix(text)
        if prefix is not None and prefix.bits != ranges.management.bits:
            message = f"{text} does not have the length of the management subnet, /{ranges.management.bits}"
            yield ObjectRef.of(node), rules.NODE_ADDRESS.at(("spec", "management", "ip"), message)


def _own_violations(node: Manifest) -> Iterator[Violation]:
    namespace, wanted = node["metadata"]["namespace"], KINDS[node["kind"]].namespace
    if namespace != wanted:
        yield rules.NODE_NAMESPACE.at(("metadata", "namespace"), f"{shown(namespace)} is not {wanted}")
    required = [("management", "interface"), ("bootstrap", "disk")]
    if node["kind"] == CONTROL:
        required.append(("external", "interface"))
        yield from _external_address(_part(node, "external").get("ip"))
    else:
        yield from _roles((node.get("spec") or {}).get("roles") or [])
    for section, name in required:
        if not _part(node, section).get(name):
            yield rules.NODE_FIELD.at(("spec", section, name), "is missing")


def _external_address(value: Any) -> Iterator[Violation]:
    prefix = parse_prefix(str(value or ""))
    if value != "dhcp" and (prefix is None or prefix.version != 4):
        yield rules.NODE_FIELD.at(("spec", "external", "ip"), f"{shown(value)} is neither dhcp nor an IPv4 address")


def _roles(roles: Sequence[Any]) -> Iterator[Violation]:
    for number, role in enumerate(roles):
        path = ("spec", "roles", number)
        if role != _ROLE:
            yield rules.NODE_ROLES.at(path, f"{shown(role)} is not a role")
        elif number:
            yield rules.NODE_ROLES.at(path, f"{role} is there twice")


def _part(node: Manifest, name: str) -> Mapping[str, Any]:
    value = (node.get("spec") or {}).get(name)
    return value if isinstance(value, Mapping) else {}
