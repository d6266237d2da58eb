"""All our metrics: name, meaning, and the SQL that collects them.

A series for a single fabric exists only while something is wrong with it, so the cost grows with the number of problems,
not of fabrics.
"""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.store.freezes import FROZEN
from hedgehog.store.metric import MOST_SERIES, Metric
from hedgehog.store.schedule import WAITS

FAILED = "hedgehog_metric_failed"
"""The metric that says which others could not be collected."""
FABRIC_TROUBLE = "FabricTrouble"
"""The error class of tasks that fail only to report trouble with fabrics."""

_TARGETS = "(VALUES ('git'), ('kubernetes')) v (target)"
_STATES = "hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id"
_ENABLED = "(CASE s.target WHEN 'git' THEN f.git_sync_enabled ELSE f.enable_k8s_sync END)"
_SUSPENDED = "(f.suspended AND coalesce(f.suspended_until > now(), true))"
# As in schedule.due: fabrics whose source of truth is Git are not written to it.
_DUE = (
    f"s.due_at <= now() AND {_ENABLED} AND NOT {_SUSPENDED} "
    "AND (s.target = 'kubernetes' OR f.source_of_truth = 'database')"
)
_FAILING = f"s.attempts > 0 AND {_ENABLED} AND NOT {_SUSPENDED}"
_STATUS = (
    f"CASE WHEN {_SUSPENDED} THEN 'suspended' "
    f"WHEN {WAITS} AND (s.status IN ('never_synced', 'error') OR s.observed_generation < f.generation AND s.status <> 'parked') "
    "THEN 'waiting' "
    "WHEN s.status = 'in_sync' AND s.observed_generation < f.generation THEN 'out_of_sync' ELSE s.status END"
)
_STATUSES = (
    "('never_synced'), ('syncing'), ('in_sync'), ('out_of_sync'), ('error'), ('parked'), ('waiting'), ('suspended')"
)
# A sync that is running does not undo the successful one before it.
_GOOD = "(s.status = 'in_sync' OR (s.status = 'syncing' AND s.attempts = 0 AND s.last_success_at IS NOT NULL))"
_WORST = f"DESC, 1 LIMIT {MOST_SERIES}"
_HOUR = "now() - interval '1 hour'"
_QUANTILES = "(VALUES (1, '0.5'), (2, '0.95'), (3, '0.99')) q (place, quantile)"


def _quantiles(value: str) -> str:
    return f"percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY {value})"


def _latency(column: str) -> str:
    return (
        f"SELECT q.quantile, found.values[q.place] FROM (SELECT {_quantiles(column)} AS values FROM hedgehog.convergence "
        f"WHERE applied_at > {_HOUR} AND {column} IS NOT NULL HAVING count(*) > 0) found, {_QUANTILES} ORDER BY 1"
    )


