"""Commits without a checkout: trees are built from entries, and a push is a compare-and-swap.

The cost grows with the change: only the directories that it touches are written. No push to a repository's branch is
forced, only one to a branch of ours; if either has moved, PushRace is raised and the caller plans again on its new head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import pygit2
from pygit2.enums import FileMode

from hedgehog.errors import InvalidInput, PushRace, RemoteUnavailable
from hedgehog.fabric.model import Fabric
from hedgehog.gitops import failures
from hedgehog.gitops.host_commits import has_signature
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.signatures import sign

SUBJECT_LIMIT = 72
"""Characters of the first line of a message: what Git hosts show without cutting it."""
FABRIC_TRAILER = "Hedgehog-Fabric"
GENERATION_TRAILER = "Hedgehog-Generation"
RUN_TRAILER = "Hedgehog-Run"
CO_AUTHOR_TRAILER = "Co-authored-by"
TREE_TRAILER = "Hedgehog-Tree"
"""What we built: by that we know a commit that the host made, and whose committer it chose."""
_PATH_LIMIT = 1024
_NAME_LIMIT = 255

# Names that some file system treats as ".git" (git's own rule for untrusted trees), or that git would not check out.
_DOT_GIT = re.compile(r"\.git[ .]*|git~[0-9]+", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\:\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff\ud800-\udfff]")

_Layer: TypeAlias = "dict[str, bytes | _Layer | None]"


@dataclass(frozen=True, slots=True)
class Author:
    """Who signs a commit, and when (with time zone)."""

    name: str
    email: str
    when: datetime

    def signature(self) -> pygit2.Signature:
        """The signature for pygit2."""
        offset = self.when.utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        return pygit2.Signature(self.name, self.email, int(self.when.timestamp()), minutes)


def blob_id(content: bytes) -> str:
    """The id that Git gives to a file with this content."""
    return str(pygit2.hash(content))


def check_path(path: str) -> str:
    """Return *path* if it is plain and relative; raises InvalidInput if it could leave the repository or enter .git."""
    names = path.split("/")
    if _FORBIDDEN.search(path) or len(path.encode()) > _PATH_LIMIT:
        raise InvalidInput(f"{path[:100]!r} is not a path for a managed file: too long, or a character is not allowed")
    for name in names:
        if name in ("", ".", "..") or _DOT_GIT.fullmatch(name) or len(name.encode()) > _NAME_LIMIT:
            raise InvalidInput(f"{path!r} is not a path for a managed file; its part {name[:100]!r} is not allowed")
    return path


def build(
    mirror: Mirror,
    parent: str | None,
    changes: Mapping[str, bytes | None],
    message: str,
    committer: Author,
    *,
    author: Author | None = None,
) -> str | None:
    """Create the commit with *changes* (None: remove the file) on top of *parent*, and return its id.

    Without an *author* it is the *committer*. It is signed where the repository's credentials have a signing key. Where
    the host is to make and sign it, its message names the author and the tree.

    Returns None if the tree would equal that of the parent. Directories that become empty are removed. Raises
    InvalidInput for a path that leaves the repository, or if a file would replace a directory or the other way round:
    what is not named in *changes* is never lost.
    """
    layer = _layers(changes)

    def make(repository: pygit2.Repository) -> str | None:
        mirror.keep({content for content in changes.values() if content is not None})
        base = repository[parent].peel(pygit2.Tree) if parent else None
        tree = _write(repository, base, layer, "") or repository.TreeBuilder().write()
        if tree == (base.id if base is not None else repository.TreeBuilder().write()):
            return None
        signature = committer.signature()
        signed = author.signature() if author else signature
        parents: list[str | pygit2.Oid] = [parent] if parent else []
        by_host = mirror.remote.credentials.signed_by_host
        text = _for_host(message, committer, author, str(tree)) if by_host else message
        content = str(repository.create_commit_string(signed, signature, text, tree, parents))
        if mark := sign(mirror, content):
            return str(repository.create_commit_with_signature(content, mark))
        return str(repository.create_commit(None, signed, signature, text, tree, parents))

    return mirror.reading(parent, make)


def _for_host(message: str, committer: Author, author: Author | None, tree: str) -> str:
    """*message* with what the host does not take from us: who asked for the change, and that the commit is ours."""
    people = []
    if author is not None and (author.name, author.email) != (committer.name, committer.email):
        people = [f"{CO_AUTHOR_TRAILER}: {author.name} <{author.email}>"]
    return "\n".join([message.rstrip("\n"), *people, f"{TREE_TRAILER}: {tree}", ""])


def _layers(changes: Mapping[str, bytes | None]) -> _Layer:
    """Paths as nested mappings, one per directory."""
    top: _Layer = {}
    for path, content in changes.items():
        *directories, name = check_path(path).split("/")
        layer = top
        for directory in directories:
            inner = layer.setdefault(directory, {})
            if not isinstance(inner, dict):
                raise InvalidInput(f"{path}: {directory!r} cannot be a file and a directory")
            layer = inner
        if name in layer:
            raise InvalidInput(f"{path}: {name!r} cannot be a file and a directory")
        layer[name] = content
    return top


def _write(repository: pygit2.Repository, base: pygit2.Tree | None, layer: _Layer, where: str) -> pygit2.Oid | None:
    """Write one directory and those below it; None if it becomes empty."""
    builder = repository.TreeBuilder(base) if base is not None else repository.TreeBuilder()
    for name, change in layer.items():
        entry = base[name] if base is not None and name in base else None
        if entry is not None and (entry.filemode == FileMode.TREE) != isinstance(change, dict):
            found = "file" if isinstance(change, dict) else "directory"
            raise InvalidInput(f"{where}{name} is a {found} in Git, where none may be; move it away")
        if isinstance(change, dict):
            inner = entry.peel(pygit2.Tree) if entry is not None else None
            written = _write(repository, inner, change, f"{where}{name}/")
            mode = FileMode.TREE
        else:
            written = pygit2.hash(change) if change is not None else None
            mode = FileMode.BLOB
        if written is not None:
            builder.insert(name, written, mode)
        elif entry is not None:
            builder.remove(name)
    return builder.write() if len(builder) else None


def message(fabric: Fabric, subject: str, body: str, *, run_id: str, others: Sequence[str] = ()) -> str:
    """The message of a fabric's commit: *subject*, *body*, and trailers for tools, which name *others* who took part."""
    trailers = [
        *((CO_AUTHOR_TRAILER, one) for one in others),
        (FABRIC_TRAILER, fabric.name),
        (GENERATION_TRAILER, str(fabric.generation)),
        (RUN_TRAILER, run_id),
    ]
    lines = [f"{key}: {' '.join(value.split())}" for key, value in trailers]
    return "\n".join([subject, "", body, "", *lines, ""])


