"""Checking a whole set of objects, as if a cluster were asked to take them one wave after the other."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hedgehog.admission.asking import AskedFabric
from hedgehog.admission.cluster_state import NAMESPACE
from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.memory import Memory, collector_paused
from hedgehog.admission.review import Admission, AdmissionResponse, Operation, Stage
from hedgehog.admission.rules.objects import DELETED_REFERENCE, DUPLICATE, REFUSED_REFERENCE
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Round
from hedgehog.fabric.kinds import CONTROLLER_KINDS, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references, waves
from hedgehog.fabric.settings import FabricSettings
from hedgehog.fabric.shown import listed, shown
from hedgehog.manifests import decode
from hedgehog.manifests.limits import unverified
from hedgehog.manifests.places import reference_path
from hedgehog.manifests.rule import Severity, Violation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said about one object. `stored` is None when a cluster would refuse it, or it is to be deleted."""

    ref: ObjectRef
    violations: tuple[Violation, ...]
    stored: Manifest | None
    because_of: ObjectRef | None = None
    """The refused object that this one refers to, itself or through others, where that is its only fault."""
    operation: Operation = Operation.CREATE

    @property
    def refused(self) -> bool:
        """Whether a cluster would not do it, or, when checked strictly, there is any warning."""
        return any(violation.rule.severity is Severity.ERROR for violation in self.violations)


@dataclass(frozen=True, slots=True)
class CheckedRounds:
    """What is to be said about single objects, and how the rest is to be done."""

    findings: Mapping[ObjectRef, Finding]
    rounds: tuple[Round, ...]


def check_objects(
    objects: Iterable[Mapping[str, Any]],
    settings: FabricSettings,
    *,
    before: Iterable[Mapping[str, Any]] = (),
    elsewhere: Collection[str] = (),
    recheck: Collection[ObjectRef] = (),
    strict: bool = False,
    memory: Memory | None = None,
) -> Mapping[ObjectRef, Finding]:
    """A finding for every object that is refused or warned about; an object that is not in the result is fine.

    *before* are the objects as the cluster has them, which it took once: those that stay the same are not checked
    again and win every conflict; changes of them are checked as changes (immutable fields), and those that *objects*
    lack as deletes. Objects are admitted in waves; what is refused is left out, so what refers to it is refused as
    well, and nothing else is. A change that only needs another one to come first (a port that is freed) is accepted,
    for a sync tries again. Objects of the kinds *elsewhere* are not known here: a reference to one is not checked.
    *recheck* names objects to check though they are as before; what is wrong with them stays in the cluster all the
    same. *strict* makes errors of warnings. SwitchProfiles and VPCInfos, which controllers write, are taken from both
    as they are. A *memory* of the same settings makes another check of unchanged objects (of the very same mappings)
    cheap.
    """
    rehearsal = check_rounds(objects, settings, before=before, elsewhere=elsewhere, recheck=recheck, memory=memory)
    findings = rehearsal.findings
    return {ref: _strict(finding) for ref, finding in findings.items()} if strict else findings


def check_rounds(
    objects: Iterable[Mapping[str, Any]],
    settings: FabricSettings,
    *,
    before: Iterable[Mapping[str, Any]] = (),
    elsewhere: Collection[str] = (),
    recheck: Collection[ObjectRef] = (),
    memory: Memory | None = None,
) -> CheckedRounds:
    """What `check_objects` finds, and the rounds in which a cluster takes what it does not refuse: mostly one.

    An object that takes over the port or the VLAN of one that goes can only be written after it went. Raises nothing
    for what an object holds: one on which a rule fails is refused as unverified, the others are judged.
    """
    fitting = memory if memory is not None and memory.settings == settings else Memory(settings)
    objects, before = list(objects), list(before)
    with collector_paused():
        run = _Check(objects, fitting, before, elsewhere, recheck)
        findings = run.run()
        if run.failed and (damaged := _damaged(run.old, settings)):
            # What the cluster is said to have may be the cause: once more without what no cluster can have.
            sound = [manifest for ref, manifest in run.old.items() if ref not in damaged]
            run = _Check(objects, fitting, sound, elsewhere, recheck)
            findings = run.run()
        return CheckedRounds(findings, tuple(run.rounds))


def _damaged(old: Mapping[ObjectRef, Manifest], settings: FabricSettings) -> set[ObjectRef]:
    """Those that no cluster can have taken: the database was changed by hand, say."""
    return {ref for ref, manifest in old.items() if not _decodes(manifest, settings)}


def _decodes(manifest: Manifest, settings: FabricSettings) -> bool:
    try:
        return decode.decode(manifest, settings)[0] is not None
    except Exception as error:  # that is an answer, too
        logger.debug("%s", error)
        return False


def load(objects: Iterable[Mapping[str, Any]], settings: FabricSettings) -> Admission:
    """A fabric as its cluster has it, to be asked for single creates, updates and deletes. *objects* are not checked.

    The built-in SwitchProfiles are there, and a VPCInfo for each VPC and External.
    """
    return ControlledFabric(settings, [identified(one)[1] for one in objects])


