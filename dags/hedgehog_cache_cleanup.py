"""# Old read models

Drops copies for the pages that are too old to be shown: what `hedgehog_cache_refresh` did not renew, because it was
paused or failed. Copies of a deleted fabric go with it.

**When.** Every half an hour.

**Tasks.** `clean_up` drops them and returns how many.

**By hand.** Name fabrics to drop everything that is kept of them, for instance after rows were changed by hand; whoever
asks next gets it made anew. With *Dry run* it only counts:

    airflow dags trigger hedgehog_cache_cleanup --conf '{"fabrics": ["fabric-1"], "dry_run": true}'

**When it is red.** The fabric database is away; the next run catches up.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, dry_run_param, fabrics_param
from hedgehog.airflow.operators.cache import CleanUpCacheOperator


@dag(
    schedule=clock("cache_cleanup_schedule", "*/30 * * * *"),
    max_active_runs=1,
    params={
        "fabrics": fabrics_param(
            "One fabric name a line: everything of these, old or not. Empty: of all fabrics what is too old."
        ),
        "dry_run": dry_run_param("Only say how many entries would go; drop none."),
    },
    doc_md=__doc__,
    **dag_defaults("cache_refresh", "cache"),
)
def hedgehog_cache_cleanup() -> None:
    """One task."""
    CleanUpCacheOperator(
        task_id="clean_up",
        fabrics="{{ params.fabrics or [] }}",
        plan_only="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Drops the read models that are too old, or all of the named fabrics, and returns how many.",
    )


hedgehog_cache_cleanup()
