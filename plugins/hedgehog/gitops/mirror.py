"""A kept bare repository per URL: the head of the branch, and the files at a commit, without a checkout.

A mirror is only a cache of the objects of the host. Any damage (by a killed process, a full disk, an edit) is repaired by
creating it again. Several processes may use one: a file lock covers fetching and maintenance; reading needs none, because
objects never change. It contains no credentials: the URL is passed to each git call.

Where the host offers it, the clone is a partial one: it has all commits and trees, and of the contents of files only those
of directories that have been listed, which come with one call.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pygit2
from pygit2.enums import ConfigLevel, ObjectType, RepositoryOpenFlag

from hedgehog.errors import DiskUnavailable, HedgehogError, InvalidInput, NotFound, PushRace
from hedgehog.fabric.model import GitRepository
from hedgehog.fabric.paths import LIMITS, Limits, Listing
from hedgehog.gitops import failures, leftovers, partial, trees
from hedgehog.gitops.loose import are_whole
from hedgehog.gitops.packing import is_worth_packing, pack_blobs, repack
from hedgehog.gitops.private_files import make_private, private_directory
from hedgehog.gitops.remote import Completed, Remote
from hedgehog.gitops.trees import PathEntry

logger = logging.getLogger(__name__)

FILE_LIMIT = LIMITS.file_bytes
"""The most bytes of a file that is read."""

_BRANCHES = "refs/heads/"
_WORTH_A_PACK = 50

_TROUBLE = (pygit2.GitError, KeyError, OSError)
"""What pygit2 raises when it cannot read or write."""
# libgit2 would read the settings of the user, and fail where it may not.
for _level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
    pygit2.settings.search_path[_level] = ""

# A tree may name files whose content was not fetched, as that of a merge does.
pygit2.settings.enable_strict_object_creation(False)

T = TypeVar("T")


class Mirror:
    """The kept copy of *remote* below *cache_directory*; nothing is read or written before the first call.

    Not thread-safe: open one per thread; they share the files on disk.
    """

    def __init__(self, cache_directory: Path, remote: Remote, *, file_limit: int = FILE_LIMIT) -> None:
        self.remote = remote
        self.path = cache_directory / hashlib.sha256(remote.url.encode()).hexdigest()[:16]
        self._cache = cache_directory
        self._file_limit = file_limit
        self._tracking = f"refs/remotes/origin/{remote.branch}"
        self._repository: pygit2.Repository | None = None
        self._seen: dict[str, int] = {}

    # The branch at the host ------------------------------------------------------------------------------------------

    def head(self) -> str | None:
        """The commit that the branch points to at the host now; None if there is no such branch."""
        return self._heads([self.remote.ref]).get(self.remote.ref)

    def branches(self) -> dict[str, str]:
        """Every branch at the host with its head, the default branch first."""
        found = self._heads(["HEAD", _BRANCHES + "*"])
        default = found.pop("HEAD", None)
        names = sorted(found, key=lambda ref: (found[ref] != default, ref))
        return {ref.removeprefix(_BRANCHES): found[ref] for ref in names if ref.startswith(_BRANCHES)}

    def heads(self, branches: Iterable[str]) -> dict[str, str]:
        """Those of *branches* that the host has now, with their heads."""
        found = self._heads([_BRANCHES + name for name in branches])
        return {ref.removeprefix(_BRANCHES): head for ref, head in found.items()}

    def _heads(self, refs: list[str]) -> dict[str, str]:
        arguments = ["ls-remote", self.remote.url, *refs]
        lines = self.remote.call(arguments, state=self._cache).splitlines()
        if not lines:
            self.remote.check_protocol(state=self._cache)
        found = {ref: commit for commit, _, ref in (line.partition("\t") for line in lines)}
        if any(len(commit) != 40 for commit in found.values()):
            raise InvalidInput(f"{self.remote}: only repositories with SHA-1 object names are supported")
        return {ref: found[ref] for ref in found if ref in refs or ref.startswith(_BRANCHES)}

    def fetch(self, head: str, *, ref: str | None = None) -> None:
        """Fetch *head* with everything it refers to; without network if it is here already.

        *ref* is the reference of the host that has it, if that is not the branch: `refs/pull/7/head` for a pull request.
        Raises PushRace if the host no longer has it: the branch was replaced since `head()`.
        """
        if self.has(head):
            return
        with self._locked():
            if self.has(head):  # another process fetched it while we waited
                return
            self._fetch(ref)
            self._pack()
        if not self.has(head):
            kind = trees.object_type(self._open(), head)
            if kind not in ("", "commit"):  # some hosts let a branch point to anything
                raise InvalidInput(f"{self.remote}: the branch points to a {kind}, not to a commit; correct it there")
            raise PushRace(f"{self.remote}: commit {head} is gone, the branch was replaced meanwhile; plan again")

    def git(self, arguments: list[str], *, stdin: bytes = b"") -> Completed:
        """Run git in the mirror; see Remote.run."""
        self._open()
        return self._run(arguments, stdin=stdin)

    def _run(self, arguments: list[str], *, stdin: bytes = b"", settings: Mapping[str, str] | None = None) -> Completed:
        settings = {**partial.clone_settings(self.path, self.remote.url), **(settings or {})}
        return self.remote.run(arguments, state=self._cache, repository=self.path, stdin=stdin, settings=settings)

    def private_directory(self) -> AbstractContextManager[Path]:
        """A directory that only we can read, for files that one call needs; it is removed afterwards."""
        return private_directory(self._cache, abandoned_after=2 * self.remote.timeout)

    def keep(self, contents: Collection[bytes]) -> None:
        """Store *contents* as blobs, for trees to refer to; many of them are stored as one pack."""
        if len(contents) < _WORTH_A_PACK:
            repository = self._open()
            for content in contents:
                repository.create_blob(content)
            return
        self._open()
        with self._locked(), leftovers.nothing_unfinished(self.path):
            done = self.git(["index-pack", "--stdin"], stdin=pack_blobs(contents))
        if done.code != 0:
            raise pygit2.GitError(done.error.strip())

    def cure(self, error: str) -> bool:
        """Whether *error*, the text of git, reports a damaged clone; it is removed then, and the next call creates a new one."""
        if not failures.is_damage(error, self.path):
            return False
        logger.warning("mirror %s of %s is damaged; creating it again", self.path, self.remote)
        with self._locked():
            self._discard()
        return True

    def published(self, commit: str) -> None:
        """Record that the branch is now at *commit*, so that the objects of the push stay and need not be fetched.

        Never raises: the push has happened, and the next fetch repairs a clone that cannot record it.
        """
        try:
            self._open().references.create(self._tracking, commit, force=True)
        except (*_TROUBLE, ValueError, HedgehogError) as error:
            logger.warning("mirror %s of %s cannot note the push of %s: %s", self.path, self.remote, commit, error)

    # Reading ---------------------------------------------------------------------------------------------------------

    def has(self, commit: str) -> bool:
        """Whether *commit* and its tree are here and readable."""
        try:
            found = self._open()[commit]
            return found.type == ObjectType.COMMIT and found.peel(pygit2.Tree) is not None
        except (*_TROUBLE, ValueError):
            return False

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether *new* contains *old*; False if one of them is not here."""
        if not (self.has(old) and self.has(new)):
            return False
        return old == new or self.reading(new, lambda repository: repository.descendant_of(new, old))

    def place(self, commit: str, directory: str) -> PathEntry:
        """What is at *directory* at *commit*: equal trees have equal content."""
        return self.reading(commit, lambda repository: trees.entry_at(repository, commit, directory))

    def tree_id(self, commit: str, directory: str) -> str | None:
        """The tree id of *directory* at *commit*; None if there is no such directory."""
        return self.place(commit, directory).tree

    def lookup(self, commit: str, paths: Iterable[str]) -> Listing:
        """Like `listing`, for single *paths* anywhere in the repository; absent ones are left out."""

        return self._brought(self.reading(commit, lambda repository: trees.lookup(repository, commit, paths)))

    def listing(
        self, commit: str, directory: str, *, limits: Limits = LIMITS, skip: Callable[[str], bool] = lambda _: False
    ) -> Listing:
        """All files below *directory* at *commit*, as `trees.walk`; empty when there is no such directory.

        Anything else at the path of the directory, or above it, is opaque.
        """

        return self._brought(
            self.reading(
                commit, lambda repository: trees.listing(repository, commit, directory, limits=limits, skip=skip)
            )
        )

    def tree_listing(
        self,
        commit: str,
        tree: str,
        directory: str,
        *,
        limits: Limits = LIMITS,
        skip: Callable[[str], bool] = lambda _: False,
    ) -> Listing:
        """The same for a *tree* that need not be in *commit*, as *directory*."""
        return self._brought(
            self.reading(commit, lambda repository: trees.walk(repository, tree, directory, limits=limits, skip=skip))
        )

    def _brought(self, listing: Listing) -> Listing:
        self.bring(listing.files.values())
        return listing

    def bring(self, blobs: Iterable[str]) -> None:
        """Fetch the contents of those of *blobs* that are not here, with one call; without network if all are here.

        What the host does not have any more is left out: reading it raises NotFound.
        """
        missing = self._missing(blobs)
        if not missing:
            return
        with self._locked():
            if missing := self._missing(missing):  # another process may have fetched them while we waited
                self._fetch_blobs(missing)

    def _missing(self, blobs: Iterable[str]) -> list[str]:
        odb = self._open().odb
        return [blob for blob in dict.fromkeys(blobs) if len(blob) == 40 and pygit2.Oid(hex=blob) not in odb]

    def files(self, commit: str, directory: str) -> dict[str, str]:
        """Path → blob id of all files below *directory* at *commit*, without links and submodules."""
        return dict(self.listing(commit, directory).files)

    def size(self, blob_id: str) -> int:
        """The size of a file in bytes, without reading it. Raises NotFound for an unknown id."""
        self.bring([blob_id])
        try:
            return int(self._open().odb.read_header(pygit2.Oid(hex=blob_id))[1])
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise NotFound(f"{self.remote}: blob {blob_id} cannot be read: {error}") from error

    def read(self, blob_id: str) -> bytes:
        """The content of a file. Raises InvalidInput above the size limit and NotFound for an unknown id."""
        self.bring([blob_id])
        repository = self._open()
        try:
            _, size = repository.odb.read_header(pygit2.Oid(hex=blob_id))
            if size > self._file_limit:
                limit = f"above the limit of {self._file_limit}"
                raise InvalidInput(f"{self.remote}: a file of {size} bytes (blob {blob_id}) is {limit}")
            blob = repository[blob_id]
        except (*_TROUBLE, ValueError) as error:
            raise NotFound(f"{self.remote}: blob {blob_id} cannot be read: {error}") from error
        if not isinstance(blob, pygit2.Blob):
            raise NotFound(f"{self.remote}: {blob_id} is not a file")
        return bytes(blob.data)

    def reading(self, commit: str | None, work: Callable[[pygit2.Repository], T]) -> T:
        """The result of *work* on the open repository; if objects are missing or damaged, it runs again on a new clone."""
        try:
            return work(self._open())
        except _TROUBLE as error:
            if failures.is_full(str(error)):
                raise self._unusable(error) from error
            logger.warning("mirror %s of %s is damaged (%s); creating it again", self.path, self.remote, error)
        with self._locked():
            self._discard()
            if commit is not None:
                self._fetch()
        try:
            return work(self._open())
        except KeyError as error:
            raise PushRace(f"{self.remote}: commit {commit} is not there ({error}); plan again on the head") from error
        except _TROUBLE as error:
            raise self._unusable(error) from error

    # Upkeep: the methods from _make on are called with the lock held ------------------------------------------------

    def _open(self) -> pygit2.Repository:
        if self._repository is None:
            self._repository = self._opened()
        if self._repository is None:
            with self._locked():
                self._repository = self._make()
        return self._repository

    def _opened(self) -> pygit2.Repository | None:
        try:
            if not are_whole(self.path, self._seen):
                return None
            return pygit2.Repository(str(self.path), RepositoryOpenFlag.NO_SEARCH | RepositoryOpenFlag.BARE)
        except _TROUBLE:
            return None

    def _make(self) -> pygit2.Repository:
        """Open or create the mirror; a new one is moved into place, so that no process opens an incomplete one."""
        repository = self._opened()
        if repository is not None:
            return repository
        self._discard()
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="new-") as name:
            made = Path(name) / "mirror"
            pygit2.init_repository(str(made), bare=True)
            made.chmod(0o700)
            made.rename(self.path)
        return pygit2.Repository(str(self.path))

    def _discard(self) -> None:
        self._repository = None
        self._seen.clear()
        if os.path.lexists(self.path):
            # In the same directory: renaming works even if the clone belongs to another user and cannot be removed.
            aside = Path(tempfile.mkdtemp(dir=self._cache, prefix="old-"))
            aside.rmdir()
            self.path.rename(aside)
            leftovers.remove(aside)

    def _fetch(self, ref: str | None = None) -> None:
        """Fetch into the clone, or into a new one if it is damaged; a partial pack of a failed fetch is removed at once."""
        leftovers.sweep(self.path)
        self._repository = self._make()
        # Of another ref, only the objects are fetched; maintenance removes them later.
        what = ref or f"+{self.remote.ref}:{self._tracking}"
        arguments = [*partial.FETCH, partial.ORIGIN, what]
        with leftovers.nothing_unfinished(self.path):
            done = self._run(arguments)
            if done.code != 0 and failures.is_damage(done.error, self.path):
                logger.warning("mirror %s of %s is damaged; creating it again", self.path, self.remote)
                self._discard()
                self._repository = self._make()
                done = self._run(arguments)
        if "couldn't find remote ref" in done.error:
            raise PushRace(f"{self.remote}: the branch was deleted meanwhile; plan again")
        self._check(done)
        self._repository = None  # reopening it finds the new pack

    def _fetch_blobs(self, blobs: Collection[str]) -> None:
        """Fetch files alone, or everything where the host sends no single files."""
        request = partial.BlobRequest.of(blobs)
        with leftovers.nothing_unfinished(self.path):
            done = self._run(request.arguments, stdin=request.stdin, settings=request.settings)
        if partial.is_refused(done.error):
            logger.info("%s sends no single files; all are fetched", self.remote)
            self._discard()
            self._repository = self._make()
            partial.make_complete(self.path)
            self._fetch()
        elif not partial.is_unknown_to_host(done.error):
            self._check(done)
        self._repository = None

    def _check(self, done: Completed) -> None:
        """Raise the error of a fetch that failed."""
        if done.code != 0 and (failures.is_full(done.error) or str(self.path) in done.error):
            raise self._unusable(done.error)
        if done.code != 0:
            raise failures.call_failed(done.error, f"git fetch {self.remote}")

    def _pack(self) -> None:
        """Pack many small files into few large ones. A failure is only logged, because nothing depends on it."""
        if not is_worth_packing(self.path / "objects"):
            return
        try:
            problem = repack(lambda words: self.remote.run(words, state=self._cache, repository=self.path), self.path)
        except HedgehogError as error:
            problem = str(error)
        if problem:
            logger.warning("mirror %s of %s could not be packed: %s", self.path, self.remote, problem)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the clone, among processes and threads; the kernel frees that of a killed process.

        An error of the directory, here or in the block, raises DiskUnavailable with its path.
        """
        try:
            # Opening for reading suffices, and works for a file of another user.
            lock = make_private(self._cache) / f"{self.path.name}.lock"
            with os.fdopen(os.open(lock, os.O_RDONLY | os.O_CREAT, 0o600)) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except (OSError, pygit2.GitError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception | str) -> DiskUnavailable:
        return failures.disk_failed(error, self.path, f"the clone of {self.remote}")


OpenMirror = Callable[[GitRepository], Mirror]
"""From a repository to its mirror, credentials included; raises only `hedgehog.errors`."""
