"""# Backup

Writes everything that is wanted, repositories, fabrics and objects, and the last revisions, to a directory or to object
storage: files that `hedgehog fabric import` reads, and a manifest with their SHA-256. All of it is of one moment,
whatever changes meanwhile. There are no secrets in it; connections are only named.

**When.** Once a day. The oldest backups go, so that `[hedgehog] backup_keep` (14) are left.

**Tasks.** `backup` writes to `[hedgehog] backup_directory`: a path, best on a disk that outlives the worker, or a URL
such as `s3://aws_backup@bucket/fabrics`, where `aws_backup` is an Airflow connection.

**By hand.** With *Dry run* it says what it would write and which backups would go:

    airflow dags trigger hedgehog_backup --conf '{"dry_run": true}'

To restore, see `hedgehog restore --help` and `docs/maintenance.md`.

**When it is red.** The place cannot be written, or a repository's URL carries a login, which no backup may hold; the
log says which. There is no half a backup: it has its name, or its manifest, only when all of it is there.
"""

from airflow.sdk import CronTriggerTimetable, Param, dag

from hedgehog.airflow.connections import setting
from hedgehog.airflow.defaults import DAGRUN_TIMEOUT, TAGS, default_args
from hedgehog.airflow.maintenance_operators import BackUpOperator


@dag(
    schedule=CronTriggerTimetable(setting("backup_schedule", "20 2 * * *"), timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=DAGRUN_TIMEOUT,
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    default_args=default_args("maintenance"),
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only say what would be written and deleted; do neither.",
            section="How",
        ),
    },
    tags=[*TAGS, "maintenance"],
    doc_md=__doc__,
)
def hedgehog_backup() -> None:
    """One task."""
    BackUpOperator(
        task_id="backup",
        plan_only="{{ params.dry_run }}",
        priority_weight=3,
        doc_md="Writes a backup, deletes the oldest, and returns what it did.",
    )


hedgehog_backup()