_FABRICS = (
    Metric(
        "hedgehog_fabrics",
        "gauge",
        "Fabrics, and how many of them have each sync switched on, are suspended or are frozen.",
        ("state",),
        "SELECT v.state, v.count FROM (SELECT count(*) AS a, count(*) FILTER (WHERE f.git_sync_enabled) AS g, "
        "count(*) FILTER (WHERE f.enable_k8s_sync) AS k, "
        f"count(*) FILTER (WHERE {_SUSPENDED}) AS s, count(*) FILTER (WHERE {FROZEN}) AS z FROM hedgehog.fabric f) c, LATERAL "
        "(VALUES ('all', c.a), ('git_enabled', c.g), ('kubernetes_enabled', c.k), ('suspended', c.s), ('frozen', c.z)) "
        "v (state, count)",
    ),
    Metric(
        "hedgehog_sync_fabrics",
        "gauge",
        "Fabrics with the sync switched on, by their status at the target.",
        ("target", "status"),
        f"SELECT v.target, w.status, coalesce(c.count, 0) FROM {_TARGETS} CROSS JOIN (VALUES {_STATUSES}) w (status) LEFT JOIN "
        f"(SELECT s.target, {_STATUS} AS status, count(*) FROM {_STATES} WHERE {_ENABLED} GROUP BY 1, 2) c USING (target, status) "
        "ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_rollouts",
        "gauge",
        "Rollouts that are not over, by their state: paused ones and those in approval wait for somebody.",
        ("state",),
        "SELECT v.state, count(r.id) FROM (VALUES ('running'), ('paused'), ('approval')) v (state) "
        "LEFT JOIN hedgehog.rollout r ON r.state = v.state GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_rollout_waiting_seconds",
        "gauge",
        "How long a rollout that is paused, or whose next wave is to be approved, has waited for somebody.",
        ("rollout", "state"),
        "SELECT name, state, extract(epoch FROM now() - moved_at) FROM hedgehog.rollout "
        f"WHERE state IN ('paused', 'approval') ORDER BY 1 LIMIT {MOST_SERIES}",
    ),
    Metric(
        "hedgehog_rollout_fabrics",
        "gauge",
        "The fabrics of a rollout that is not over, by how far it is with them.",
        ("rollout", "state"),
        "SELECT r.name, m.state, count(*) FROM hedgehog.rollout r JOIN hedgehog.rollout_fabric m ON m.rollout_id = r.id "
        f"WHERE r.ended_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {MOST_SERIES}",
    ),
    Metric(
        "hedgehog_sync_success_ratio",
        "gauge",
        "Of the fabrics with the sync switched on and not suspended, the share whose last sync was good.",
        ("target",),
        f"SELECT s.target, avg({_GOOD}::integer) FROM {_STATES} WHERE {_ENABLED} AND NOT {_SUSPENDED} GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_sync_due",
        "gauge",
        "Fabrics that wait for a sync: the depth of the queue.",
        ("target",),
        f"SELECT v.target, count(f.id) FROM {_TARGETS} LEFT JOIN ({_STATES}) ON s.target = v.target AND {_DUE} GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_sync_oldest_due_seconds",
        "gauge",
        "How long the fabric that waits longest for a sync has been due.",
        ("target",),
        "SELECT v.target, coalesce(extract(epoch FROM now() - min(s.due_at)), 0) "
        f"FROM {_TARGETS} LEFT JOIN ({_STATES}) ON s.target = v.target AND {_DUE} AND s.due_at > '-infinity' GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_sync_oldest_due_intervals",
        "gauge",
        "The same, in intervals of the schedule of that sync.",
        ("target",),
    ),
    Metric(
        "hedgehog_sync_failures_in_a_row",
        "gauge",
        "Failed syncs of a fabric since the last good one; no series for a fabric that does not fail.",
        ("fabric", "target", "error_class"),
        f"SELECT f.name, s.target, coalesce(s.error_class, ''), s.attempts FROM {_STATES} WHERE {_FAILING} ORDER BY 4 {_WORST}",
    ),
    Metric(
        "hedgehog_sync_authentication_failed",
        "gauge",
        "1 for a fabric whose last sync failed because a credential was refused.",
        ("fabric", "target"),
        f"SELECT f.name, s.target, 1 FROM {_STATES} WHERE {_FAILING} AND s.error_class = 'AuthenticationFailed' ORDER BY 3 {_WORST}",
    ),
    Metric(
        "hedgehog_sync_remote_away_seconds",
        "gauge",
        "For how long a fabric has failed because its Git host or cluster cannot be reached.",
        ("fabric", "target"),
        f"SELECT f.name, s.target, extract(epoch FROM now() - s.failing_since) FROM {_STATES} "
        f"WHERE {_FAILING} AND s.error_class = 'RemoteUnavailable' AND s.failing_since IS NOT NULL ORDER BY 3 {_WORST}",
    ),
    Metric(
        "hedgehog_proposals",
        "gauge",
        "Changes of a fabric that wait for approval; no series for a fabric without any.",
        ("fabric",),
        f"SELECT fabric, count(*) FROM hedgehog.problem WHERE kind = 'proposal' AND verb = 'approval' GROUP BY 1 ORDER BY 2 {_WORST}",
    ),
    Metric(
        "hedgehog_proposal_oldest_seconds",
        "gauge",
        "How long the oldest of them waits; 0 without any.",
        (),
        "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM hedgehog.proposal WHERE status = 'waiting'",
    ),
    Metric(
        "hedgehog_problems",
        "gauge",
        "Open problems of a fabric that wait for somebody, by kind; no series for a fabric without any.",
        ("fabric", "kind"),
        f"SELECT fabric, kind, count(*) FROM hedgehog.problem WHERE needs_somebody GROUP BY 1, 2 ORDER BY 3 {_WORST}",
    ),
    Metric(
        "hedgehog_problem_oldest_seconds",
        "gauge",
        "How long the oldest of them has been open.",
        ("fabric",),
        "SELECT fabric, extract(epoch FROM now() - min(since)) FROM hedgehog.problem WHERE needs_somebody "
        f"GROUP BY 1 ORDER BY 2 {_WORST}",
    ),
    Metric(
        "hedgehog_finalizer_oldest_seconds",
        "gauge",
        "How long an object that is being deleted has waited for a finalizer; no series for a fabric without such an "
        "object.",
        ("fabric",),
        "SELECT fabric, extract(epoch FROM now() - min(since)) FROM hedgehog.problem WHERE kind = 'stuck-finalizer' "
        f"GROUP BY 1 ORDER BY 2 {_WORST}",
    ),
    Metric(
        "hedgehog_dead_letters",
        "gauge",
        "Work that was given up and waits for a person.",
        ("target", "error_class"),
        "SELECT target, coalesce(error_class, ''), count(*) FROM hedgehog.dead_letter WHERE status = 'parked' GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_git_held_files",
        "gauge",
        "Files that a person changed in Git and that are therefore not overwritten.",
        ("fabric",),
        "SELECT f.name, count(*) FROM hedgehog.git_file g JOIN hedgehog.fabric f ON f.id = g.fabric_id "
        f"WHERE g.held_reason IS NOT NULL GROUP BY 1 ORDER BY 2 {_WORST}",
    ),
    Metric(
        "hedgehog_commit_to_applied_seconds",
        "summary",
        "From the commit of a change until the cluster had it, over the last hour.",
        ("quantile",),
        _latency("commit_to_applied"),
    ),
    Metric(
        "hedgehog_commit_to_converged_seconds",
        "summary",
        "From the commit of a change until all switches had it, over the last hour.",
        ("quantile",),
        _latency("commit_to_converged"),
    ),
)

