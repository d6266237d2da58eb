"""# Cache: refresh

Keeps a copy of what pages and scripts most often request about a fabric, so that they need not query the tables again:
basics (valid for 60 minutes), object counts (30), recent changes (10), health (5) and connections (10). No decision is
ever based on these copies, and each says how old it is.

**When.** Every five minutes, in the runs of `hedgehog_periodic`, for copies that would expire before the next run; this
DAG is for manual runs. Every sync renews the copies of its fabrics anyway.

**Tasks.** `refresh` renews them, with one statement per model for all fabrics.

**Manual runs.** Trigger it with fabric names to renew all their copies now:

    airflow dags trigger hedgehog_cache_refresh --conf '{"fabrics": ["fabric-1"]}'

**When it is red.** The fabric database is unreachable. Once it is reachable again, missing copies are created on request.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults, fabrics_param
from hedgehog.airflow.operators.cache import RefreshCacheOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "fabrics": fabrics_param(
            "One fabric name per line: all copies of these. Empty: the copies of all fabrics that are about to expire."
        ),
    },
    **dag_defaults("cache_refresh", "cache", __doc__),
)
def hedgehog_cache_refresh() -> None:
    """One task."""
    RefreshCacheOperator(
        task_id="refresh",
        fabrics="{{ params.fabrics or [] }}",
        priority_weight=4,
        doc_md="Renews the read models of all fabrics that need it, and returns how many of each.",
    )


hedgehog_cache_refresh()
