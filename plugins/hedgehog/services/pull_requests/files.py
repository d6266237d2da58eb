"""The files of one fabric before and after a merge, read by the one reader and within its limits."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from hedgehog.admission.files import SourceFile, read_source
from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.paths import LIMITS, Limits, Listing
from hedgehog.gitops.merge import Merged
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.trees import Place
from hedgehog.manifests import intake, yaml
from hedgehog.services.fabric_files import FabricFiles, inside, measured, set_aside, sort
from hedgehog.services.pull_requests.check import Tree
from hedgehog.services.repository.intake import left_by_others
from hedgehog.services.repository.vanished import unread
from hedgehog.store.repository_heads import LeftDirectory

_GONE = "would be gone; nothing is deleted for that. Remove the objects and leave the directory, or suspend the fabric"


class Budget:
    """What is left to read for one pull request, which may touch many fabrics."""

    def __init__(self, limits: Limits = LIMITS, *, fabrics: int = 4) -> None:
        self.limits = limits
        self._left = fabrics * limits.bytes

    def take(self, mirror: Mirror, directory: str, *sides: FabricFiles) -> None:
        """Have the files of one fabric read. Raises InvalidInput where that is too much."""
        for files in sides:
            self._left -= measured(files.wanted, mirror.size, place=directory, limits=self.limits)
        if self._left < 0:
            raise InvalidInput("too large: all fabrics that this pull request touches; split it")


@dataclass(frozen=True, slots=True)
class Sides:
    """A fabric's files as the branch has them, and as it would have them."""

    before: FabricFiles
    after: FabricFiles
    obstacles: Mapping[str, str]
    """Why there would be no such directory."""

    @property
    def is_touched(self) -> bool:
        """Whether anything that is read differs, or what is in its way."""
        mine = (self.before.wanted, self.before.opaque) != (self.after.wanted, self.after.opaque)
        return mine or bool(self.obstacles)


def sides(
    mirror: Mirror,
    head: str,
    fabric: Fabric,
    merged: Merged,
    *,
    neighbours: Collection[str],
    left: Iterable[LeftDirectory] = (),
) -> Sides:
    """Both sides of a fabric's directory, without what others *left* in it. Raises InvalidInput for too many entries."""
    directory = fabric.git_directory
    inner = inside(directory, neighbours)

    def files(place: Place) -> FabricFiles:
        if place.tree is None:
            return FabricFiles()
        found = sort(mirror.tree_listing(head, place.tree, directory, skip=inner.__contains__), directory, inner)
        return set_aside(found, left_by_others(left, fabric), around=directory)

    obstacles = {}
    if merged.after.opaque is not None and merged.after != merged.before:
        obstacles = {merged.after.at: merged.after.opaque.why}
    elif merged.after.tree is None and merged.before.tree is not None:
        obstacles = {directory: _GONE}
    return Sides(files(merged.before), files(merged.after), obstacles)


def conflicts_of(fabric: Fabric, conflicts: Collection[str], neighbours: Collection[str]) -> list[str]:
    """Those of *conflicts* that keep it open what *fabric* would hold."""
    directory = fabric.git_directory
    here = Listing({path: "" for path in conflicts if path.startswith(f"{directory}/" if directory else "")})
    around = [path for path in conflicts if f"{directory}/".startswith(f"{path}/")]
    return sorted({*around, *sort(here, directory, neighbours).wanted})


class Reader:
    """Reads the files of one fabric. Both sides share most contents, and many files may have one: each is parsed once."""

    def __init__(self, mirror: Mirror, fabric: Fabric, limits: Limits) -> None:
        self._mirror = mirror
        self._fabric = fabric
        self._limits = limits
        self._parsed: dict[str, SourceFile | str] = {}
        self._nodes = yaml.NodeBudget(yaml.MAX_PULL_REQUEST_NODES)
        self._cost: dict[str, int] = {}
        """Nodes by blob."""

    def tree(
        self,
        files: FabricFiles,
        obstacles: Mapping[str, str] | None = None,
        *,
        most_nodes: float = math.inf,
    ) -> Tree:
        """One side, read. Raises InvalidInput where it has more than *most_nodes*, or both sides are too large together."""
        sources: dict[str, SourceFile] = {}
        unreadable = {**{path: one.why for path, one in files.opaque.items()}, **(obstacles or {})}
        objects = 0
        for path, blob in sorted(files.wanted.items()):
            found = self._source(path, blob)
            if isinstance(found, SourceFile):
                objects += sum(len(intake.items(document)) for document in found.documents)
                self._limits.count(self._fabric.git_directory, objects)
                sources[path] = found
            else:
                unreadable[path] = found
        if sum(self._cost[blob] for blob in set(files.wanted.values())) > most_nodes:
            raise self._limits.too_large(self._fabric.git_directory, f"its files would have over {most_nodes} nodes")
        namespace = self._fabric.kubernetes_namespace
        left = unread(files, self._mirror.read, limits=self._limits, namespace=namespace)
        torn = {path: source.content for path, source in sources.items() if source.problems}
        opaque = {**left.opaque, **{path: why for path, why in unreadable.items() if path not in files.opaque}}
        return Tree(sources, unreadable, replace(left, opaque=opaque, torn=torn))

    def _source(self, path: str, blob: str) -> SourceFile | str:
        if blob not in self._parsed:
            left = self._nodes.left
            try:
                self._parsed[blob] = read_source(path, self._mirror.read(blob), self._nodes)
            except InvalidInput as error:
                self._parsed[blob] = str(error)
            self._cost[blob] = left - self._nodes.left
            if self._nodes.were_too_few:
                raise InvalidInput(
                    f"{self._fabric.git_directory or 'the repository'}: too large: the files before and after the merge have "
                    f"over {self._nodes.most} nodes, those that stay the same counted once; change fewer files at once"
                )
        found = self._parsed[blob]
        if isinstance(found, str) or found.file == path:
            return found
        documents = [replace(one, file=path) for one in found.documents]
        return SourceFile(path, documents, [replace(one, file=path) for one in found.problems], found.content)
