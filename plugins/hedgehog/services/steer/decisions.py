"""What people decide about drift: which files and objects are meant, and that they are adopted or reverted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Change, ChangeSet
from hedgehog.fabric.drift_detection import DriftState
from hedgehog.fabric.model import Fabric, GitRepository, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.gitops.mirror import Mirror
from hedgehog.kube.client import OpenCluster
from hedgehog.services.browse.drift import CLUSTER, GIT
from hedgehog.services.git import edits as git_edits
from hedgehog.services.kubernetes import drift_decisions
from hedgehog.store import open_drift
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.git_edits import EditState, GitEdit


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was named (or all): edits in Git, objects in the cluster."""

    fabric: Fabric
    edits: tuple[GitEdit, ...]
    refs: tuple[ObjectRef, ...]
    in_cluster: bool
    """Whether the cluster is concerned: by name, or because all of it is."""
    named: bool
    """Whether anything was named at all."""


def choose(connection: Connection, name: str, words: Sequence[str], place: str | None) -> Chosen:
    """What *words* name in *place* (both, if it is None): objects or paths of files; without words all.

    Raises NotFound for an unknown fabric, and for a word that names neither a held file nor an object.
    """
    fabric = load_fabric(connection, name)
    edits, rest = git_edits.named(connection, name, words)
    if place == GIT:
        if rest:
            raise NotFound(f"{', '.join(rest)} {_no_edit(name)}")
        return Chosen(fabric, tuple(edits), (), False, bool(words))
    if place == CLUSTER:
        edits, rest = [], list(words)
    # An object may have been changed at both places.
    drifted = {str(one.drift.ref) for one in open_drift.listing(connection, name)}
    rest += [word for word in words if word in drifted and word not in rest]
    refs = tuple(_ref(word, name) for word in rest)
    return Chosen(fabric, tuple(edits), refs, bool(refs) or not words, bool(words))


def _no_edit(fabric: str) -> str:
    return f"is not a file in Git that waits for a decision; `hedgehog drift list {fabric}` shows what there is"


def _ref(text: str, fabric: str) -> ObjectRef:
    try:
        return ObjectRef.parse(text)
    except ValueError:
        raise NotFound(f"{text} {_no_edit(fabric)}") from None


def refuse_both_places(chosen: Chosen) -> None:
    """Raise InvalidInput for an object that was changed in Git and in the cluster: which of the two is meant?"""
    both = {str(edit.ref) for edit in chosen.edits} & {str(ref) for ref in chosen.refs}
    if both:
        raise InvalidInput(
            f"{', '.join(sorted(both))}: changed in Git and in the cluster; say --in git or --in cluster"
        )


def adopt_chosen(
    connection: Connection,
    chosen: Chosen,
    *,
    open_mirror: Callable[[GitRepository], Mirror],
    open_cluster: OpenCluster,
    origin: Origin,
) -> ChangeSet:
    """Take all of *chosen* into the fabric as others wrote it, or nothing; what changed there.

    Without names only what was changed: a file that is not ours, or whose object was removed, and an object that is
    missing, must be named. Raises what `git_edits.adopt` and `drift_decisions.adopt` raise.
    """
    refuse_both_places(chosen)
    fabric, found = chosen.fabric, list[Change]()
    edits = [one for one in chosen.edits if chosen.named or (one.state is EditState.CHANGED and one.ref is not None)]
    with transaction(connection) as cursor:
        if edits and fabric.git_repository is not None:
            found += git_edits.adopt(
                connection, open_mirror(fabric.git_repository), fabric.name, edits, origin=origin
            ).changes
        if chosen.in_cluster and (chosen.refs or _has_changed(connection, fabric)):
            if fabric.kubernetes_connection_id is None:
                raise InvalidInput(f"fabric {fabric.name} names no cluster; set its kubernetes_connection_id")
            cluster = open_cluster(fabric.kubernetes_connection_id)
            try:
                found += drift_decisions.adopt(
                    connection, cluster, fabric.name, list(chosen.refs), origin=origin
                ).changes
            finally:
                cluster.close()
        if found:
            subjects = [str(change.ref) for change in found]
            record_action(cursor, Deed.of(origin, action="adopt", fabrics=[fabric.name], subjects=subjects))
    return ChangeSet.of(found)


def _has_changed(connection: Connection, fabric: Fabric) -> bool:
    return any(one.drift.state is DriftState.CHANGED for one in open_drift.listing(connection, fabric.name))


@dataclass(frozen=True, slots=True)
class Reverted:
    """What the next syncs will write again: files in Git, objects in the cluster."""

    paths: tuple[str, ...]
    refs: tuple[ObjectRef, ...]


def revert_chosen(connection: Connection, chosen: Chosen, *, actor: str) -> Reverted:
    """Have the next syncs write *chosen* as the fabric wants it, whatever its policies; all of it or nothing.

    Without names all but what is in the way of a file, which only a person can move. Raises NotFound, InvalidInput.
    """
    name = chosen.fabric.name
    edits = [one for one in chosen.edits if chosen.named or one.state is not EditState.OBSTACLE]
    with transaction(connection) as cursor:
        if edits:
            git_edits.revert(connection, name, edits)
        refs = drift_decisions.revert(connection, name, list(chosen.refs)) if chosen.in_cluster else []
        paths = [edit.path for edit in edits]
        if paths or refs:
            subjects = [*paths, *map(str, refs)]
            record_action(cursor, Deed(actor=actor, action="revert", fabrics=[name], subjects=subjects))
    return Reverted(tuple(paths), tuple(refs))
