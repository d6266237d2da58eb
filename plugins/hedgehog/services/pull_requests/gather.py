"""The first step of a check: what the database and Git say of a pull request or a branch, before anything is decided.

Files are taken from the kept clone at one revision, as data. No merge commit is made: git is asked
what its directories would hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hedgehog.errors import InvalidInput, PushRace
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.fabric.paths import LIMITS, Limits, Listing
from hedgehog.fabric.shown import listed
from hedgehog.gitops.merge import MergedDirectory, merge_directories
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.gitops.trees import PathEntry
from hedgehog.services.fabric_files import FabricFiles, inside, measured, set_aside, sort_files
from hedgehog.services.repository.changes import left_directories
from hedgehog.services.repository.ingest import left_by_others
from hedgehog.store.database import Connection
from hedgehog.store.repository_heads import LeftDirectory

_GONE = "would be gone; nothing is deleted for that. Remove the objects and leave the directory, or suspend the fabric"


def _nothing(_: str) -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class MergeHead:
    """A commit that is to be merged into the branch *base_ref*; *git_ref* is where the Git host has it."""

    base_ref: str
    head_sha: str
    git_ref: str


@dataclass(frozen=True, slots=True)
class MergedFabric:
    """The files of a fabric as its branch has them, and as it would have them after the merge."""

    fabric: Fabric
    before: FabricFiles = field(default_factory=FabricFiles)
    after: FabricFiles = field(default_factory=FabricFiles)
    obstacles: Mapping[str, str] = field(default_factory=dict)
    """Path → why there would be no such directory."""
    content: Callable[[str], bytes] = _nothing
    """From the key of a file to its content, which never changes; raises our own errors."""
    limits: Limits = LIMITS
    unverified: str = ""
    """Why it cannot be checked: the merge conflicts, or is too large."""

    @property
    def is_touched(self) -> bool:
        """Whether anything that is read differs, or what is in its way."""
        mine = (self.before.wanted, self.before.opaque) != (self.after.wanted, self.after.opaque)
        return mine or bool(self.obstacles) or bool(self.unverified)


class _Budget:
    """What is left to read for one pull request, which may touch many fabrics."""

    def __init__(self, limits: Limits = LIMITS, *, fabrics: int = 4) -> None:
        self.limits = limits
        self._left = fabrics * limits.bytes

    def spend(self, merged: MergedFabric, size: Callable[[str], int]) -> None:
        """Have the files of one fabric read. Raises InvalidInput where that is too much."""
        for files in (merged.before, merged.after):
            self._left -= measured(files.wanted, size, place=merged.fabric.git_directory, limits=self.limits)
        if self._left < 0:
            raise InvalidInput("too large: all fabrics that this pull request touches; split it")


def gather(
    connection: Connection,
    merge: MergeHead,
    fabrics: Iterable[tuple[GitRepository, Fabric]],
    *,
    open_mirror: OpenMirror,
    check_time: Callable[[], None],
) -> Iterator[MergedFabric]:
    """Each of *fabrics* that *merge* touches, one after the other, so that only the files of one are in memory.

    Calls *check_time* before each. Raises PushRace for a branch that is gone.
    """
    groups: dict[GitRepository, list[Fabric]] = {}
    for row, fabric in fabrics:
        if row.branch == merge.base_ref:
            groups.setdefault(row, []).append(fabric)
    neighbours = {fabric.git_directory for group in groups.values() for fabric in group}
    budget = _Budget()
    for row, group in groups.items():
        branch = _Branch(open_mirror(row), merge, left_directories(connection, row), neighbours, budget)
        yield from _gather_row(branch, group, check_time)


@dataclass(frozen=True, slots=True)
class _Branch:
    """The branch that *merge* is to be merged into, and what matters of it for every fabric there."""

    mirror: Mirror
    merge: MergeHead
    left: Sequence[LeftDirectory]
    neighbours: Collection[str]
    budget: _Budget


def _gather_row(branch: _Branch, fabrics: Sequence[Fabric], check_time: Callable[[], None]) -> Iterator[MergedFabric]:
    """The fabrics of one branch."""
    mirror, merge = branch.mirror, branch.merge
    base = mirror.head()
    if base is None:
        raise PushRace(f"{mirror.remote}: the branch is gone; look again")
    mirror.fetch(base)
    mirror.fetch(merge.head_sha, ref=merge.git_ref)
    try:
        merged = merge_directories(mirror, base, merge.head_sha, [fabric.git_directory for fabric in fabrics])
    except InvalidInput as error:
        yield from (MergedFabric(fabric, unverified=str(error)) for fabric in fabrics)
        return
    for fabric in fabrics:
        state = merged[fabric.git_directory]
        if not state.is_touched:
            continue
        check_time()
        try:
            found = _gather_fabric(branch, fabric, state)
        except InvalidInput as error:
            found = MergedFabric(fabric, unverified=str(error))
        if found.is_touched:
            yield found


def _gather_fabric(branch: _Branch, fabric: Fabric, state: MergedDirectory) -> MergedFabric:
    """The files of one fabric. Raises InvalidInput where it cannot be verified."""
    if state.error is not None:
        raise state.error
    conflicts = _conflicts_of(fabric, state.conflicts, branch.neighbours)
    if conflicts:
        raise InvalidInput(f"it conflicts with the branch in {listed(conflicts, 3)}; merge or rebase, then push")
    found = MergedFabric(
        fabric,
        _files(branch, fabric, state.before),
        _files(branch, fabric, state.after),
        _obstacles(fabric, state),
        branch.mirror.read,
        branch.budget.limits,
    )
    if found.is_touched:
        branch.budget.spend(found, branch.mirror.size)
    return found


def _files(branch: _Branch, fabric: Fabric, place: PathEntry) -> FabricFiles:
    """One side of a fabric's directory, without what others left in it. Raises InvalidInput for too many entries."""
    if place.tree is None:
        return FabricFiles()
    directory, head = fabric.git_directory, branch.merge.head_sha
    inner = inside(directory, branch.neighbours)
    listing = branch.mirror.tree_listing(head, place.tree, directory, skip=inner.__contains__)
    return set_aside(sort_files(listing, directory, inner), left_by_others(branch.left, fabric), around=directory)


def _obstacles(fabric: Fabric, state: MergedDirectory) -> dict[str, str]:
    """Why there would be no directory of *fabric*, where there would be none."""
    if state.after.opaque is not None and state.after != state.before:
        return {state.after.at: state.after.opaque.why}
    if state.after.tree is None and state.before.tree is not None:
        return {fabric.git_directory: _GONE}
    return {}


def _conflicts_of(fabric: Fabric, conflicts: Collection[str], neighbours: Collection[str]) -> list[str]:
    """Those of *conflicts* that leave open what *fabric* would hold."""
    directory = fabric.git_directory
    here = Listing({path: "" for path in conflicts if path.startswith(f"{directory}/" if directory else "")})
    around = [path for path in conflicts if f"{directory}/".startswith(f"{path}/")]
    return sorted({*around, *sort_files(here, directory, neighbours).wanted})
