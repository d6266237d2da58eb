"""The content of the three places, object by object, and what must never have happened meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pygit2
import yaml
from pygit2.enums import DeltaStatus, SortMode

from devstack.chaos.wishes import Objects, Wish, Wishes
from devstack.chaos.world import REPOSITORIES, World
from devstack.objects import make_server
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.labels import INSTALLATION
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.gitops.commit import FABRIC_TRAILER, GENERATION_TRAILER
from hedgehog.gitops.history import trailers
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import collection_path
from hedgehog.store.database import transaction

STRANGER = ObjectRef("Server", "default", "stranger")
"""An object that others own in the same namespace."""
_OURS = ("SwitchGroup", "Server", "VPC", "Connection", "VPCAttachment")


@dataclass
class Verdict:
    """Compares, and remembers the state at the last comparison."""

    world: World
    wishes: Wishes
    uids: dict[ObjectRef, str] = field(default_factory=dict)
    rows: dict[tuple[str, ObjectRef], int] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    published: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)
    meddled: set[ObjectRef] = field(default_factory=set)
    """Objects that a rival deleted in the cluster since the last comparison: they may have been created again."""

    def begin(self) -> None:
        """Create the object of others."""
        kind = KINDS["Server"]
        body = make_server(STRANGER.name, "not ours")
        self.world.api.call("POST", "POST", collection_path(kind, "default"), subject=str(STRANGER), body=body)

    def differences(self) -> list[str]:
        """The differences of database, Git and cluster from the expected state."""
        live = self._live()
        found: list[str] = []
        for wish in self.wishes.fabrics.values():
            name = wish.place.name
            found += _compare(f"database of {name}", wish.objects, self.wishes.stored(name))
            if wish.place.repository:
                found += _compare(f"Git of {name}", wish.objects, self._git(wish))
            here = {ref: it for ref, it in live.items() if ref.name.startswith(f"{name}-")}
            found += _compare(f"cluster of {name}", wish.objects, here)
        return found

    def wrong_deletes(self, *, settled: bool = True) -> list[str]:
        """Objects and files that were deleted at any time without being unwanted. Remembers the current state.

        Unless all is *settled*, an intended deletion may still follow later.
        """
        live = self._live()
        uids = {ref: str(it["metadata"]["uid"]) for ref, it in live.items()}
        rows = self._rows()
        gone = {ref for wish in self.wishes.fabrics.values() for ref in wish.removed} | self.meddled
        found = [f"{ref} in the cluster" for ref, uid in self.uids.items() if ref not in gone and uids.get(ref) != uid]
        found += [
            f"{ref} in the database of {name}"
            for (name, ref), row in self.rows.items()
            if ref not in gone and rows.get((name, ref)) != row
        ]
        found += self._deleted_files(gone)
        self.uids, self.rows = uids, rows
        if settled:
            self.meddled = set()
            for wish in self.wishes.fabrics.values():
                wish.removed = set()
        return found

    def duplicate_commits(self) -> list[str]:
        """Commits of ours that change nothing, or publish a generation of a fabric again without an edit between.

        Each commit is judged once.
        """
        found = []
        for repository in REPOSITORIES:
            published = self.published.setdefault(repository, {})
            for commit in self._commits(repository):
                if not commit.fabric:
                    published.clear()
                    continue
                if not commit.changed:
                    found.append(f"{repository} {commit.id[:12]} changes nothing")
                key = (commit.fabric, commit.generation)
                if key in published:
                    found.append(f"{repository} {commit.id[:12]} publishes {commit.fabric} {commit.generation} again")
                published[key] = commit.id
            self.heads[repository] = str(self._host(repository).references["refs/heads/main"].target)
        return found

    def git(self, repository: str, *arguments: str) -> str:
        """The output of plain git for the repository on the host."""
        command = ["git", "-C", str(self.world.git.path(repository)), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _live(self) -> dict[ObjectRef, Manifest]:
        live = list_live(self.world.api, [(KINDS[kind], "default") for kind in _OURS])
        if live.failed:
            raise RuntimeError(f"the cluster cannot be compared: {live.failed}")
        if STRANGER not in live.objects:
            raise AssertionError("the object of others was deleted")
        return dict(live.objects)

    def _rows(self) -> dict[tuple[str, ObjectRef], int]:
        with transaction(self.world.database) as cursor:
            cursor.execute(
                "SELECT f.name, o.kind, o.namespace, o.name, o.id FROM hedgehog.fabric_object o "
                "JOIN hedgehog.fabric f ON f.id = o.fabric_id"
            )
            return {(name, ObjectRef(*ref)): row for name, *ref, row in cursor.fetchall()}

    def _git(self, wish: Wish) -> Objects:
        found: Objects = {}
        for text in self.files(wish.place.repository or "", f"fabrics/{wish.place.name}").values():
            for document in yaml.safe_load_all(text):
                if document and document.get("kind") in _OURS:
                    found[ObjectRef.of(document)] = document
        return found

    def files(self, repository: str, directory: str) -> dict[str, str]:
        """The YAML files of a directory on the host, with their content."""
        host = self._host(repository)
        if "refs/heads/main" not in host.references:
            return {}
        tree = host.references["refs/heads/main"].peel(pygit2.Tree)
        if directory not in tree:
            return {}
        below = tree[directory]
        return dict(_yaml_files(below, f"{directory}/")) if isinstance(below, pygit2.Tree) else {}

    def _host(self, repository: str) -> pygit2.Repository:
        """Opened again each time, so that it has the latest push."""
        return pygit2.Repository(str(self.world.git.path(repository)))

    def _deleted_files(self, gone: set[ObjectRef]) -> Iterator[str]:
        """Files that commits of ours deleted although their object was to be kept."""
        names = {ref.name for ref in gone}
        for repository in REPOSITORIES:
            for commit in self._commits(repository):
                for path in commit.deleted if commit.fabric else ():
                    if not any(path.rpartition("/")[2].startswith(f"{name}.") for name in names):
                        yield f"{path} in {repository} by {commit.id[:12]}"

    def _commits(self, repository: str) -> list[_Commit]:
        """The commits since the last comparison, oldest first."""
        host = self._host(repository)
        if "refs/heads/main" not in host.references:
            return []
        order = SortMode.TOPOLOGICAL | SortMode.REVERSE
        walk = host.walk(host.references["refs/heads/main"].target, order)
        if repository in self.heads:
            walk.hide(self.heads[repository])
        return [_Commit.of(commit) for commit in walk]


@dataclass(frozen=True)
class _Commit:
    id: str
    changed: bool
    deleted: tuple[str, ...]
    fabric: str
    generation: str

    @classmethod
    def of(cls, commit: pygit2.Commit) -> _Commit:
        parent = commit.parents[0].tree if commit.parents else None
        diff = parent.diff_to_tree(commit.tree) if parent is not None else commit.tree.diff_to_tree(swap=True)
        deleted = tuple(one.old_file.path for one in diff.deltas if one.status == DeltaStatus.DELETED)
        told = trailers(commit.message)
        return cls(
            str(commit.id),
            parent is None or parent.id != commit.tree.id,
            deleted,
            told.get(FABRIC_TRAILER, ""),
            told.get(GENERATION_TRAILER, ""),
        )


def _yaml_files(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _yaml_files(entry, f"{prefix}{entry.name}/")
        elif isinstance(entry, pygit2.Blob) and str(entry.name).endswith((".yaml", ".yml")):
            yield f"{prefix}{entry.name}", entry.data.decode()


def _compare(where: str, wanted: Objects, here: Mapping[ObjectRef, Manifest]) -> Iterable[str]:
    for ref in sorted(wanted.keys() - here.keys()):
        yield f"{where}: {ref} is missing"
    for ref in sorted(here.keys() - wanted.keys()):
        yield f"{where}: {ref} exists and should not"
    for ref in sorted(wanted.keys() & here.keys()):
        if _essence(wanted[ref]) != _essence(here[ref]):
            yield f"{where}: {ref} is {_essence(here[ref])}, and should be {_essence(wanted[ref])}"


def _essence(manifest: Manifest) -> dict[str, Any]:
    """The user's part: spec and annotations, without the annotation that every apply adds."""
    annotations = dict(manifest["metadata"].get("annotations") or {})
    annotations.pop(INSTALLATION, None)
    return {"spec": manifest.get("spec") or {}, "annotations": annotations}