_SURROUNDINGS = (
    Metric(
        "hedgehog_inbox_waiting",
        "gauge",
        "Deliveries of Git hosts that have not been processed yet.",
        ("kind",),
        "SELECT v.kind, count(i.id) FROM (VALUES ('branch'), ('pull_request')) v (kind) LEFT JOIN hedgehog.inbox i "
        "ON i.kind = v.kind AND i.status IN ('received', 'processing', 'failed') AND i.next_attempt_at < 'infinity' GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_inbox_oldest_seconds",
        "gauge",
        "How long the oldest of them has been waiting.",
        ("kind",),
        "SELECT v.kind, coalesce(extract(epoch FROM now() - min(i.received_at)), 0) FROM (VALUES ('branch'), ('pull_request')) v (kind) "
        "LEFT JOIN hedgehog.inbox i ON i.kind = v.kind AND i.status IN ('received', 'processing', 'failed') "
        "AND i.next_attempt_at < 'infinity' GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_webhook_refusals_total",
        "counter",
        "Deliveries that were refused, by reason.",
        ("reason",),
        "SELECT reason, count FROM hedgehog.webhook_refusal ORDER BY 1",
    ),
    Metric(
        "hedgehog_drift_objects",
        "gauge",
        "Objects in clusters that are not as they were applied, or that no fabric wants.",
        ("state",),
        "SELECT v.state, count(d.name) FROM (VALUES ('changed'), ('missing'), ('orphan'), ('unowned')) v (state) "
        "LEFT JOIN hedgehog.drift d USING (state) GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_drift_oldest_seconds",
        "gauge",
        "How long a fabric's oldest changed or missing object has been so; no series for a fabric without drift.",
        ("fabric",),
        "SELECT f.name, extract(epoch FROM now() - min(d.found_at)) FROM hedgehog.drift d JOIN hedgehog.fabric f ON f.id = d.fabric_id "
        f"WHERE d.state IN ('changed', 'missing') GROUP BY 1 ORDER BY 2 {_WORST}",
    ),
    Metric(
        "hedgehog_health",
        "gauge",
        "Fabrics, repositories, GitHub credentials and services, by their health.",
        ("scope", "health"),
        "SELECT scope, health, count(*) FROM hedgehog.health GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_circuits_open",
        "gauge",
        "Fabrics whose remote is not asked for a while because it kept failing.",
        ("service",),
        "SELECT v.service, count(c.fabric_id) FROM (VALUES ('git'), ('github'), ('kubernetes')) v (service) "
        "LEFT JOIN hedgehog.circuit c ON c.service = v.service AND c.opened_at IS NOT NULL GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_maintenance_age_seconds",
        "gauge",
        "How long ago a maintenance job last succeeded; for a cleanup that never did, the time since the installation.",
        ("job",),
        "SELECT job, extract(epoch FROM now() - finished_at) FROM hedgehog.maintenance UNION ALL "
        # HAVING, not WHERE: an aggregate over no rows is still one row, of NULL.
        "SELECT 'result_cleanup', extract(epoch FROM now() - min(applied_at)) FROM hedgehog.migration "
        "HAVING NOT EXISTS (SELECT 1 FROM hedgehog.maintenance WHERE job = 'result_cleanup') ORDER BY 1",
    ),
    Metric(
        "hedgehog_maintenance_age_intervals",
        "gauge",
        "The same, in intervals of the schedule of that job.",
        ("job",),
    ),
    Metric(
        "hedgehog_alerts",
        "gauge",
        "What is wrong now, by condition.",
        ("name",),
        "SELECT name, count(*) FROM hedgehog.alert GROUP BY 1 ORDER BY 1",
    ),
)

