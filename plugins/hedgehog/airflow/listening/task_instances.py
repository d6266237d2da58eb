"""Our task instances, as Airflow's REST API returns them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from hedgehog.airflow.adapters.rest import AirflowApi
from hedgehog.airflow.listening.task_recorder import DAG_PREFIX
from hedgehog.errors import NotFound
from hedgehog.services.upkeep.lost_tasks import Tries
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState

_UNFINISHED = ("running", "restarting", "deferred", "up_for_reschedule", "queued", "scheduled")
_FAILED = ("failed", "up_for_retry")
_PAGE = 100
_MOST_PAGES = 20


class ApiTaskInstances:
    """The adapter for `hedgehog.services.upkeep.lost_tasks`."""

    def __init__(self, api: AirflowApi) -> None:
        self._api = api

    def unfinished(self) -> set[Attempt]:
        """The tries that are at work, or wait for something in the midst of it."""
        return {_attempt(found) for found in self._all(state=list(_UNFINISHED))}

    def tries(self, attempt: Attempt) -> Tries | None:
        """What happened to a try; None when Airflow does not know it any more."""
        path = "/dags/{}/dagRuns/{}/taskInstances/{}".format(
            *(quote(part, safe="") for part in (attempt.dag_id, attempt.run_id, attempt.task_id))
        )
        if attempt.map_index >= 0:
            path += f"/{attempt.map_index}"
        try:
            found = self._api.get(path)
            later = found["try_number"] > attempt.try_number
            if later:  # the history of a try that was retried says `failed`
                found = self._api.get(f"{path}/tries/{attempt.try_number}")
        except NotFound:
            return None
        return Tries(found["state"] or "", _moment(found["end_date"]), tried_again=later)

    def failed_since(self, moment: datetime) -> Sequence[TaskRun]:
        """Tries that began, and ended since *moment* in failure, whether they are retried or not."""
        found = self._all(state=list(_FAILED), end_date_gte=moment.isoformat())
        return [_task_run(one) for one in found if one["start_date"] and one["end_date"]]

    def _all(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        asked = {"dag_id_prefix_pattern": DAG_PREFIX, "limit": _PAGE, "order_by": "id", **parameters}
        for page in range(_MOST_PAGES):
            found = self._api.get("/dags/~/dagRuns/~/taskInstances", {**asked, "offset": page * _PAGE})[
                "task_instances"
            ]
            yield from found
            if len(found) < _PAGE:
                return


def _attempt(found: dict[str, Any]) -> Attempt:
    return Attempt(found["dag_id"], found["dag_run_id"], found["task_id"], found["map_index"], found["try_number"])


def _task_run(found: dict[str, Any]) -> TaskRun:
    return TaskRun(
        _attempt(found),
        TaskState(found["state"]),
        started_at=datetime.fromisoformat(found["start_date"]),
        ended_at=_moment(found["end_date"]),
        max_tries=found["max_tries"],
        queue=found["queue"] or "",
        pool=found["pool"],
        hostname=found["hostname"] or "",
        pid=found["pid"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
