"""From results to one outcome, and from an outcome to the status of our resource."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hedgehog.errors import (
    AlreadyExists,
    FieldConflict,
    HedgehogError,
    InvalidInput,
    PruneRefused,
    RateLimited,
    RemoteUnavailable,
)
from hedgehog.fabric.changes import Action, Change, Outcome, OutcomeStatus
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.fabric_status import next_status
from hedgehog.kube.outcome import fabric_outcome
from hedgehog.kube.result import Result

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 13, 0, 0, tzinfo=UTC)


def outcome_of(*what: Action | HedgehogError) -> Outcome:
    """The summary of one object for each action or error."""
    results = {}
    for number, one in enumerate(what):
        ref = ObjectRef("Server", "default", f"s{number}")
        results[ref] = Result.failed(ref, one) if isinstance(one, HedgehogError) else Result(Change(ref, one))
    return fabric_outcome("f", results, generation=3, revision="main@sha1:" + "0" * 40, duration=1.5)


@pytest.mark.parametrize(
    ("what", "status", "retryable"),
    [
        ([], OutcomeStatus.SKIPPED, False),
        ([Action.UNCHANGED], OutcomeStatus.SKIPPED, False),
        ([Action.UNCHANGED, Action.CREATED], OutcomeStatus.SUCCESS, False),
        ([Action.CREATED, FieldConflict("x")], OutcomeStatus.HELD, False),
        ([Action.CREATED, AlreadyExists("x"), PruneRefused("x")], OutcomeStatus.HELD, False),
        ([Action.CREATED, FieldConflict("x"), InvalidInput("y")], OutcomeStatus.ERROR, False),
        ([InvalidInput("y"), RemoteUnavailable("z")], OutcomeStatus.ERROR, True),
        ([InvalidInput("y"), Action.DELETED], OutcomeStatus.ERROR, True),
    ],
)
def test_the_worst_that_happened_decides(what: list[Any], status: OutcomeStatus, retryable: bool) -> None:
    """An error beats what is held; a retryable one, or room made by a deletion, is worth another try."""
    outcome = outcome_of(*what)
    assert (outcome.status, outcome.retryable) == (status, retryable)


def test_what_failed_and_what_did_not_is_all_reported_failures_first() -> None:
    """Unchanged objects are only counted."""
    outcome = outcome_of(Action.CREATED, Action.UNCHANGED, InvalidInput("Server/default/s2: bad"), Action.DELETED)
    assert outcome.details == (
        "Server/default/s2 failed (bad)",
        "Server/default/s3 deleted",
        "Server/default/s0 created",
    )
    assert outcome.reason == "1 of 4 objects failed: Server/default/s2: bad"
    assert outcome.error_class == "InvalidInput"
    assert outcome.counts["unchanged"] == 1


def test_the_longest_delay_a_remote_asked_for_is_kept() -> None:
    """The store waits that long."""
    assert outcome_of(RateLimited("a", retry_after=3), RateLimited("b", retry_after=9)).retry_after == 9


def test_the_status_says_what_the_outcome_says() -> None:
    """Phase, condition, revision, counts, times."""
    status = next_status({}, outcome_of(Action.CREATED), resource_generation=7, now=NOW)
    assert status == {
        "phase": "Synced",
        "conditions": [
            {
                "type": "Synced",
                "status": "True",
                "reason": "Synced",
                "message": "fabric generation 3 is applied",
                "lastTransitionTime": "2026-11-22T12:00:00Z",
                "observedGeneration": 7,
            }
        ],
        "observedGeneration": 7,
        "revision": "main@sha1:" + "0" * 40,
        "counts": outcome_of(Action.CREATED).counts,
        "last_sync_time": "2026-11-22T12:00:00Z",
    }


def test_a_run_that_found_nothing_to_do_leaves_the_status_as_it_is() -> None:
    """Neither the time nor the counts of an idle run are worth a write."""
    first = next_status({}, outcome_of(Action.CREATED), resource_generation=7, now=NOW)
    assert first is not None
    assert next_status(first, outcome_of(Action.UNCHANGED), resource_generation=7, now=LATER) is None
    assert (
        next_status(first | {"spine_status": {"x": 1}}, outcome_of(Action.UNCHANGED), resource_generation=7, now=LATER)
        is None
    )
    assert next_status(first, outcome_of(Action.CREATED, Action.CREATED), resource_generation=7, now=LATER) is not None
    assert next_status(first, outcome_of(Action.UNCHANGED), resource_generation=8, now=LATER) is not None


def test_an_error_is_reported_once_and_its_beginning_kept() -> None:
    """The condition's time is that of the change from good to bad."""
    bad = outcome_of(InvalidInput("Server/default/s0: bad"))
    first = next_status({}, bad, resource_generation=1, now=NOW)
    assert first is not None
    assert (first["phase"], first["sync_error"]) == ("Error", "1 of 1 object failed: Server/default/s0: bad")
    assert next_status(first, bad, resource_generation=1, now=LATER) is None
    worse = next_status(first, outcome_of(InvalidInput("worse")), resource_generation=1, now=LATER)
    assert worse is not None
    assert worse["conditions"][0]["lastTransitionTime"] == "2026-11-22T12:00:00Z"
    good = next_status(worse, outcome_of(Action.CREATED), resource_generation=1, now=LATER)
    assert good is not None
    assert "sync_error" not in good
    assert good["conditions"][0]["lastTransitionTime"] == "2026-11-22T13:00:00Z"


def test_what_waits_for_a_person_is_pending() -> None:
    """Neither in sync nor an error."""
    status = next_status({}, outcome_of(FieldConflict("x")), resource_generation=1, now=NOW)
    assert status is not None
    assert (status["phase"], status["conditions"][0]["reason"]) == ("Pending", "FieldConflict")
