"""The rollback of a fabric whose source of truth is Git: a commit on its branch, or a pull request where that is protected.

The fabric database follows when the commit is taken in, as it does after every push.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.render import object_path
from hedgehog.fabric.settings import release_of
from hedgehog.fabric.versions import RecordedChange
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.host import OpenHost
from hedgehog.manifests import intake, yaml
from hedgehog.services.git.edited_files import edited_file
from hedgehog.services.plans.change import plan_change
from hedgehog.services.repository.reading import FabricContent, file_of
from hedgehog.services.steer.git_change import CommitRequest, Files, GitAccess, GitChange, change_files
from hedgehog.services.steer.rollback import FormerState, Rollback, deed_of, former_state, refuse_refused, why_of
from hedgehog.services.transfer.load import raise_problems
from hedgehog.store.actions import record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric


@dataclass(frozen=True, slots=True)
class GitRollback:
    """A rollback, and where it is in Git."""

    rollback: Rollback
    git: GitChange

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**self.rollback.as_dict(), "git": self.git.as_dict()}


def roll_back_in_git(
    connection: Connection,
    name: str,
    moment: str,
    *,
    refs: Sequence[ObjectRef] = (),
    origin: Origin,
    now: datetime,
    open_mirror: OpenMirror,
    open_host: OpenHost,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> GitRollback:
    """Commit to the branch of a fabric what makes it, or only *refs* of it, again what it was at a *moment*.

    Only objects are rolled back. Raises as `roll_back` and `change_files` do, and InvalidInput for a file that holds more
    than objects.
    """
    fabric = load_fabric(connection, name)
    step, rollback = plan_git_rollback(connection, fabric, moment, refs, now=now, dry_run=dry_run)
    plan = rollback.plan

    def find_files(mirror: Mirror, head: str, content: FabricContent) -> Files:
        files = _files(mirror, head, content, step)
        if files and not dry_run:
            refuse_refused(plan, allow_invalid=allow_invalid)
        return files

    changed = (one for one in plan.changes if one.action is not Action.UNCHANGED)
    request = CommitRequest(
        _title(step.fabric.name, step.to),
        replace(origin, why=why_of(step, origin)),
        [f"- `{one.ref}` {one.action}" for one in changed],
        f"rollback-{name}",
    )
    git = GitAccess(open_mirror, open_host, now)
    done = change_files(connection, fabric, git, request, find_files, dry_run=dry_run)
    if done.commit is not None:
        with transaction(connection) as cursor:
            record_action(cursor, deed_of(step, origin))
    return GitRollback(rollback, done)


def refuse_without_git(name: str, *, without_git: bool) -> None:
    """Raise InvalidInput for a rollback that is to reach the cluster before Git: Git says what such a fabric is."""
    if without_git:
        raise InvalidInput(
            f"{name}: its source of truth is Git, so it cannot be rolled back without it; "
            f"`hedgehog fabric set {name} source_of_truth=database` first"
        )


def plan_git_rollback(
    connection: Connection, fabric: Fabric, moment: str, refs: Sequence[ObjectRef], *, now: datetime, dry_run: bool
) -> tuple[FormerState, Rollback]:
    """What a rollback of a fabric that follows Git would do. Raises as `former_state`."""
    step = former_state(connection, fabric.name, moment, refs, now=now)
    plan = plan_change(connection, fabric, step.change)
    return step, Rollback(fabric.name, step.to, plan, kept_settings=_settings_left(step), dry_run=dry_run)


def _settings_left(step: FormerState) -> tuple[str, ...]:
    return tuple(sorted({*step.kept_settings, *step.settings}))


def _files(mirror: Mirror, head: str, content: FabricContent, step: FormerState) -> dict[str, bytes | None]:
    """The files to write, or to remove, for Git to hold what the fabric was."""
    there = content.objects
    concerned = step.refs or there.keys() | step.then.keys()
    changed = {ref for ref in concerned if (there[ref].manifest if ref in there else None) != step.then.get(ref)}
    paths = {ref: file_of(found.path) for ref, found in there.items()}
    paths |= {ref: object_path(step.fabric, ref) for ref in changed - there.keys()}
    files: dict[str, bytes | None] = {}
    for path in sorted({paths[ref] for ref in changed}):
        holds = [ref for ref, other in paths.items() if other == path]
        _refuse_others(mirror, head, path, content, sum(ref in there for ref in holds))
        said = [step.then.get(ref) if ref in changed else there[ref].manifest for ref in holds]
        kept = [manifest for manifest in said if manifest is not None]
        wanted = {ref: step.then.get(ref) for ref in holds if ref in changed}
        files[path] = (
            (_as_it_was(mirror, step, path, kept) or _edited(mirror, head, path, wanted, step)) if kept else None
        )
    return files


def _edited(
    mirror: Mirror, head: str, path: str, wanted: Mapping[ObjectRef, Manifest | None], step: FormerState
) -> bytes | None:
    """The file with what differs written into it; a new one if there is none."""
    blob = mirror.lookup(head, [path]).files.get(path)
    return edited_file(mirror.read(blob) if blob else b"", path, wanted, step.fabric)


def _items(content: bytes, path: str) -> list[intake.Item]:
    return [item for document in yaml.load(content, file=path) for item in intake.items(document)]


def _refuse_others(mirror: Mirror, head: str, path: str, content: FabricContent, objects: int) -> None:
    """Raise InvalidInput for a file that holds more than these objects: it would be lost."""
    present = mirror.lookup(head, [path]).files.get(path)
    if present is not None and (path in content.faulty or len(_items(mirror.read(present), path)) != objects):
        raise_problems([f"{path}: holds more than objects that can be read, which would be lost; change it in Git"])


def _as_it_was(mirror: Mirror, step: FormerState, path: str, wanted: Sequence[Manifest]) -> bytes | None:
    """The file as it was then, comments included, if it says exactly what is *wanted*."""
    commit = step.to.commit_id
    blob = mirror.lookup(commit, [path]).files.get(path) if commit and mirror.has(commit) else None
    if blob is None:
        return None
    content = mirror.read(blob)
    try:
        found = [
            intake.accept_manifest(
                one, namespace=step.fabric.kubernetes_namespace, upstream=release_of(step.fabric.settings)
            )
            for one in _items(content, path)
        ]
    except InvalidInput:
        return None
    said = {one.ref: one.manifest for one in found if not isinstance(one, list)}
    return content if len(said) == len(found) and said == {ObjectRef.of(one): one for one in wanted} else None


def _title(fabric: str, to: RecordedChange) -> str:
    return f"{fabric}: roll back to generation {to.generation}"
