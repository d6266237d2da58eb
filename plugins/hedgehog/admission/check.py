"""Checking a whole set of objects, as if a cluster were asked to take them one wave after the other."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hedgehog.admission.cluster_state import NAMESPACE
from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.guarded import GuardedAdmission
from hedgehog.admission.result_cache import ResultCache, collector_paused
from hedgehog.admission.review import Admission, AdmissionResponse, Operation, Stage
from hedgehog.admission.rules.objects import DELETED_REFERENCE, DUPLICATE, REFUSED_REFERENCE
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Round
from hedgehog.fabric.kinds import CONTROLLER_KINDS, DEFAULT_GROUP, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references, waves
from hedgehog.fabric.settings import FabricSettings
from hedgehog.fabric.shown import listed, shown
from hedgehog.manifests import decode
from hedgehog.manifests.limits import unverified_violation
from hedgehog.manifests.places import reference_path
from hedgehog.manifests.rule import Severity, Violation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found out about one object. `stored` is None when a cluster would refuse it, or it is to be deleted."""

    ref: ObjectRef
    violations: tuple[Violation, ...]
    stored: Manifest | None
    because_of: ObjectRef | None = None
    """The refused object that this one refers to, directly or through others, where that is all that is wrong with it."""
    operation: Operation = Operation.CREATE

    @property
    def refused(self) -> bool:
        """Whether a cluster would refuse it, or, after a strict check, whether there is any warning."""
        return any(violation.rule.severity is Severity.ERROR for violation in self.violations)


@dataclass(frozen=True, slots=True)
class CheckedRounds:
    """What a check found out about single objects, and the rounds in which a cluster takes the rest."""

    findings: Mapping[ObjectRef, Finding]
    rounds: tuple[Round, ...]


def check_objects(
    objects: Iterable[Mapping[str, Any]],
    settings: FabricSettings,
    *,
    before: Iterable[Mapping[str, Any]] = (),
    unknown_kinds: Collection[str] = (),
    recheck: Collection[ObjectRef] = (),
    strict: bool = False,
    cache: ResultCache | None = None,
) -> Mapping[ObjectRef, Finding]:
    """A finding for every object that is refused or warned about; about all other objects there is nothing to report.

    *before* are the objects as the cluster has them, which it accepted once: those that stay the same are not checked
    again and win every conflict; changed ones are checked as updates (immutable fields), and those that *objects*
    lack as deletes. Objects are admitted in waves; what is refused is left out, so what refers to it is refused as
    well, and nothing else is. A change that only needs another one to come first (a port that is freed) is accepted,
    because a sync tries again. Of *unknown_kinds* no object is known here: a reference to one is not checked. *recheck*
    names objects to check although they are unchanged; even a refused one stays in the cluster. *strict* turns
    warnings into errors. SwitchProfiles and VPCInfos, which controllers write, are taken from both as they are. A
    *cache* of the same settings makes another check of unchanged objects (the very same mappings) cheap.
    """
    checked = check_rounds(objects, settings, before=before, unknown_kinds=unknown_kinds, recheck=recheck, cache=cache)
    if not strict:
        return checked.findings
    return {ref: _strict(finding) for ref, finding in checked.findings.items()}


def check_rounds(
    objects: Iterable[Mapping[str, Any]],
    settings: FabricSettings,
    *,
    before: Iterable[Mapping[str, Any]] = (),
    unknown_kinds: Collection[str] = (),
    recheck: Collection[ObjectRef] = (),
    cache: ResultCache | None = None,
) -> CheckedRounds:
    """What `check_objects` finds, and the rounds in which a cluster takes what it does not refuse: mostly one.

    An object that takes over the port or the VLAN of a deleted one can only be written after the delete. Never raises
    because of what an object holds: one on which a rule fails is refused as unverified, the others are checked.
    """
    usable = cache if cache is not None and cache.settings == settings else ResultCache(settings)
    objects, before = list(objects), list(before)
    with collector_paused():
        run = _CheckRun(objects, usable, before, unknown_kinds, recheck)
        findings = run.run()
        if run.failed and (impossible := _impossible(run.old, settings)):
            # The cause may be in what the cluster is said to have: check again without what no cluster can have.
            possible = [manifest for ref, manifest in run.old.items() if ref not in impossible]
            run = _CheckRun(objects, usable, possible, unknown_kinds, recheck)
            findings = run.run()
        return CheckedRounds(findings, tuple(run.rounds))


