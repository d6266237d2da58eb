"""What people decide about files that they changed in Git: adopt the file into the fabric, or have it overwritten.

For fabrics whose source of truth is the database. The decision covers single files, whatever the policy of the fabric;
no edit is lost, because an overwritten file stays in the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Change, ChangeSet
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.render import fabric_ref
from hedgehog.gitops import history
from hedgehog.gitops.mirror import Mirror
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.services.attribution import adopted_by, of_commit, save_as_written
from hedgehog.services.git.fabric_run import read_manifest
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import corrections, schedule
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_edits as store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_edits import EditState, GitEdit
from hedgehog.store.origins import set_origin


def named(connection: Connection, fabric: str, words: Sequence[str]) -> tuple[list[GitEdit], list[str]]:
    """The held edits of a fabric that *words* name by path or object (all without words), and the words that name none."""
    edits = [one.edit for one in store.listing(connection, fabric)]
    if not words:
        return edits, []
    chosen = {edit.path: edit for edit in edits for word in words if word in (edit.path, str(edit.ref))}
    known = {edit.path for edit in chosen.values()} | {str(edit.ref) for edit in chosen.values() if edit.ref}
    return list(chosen.values()), [word for word in words if word not in known]


def revert(connection: Connection, name: str, edits: Sequence[GitEdit]) -> None:
    """Have the next sync to Git write these files as the fabric wants them, whatever its policy.

    Only in the version that was shown: a file that is changed again is held again. Raises InvalidInput for an obstacle,
    which only a person may remove.
    """
    obstacles = [edit for edit in edits if edit.state is EditState.OBSTACLE]
    if obstacles:
        raise InvalidInput("\n".join(edit.problem or f"{edit.path}: move it away" for edit in obstacles))
    fabric = fabric_store.load_fabric(connection, name)
    with transaction(connection) as cursor:
        paths = [edit.path for edit in edits]
        store.revert(connection, fabric.id, paths)
        corrections.forget(cursor, Target.GIT, fabric.id, paths)
        schedule.make_due(connection, Target.GIT, [fabric.id])


def adopt(
    connection: Connection,
    mirror: Mirror,
    name: str,
    edits: Sequence[GitEdit],
    *,
    origin: Origin,
    find_refusals: FindRefusals = find_refusals,
) -> ChangeSet:
    """Adopt the content of these files into the fabric, all or nothing; the next sync to Git finds no difference.

    It is recorded as the change of those who wrote the files; *origin* is who adopts them. The files must be in the
    version that was shown. Raises InvalidInput with a line for each that is not, that the fabric cannot hold, or that a
    cluster would refuse.
    """
    fabric = fabric_store.load_fabric(connection, name)
    head = mirror.head()
    if head is None:
        raise NotFound(f"{mirror.remote}: the branch does not exist any more")
    mirror.fetch(head)
    manifests, settings, problems = _read(fabric, mirror, head, edits)
    if not problems:
        problems = _refusals(connection, fabric, list(manifests.values()), find_refusals)
    if problems:
        raise InvalidInput("\n".join(problems))
    writers = history.edits(mirror, head, [edit.path for edit in edits])
    origins = {
        path: of_commit(writers.get(path), why=adopted_by(origin), run=origin.run)
        for path in (one.path for one in edits)
    }
    with transaction(connection) as cursor:
        written = [(ObjectRef.of(manifest), manifest, origins[path]) for path, manifest in manifests.items()]
        changes = list(save_as_written(connection, fabric.id, written).changes)
        resource = next((edit for edit in edits if edit.ref == fabric_ref(fabric)), None)
        if resource is not None:
            set_origin(cursor, origins[resource.path])
            changes.append(Change(fabric_ref(fabric), fabric_store.save_fabric(connection, name, settings)))
            # Its text is always rendered by us, so it is written once more.
            store.revert(connection, fabric.id, [resource.path])
        store.forget(cursor, fabric.id, [edit.path for edit in edits if edit is not resource])
        schedule.make_due(connection, Target.GIT, [fabric.id])
    return ChangeSet.of(changes)


def _read(
    fabric: Fabric, mirror: Mirror, head: str, edits: Sequence[GitEdit]
) -> tuple[dict[str, Manifest], Mapping[str, Any], list[str]]:
    """The objects by path and the settings in the files, and the problems with them."""
    files = mirror.lookup(head, [edit.path for edit in edits]).files
    manifests: dict[str, Manifest] = {}
    settings: Mapping[str, Any] = {}
    problems: list[str] = []
    for edit in edits:
        if edit.ref is None or edit.blob_id is None:
            problems.append(f"{edit.path}: {edit.problem or 'nothing in it can be taken over'}; revert it")
        elif files.get(edit.path) != edit.blob_id:
            again = f"`hedgehog sync git {fabric.name}`, then `hedgehog drift list {fabric.name}`"
            problems.append(f"{edit.path}: changed again since it was listed; list it again: {again}")
        else:
            try:
                content = mirror.read(edit.blob_id)
                if edit.ref.kind == FABRIC.kind:
                    settings = _settings(fabric, edit.path, content)
                else:
                    manifests[edit.path] = read_manifest(fabric, edit.ref, edit.path, content)
            except InvalidInput as error:
                problems += str(error).splitlines()
    return manifests, settings, problems


def _settings(fabric: Fabric, path: str, content: bytes) -> Mapping[str, Any]:
    """What an edited `fabric.yaml` sets."""
    items = [item for document in yaml.load(content, file=path) for item in intake.items(document)]
    found = configuration.read_configuration(items[0]) if len(items) == 1 else [f"{path}: must hold one document"]
    if isinstance(found, list):
        raise InvalidInput("\n".join(found))
    values, problems = configuration.taken_from_git(found, fabric)
    if problems:
        raise InvalidInput("\n".join(configuration.problem_lines(found.item, problems)))
    return values


def _refusals(
    connection: Connection, fabric: Fabric, manifests: Sequence[Manifest], find_refusals: FindRefusals
) -> list[str]:
    """Those of *manifests* that a cluster would refuse beside the other objects of the fabric."""
    before = [one.manifest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]]
    wanted = {ObjectRef.of(one): one for one in (*before, *manifests)}
    refused = find_refusals(fabric, list(wanted.values()), before).writes
    return [f"{ref}: {refused[ref]}" for ref in map(ObjectRef.of, manifests) if ref in refused]
