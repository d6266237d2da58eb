"""The numbers that operators rely on: pools, limits, retries, the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import Asset

from hedgehog.airflow.defaults import DAGRUN_TIMEOUT, POOLS, TASK_TIMEOUT, clock_or, default_args, sync_params


def test_every_class_of_work_has_a_pool_of_its_own():
    """A flood of cache refreshes takes no slot from a sync."""
    assert {name: slots for name, (slots, _) in POOLS.items()} == {
        "git_sync": 8,
        "kubernetes": 8,
        "cache_refresh": 2,
        "monitoring": 4,
        "maintenance": 1,
    }


def test_every_pool_says_what_it_is_for():
    """The description is what the web UI shows among other people's pools."""
    assert all(description.startswith("Hedgehog: ") for _, description in POOLS.values())


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_goes_to_the_queue_of_its_pool_at_its_own_weight(pool):
    """Airflow's default weight would add up the weights of everything downstream."""
    found = default_args(pool)
    assert (found["pool"], found["queue"], found["weight_rule"]) == (pool, pool, "absolute")


def test_retries_are_few_and_back_off():
    """They are for lost workers; a failing remote is tried again by the fabric database."""
    found = default_args("git_sync")
    assert found["retries"] == 3
    assert found["retry_exponential_backoff"] == 2.0
    assert found["retry_delay"] < found["max_retry_delay"] <= timedelta(minutes=5)


def test_a_task_ends_before_its_run_does():
    """Else a run would time out with no task to blame."""
    assert TASK_TIMEOUT < DAGRUN_TIMEOUT


def test_the_clock_can_be_set(monkeypatch):
    """`[hedgehog] git_sync_schedule` or its environment variable."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE", "7 * * * *")
    found = clock_or(Asset("changed"), setting_name="git_sync_schedule", cron="*/5 * * * *")
    assert found.timetable.expression == "7 * * * *"


def test_an_unset_clock_is_the_default():
    """Five minutes for Git, as every installation has it until somebody decides otherwise."""
    found = clock_or(Asset("changed"), setting_name="git_sync_schedule", cron="*/5 * * * *")
    assert (found.timetable.expression, found.timetable.timezone) == ("*/5 * * * *", "UTC")


def test_the_trigger_form_of_a_sync_does_nothing_special_by_default():
    """A run without input does what the clock does."""
    assert {name: param.value for name, param in sync_params().items()} == {
        "fabrics": [],
        "force": False,
        "dry_run": False,
    }


def test_two_dags_do_not_share_their_params():
    """A param changed by one DAG file must not show up in another."""
    assert sync_params()["fabrics"] is not sync_params()["fabrics"]
