"""The files of a fabric before and after a merge, parsed by the one reader and within its limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hedgehog.admission.files import SourceFile, read_source
from hedgehog.errors import InvalidInput
from hedgehog.manifests import intake, other_tools, yaml
from hedgehog.services.fabric_files import FabricFiles
from hedgehog.services.pull_requests.gather import MergedFabric
from hedgehog.services.repository.vanished import NOTHING, Unread, unread


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one fabric at one state of the repository, parsed."""

    sources: Mapping[str, SourceFile]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Path → why it cannot be read: it is too large, a link …"""
    unfollowed: Mapping[str, str] = field(default_factory=dict)
    """Path of a kustomization → why it cannot be followed: objects may be in what it adds."""
    unread: Unread = NOTHING


def read_trees(merged: MergedFabric) -> tuple[Tree, Tree]:
    """Both sides of *merged*. Raises InvalidInput where they are too large."""
    reader = _Reader(merged)
    before = reader.tree(merged.before)
    return before, reader.tree(merged.after, merged.obstacles, most_nodes=yaml.MAX_FABRIC_NODES)


class _Reader:
    """Reads the files of one fabric. Both sides share most contents, and several files may have the same: each content is parsed once."""

    def __init__(self, merged: MergedFabric) -> None:
        self._content = merged.content
        self._fabric = merged.fabric
        self._limits = merged.limits
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
        left = unread(files, self._content, limits=self._limits, namespace=namespace)
        torn = {path: source.content for path, source in sources.items() if source.problems}
        unfollowed = {path: why for path, source in sources.items() if (why := self._unfollowed(source))}
        opaque = {**left.opaque, **{path: why for path, why in unreadable.items() if path not in files.opaque}}
        return Tree(sources, unreadable, unfollowed, replace(left, opaque={**opaque, **unfollowed}, torn=torn))

    def _unfollowed(self, source: SourceFile) -> str:
        """Why the kustomizations in a file cannot be followed; empty where they can."""
        directory, namespace = self._fabric.git_directory, self._fabric.kubernetes_namespace
        items = (item for document in source.documents for item in intake.items(document))
        found = (
            problem
            for item in items
            if other_tools.is_kustomization(item, source.file)
            for problem in other_tools.kustomization_problems(
                item, source.file, directory=directory, namespace=namespace
            )
        )
        return "; ".join(problem.partition(": ")[2] for problem in found)

    def _source(self, path: str, blob: str) -> SourceFile | str:
        if blob not in self._parsed:
            left = self._nodes.left
            try:
                self._parsed[blob] = read_source(path, self._content(blob), self._nodes)
            except InvalidInput as error:
                self._parsed[blob] = str(error)
            self._cost[blob] = left - self._nodes.left
            if self._nodes.is_exceeded:
                raise InvalidInput(
                    f"{self._fabric.git_directory or 'the repository'}: too large: the files before and after the merge have "
                    f"over {self._nodes.most} nodes, those that stay the same counted once; change fewer files at once"
                )
        found = self._parsed[blob]
        if isinstance(found, str) or found.file == path:
            return found
        documents = [replace(one, file=path) for one in found.documents]
        return SourceFile(path, documents, [replace(one, file=path) for one in found.problems], found.content)