def _impossible(old: Mapping[ObjectRef, Manifest], settings: FabricSettings) -> set[ObjectRef]:
    """Those that no cluster can have accepted: the database was changed manually, for example."""
    return {ref for ref, manifest in old.items() if not _decodes(manifest, settings)}


def _decodes(manifest: Manifest, settings: FabricSettings) -> bool:
    try:
        return decode.decode(manifest, settings)[0] is not None
    except Exception as error:  # it does not decode, then
        logger.debug("%s", error)
        return False


def load(objects: Iterable[Mapping[str, Any]], settings: FabricSettings) -> Admission:
    """A fabric as its cluster has it, to be asked for single creates, updates and deletes. *objects* are not checked.

    It has the built-in SwitchProfiles, and one VPCInfo per VPC and External.
    """
    return ControlledFabric(settings, [identified(one)[1] for one in objects])


def identified(manifest: Mapping[str, Any], *, namespace: str = NAMESPACE) -> tuple[ObjectRef, Manifest]:
    """The ref of a manifest, and what is applied of it: canonical, with a namespace. Never raises.

    *namespace* is that of an object which names none and whose kind may live in any. Of what controllers write, the
    status counts. What has that form already is returned itself, as a whole or in its parts, because a large fabric is
    identified repeatedly: the result must not be changed.
    """
    kind = _text(manifest.get("kind"))
    whole = canonical(manifest)
    if kind in CONTROLLER_KINDS and "status" in manifest:
        whole["status"] = manifest["status"]
    metadata = whole["metadata"]
    if not metadata.get("namespace"):
        row = KINDS.get(kind)
        metadata["namespace"] = (row.namespace if row else NAMESPACE) or namespace
    ref = ObjectRef(kind, _text(metadata["namespace"]), _text(metadata.get("name")))
    return ref, _sharing(whole, manifest)


def _sharing(whole: Manifest, manifest: Mapping[str, Any]) -> Manifest:
    """*whole* with those parts of *manifest* that equal it; *manifest* itself where all do."""
    for key, value in whole.items():
        given = manifest.get(key)
        if given == value and not _has_floats(given):
            whole[key] = given
    is_same = len(whole) == len(manifest) and all(value is manifest.get(key) for key, value in whole.items())
    return manifest if is_same and isinstance(manifest, dict) else whole


def _has_floats(value: Any) -> bool:
    """Whether a number in it may be spelled in another way, which equality does not see."""
    if isinstance(value, dict):
        return any(type(child) is not str and _has_floats(child) for child in value.values())
    if isinstance(value, list):
        return any(type(child) is not str and _has_floats(child) for child in value)
    return isinstance(value, float)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _ref_of(manifest: Mapping[str, Any]) -> ObjectRef:
    """The best that can be said of an object that cannot be identified."""
    metadata = manifest.get("metadata")
    given: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    kind, name = _text(manifest.get("kind")), _text(given.get("name"))
    row = KINDS.get(kind)
    return ObjectRef(kind, _text(given.get("namespace") or (row.default_namespace if row else NAMESPACE)), name)


def _identified_if_possible(manifest: Mapping[str, Any], cache: ResultCache) -> tuple[ObjectRef, Manifest] | None:
    """None for what cannot be identified, or has no name: no cluster has it."""
    try:
        found = cache.memoize(identified, manifest)
        return found if _has_identity(found[1]) else None
    except Exception as error:  # the others are checked all the same
        logger.debug("an object is left out of the check: %s", error)
        return None


def _strict(finding: Finding) -> Finding:
    violations = tuple(
        replace(violation, rule=replace(violation.rule, severity=Severity.ERROR)) for violation in finding.violations
    )
    return replace(finding, violations=violations, stored=None)


