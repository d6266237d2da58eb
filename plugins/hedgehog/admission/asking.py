"""A fabric as its cluster has it, asked for one write or delete after the other; it has an answer to everything."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

from hedgehog.admission.cluster_state import NAMESPACE
from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.memory import Memory
from hedgehog.admission.review import Admission, AdmissionResponse, Stage
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.fabricator import is_fabricator, read_fabricator
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.manifests import decode
from hedgehog.manifests.file_rules import FABRICATOR_FIELD
from hedgehog.manifests.limits import TimeBudget, unverified

logger = logging.getLogger(__name__)


class AskedFabric:
    """Never raises: an object on which a rule fails, or that is not reached in time, is refused as unverified."""

    def __init__(
        self,
        old: Mapping[ObjectRef, Manifest],
        given: Iterable[Manifest],
        *,
        memory: Memory,
        elsewhere: Collection[str],
        objects: int,
    ) -> None:
        """*old* is what the cluster has, *given* what controllers wrote; *objects* says how much there is to do."""
        self.failed = False
        """Whether a rule failed on something."""
        self._old = old
        self._settings = memory.settings
        self._budget = TimeBudget(objects)
        profiles = [one for one in given if self._storable(one, memory)]
        self._central = ControlledFabric(memory.settings, profiles, elsewhere=elsewhere, memory=memory)
        self._elsewhere = Admission(memory.settings)
        """Hedgehog looks into namespace `default` only; what lies elsewhere is checked for itself."""
        for ref, manifest in old.items():
            if _is_central(ref):
                self._put_old(ref, manifest, memory)

    def write(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """The answer to a write, made so where it is yes."""
        verdict = self.ask(ref, manifest)
        if verdict.stored is None or not _is_central(ref):
            return verdict
        try:
            self._central.put(verdict.stored)
        except Exception as error:  # see ask
            return self._unverified(ref, error)
        return verdict

    def ask(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """The answer to a write that is not made."""
        if self._budget.is_spent:
            return AdmissionResponse((self._budget.violation(),), Stage.OTHER)
        try:
            return self._answer(ref, manifest)
        except Exception as error:  # a rule that crashes on one object must not affect the verdicts on others
            return self._unverified(ref, error)

    def delete(self, ref: ObjectRef) -> AdmissionResponse:
        """The answer to a delete, made so where it is yes. What no cluster can have may go."""
        if not _is_central(ref) or self._central.world.get(ref.kind, ref.name) is None:
            return AdmissionResponse()
        if self._budget.is_spent:
            return AdmissionResponse((self._budget.violation(),), Stage.OTHER)
        try:
            verdict = self._central.delete(ref.kind, ref.name)
            if verdict.accepted:
                self._central.remove(ref.kind, ref.name)
        except Exception as error:  # see ask
            return self._unverified(ref, error)
        return verdict

    def whole(self, manifest: Manifest) -> Manifest | None:
        """The object as the cluster would store it, or None where nobody can say."""
        try:
            plain, _ = decode.decode(manifest, self._settings)
            return None if plain is None else stored(plain, self._settings)
        except Exception as error:  # it was refused already; this only looks for a better reason
            logger.debug("%s", error)
            return None

    def _storable(self, manifest: Manifest, memory: Memory) -> bool:
        try:
            memory.stored(manifest)
        except Exception as error:  # see _put_old
            logger.debug("an object of a controller is left out of the check: %s", error)
            return False
        return True

    def _put_old(self, ref: ObjectRef, manifest: Manifest, memory: Memory) -> None:
        try:
            self._central.put(memory.stored(manifest))
        except Exception as error:  # stored by hand, say: what is wrong with one object is not the others'
            self.failed = True
            logger.debug("%s is left out of the check: %s", ref, error)

    def _unverified(self, ref: ObjectRef, error: Exception) -> AdmissionResponse:
        self.failed = True
        return AdmissionResponse((unverified(ref, error),), Stage.OTHER)

    def _answer(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        wrong = read_fabricator(manifest)[1] if is_fabricator(manifest) else ()
        if wrong:
            told = [FABRICATOR_FIELD.at(path, text) for path, text in wrong]
            return AdmissionResponse((*self._clusters_answer(ref, manifest).violations, *told), Stage.OTHER)
        return self._clusters_answer(ref, manifest)

    def _clusters_answer(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        if not _is_central(ref):
            return self._answer_elsewhere(ref, manifest)
        if ref not in self._old or self._central.world.get(ref.kind, ref.name) is None:
            return self._central.create(manifest)
        verdict = self._central.update(manifest)
        if verdict.stage is Stage.WEBHOOK and self._changes_nothing(ref, manifest):
            return self._answer_anew(ref, manifest)
        return verdict

    def _changes_nothing(self, ref: ObjectRef, manifest: Manifest) -> bool:
        """Whether the cluster would store what it has: that is not an update, and nobody sends it."""
        old, new = self._central.world.get(ref.kind, ref.name), self.whole(manifest)
        return old is not None and new is not None and canonical(new) == canonical(old)

    def _answer_anew(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """What the cluster would say if the object were not there yet."""
        old = self._central.world.get(ref.kind, ref.name)
        self._central.remove(ref.kind, ref.name)
        try:
            return self._central.create(manifest)
        finally:
            if old is not None:
                self._central.put(old)

    def _answer_elsewhere(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """Which namespaces exist is not known: one that the kind may live in is taken as if it did."""
        row = KINDS.get(ref.kind)
        if row is None or row.namespace is not None:
            return self._central.create(manifest)
        verdict = self._elsewhere.create({**manifest, "metadata": {**manifest["metadata"], "namespace": NAMESPACE}})
        if verdict.stored is not None:
            verdict.stored["metadata"]["namespace"] = ref.namespace
        return verdict


def _is_central(ref: ObjectRef) -> bool:
    """Whether it lies where Hedgehog looks for its kind."""
    row = KINDS.get(ref.kind)
    return row is None or ref.namespace == row.default_namespace
