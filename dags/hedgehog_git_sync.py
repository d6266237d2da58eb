"""# Fabrics → Git

Publishes every fabric that changed in the fabric database to its Git repository: `fabric.yaml`, one file per object,
one commit per fabric; then applies what it published to the fabric's cluster. A fabric whose files are as they should
be makes no commit.

**When.** At once when a fabric changes. Every five minutes `hedgehog_periodic` triggers it if a fabric was missed, failed
and is due again, or is due for its regular check.

**Tasks.** `plan` finds the fabrics that are due. `sync` publishes them, one mapped task per batch, named by its
fabrics. `apply` then brings to the clusters of the batch what was published, as `hedgehog_kubernetes_sync` does; a
fabric that has no cluster, that could not be published, or whose cluster did not answer the last time is skipped, with
the reason. `summary` says what happened to each and what is open: problems that an earlier run found and nobody has
resolved yet.

**Manual runs.** Trigger it with fabric names to sync them now, with *Check everything* to compare every file, with *Dry
run* to see what it would do:

    airflow dags trigger hedgehog_git_sync --conf '{"fabrics": ["fabric-1"], "force": true}'

Both concern Git only: a dry run applies nothing, and *Check everything* compares no objects in clusters.

**When it is red.** A fabric failed, or something waits for somebody, found by this run or by an earlier one; `summary`
names each with its reason, the time it began, and what to do (with `[hedgehog] open_problems = warn` it is only a
warning). Network trouble is retried automatically, at growing intervals; a refused login or a protected branch is
parked and retried about once an hour; bad data is parked until it changes. A file that somebody edited in Git is
*held*, and so is an object that its cluster would refuse: nothing is overwritten; see `hedgehog status`.
"""

from airflow.sdk import XComArg, dag, task_group

from hedgehog.airflow.assets import FABRIC_CHANGED, GIT_SYNC_DUE
from hedgehog.airflow.defaults import dag_defaults, sync_params
from hedgehog.airflow.operators.sync import (
    ApplyPublishedOperator,
    FabricGitSyncOperator,
    PlanSyncOperator,
    SyncSummaryOperator,
)


@dag(
    schedule=FABRIC_CHANGED | GIT_SYNC_DUE,
    max_active_runs=2,
    params=sync_params(),
    **dag_defaults("git_sync", "sync", __doc__),
)
def hedgehog_git_sync() -> None:
    """Plan, publish and apply each batch, summarize."""
    plan = PlanSyncOperator(
        task_id="plan",
        target="git",
        fabrics="{{ params.fabrics or [] }}",
        force="{{ params.force }}",
        priority_weight=6,
        doc_md="Finds the fabrics that are due, with one query, and splits them into batches.",
    )

    @task_group(prefix_group_id=False)
    def batch(fabrics: XComArg) -> None:
        """No batch waits for another: what is published is applied at once."""
        sync = FabricGitSyncOperator(
            task_id="sync",
            fabrics=fabrics,
            force="{{ params.force }}",
            dry_run="{{ params.dry_run }}",
            due_only="{{ not (params.fabrics or params.force or params.dry_run) }}",
            override_window="{{ params.override_window if params.fabrics else none }}",
            priority_weight=7,
            map_index_template="→ {{ fabrics }}",
            doc_md="Publishes the fabrics of one batch: one commit per fabric, one push per repository.",
        )
        sync >> ApplyPublishedOperator(
            task_id="apply",
            fabrics=fabrics,
            dry_run="{{ params.dry_run }}",
            override_window="{{ params.override_window if params.fabrics else none }}",
            trigger_rule="none_skipped",
            pool="kubernetes",
            queue="kubernetes",
            priority_weight=8,
            map_index_template="→ {{ fabrics }}",
            doc_md="Applies what was published to the clusters of the batch; a fabric that has no cluster, or that could "
            "not be published, is skipped, and the log says why.",
        )

    summary = SyncSummaryOperator(
        task_id="summary",
        planned=plan.output,
        applied_by="apply",
        verb="git_sync",
        fabrics="{{ params.fabrics or [] }}",
        trigger_rule="none_skipped",
        priority_weight=7,
        doc_md="Says what happened to every fabric; red when one failed or waits for somebody. "
        "Skipped when nothing was due and nothing is open.",
    )
    batch.expand(fabrics=plan.output) >> summary


hedgehog_git_sync()