class _CheckRun:
    """One run of `check_objects`: a fabric that changes step by step, and what is found on the way."""

    def __init__(
        self,
        objects: Iterable[Mapping[str, Any]],
        cache: ResultCache,
        before: Iterable[Mapping[str, Any]],
        unknown_kinds: Collection[str],
        recheck: Collection[ObjectRef],
    ) -> None:
        self.settings = cache.settings
        self.recheck = recheck
        self.findings: dict[ObjectRef, Finding] = {}
        self.rounds: list[Round] = []
        self.wanted: dict[ObjectRef, Manifest] = {}
        self.old = dict(one for one in (_identified_if_possible(manifest, cache) for manifest in before) if one)
        for manifest in objects:
            self._add_wanted(manifest, cache)
        written = {**self.old, **self.wanted}
        given = [one for ref, one in written.items() if ref.kind in CONTROLLER_KINDS and ref not in self.findings]
        self.admission = GuardedAdmission(
            self.old, given, cache=cache, unknown_kinds=unknown_kinds, objects=len(written)
        )

    @property
    def failed(self) -> bool:
        """Whether a rule failed on any object."""
        return self.admission.failed

    def _add_wanted(self, manifest: Mapping[str, Any], cache: ResultCache) -> None:
        try:
            ref, whole = cache.memoize(identified, manifest)
        except Exception as error:  # it is nested without end, for example: it is refused, the others are checked
            ref = _ref_of(manifest)
            self.findings[ref] = Finding(ref, (unverified_violation(ref, error),), None)
            return
        if ref in self.wanted:
            self.findings[ref] = Finding(ref, (DUPLICATE.at((), "appears twice"),), None)
        else:
            self.wanted[ref] = whole

    def run(self) -> dict[ObjectRef, Finding]:
        """Admit what is wanted, delete what is not, and try again what was refused for as long as that helps."""
        waiting = self._changes()
        to_delete = [ref for ref in self.old if ref not in self.wanted and ref.kind not in CONTROLLER_KINDS]
        to_delete = [ObjectRef.of(one) for wave in reversed(waves(self.old[ref] for ref in to_delete)) for one in wave]
        for backwards in itertools.cycle((False, True)):  # a chain of objects that wait for the next one is one pass
            steps, waiting, freed = self._write(waiting, backwards=backwards)
            leaving = to_delete
            to_delete, gone = self._delete(leaving)
            self.rounds += [Round(frozenset(step), frozenset()) for step in steps[:-1]]
            self.rounds.append(Round(frozenset(steps[-1]), frozenset(leaving) - frozenset(to_delete)))
            if not (waiting or to_delete) or not (freed or gone):
                break
        self._warn_of_dangling_references()
        return self.findings

    def _changes(self) -> list[ObjectRef]:
        """The wanted objects that have to be checked."""
        return [
            ref
            for ref, manifest in self.wanted.items()
            if ref.kind not in CONTROLLER_KINDS
            and ref not in self.findings
            and (ref in self.recheck or self.old.get(ref) != manifest)
        ]

    def _waves(self, refs: Iterable[ObjectRef]) -> Iterator[list[ObjectRef]]:
        """*refs* in the order in which a sync writes them: those of one wave at the same time."""
        unidentified, identifiable = [], []
        for ref in refs:
            manifest = self.wanted[ref]
            if _has_identity(manifest):
                identifiable.append(manifest)
            else:
                unidentified.append(ref)
        yield unidentified
        for wave in waves(identifiable):
            yield [ObjectRef.of(manifest) for manifest in wave]

    def _write(self, refs: list[ObjectRef], *, backwards: bool) -> tuple[list[list[ObjectRef]], list[ObjectRef], bool]:
        """The accepted objects, step by step; those that wait because of a rule about others; whether anything changed.

        An object that is only accepted after another one of its wave begins a new step.
        """
        steps: list[list[ObjectRef]] = [[]]
        waiting, freed = [], False
        for wave in self._waves(refs):
            after_others = self._only_after_others(wave)
            for ref in reversed(wave) if backwards else wave:
                response = self.admission.write(ref, self.wanted[ref])
                if response.stored is None:
                    self._refuse(ref, self.wanted[ref], response)
                    if response.stage is Stage.WEBHOOK:
                        waiting.append(ref)
                    continue
                freed = freed or self._makes_room(ref)
                self._record(ref, response)
                if ref in after_others:
                    steps.append([])
                steps[-1].append(ref)
        return steps, waiting, freed

    def _makes_room(self, ref: ObjectRef) -> bool:
        """Whether its write may let others be accepted: a change, or a Gateway, with which a controller makes a group."""
        return ref.kind == "Gateway" or (ref in self.old and self.old[ref] != self.wanted[ref])

    def _only_after_others(self, wave: list[ObjectRef]) -> frozenset[ObjectRef]:
        """What a cluster refuses unless another object of the wave is written first. Only an update makes room."""
        if len(wave) < 2 or self.old.keys().isdisjoint(wave):
            return frozenset()
        return frozenset(ref for ref in wave if self.admission.ask(ref, self.wanted[ref]).stored is None)

    def _record(self, ref: ObjectRef, response: AdmissionResponse) -> None:
        """An object that was refused before may be accepted by now."""
        self.findings.pop(ref, None)
        if response.violations:
            self.findings[ref] = Finding(ref, response.violations, response.stored, operation=self._operation(ref))

    def _refuse(self, ref: ObjectRef, manifest: Manifest, response: AdmissionResponse) -> None:
        root = self._refused_target(manifest) if response.stage is Stage.WEBHOOK else None
        if root is None:
            self.findings[ref] = Finding(ref, response.violations, None, operation=self._operation(ref))
            return
        direct, cause = root
        through = "" if direct == cause else f" because of {cause}"
        path = reference_path(manifest, direct) or ("spec",)
        violation = REFUSED_REFERENCE.at(path, f"refers to {direct}, which is refused{through}")
        self.findings[ref] = Finding(ref, (violation,), None, cause, self._operation(ref))

    def _refused_target(self, manifest: Manifest) -> tuple[ObjectRef, ObjectRef] | None:
        """The refused object that this one refers to, and the one that is the cause of that."""
        whole = self.admission.stored_form(manifest)
        for target in sorted(self._targets(whole)) if whole is not None else ():
            finding = self.findings.get(target)
            if finding is not None and finding.refused and finding.operation is not Operation.DELETE:
                return target, finding.because_of or target
        return None

    def _targets(self, manifest: Manifest) -> Iterator[ObjectRef]:
        """The objects that the rules of *manifest* look up: its references, and those that only admission knows of."""
        yield from references(manifest)
        spec = manifest.get("spec") or {}
        if manifest["kind"] == "Switch" and isinstance(spec.get("profile"), str):
            yield ObjectRef("SwitchProfile", NAMESPACE, spec["profile"])
        if manifest["kind"] == "GatewayPeering":
            yield from (ref for ref in self.findings if ref.kind == "Gateway" and ref not in self.old)

    def _operation(self, ref: ObjectRef) -> Operation:
        return Operation.UPDATE if ref in self.old else Operation.CREATE

    def _delete(self, refs: list[ObjectRef]) -> tuple[list[ObjectRef], bool]:
        """The objects that may not be deleted, and whether any was."""
        kept = []
        for ref in refs:
            response = self.admission.delete(ref)
            if response.accepted:
                self.findings.pop(ref, None)
            else:
                kept.append(ref)
                self.findings[ref] = Finding(ref, response.violations, None, operation=Operation.DELETE)
        return kept, len(kept) < len(refs)

    def _warn_of_dangling_references(self) -> None:
        """Warn of deletes that upstream accepts although another object still refers to the deleted one."""
        gone = {ref for ref in self.old if ref not in self.wanted and ref not in self.findings}
        gone = {ref for ref in gone if ref.kind not in CONTROLLER_KINDS and (ref.kind, ref.name) != DEFAULT_GROUP}
        if not gone:
            return
        users: dict[ObjectRef, list[ObjectRef]] = {}
        for ref, manifest in self.wanted.items():
            finding = self.findings.get(ref)
            if finding is None or not finding.refused:
                for target in references(manifest) & gone:
                    users.setdefault(target, []).append(ref)
        for target, referring in users.items():
            users_of = listed(sorted(referring), 3)
            violation = DELETED_REFERENCE.at((), f"{target} is deleted, but {users_of} still refer to it")
            self.findings[target] = Finding(target, (violation,), None, operation=Operation.DELETE)


def _has_identity(manifest: Manifest) -> bool:
    metadata = manifest.get("metadata")
    return (
        isinstance(manifest.get("kind"), str)
        and isinstance(metadata, dict)
        and isinstance(metadata.get("name"), str)
        and isinstance(metadata.get("namespace"), str)
    )