def identified(manifest: Mapping[str, Any], *, namespace: str = NAMESPACE) -> tuple[ObjectRef, Manifest]:
    """The ref of a manifest, and what is applied of it: canonical, with a namespace. Never raises.

    *namespace* is that of an object which names none and whose kind may live in any. Of what controllers write, the
    status counts. What is so already is returned itself, as a whole or in its parts, for a large fabric is identified
    again and again: nobody may change it.
    """
    kind = _text(manifest.get("kind"))
    whole = canonical(manifest)
    if kind in CONTROLLER_KINDS and "status" in manifest:
        whole["status"] = manifest["status"]
    metadata = whole["metadata"]
    if not metadata.get("namespace"):
        row = KINDS.get(kind)
        metadata["namespace"] = (row.namespace if row else NAMESPACE) or namespace
    for key, value in whole.items():
        given = manifest.get(key)
        if given == value and not _has_floats(given):
            whole[key] = given
    ref = ObjectRef(kind, _text(metadata["namespace"]), _text(metadata.get("name")))
    is_so = len(whole) == len(manifest) and all(value is manifest.get(key) for key, value in whole.items())
    return ref, manifest if is_so and isinstance(manifest, dict) else whole


def _has_floats(value: Any) -> bool:
    """Whether a number in it may have another spelling, which equality does not see."""
    if isinstance(value, dict):
        return any(type(child) is not str and _has_floats(child) for child in value.values())
    if isinstance(value, list):
        return any(type(child) is not str and _has_floats(child) for child in value)
    return isinstance(value, float)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _ref_of(manifest: Mapping[str, Any]) -> ObjectRef:
    """As good as it gets, of an object that cannot be looked at."""
    metadata = manifest.get("metadata")
    given: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    kind, name = _text(manifest.get("kind")), _text(given.get("name"))
    row = KINDS.get(kind)
    return ObjectRef(kind, _text(given.get("namespace") or (row.default_namespace if row else NAMESPACE)), name)


def _identified_or_none(manifest: Mapping[str, Any], memory: Memory) -> tuple[ObjectRef, Manifest] | None:
    """None for what cannot be looked at, or has no name: no cluster has it."""
    try:
        found = memory.once(identified, manifest)
        return found if _has_identity(found[1]) else None
    except Exception as error:  # the others have their verdict all the same
        logger.debug("an object is left out of the check: %s", error)
        return None


def _strict(finding: Finding) -> Finding:
    violations = tuple(
        replace(violation, rule=replace(violation.rule, severity=Severity.ERROR)) for violation in finding.violations
    )
    return replace(finding, violations=violations, stored=None)