_TASKS = (
    Metric(
        "hedgehog_task_runs_total",
        "counter",
        "Tries of our tasks that ended, by their state: up_for_retry is retried, failed is final.",
        ("dag_id", "state"),
        "SELECT dag_id, state, count FROM hedgehog.task_count ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_task_seconds_total",
        "counter",
        "Seconds that these tries took in total.",
        ("dag_id", "state"),
        "SELECT dag_id, state, seconds FROM hedgehog.task_count ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_task_duration_seconds",
        "summary",
        "How long the tries of the last hour took.",
        ("dag_id", "quantile"),
        f"SELECT t.dag_id, q.quantile, t.values[q.place] FROM (SELECT dag_id, {_quantiles('duration')} AS values "
        f"FROM hedgehog.task_run WHERE ended_at > {_HOUR} AND state <> 'skipped' GROUP BY 1) t, {_QUANTILES} ORDER BY 1, 2",
    ),
    Metric(
        "hedgehog_task_success_ratio",
        "gauge",
        "Of the tasks that finally ended in the last hour, the share that succeeded.",
        ("dag_id",),
        "SELECT dag_id, avg((state = 'success')::integer) FROM hedgehog.task_run "
        f"WHERE ended_at > {_HOUR} AND state IN ('success', 'failed') GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_tasks_running",
        "gauge",
        "Tasks that began in the last hour and have not ended.",
        ("dag_id",),
        f"SELECT dag_id, count(*) FROM hedgehog.task_run WHERE state = 'running' AND started_at > {_HOUR} GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "hedgehog_task_failures_in_a_row",
        "gauge",
        "Runs of the last day in which a task finally failed, since it last succeeded; without problems of fabrics, "
        "which have metrics of their own. No series for a task that does not fail.",
        ("dag_id", "task_id"),
        "SELECT r.dag_id, r.task_id, count(DISTINCT r.run_id) FROM hedgehog.task_run r WHERE r.state = 'failed' "
        f"AND r.error_class IS DISTINCT FROM '{FABRIC_TROUBLE}' "
        "AND r.ended_at > now() - interval '1 day' AND NOT EXISTS (SELECT 1 FROM hedgehog.task_run g WHERE g.dag_id = r.dag_id "
        "AND g.task_id = r.task_id AND g.state = 'success' AND g.ended_at > r.ended_at) GROUP BY 1, 2 "
        f"ORDER BY 3 {_WORST}",
    ),
)

_MACHINES = (
    Metric(
        "hedgehog_database_latency_seconds", "gauge", "How long the fabric database takes to answer a trivial query."
    ),
    Metric(
        "hedgehog_database_connections",
        "gauge",
        "Connections to the fabric database, of all its clients.",
        (),
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    ),
    Metric(
        "hedgehog_system_cpu_ratio",
        "gauge",
        "Share of a machine's processor time that was busy since the last measurement.",
        ("host",),
    ),
    Metric(
        "hedgehog_system_cpu_seconds_total",
        "counter",
        "Processor time of a machine, busy and in total.",
        ("host", "mode"),
    ),
    Metric("hedgehog_system_memory_ratio", "gauge", "Share of a machine's memory that is in use.", ("host",)),
    Metric(
        "hedgehog_system_disk_ratio",
        "gauge",
        "Share of the disk of a machine's Airflow home that is in use.",
        ("host",),
    ),
    Metric(
        "hedgehog_metrics_collected_timestamp_seconds",
        "gauge",
        "When hedgehog_periodic last collected all metrics.",
        (),
        "SELECT extract(epoch FROM max(at)) FROM hedgehog.metric_sample HAVING count(*) > 0",
    ),
    Metric(
        FAILED,
        "gauge",
        "1 for a metric that cannot be collected now; no series for those that can.",
        ("metric",),
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*_FABRICS, *_SURROUNDINGS, *_TASKS, *_MACHINES)}
"""All our metrics, by name."""
