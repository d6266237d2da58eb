"""# Read models of the pages

Keeps a copy of what pages and scripts ask most about a fabric, so that they need not ask the tables again: basics (good
for 60 minutes), object counts (30), recent changes (10), health (5) and connections (10). Nothing is ever decided by
these copies, and each says how old it is.

**When.** Every five minutes, for what would end before the next run. Every sync renews the copies of its fabrics by
itself.

**Tasks.** `refresh` renews them, with one statement a model for all fabrics.

**By hand.** Trigger it with fabric names to renew everything of them now:

    airflow dags trigger hedgehog_cache_refresh --conf '{"fabrics": ["fabric-1"]}'

**When it is red.** The fabric database is away. Readers then make what they lack themselves, once it is back.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, fabrics_param
from hedgehog.airflow.operators.cache import RefreshCacheOperator


@dag(
    schedule=clock("cache_refresh_schedule", "*/5 * * * *"),
    max_active_runs=1,
    params={
        "fabrics": fabrics_param(
            "One fabric name a line: everything of these. Empty: of all fabrics what is about to end."
        ),
    },
    doc_md=__doc__,
    **dag_defaults("cache_refresh", "cache"),
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