class _Check:
    """One run of `check_objects`: a fabric that changes step by step, and what is found on the way."""

    def __init__(
        self,
        objects: Iterable[Mapping[str, Any]],
        memory: Memory,
        before: Iterable[Mapping[str, Any]],
        elsewhere: Collection[str],
        recheck: Collection[ObjectRef],
    ) -> None:
        self.settings = memory.settings
        self.recheck = recheck
        self.findings: dict[ObjectRef, Finding] = {}
        self.rounds: list[Round] = []
        self.wanted: dict[ObjectRef, Manifest] = {}
        self.old = dict(one for one in (_identified_or_none(manifest, memory) for manifest in before) if one)
        for manifest in objects:
            self._want(manifest, memory)
        written = {**self.old, **self.wanted}
        given = [one for ref, one in written.items() if ref.kind in CONTROLLER_KINDS and ref not in self.findings]
        self.fabric = AskedFabric(self.old, given, memory=memory, elsewhere=elsewhere, objects=len(written))

    @property
    def failed(self) -> bool:
        """Whether a rule failed on something."""
        return self.fabric.failed

    def _want(self, manifest: Mapping[str, Any], memory: Memory) -> None:
        try:
            ref, whole = memory.once(identified, manifest)
        except Exception as error:  # nested without end, say: it is refused, the others are judged
            ref = _ref_of(manifest)
            self.findings[ref] = Finding(ref, (unverified(ref, error),), None)
            return
        if ref in self.wanted:
            self.findings[ref] = Finding(ref, (DUPLICATE.at((), "is there twice"),), None)
        else:
            self.wanted[ref] = whole

    def run(self) -> dict[ObjectRef, Finding]:
        """Admit what is wanted, let go what is not, and try again what was refused for as long as that helps."""
        waiting = self._changes()
        doomed = [ref for ref in self.old if ref not in self.wanted and ref.kind not in CONTROLLER_KINDS]
        doomed = [ObjectRef.of(one) for wave in reversed(waves(self.old[ref] for ref in doomed)) for one in wave]
        for backwards in itertools.cycle((False, True)):  # a chain of objects that wait for the next one is one pass
            steps, waiting, freed = self._write(waiting, backwards=backwards)
            leaving = doomed
            doomed, gone = self._delete(leaving)
            self.rounds += [Round(frozenset(step), frozenset()) for step in steps[:-1]]
            self.rounds.append(Round(frozenset(steps[-1]), frozenset(leaving) - frozenset(doomed)))
            if not (waiting or doomed) or not (freed or gone):
                break
        self._warn_of_dangling_references()
        return self.findings

    def _changes(self) -> list[ObjectRef]:
        """What is to be asked."""
        return [
            ref
            for ref, manifest in self.wanted.items()
            if ref.kind not in CONTROLLER_KINDS
            and ref not in self.findings
            and (ref in self.recheck or self.old.get(ref) != manifest)
        ]

    def _waves(self, refs: Iterable[ObjectRef]) -> Iterator[list[ObjectRef]]:
        """*refs* in the order in which a sync writes them: those of one wave at the same time."""
        odd, sound = [], []
        for ref in refs:
            manifest = self.wanted[ref]
            if _has_identity(manifest):
                sound.append(manifest)
            else:
                odd.append(ref)
        yield odd
        for wave in waves(sound):
            yield [ObjectRef.of(manifest) for manifest in wave]

    def _write(self, refs: list[ObjectRef], *, backwards: bool) -> tuple[list[list[ObjectRef]], list[ObjectRef], bool]:
        """What is taken, step by step; what has to wait because of a rule about others; whether that may have changed.

        What is only taken after something else of its wave begins a step of its own.
        """
        steps: list[list[ObjectRef]] = [[]]
        waiting, freed = [], False
        for wave in self._waves(refs):
            early = self._early(wave)
            for ref in reversed(wave) if backwards else wave:
                verdict = self.fabric.write(ref, self.wanted[ref])
                if verdict.stored is None:
                    self._refuse(ref, self.wanted[ref], verdict)
                    if verdict.stage is Stage.WEBHOOK:
                        waiting.append(ref)
                    continue
                freed = freed or (ref in self.old and self.old[ref] != self.wanted[ref])
                self._note(ref, verdict)
                if ref in early:
                    steps.append([])
                steps[-1].append(ref)
        return steps, waiting, freed

    def _early(self, wave: list[ObjectRef]) -> frozenset[ObjectRef]:
        """What a cluster refuses unless something else of the wave is written before it. Only an update makes room."""
        if len(wave) < 2 or self.old.keys().isdisjoint(wave):
            return frozenset()
        return frozenset(ref for ref in wave if self.fabric.ask(ref, self.wanted[ref]).stored is None)

    def _note(self, ref: ObjectRef, verdict: AdmissionResponse) -> None:
        """An object that was refused before may be fine by now."""
        self.findings.pop(ref, None)
        if verdict.violations:
            self.findings[ref] = Finding(ref, verdict.violations, verdict.stored, operation=self._operation(ref))

    def _refuse(self, ref: ObjectRef, manifest: Manifest, verdict: AdmissionResponse) -> None:
        root = self._root(manifest) if verdict.stage is Stage.WEBHOOK else None
        if root is None:
            self.findings[ref] = Finding(ref, verdict.violations, None, operation=self._operation(ref))
            return
        direct, cause = root
        through = "" if direct == cause else f" because of {cause}"
        path = reference_path(manifest, direct) or ("spec",)
        violation = REFUSED_REFERENCE.at(path, f"refers to {direct}, which is refused{through}")
        self.findings[ref] = Finding(ref, (violation,), None, cause, self._operation(ref))

    def _root(self, manifest: Manifest) -> tuple[ObjectRef, ObjectRef] | None:
        """The refused object that this one refers to, and the one that is to blame for that."""
        whole = self.fabric.whole(manifest)
        for target in sorted(self._targets(whole)) if whole is not None else ():
            finding = self.findings.get(target)
            if finding is not None and finding.refused and finding.operation is not Operation.DELETE:
                return target, finding.because_of or target
        return None

    def _targets(self, manifest: Manifest) -> Iterator[ObjectRef]:
        """What the rules of *manifest* look at: what it refers to, and what only admission knows of."""
        yield from references(manifest)
        spec = manifest.get("spec") or {}
        if manifest["kind"] == "Switch" and isinstance(spec.get("profile"), str):
            yield ObjectRef("SwitchProfile", NAMESPACE, spec["profile"])
        if manifest["kind"] == "GatewayPeering":
            yield from (ref for ref in self.findings if ref.kind == "Gateway")

    def _operation(self, ref: ObjectRef) -> Operation:
        return Operation.UPDATE if ref in self.old else Operation.CREATE

    def _delete(self, refs: list[ObjectRef]) -> tuple[list[ObjectRef], bool]:
        """What may not go, and whether something went."""
        kept = []
        for ref in refs:
            verdict = self.fabric.delete(ref)
            if verdict.accepted:
                self.findings.pop(ref, None)
            else:
                kept.append(ref)
                self.findings[ref] = Finding(ref, verdict.violations, None, operation=Operation.DELETE)
        return kept, len(kept) < len(refs)

    def _warn_of_dangling_references(self) -> None:
        """What is gone, though upstream does not mind that something refers to it."""
        gone = {ref for ref in self.old if ref not in self.wanted and ref not in self.findings}
        gone = {ref for ref in gone if ref.kind not in CONTROLLER_KINDS}
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
