"""From what happened to each object to the outcome of a fabric's sync, in words for operators. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hedgehog.errors import (
    AdmissionRefused,
    AlreadyExists,
    DriftReported,
    FieldConflict,
    FinalizerPending,
    Flapping,
    HedgehogError,
    NotFound,
    PruneRefused,
    RetryableError,
    TooLarge,
)
from hedgehog.fabric.changes import Action, Change, ChangeSet, Outcome, OutcomeStatus
from hedgehog.fabric.model import Manifest, ObjectRef, Target
from hedgehog.fabric.problems import problem_of_error
from hedgehog.fabric.shown import counted
from hedgehog.kube.plan import Plan
from hedgehog.kube.readback import with_left
from hedgehog.kube.result import Result

HELD = (
    FieldConflict,
    PruneRefused,
    AlreadyExists,
    AdmissionRefused,
    DriftReported,
    FinalizerPending,
    Flapping,
    TooLarge,
)
"""Errors that wait for a person: another manager's field, a large prune, an object of another fabric or tool, a broken
rule, drift, a finalizer, another controller that writes back, an object that is too large."""

_PASSING = (RetryableError, NotFound)
"""Errors worth another try. An apply creates what is absent: what was not found is its namespace, which may be on its way."""

_DETAIL_ORDER = (Action.FAILED, Action.SKIPPED, Action.DELETED, Action.CREATED, Action.CONFIGURED)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a sync changes in the inventory."""

    applied: Mapping[ObjectRef, Manifest]
    adopted: Mapping[ObjectRef, Manifest]
    gone: frozenset[ObjectRef]


def effect(plan: Plan, results: Mapping[ObjectRef, Result], *, orphan: bool) -> Effect:
    """What is owned now and what no longer is. An object that waits for its finalizers stays owned until it is gone.

    With *orphan* the unwanted objects that are left in the cluster are owned no longer.
    """
    written = {ref: results[ref] for ref in plan.to_apply if results[ref].answer is not None}
    deleted = {
        ref
        for ref in plan.to_delete
        if orphan or (results[ref].change.action is Action.DELETED and not results[ref].is_there)
    }
    applied = {ref: with_left(plan.desired.manifests[ref], result.left) for ref, result in written.items()}
    return Effect({**applied, **plan.recognised}, plan.adopted, plan.gone | deleted)


def fabric_outcome(
    fabric: str,
    results: Mapping[ObjectRef, Result],
    *,
    generation: int,
    revision: str | None,
    duration: float,
    notes: Sequence[str] = (),
    dry_run: bool = False,
) -> Outcome:
    """The outcome of a fabric whose objects were examined one by one.

    An error of any object makes it an error, unless all of them wait for a person: then it is held. It is worth
    another try when one of the errors is, or when something was deleted, because that may have been in the way.
    """
    changes = ChangeSet.of(result.change for result in results.values())
    errors = list({id(result.error): result.error for result in results.values() if result.error is not None}.values())
    cause = _cause(errors)
    status = OutcomeStatus.SUCCESS if changes.writes else OutcomeStatus.SKIPPED
    if cause is not None:
        status = OutcomeStatus.HELD if isinstance(cause, HELD) else OutcomeStatus.ERROR
    is_error = status is OutcomeStatus.ERROR
    return Outcome(
        fabric,
        Target.KUBERNETES,
        status,
        generation=generation,
        revision=revision,
        counts=changes.counts(),
        reason=_reason(status, cause, results.values()),
        error_class=cause.reason if cause is not None else None,
        retryable=is_error and (isinstance(cause, _PASSING) or bool(changes.having(Action.DELETED))),
        retry_after=max((getattr(error, "retry_after", None) or 0.0 for error in errors), default=0.0) or None,
        duration=duration,
        details=(*_details(changes), *notes),
        dry_run=dry_run,
        problems=tuple(
            problem_of_error(result.error, str(ref), result.change.reason)
            for ref, result in results.items()
            if result.error is not None
        ),
    )


def _cause(errors: Sequence[HedgehogError]) -> HedgehogError | None:
    """The error that decides: one that can be retried, else one that cannot, else one that is held."""
    ranked = sorted(errors, key=lambda error: (isinstance(error, HELD), not isinstance(error, _PASSING)))
    return ranked[0] if ranked else None


def _reason(status: OutcomeStatus, cause: HedgehogError | None, results: Collection[Result]) -> str:
    if cause is None:
        return "unchanged" if status is OutcomeStatus.SKIPPED else ""
    concerned = sum(1 for result in results if result.error is not None)
    verb = "held" if status is OutcomeStatus.HELD else "failed"
    return f"{concerned} of {counted(len(results), 'object')} {verb}: {cause}"


def _details(changes: ChangeSet) -> list[str]:
    """What is not as it was, failures first."""
    ordered: list[Change] = []
    for action in _DETAIL_ORDER:
        ordered += changes.having(action)
    return [str(change) for change in ordered]
