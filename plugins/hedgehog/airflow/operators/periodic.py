"""The operator with which hedgehog_periodic begins: which work is due, and which DAGs have any."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, Context
from airflow.sdk.exceptions import DownstreamTasksSkipped

from hedgehog.airflow import trouble
from hedgehog.airflow.clocks import SHARED, has_struck
from hedgehog.airflow.operators.tasks import fabric_database

if TYPE_CHECKING:
    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)


class FindDueWorkOperator(BaseOperator):
    """Skips the tasks whose time has not come, and triggers the DAGs whose time has come if they have work.

    All times since the run before count, so that a minute without a run delays work and loses none. In the very first
    run, and in a manual run, everything is due.

    :param work: the tasks that do the work of a DAG of `SHARED`, by the DAG's id.
    :param events: the asset events that trigger the other DAGs of `SHARED`.
    :param outlet: the asset alias under which these events are emitted, for not every run emits them.
    """

    ui_color = "#e8f0fe"

    def __init__(
        self, *, work: Mapping[str, Sequence[str]], events: Mapping[str, Asset], outlet: AssetAlias, **kwargs: Any
    ) -> None:
        super().__init__(outlets=[outlet], **kwargs)
        self.work = work
        self.events = events
        self.outlet = outlet

    def execute(self, context: Context) -> list[str]:
        """Return the DAGs whose time has come."""
        due = self._due(context)
        logger.info("due: %s", ", ".join(due) or "nothing")
        self._trigger([dag_id for dag_id in due if dag_id in self.events], context)
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

    def _trigger(self, dag_ids: Sequence[str], context: Context) -> None:
        if not dag_ids:
            return
        with fabric_database() as connection:
            with_work = [dag_id for dag_id in dag_ids if _has_work(connection, dag_id)]
        for dag_id in with_work:
            logger.info("triggered: %s", dag_id)
            context["outlet_events"][self.outlet].add(self.events[dag_id])


def _has_work(connection: Connection, dag_id: str) -> bool:
    """Whether a run of the DAG would do or report anything: its first task will make the same plan."""
    try:
        return bool(_plan(connection, dag_id) or trouble.problems_of(connection, dag_id.removeprefix("hedgehog_")))
    except Exception as error:  # whatever it is, that DAG meets it as well and shows it; the other work must go on
        logger.error("whether %s has work is not known, so it is triggered: %s", dag_id, error)
        return True


def _plan(connection: Connection, dag_id: str) -> list[list[str]]:
    if dag_id == "hedgehog_git_sync":
        from hedgehog.services.git import sync as git_sync

        return git_sync.plan(connection)
    from hedgehog.services.repository import plan as repository_plan

    return repository_plan.plan(connection)
