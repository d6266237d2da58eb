"""Pull requests from the inbox to GitHub: planned once, always finished, red only if unchecked."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators import pull_requests as github_operators
from hedgehog.airflow.operators.pull_requests import (
    VALIDATION,
    PlanPullRequestsOperator,
    PullRequestLink,
    PullRequestSummaryOperator,
    PullRequestValidationOperator,
)
from hedgehog.errors import NotFound, RateLimited
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus
from hedgehog.store import database as store_database
from hedgehog.store import inbox
from tests.airflow.conftest import FakeTaskInstance

TASK = {"repository": "github.com/acme/net", "pull_request": 7, "deliveries": []}
PAGE = "https://github.com/acme/net/pull/7"


def make_validation(status=ValidationStatus.SUCCESS, **values):
    """The result of a check of pull request 7."""
    given = {
        "repository": "github.com/acme/net",
        "number": 7,
        "status": status,
        "reason": "1 fabric checked",
        "url": PAGE,
    }
    return Validation(**{**given, **values})


@pytest.fixture
def connection(fabric_database):
    """The fabric database that the operators use."""
    opened = store_database.connect(fabric_database)
    yield opened
    opened.close()


@pytest.fixture
def validate(monkeypatch, fabric_database):
    """The service; a test may change its answer, and an answer that is an error is raised."""
    calls = []

    def service(connection, repository, number, **options):
        calls.append((repository, number, options["details_url"]))
        if isinstance(service.answer, Exception):
            raise service.answer
        return service.answer

    service.answer, service.calls = make_validation(), calls
    monkeypatch.setattr("hedgehog.services.pull_requests.validate.validate", service)
    monkeypatch.setattr(github_operators, "log_page", lambda context: "https://airflow.example.com/log")
    return service


def deliver(connection, number=7, **values):
    """A webhook announced a pull request."""
    deliver.count = getattr(deliver, "count", 0) + 1
    given = {
        "delivery_id": f"d-{deliver.count}",
        "digest": f"{deliver.count:064x}",
        "kind": inbox.PULL_REQUEST,
        "event": "pull_request",
        "repository": "Acme/net",
        "url": "https://github.com/Acme/net.git",
        "number": number,
        "head": "a" * 40,
        "base": "main",
    }
    inbox.store_delivery(connection, inbox.Arrival(**{**given, **values}))


def rows(connection):
    """Status, reason and attempts of the deliveries."""
    with store_database.transaction(connection) as cursor:
        cursor.execute("SELECT status, reason, attempts FROM hedgehog.inbox ORDER BY id")
        return cursor.fetchall()


def plan(context, **options):
    """The result of the plan task."""
    return PlanPullRequestsOperator(task_id="plan", **options).execute(context)


def test_several_deliveries_for_one_pull_request_lead_to_one_check(connection, context):
    """Its newest head is checked in any case."""
    for number in (7, 8, 7):
        deliver(connection, number)
    found = plan(context)
    assert [(one["repository"], one["pull_request"], len(one["deliveries"])) for one in found] == [
        ("github.com/acme/net", 7, 2),
        ("github.com/acme/net", 8, 1),
    ]


def test_the_plan_ignores_pushes(connection, context):
    """Another DAG works on them."""
    deliver(connection, None, kind=inbox.BRANCH, event="push", branch="main")
    assert plan(context) == []


def test_a_person_may_name_a_pull_request(fabric_database, context):
    """Whether a webhook announced it or not."""
    found = plan(context, repository="acme/net", pull_request=7)
    assert found == [{"repository": "acme/net", "pull_request": 7, "deliveries": []}]


@pytest.mark.parametrize(
    "options", [{"repository": "acme/net"}, {"pull_request": 7}, {"repository": "net", "pull_request": 7}]
)
def test_an_incomplete_name_is_refused(fabric_database, context, options):
    """At once, with an explanation."""
    with pytest.raises(AirflowFailException, match=r"pull request|owner/name"):
        plan(context, **options)


def test_a_check_finishes_its_deliveries_and_links_to_the_pull_request(connection, context, validate):
    """Older deliveries are finished together with the newest."""
    deliver(connection)
    deliver(connection)
    task = PullRequestValidationOperator(task_id="check", task=plan(context)[0])
    task.execute(context)
    assert rows(connection) == [
        ("done", "checked together with a later delivery", 1),
        ("done", "1 fabric checked", 1),
    ]
    assert context["pull_requests"] == "acme/net#7"
    assert context["ti"].pushed[VALIDATION]["status"] == "success"
    assert PullRequestLink().get_link(task, ti_key=None) == PAGE
    assert validate.calls == [("github.com/acme/net", 7, "https://airflow.example.com/log")]


def test_the_task_of_a_faulty_pull_request_is_green(context, validate):
    """It was checked; the failure is shown on GitHub."""
    validate.answer = make_validation(ValidationStatus.FAILURE)
    PullRequestValidationOperator(task_id="check", task=TASK).execute(context)
    assert context["ti"].pushed[VALIDATION]["status"] == "failure"


def test_a_skipped_pull_request_is_ignored_in_the_inbox(connection, context, validate):
    """A draft."""
    deliver(connection)
    validate.answer = make_validation(ValidationStatus.SKIPPED, reason="it is a draft")
    PullRequestValidationOperator(task_id="check", task=plan(context)[0]).execute(context)
    assert rows(connection) == [("ignored", "it is a draft", 1)]


@pytest.mark.parametrize(
    ("error", "waits"),
    [(RateLimited("used up", retry_after=900), True), (NotFound("gone"), False), (KeyError("bug"), True)],
)
def test_a_failed_check_is_retried_through_the_inbox(connection, context, validate, error, waits):
    """At the time that GitHub named, or after the back-off; never, if only a person can help."""
    deliver(connection)
    validate.answer = error
    with pytest.raises((AirflowFailException, KeyError)):
        PullRequestValidationOperator(task_id="check", task=plan(context)[0]).execute(context)
    with store_database.transaction(connection) as cursor:
        cursor.execute("SELECT status, next_attempt_at < 'infinity' FROM hedgehog.inbox")
        assert cursor.fetchall() == [("failed", waits)]
    assert plan(context) == []


def test_a_delivery_that_another_run_works_on_is_left_to_it(connection, fabric_database, context, validate):
    """Nothing is checked twice at once."""
    deliver(connection)
    task = plan(context)[0]
    other = store_database.connect(fabric_database)
    inbox.claim(other, (inbox.PULL_REQUEST,))
    PullRequestValidationOperator(task_id="check", task=task).execute(context)
    other.close()
    assert (validate.calls, context["ti"].pushed[VALIDATION]["reason"]) == ([], "another run took it up")


def test_the_summary_counts_and_is_green_when_all_were_checked(context):
    """With faults or without."""
    checked = {
        ("check", VALIDATION, 0): make_validation().as_dict(),
        ("check", VALIDATION, 1): make_validation(ValidationStatus.FAILURE, number=8).as_dict(),
    }
    context["ti"] = FakeTaskInstance(checked)
    summary = PullRequestSummaryOperator(task_id="summary", planned=[TASK, {**TASK, "pull_request": 8}]).execute(
        context
    )
    assert summary["totals"] == {"success": 1, "failure": 1, "skipped": 0, "unchecked": 0}


def test_the_summary_names_unchecked_pull_requests(context):
    """And is red."""
    with pytest.raises(AirflowFailException, match=r"github\.com/acme/net#7"):
        PullRequestSummaryOperator(task_id="summary", planned=[TASK]).execute(context)
    assert context["ti"].pushed["return_value"]["unchecked"] == ["github.com/acme/net#7"]


def test_a_failed_plan_fails_the_summary(context):
    """A run that did nothing is not green."""
    with pytest.raises(AirflowFailException, match="plan failed"):
        PullRequestSummaryOperator(task_id="summary", planned=None).execute(context)
