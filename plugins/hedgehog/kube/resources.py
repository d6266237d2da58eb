"""Where a kind and an object live in the API: URL paths and CRD names from the table of kinds. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC, Kind
from hedgehog.fabric.model import ObjectRef

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The row of the manifest's kind. `Fabric`, whose group is configurable, follows its apiVersion.

    Raises InvalidInput for a kind that is not in the table.
    """
    name = manifest["kind"]
    if name == FABRIC.kind:
        group, _, version = str(manifest["apiVersion"]).partition("/")
        return replace(FABRIC, group=group, version=version)
    row = ALL_KINDS.get(name)
    if row is None:
        raise InvalidInput(f"{ObjectRef.of(manifest)}: {name} is not a kind that this product writes")
    return row


def crd_name(kind: Kind) -> str:
    """The name of the kind's CustomResourceDefinition."""
    return f"{kind.plural}.{kind.group}"


def collection_path(kind: Kind, namespace: str) -> str:
    """The path of all objects of a kind in a namespace."""
    return f"/apis/{kind.group}/{kind.version}/namespaces/{namespace}/{kind.plural}"


def object_path(kind: Kind, ref: ObjectRef) -> str:
    """The path of one object. Names are DNS-1123, so nothing needs escaping; anything else is refused."""
    if not (_NAME.fullmatch(ref.namespace) and _NAME.fullmatch(ref.name)):
        raise InvalidInput(f"{ref}: namespace and name must be DNS-1123 names")
    return f"{collection_path(kind, ref.namespace)}/{ref.name}"
