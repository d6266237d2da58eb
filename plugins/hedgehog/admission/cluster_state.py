"""The objects of one fabric as its cluster stores them, with the look-ups that rules need.

Every look-up is a dictionary access, whatever the size of the fabric: a rule never walks over all objects of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from hedgehog.fabric.addresses import Prefix, PrefixIndex
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

Fact = tuple[Hashable, ...]
"""Something that an object uses and others must not, or may ask for: ("port", "leaf-01/E1/1"), ("asn", 65101)."""
Left = tuple[tuple[Fact, ...], tuple[tuple[Hashable, Prefix], ...]]
Once = Callable[[Callable[[Manifest], Left], Manifest], Left]
NAMESPACE = "default"


class World:
    """What is there, at one moment. `put` and `remove` change it as an admitted request would; manifests in stored form.

    Objects of namespace `default` only: Hedgehog looks nowhere else.
    """

    def __init__(self, settings: FabricSettings, kinds: Mapping[str, Footprint], *, once: Once | None = None) -> None:
        """*once* may know what footprints leave; see `Memory.once`."""
        self.settings = settings
        self._kinds = kinds
        self._once: Once = once or _anew
        self._objects: dict[str, dict[str, Manifest]] = {}
        self._labels: dict[tuple[str, str, str], dict[str, None]] = {}
        self._facts: dict[Fact, dict[tuple[str, str], None]] = {}
        self._prefixes: dict[Hashable, PrefixIndex[tuple[str, str]]] = {}
        self.memory: dict[Hashable, Any] = {}
        """For rules that derive something costly from many objects; emptied by every change."""

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
        footprint = self._kinds.get(kind)
        # All that may fail comes first: an object is there as a whole or not at all.
        facts, prefixes = self._once(footprint.left, manifest) if footprint is not None else ((), ())
        self.remove(kind, name)
        self._objects.setdefault(kind, {})[name] = manifest
        for key, value in labels:
            self._labels.setdefault((kind, key, value), {})[name] = None
        for fact in facts:
            self._facts.setdefault(fact, {})[kind, name] = None
        for space, prefix in prefixes:
            self._prefixes.setdefault(space, PrefixIndex()).add(prefix, (kind, name))

    def remove(self, kind: str, name: str) -> None:
        """Take an object out; nothing happens when it is not there."""
        self.memory.clear()
        manifest = self._objects.get(kind, {}).pop(name, None)
        if manifest is None:
            return
        for key, value in (manifest["metadata"].get("labels") or {}).items():
            self._labels[kind, key, value].pop(name, None)
        footprint = self._kinds.get(kind)
        if footprint is not None:
            facts, prefixes = self._once(footprint.left, manifest)
            for fact in facts:
                self._facts[fact].pop((kind, name), None)
            for space, prefix in prefixes:
                self._prefixes[space].remove(prefix, (kind, name))


def _anew(work: Callable[[Manifest], Left], manifest: Manifest) -> Left:
    return work(manifest)


def _nothing(manifest: Manifest) -> Iterator[Any]:
    return iter(())


class Footprint:
    """What the objects of a kind leave in the indexes of a `World`. Functions of the stored form alone; never raise."""

    __slots__ = ("facts", "prefixes")

    def __init__(
        self,
        facts: Callable[[Manifest], Iterable[Fact]] = _nothing,
        prefixes: Callable[[Manifest], Iterable[tuple[Hashable, Prefix]]] = _nothing,
    ) -> None:
        self.facts = facts
        self.prefixes = prefixes

    def left(self, manifest: Manifest) -> Left:
        """Everything that an object leaves."""
        return tuple(self.facts(manifest)), tuple(self.prefixes(manifest))
