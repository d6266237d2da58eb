"""The operators of rollouts: a run takes what no other moves on, stores, watches deferred, asks, and lets go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from hedgehog.airflow.operators.rollout import (
    PATIENCE,
    ApproveWaveOperator,
    FindQuestionsOperator,
    PlanRolloutOperator,
    StoreChangesOperator,
    WatchRolloutsOperator,
)
from hedgehog.fabric.rollouts import Approve, RolloutPolicy, RolloutState
from hedgehog.store import rollouts
from hedgehog.store.database import Connection
from tests.services.rollouts.rollouts_lab import Fleet


@pytest.fixture
def fleet(fabric_database, database: Connection, tmp_path) -> Fleet:
    """Three fabrics in the database that operators open."""
    found = Fleet(database, tmp_path)
    found.add("a", "b", "c")
    return found


def test_a_run_does_one_wave_and_leaves_the_next_to_another(fleet: Fleet, context) -> None:
    """What is left is free, and wakes the next run."""
    number = fleet.begin(sizes=["1"])
    assert PlanRolloutOperator(task_id="plan").execute(context) == [["a"]]
    assert rollouts.undriven(fleet.database) == []
    assert StoreChangesOperator(task_id="change", fabrics=["a"]).execute(context) == ["a"]
    assert StoreChangesOperator(task_id="change", fabrics=["a"]).execute(context) == []
    WatchRolloutsOperator(task_id="watch", rollouts=[str(number)]).execute(context)
    assert (fleet.states()["a"], rollouts.undriven(fleet.database)) == ("done", ["racks"])
    assert PlanRolloutOperator(task_id="plan").execute(context) == [["b"], ["c"]]


def test_the_watch_waits_deferred_and_keeps_its_rollout(fleet: Fleet, context) -> None:
    """Until the next look, which is in the trigger; nobody else takes it meanwhile."""
    number = fleet.begin(policy=RolloutPolicy(soak=timedelta(hours=1)))
    names = [name for batch in PlanRolloutOperator(task_id="plan").execute(context) for name in batch]
    StoreChangesOperator(task_id="change", fabrics=names).execute(context)
    watch = WatchRolloutsOperator(task_id="watch", rollouts=[str(number)])
    with pytest.raises(TaskDeferred) as deferred:
        watch.execute(context)
    assert deferred.value.method_name == "resume"
    assert deferred.value.trigger.moment > datetime.now(UTC)
    assert rollouts.undriven(fleet.database) == []
    with pytest.raises(TaskDeferred):
        watch.resume(context, {}, **deferred.value.kwargs)


@pytest.mark.parametrize(("answer", "state"), [("Approve", RolloutState.RUNNING), ("Pause", RolloutState.PAUSED)])
def test_an_answer_in_airflow_decides(fleet: Fleet, context, answer: str, state: RolloutState) -> None:
    """It is asked once, and a second answer changes nothing."""
    number = fleet.begin(sizes=["1"], policy=RolloutPolicy(approve=Approve.CANARY))
    fleet.run()
    (question,) = FindQuestionsOperator(task_id="questions").execute(context)
    assert question["subject"] == "Rollout racks: wave 2 of 2"
    assert (question["rollout"], question["wave"]) == (str(number), 1)
    operator = ApproveWaveOperator(task_id="approve", **question)
    event: dict[str, Any] = {
        "chosen_options": [answer],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "bob"},
    }
    assert operator.execute_complete(context, event) == answer
    assert fleet.row().state is state
    assert operator.execute_complete(context, event) in ("nothing to do", answer)
    assert fleet.row().state is state


def test_a_question_that_nobody_answers_is_asked_again(fleet: Fleet, context) -> None:
    """By another run; one that was decided elsewhere meanwhile is not."""
    fleet.begin(sizes=["1"], policy=RolloutPolicy(approve=Approve.CANARY))
    fleet.run()
    assert rollouts.undriven(fleet.database) == ["racks"]
    (question,) = FindQuestionsOperator(task_id="questions").execute(context)
    assert rollouts.undriven(fleet.database) == []
    operator = ApproveWaveOperator(task_id="approve", **question)
    assert operator.response_timeout == PATIENCE
    with pytest.raises(AirflowSkipException, match="nobody answered"):
        operator.execute_complete(context, {"error": "no response", "error_type": "timeout"})
    assert rollouts.undriven(fleet.database) == ["racks"]
    assert rollouts.take_approvals(fleet.database, run_id="other", lease=timedelta(0)) == [question["rollout"]]
    assert rollouts.undriven(fleet.database) == ["racks"]
