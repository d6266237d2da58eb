"""Deleting what a fabric no longer has: only what is named, in reverse apply order, never in bulk by accident."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references, waves
from hedgehog.kube.client import Cluster
from hedgehog.kube.failures import failure, is_absent, is_object, no_answer, of_object
from hedgehog.kube.resources import kind_of, object_path
from hedgehog.kube.result import Result, terminating
from hedgehog.kube.throttle import Halt


def prune(cluster: Cluster, to_delete: Collection[Manifest], *, halt: Halt | None = None) -> dict[ObjectRef, Result]:
    """Delete live objects, those that refer to others first, and say for each what happened to it.

    Deletes exactly the object that was seen (its uid), not a later one of the same name. An object that is already
    gone counts as deleted; one that a failed object still refers to is skipped. A finalizer may delay the end: that is
    reported, never stripped. What *halt* says must not be touched any more is skipped, with its reason as the error.
    """
    halt = halt or Halt()
    results: dict[ObjectRef, Result] = {}
    users = _users(to_delete)

    def one(live: Manifest) -> Result:
        ref = ObjectRef.of(live)
        left = min((user for user in users.get(ref, ()) if not _deleted(results[user])), default=None)
        if left:
            return Result(Change(ref, Action.SKIPPED, f"{left}, which refers to it, was not deleted"))
        obstacle = halt.obstacle(ref.kind)
        if obstacle is not None:
            return Result.untried(ref, obstacle)
        try:
            result = _delete(cluster, ref, live)
        except Exception as error:  # whatever is wrong with one object must not stop the others
            result = Result.failed(ref, of_object(str(ref), error))
        halt.note(ref.kind, result.error)
        return result

    with ThreadPoolExecutor(cluster.concurrency, "prune") as pool:
        for wave in reversed(waves(to_delete)):
            done = list(pool.map(one, wave))
            results |= {result.change.ref: result for result in done}
    return results


def _deleted(result: Result) -> bool:
    return result.change.action is Action.DELETED


def _users(to_delete: Collection[Manifest]) -> Mapping[ObjectRef, list[ObjectRef]]:
    """Which objects of later waves refer to each object, of those that are to be deleted."""
    users: dict[ObjectRef, list[ObjectRef]] = {}
    seen: set[ObjectRef] = set()
    for wave in waves(to_delete):
        for live in wave:
            for target in references(live) & seen:
                users.setdefault(target, []).append(ObjectRef.of(live))
        seen |= {ObjectRef.of(live) for live in wave}
    return users


def _delete(cluster: Cluster, ref: ObjectRef, live: Manifest) -> Result:
    metadata = live["metadata"]
    if metadata.get("deletionTimestamp"):
        return Result(Change(ref, Action.SKIPPED, terminating(metadata)), live=live)
    kind = kind_of(live)
    subject = f"deletion of {ref}"
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": metadata["uid"]}}
    answer = cluster.send("DELETE", "DELETE", object_path(kind, ref), subject=subject, body=body)
    if is_absent(answer, ref.name):
        return Result(Change(ref, Action.DELETED, "already gone"))
    if answer.status == 404:  # of a proxy, or of a kind whose CRD went meanwhile: the next list tells
        raise no_answer(subject, cluster.name)
    if answer.status == 409:  # the uid is the only precondition
        return Result(Change(ref, Action.SKIPPED, "another object of this name has been created meanwhile"))
    if not answer.ok:
        raise failure(answer, subject, cluster=cluster.name)
    left = answer.json()
    if is_object(left, ref):
        waits = bool(left["metadata"].get("finalizers"))
        return Result(
            Change(ref, Action.DELETED, terminating(left["metadata"]) if waits else ""), live=left if waits else None
        )
    if not isinstance(left, dict) or left.get("kind") != "Status":
        raise no_answer(subject, cluster.name)
    return Result(Change(ref, Action.DELETED))
