"""The numbers that operators rely on: pools, limits, retries, schedules."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.defaults import (
    DAGRUN_TIMEOUT,
    TASK_TIMEOUT,
    clock_or,
    default_args,
    refuse_unknown_conf,
    sync_params,
)
from hedgehog.airflow.names import POOLS
from hedgehog.airflow.settings import GIT_SYNC_SCHEDULE


def test_every_class_of_work_has_a_pool_of_its_own():
    """Many cache refreshes take no slot from a sync."""
    assert {name: slots for name, (slots, _) in POOLS.items()} == {
        "git_sync": 8,
        "kubernetes": 8,
        "cache_refresh": 2,
        "monitoring": 4,
        "maintenance": 1,
    }


def test_every_pool_says_what_it_is_for():
    """The web UI shows the description among the pools of others."""
    assert all(description.startswith("Hedgehog: ") for _, description in POOLS.values())


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_goes_to_the_queue_of_its_pool_at_its_own_weight(pool):
    """Airflow's default weight would add up the weights of all downstream tasks."""
    found = default_args(pool)
    assert (found["pool"], found["queue"], found["weight_rule"]) == (pool, pool, "absolute")


def test_a_task_may_take_longer_than_a_git_call(monkeypatch):
    """Otherwise a large clone would be killed and started again each time."""
    assert timedelta(seconds=480) < TASK_TIMEOUT == timedelta(minutes=10)
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMEOUT", "7200")
    place = importlib.util.find_spec("hedgehog.airflow.defaults")
    assert place is not None
    assert place.loader is not None
    parsed = importlib.util.module_from_spec(place)
    place.loader.exec_module(parsed)
    assert timedelta(seconds=7200) < parsed.TASK_TIMEOUT < parsed.DAGRUN_TIMEOUT


def test_an_unknown_setting_is_logged_during_parsing_and_stops_no_dag(monkeypatch, caplog):
    """Otherwise one mistyped name would remove all DAGs."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMOUT", "7200")
    place = importlib.util.find_spec("hedgehog.airflow.defaults")
    place.loader.exec_module(importlib.util.module_from_spec(place))
    assert [one.levelname for one in caplog.records] == ["ERROR"]
    assert "'git_timout', which is not a setting; did you mean git_timeout?" in caplog.text


def test_retries_are_few_and_back_off():
    """They are for lost workers; the fabric database schedules the retries of failing servers."""
    found = default_args("git_sync")
    assert found["retries"] == 3
    assert found["retry_exponential_backoff"] == 2.0
    assert found["retry_delay"] < found["max_retry_delay"] <= timedelta(minutes=5)


def test_a_task_ends_before_its_run_does():
    """Otherwise a run would time out without a failed task."""
    assert TASK_TIMEOUT < DAGRUN_TIMEOUT


def test_the_schedule_can_be_set(monkeypatch):
    """`[hedgehog] git_sync_schedule` or its environment variable."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE", "7 * * * *")
    found = clock_or(Asset("changed"), GIT_SYNC_SCHEDULE)
    assert found.timetable.expression == "7 * * * *"


def test_an_unset_schedule_is_the_default():
    """Five minutes for Git."""
    found = clock_or(Asset("changed"), GIT_SYNC_SCHEDULE)
    assert (found.timetable.expression, found.timetable.timezone) == ("*/5 * * * *", "UTC")


def test_the_trigger_form_of_a_sync_does_nothing_special_by_default():
    """A run without input does the same as a scheduled run."""
    assert {name: param.value for name, param in sync_params().items()} == {
        "fabrics": [],
        "force": False,
        "dry_run": False,
        "override_window": None,
    }


def test_two_dags_do_not_share_their_params():
    """A param changed by one DAG file must not show up in another."""
    assert sync_params()["fabrics"] is not sync_params()["fabrics"]


def started_with(conf: dict[str, Any] | None, params: Any) -> Any:
    """The context of a task whose run was started with *conf*."""
    return {"dag_run": SimpleNamespace(conf=conf), "dag": SimpleNamespace(dag_id="hedgehog_git_sync", params=params)}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("dryrun", "'dryrun' (did you mean 'dry_run'?)"),
        ("DRY-RUN", "'DRY-RUN' (did you mean 'dry_run'?)"),
        ("fabric", "'fabric' (did you mean 'fabrics'?)"),
        ("Fabrics", "'Fabrics' (did you mean 'fabrics'?)"),
        ("colour", "'colour'; it takes dry_run, fabrics, force, override_window."),
    ],
)
def test_a_mistyped_conf_fails_the_run_with_a_similar_key(key, said):
    """`{"dryrun": true}` must not become an ordinary run."""
    with pytest.raises(AirflowFailException) as refused:
        refuse_unknown_conf(started_with({key: True, "force": True}, sync_params()))
    assert said in str(refused.value)
    assert "Nothing was done" in str(refused.value)


def test_a_dag_without_params_accepts_no_conf():
    """Somebody who gives one expects an effect."""
    with pytest.raises(AirflowFailException, match="'fabrics'; it takes no parameters"):
        refuse_unknown_conf(started_with({"fabrics": []}, {}))


@pytest.mark.parametrize("conf", [None, {}, {"fabrics": ["lab"], "dry_run": True}, {"fabrics": None}])
def test_a_conf_with_known_keys_is_accepted(conf):
    """And an empty one, as in scheduled and woken runs."""
    refuse_unknown_conf(started_with(conf, sync_params()))


def test_no_param_is_marked_as_required():
    """A red star would say that an empty form cannot be sent; sections would hide fields."""
    params = sync_params()
    assert {name for name, param in params.items() if "null" not in param.schema["type"]} == set()
    assert {name for name, param in params.items() if "section" in param.schema} == set()
