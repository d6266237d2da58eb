"""# Fabrics → Kubernetes

Makes the custom resources on each fabric's control cluster equal to Git (or to the fabric database, for a fabric
without Git sync): lists what exists, applies only what differs, in the order of references, and deletes what is no
longer wanted, never more than the fabric's threshold and never what it does not own. Then it writes the result to the
`Fabric` resource.

**When.** At once when a fabric without Git changes, when a push is taken in, or when somebody else changes one of our
objects in a cluster; every three minutes for fabrics that were missed, that failed and are due again, or that are due
for their regular check. What `hedgehog_git_sync` publishes is applied in its own run; this DAG takes up what that run
could not apply.

**Tasks.** `plan` finds the fabrics that are due. `sync` applies them, one mapped task per batch, named by its fabrics.
`summary` says what happened to each and what is open: problems that an earlier run found and nobody has resolved yet.

**Manual runs.** Trigger it with fabric names to sync them now, with *Check everything* to compare every object, with *Dry
run* to see what it would do:

    airflow dags trigger hedgehog_kubernetes_sync --conf '{"fabrics": ["fabric-1"], "dry_run": true}'

**When it is red.** A fabric failed, or something waits for somebody, found by this run or by an earlier one; `summary`
names each with its reason, the time it began, and what to do (with `[hedgehog] open_problems = warn` it is only a
warning). An unreachable cluster is retried automatically; a refused credential, a missing CustomResourceDefinition or a
refused object is parked, and retried about once an hour and as soon as the watch sees that the cause is gone. *Held*
means that a person must decide: a field that somebody else owns, an object that was changed in the cluster where the
fabric's policy is to report that (`hedgehog drift list`), or a deletion above the threshold (*Allow a large prune*).
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.assets import CLUSTER_CHANGED, REVISION_PUBLISHED
from hedgehog.airflow.defaults import clock_or, dag_defaults, sync_params
from hedgehog.airflow.operators.sync import FabricKubernetesSyncOperator, PlanSyncOperator, SyncSummaryOperator
from hedgehog.airflow.settings import KUBERNETES_SYNC_SCHEDULE


@dag(
    schedule=clock_or(REVISION_PUBLISHED | CLUSTER_CHANGED, KUBERNETES_SYNC_SCHEDULE),
    max_active_runs=2,
    params={
        **sync_params(),
        "allow_large_prune": Param(
            False,
            type=["boolean", "null"],
            title="Allow a large prune",
            description="Delete owned objects that are no longer wanted even above the fabric's threshold.",
        ),
    },
    **dag_defaults("kubernetes", "sync", __doc__),
)
def hedgehog_kubernetes_sync() -> None:
    """Plan, sync each batch, summarize."""
    plan = PlanSyncOperator(
        task_id="plan",
        target="kubernetes",
        fabrics="{{ params.fabrics or [] }}",
        force="{{ params.force }}",
        priority_weight=7,
        doc_md="Finds the fabrics that are due, with one query, and splits them into batches.",
    )
    sync = FabricKubernetesSyncOperator.partial(
        task_id="sync",
        dry_run="{{ params.dry_run }}",
        due_only="{{ not (params.fabrics or params.force or params.dry_run) }}",
        override_window="{{ params.override_window if params.fabrics else none }}",
        allow_large_prune="{{ params.allow_large_prune }}",
        priority_weight=8,
        map_index_template="→ {{ fabrics }}",
        doc_md="Applies the fabrics of one batch: one LIST per kind and cluster, then only the objects that differ.",
    ).expand(fabrics=plan.output)
    summary = SyncSummaryOperator(
        task_id="summary",
        planned=plan.output,
        verb="kubernetes_sync",
        fabrics="{{ params.fabrics or [] }}",
        trigger_rule="none_skipped",
        priority_weight=8,
        doc_md="Says what happened to every fabric; red when one failed or waits for somebody. "
        "Skipped when nothing was due and nothing is open.",
    )
    sync >> summary


hedgehog_kubernetes_sync()
