"""Rules of Switches: what each must have, and what it refers to. Ports, addresses and warnings have their own files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState, Indexer
from hedgehog.admission.rules.registry import KindRules
from hedgehog.admission.rules.switch.addresses import address_violations
from hedgehog.admission.rules.switch.facts import connections_of, facts
from hedgehog.admission.rules.switch.ports import port_violations
from hedgehog.admission.rules.switch.warnings import dropped, warnings
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.roles import LEAVES, SPINE
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Violation, rule

_VALIDATE = "api/wiring/v1beta1/switch_types.go Switch.Validate"
_UPDATE = "pkg/ctrl/switch_wh.go ValidateUpdate"
_DELETE = "pkg/ctrl/switch_wh.go ValidateDelete"

MISSING = rule(
    "switch-field-missing",
    what="A switch has an ASN, a management IP, a protocol IP and a profile.",
    why="Without them the switch cannot be configured; hhfab fills in the addresses only before the installation.",
    source=_VALIDATE,
    fix="write the field: the next free ASN and address, or the name of a SwitchProfile, e.g. `profile: vs`",
)
VTEP_MISSING = rule(
    "switch-vtep-ip-missing",
    what="A leaf has a VTEP IP.",
    why="The VXLAN tunnels of VPCs end at leaves, and need an address there.",
    source=_VALIDATE,
    fix="write the next free address of the VTEP subnet, e.g. `vtepIP: 172.30.12.5/32`",
)
VTEP_ON_SPINE = rule(
    "switch-vtep-ip-on-spine",
    what="A spine has no VTEP IP.",
    why="Spines only route; no tunnel ends there.",
    source=_VALIDATE,
    fix="remove vtepIP, or make the switch a leaf",
)
REDUNDANCY = rule(
    "switch-redundancy-incomplete",
    what="Redundancy has both a group and a type, or neither.",
    why="The group says with which switches, the type says how; one without the other has no meaning.",
    source=_VALIDATE,
    fix="write both, e.g. `redundancy: {group: eslag-1, type: eslag}`, or neither",
)
REDUNDANCY_TYPE = rule(
    "switch-redundancy-type",
    what="The type of redundancy is eslag (or, deprecated, mclag).",
    why="There are no other types.",
    source=_VALIDATE,
    fix="write `type: eslag`",
)
NO_NAMESPACE = rule(
    "switch-vlan-namespace-missing",
    what="Every VLANNamespace of a switch exists.",
    why="The VLANs of its servers come from there.",
    source=_VALIDATE,
    fix="create the VLANNamespace first, or correct the name",
    absent="VLANNamespace",
)
NAMESPACES_OVERLAP = rule(
    "switch-vlan-namespaces-overlap",
    what="The VLAN ranges of a switch's VLANNamespaces do not overlap.",
    why="A VLAN on the switch must belong to one namespace only.",
    source=_VALIDATE,
    fix="leave one of the VLANNamespaces out, and do not name one twice",
)
NO_GROUP = rule(
    "switch-group-missing",
    what="Every SwitchGroup of a switch exists, including the one for redundancy.",
    why="A group that does not exist has no effect.",
    source=_VALIDATE,
    fix="create the SwitchGroup first (an empty spec will do), or correct the name",
    absent="SwitchGroup",
)
BREAKOUTS_FROZEN = rule(
    "switch-breakouts-frozen",
    what="Breakouts do not change in an update if RoCE is on before or after it.",
    why="The buffers of lossless queues are divided among the ports that exist.",
    source=_UPDATE,
    fix="switch RoCE off first, and change the breakouts in another update",
)
CONNECTED = rule(
    "switch-has-connections",
    what="A switch is deleted after its connections.",
    why="They would lead nowhere.",
    source=_DELETE,
    fix="delete the connections first",
)
_LISTED = 3
"""How many connections a message names."""


def validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Everything that the webhook refuses, on create and update."""
    yield from _field_violations(new)
    yield from _redundancy_violations(new)
    yield from _namespace_violations(new, state)
    yield from _group_violations(new, state)
    yield from port_violations(new, state)
    yield from address_violations(new, state)
    if old is not None:
        yield from _frozen_violations(new, old)


def _field_violations(new: Manifest) -> Iterator[Violation]:
    spec = new["spec"]
    for name in ("asn", "ip", "protocolIP", "profile"):
        if not spec.get(name):
            yield MISSING.at(("spec", name), f"the switch has no {name}")
    if spec["role"] in LEAVES and not spec.get("vtepIP"):
        yield VTEP_MISSING.at(("spec", "vtepIP"), f"a {spec['role']} needs a vtepIP")
    if spec["role"] == SPINE and spec.get("vtepIP"):
        yield VTEP_ON_SPINE.at(("spec", "vtepIP"), f"{spec['vtepIP']}: a spine has no vtepIP")


def _redundancy_violations(new: Manifest) -> Iterator[Violation]:
    redundancy = new["spec"].get("redundancy", {})
    group, kind = redundancy.get("group", ""), redundancy.get("type", "")
    if kind not in ("", "eslag", "mclag"):
        yield REDUNDANCY_TYPE.at(("spec", "redundancy", "type"), f"there is no redundancy of type {kind!r}")
    elif group and not kind:
        yield REDUNDANCY.at(("spec", "redundancy"), f"group {group} has no type")
    elif kind and not group:
        yield REDUNDANCY.at(("spec", "redundancy"), f"type {kind} has no group")


def _namespace_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    ranges: list[tuple[int, int, str]] = []
    for index, name in enumerate(new["spec"]["vlanNamespaces"]):
        namespace = state.get("VLANNamespace", name)
        if namespace is None:
            yield NO_NAMESPACE.at(("spec", "vlanNamespaces", index), f"there is no VLANNamespace {name!r}")
            continue
        for one in (namespace.get("spec") or {}).get("ranges") or ():
            ranges.append((one.get("from", 0), one.get("to", 0), name))
    ranges.sort()
    for (first, last, one), (other_first, other_last, other) in itertools.pairwise(ranges):
        if other_first <= last:
            both = f"{first}-{last} of {one} and {other_first}-{other_last} of {other}"
            yield NAMESPACES_OVERLAP.at(("spec", "vlanNamespaces"), f"VLANs {both} overlap")
            return


def _group_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    for index, name in enumerate(new["spec"].get("groups") or ()):
        if state.get("SwitchGroup", name) is None:
            yield NO_GROUP.at(("spec", "groups", index), f"there is no SwitchGroup {name!r}")


def _frozen_violations(new: Manifest, old: Manifest) -> Iterator[Violation]:
    before, after = old["spec"].get("portBreakouts"), new["spec"].get("portBreakouts")
    # Upstream distinguishes an empty mapping from none here.
    if before != after and (old["spec"].get("roce") or new["spec"].get("roce")):
        ports = sorted(dict((before or {}).items() ^ (after or {}).items()))
        message = f"breakouts change while RoCE is on: {', '.join(ports) or 'an empty mapping comes or goes'}"
        yield BREAKOUTS_FROZEN.at(("spec", "portBreakouts"), message)


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = old["metadata"]["name"]
    connections = [one["metadata"]["name"] for one in connections_of(state, name)]
    if connections:
        yield CONNECTED.at((), f"switch {name} has connections: {listed(connections, _LISTED)}")


KINDS: Mapping[str, KindRules] = {
    "Switch": KindRules(validate, delete=_delete, warn=warnings, dropped=dropped, indexer=Indexer(facts=facts)),
}
