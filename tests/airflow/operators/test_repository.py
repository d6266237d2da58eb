"""Results of repositories reach the summary, and failures have the right colour."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators import repository as change_operators
from hedgehog.airflow.operators.repository import (
    LOOKS,
    FollowRepositoriesOperator,
    PlanRepositoryChangesOperator,
    RepositoryChangesSummaryOperator,
)
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.services.git.left_requests import ClosedRequests
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository.changes import RepositoryOutcome
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, repository_heads
from tests.airflow.conftest import FakeTaskInstance

REVISION = "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
GOOD = RepositoryOutcome("net", REVISION, moved=True, deliveries=2, woken=("base",))


def make_outcome(status: OutcomeStatus = OutcomeStatus.SUCCESS, reason: str = "") -> Outcome:
    """What happened to fabric `lab`."""
    return Outcome("lab", Target.GIT, status, reason=reason)


@pytest.fixture
def follow(monkeypatch, fabric_database):
    """Replaces the service with prepared results; has its calls."""

    def put(*looks: RepositoryOutcome) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def answer(connection: Any, names: list[str], **options: Any) -> list[RepositoryOutcome]:
            calls.append({"names": names, **options})
            return list(looks)

        monkeypatch.setattr(repository_changes, "follow", answer)
        return calls

    return put


def test_a_manual_run_reads_a_repository_that_was_just_read(fabric_database, context):
    """Somebody has pushed a fix and waits."""
    connection = store_database.connect(fabric_database)
    fabrics.save_repository(connection, "net", {"url": "https://git.example.com/acme/net.git"})
    fabrics.save_fabric(connection, "lab", {"git_repository": "net", "git_sync_enabled": True})
    repository_heads.record(connection, fabrics.load_repositories(connection)[0].id, "5394cb7f" * 5)
    connection.close()
    assert PlanRepositoryChangesOperator(task_id="plan").execute(context) == []
    assert PlanRepositoryChangesOperator(task_id="plan", at_once=True).execute(context) == [["net"]]


def test_the_plan_finds_repositories_that_are_due(fabric_database, context):
    """In a real database: one repository with a fabric, never read."""
    connection = store_database.connect(fabric_database)
    fabrics.save_repository(connection, "net", {"url": "https://git.example.com/acme/net.git"})
    fabrics.save_fabric(connection, "lab", {"git_repository": "net", "git_sync_enabled": True})
    connection.close()
    assert PlanRepositoryChangesOperator(task_id="plan").execute(context) == [["net"]]
    assert PlanRepositoryChangesOperator(task_id="plan", repository="acme/net").execute(context) == [["net"]]
    with pytest.raises(AirflowFailException, match="there is no repository 'acme/other'"):
        PlanRepositoryChangesOperator(task_id="plan", repository="acme/other").execute(context)
    with pytest.raises(AirflowFailException, match="repository net follows branch 'main', not 'mian'"):
        PlanRepositoryChangesOperator(task_id="plan", repository="net", branch="mian").execute(context)


def test_a_batch_is_read_and_its_results_are_left_for_the_summary(follow, context, ti):
    """The task is named after its repositories."""
    calls = follow(GOOD)
    FollowRepositoriesOperator(task_id="follow", repositories=["net"], fabrics=["lab"], force=True).execute(context)
    (call,) = calls
    assert (call["names"], call["fabrics"], call["force"]) == (["net"], ["lab"], True)
    assert call["run_id"] == "hedgehog_git_sync/manual__2026-01-01"
    assert ti.pushed == {LOOKS: [GOOD.as_dict()]}
    assert context["repositories"] == "net"


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (RepositoryOutcome("net", error=RemoteUnavailable("the host is unreachable")), "net: the host is unreachable"),
        (
            RepositoryOutcome("net", REVISION, outcomes=(make_outcome(OutcomeStatus.ERROR, "no directory"),)),
            "lab: no directory",
        ),
        (
            RepositoryOutcome("net", REVISION, requests=ClosedRequests(failed=("https://h/1 is not closed",))),
            "net: https://h/1 is not closed",
        ),
    ],
    ids=["repository", "fabric", "pull request"],
)
def test_a_failure_makes_the_task_red_after_its_results_are_kept(follow, context, ti, look, said):
    """Airflow does not retry it: the store does that."""
    follow(look, GOOD)
    with pytest.raises(AirflowFailException, match=said):
        FollowRepositoriesOperator(task_id="follow", repositories=["net", "other"]).execute(context)
    assert ti.pushed == {LOOKS: [look.as_dict(), GOOD.as_dict()]}


HELD = RepositoryOutcome("net", REVISION, outcomes=(make_outcome(OutcomeStatus.HELD, "a.yaml:1:1: broken"),))


def test_a_held_fabric_is_red_unless_a_setting_says_otherwise(follow, context, monkeypatch, caplog):
    """It was taken over as far as possible, and somebody must correct the rest."""
    follow(HELD)
    operator = FollowRepositoriesOperator(task_id="follow", repositories="net")
    with pytest.raises(AirflowFailException, match=r"lab: a\.yaml:1:1: broken"):
        operator.execute(context)
    assert ("WARNING", "  lab → git: held; a.yaml:1:1: broken") in [
        (record.levelname, record.getMessage()) for record in caplog.records
    ]
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "warn")
    operator.execute(context)


def test_an_empty_batch_reads_nothing(follow, context):
    """It stands for open problems, which the summary names."""
    calls = follow(GOOD)
    FollowRepositoriesOperator(task_id="follow", repositories=[]).execute(context)
    assert calls == []


def summarize(context: dict[str, Any], planned: Any, *batches: list[RepositoryOutcome] | None) -> Any:
    """Run the summary over the results of mapped tasks."""
    looks = {("follow", LOOKS, index): [one.as_dict() for one in batch] for index, batch in enumerate(batches) if batch}
    context["ti"] = FakeTaskInstance(looks)
    return RepositoryChangesSummaryOperator(task_id="summary", planned=planned).execute(context)


def test_the_summary_counts_results(context):
    """One entry per repository."""
    other = RepositoryOutcome("other", REVISION, outcomes=(make_outcome(),))
    assert summarize(context, [["net"], ["other"]], [GOOD], [other]) == {
        "totals": {"repositories": 2, "moved": 1, "fabrics": 1, "failed": 0, "lost": 0},
        "repositories": [GOOD.as_dict(), other.as_dict()],
        "lost": [],
        "open": [],
    }


def test_the_summary_is_red_when_a_read_failed_or_was_lost(context):
    """It still keeps all other results."""
    bad = RepositoryOutcome("bad", error=RemoteUnavailable("away"))
    with pytest.raises(AirflowFailException, match="2 failed: bad: away, gone"):
        summarize(context, [["bad"], ["gone"], ["net"]], [bad], None, [GOOD])
    totals = {"repositories": 2, "moved": 1, "fabrics": 0, "failed": 1, "lost": 1}
    assert context["ti"].pushed["return_value"]["totals"] == totals


def test_the_summary_is_red_when_a_fabric_is_held(context):
    """Which is not a failure of the read."""
    with pytest.raises(AirflowFailException, match=r"^a person must look at lab; see `hedgehog status`$"):
        summarize(context, [["net"]], [HELD])
    assert context["ti"].pushed["return_value"]["totals"]["failed"] == 0


def test_the_summary_of_a_failed_plan_is_red(context):
    """Nothing was read."""
    with pytest.raises(AirflowFailException, match="the plan failed"):
        summarize(context, None)


def test_a_read_is_reported_in_one_line():
    """For the log."""
    assert change_operators._found(
        RepositoryOutcome("net", REVISION, replaced="a" * 40, moved=True, woken=("x",)).as_dict()
    ) == ("main@sha1:5394cb7f, moved; force-pushed over aaaaaaaaaaaa; files of x were touched")
    closed = RepositoryOutcome("net", REVISION, requests=ClosedRequests(("https://h/1",)))
    assert change_operators._found(closed.as_dict()).endswith("; closed https://h/1, which nobody needs any more")
