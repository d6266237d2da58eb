"""All current metrics, as samples and in the text format of Prometheus."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import psutil

from hedgehog.store import metrics as store
from hedgehog.store.database import Connection
from hedgehog.store.metric_table import FAILED, METRICS
from hedgehog.store.metrics import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of `exposition`."""
_CPU_SECONDS = "hedgehog_system_cpu_seconds_total"
_MACHINE = (
    "hedgehog_system_cpu_ratio",
    _CPU_SECONDS,
    "hedgehog_system_memory_ratio",
    "hedgehog_system_disk_ratio",
)
_IN_INTERVALS = {
    "hedgehog_sync_oldest_due_seconds": ("target", "hedgehog_sync_oldest_due_intervals"),
    "hedgehog_maintenance_age_seconds": ("job", "hedgehog_maintenance_age_intervals"),
}


def collect(connection: Connection, intervals: Mapping[str, float]) -> list[Sample]:
    """The samples of all metrics, with the latest ones of the machines that collect them.

    A metric that cannot be collected is reported by the metric FAILED and in the log, and affects no other. Raises
    RemoteUnavailable when the database is unreachable. *intervals* are the seconds between two runs of each target's
    sync and of each job of maintenance.
    """
    started = time.perf_counter()
    store.ping(connection)
    latency = Sample("hedgehog_database_latency_seconds", time.perf_counter() - started)
    found = store.current_samples(connection)
    machines = store.samples_or_failed(_MACHINE, partial(store.latest, connection, _MACHINE))
    return [*found, *_in_intervals(found, intervals), latency, *machines]


def record(connection: Connection, intervals: Mapping[str, float], *, disk: Path) -> list[Sample]:
    """Collect all samples, measure this machine, store everything in the database, and return it."""
    found = collect(connection, intervals)
    host = socket.gethostname()
    others = [sample for sample in found if sample.labels.get("host") != host]
    before = [sample for sample in found if sample.labels.get("host") == host]
    samples = [*others, *store.samples_or_failed(_MACHINE, partial(machine, host, disk, before))]
    store.record(connection, host, [sample for sample in samples if sample.labels.get("host", host) == host])
    return samples


def _in_intervals(samples: Sequence[Sample], intervals: Mapping[str, float]) -> list[Sample]:
    found = []
    for sample in samples:
        if sample.name == FAILED and sample.labels["metric"] in _IN_INTERVALS:
            found += store.failed_samples([_IN_INTERVALS[sample.labels["metric"]][1]])
        label, name = _IN_INTERVALS.get(sample.name, ("", ""))
        interval = intervals.get(sample.labels.get(label, ""))
        if interval:
            found.append(Sample(name, sample.value / interval, sample.labels))
    return found


def machine(host: str, disk: Path, before: Sequence[Sample] = ()) -> list[Sample]:
    """Processor, memory and disk of this machine; the share of busy processor time is that since the samples *before*."""
    labels = {"host": host}
    busy, total = _cpu_seconds()
    earlier = {sample.labels["mode"]: sample.value for sample in before if sample.name == _CPU_SECONDS}
    busy_then, total_then = earlier.get("busy", 0.0), earlier.get("total", 0.0)
    if total <= total_then:  # the machine was restarted meanwhile
        busy_then = total_then = 0.0
    usage = psutil.disk_usage(str(_existing(disk)))
    return [
        Sample("hedgehog_system_cpu_ratio", (busy - busy_then) / (total - total_then), labels),
        Sample(_CPU_SECONDS, busy, {**labels, "mode": "busy"}),
        Sample(_CPU_SECONDS, total, {**labels, "mode": "total"}),
        Sample("hedgehog_system_memory_ratio", psutil.virtual_memory().percent / 100, labels),
        Sample("hedgehog_system_disk_ratio", usage.percent / 100, labels),
    ]


def _cpu_seconds() -> tuple[float, float]:
    times = psutil.cpu_times()._asdict()
    total = sum(seconds for mode, seconds in times.items() if not mode.startswith("guest"))  # which are part of "user"
    return total - times["idle"] - times.get("iowait", 0.0), total


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def exposition(samples: Sequence[Sample]) -> str:
    """*samples* in the text format 0.0.4 of Prometheus, grouped by metric."""
    places = {name: place for place, name in enumerate(METRICS)}
    lines = []
    ordered = sorted(samples, key=lambda sample: places[sample.name])
    for name, family in groupby(ordered, key=lambda sample: sample.name):
        lines += [f"# HELP {name} {_escaped(METRICS[name].help)}", f"# TYPE {name} {METRICS[name].kind}"]
        lines += [f"{name}{_labels(sample.labels)} {sample.value!r}" for sample in family]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
