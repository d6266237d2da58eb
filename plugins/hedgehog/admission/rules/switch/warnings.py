"""What upstream accepts in a Switch although it is almost certainly a mistake; mostly changes that break what depends
on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules import reserved_vlans
from hedgehog.admission.rules.profile.objects import breakouts_of, profile_of
from hedgehog.admission.rules.switch.facts import boot_facts, connections_of, others
from hedgehog.fabric import labels
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import Breakouts
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Severity, Violation, rule

_OURS = "ours"
_MAC = re.compile(
    r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.ASCII | re.I
)
_LISTED = 5
"""How many names a message lists."""

MCLAG = rule(
    "switch-mclag-deprecated",
    what="Redundancy is of type eslag.",
    why="MCLAG was removed in release 26.03: the switch is accepted, but its MCLAG connections are not.",
    source="api/wiring/v1beta1/switch_types.go Switch.Validate (a warning there, too)",
    fix="write `type: eslag`; the model must support it",
    severity=Severity.WARNING,
)
LEGACY_ROLE = rule(
    "switch-role-legacy",
    what="A switch is a spine or a leaf.",
    why="virtual-edge is neither: its ASN and VTEP IP are not checked, and nothing is configured for it.",
    source=_OURS,
    fix="take server-leaf, border-leaf, mixed-leaf or spine",
    severity=Severity.WARNING,
)
BOOT_MAC = rule(
    "switch-boot-mac-invalid",
    what="boot.mac is a MAC address.",
    why="Upstream does not check it, and with a wrong value the switch is never recognised when it boots.",
    source=_OURS,
    fix="write it like 0c:20:12:fe:01:00, in quotes",
    severity=Severity.WARNING,
)
BOOT_TAKEN = rule(
    "switch-boot-duplicate",
    what="No two switches have the same boot.serial or boot.mac.",
    why="Only one of them can be recognised when it boots.",
    source=_OURS,
    fix="correct the serial number or MAC address of one",
    severity=Severity.WARNING,
)
LOCATORS_KEPT = rule(
    "switch-port-locators-kept",
    what="portLocators is only set temporarily and manually, and not stored in a fabric.",
    why=(
        "Admission turns durations into times at most 20 minutes ahead, so a stored value would always "
        "differ from the cluster."
    ),
    source=_OURS,
    fix="remove portLocators; light a port with kubectl patch",
    severity=Severity.WARNING,
)
REDUNDANCY_CHANGED = rule(
    "switch-redundancy-changed",
    what="A switch with connections stays in its redundancy group.",
    why="ESLAG connections need all their switches in one group; upstream does not check them again (#1393).",
    source=_OURS,
    fix="delete the ESLAG connections of the switch first, then change the group",
    severity=Severity.WARNING,
)
ROLE_CHANGED = rule(
    "switch-role-changed",
    what="A switch with connections keeps its role.",
    why="Connections were checked for the old role, and are not checked again.",
    source=_OURS,
    fix="delete the connections of the switch first",
    severity=Severity.WARNING,
)
PROFILE_CHANGED = rule(
    "switch-profile-changed",
    what="A switch with connections keeps its profile.",
    why="Features and ports were checked against the old profile, and are not checked again.",
    source=_OURS,
    fix="delete the connections of the switch first, or check that the new model has the same ports and features",
    severity=Severity.WARNING,
)
PORT_LOST = rule(
    "switch-port-in-use",
    what="A change of profile or breakouts keeps the ports of connections.",
    why="Upstream does not check connections again: the link goes down, and the connection can no longer be changed.",
    source=_OURS,
    fix="move or delete the connections first",
    severity=Severity.WARNING,
)
NAMESPACE_LOST = rule(
    "switch-vlan-namespace-in-use",
    what="The VLANNamespaces of attached VPCs are kept on the switch.",
    why="Upstream does not check attachments again: the VLANs stay configured although the switch may not use them.",
    source=_OURS,
    fix="delete the attachments first, or keep the VLANNamespace",
    severity=Severity.WARNING,
)


def warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """What is accepted, but almost certainly a mistake."""
    spec = new["spec"]
    if spec.get("redundancy", {}).get("type") == "mclag":
        yield MCLAG.at(("spec", "redundancy", "type"), "MCLAG is no longer supported")
    if spec["role"] == "virtual-edge":
        yield LEGACY_ROLE.at(("spec", "role"), "virtual-edge is legacy")
    mac = spec.get("boot", {}).get("mac", "")
    if mac and not _MAC.fullmatch(mac):
        yield BOOT_MAC.at(("spec", "boot", "mac"), f"{mac!r} is not a MAC address")
    for fact in boot_facts(new):
        for _, other in others(state, fact, new["metadata"]["name"]):
            yield BOOT_TAKEN.at(("spec", "boot", str(fact[1])), f"switch {other} has the same {fact[1]} {fact[2]}")
    if spec.get("portLocators"):
        yield LOCATORS_KEPT.at(("spec", "portLocators"), "locator lights are temporary")
    yield from reserved_vlans.switch_warnings(new, state, old)
    if old is not None:
        yield from _change_warnings(new, state, old)


def dropped(sent: Manifest, new: Manifest) -> Iterator[Violation]:
    """Locator lights that admission drops, because they have expired."""
    if sent.get("spec", {}).get("portLocators") and not new["spec"].get("portLocators"):
        yield LOCATORS_KEPT.at(("spec", "portLocators"), "all locator lights have expired; admission drops them")


def _change_warnings(new: Manifest, state: ClusterState, old: Manifest) -> Iterator[Violation]:
    before, after = old["spec"], new["spec"]
    changed = {
        name
        for name in ("role", "profile", "redundancy", "portBreakouts", "vlanNamespaces")
        if (before.get(name) or None) != (after.get(name) or None)
    }
    if not changed:
        return
    connections = list(connections_of(state, new["metadata"]["name"]))
    if not connections:
        return
    names = listed([one["metadata"]["name"] for one in connections], _LISTED)
    if "role" in changed:
        message = f"was {before.get('role')}, and the switch has connections: {names}"
        yield ROLE_CHANGED.at(("spec", "role"), message)
    if "profile" in changed:
        message = f"was {before.get('profile')}, and the switch has connections: {names}"
        yield PROFILE_CHANGED.at(("spec", "profile"), message)
    if "redundancy" in changed:
        yield from _redundancy_warnings(old, connections)
    if changed & {"profile", "portBreakouts"}:
        yield from _port_warnings(new, state, old, connections)
    if "vlanNamespaces" in changed:
        yield from _namespace_warnings(new, state, old, connections)


def _redundancy_warnings(old: Manifest, connections: list[Manifest]) -> Iterator[Violation]:
    affected = [one["metadata"]["name"] for one in connections if one["spec"].get("eslag")]
    group = old["spec"].get("redundancy", {}).get("group")
    if affected and group:
        message = f"was group {group}, and the switch has ESLAG connections: {listed(affected, _LISTED)}"
        yield REDUNDANCY_CHANGED.at(("spec", "redundancy"), message)


def _port_warnings(
    new: Manifest, state: ClusterState, old: Manifest, connections: list[Manifest]
) -> Iterator[Violation]:
    """Ports of connections that were removed, or that are another port of the switch software now."""
    profile, profile_before = profile_of(state, new), profile_of(state, old)
    if profile is None or profile_before is None:
        return
    breakouts, breakouts_before = breakouts_of(new), breakouts_of(old)
    switch = new["metadata"]["name"]
    for connection in connections:
        for port in _ports_on(switch, connection["spec"]):
            if profile.nos_name(port, breakouts) is None:
                message = f"connection {connection['metadata']['name']} uses port {port}, which the switch loses"
            elif profile is profile_before and _shape(port, breakouts) != _shape(port, breakouts_before):
                message = (
                    f"connection {connection['metadata']['name']} uses port {port}, which is now split differently"
                )
            else:
                continue
            field = "profile" if profile is not profile_before else "portBreakouts"
            yield PORT_LOST.at(("spec", field), message)


def _shape(port: str, breakouts: Breakouts) -> str | None:
    """The mode that is set for *port* or for the port that it is a part of."""
    return breakouts.get(port) or breakouts.get(port.rpartition("/")[0])


def _namespace_warnings(
    new: Manifest, state: ClusterState, old: Manifest, connections: list[Manifest]
) -> Iterator[Violation]:
    gone = set(old["spec"].get("vlanNamespaces") or ()) - set(new["spec"]["vlanNamespaces"])
    for connection in connections if gone else ():
        name = connection["metadata"]["name"]
        for attachment in state.labelled("VPCAttachment", labels.CONNECTION, name):
            vpc = state.get("VPC", attachment["spec"].get("subnet", "").partition("/")[0])
            if vpc is not None and vpc["spec"].get("vlanNamespace") in gone:
                about = f"VPCAttachment {attachment['metadata']['name']} has VLANs of {vpc['spec']['vlanNamespace']}"
                yield NAMESPACE_LOST.at(("spec", "vlanNamespaces"), f"{about}, which the switch loses")


def _ports_on(switch: str, value: object) -> Iterator[str]:
    """Every port of *switch* that the spec of a Connection names."""
    if isinstance(value, dict):
        port = value.get("port")
        if isinstance(port, str) and port.startswith(f"{switch}/"):
            yield port.removeprefix(f"{switch}/")
        for child in value.values():
            yield from _ports_on(switch, child)
    elif isinstance(value, list):
        for child in value:
            yield from _ports_on(switch, child)
