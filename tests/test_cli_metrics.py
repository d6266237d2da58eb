"""`hedgehog metrics` prints what Prometheus reads."""

from __future__ import annotations

import io
import sys

from prometheus_client.parser import text_string_to_metric_families

from hedgehog.__main__ import main
from hedgehog.store.metric_table import METRICS


def test_the_command_prints_the_metrics_for_prometheus(postgres, database_parameters, monkeypatch):
    """Nothing else is on stdout, and the reference parser accepts all of it."""
    uri = postgres.uri(database_parameters["dbname"], scheme="postgres")
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", uri)
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", printed)
    status = main(["metrics"])
    printed.flush()
    families = list(text_string_to_metric_families(printed.buffer.getvalue().decode()))
    assert status == 0
    assert {sample.name for family in families for sample in family.samples} <= set(METRICS)
    assert len(families) > 12
