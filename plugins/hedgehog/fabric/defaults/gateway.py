"""Defaults of Gateways and GatewayPeerings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hedgehog.fabric import labels
from hedgehog.fabric.durations import parse_duration
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream

_COMPUTED = "gateway.githedgehog.com/"
_GROUP = "default"
_LEVEL = "info"
_WORKERS = 4
_RATE_LIMIT = {"burst": 50, "replenishPerSecond": 5}
_IDLE_TIMEOUT = "2m0s"
_TIMED = ("masquerade", "portForward")
_NATS = {"masquerade": "masquerade", "static": "static", "portForward": "port-forward"}
"""Fields of `nat` and what the annotation calls them."""


def _gateway(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    filled = {
        "logs": _filled_logs(spec.get("logs") or {}),
        "workers": spec.get("workers") or _WORKERS,
        "groups": sorted(spec.get("groups") or [{"name": _GROUP}], key=lambda group: group.get("name", "")),
    }
    if any(spec.get(field) != value for field, value in filled.items()):
        spec.update(filled)
        # A webhook that changes nothing sends no patch: only then is Go's empty struct not added.
        spec.setdefault("profiling", {})


def _filled_logs(logs: Mapping[str, Any]) -> dict[str, Any]:
    filled = {**logs, "default": logs.get("default") or _LEVEL, "tags": logs.get("tags") or {"all": _LEVEL}}
    if "rateLimit" in logs:
        limit = logs["rateLimit"]
        filled["rateLimit"] = {field: limit.get(field) or value for field, value in _RATE_LIMIT.items()}
    return filled


def _gateway_peering(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    peering, acl = spec.get("peering") or {}, spec.get("acl")
    changed = False
    if len(peering) == 2:
        changed |= _put(spec, "gatewayGroup", spec.get("gatewayGroup") or _GROUP)
        for timer in _timers(peering):
            if parse_duration(timer.get("idleTimeout", "0s")) == 0:
                changed |= _put(timer, "idleTimeout", _IDLE_TIMEOUT)
        if acl is not None:
            changed |= _fill_acl(acl)
        changed |= _label(manifest, peering, settings)
    # A webhook that changes nothing sends no patch: only then do durations stay as they were written.
    if changed:
        _marshal(peering, acl)


def _put(target: dict[str, Any], field: str, value: Any) -> bool:
    """Set the field and return whether that changed anything."""
    changed: bool = target.get(field) != value
    target[field] = value
    return changed


def _fill_acl(acl: dict[str, Any]) -> bool:
    changed = _put(acl, "default", acl.get("default") or "deny-unless-exposed")
    for rule in acl.get("rules") or ():
        changed |= _put(rule, "scope", rule.get("scope") or "flow")
    return changed


def _label(manifest: Manifest, peering: Mapping[str, Any], settings: FabricSettings) -> bool:
    metadata = manifest["metadata"]
    computed = {labels.gateway_peered_vpc(vpc): labels.SET for vpc in peering}
    changed = _put(metadata, "labels", {**(metadata.get("labels") or {}), **computed})
    if settings.upstream is Upstream.V0_126:
        return changed
    annotations = {**(metadata.get("annotations") or {}), f"{_COMPUTED}vpcs": ",".join(sorted(peering))}
    annotations.pop(f"{_COMPUTED}nat", None)
    nats = sorted({name for nat in _nats(peering) for field, name in _NATS.items() if field in nat})
    if nats:
        annotations[f"{_COMPUTED}nat"] = ",".join(nats)
    return _put(metadata, "annotations", annotations) or changed


def _nats(peering: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (one["nat"] for side in peering.values() for one in side.get("expose") or () if "nat" in one)


def _timers(peering: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (nat[field] for nat in _nats(peering) for field in _TIMED if field in nat)


def _marshal(peering: Mapping[str, Any], acl: Mapping[str, Any] | None) -> None:
    """What Go's marshalling changes: durations get their one spelling, structs that are not pointers are added."""
    for timer in _timers(peering):
        duration = parse_duration(timer["idleTimeout"])
        if duration is not None:
            timer["idleTimeout"] = _printed(duration)
    for rule in (acl or {}).get("rules") or ():
        rule.setdefault("match", {})


def _printed(nanoseconds: int) -> str:
    """A duration as Go's `Duration.String` writes it: 2m0s, 1h0m0s, 1.5s, 250ms."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if rest < size * 1000:
            return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * 10**9)
    hours, minute = divmod(minutes, 60)
    head = f"{hours}h{minute}m" if hours else f"{minute}m" if minute else ""
    return f"{sign}{head}{_decimal(rest, 10**9)}s"


def _decimal(value: int, size: int) -> str:
    whole, part = divmod(value, size)
    return f"{whole}.{part:0{len(str(size)) - 1}d}".rstrip("0") if part else str(whole)


DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {
    "Gateway": _gateway,
    "GatewayPeering": _gateway_peering,
}
"""By kind: changes the manifest, which is the caller's own copy, in place."""
