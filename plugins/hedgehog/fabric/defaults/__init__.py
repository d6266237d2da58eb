"""What Hedgehog's mutating webhooks make of an object: defaults filled in, lists sorted, labels computed.

`stored` is upstream's `Default()` (githedgehog/fabric, api/*/*_types.go) followed by Go's marshalling. Pure.
"""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.defaults import connections, externals, gateway, switches, vpcs
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

_DEFAULTERS = {
    kind: fill
    for module in (switches, connections, vpcs, externals, gateway)
    for kind, fill in module.DEFAULTERS.items()
}


def stored(manifest: Manifest, settings: FabricSettings) -> Manifest:
    """The object as the cluster would store it. *manifest* has the types of its schema and no null map values.

    The input is left alone. Doing it twice changes nothing.
    """
    result: Manifest = _copy(manifest)
    metadata = result.setdefault("metadata", {})
    if not metadata.get("namespace"):
        metadata["namespace"] = "default"
    fill = _DEFAULTERS.get(result["kind"])
    if fill is not None:
        fill(result, settings)
    return result


def _copy(value: Any) -> Any:
    """A deep copy of plain data: several times as fast as one of anything."""
    kind = type(value)
    if kind is dict:
        return {key: child if type(child) is str else _copy(child) for key, child in value.items()}
    if kind is list:
        return [child if type(child) is str else _copy(child) for child in value]
    return value
