"""The objects of one fabric as its cluster stores them, with the look-ups that rules need.

Every look-up is a dictionary access, whatever the size of the fabric: a rule never walks over all objects of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from hedgehog.fabric.addresses import Prefix, PrefixIndex
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

Fact = tuple[Hashable, ...]
"""Something that an object uses and others must not, or may ask for: ("port", "leaf-01/E1/1"), ("asn", 65101)."""
IndexEntries = tuple[tuple[Fact, ...], tuple[tuple[Hashable, Prefix], ...]]
"""The facts and the prefixes of one object."""
Derived = TypeVar("Derived")
Memoize = Callable[[Callable[[Manifest], IndexEntries], Manifest], IndexEntries]
NAMESPACE = "default"


class ClusterState:
    """The objects of a cluster at one moment, in stored form. `put` and `remove` change it as an admitted request would.

    Objects of namespace `default` only: Hedgehog looks nowhere else.
    """

    def __init__(
        self, settings: FabricSettings, kinds: Mapping[str, Indexer], *, memoize: Memoize | None = None
    ) -> None:
        """*memoize* may have kept what an indexer made of an object; see `ResultCache.memoize`."""
        self.settings = settings
        self._kinds = kinds
        self._memoize: Memoize = memoize or _call
        self._objects: dict[str, dict[str, Manifest]] = {}
        self._labels: dict[tuple[str, str, str], dict[str, None]] = {}
        self._facts: dict[Fact, dict[tuple[str, str], None]] = {}
        self._prefixes: dict[Hashable, PrefixIndex[tuple[str, str]]] = {}
        self._touched: dict[tuple[str, str], None] = {}
        self._derived: dict[object, Any] = {}

    def derive(self, make: Callable[[ClusterState], Derived]) -> Derived:
        """`make(self)` of the first call. What it returns keeps itself up to date, by `take_touched`."""
        if make not in self._derived:
            self._derived[make] = make(self)
            self._touched.clear()
        derived: Derived = self._derived[make]
        return derived

    def take_touched(self) -> list[tuple[str, str]]:
        """Kind and name of the objects that were put or removed since the last call; for what `derive` made first."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    def get(self, kind: str, name: str) -> Manifest | None:
        """The object of that name, or None."""
        return self._objects.get(kind, {}).get(name)

    def objects(self, kind: str) -> Mapping[str, Manifest]:
        """All objects of a kind by name. For kinds that are few (profiles, gateways); others have facts."""
        return self._objects.get(kind, {})

    def labelled(self, kind: str, key: str, value: str) -> Iterator[Manifest]:
        """The objects of *kind* that carry the label, as a label selector finds them."""
        objects = self._objects.get(kind, {})
        return (objects[name] for name in self._labels.get((kind, key, value), ()))

    def users(self, fact: Fact) -> Iterable[tuple[str, str]]:
        """Kind and name of every object with this fact."""
        return self._facts.get(fact, {}).keys()

    def overlapping(self, space: Hashable, prefix: Prefix) -> Iterator[tuple[Prefix, tuple[str, str]]]:
        """The prefixes of *space* that overlap *prefix*, with kind and name of the object that uses each."""
        index = self._prefixes.get(space)
        return index.overlapping(prefix) if index is not None else iter(())

    def put(self, manifest: Manifest) -> None:
        """Add an object, or replace the one of its name."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        labels = list((manifest["metadata"].get("labels") or {}).items())
        indexer = self._kinds.get(kind)
        # Whatever may fail comes first: an object is in all indexes or in none.
        facts, prefixes = self._memoize(indexer.entries, manifest) if indexer is not None else ((), ())
        self.remove(kind, name)
        self._objects.setdefault(kind, {})[name] = manifest
        self._touch(kind, name)
        for key, value in labels:
            self._labels.setdefault((kind, key, value), {})[name] = None
        for fact in facts:
            self._facts.setdefault(fact, {})[kind, name] = None
        for space, prefix in prefixes:
            self._prefixes.setdefault(space, PrefixIndex()).add(prefix, (kind, name))

    def remove(self, kind: str, name: str) -> None:
        """Remove an object; nothing happens when there is none of that name."""
        manifest = self._objects.get(kind, {}).pop(name, None)
        if manifest is None:
            return
        self._touch(kind, name)
        for key, value in (manifest["metadata"].get("labels") or {}).items():
            self._labels[kind, key, value].pop(name, None)
        indexer = self._kinds.get(kind)
        if indexer is not None:
            facts, prefixes = self._memoize(indexer.entries, manifest)
            for fact in facts:
                self._facts[fact].pop((kind, name), None)
            for space, prefix in prefixes:
                self._prefixes[space].remove(prefix, (kind, name))

    def _touch(self, kind: str, name: str) -> None:
        if self._derived:
            self._touched[kind, name] = None


def _call(work: Callable[[Manifest], IndexEntries], manifest: Manifest) -> IndexEntries:
    return work(manifest)


def _none(manifest: Manifest) -> Iterator[Any]:
    return iter(())


class Indexer:
    """What is indexed of the objects of a kind in a `ClusterState`: functions of the stored form alone, which never raise."""

    __slots__ = ("facts", "prefixes")

    def __init__(
        self,
        facts: Callable[[Manifest], Iterable[Fact]] = _none,
        prefixes: Callable[[Manifest], Iterable[tuple[Hashable, Prefix]]] = _none,
    ) -> None:
        self.facts = facts
        self.prefixes = prefixes

    def entries(self, manifest: Manifest) -> IndexEntries:
        """Everything that is indexed of an object."""
        return tuple(self.facts(manifest)), tuple(self.prefixes(manifest))
