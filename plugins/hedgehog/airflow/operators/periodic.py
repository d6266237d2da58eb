"""Operators of hedgehog_periodic: which work is due, and the events that trigger the DAGs that have any."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import DownstreamTasksSkipped

from hedgehog.airflow import trouble
from hedgehog.airflow.clocks import SHARED, has_struck
from hedgehog.airflow.operators.tasks import fabric_database

if TYPE_CHECKING:
    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

TRIGGERED = ("hedgehog_git_sync", "hedgehog_repository_changes", "hedgehog_rollout")
"""The DAGs of `SHARED` whose work is not done in a run of hedgehog_periodic: they are triggered if they have any."""


class FindDueWorkOperator(BaseOperator):
    """Skips the tasks of all work that is not due.

    All times since the run before count, so that a minute without a run delays work and loses none. In the very first
    run, and in a manual run, everything is due. A DAG that would be triggered is not due while it has nothing to do.

    :param work: the tasks for each DAG of `SHARED`.
    """

    ui_color = "#e8f0fe"

    def __init__(self, *, work: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work

    def execute(self, context: Context) -> list[str]:
        """Return the DAGs whose work is due."""
        due = self._without_idle(self._due(context))
        logger.info("due: %s", ", ".join(due) or "nothing")
        context["ti"].xcom_push(key="return_value", value=due)
        if skipped := [task_id for dag_id, tasks in self.work.items() if dag_id not in due for task_id in tasks]:
            raise DownstreamTasksSkipped(tasks=skipped)
        return due

    def _due(self, context: Context) -> list[str]:
        run = context["dag_run"]
        before = None if run.logical_date is None else context["ti"].get_previous_dagrun()
        if before is None or before.logical_date is None or run.logical_date is None:
            return [*SHARED]
        after, until = before.logical_date, run.logical_date
        return [dag_id for dag_id, clock in SHARED.items() if has_struck(clock, after=after, until=until)]

    def _without_idle(self, due: Sequence[str]) -> list[str]:
        if not set(due) & set(TRIGGERED):
            return [*due]
        with fabric_database() as connection:
            return [dag_id for dag_id in due if dag_id not in TRIGGERED or _has_work(connection, dag_id)]


class TriggerOperator(BaseOperator):
    """Triggers the DAG that waits for the event of its outlet: it is there to end well, or to be skipped."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> None:
        """Say so."""
        logger.info("triggered by %s", ", ".join(str(outlet.name) for outlet in self.outlets))


def _has_work(connection: Connection, dag_id: str) -> bool:
    """Whether a run of the DAG would do or report anything: its first task will make the same plan."""
    try:
        return bool(any(_plan(connection, dag_id)) or trouble.problems_of(connection, dag_id.removeprefix("hedgehog_")))
    except Exception as error:  # whatever it is, that DAG meets it as well and shows it; the other work must go on
        logger.error("whether %s has work is not known, so it is triggered: %s", dag_id, error)
        return True


def _plan(connection: Connection, dag_id: str) -> list[list[str]]:
    if dag_id == "hedgehog_git_sync":
        from hedgehog.services.git import sync as git_sync

        return git_sync.plan(connection)
    if dag_id == "hedgehog_rollout":
        from hedgehog.store import rollouts

        return [rollouts.undriven(connection)]
    from hedgehog.services.repository import plan as repository_plan

    return repository_plan.plan(connection)
