"""What a Hedgehog cluster would answer to one create, update or delete, without asking one.

The order is the API server's: decode, defaults (mutating webhooks), schema and metadata, rules (validating webhooks).
All violations of the stage that refuses are reported, not the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.result_cache import ResultCache
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
    """The object does not exist, or exists already."""


@dataclass(frozen=True, slots=True)
class AdmissionResponse:
    """The answer to a request. An accepted one may have warnings among its `violations`; `stored` is what a write leaves."""

    violations: tuple[Violation, ...] = ()
    stage: Stage | None = None
    """None when accepted."""
    stored: Manifest | None = None

    @property
    def accepted(self) -> bool:
        """Whether the cluster would take it."""
        return self.stage is None


class Admission:
    """One fabric as its cluster has it. `create`, `update` and `delete` only ask; `put` and `remove` change it."""

    def __init__(
        self,
        settings: FabricSettings,
        objects: Iterable[Manifest] = (),
        *,
        unknown_kinds: Collection[str] = (),
        cache: ResultCache | None = None,
        has_dataplane: bool = True,
    ) -> None:
        """*objects* are taken as they are, in canonical form, without a check.

        Of *unknown_kinds* no object is known here: that one of them is missing is a warning, not an error. A *cache* of
        the same settings may have kept what follows from the objects. Without *has_dataplane*, the cluster has not
        loaded the validator of the gateway's dataplane, as in a test of the webhooks alone.
        """
        self._has_dataplane = has_dataplane
        self._rules = rules()
        self._unknown_kinds = frozenset(unknown_kinds)
        self.settings = settings
        indexers = {kind: row.indexer for kind, row in self._rules.items()}
        self.state = ClusterState(settings, indexers, memoize=cache.memoize if cache else None)
        for manifest in objects:
            self.put(cache.stored(manifest) if cache else stored(manifest, settings))

    def put(self, manifest: Manifest) -> None:
        """Add or replace an object: *manifest* is the `stored` of a response."""
        self.state.put(manifest)

    def remove(self, kind: str, name: str) -> None:
        """Remove an object, whether `delete` was asked or not."""
        self.state.remove(kind, name)

    def create(self, manifest: Mapping[str, Any]) -> AdmissionResponse:
        """The answer to a create of *manifest*, as somebody wrote it."""
        plain, found = decode.decode(manifest, self.settings)
        if plain is None:
            return AdmissionResponse(tuple(found), Stage.DECODE)
        absent = tuple(decode.namespace_violations(plain))
        if absent:
            return AdmissionResponse(absent, Stage.OTHER)
        verdict = self._write(plain, None)
        if verdict.stored is not None and self._exists(verdict.stored):
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
        old = self.state.get(kind, name)
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
        old = self.state.get(kind, name)
        if old is None:
            return _absent(kind, name)
        found = tuple(self._rules[kind].delete(old, self.state)) if kind in self._rules else ()
        return AdmissionResponse(found, Stage.WEBHOOK if found else None)

    def faults(self, manifest: Manifest) -> list[Violation]:
        """What the webhooks' rules say of an object in stored form that is there, beside everything else that is."""
        row = self._rules.get(manifest["kind"])
        return [] if row is None else list(row.validate(manifest, self.state, None))

    def _exists(self, new: Manifest) -> bool:
        old = self.state.get(new["kind"], new["metadata"]["name"])
        return old is not None and bool(old["metadata"]["namespace"] == new["metadata"]["namespace"])

    def _replace(self, plain: Manifest, name: str) -> AdmissionResponse:
        old = self.state.get(plain["kind"], name)
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
        refused = decode.stored_form_violations(new, plain, old, self.settings.upstream)
        if refused:
            return AdmissionResponse(tuple(refused), Stage.SCHEMA)
        row = self._rules.get(new["kind"])
        if row is None:
            return AdmissionResponse((), None, new)
        found = self._known([*decode.foreign_namespace(new), *row.validate(new, self.state, old)])
        if not _has_error(found) and self._has_dataplane:
            found += row.judge(new, self.state, old)
        if _has_error(found):
            return AdmissionResponse(tuple(found), Stage.WEBHOOK)
        return AdmissionResponse((*found, *row.dropped(plain, new), *row.warn(new, self.state, old)), None, new)

    def _known(self, found: list[Violation]) -> list[Violation]:
        """*found*; that an object of an unknown kind is missing becomes a warning that the reference was not checked."""
        if not self._unknown_kinds:
            return found
        return [
            decode.UNCHECKED.at(one.path, f"not checked, no {one.rule.absent} is known here: {one.message}")
            if one.rule.absent in self._unknown_kinds
            else one
            for one in found
        ]


def _has_error(found: Iterable[Violation]) -> bool:
    return any(violation.rule.severity is Severity.ERROR for violation in found)


def _absent(kind: str, name: str) -> AdmissionResponse:
    return AdmissionResponse((decode.ABSENT.at(("metadata", "name"), f"there is no {kind} {name}"),), Stage.OTHER)
