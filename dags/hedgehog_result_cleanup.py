"""# Clean up: old results

Keeps our own tables, and Airflow's rows of our runs, from growing without limit. Rows older than their retention are
deleted, except the newest success of a fabric at a target, a delivery that waits for its next attempt, and a dead
letter that is still parked. Fabrics whose run was killed, and which therefore show `syncing`, get the outcome that the
run could not record.

**When.** Every hour. The retention of each table is a setting, `[hedgehog] <table>_retention_days`; the page
`docs/settings.md` lists them all with their defaults.

**Tasks.** `repair` looks for runs that were killed. `sweep` deletes old rows, at most some hundred thousand per run, in
small transactions. `sweep_runs` deletes Airflow's rows of our ended runs through its REST API; it is skipped unless
there is a connection `hedgehog_airflow_api`. The report of each is its return value.

**Manual runs.** With *Dry run* it says what it would delete:

    airflow dags trigger hedgehog_result_cleanup --conf '{"dry_run": true}'

**When it is red.** The fabric database or the API is unreachable, or refuses the login: nothing is lost, and the next
run catches up. A retention that is not a number above 0 is named in the log, and nothing is deleted.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, dry_run_param
from hedgehog.airflow.operators.maintenance import (
    RepairLostRunsOperator,
    SweepDagRunsOperator,
    SweepHistoriesOperator,
)
from hedgehog.airflow.settings import RESULT_CLEANUP_SCHEDULE


@dag(
    schedule=clock(RESULT_CLEANUP_SCHEDULE),
    max_active_runs=1,
    params={
        "dry_run": dry_run_param("Only say what would be deleted; delete and repair nothing."),
    },
    **dag_defaults("maintenance", "maintenance", __doc__),
)
def hedgehog_result_cleanup() -> None:
    """Three independent jobs."""
    RepairLostRunsOperator(
        task_id="repair",
        dry_run="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Gives fabrics whose run was killed an outcome; one whose runs are killed repeatedly is parked.",
    )
    SweepHistoriesOperator(
        task_id="sweep",
        dry_run="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Deletes rows that are older than their retention, and returns how many of each table.",
    )
    SweepDagRunsOperator(
        task_id="sweep_runs",
        dry_run="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Deletes Airflow's rows of our old runs, except the newest of each DAG. Skipped without its connection.",
    )


hedgehog_result_cleanup()
