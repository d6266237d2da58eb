"""How Git and the cluster differ, at this moment, from what a fabric wants or wanted. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from hedgehog.errors import InvalidInput
from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.changes import Action
from hedgehog.fabric.differences import FieldDifference, at, between
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.versions import Content, ObjectDifference
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.kube.client import OpenCluster
from hedgehog.kube.live import list_live
from hedgehog.services.kubernetes.drift_policy import stored_form
from hedgehog.services.repository.head import read_head
from hedgehog.store import inventory
from hedgehog.store.database import Connection

_Fields = Callable[[Manifest, Manifest], list[FieldDifference]]


def differences_in_git(
    connection: Connection, fabric: Fabric, wanted: Mapping[ObjectRef, Content], *, open_mirror: OpenMirror
) -> tuple[str, list[ObjectDifference]]:
    """The revision at the head of the fabric's branch, and how the objects there differ from *wanted*.

    Objects in files that cannot be read are left out, with a note. Raises NotFound without branch or directory, and what
    the Git host answers.
    """
    if fabric.git_repository is None:
        raise InvalidInput(f"fabric {fabric.name} is not kept in Git; set its git_repository")
    revision, content = read_head(connection, open_mirror(fabric.git_repository), fabric)
    there = {ref: found.manifest for ref, found in content.objects.items()}
    unclear = {ref: "its file in Git cannot be used" for ref in content.refused}
    return revision, _differences(wanted, there, unclear, _in_file)


def _in_file(wanted: Manifest, there: Manifest) -> list[FieldDifference]:
    return between(canonical(wanted), canonical(there))


def differences_in_cluster(
    connection: Connection, fabric: Fabric, wanted: Mapping[ObjectRef, Content], *, open_cluster: OpenCluster
) -> list[ObjectDifference]:
    """How the cluster differs from *wanted* in what the fabric sets, and what it still has of the fabric beside that.

    Objects of kinds that cannot be listed are left out, with a note. Raises what the cluster answers.
    """
    connection_id = fabric.kubernetes_connection_id
    if connection_id is None:
        raise InvalidInput(f"fabric {fabric.name} names no cluster; set its kubernetes_connection_id")
    owned = {ref for ref in inventory.of_fabric(connection, fabric.id).get(connection_id, {}) if ref.kind in ALL_KINDS}
    known = owned | {ref for ref in wanted if ref.kind in ALL_KINDS}
    cluster = open_cluster(connection_id)
    try:
        live = list_live(cluster, {(ALL_KINDS[ref.kind], ref.namespace) for ref in known})
    finally:
        cluster.close()
    there = {ref: live.objects[ref] for ref in known & live.objects.keys()}
    unclear = {ref: str(live.failed[ref.kind]) for ref in known if ref.kind in live.unknown}
    return _differences(wanted, there, unclear, partial(_in_cluster, fabric))


def _in_cluster(fabric: Fabric, wanted: Manifest, there: Manifest) -> list[FieldDifference]:
    return at(wanted, there, differs(wanted, there, stored=partial(stored_form, fabric.settings)))


def _differences(
    wanted: Mapping[ObjectRef, Content],
    there: Mapping[ObjectRef, Manifest],
    unclear: Mapping[ObjectRef, str],
    fields_of: _Fields,
) -> list[ObjectDifference]:
    """What differs between the two, by object; the settings of the fabric are not compared."""
    objects = {ref: one for ref, one in wanted.items() if ref.kind != FABRIC.kind}
    found = []
    for ref in sorted(objects.keys() | there.keys()):
        if ref in unclear:
            found.append(ObjectDifference(ref, Action.SKIPPED, note=unclear[ref]))
        elif ref not in there:
            found.append(ObjectDifference(ref, Action.DELETED))
        elif ref not in objects:
            found.append(ObjectDifference(ref, Action.CREATED))
        else:
            manifest = objects[ref].manifest
            fields = fields_of(manifest, there[ref]) if manifest is not None else []
            note = "" if manifest is not None else "its content is not kept any more"
            found += [ObjectDifference(ref, Action.CONFIGURED, tuple(fields), note)] if fields or note else []
    return found
