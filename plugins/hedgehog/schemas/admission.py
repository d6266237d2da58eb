"""What a Hedgehog cluster would answer to one create, update or delete, without asking one.

The order is the API server's: decode, defaults (mutating webhooks), schema and metadata, rules (validating webhooks).
All violations of the stage that refuses are reported, not the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.schemas import decode
from hedgehog.schemas.rules.registry import rules
from hedgehog.schemas.rules.rule import Severity, Violation
from hedgehog.schemas.world import World


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
class Verdict:
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

    def __init__(self, settings: FabricSettings, objects: Iterable[Manifest] = ()) -> None:
        """*objects* are taken as they are, in canonical form, without a check."""
        self._rules = rules()
        self.settings = settings
        self.world = World(settings, {kind: row.footprint for kind, row in self._rules.items()})
        for manifest in objects:
            self.put(stored(manifest, settings))

    def put(self, manifest: Manifest) -> None:
        """Make it so: *manifest* is the `stored` of a verdict."""
        self.world.put(manifest)

    def remove(self, kind: str, name: str) -> None:
        """Take an object out, asked or not."""
        self.world.remove(kind, name)

    def create(self, manifest: Mapping[str, Any]) -> Verdict:
        """The answer to a create of *manifest*, as somebody wrote it."""
        verdict = self._write(manifest, None)
        if verdict.stored is not None and self.world.get(verdict.stored["kind"], verdict.stored["metadata"]["name"]):
            return Verdict((decode.EXISTS.at(("metadata", "name"), "an object of this name exists already"),), Stage.OTHER)
        return verdict

    def update(self, manifest: Mapping[str, Any]) -> Verdict:
        """The answer to a replacement of the object of that name by *manifest*."""
        metadata = manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        old = self.world.get(str(manifest.get("kind")), str(name))
        if old is None:
            return Verdict((decode.ABSENT.at(("metadata", "name"), f"there is no {manifest.get('kind')} {name}"),), Stage.OTHER)
        return self._write(manifest, old)

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> Verdict:
        """The answer to a JSON merge patch (RFC 7386) of an object."""
        old = self.world.get(kind, name)
        if old is None:
            return Verdict((decode.ABSENT.at((), f"there is no {kind} {name}"),), Stage.OTHER)
        return self._write(decode.merge(old, patch), old)

    def delete(self, kind: str, name: str) -> Verdict:
        """The answer to a delete."""
        old = self.world.get(kind, name)
        if old is None:
            return Verdict((decode.ABSENT.at((), f"there is no {kind} {name}"),), Stage.OTHER)
        found = tuple(self._rules[kind].delete(old, self.world)) if kind in self._rules else ()
        return Verdict(found, Stage.WEBHOOK if found else None)

    def _write(self, manifest: Mapping[str, Any], old: Manifest | None) -> Verdict:
        plain, found = decode.decode(manifest, self.settings)
        if plain is None:
            return Verdict(tuple(found), Stage.DECODE)
        new = stored(plain, self.settings)
        found = decode.shape_violations(new, old)
        if found:
            return Verdict(tuple(found), Stage.SCHEMA)
        row = self._rules.get(new["kind"])
        if row is None:
            return Verdict((), None, new)
        found = list(row.validate(new, self.world, old))
        if any(violation.rule.severity is Severity.ERROR for violation in found):
            return Verdict(tuple(found), Stage.WEBHOOK)
        return Verdict((*found, *row.warn(new, self.world, old)), None, new)
