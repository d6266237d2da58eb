"""Operators of hedgehog_pull_request_validation: which pull requests wait, the checks, and what came of them.

The task of a pull request with faults succeeds: it was checked and reported. A task is red when it could not check.
Nothing here is retried by Airflow: the inbox knows when a failed delivery is due again, and the host when it has room.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.steps import Result, SummaryOperator
from hedgehog.airflow.operators.tasks import fabric_database, short, time_limit
from hedgehog.errors import HedgehogError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from hedgehog.services.pull_requests.verdict import Validation

logger = logging.getLogger(__name__)

VALIDATION = "validation"
"""XCom key under which a check leaves its result."""
_STATUSES = ("success", "failure", "skipped")


class PullRequestLink(BaseOperatorLink):
    """The pull request at its host."""

    name = "Pull request"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked in the task's own process, after it ran; an empty link shows no button."""
        return getattr(operator, "pull_request_link", None) or ""


class PlanPullRequestsOperator(BaseOperator):
    """Finds the pull requests that deliveries ask for, each once, and returns them, one mapped task each.

    :param repository: `owner/name`; check one pull request of it, whether anybody asks or not. (templated)
    :param pull_request: its number. (templated)
    """

    template_fields: Sequence[str] = ("repository", "pull_request")
    ui_color = "#e8f0fe"

    def __init__(self, *, repository: Any = "", pull_request: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.repository = repository
        self.pull_request = pull_request

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return names, numbers and the ids of deliveries; an empty list skips everything downstream."""
        from hedgehog.services.pull_requests import queue as pull_request_queue

        number = None if self.pull_request in (None, "") else int(self.pull_request)
        with fabric_database() as connection:
            tasks = pull_request_queue.plan(connection, repository=str(self.repository or ""), number=number)
        logger.info("pull requests to check: %s", short([str(task) for task in tasks]) or "none")
        return [task.as_dict() for task in tasks]


class PullRequestValidationOperator(BaseOperator):
    """Checks one pull request and says so at its host: a check or status, notes on lines, one comment.

    :param task: what the plan returned for it. (templated, mappable)
    """

    template_fields: Sequence[str] = ("task",)
    ui_color = "#e6f4ea"
    operator_extra_links = (PullRequestLink(),)

    def __init__(self, *, task: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task = task

    def execute(self, context: Context) -> None:
        """Check it. Its deliveries are finished whatever happens."""
        from hedgehog.airflow.adapters.hooks import open_host, open_mirror
        from hedgehog.services.pull_requests import queue as pull_request_queue
        from hedgehog.services.pull_requests import validate as pull_request

        task = pull_request_queue.Task.of(self.task)
        context["pull_requests"] = str(task)  # type: ignore[typeddict-unknown-key]  # map_index_template reads it
        page = log_page(context)
        limit = time_limit(self)

        with fabric_database() as connection:

            def check(repository: str, number: int) -> Validation:
                return pull_request.validate(
                    connection,
                    repository,
                    number,
                    open_host=open_host,
                    open_mirror=open_mirror,
                    details_url=page,
                    merge=task.merge,
                    **limit,
                )

            def give_up(repository: str, number: int, why: str) -> Validation:
                return pull_request.give_up(
                    connection,
                    repository,
                    number,
                    why,
                    open_host=open_host,
                    open_mirror=open_mirror,
                    details_url=page,
                    merge=task.merge,
                )

            try:
                found = pull_request_queue.work(connection, task, check, give_up)
            except HedgehogError as error:
                raise AirflowFailException(f"{task}: {error}") from error
        self.pull_request_link = found.url
        _log_validation(found)
        context["ti"].xcom_push(key=VALIDATION, value=found.as_dict())


def log_page(context: Context) -> str:
    """Where the log of the task can be read, if Airflow knows its own address; the full report is in it."""
    from airflow.sdk.configuration import conf

    return context["ti"].log_url if conf.get("api", "base_url", fallback=None) else ""


def _log_validation(found: Validation) -> None:
    from hedgehog.services.pull_requests.report import log_lines

    logger.info("%s", validation_line(found.as_dict()))
    for report in found.fabrics:
        for line in log_lines(report):
            logger.info("  %s", line)


def validation_line(found: Result) -> str:
    """One line about one pull request, for people."""
    return f"{_name(found)}: {found['status']}; {found['reason']}"


class PullRequestSummaryOperator(SummaryOperator):
    """Says in one place what happened to every pull request of the run and what is open, and fails when one could not
    be checked or waits for somebody.
    """

    key = VALIDATION
    work_task_id = "check"
    nothing_done = "nothing was checked"
    again = "its log says why"

    def left(self, context: Context) -> list[Any]:
        """A task has one pull request."""
        return [[one] if one else None for one in super().left(context)]

    def lost(self, left: Sequence[Any], results: Sequence[Result]) -> list[str]:
        """Pull requests without a result."""
        found = {_name(one) for one in results}
        return [_name(task) for task in self.planned if _name(task) not in found]

    def log_results(self, results: Sequence[Result]) -> None:
        """One line per pull request."""
        for one in results:
            logger.info("%s", validation_line(one))

    def summary(self, results: list[Result], lost: list[str]) -> dict[str, Any]:
        """The totals and one entry per pull request."""
        totals = {status: sum(one["status"] == status for one in results) for status in _STATUSES}
        return {"totals": {**totals, "unchecked": len(lost)}, "pull_requests": results, "unchecked": lost}

    def failures(self, results: Sequence[Result], lost: Sequence[str]) -> list[str]:
        """What could not be checked; the faults of a pull request are reported on it."""
        return [f"{len(lost)} of {len(self.planned)} could not be checked: {short(lost)}"] if lost else []


def _name(one: Result) -> str:
    from hedgehog.services.pull_requests.queue import shown_name

    return shown_name(one["repository"], one["pull_request"], one.get("head", ""))
