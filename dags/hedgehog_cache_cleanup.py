"""# Cache: clean up

Drops cached copies that are too old to be shown because `hedgehog_cache_refresh` was paused or failed. The copies of a
deleted fabric are dropped with it.

**When.** Every half hour, in the runs of `hedgehog_periodic`; this DAG is for manual runs.

**Tasks.** `clean_up` drops them and returns how many.

**Manual runs.** Name fabrics to drop all their copies, for instance after rows were changed manually; they are created
again on the next request. With *Dry run* it only counts:

    airflow dags trigger hedgehog_cache_cleanup --conf '{"fabrics": ["fabric-1"], "dry_run": true}'

**When it is red.** The fabric database is unreachable; the next run catches up.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults, dry_run_param, fabrics_param
from hedgehog.airflow.operators.cache import CleanUpCacheOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "fabrics": fabrics_param(
            "One fabric name per line: all copies of these, old or not. Empty: the copies of all fabrics that are "
            "too old."
        ),
        "dry_run": dry_run_param("Only say how many entries would be dropped; drop none."),
    },
    **dag_defaults("cache_refresh", "cache", __doc__),
)
def hedgehog_cache_cleanup() -> None:
    """One task."""
    CleanUpCacheOperator(
        task_id="clean_up",
        fabrics="{{ params.fabrics or [] }}",
        dry_run="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Drops the read models that are too old, or all of the named fabrics, and returns how many.",
    )


hedgehog_cache_cleanup()
