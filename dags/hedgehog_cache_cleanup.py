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

from airflow.sdk import CronTriggerTimetable, Param, dag

from hedgehog.airflow.cache_operators import CleanUpCacheOperator
from hedgehog.airflow.connections import setting
from hedgehog.airflow.defaults import DAGRUN_TIMEOUT, TAGS, default_args


@dag(
    schedule=CronTriggerTimetable(setting("cache_cleanup_schedule", "*/30 * * * *"), timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=DAGRUN_TIMEOUT,
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    default_args=default_args("cache_refresh"),
    params={
        "fabrics": Param(
            [],
            type="array",
            items={"type": "string", "minLength": 1, "maxLength": 63},
            uniqueItems=True,
            title="Fabrics",
            description="One fabric name a line: everything of these, old or not. Empty: of all fabrics what is too old.",
            section="What",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only say how many entries would go; drop none.",
            section="How",
        ),
    },
    tags=[*TAGS, "cache"],
    doc_md=__doc__,
)
def hedgehog_cache_cleanup() -> None:
    """One task."""
    CleanUpCacheOperator(
        task_id="clean_up",
        fabrics="{{ params.fabrics }}",
        plan_only="{{ params.dry_run }}",
        priority_weight=2,
        doc_md="Drops the read models that are too old, or all of the named fabrics, and returns how many.",
    )


hedgehog_cache_cleanup()
