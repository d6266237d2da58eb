"""# Periodic work

Does what is to be done every few minutes, in one run per minute: metrics and notifications, the health of fabrics, Git
hosts and Airflow, and read models. It also finds out whether `hedgehog_git_sync`, `hedgehog_repository_changes` and
`hedgehog_rollout` have work, and triggers them only if they have.

**When.** Every minute. Each kind of work keeps the schedule of its DAG: `[hedgehog] metrics_schedule` (every minute),
`kubernetes_health_schedule` (2), `github_health_schedule` (3), `cache_refresh_schedule`, `git_sync_schedule`,
`repository_changes_schedule`, `rollout_schedule` (5) and `cache_cleanup_schedule` (30). Work that a missed minute left is done by the next
run.

**Tasks.** `due` finds out what is due, and skips the tasks of the rest. `collect` and `notify` do the work of
`hedgehog_metrics`; `plan`, `check` and `summary` that of `hedgehog_kubernetes_health`; `hosts` that of
`hedgehog_github_health`; `refresh_cache` and `clean_up_cache` that of `hedgehog_cache_refresh` and
`hedgehog_cache_cleanup`. It is described on the pages of these DAGs. `git_sync`, `repository_changes` and `rollout`
trigger the DAGs of these names.

**Manual runs.** A manual run does all of it. For one kind of work, or for some fabrics, trigger the DAG of that work:

    airflow dags trigger hedgehog_periodic

While this DAG is paused there are no metrics, no notifications and no health checks, and nothing makes up for lost
notifications of changes to fabrics with Git sync.

**When it is red.** `due`: the fabric database is unreachable. The other tasks are red for the reasons on the pages of
their DAGs. The next run does the work again.
"""

from airflow.sdk import BaseOperator, dag

from hedgehog.airflow.assets import GIT_SYNC_DUE, REPOSITORIES_DUE, ROLLOUT_DUE
from hedgehog.airflow.defaults import dag_defaults, default_args, every_minute
from hedgehog.airflow.operators.cache import CleanUpCacheOperator, RefreshCacheOperator
from hedgehog.airflow.operators.health import HostsHealthOperator, fabric_health_tasks
from hedgehog.airflow.operators.metrics import RUN_LIMIT, TASK_LIMIT, metrics_tasks
from hedgehog.airflow.operators.periodic import FindDueWorkOperator, TriggerOperator


def read_models() -> list[BaseOperator]:
    """Renew read models, and drop old ones."""
    refresh = RefreshCacheOperator(
        task_id="refresh_cache",
        pool="cache_refresh",
        queue="cache_refresh",
        priority_weight=4,
        doc_md="Renews the read models of all fabrics that need it, and returns how many of each.",
    )
    clean_up = CleanUpCacheOperator(
        task_id="clean_up_cache",
        pool="cache_refresh",
        queue="cache_refresh",
        priority_weight=2,
        doc_md="Drops the read models that are too old, and returns how many.",
    )
    return [refresh, clean_up]


def triggers() -> list[BaseOperator]:
    """Trigger the DAGs that have work."""
    git_sync = TriggerOperator(
        task_id="git_sync",
        outlets=[GIT_SYNC_DUE],
        priority_weight=7,
        doc_md="Triggers `hedgehog_git_sync`. Skipped while nothing is due there and nothing is open.",
    )
    repository_changes = TriggerOperator(
        task_id="repository_changes",
        outlets=[REPOSITORIES_DUE],
        priority_weight=7,
        doc_md="Triggers `hedgehog_repository_changes`. Skipped while nothing is due there and nothing is open.",
    )
    rollout = TriggerOperator(
        task_id="rollout",
        outlets=[ROLLOUT_DUE],
        priority_weight=7,
        doc_md="Triggers `hedgehog_rollout`. Skipped while every rollout that is under way has its run.",
    )
    return [git_sync, repository_changes, rollout]


@dag(
    schedule=every_minute(),
    max_active_runs=4,  # a run that waits for a cluster must not keep the metrics of the next minutes away
    **dag_defaults("monitoring", "health", __doc__)
    | {
        "dagrun_timeout": RUN_LIMIT,
        "default_args": default_args("monitoring") | {"retries": 1, "execution_timeout": TASK_LIMIT},
    },
)
def hedgehog_periodic() -> None:
    """Find out what is due, then do it side by side."""
    due = FindDueWorkOperator(
        task_id="due",
        work={
            "hedgehog_metrics": ["collect", "notify"],
            "hedgehog_kubernetes_health": ["plan", "check", "summary"],
            "hedgehog_github_health": ["hosts"],
            "hedgehog_cache_refresh": ["refresh_cache"],
            "hedgehog_cache_cleanup": ["clean_up_cache"],
            "hedgehog_git_sync": ["git_sync"],
            "hedgehog_repository_changes": ["repository_changes"],
            "hedgehog_rollout": ["rollout"],
        },
        priority_weight=7,
        doc_md="Finds out what is due, and skips the tasks of the rest.",
    )
    hosts = HostsHealthOperator(
        task_id="hosts",
        priority_weight=5,
        doc_md="Asks the fabric database, Airflow and the host of each repository, and records their health.",
    )
    due >> [metrics_tasks(), fabric_health_tasks(), hosts, *read_models(), *triggers()]


hedgehog_periodic()
