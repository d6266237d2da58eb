"""Server-side apply in waves: objects of a wave at the same time, a wave only after the one before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hedgehog.errors import DefinitionMissing
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.labels import INSTALLATION
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references
from hedgehog.kube.client import APPLY_PATCH, Cluster
from hedgehog.kube.fabric_crd import explained
from hedgehog.kube.failures import is_object, no_answer, of_object
from hedgehog.kube.resources import crd_name, kind_of, object_path
from hedgehog.kube.result import Result
from hedgehog.kube.throttle import Halt

_PARAMETERS = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}


def apply(
    cluster: Cluster,
    waves: Sequence[Collection[Manifest]],
    *,
    earlier: Mapping[ObjectRef, Result] | None = None,
    force_conflicts: bool = False,
    forced: Collection[ObjectRef] = (),
    before: Callable[[Manifest], None] | None = None,
    halt: Halt | None = None,
    installation: str = "",
) -> dict[ObjectRef, Result]:
    """Apply every manifest and say for each what happened to it.

    An object that fails, or failed in *earlier* results, does not stop the others, except those that refer to it: they
    are skipped, with the reason.
    *before* is called ahead of each write, in a worker thread; what it raises is that object's failure. Another
    manager's fields are taken over only with *force_conflicts*, or in the *forced* objects; else they are a
    FieldConflict of that object. What *halt* says must not be written any more is skipped, with its reason as the
    error. Each object is marked as written by *installation*. Never deletes; see `prune`.
    """
    halt = halt or Halt()
    known = dict(earlier or {})
    results: dict[ObjectRef, Result] = {}

    def one(manifest: Manifest) -> Result:
        ref = ObjectRef.of(manifest)
        blocker = _blocker(manifest, known)
        if blocker:
            return Result(Change(ref, Action.SKIPPED, f"{blocker} failed"))
        obstacle = halt.obstacle(ref.kind)
        if obstacle is not None:
            return Result.untried(ref, obstacle)
        result = write(ref, manifest)
        halt.note(ref.kind, result.error)
        return result

    def write(ref: ObjectRef, manifest: Manifest) -> Result:
        try:
            if before is not None:
                before(manifest)
            return apply_one(
                cluster, manifest, force_conflicts=force_conflicts or ref in forced, installation=installation
            )
        except DefinitionMissing as error:
            return Result.failed(ref, explained(cluster, kind_of(manifest), error))
        except Exception as error:  # whatever is wrong with one object must not stop the others
            return Result.failed(ref, of_object(str(ref), error))

    with ThreadPoolExecutor(cluster.concurrency, "apply") as pool:
        for wave in waves:
            done = [one(manifest) for manifest in wave] if len(wave) == 1 else list(pool.map(one, wave))
            results |= {result.change.ref: result for result in done}
            known |= results
    return results


def _blocker(manifest: Manifest, results: Mapping[ObjectRef, Result]) -> ObjectRef | None:
    """The first object that *manifest* refers to and that was not written though it should have been."""
    bad = (
        ref
        for ref in references(manifest)
        if ref in results and results[ref].change.action in {Action.FAILED, Action.SKIPPED}
    )
    return min(bad, default=None)


def apply_one(cluster: Cluster, manifest: Manifest, *, force_conflicts: bool = False, installation: str = "") -> Result:
    """Apply one object, marked as written by *installation*. Raises what the server's refusal means."""
    ref, kind = ObjectRef.of(manifest), kind_of(manifest)
    answer = cluster.call(
        "PATCH",
        "PATCH",
        object_path(kind, ref),
        subject=str(ref),
        query=_PARAMETERS | ({"force": "true"} if force_conflicts else {}),
        body=_marked(manifest, installation) if installation else manifest,
        content_type=APPLY_PATCH,
        crd=crd_name(kind),
    )
    if not is_object(answer.json(), ref):
        raise no_answer(str(ref), cluster.name)
    return Result(Change(ref, Action.CREATED if answer.status == 201 else Action.CONFIGURED), answer=answer)


def _marked(manifest: Manifest, installation: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), INSTALLATION: installation}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def apply_status(
    cluster: Cluster, manifest: Manifest, status: Mapping[str, Any], *, if_unchanged: bool = False
) -> Manifest:
    """Set the whole status of one of our own objects and return the object; others never write there.

    With *if_unchanged* a RetryableError when the object is not as it was read any more.
    """
    ref, kind = ObjectRef.of(manifest), kind_of(manifest)
    version = {"resourceVersion": manifest["metadata"]["resourceVersion"]} if if_unchanged else {}
    answer = cluster.call(
        "PATCH",
        "PATCH",
        object_path(kind, ref) + "/status",
        subject=f"status of {ref}",
        query=_PARAMETERS | {"force": "true"},
        body={
            "apiVersion": manifest["apiVersion"],
            "kind": manifest["kind"],
            "metadata": {"name": ref.name, "namespace": ref.namespace, **version},
            "status": dict(status),
        },
        content_type=APPLY_PATCH,
        crd=crd_name(kind),
    )
    stored: Manifest = answer.json()
    if not is_object(stored, ref):
        raise no_answer(f"status of {ref}", cluster.name)
    return stored
