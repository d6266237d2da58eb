"""What others write to a cluster, and what is there."""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import APPLY_PATCH, Cluster
from hedgehog.kube.crds import load_schema, render_fabric_crd
from hedgehog.kube.fabric_crd import (
    FABRIC_SCHEMA,
)
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import collection_path, kind_of, object_path


def write_as(client: Cluster, manager: str, manifest: Manifest, content_type: str = APPLY_PATCH, **query: Any) -> None:
    """A write of somebody else."""
    client.call(
        "OTHER",
        "PATCH",
        object_path(kind_of(manifest), ObjectRef.of(manifest)),
        subject="somebody else's write",
        query={"fieldManager": manager} | query,
        body=manifest,
        content_type=content_type,
    )


def read(client: Cluster, manifest: Manifest) -> Manifest:
    """The live object."""
    kind = kind_of(manifest)
    found: Manifest = list_live(client, [(kind, manifest["metadata"]["namespace"])]).objects[ObjectRef.of(manifest)]
    return found


def create(client: Cluster, manifest: Manifest) -> Manifest:
    """Create an object as kubectl create does."""
    kind = kind_of(manifest)
    client.call(
        "POST",
        "POST",
        collection_path(kind, manifest["metadata"]["namespace"]),
        subject="creation",
        query={"fieldManager": "kubectl-create"},
        body=manifest,
    )
    return read(client, manifest)


def seen(*manifests: Manifest) -> list[Manifest]:
    """Manifests as a LIST would show them."""
    return [manifest | {"metadata": manifest["metadata"] | {"uid": "u"}} for manifest in manifests]


def crd(group: str = FABRIC.group, version: str = FABRIC.version) -> dict[str, Any]:
    """Our CRD without the label that makes it ours."""
    return render_fabric_crd(load_schema(FABRIC_SCHEMA), group, version)
