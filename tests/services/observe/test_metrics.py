"""The figures as text that Prometheus' own parser reads back, value by value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from hedgehog.services.observe import metrics
from hedgehog.store import fabrics
from hedgehog.store import metrics as store
from hedgehog.store.metric import Metric
from hedgehog.store.metric_table import FAILED, METRICS
from hedgehog.store.metrics import Sample

INTERVALS = {"git": 300.0, "kubernetes": 180.0, "result_cleanup": 3600.0}


def parsed(text):
    """Name, labels and value of every sample."""
    return [
        (sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def test_all_metrics_are_read_by_the_reference_parser(database, tmp_path):
    """As they are, with the kinds and the helps that they were given."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "lab"})
    metrics.record(database, INTERVALS, disk=tmp_path / "not" / "made" / "yet")
    found = metrics.collect(database, INTERVALS)
    text = metrics.exposition(found)
    assert sorted(map(str, parsed(text))) == sorted(str((one.name, dict(one.labels), one.value)) for one in found)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name: family.type for name, family in families.items()} == {
        name.removesuffix("_total") if METRICS[name].kind == "counter" else name: METRICS[name].kind
        for name in {one.name for one in found}
    }
    assert families["hedgehog_sync_due"].documentation == METRICS["hedgehog_sync_due"].help


@given(st.text(), st.floats(allow_nan=False))
def test_any_label_and_value_come_back_as_they_were(text, value):
    """A name of a webhook's refusal, an error class: nothing breaks the page."""
    sample = Sample("hedgehog_sync_failures_in_a_row", value, {"fabric": text, "target": "git"})
    (found,) = parsed(metrics.exposition([sample]))
    # The parser splits lines as Python does, where Prometheus knows only the line feed.
    assert found == (sample.name, dict(sample.labels), value) or len(text.splitlines()) > 1


def test_samples_are_grouped_by_metric_in_the_order_of_the_table():
    """The format wants each metric once."""
    samples = [Sample("hedgehog_sync_due", 1.0, {"target": "git"}), Sample("hedgehog_fabrics", 2.0, {"state": "all"})]
    samples.append(Sample("hedgehog_sync_due", 3.0, {"target": "kubernetes"}))
    lines = [line for line in metrics.exposition(samples).splitlines() if not line.startswith("#")]
    assert lines == [
        'hedgehog_fabrics{state="all"} 2.0',
        'hedgehog_sync_due{target="git"} 1.0',
        'hedgehog_sync_due{target="kubernetes"} 3.0',
    ]


def test_what_waits_is_measured_in_intervals_too(database):
    """So that one rule fits every clock."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "lab"})
    with database, database.cursor() as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET due_at = now() - interval '15 min' WHERE target = 'kubernetes'")
    found = {
        (one.name, one.labels.get("target")): one.value
        for one in metrics.collect(database, INTERVALS)
        if "oldest_due" in one.name
    }
    assert found[("hedgehog_sync_oldest_due_intervals", "git")] == 0
    assert found[("hedgehog_sync_oldest_due_intervals", "kubernetes")] == pytest.approx(5, abs=0.5)


def test_a_metric_derived_from_a_failed_one_counts_as_failed_too(database, monkeypatch):
    """Else its alert would be over."""
    broken = Metric("hedgehog_sync_oldest_due_seconds", "gauge", "…", ("target",), "SELECT 'git', NULL")
    monkeypatch.setattr(store, "METRICS", {**METRICS, broken.name: broken})
    found = metrics.collect(database, INTERVALS)
    assert [one.labels["metric"] for one in found if one.name == FAILED] == [
        "hedgehog_sync_oldest_due_seconds",
        "hedgehog_sync_oldest_due_intervals",
    ]
    assert "hedgehog_maintenance_age_intervals" in {one.name for one in found}
    assert f'{FAILED}{{metric="{broken.name}"}} 1.0' in metrics.exposition(found)


def test_a_machine_that_cannot_be_measured_affects_no_other_metric(database, monkeypatch, tmp_path):
    """Its disk may be gone."""
    monkeypatch.setattr(metrics.psutil, "disk_usage", lambda path: (_ for _ in ()).throw(OSError("stale handle")))
    found = metrics.record(database, INTERVALS, disk=tmp_path)
    assert {one.labels["metric"] for one in found if one.name == FAILED} == {
        name for name in METRICS if name.startswith("hedgehog_system_")
    }
    assert "hedgehog_sync_due" in {one.name for one in found}


def test_the_load_of_a_machine_is_that_since_the_last_measurement(database, tmp_path):
    """Its counters are kept, so nobody waits for a second look."""
    names = {one.name for one in metrics.record(database, INTERVALS, disk=tmp_path) if "host" in one.labels}
    first = {tuple(one.labels.values()): one.value for one in metrics.collect(database, INTERVALS) if "cpu" in one.name}
    assert names == {name for name in METRICS if name.startswith("hedgehog_system_")}
    (host,) = {key[0] for key in first}
    before = [
        Sample("hedgehog_system_cpu_seconds_total", first[(host, mode)] - back, {"host": host, "mode": mode})
        for mode, back in (("busy", 0.0), ("total", 1e6))
    ]
    after = {one.name: one.value for one in metrics.machine(host, tmp_path, before)}
    assert 0 <= after["hedgehog_system_cpu_ratio"] < 0.01
    assert 0 < after["hedgehog_system_memory_ratio"] < 1
    assert 0 <= after["hedgehog_system_disk_ratio"] <= 1
