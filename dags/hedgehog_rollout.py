"""# Rollouts

Rolls one change out to many fabrics, wave by wave: stores it in the fabrics whose turn it is, publishes and applies it,
and watches until every switch has it and the time of the soak is over. Each run does one wave of each rollout that no
other run moves on; what is next is always read from the fabric database.

**When.** At once when a rollout begins (`hedgehog rollout start`), when a wave has ended, and when somebody resumes or
approves. Every five minutes `hedgehog_periodic` triggers it for a rollout whose run was lost.

**Tasks.** `plan` takes the rollouts, looks at each, and returns the fabrics whose turn it is. For each batch of them
`change` stores the change, `sync` publishes it to Git, and `apply` brings it to the clusters. `watch` waits, deferred,
until the wave has ended. `questions` finds rollouts whose next wave waits to be approved, and `approve` asks a person,
in *Required Actions*. After four hours without an answer the question is asked again, or ends if it was decided
elsewhere: with `hedgehog rollout approve`, for example.

**Manual runs.** A manual run takes up what no run moves on; it takes no params:

    airflow dags trigger hedgehog_rollout

**When it is red.** A task could not do its work, the log says why; the rollout itself stands as
`hedgehog rollout show` says, and the next run goes on with it. A fabric that fails does not make a run red: its rollout
is `paused`, with the reason, until somebody resumes or aborts it or takes it back, or is taken back by its own policy.
"""

from airflow.sdk import XComArg, dag, task_group

from hedgehog.airflow.assets import ROLLOUT_DUE, ROLLOUT_MOVED
from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.operators.rollout import (
    LONGEST_RUN,
    ROLLOUTS,
    ApproveWaveOperator,
    FindQuestionsOperator,
    PlanRolloutOperator,
    StoreChangesOperator,
    WatchRolloutsOperator,
)
from hedgehog.airflow.operators.sync import FabricGitSyncOperator, FabricKubernetesSyncOperator


@dag(
    schedule=ROLLOUT_MOVED | ROLLOUT_DUE,
    max_active_runs=64,  # a run may wait for hours or days, for a soak or for somebody to approve, and holds no worker
    **dag_defaults("git_sync", "sync", __doc__) | {"dagrun_timeout": LONGEST_RUN},
)
def hedgehog_rollout() -> None:
    """Plan, change each batch, watch; ask."""
    plan = PlanRolloutOperator(
        task_id="plan",
        priority_weight=8,
        doc_md="Takes the rollouts that no run moves on, and finds the fabrics whose turn it is.",
    )

    @task_group(prefix_group_id=False)
    def batch(fabrics: XComArg) -> None:
        """No batch waits for another."""
        change = StoreChangesOperator(
            task_id="change",
            fabrics=fabrics,
            priority_weight=8,
            map_index_template="→ {{ fabrics }}",
            doc_md="Stores the change in the fabrics of one batch, with what they had before.",
        )
        sync = FabricGitSyncOperator(
            task_id="sync",
            fabrics=fabrics,
            due_only=True,
            priority_weight=8,
            map_index_template="→ {{ fabrics }}",
            doc_md="Publishes the fabrics of the batch to Git, unless another run was quicker.",
        )
        apply = FabricKubernetesSyncOperator(
            task_id="apply",
            fabrics=fabrics,
            due_only=True,
            trigger_rule="none_skipped",
            pool="kubernetes",
            queue="kubernetes",
            priority_weight=8,
            map_index_template="→ {{ fabrics }}",
            doc_md="Applies to the clusters of the batch what was published, unless another run was quicker.",
        )
        change >> sync >> apply

    watch = WatchRolloutsOperator(
        task_id="watch",
        rollouts=plan.output[ROLLOUTS],
        trigger_rule="all_done",
        priority_weight=8,
        doc_md="Waits, deferred, until every fabric of the wave has converged and soaked, or one has failed.",
    )
    questions = FindQuestionsOperator(
        task_id="questions",
        priority_weight=8,
        doc_md="Finds the rollouts whose next wave waits to be approved, and that nobody was asked about.",
    )
    ApproveWaveOperator.partial(
        task_id="approve",
        priority_weight=8,
        map_index_template="→ {{ fabrics }}",
        doc_md="Asks whether the next wave of a rollout may begin. Skipped while none waits for that.",
    ).expand_kwargs(questions.output)
    batch.expand(fabrics=plan.output) >> watch


hedgehog_rollout()
