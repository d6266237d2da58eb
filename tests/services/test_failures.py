"""Whatever ends the work on a fabric becomes an outcome, in one way for all services."""

from __future__ import annotations

import time

import pytest

from hedgehog.errors import HedgehogError, InvalidInput, RateLimited, RemoteUnavailable
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services import failures
from hedgehog.services.validation import find_refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import sync_state
from hedgehog.store.database import Connection


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (InvalidInput("x"), False),
        (RemoteUnavailable("x"), True),
        (HedgehogError("x"), True),
        (ZeroDivisionError("x"), True),
        (RecursionError(), True),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), True),
    ],
)
def test_only_a_permanent_error_is_not_tried_again(error: Exception, retryable: bool) -> None:
    """What nobody foresaw may pass; the store parks it in the end."""
    outcome = failures.error_outcome("f", Target.GIT, error)
    assert (outcome.status, outcome.error_class, outcome.retryable) == (
        OutcomeStatus.ERROR,
        type(error).__name__,
        retryable,
    )


def test_the_delay_that_a_remote_asked_for_is_kept() -> None:
    """The store waits that long."""
    assert failures.error_outcome("f", Target.KUBERNETES, RateLimited("a", retry_after=3)).retry_after == 3


def test_every_line_of_a_reason_is_reported() -> None:
    """In the reason, and one by one as details."""
    outcome = failures.error_outcome("f", Target.GIT, InvalidInput("a: bad\n\nb: bad\nc: bad"))
    assert (outcome.reason, outcome.details) == ("a: bad; b: bad; c: bad", ("a: bad", "b: bad", "c: bad"))
    assert failures.error_outcome("f", Target.GIT, InvalidInput("")).reason == "InvalidInput"


def test_of_more_than_a_reason_holds_the_number_and_the_place_of_the_rest_are_reported(database: Connection) -> None:
    """Whole lines, and nothing is cut off on the way into the database."""
    fabric_store.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "lab_cluster"})
    fabric = fabric_store.load_fabric(database, "lab")
    lines = [f"vpcs/vpc-{number}.yaml: " + "a long explanation " * 5 for number in range(100)]
    error = InvalidInput("\n".join(lines))
    outcome = failures.record(database, fabric, Target.KUBERNETES, error, run_id="r", started=time.perf_counter())
    told = outcome.reason.split("; ")
    assert told[:-1] == lines[: len(told) - 1]
    assert told[-1] == f"and {100 - len(told) + 1} more, 100 in all: the log of this run has them"
    assert len(told) > 30
    assert sync_state.states(database, ["lab"])[0].reason == outcome.reason


def test_an_unforeseen_error_shows_its_class_and_place_but_not_its_text() -> None:
    """The text of a library may quote a kubeconfig or a URL with its password."""
    try:
        find_refusals(None, [], [])  # type: ignore[arg-type]
    except Exception as error:
        place = failures.error_lines(error)
    assert place[0].startswith("unforeseen AttributeError in ")
    told = failures.error_lines(ValueError("https://robot:canary-4711@git.example.com"))
    assert told == ["unforeseen ValueError; the log of this run has the traceback: report it"]
    assert (
        "No space left on device: /cache/x"
        in failures.error_lines(OSError(28, "No space left on device", "/cache/x"))[0]
    )


@pytest.mark.parametrize("target", list(Target))
def test_any_text_of_an_error_can_be_recorded(database: Connection, target: Target) -> None:
    """PostgreSQL takes neither NUL nor half a character: the record of one trouble must not be the next."""
    settings = {"git_sync_enabled": True, "git_repository": "net", "git_directory": "lab"}
    fabric_store.save_repository(database, "net", {"url": "https://git.example.com/net.git"})
    fabric_store.save_fabric(
        database, "lab", settings | {"enable_k8s_sync": True, "kubernetes_connection_id": "lab_cluster"}
    )
    fabric = fabric_store.load_fabric(database, "lab")
    error = InvalidInput("a\0b.yaml: bad\n\udcff.yaml: bad")
    outcome = failures.record(database, fabric, target, error, run_id="run-1", started=time.perf_counter())
    assert outcome.details == ("a\\x00b.yaml: bad", "\\udcff.yaml: bad")
    state = next(state for state in sync_state.states(database, ["lab"]) if state.target is target)
    assert (state.status, state.reason) == (SyncStatus.PARKED, "a\\x00b.yaml: bad; \\udcff.yaml: bad")
