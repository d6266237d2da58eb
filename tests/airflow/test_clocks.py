"""Lateness is measured in intervals of the schedule that the operator set."""

from __future__ import annotations

from hedgehog.airflow.clocks import CLOCKS, intervals


def test_an_interval_is_the_longest_pause_of_a_schedule(monkeypatch):
    """So that a pause at night does not count as late."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE", "*/10 6-21 * * *")
    day = 86400.0
    expected = {
        "git": 8 * 3600.0 + 600.0,
        "kubernetes": 180.0,
        "result_cleanup": 3600.0,
        "log_rotation": day,
        "backup": day,
    }
    assert intervals() == expected


def test_an_invalid_schedule_is_reported_and_affects_no_other(monkeypatch, caplog):
    """By the name of its setting."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_SCHEDULE", "daily")
    assert intervals().keys() == CLOCKS.keys() - {"backup"}
    assert "[hedgehog] backup_schedule is 'daily'; it must be a cron expression" in caplog.text


def test_a_schedule_that_never_occurs_is_reported(monkeypatch, caplog):
    """There is no 31 February."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_SCHEDULE", "0 0 31 2 *")
    assert intervals().keys() == CLOCKS.keys() - {"backup"}
    assert "[hedgehog] backup_schedule is '0 0 31 2 *', which never occurs" in caplog.text
