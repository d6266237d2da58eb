"""What a sync must know of a cluster before it plans: one list of each kind for all its fabrics, and our own definition."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hedgehog.errors import (
    AuthenticationFailed,
    HedgehogError,
    InvalidInput,
    RateLimited,
    RemoteUnavailable,
)
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.definitions import FabricDefinition, fabric_definition
from hedgehog.kube.live import Live, Scope, list_live
from hedgehog.kube.resources import kind_of
from hedgehog.services.kubernetes import begun_objects
from hedgehog.services.kubernetes.begun_objects import Begun
from hedgehog.store import inventory

logger = logging.getLogger(__name__)

Owned = Mapping[ObjectRef, inventory.Owned]
"""Who owns what in the cluster, of the fabrics that are synced and of the others."""
_UNREACHABLE = (RemoteUnavailable, AuthenticationFailed, RateLimited)


@dataclass(frozen=True, slots=True)
class Job:
    """One fabric with what its cluster should hold; the generation and revision that this is."""

    fabric: Fabric
    manifests: Mapping[ObjectRef, Manifest]
    generation: int
    revision: str | None


def observe(
    cluster: Cluster, jobs: Sequence[Job], owned: Owned, begun: Mapping[int, Begun], *, install: bool
) -> tuple[FabricDefinition | None, Live]:
    """Read the cluster once for all fabrics: our CRD, if one publishes its resource, and each kind wanted or owned.

    With *install* our CRD is installed or brought up to date. A kind that cannot be read waits alone. Raises when none
    can, or nobody answers.
    """
    definition = None
    if any(job.fabric.publish_fabric_resource for job in jobs):
        definition = _definition(cluster, install)
    scopes = _scopes(jobs, owned, definition) | begun_objects.scopes(begun)
    live = list_live(cluster, scopes)
    if live.failed.keys() >= {kind.kind for kind, _ in scopes}:
        for error in live.failed.values():
            if isinstance(error, _UNREACHABLE):
                raise error
    if definition is not None and definition.trouble is not None:
        live = replace(live, failed={**live.failed, FABRIC.kind: definition.trouble})
    return definition, live


def _definition(cluster: Cluster, install: bool) -> FabricDefinition:
    """Our CRD; trouble with it is nobody's but our own resource's."""
    try:
        return fabric_definition(cluster, install=install)
    except _UNREACHABLE:
        raise
    except HedgehogError as error:
        return FabricDefinition(FABRIC, served=False, trouble=error)


def _scopes(jobs: Sequence[Job], owned: Owned, definition: FabricDefinition | None) -> set[Scope]:
    scopes: set[Scope] = set()
    ids = {job.fabric.id for job in jobs}
    wanted = [manifest for job in jobs for manifest in job.manifests.values()]
    for manifest in (*wanted, *(one.manifest for one in owned.values() if one.fabric_id in ids)):
        if manifest["kind"] != FABRIC.kind or definition is None:
            try:
                scopes.add((kind_of(manifest), manifest["metadata"]["namespace"]))
            except InvalidInput as error:
                logger.warning("%s", error)  # applying it fails with the same words, and that is recorded
    if definition is not None and definition.kind is not None and definition.served:
        scopes.add((definition.kind, definition.kind.default_namespace))
    return scopes
