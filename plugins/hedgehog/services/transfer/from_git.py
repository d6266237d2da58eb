"""A directory of a Git repository → a fabric whose source of truth it is: files, layout and comments stay as they are."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, SourceOfTruth
from hedgehog.fabric.origin import Origin
from hedgehog.gitops.addresses import same_repository
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.repository.changes import follow
from hedgehog.services.repository.head import read_head
from hedgehog.services.repository.reading import plan_ingestion
from hedgehog.services.validation import find_refusals
from hedgehog.store import fabrics as store
from hedgehog.store import git_files
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin


@dataclass(frozen=True, slots=True)
class GitSource:
    """The directory of a branch. Without a *connection_id*, a repository that is known keeps its own."""

    url: str
    directory: str
    branch: str = "main"
    connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class GitImport:
    """What was taken over, or in a dry run would be."""

    fabric: str
    fabric_action: Action
    repository: str
    repository_action: Action
    revision: str
    counts: Mapping[str, int]
    """Kind → how many objects of it were taken in."""
    problems: Sequence[str] = ()
    """What was not taken in, each with its place."""
    notes: Sequence[str] = ()
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def import_from_git(
    connection: Connection,
    name: str,
    source: GitSource,
    *,
    origin: Origin,
    open_mirror: OpenMirror,
    settings: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> GitImport:
    """Make a directory of a repository the source of truth of a fabric, and take its head in at once.

    The repository with this URL and branch is used if there is one; a fabric that does not exist is created with
    *settings*. What has a problem stays out and is told. Done again, it changes nothing. Raises InvalidInput for a
    fabric that is kept elsewhere and for the directory of another fabric, NotFound without the branch or the directory,
    and what the Git host answers; nothing is stored then.
    """
    with transaction(connection, keep=False):
        fabric, _, _ = _save(connection, name, source, settings or {})
    repository = _repository_of(fabric)
    revision, content = read_head(connection, open_mirror(repository), fabric)
    have = {one.ref: one.manifest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    known = git_files.files(connection, [fabric.id])[fabric.id].values()
    recorded = {one.ref: one for one in known if one.ref in have}
    planned = plan_ingestion(fabric, content, have, recorded, find_refusals)
    with transaction(connection, keep=not dry_run) as cursor:
        set_origin(cursor, origin)
        fabric, repository_action, fabric_action = _save(connection, name, source, settings or {})
    problems = list(planned.parked)
    if not dry_run:
        problems += _taken_in(connection, fabric, origin, open_mirror, problems)
    counts: dict[str, int] = {}
    for ref in sorted(planned.objects):
        counts[ref.kind] = counts.get(ref.kind, 0) + 1
    return GitImport(
        name,
        fabric_action,
        _repository_of(fabric).name,
        repository_action,
        revision,
        counts,
        problems,
        content.notes,
        dry_run,
    )


def _taken_in(
    connection: Connection, fabric: Fabric, origin: Origin, open_mirror: OpenMirror, known: Sequence[str]
) -> list[str]:
    """Take the head in; the problems of that beside those that are *known*. Raises what the Git host answers."""
    (look,) = follow(
        connection,
        [_repository_of(fabric).name],
        open_mirror=open_mirror,
        run_id=origin.run or "import",
        fabrics=[fabric.name],
        at_once=True,
    )
    if look.error is not None:
        raise look.error
    told = [
        line
        for one in look.outcomes
        if one.status in (OutcomeStatus.HELD, OutcomeStatus.ERROR)
        for line in ([problem.cause for problem in one.problems] or [one.reason])
    ]
    return [line for line in told if line not in known]


def _save(
    connection: Connection, name: str, source: GitSource, settings: Mapping[str, Any]
) -> tuple[Fabric, Action, Action]:
    """The fabric as it is stored, and what became of its repository and of itself."""
    repository, repository_action = use_repository(connection, source)
    directory = posixpath.normpath(source.directory.strip("/") or ".").removeprefix(".")
    present = next(iter(store.load_fabrics(connection, [name])), None)
    if present is not None:
        _refuse_another_place(present, repository, directory)
    others = neighbours(connection, repository)
    same = sorted(other for other, place in others.items() if place == directory and other != name)
    if same:
        raise InvalidInput(
            f"{directory or '/'} of {repository.url} (branch {repository.branch}) is the directory of fabric {same[0]} "
            "already; name another one, or use that fabric"
        )
    values = {
        **settings,
        "source_of_truth": SourceOfTruth.GIT.value,
        "git_repository": repository.name,
        "git_directory": directory,
        "git_sync_enabled": True,
    }
    action = store.save_fabric(connection, name, values)
    return store.load_fabric(connection, name), repository_action, action


def _refuse_another_place(present: Fabric, repository: GitRepository, directory: str) -> None:
    where = present.git_repository
    if present.source_of_truth is not SourceOfTruth.GIT:
        raise InvalidInput(
            f"fabric {present.name} exists, and its source of truth is the database; nothing was imported. Choose another "
            "name, or import a Fabric document with source_of_truth: git"
        )
    if where is None or (where.id, present.git_directory) != (repository.id, directory):
        kept = f"{present.git_directory or '/'} of {where.url} (branch {where.branch})" if where else "no repository"
        raise InvalidInput(
            f"fabric {present.name} exists, and follows {kept}; nothing was imported. Choose another name, or change its "
            "git_repository and git_directory with `hedgehog fabric set`"
        )


def use_repository(connection: Connection, source: GitSource) -> tuple[GitRepository, Action]:
    """The repository with this URL, however spelt, and branch; a new one if there is none."""
    rows = store.load_repositories(connection)
    for one in rows:
        if one.branch == source.branch and (one.url == source.url or same_repository(one.url, source.url)):
            if source.connection_id not in (None, one.connection_id):
                raise InvalidInput(
                    f"git_repository {one.name} is that repository, and its connection_id is {one.connection_id or 'not set'}; "
                    "leave --connection out, or import a GitRepository document with another one"
                )
            return one, Action.UNCHANGED
    name = _free_name(source, {one.name for one in rows})
    values = {"url": source.url, "branch": source.branch, "connection_id": source.connection_id}
    action = store.save_repository(connection, name, values)
    return store.load_repository(connection, name), action


def _free_name(source: GitSource, taken: set[str]) -> str:
    """The last part of the URL, with a number if that name is taken."""
    name = source.url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2] or "repository"
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
    return next(one for one in names if one not in taken)


def _repository_of(fabric: Fabric) -> GitRepository:
    if fabric.git_repository is None:
        raise AssertionError("the fabric was just stored with a repository")
    return fabric.git_repository
