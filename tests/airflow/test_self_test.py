"""The self-test with the connections of this Airflow."""

from __future__ import annotations

from hedgehog.airflow.self_test import checks


def test_a_wrong_setting_is_a_failed_check(monkeypatch):
    """Everything else is still tried, here without a database."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://ada@/none?host=%2Fnowhere")
    found = {one.name: one for one in checks()}
    assert found["settings"].passed
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_KEP", "3")
    found = {one.name: one for one in checks()}
    assert (found["settings"].passed, found["fabric database"].passed) == (False, False)
    assert "did you mean log_keep?" in found["settings"].text
