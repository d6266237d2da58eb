"""Loading fab.yaml and wiring: which documents `hhfab` decodes, and as what.

Upstream: Loader in pkg/util/apiutil/loader.go of githedgehog/fabricator, which stops at the first fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hedgehog.admission.hhfab import fab_rules as rules
from hedgehog.admission.hhfab.fabricator import fabricator_violations
from hedgehog.admission.hhfab.nodes import CONTROL, Placed, node_violations
from hedgehog.admission.rules.objects import DUPLICATE
from hedgehog.fabric.fabricator import KIND as FABRICATOR
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.kinds import FABRICATOR as FABRICATOR_GROUP
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.fabric.shown import shown
from hedgehog.manifests import decode, metadata, schema
from hedgehog.manifests.rule import Violation

_NAMESPACE = "default"
_NOTHING = ObjectRef("", "", "")
FAB_KINDS = frozenset(kind.kind for kind in schema.KNOWN.values() if kind.group == FABRICATOR_GROUP)
WIRING_KINDS = frozenset(schema.KNOWN) - FAB_KINDS - {FABRIC.kind}


def load(
    documents: Iterable[Mapping[str, Any]], kinds: frozenset[str], settings: FabricSettings
) -> tuple[list[Manifest], list[Placed]]:
    """The objects of *documents*, each with a namespace, and why some are refused. Only *kinds* may be among them."""
    loaded: dict[ObjectRef, Manifest] = {}
    refused: list[Placed] = []
    for document in documents:
        manifest, found = _decoded(document, kinds, settings)
        ref = ObjectRef.of(manifest) if manifest is not None else _NOTHING
        if manifest is not None and ref in loaded:
            found = [DUPLICATE.at((), "appears twice")]
        elif manifest is not None:
            loaded[ref] = manifest
        refused += [(ref, one) for one in found]
    return list(loaded.values()), refused


def fab_violations(fab: Iterable[Manifest]) -> Iterator[Placed]:
    """What is wrong with the objects of fab.yaml as a whole, and with each."""
    objects = list(fab)
    fabricators = [one for one in objects if one["kind"] == FABRICATOR]
    if len(fabricators) != 1 or _name(fabricators[0]) != ("fab", "default"):
        message = f"there are {len(fabricators)} Fabricators" if len(fabricators) != 1 else "has another name"
        yield ObjectRef.of(fabricators[-1]) if fabricators else _NOTHING, rules.COUNT.at((), message)
    for one in fabricators:
        yield from ((ObjectRef.of(one), violation) for violation in fabricator_violations(one))
    nodes = [one for one in objects if one["kind"] != FABRICATOR]
    if not any(one["kind"] == CONTROL for one in nodes):
        yield _NOTHING, rules.NODE_COUNT.at((), "there is no ControlNode")
    yield from node_violations(nodes)


def _decoded(
    document: Mapping[str, Any], kinds: frozenset[str], settings: FabricSettings
) -> tuple[Manifest | None, list[Violation]]:
    kind = document.get("kind")
    if isinstance(kind, str) and kind in schema.KNOWN and kind not in kinds:
        return None, [decode.KIND.at(("kind",), f"{shown(kind)} does not belong into this file")]
    plain, found = decode.decode(decode.with_empty_values(document, settings), settings)
    if plain is None:
        return None, found
    given = plain.get("metadata", {})
    fault = metadata.name_fault(given.get("name") or "")
    if fault:
        return None, [metadata.NAME.at(("metadata", "name"), fault)]
    namespace = given.get("namespace") or _NAMESPACE
    return {**plain, "metadata": {**given, "namespace": namespace}}, []


def _name(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]
