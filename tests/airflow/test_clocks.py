"""What is late is measured in intervals of the clock that the operator set."""

from __future__ import annotations

import re
from pathlib import Path

from hedgehog.airflow.clocks import CLOCKS, intervals

DAGS = Path(__file__).resolve().parents[2] / "dags"


def test_the_defaults_are_those_of_the_dags():
    """Each is written twice: a DAG file imports as little as it can."""
    text = "\n".join(path.read_text() for path in DAGS.glob("*.py"))
    found = dict(re.findall(r'"([a-z_]+_schedule)",\s*(?:cron=)?"([^"]+)"', text))
    assert {key: found[key] for key, _ in CLOCKS.values()} == dict(CLOCKS.values())


def test_an_interval_is_the_longest_pause_of_a_clock(monkeypatch):
    """So that a pause at night is not late."""
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


def test_a_clock_that_is_none_is_said_and_costs_no_other(monkeypatch, caplog):
    """By the name of its setting."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_SCHEDULE", "daily")
    assert intervals().keys() == CLOCKS.keys() - {"backup"}
    assert "[hedgehog] backup_schedule is 'daily', which is no cron expression" in caplog.text
