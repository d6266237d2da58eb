"""The change of a rollout: objects to store and objects to delete, as a file gives them, and as one fabric gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action, Change, ChangeSet
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.settings import release_of
from hedgehog.fabric.shown import shown
from hedgehog.fabric.templates import FABRIC, filled
from hedgehog.manifests import configuration, intake, yaml

KIND = "Change"
"""Kind of the document that names objects to delete."""
Template = Mapping[str, Any]
"""`manifests` to store and refs to `delete`, with variables in both."""


def read_template(content: bytes, *, file: str) -> Template:
    """The change that a file holds. Raises InvalidInput for a file that holds none, or something else."""
    manifests: list[Manifest] = []
    delete: list[str] = []
    for document in yaml.load(content, file=file):
        for item in intake.items(document):
            if _is_change(item.manifest):
                delete += _deletions(item)
            elif configuration.is_configuration(item.manifest):
                raise InvalidInput(
                    f"{item.place()}: a rollout changes objects; settings are changed with `fabric import`"
                )
            else:
                manifests.append(item.manifest)
    if not manifests and not delete:
        raise InvalidInput(f"{file}: it has neither objects to store nor a {KIND} document with objects to delete")
    return {"manifests": manifests, "delete": delete}


def _is_change(manifest: Manifest) -> bool:
    return manifest.get("apiVersion") == configuration.API_VERSION and manifest.get("kind") == KIND


def _deletions(item: intake.Item) -> list[str]:
    spec = item.manifest.get("spec")
    unknown = sorted(item.manifest.keys() - {"apiVersion", "kind", "metadata", "spec"})
    if unknown or not isinstance(spec, Mapping) or spec.keys() != {"delete"}:
        raise InvalidInput(f"{item.place()}: a {KIND} document has spec.delete and nothing else")
    refs = spec["delete"]
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        raise InvalidInput(f"{item.place(('spec', 'delete'))}: {shown(refs)} is not a list of Kind/namespace/name")
    return refs


@dataclass(frozen=True, slots=True)
class FabricChange:
    """What a fabric gets: objects as it stores them, and refs of objects that go."""

    manifests: Mapping[ObjectRef, Manifest]
    delete: frozenset[ObjectRef]

    @property
    def refs(self) -> frozenset[ObjectRef]:
        """All objects that it touches."""
        return frozenset(self.manifests) | self.delete

    def applied_to(self, objects: Mapping[ObjectRef, Manifest]) -> dict[ObjectRef, Manifest]:
        """*objects* after the change."""
        return {ref: one for ref, one in {**objects, **self.manifests}.items() if ref not in self.delete}

    def change_set(self, objects: Mapping[ObjectRef, Manifest]) -> ChangeSet:
        """What it does to *objects*."""
        found = [Change(ref, _action(objects.get(ref), manifest)) for ref, manifest in sorted(self.manifests.items())]
        return ChangeSet.of([*found, *(Change(ref, Action.DELETED) for ref in sorted(self.delete & objects.keys()))])


def _action(before: Manifest | None, after: Manifest) -> Action:
    if before is None:
        return Action.CREATED
    return Action.UNCHANGED if before == after else Action.CONFIGURED


def change_for(template: Template, fabric: Fabric, variables: Mapping[str, Any]) -> FabricChange:
    """The change of one fabric. Raises InvalidInput with a line for each problem: a variable that it lacks, an object
    that it cannot hold, an object that is both stored and deleted."""
    done = filled(dict(template), {**variables, FABRIC: fabric.name})
    problems: list[str] = []
    manifests: dict[ObjectRef, Manifest] = {}
    for manifest in done["manifests"]:
        accepted = intake.accept_manifest(
            intake.Item(manifest, "the change"),
            namespace=fabric.kubernetes_namespace,
            upstream=release_of(fabric.settings),
        )
        if isinstance(accepted, list):
            problems += accepted
        elif accepted.ref in manifests:
            problems.append(f"{accepted.ref} appears twice")
        else:
            manifests[accepted.ref] = accepted.manifest
    delete = _refs(done["delete"], problems)
    problems += [f"{ref} is to be stored and to be deleted" for ref in sorted(delete & manifests.keys())]
    if problems:
        raise InvalidInput("\n".join(problems))
    return FabricChange(manifests, delete)


def _refs(words: Sequence[str], problems: list[str]) -> frozenset[ObjectRef]:
    found = set()
    for word in words:
        try:
            found.add(ObjectRef.parse(word))
        except (ValueError, AttributeError):
            problems.append(f"{shown(word)} is not an object to delete; write Kind/namespace/name")
    return frozenset(found)