def push(mirror: Mirror, commit: str, expected_head: str | None) -> None:
    """Move the branch at the host from *expected_head* (None: it must not exist) to *commit*, or raise.

    Raises PushRace if the branch is not at the expected head, PermissionDenied with the message of the server if a rule
    refuses it, and RemoteUnavailable if no answer arrived: the push may have happened then, which reading the head shows.
    """
    remote = mirror.remote
    _refuse_unsigned(mirror, commit)
    if expected_head is not None and not mirror.is_ancestor(expected_head, commit):
        raise PushRace(f"git push {remote}: {commit} does not contain {expected_head}; plan again on the branch's head")
    _send(mirror, commit, remote.ref, expected_head)
    mirror.published(commit)


def push_own_branch(mirror: Mirror, commit: str, branch: str, expected_head: str | None = None) -> None:
    """Make *commit* all that *branch* of ours has, or raise as `push` does.

    Raises PushRace if it is not at *expected_head* (None: it must not exist): nobody else's commit is dropped.
    """
    _refuse_unsigned(mirror, commit)
    _send(mirror, commit, f"refs/heads/{branch}", expected_head)


def _refuse_unsigned(mirror: Mirror, commit: str) -> None:
    """Raise InvalidInput for a commit that the host was to sign and has not."""
    if mirror.remote.credentials.signed_by_host and not has_signature(mirror, commit):
        raise InvalidInput(
            f"git push {mirror.remote}: the connection has signing: host, and this commit is not made by the host; "
            "give the connection a signing_key instead (docs/signing.md)"
        )


def delete_own_branch(mirror: Mirror, branch: str, expected_head: str) -> None:
    """Delete *branch* of ours, or raise as `push` does: PushRace if it is not at *expected_head*."""
    _send(mirror, "", f"refs/heads/{branch}", expected_head)


def _send(mirror: Mirror, commit: str, ref: str, expected_head: str | None) -> None:
    """Have the host's *ref* be *commit*; empty: delete it."""
    remote = mirror.remote
    # The lease makes this exact: a plain push would also "fast-forward" a branch that somebody has reset, and create one
    # that somebody has deleted. With the check of `push`, it can never drop a commit.
    lease = f"--force-with-lease={ref}:{expected_head or ''}"
    done = mirror.git(["push", "--porcelain", "--progress", "--no-verify", lease, remote.url, f"{commit}:{ref}"])
    summary = _refusal(done.out, ref)
    if summary is not None:
        raise failures.push_refused(summary, done.error, f"git push {remote}")
    if done.code != 0 and mirror.cure(done.error):
        raise PushRace(f"git push {remote}: the clone was damaged and is created again; plan again")
    if done.code != 0:
        raise failures.call_failed(done.error, f"git push {remote}")
    if not any(line.startswith((" \t", "+\t", "-\t", "*\t", "=\t")) for line in done.out.splitlines()):
        raise RemoteUnavailable(f"git push {remote}: git did not say what happened to the branch")


def _refusal(report: str, ref: str) -> str | None:
    """Git's reason in parentheses, if the report says that *ref* was not updated."""
    for line in report.splitlines():
        flag, _, rest = line.partition("\t")
        names, _, summary = rest.partition("\t")
        if flag == "!" and names.endswith(f":{ref}"):
            opening = summary.find("(")
            return summary[opening + 1 :].rstrip(")") if opening >= 0 else summary
    return None
