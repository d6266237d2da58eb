"""What a Hedgehog cluster would answer to one create, update or delete, without asking one.

The order is the API server's: decode, defaults (mutating webhooks), schema and metadata, rules (validating webhooks).
All violations of the stage that refuses are reported, not the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.admission.cluster_state import World
from hedgehog.admission.memory import Memory
from hedgehog.admission.rules.table import rules
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import decode
from hedgehog.manifests.rule import Severity, Violation


class Operation(StrEnum):
    """What is asked of the cluster."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Stage(StrEnum):
    """Where a request was refused."""

    DECODE = "decode"
    SCHEMA = "schema"
    WEBHOOK = "webhook"
    OTHER = "other"
    """Absent, or there already."""


@dataclass(frozen=True, slots=True)
class AdmissionResponse:
    """The answer. `violations` may hold warnings of an accepted request; `stored` is what an accepted write leaves."""

    violations: tuple[Violation, ...] = ()
    stage: Stage | None = None
    """None when accepted."""
    stored: Manifest | None = None

    @property
    def accepted(self) -> bool:
        """Whether the cluster would take it."""
        return self.stage is None


class Admission:
    """One fabric as its cluster has it. `create`, `update` and `delete` only ask; `put` and `remove` make it so."""

    def __init__(
        self,
        settings: FabricSettings,
        objects: Iterable[Manifest] = (),
        *,
        elsewhere: Collection[str] = (),
        memory: Memory | None = None,
    ) -> None:
        """*objects* are taken as they are, in canonical form, without a check.

        Of the kinds *elsewhere* nothing is known here: that an object of them is missing is not a fault, but a warning.
        A *memory* of the same settings may know what follows from the objects.
        """
        self._rules = rules()
        self._elsewhere = frozenset(elsewhere)
        self.settings = settings
        footprints = {kind: row.footprint for kind, row in self._rules.items()}
        self.world = World(settings, footprints, once=memory.once if memory else None)
        for manifest in objects:
            self.put(memory.stored(manifest) if memory else stored(manifest, settings))

    def put(self, manifest: Manifest) -> None:
        """Make it so: *manifest* is the `stored` of a verdict."""
        self.world.put(manifest)

    def remove(self, kind: str, name: str) -> None:
        """Take an object out, asked or not."""
        self.world.remove(kind, name)

    def create(self, manifest: Mapping[str, Any]) -> AdmissionResponse:
        """The answer to a create of *manifest*, as somebody wrote it."""
        plain, found = decode.decode(manifest, self.settings)
        if plain is None:
            return AdmissionResponse(tuple(found), Stage.DECODE)
        absent = tuple(decode.namespace_violations(plain))
        if absent:
            return AdmissionResponse(absent, Stage.OTHER)
        verdict = self._write(plain, None)
        if verdict.stored is not None and self._is_there(verdict.stored):
            return AdmissionResponse(
                (decode.EXISTS.at(("metadata", "name"), "an object of this name exists already"),), Stage.OTHER
            )
        return verdict

    def update(self, manifest: Mapping[str, Any], *, name: str | None = None) -> AdmissionResponse:
        """The answer to a replacement of the object *name* by *manifest*; by default, of the one that it names."""
        plain, found = decode.decode(manifest, self.settings)
        if plain is None:
            return AdmissionResponse(tuple(found), Stage.DECODE)
        return self._replace(plain, name or plain.get("metadata", {}).get("name", ""))

    def patch(self, kind: str, name: str, patch: Any) -> AdmissionResponse:
        """The answer to a JSON merge patch (RFC 7386) of an object."""
        old = self.world.get(kind, name)
        if old is None:
            return _absent(kind, name)
        if not isinstance(patch, Mapping):
            return AdmissionResponse((decode.PATCH.at((), "is not a mapping"),), Stage.DECODE)
        plain, found = decode.decode(decode.merge_patch(old, patch), self.settings)
        if plain is None:
            return AdmissionResponse(tuple(found), Stage.DECODE)
        return self._replace(plain, name)

    def delete(self, kind: str, name: str) -> AdmissionResponse:
        """The answer to a delete."""
        old = self.world.get(kind, name)
        if old is None:
            return _absent(kind, name)
        found = tuple(self._rules[kind].delete(old, self.world)) if kind in self._rules else ()
        return AdmissionResponse(found, Stage.WEBHOOK if found else None)

    def _is_there(self, new: Manifest) -> bool:
        old = self.world.get(new["kind"], new["metadata"]["name"])
        return old is not None and bool(old["metadata"]["namespace"] == new["metadata"]["namespace"])

    def _replace(self, plain: Manifest, name: str) -> AdmissionResponse:
        old = self.world.get(plain["kind"], name)
        namespace = old["metadata"]["namespace"] if old is not None else "default"
        mistaken = tuple(decode.target_violations(plain, name, namespace))
        if mistaken:
            return AdmissionResponse(mistaken, Stage.DECODE)
        if old is None:
            return _absent(plain["kind"], name)
        stale = tuple(decode.stale_violations(plain, old))
        return AdmissionResponse(stale, Stage.OTHER) if stale else self._write(plain, old)

    def _write(self, plain: Manifest, old: Manifest | None) -> AdmissionResponse:
        new = decode.with_server_fields(stored(plain, self.settings), old)
        refused = decode.stored_form_violations(new, plain, old)
        if refused:
            return AdmissionResponse(tuple(refused), Stage.SCHEMA)
        row = self._rules.get(new["kind"])
        if row is None:
            return AdmissionResponse((), None, new)
        found = self._known([*decode.foreign_namespace(new), *row.validate(new, self.world, old)])
        if any(violation.rule.severity is Severity.ERROR for violation in found):
            return AdmissionResponse(tuple(found), Stage.WEBHOOK)
        return AdmissionResponse((*found, *row.dropped(plain, new), *row.warn(new, self.world, old)), None, new)

    def _known(self, found: list[Violation]) -> list[Violation]:
        """*found*, but what is said of kinds that live elsewhere is only a warning that nobody looked."""
        if not self._elsewhere:
            return found
        return [
            decode.UNCHECKED.at(one.path, f"not checked, no {one.rule.absent} is known here: {one.message}")
            if one.rule.absent in self._elsewhere
            else one
            for one in found
        ]


def _absent(kind: str, name: str) -> AdmissionResponse:
    return AdmissionResponse((decode.ABSENT.at(("metadata", "name"), f"there is no {kind} {name}"),), Stage.OTHER)
