"""Defaults of connections, servers and switch groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hedgehog.fabric.endpoints import MCLAG, TYPES, Device, Endpoints, endpoints_of, is_mclag
from hedgehog.fabric.labels import (
    COMPUTED,
    SET,
    VPC,
    connected_server,
    connected_switch,
    drop_computed_annotations,
    put_computed,
)
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream


def _connection(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    for field, kind in (*TYPES.items(), *MCLAG.items()):
        if field in spec:
            _fill_links(spec[field], kind.links, [side for side, _ in kind.ends])
    put_computed(manifest, {})
    if settings.upstream is Upstream.V0_126 and is_mclag(spec):
        return
    joined = endpoints_of(spec)
    if joined.type is None:
        # Upstream writes the label value <invalid>, which the API server refuses; our rule says it better.
        return
    labels = manifest["metadata"].setdefault("labels", {})
    labels[f"{COMPUTED}connection-type"] = joined.type.label
    labels |= _labels(spec, joined)
    if settings.upstream is not Upstream.V0_126:
        drop_computed_annotations(manifest)
        _annotate(manifest, joined, is_mclag(spec))


def _fill_links(value: dict[str, Any], fields: tuple[str, ...], sides: list[str]) -> None:
    """Go writes structs that are not pointers even when they are empty."""
    for field in fields:
        found = [value.setdefault(field, {})] if field == "link" else value.get(field) or ()
        for link in found:
            for side in sides:
                link.setdefault(side, {})


def _labels(spec: Mapping[str, Any], joined: Endpoints) -> dict[str, str]:
    vpc = (spec.get("staticExternal") or {}).get("withinVPC")
    labels = {VPC: vpc} if vpc else {}
    if joined.is_valid:
        labels |= {connected_switch(name): SET for name in joined.devices[Device.SWITCH]}
        labels |= {connected_server(name): SET for name in joined.devices[Device.SERVER]}
    return labels


def _annotate(manifest: Manifest, joined: Endpoints, mclag: bool) -> None:
    if joined.is_valid or mclag:
        manifest["metadata"].setdefault("annotations", {}).update(
            {
                f"{COMPUTED}switches": ",".join(sorted(joined.devices[Device.SWITCH])),
                f"{COMPUTED}servers": ",".join(sorted(joined.devices[Device.SERVER])),
            }
        )


def _server(manifest: Manifest, settings: FabricSettings) -> None:
    manifest.setdefault("spec", {})
    put_computed(manifest, {})


DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {"Connection": _connection, "Server": _server}
"""By kind: changes the manifest, which is the caller's own copy, in place."""
