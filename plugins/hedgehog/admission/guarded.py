"""A fabric as its cluster has it, asked for one write or delete after the other, with an answer to every request."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

from hedgehog.admission.cluster_state import NAMESPACE
from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.result_cache import ResultCache
from hedgehog.admission.review import Admission, AdmissionResponse, Stage
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.fabricator import is_fabricator, read_fabricator
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.manifests import decode
from hedgehog.manifests.file_rules import FABRICATOR_FIELD
from hedgehog.manifests.limits import TimeBudget, unverified_violation

logger = logging.getLogger(__name__)


class GuardedAdmission:
    """Never raises: an object on which a rule fails, or that is not reached in time, is refused as unverified."""

    def __init__(
        self,
        old: Mapping[ObjectRef, Manifest],
        given: Iterable[Manifest],
        *,
        cache: ResultCache,
        unknown_kinds: Collection[str],
        objects: int,
    ) -> None:
        """*old* is what the cluster has, *given* what controllers wrote; *objects* says how many will be checked."""
        self.failed = False
        """Whether a rule failed on any object."""
        self._old = old
        self._settings = cache.settings
        self._budget = TimeBudget(objects)
        profiles = [one for one in given if self._is_storable(one, cache)]
        self._admission = ControlledFabric(cache.settings, profiles, unknown_kinds=unknown_kinds, cache=cache)
        self._other_namespaces = Admission(cache.settings)
        """Hedgehog looks into namespace `default` only; an object of another one is checked by itself."""
        for ref, manifest in old.items():
            if _is_looked_at(ref):
                self._put_old(ref, manifest, cache)

    def write(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """The answer to a write; an accepted one takes effect."""
        response = self.ask(ref, manifest)
        if response.stored is None or not _is_looked_at(ref):
            return response
        try:
            self._admission.put(response.stored)
        except Exception as error:  # see ask
            return self._unverified(ref, error)
        return response

    def ask(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """The answer to a write, which takes no effect."""
        if self._budget.is_spent:
            return AdmissionResponse((self._budget.violation(),), Stage.OTHER)
        try:
            return self._response(ref, manifest)
        except Exception as error:  # a rule that crashes on one object must not affect the answers about others
            return self._unverified(ref, error)

    def delete(self, ref: ObjectRef) -> AdmissionResponse:
        """The answer to a delete; an accepted one takes effect. What no cluster can have may always be deleted."""
        if not _is_looked_at(ref) or self._admission.state.get(ref.kind, ref.name) is None:
            return AdmissionResponse()
        if self._budget.is_spent:
            return AdmissionResponse((self._budget.violation(),), Stage.OTHER)
        try:
            response = self._admission.delete(ref.kind, ref.name)
            if response.accepted:
                self._admission.remove(ref.kind, ref.name)
        except Exception as error:  # see ask
            return self._unverified(ref, error)
        return response

    def stored_form(self, manifest: Manifest) -> Manifest | None:
        """The object as the cluster would store it, or None where that cannot be said."""
        try:
            plain, _ = decode.decode(manifest, self._settings)
            return None if plain is None else stored(plain, self._settings)
        except Exception as error:  # it was refused already; this only looks for a better reason
            logger.debug("%s", error)
            return None

    def _is_storable(self, manifest: Manifest, cache: ResultCache) -> bool:
        try:
            cache.stored(manifest)
        except Exception as error:  # see _put_old
            logger.debug("an object of a controller is left out of the check: %s", error)
            return False
        return True

    def _put_old(self, ref: ObjectRef, manifest: Manifest, cache: ResultCache) -> None:
        try:
            self._admission.put(cache.stored(manifest))
        except Exception as error:  # it was stored manually, for example; the other objects are checked all the same
            self.failed = True
            logger.debug("%s is left out of the check: %s", ref, error)

    def _unverified(self, ref: ObjectRef, error: Exception) -> AdmissionResponse:
        self.failed = True
        return AdmissionResponse((unverified_violation(ref, error),), Stage.OTHER)

    def _response(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        wrong = read_fabricator(manifest)[1] if is_fabricator(manifest) else ()
        response = self._cluster_response(ref, manifest)
        if wrong:
            ours = [FABRICATOR_FIELD.at(path, text) for path, text in wrong]
            return AdmissionResponse((*response.violations, *ours), Stage.OTHER)
        return response

    def _cluster_response(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        if not _is_looked_at(ref):
            return self._response_outside(ref, manifest)
        if ref not in self._old or self._admission.state.get(ref.kind, ref.name) is None:
            return self._admission.create(manifest)
        response = self._admission.update(manifest)
        if response.stage is Stage.WEBHOOK and self._changes_nothing(ref, manifest):
            return self._response_to_create(ref, manifest)
        return response

    def _changes_nothing(self, ref: ObjectRef, manifest: Manifest) -> bool:
        """Whether the cluster would store what it has: that is not an update, and no sync sends it."""
        old, new = self._admission.state.get(ref.kind, ref.name), self.stored_form(manifest)
        return old is not None and new is not None and canonical(new) == canonical(old)

    def _response_to_create(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """What the cluster would answer if the object did not exist yet."""
        old = self._admission.state.get(ref.kind, ref.name)
        self._admission.remove(ref.kind, ref.name)
        try:
            return self._admission.create(manifest)
        finally:
            if old is not None:
                self._admission.put(old)

    def _response_outside(self, ref: ObjectRef, manifest: Manifest) -> AdmissionResponse:
        """Which namespaces exist is not known: one that the kind may live in is assumed to exist."""
        row = KINDS.get(ref.kind)
        if row is None or row.namespace is not None:
            return self._admission.create(manifest)
        in_default = {**manifest, "metadata": {**manifest["metadata"], "namespace": NAMESPACE}}
        response = self._other_namespaces.create(in_default)
        if response.stored is not None:
            response.stored["metadata"]["namespace"] = ref.namespace
        return response


def _is_looked_at(ref: ObjectRef) -> bool:
    """Whether it lies in the namespace in which Hedgehog looks for its kind."""
    row = KINDS.get(ref.kind)
    return row is None or ref.namespace == row.default_namespace
