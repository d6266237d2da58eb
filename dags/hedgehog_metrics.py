"""# Metrics and notifications

Collects the metrics of this minute: how our tasks ran, the state of every sync, what waits, what is parked, drift,
health, the machine and the fabric database. Stores them, hands them to Airflow's own metrics, and notifies people of
what is wrong.

**When.** Every minute, in the runs of `hedgehog_periodic`; this DAG is for manual runs.

**Tasks.** `collect` first looks for tasks that were killed and whose end is therefore not recorded, then collects and
stores the metrics. `notify` sends the notifiers of `[hedgehog] notifiers` what is newly wrong, what is still wrong
after a while, and what is over.

**Without Airflow.** `hedgehog metrics` prints the same metrics; Prometheus reads them at `/hedgehog/metrics/prometheus`.

**When it is red.** `collect`: the fabric database is unreachable, or a schedule of `[hedgehog]` is not a cron
expression. `notify`: a notifier failed; the log names it. Notifications that could not be sent are sent with the next
run.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults, default_args
from hedgehog.airflow.operators.metrics import RUN_LIMIT, TASK_LIMIT, metrics_tasks


@dag(
    schedule=None,
    max_active_runs=1,
    **dag_defaults("monitoring", "metrics", __doc__)
    | {
        "dagrun_timeout": RUN_LIMIT,
        "default_args": default_args("monitoring") | {"retries": 1, "execution_timeout": TASK_LIMIT},
    },
)
def hedgehog_metrics() -> None:
    """Collect, then notify, whether the collecting succeeded or not."""
    metrics_tasks()


hedgehog_metrics()
