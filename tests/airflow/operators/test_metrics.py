"""The two tasks of hedgehog_metrics, on a real fabric database."""

from __future__ import annotations

import json
import logging

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.observability import stats

from hedgehog.airflow.adapters import rest
from hedgehog.airflow.listening import notifiers
from hedgehog.airflow.operators.metrics import CollectMetricsOperator, NotifyOperator, _emit
from hedgehog.errors import InvalidInput
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store.database import transaction
from hedgehog.store.metrics import Sample

SAMPLES = [
    Sample("hedgehog_sync_due", 3.0, {"target": "git"}),
    Sample("hedgehog_health", 1.0, {"scope": "a b", "health": ""}),
]


@pytest.fixture
def connection(fabric_database):
    """The fabric database behind the operators."""
    opened = store_database.connect(fabric_database)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.INFO)


@pytest.fixture
def no_api(monkeypatch):
    """An installation without the connection to Airflow's API."""
    monkeypatch.setattr(rest, "open_api", lambda: None)


def test_the_metrics_of_a_minute_are_kept(connection, context, no_api, caplog):
    """Including those of the machine; the log says that killed tasks cannot be noticed."""
    found = CollectMetricsOperator(task_id="collect").execute(context)
    with transaction(connection) as cursor:
        cursor.execute("SELECT jsonb_array_length(samples) FROM hedgehog.metric_sample")
        ((kept,),) = cursor.fetchall()
    assert found == {"samples": kept, "lost_tasks": 0}
    assert kept > 40
    assert (
        "there is no connection hedgehog_airflow_api: a killed task is noticed after a day, not at once"
        in caplog.messages
    )


def test_an_unreachable_api_does_not_stop_the_metrics(connection, context, monkeypatch, caplog):
    """The log says why killed tasks are not noticed."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:1"})
    )
    assert CollectMetricsOperator(task_id="collect").execute(context)["lost_tasks"] == 0
    (said,) = [message for message in caplog.messages if "could not be determined" in message]
    assert "Airflow's API at http://127.0.0.1:1 cannot be reached" in said


def test_one_broken_query_does_not_stop_the_others(connection, context, no_api, monkeypatch, caplog):
    """All other metrics are kept, and notifications are sent, also about the broken one."""
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE hedgehog.circuit RENAME TO circuits")
    monkeypatch.setattr(notifiers, "senders", lambda context: {})
    assert CollectMetricsOperator(task_id="collect").execute(context)["samples"] > 40
    assert NotifyOperator(task_id="notify").execute(context)["alerts"] == 1
    assert "HedgehogMetricFailed: the metric hedgehog_circuits_open cannot be collected" in caplog.text


def test_an_unexpected_answer_does_not_stop_the_metrics(connection, context, monkeypatch, caplog):
    """Of a proxy in place of Airflow's API, for instance."""
    monkeypatch.setattr(rest, "open_api", lambda: (_ for _ in ()).throw(KeyError("task_instances")))
    assert CollectMetricsOperator(task_id="collect").execute(context)["lost_tasks"] == 0
    assert "could not be determined: KeyError: 'task_instances'" in caplog.text


class Backend:
    """The metrics that StatsD would get."""

    def __init__(self):
        self.gauges = []

    def gauge(self, name, value, **options):
        """Keep it."""
        self.gauges.append((name, value, options.get("tags")))


@pytest.fixture
def statsd(monkeypatch):
    """Airflow's own metrics, switched on."""
    backend = Backend()
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    stats.initialize(factory=lambda: backend, export_legacy_names=False)
    yield backend
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def test_airflows_metrics_have_tags(statsd, monkeypatch):
    """If StatsD supports tags."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
    _emit(SAMPLES)
    assert statsd.gauges == [
        ("hedgehog.sync_due", 3.0, {"target": "git"}),
        ("hedgehog.health", 1.0, {"scope": "a b", "health": ""}),
    ]


def test_without_tags_the_labels_are_part_of_the_name(statsd):
    """Otherwise all fabrics would share one gauge."""
    _emit(SAMPLES)
    assert statsd.gauges == [("hedgehog.sync_due.git", 3.0, None), ("hedgehog.health.a_b.none", 1.0, None)]


def test_nothing_is_sent_if_airflows_metrics_are_off(statsd, monkeypatch):
    """As in a new installation."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "False")
    _emit(SAMPLES)
    assert statsd.gauges == []


@pytest.fixture
def late(connection):
    """A fabric that has waited for an hour."""
    fabrics.save_fabric(connection, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "lab"})
    with transaction(connection) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET due_at = now() - interval '1 h' WHERE target = 'kubernetes'")


def test_a_condition_is_notified_and_logged(late, context, monkeypatch, caplog):
    """Once."""
    told = []
    monkeypatch.setattr(notifiers, "senders", lambda context: {"mail": told.append})
    notify = NotifyOperator(task_id="notify")
    assert [notify.execute(context) for _ in range(2)] == [{"alerts": 1, "over": 0}, {"alerts": 0, "over": 0}]
    assert [notice.subject for notice in told] == ["Hedgehog: 1 open"]
    (line,) = [message for message in caplog.messages if message.startswith("HedgehogSyncLate: ")]
    assert "has waited 20.0 intervals for its sync to kubernetes" in line


def test_a_failing_notifier_makes_the_task_red(late, context, monkeypatch):
    """Otherwise nobody would notice that notifications are not sent."""

    def refuse(notice):
        raise InvalidInput("no")

    monkeypatch.setattr(notifiers, "senders", lambda context: {"mail": refuse})
    with pytest.raises(AirflowFailException, match="these notifiers failed: mail"):
        NotifyOperator(task_id="notify").execute(context)


def test_the_interval_of_repeated_notifications_is_a_setting(fabric_database, context, monkeypatch):
    """A number of minutes."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__NOTIFY_AGAIN_MINUTES", "soon")
    with pytest.raises(AirflowFailException, match="notify_again_minutes is 'soon'; it must be a number"):
        NotifyOperator(task_id="notify").execute(context)
