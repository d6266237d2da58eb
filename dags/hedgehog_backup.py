"""# Backup

Writes the desired state (repositories, fabrics and objects) and the last revisions to a directory or to object storage:
files that `hedgehog fabric import` reads, and a manifest with their SHA-256. It shows the state at one moment,
even if something changes meanwhile. It contains no secrets; connections are only named.

**When.** Once a day. The oldest backups are deleted, so that `[hedgehog] backup_keep` are left.

**Tasks.** `backup` writes to `[hedgehog] backup_directory`: a path, best on a disk that outlives the worker, or a URL
such as `s3://aws_backup@bucket/fabrics`, where `aws_backup` is an Airflow connection.

**Manual runs.** With *Dry run* it says what it would write and which backups it would delete:

    airflow dags trigger hedgehog_backup --conf '{"dry_run": true}'

To restore, see `hedgehog restore --help` and `docs/maintenance.md`.

**When it is red.** Either the place cannot be written, and there is no backup: a backup gets its name, or its manifest,
only when it is complete. Or something could not be backed up, because its rows cannot be read or a repository's URL
contains a login, which no backup may hold: the log names it with the reason, and the backup has everything else. The
last backup that has such a fabric is kept until a newer one has it again.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import clock, dag_defaults, dry_run_param
from hedgehog.airflow.operators.maintenance import BackUpOperator
from hedgehog.airflow.settings import BACKUP_SCHEDULE


@dag(
    schedule=clock(BACKUP_SCHEDULE),
    max_active_runs=1,
    params={
        "dry_run": dry_run_param("Only say what would be written and deleted; do neither."),
    },
    **dag_defaults("maintenance", "maintenance", __doc__),
)
def hedgehog_backup() -> None:
    """One task."""
    BackUpOperator(
        task_id="backup",
        dry_run="{{ params.dry_run }}",
        priority_weight=3,
        doc_md="Writes a backup, deletes the oldest, and returns what it did.",
    )


hedgehog_backup()
