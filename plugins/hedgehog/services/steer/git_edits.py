"""Objects of a fabric whose source of truth is Git, edited and deleted there: in the file and the document they are in.

Only the fields that differ are written, and comments stay. The fabric database follows when the commit is taken in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hedgehog.errors import InvalidInput, Superseded
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.differences import between
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.render import object_path
from hedgehog.gitops.mirror import Mirror
from hedgehog.services.browse.naming import named_objects
from hedgehog.services.git.edited_files import edited_file
from hedgehog.services.git.messages import change_subject
from hedgehog.services.plans.change import plan_change
from hedgehog.services.repository.reading import FabricContent, file_of
from hedgehog.services.steer.deletions import Deletion, plan_deletion, refuse_needed
from hedgehog.services.steer.edits import ObjectEdit, read_object, refuse_superseded
from hedgehog.services.steer.git_change import CommitRequest, Files, FindFiles, GitAccess, GitChange, change_files
from hedgehog.services.steer.rollback import refuse_refused
from hedgehog.services.transfer.completion import complete_change
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import load_objects

Wanted = Mapping[ObjectRef, Manifest | None]
"""What objects become; None: they are deleted."""


def edit_in_git(
    connection: Connection,
    name: str,
    text: str,
    *,
    digest: str | None,
    origin: Origin,
    git: GitAccess,
    ref: ObjectRef | None = None,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> ObjectEdit:
    """Commit the one object of *text* to the branch of a fabric, validated beside the others.

    *digest*, *ref* and what is raised are as in `edit_object`; Superseded also says that Git has another content than
    was taken in. Where the host refuses the push, there is a pull request.
    """
    fabric = load_fabric(connection, name)
    found, change = plan_edit(connection, fabric, text, digest=digest, ref=ref)
    if found.action is Action.UNCHANGED:
        return replace(found, dry_run=dry_run)
    refuse_refused(plan_change(connection, fabric, change), allow_invalid=allow_invalid)
    done = commit_change(connection, fabric, change, origin=origin, git=git, dry_run=dry_run)
    if done.commit is not None:
        _record(connection, origin, "edit", name, [ObjectRef.of(one) for one in change.upserts])
    return replace(found, dry_run=dry_run, git=done)


def plan_edit(
    connection: Connection, fabric: Fabric, text: str, *, digest: str | None, ref: ObjectRef | None = None
) -> tuple[ObjectEdit, DesiredChange]:
    """What storing the one object of *text* would do, and that as a change. Raises as `edit_object`, but for refusals."""
    _, found = read_object(fabric, text, ref)
    stored = {one.ref: one for one in load_objects(connection, [fabric.id])[fabric.id]}
    present = stored.get(found.ref)
    refuse_superseded(present.digest if present else None, digest, found.ref)
    change, completion = complete_change(connection, fabric, DesiredChange((found.manifest,)), HydrationMode.MISSING)
    before, after = present.manifest if present else None, change.stored(found.ref)
    if before == after:
        return ObjectEdit(found.ref, Action.UNCHANGED), DesiredChange()
    differences = between(canonical(before) if before else {}, canonical(after))
    action = Action.CONFIGURED if before else Action.CREATED
    return ObjectEdit(found.ref, action, differences, (*completion.notes, *completion.problems)), change


def delete_in_git(
    connection: Connection,
    name: str,
    words: Sequence[str],
    *,
    origin: Origin,
    git: GitAccess,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> Deletion:
    """Remove the objects that *words* name from the branch of a fabric, in one commit; what it means.

    Raises as `remove_objects` does, and Superseded where Git has another content than was taken in.
    """
    fabric = load_fabric(connection, name)
    found = plan_git_deletion(connection, fabric, words, dry_run=dry_run)
    if not dry_run:
        refuse_needed(found, allow_invalid=allow_invalid)
    change = DesiredChange(deletes=found.refs)
    done = commit_change(connection, fabric, change, origin=origin, git=git, dry_run=dry_run)
    if done.commit is not None:
        _record(connection, origin, "delete", name, found.refs)
    return replace(found, git=done)


def plan_git_deletion(connection: Connection, fabric: Fabric, words: Sequence[str], *, dry_run: bool) -> Deletion:
    """What removing the objects that *words* name means. Raises NotFound."""
    refs = tuple(one.ref for one in named_objects(connection, fabric, words))
    stored = [one.manifest for one in load_objects(connection, [fabric.id])[fabric.id]]
    return plan_deletion(fabric, stored, refs, dry_run=dry_run)


def commit_change(
    connection: Connection,
    fabric: Fabric,
    change: DesiredChange,
    *,
    origin: Origin,
    git: GitAccess,
    dry_run: bool = False,
) -> GitChange:
    """Commit a change that was checked to the branch of a fabric; no commit where Git has all of it already.

    Where the host refuses the push, there is a pull request. Raises as `change_files`, and Superseded where Git has
    another content of these objects than the fabric database.
    """
    stored = {one.ref: one.manifest for one in load_objects(connection, [fabric.id])[fabric.id]}
    written = {ObjectRef.of(manifest): manifest for manifest in change.upserts}
    actions = dict.fromkeys(change.deletes, Action.DELETED)
    actions |= {ref: Action.CONFIGURED if ref in stored else Action.CREATED for ref in written}
    request = CommitRequest(
        change_subject(fabric.name, actions, stored, written),
        origin,
        [f"- `{ref}` {action}" for ref, action in actions.items()],
        f"{'edit' if written else 'delete'}-{fabric.name}",
    )
    find_files = _files_with(fabric, stored, {**dict.fromkeys(change.deletes), **written})
    return change_files(connection, fabric, git, request, find_files, dry_run=dry_run)


def _record(connection: Connection, origin: Origin, action: str, name: str, refs: Sequence[ObjectRef]) -> None:
    with transaction(connection) as cursor:
        record_action(cursor, Deed.of(origin, action=action, fabrics=[name], subjects=[str(ref) for ref in refs]))


def _files_with(fabric: Fabric, stored: Mapping[ObjectRef, Manifest], wanted: Wanted) -> FindFiles:
    """Finds the files with the objects of *wanted* written into them, where the database has them as *stored*."""

    def find_files(mirror: Mirror, head: str, content: FabricContent) -> Files:
        concerned: dict[str, dict[ObjectRef, Manifest | None]] = defaultdict(dict)
        for ref, manifest in wanted.items():
            if _is_so(ref, manifest, content):
                continue
            concerned[_path(fabric, stored.get(ref), ref, content)][ref] = manifest
        blobs = mirror.lookup(head, sorted(concerned)).files
        files: dict[str, bytes | None] = {}
        for path, objects in sorted(concerned.items()):
            present = mirror.read(blobs[path]) if path in blobs else b""
            written = edited_file(present, path, objects, fabric)
            if written != present:
                files[path] = written
        return files

    return find_files


def _is_so(ref: ObjectRef, wanted: Manifest | None, content: FabricContent) -> bool:
    """Whether Git has an object as it is wanted already; gone, if nothing could hold it that is not read."""
    found = content.objects.get(ref)
    if wanted is not None or found is not None:
        return found is not None and found.manifest == wanted
    return ref not in content.refused and not content.faulty and not content.unread.opaque


def _path(fabric: Fabric, stored: Manifest | None, ref: ObjectRef, content: FabricContent) -> str:
    """The file that an object is in, or is to be in. Raises where Git has another content than was taken in."""
    found = content.objects.get(ref)
    way_out = f"`hedgehog pull` takes in what Git has, and `hedgehog explain {fabric.name}` says what it cannot take in"
    if found is not None and found.manifest == stored:
        return file_of(found.path)
    if found is not None:
        raise Superseded(f"{ref}: Git has another content than the fabric database; nothing was changed. {way_out}")
    if ref in content.refused:
        raise InvalidInput(f"{ref}: is in Git with a problem; nothing was changed. Correct it there; {way_out}")
    if stored is not None:
        raise Superseded(f"{ref}: no file in Git that can be read has it; nothing was changed. {way_out}")
    path = object_path(fabric, ref)
    if path in content.faulty or path in content.unread.opaque:
        raise InvalidInput(f"{path}: cannot be read, so {ref} cannot be added to it; correct that file in Git first")
    return path
