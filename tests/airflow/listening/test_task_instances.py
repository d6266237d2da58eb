"""Airflow's REST API reports how tries ended; the answers are excerpts from those of a running Airflow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hedgehog.airflow.listening.task_instances import ApiTaskInstances
from hedgehog.errors import NotFound
from hedgehog.services.upkeep.lost_tasks import Tries
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState

START, END = datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 12, 5, tzinfo=UTC)
ONE = Attempt("hedgehog_git_sync", "manual__1+00:00", "sync", 2, 1)
LIST = "/dags/~/dagRuns/~/taskInstances"
PATH = "/dags/hedgehog_git_sync/dagRuns/manual__1%2B00%3A00/taskInstances/sync/2"


def make_answer(**given):
    """One task instance."""
    return {
        "dag_id": ONE.dag_id,
        "dag_run_id": ONE.run_id,
        "task_id": "sync",
        "map_index": 2,
        "try_number": 1,
        "max_tries": 3,
        "state": "failed",
        "start_date": "2026-05-01T12:00:00Z",
        "end_date": "2026-05-01T12:05:00Z",
        "queue": None,
        "pool": "git_sync",
        "hostname": "w1",
        "pid": 7,
        **given,
    }


class Api:
    """Answers by path; for other paths, not found."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def get(self, path, parameters=None):
        """The answer of a path, page by page for a list."""
        self.asked.append((path, parameters))
        if path not in self.answers:
            raise NotFound(path)
        found = self.answers[path]
        if not isinstance(found, list):
            return found
        offset, limit = parameters["offset"], parameters["limit"]
        return {"task_instances": found[offset : offset + limit]}


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ({PATH: make_answer()}, Tries("failed", END, tried_again=False)),
        ({PATH: make_answer(state="running", end_date=None)}, Tries("running", None, tried_again=False)),
        ({PATH: make_answer(state="up_for_retry")}, Tries("up_for_retry", END, tried_again=False)),
        (
            {PATH: make_answer(try_number=2, state="running"), f"{PATH}/tries/1": make_answer()},
            Tries("failed", END, tried_again=True),
        ),
        ({PATH: make_answer(state=None, end_date=None)}, Tries("", None, tried_again=False)),
        ({}, None),
    ],
)
def test_a_try_is_distinguished_from_later_ones(answers, tries):
    """The task instance is the newest try; older tries are its history."""
    assert ApiTaskInstances(Api(answers)).tries(ONE) == tries


def test_an_unmapped_task_has_a_path_without_an_index():
    """Airflow says -1."""
    api = Api({})
    ApiTaskInstances(api).tries(Attempt("d", "r", "t", -1, 1))
    assert [path for path, _ in api.asked] == ["/dags/d/dagRuns/r/taskInstances/t"]


def test_all_pages_of_a_list_are_read():
    """And only our DAGs are requested."""
    api = Api({LIST: [make_answer(map_index=index) for index in range(230)]})
    assert len(ApiTaskInstances(api).unfinished()) == 230
    assert {parameters["dag_id_prefix_pattern"] for _, parameters in api.asked} == {"hedgehog_"}
    assert [parameters["offset"] for _, parameters in api.asked] == [0, 100, 200]


def test_only_tries_that_began_count_as_failures():
    """A try that Airflow failed before it began has no process that could have died."""
    api = Api({LIST: [make_answer(), make_answer(map_index=3, start_date=None)]})
    assert ApiTaskInstances(api).failed_since(START) == [
        TaskRun(ONE, TaskState.FAILED, START, END, max_tries=3, pool="git_sync", hostname="w1", pid=7)
    ]
    assert api.asked[0][1]["end_date_gte"] == START.isoformat()
