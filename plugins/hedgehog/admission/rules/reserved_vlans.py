"""VLANs that Broadcom switches reserve for themselves, and VLANNamespaces that have them all the same."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.fabric import labels
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Severity, Violation, rule

FIRST, LAST = 3097, 4094
_SILICON = "broadcom"

BROADCOM = rule(
    "vlannamespace-broadcom-reserved",
    what=f"A VLANNamespace of Broadcom switches leaves out the VLANs {FIRST} to {LAST}.",
    why="These switches reserve them for themselves; upstream accepts them (githedgehog/fabric#1505).",
    source="ours",
    fix=f"choose VLANs below {FIRST}, usually 1000-2999",
    severity=Severity.WARNING,
)


def namespace_warnings(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    """Warn of a VLANNamespace with reserved VLANs that a Broadcom switch has."""
    switch = _first_broadcom(new["metadata"]["name"], state, "")
    for number, one in enumerate((new.get("spec") or {}).get("ranges") or ()) if switch else ():
        if one["from"] <= LAST and one["to"] >= FIRST:
            message = f"{one['from']}-{one['to']} has VLANs that Broadcom switches reserve, like {switch}"
            yield BROADCOM.at(("spec", "ranges", number), message)


def switch_warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Warn of the first Broadcom switch that gets a VLANNamespace with reserved VLANs."""
    spec, before = new["spec"], (old or {}).get("spec") or {}
    if not _is_broadcom(new, state):
        return
    for index, name in enumerate(spec.get("vlanNamespaces") or ()):
        namespace = state.get("VLANNamespace", name)
        ranges = ((namespace or {}).get("spec") or {}).get("ranges") or ()
        is_new = name not in (before.get("vlanNamespaces") or ()) or before.get("profile") != spec.get("profile")
        has_reserved = any(one["from"] <= LAST and one["to"] >= FIRST for one in ranges)
        if is_new and has_reserved and not _first_broadcom(name, state, new["metadata"]["name"]):
            message = f"{name} has VLANs from {FIRST} to {LAST}, which this Broadcom switch reserves"
            yield BROADCOM.at(("spec", "vlanNamespaces", index), message)


def _first_broadcom(namespace: str, state: ClusterState, me: str) -> str:
    """The name of a stored Broadcom switch of the VLANNamespace other than *me*; empty where there is none."""
    switches = state.labelled("Switch", labels.switch_vlan_namespace(namespace), labels.SET)
    names = (one["metadata"]["name"] for one in switches if _is_broadcom(one, state))
    return next((name for name in names if name != me), "")


def _is_broadcom(switch: Manifest, state: ClusterState) -> bool:
    profile = state.get("SwitchProfile", switch["spec"].get("profile", "")) or {}
    return str((profile.get("spec") or {}).get("switchSilicon", "")).lower().startswith(_SILICON)
