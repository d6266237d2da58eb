"""# Parked work → due

Resumes work that was given up: a fabric whose last attempt failed at Git or at its cluster, or whose error cannot go
away without intervention. The fabric is due at once, with all its attempts available again, and its sync is triggered.

**When.** Only manually, after the cause has been corrected. A fabric that is changed, or that succeeds when it is
forced, needs no replay: it is resumed anyway.

**Tasks.** `replay` makes the work due, and says what stays parked because its fabric is suspended or its sync is
switched off.

**Manual runs.** Look first, with `hedgehog dead-letters list`; then name the fabrics, or choose *Everything*:

    airflow dags trigger hedgehog_dead_letter_replay --conf '{"fabrics": ["fabric-1"]}'
    airflow dags trigger hedgehog_dead_letter_replay --conf '{"all": true, "target": "kubernetes"}'

**When it is red.** No fabric was named, or one that does not exist. Nothing was replayed.
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.defaults import dag_defaults, dry_run_param, fabrics_param
from hedgehog.airflow.operators.maintenance import ReplayDeadLettersOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "fabrics": fabrics_param("One fabric name per line; all parked work of each."),
        "target": Param(
            "both",
            type=["string", "null"],
            enum=["both", "git", "kubernetes", None],
            title="Target",
            description="Only what was given up there.",
        ),
        "all": Param(
            False,
            type=["boolean", "null"],
            title="Everything",
            description="All parked work of every fabric. Needed when no fabric is named.",
        ),
        "dry_run": dry_run_param("Only say what would be due again; change nothing."),
    },
    **dag_defaults("maintenance", "maintenance", __doc__),
)
def hedgehog_dead_letter_replay() -> None:
    """One task."""
    ReplayDeadLettersOperator(
        task_id="replay",
        fabrics="{{ params.fabrics or [] }}",
        target="{{ params.target }}",
        every="{{ params.all }}",
        dry_run="{{ params.dry_run }}",
        priority_weight=5,
        doc_md="Makes the selected work due again, and says what happened to each letter.",
    )


hedgehog_dead_letter_replay()
