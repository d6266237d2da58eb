"""What Hedgehog's mutating webhooks make of an object: defaults filled in, lists sorted, labels computed.

Never refuses anything.

`stored` is upstream's `Default()` (githedgehog/fabric, api/*/*_types.go) followed by Go's marshalling. Pure.
"""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.defaults import connections, externals, gateway, switches, vpcs
from hedgehog.fabric.model import Manifest, plain_copy
from hedgehog.fabric.settings import FabricSettings

_DEFAULTERS = {
    kind: fill
    for module in (switches, connections, vpcs, externals, gateway)
    for kind, fill in module.DEFAULTERS.items()
}

_NEEDS_NO_SPEC = frozenset({"Server", "VLANNamespace", "IPv4Namespace"})
"""Kinds that a cluster may hold without spec; the others have one here, for rules to rely on, or are refused."""


def stored(manifest: Manifest, settings: FabricSettings) -> Manifest:
    """The object as the cluster would store it. *manifest* has the types of its schema and no null map values.

    The input is not changed. Doing it twice changes nothing.
    """
    sent = _in_namespace(manifest)
    result: Manifest = plain_copy(sent)
    fill = _DEFAULTERS.get(result["kind"])
    if fill is None:
        return result
    fill(result, settings)
    if _is_unchanged(sent, result):
        result = plain_copy(sent)
    return result


def _in_namespace(manifest: Manifest) -> Manifest:
    """The manifest with metadata and a namespace; the same mapping where it has them."""
    metadata = manifest.get("metadata", {})
    if metadata.get("namespace"):
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": "default"}}


def _is_unchanged(before: Manifest, after: Manifest) -> bool:
    """Whether `Default()` changed no Go value. Then the webhook sends no patch, and not even empty structs appear."""
    if before["metadata"] != after["metadata"]:
        return False
    kind = after["kind"]
    unseen = vpcs.INVISIBLE_CHANGES.get(kind)
    if (unseen is not None and unseen(before)) or ("spec" not in before and kind not in _NEEDS_NO_SPEC):
        return False
    return _adds_only_empty(before, after)


def _adds_only_empty(before: Any, after: Any) -> bool:
    if not isinstance(before, dict):
        return bool(before == after)
    return (
        isinstance(after, dict)
        and before.keys() <= after.keys()
        and all(_adds_only_empty(before.get(key, {}), value) for key, value in after.items())
    )
