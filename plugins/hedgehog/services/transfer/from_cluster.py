"""A live cluster → fabric database: the objects that users wrote there become the objects of a fabric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hedgehog.errors import DefinitionMissing, HedgehogError, InvalidInput
from hedgehog.fabric import tools
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC, KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.settings import Upstream, release_of
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import ensure_fabric_crd
from hedgehog.kube.live import Scope, list_live
from hedgehog.kube.release import detect_release
from hedgehog.manifests import configuration, intake
from hedgehog.manifests.configuration import Settings
from hedgehog.manifests.intake import Item
from hedgehog.manifests.schema import NEWEST
from hedgehog.services.transfer.load import (
    NAMESPACE,
    ImportContent,
    ImportOptions,
    ImportReport,
    accept_all,
    raise_problems,
    read_settings,
    store_content,
)
from hedgehog.store import fabrics as store
from hedgehog.store import installations
from hedgehog.store.database import Connection


def import_from_cluster(
    connection: Connection,
    cluster: Cluster,
    *,
    connection_id: str,
    origin: Origin,
    fabric: str | None = None,
    settings: Mapping[str, Any] | None = None,
    replace: bool = False,
    dry_run: bool = False,
    allow_large_prune: bool = False,
) -> ImportReport:
    """Import the objects that users wrote in *cluster* into *fabric*, so that the first sync afterwards writes nothing.

    A fabric that does not exist is created with *settings*, this connection, no sync enabled, and the fields of our
    Fabric resource if the cluster has one; otherwise no resource will be published. An existing fabric keeps its
    settings. *fabric* None means the fabric with this connection, or whose resource is in the cluster. Objects that are
    being deleted or contain secrets are left out and noted, as are kinds that the cluster does not serve. Any other
    failure to read a kind raises: a part of a cluster is never taken for the whole.
    """
    known = {one.name: one for one in store.load_fabrics(connection)}
    namespace = _namespace(known.get(fabric or ""), settings or {})
    release = _release(cluster, known.get(fabric or ""), settings or {})
    present, unserved = _objects(cluster, namespace, release)
    found = [Item(manifest, connection_id) for _, manifest in sorted(present.items())]
    ours = [item for item in found if configuration.is_fabric_resource(item.manifest)]
    name = fabric or _fabric_of(known.values(), ours, connection_id)
    items, left_out = _takeable([item for item in found if item not in ours], installations.load(connection))
    accepted, problems = accept_all(items, namespace=namespace, upstream=release)
    given: list[Settings] = []
    if name not in known:
        given, unreadable = _new_fabric(name, ours, connection_id, _with_release(settings or {}, release))
        problems += unreadable
    raise_problems(problems)
    wanted = ImportContent(given, name, accepted, (*unserved, *left_out))
    options = ImportOptions(origin=origin, replace=replace, dry_run=dry_run, allow_large_prune=allow_large_prune)
    return store_content(connection, wanted, options)


def _namespace(fabric: Fabric | None, settings: Mapping[str, Any]) -> str:
    """The namespace of those objects of the fabric whose kind accepts any namespace."""
    return str(settings.get("kubernetes_namespace", fabric.kubernetes_namespace if fabric else NAMESPACE))


def _release(cluster: Cluster, fabric: Fabric | None, settings: Mapping[str, Any]) -> Upstream:
    """The release whose fields the objects may have: as is set, else as the cluster's definitions tell."""
    if fabric is not None:
        return release_of(fabric.settings)
    given = (settings.get("settings") or {}).get("upstream")
    return Upstream(given) if given in list(Upstream) else detect_release(cluster) or NEWEST


def _with_release(settings: Mapping[str, Any], release: Upstream) -> Mapping[str, Any]:
    """The settings of a new fabric, with the release where it is not the default."""
    rules = {"upstream": release.value} if release is not NEWEST else {}
    merged = {**rules, **(settings.get("settings") or {})}
    return {**settings, "settings": merged} if merged else settings


def _objects(cluster: Cluster, namespace: str, release: Upstream) -> tuple[Mapping[ObjectRef, Manifest], list[str]]:
    """All objects of users and our own resources, and a note about the kinds that the cluster does not serve."""
    kinds = ALL_KINDS if release is Upstream.NEWER else KINDS
    scopes: set[Scope] = {(kind, kind.namespace) for kind in kinds.values() if kind.namespace is not None}
    scopes |= {(kind, namespace) for kind in kinds.values() if kind.namespace is None}
    crd = ensure_fabric_crd(cluster, install=False)
    if crd.kind is not None and crd.served:
        scopes.add((crd.kind, crd.kind.default_namespace))
    live = list_live(cluster, scopes)
    return live.objects, _unserved(live.failed)


def _unserved(failed: Mapping[str, HedgehogError]) -> list[str]:
    for error in failed.values():
        if not isinstance(error, DefinitionMissing):
            raise error
    return [f"the cluster does not serve {', '.join(sorted(failed))}"] if failed else []


def _fabric_of(stored: Iterable[Fabric], resources: Sequence[Item], connection_id: str) -> str:
    """The name of the one fabric of this cluster."""
    names = {fabric.name for fabric in stored if fabric.kubernetes_connection_id == connection_id}
    names = names or {str(item.manifest["spec"].get("name")) for item in resources if item.manifest.get("spec")}
    if len(names) != 1:
        found = f"{len(names)} fabrics are there ({', '.join(sorted(names))})" if names else "none is known there yet"
        raise InvalidInput(f"{connection_id}: for which fabric? {found}; say so with --fabric NAME")
    return names.pop()


def _takeable(items: Sequence[Item], ours: tools.Installation) -> tuple[list[Item], list[str]]:
    """The items that a fabric can hold, and notes about all others and about objects of other tools."""
    taken, notes = [], []
    for item in items:
        ref = ObjectRef.of(item.manifest)
        secret = intake.secrets(item.manifest)
        if item.manifest["metadata"].get("deletionTimestamp"):
            notes.append(f"{ref}: left out, it is being deleted")
        elif secret:
            notes.append(f"{ref}: left out, it holds secrets: {', '.join(str(one).split(':')[0] for one in secret)}")
        else:
            taken.append(item)
            owner = tools.owner(item.manifest, ours, item.manifest)
            if owner is not None:
                notes.append(
                    f'{ref}: belongs to {owner}; it is held until it has the annotation {tools.ADOPT}: "{owner.consent}"'
                )
    return taken, notes


def _new_fabric(
    name: str, resources: Sequence[Item], connection_id: str, settings: Mapping[str, Any]
) -> tuple[list[Settings], list[str]]:
    """The settings of a fabric that is created for a cluster."""
    mine = [item for item in resources if item.manifest["metadata"]["name"] == name.lower()]
    values = {"kubernetes_connection_id": connection_id, "publish_fabric_resource": bool(mine), **settings}
    documents = [*mine, Item(configuration.document(FABRIC.kind, name, values), connection_id)]
    return read_settings(documents)
