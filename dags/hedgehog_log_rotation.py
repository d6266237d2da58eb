"""# Clean up: task logs

Compresses task logs of our DAGs that are a day old, or large; deletes them after a month, or earlier when all of them
take too much space. The newest of each DAG are kept. A log that is still being written is left alone, and so are
logs of other DAGs: only directories `dag_id=hedgehog_…` of Airflow's log folder are examined, and links are not
followed.

**When.** Once a day. It works on the machine on which its task runs: if each worker has its own log folder, run
Airflow's log groomer on each, or use remote logging; this DAG then has nothing to do.

**Tasks.** `rotate` does the work and returns counts and sizes. A compressed log is `attempt=N.gz` in the same directory; the
web UI no longer shows it, `zcat` does.

**Manual runs.** With *Dry run* it says what it would do:

    airflow dags trigger hedgehog_log_rotation --conf '{"dry_run": true}'

**When it is red.** The log folder does not exist, or a setting is not a number; the log names it.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, dry_run_param
from hedgehog.airflow.operators.maintenance import RotateLogsOperator
from hedgehog.airflow.settings import LOG_ROTATION_SCHEDULE


@dag(
    schedule=clock(LOG_ROTATION_SCHEDULE),
    max_active_runs=1,
    params={
        "dry_run": dry_run_param("Only say what would be compressed and deleted; write nothing."),
    },
    **dag_defaults("maintenance", "maintenance", __doc__),
)
def hedgehog_log_rotation() -> None:
    """One task."""
    RotateLogsOperator(
        task_id="rotate",
        dry_run="{{ params.dry_run }}",
        priority_weight=1,
        doc_md="Compresses and deletes logs on its machine, and returns counts and sizes.",
    )


hedgehog_log_rotation()
