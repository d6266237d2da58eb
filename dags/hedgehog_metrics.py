"""# Figures and notifications

Takes the figures of this minute: how our tasks ran, how every sync stands, what waits, what is parked, drift, health,
the machine and the fabric database. Keeps them, hands them to Airflow's own metrics, and tells people what is wrong.

**When.** Every minute.

**Tasks.** `collect` first looks for tasks that were killed and therefore left no end on record, then takes and keeps
the figures. `notify` tells the notifiers of `[hedgehog] notifiers` what is newly wrong, what still is after a while,
and what is over.

**By hand.** `hedgehog metrics` prints the same figures; Prometheus reads them at `/hedgehog/metrics/prometheus`.

**When it is red.** `collect`: the fabric database is away, or a schedule of `[hedgehog]` is no cron expression.
`notify`: a notifier could not tell anybody; its log names it. What nobody was told of is told with the next run.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, default_args
from hedgehog.airflow.operators.metrics import RUN_LIMIT, TASK_LIMIT, CollectMetricsOperator, NotifyOperator


@dag(
    schedule=clock("metrics_schedule", "* * * * *"),
    max_active_runs=1,
    doc_md=__doc__,
    **dag_defaults("monitoring", "metrics")
    | {
        "dagrun_timeout": RUN_LIMIT,
        "default_args": default_args("monitoring") | {"retries": 1, "execution_timeout": TASK_LIMIT},
    },
)
def hedgehog_metrics() -> None:
    """Collect, then notify, whatever became of the collecting."""
    collect = CollectMetricsOperator(
        task_id="collect",
        priority_weight=4,
        doc_md="Finds tasks that died without a word, takes all figures, and keeps them.",
    )
    notify = NotifyOperator(
        task_id="notify",
        priority_weight=4,
        trigger_rule="all_done",
        doc_md="Tells the notifiers what is newly wrong, still wrong after a while, or over.",
    )
    collect >> notify


hedgehog_metrics()
