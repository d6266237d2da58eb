"""# Git → fabrics

Notices pushes to the repositories of fabrics and acts on them. A fabric whose source of truth is Git is read at
that one revision, checked as its cluster would check it, and taken into the fabric database; its cluster follows at
once. What a cluster would refuse is parked, with the reason; everything else proceeds. For a fabric that the database
owns, a push that changed files we wrote makes it due in `hedgehog_git_sync`, which holds, overwrites or adopts the
edit.

**When.** At once when a webhook announces a push or a merged pull request, and when a fabric whose source of truth is Git
is new, resumed, approved, or due again for another reason. Every five minutes `hedgehog_periodic` triggers it, and each
repository is asked for the head of its branch: a lost webhook only costs minutes, and a Git host without webhooks works
as well.

**Tasks.** `plan` finds the repositories to read. `follow` reads them, one mapped task per batch, named by its
repositories. `summary` says what was found in each, and what is open in the fabrics whose source of truth is Git.

**Manual runs.** A manual run reads every repository at once, even one that was just read. If you name a repository (by its
name, URL or `owner/name`), a branch, or fabrics, every file is compared even if no branch moved. `hedgehog pull` does
the same without Airflow:

    airflow dags trigger hedgehog_repository_changes --conf '{"repository": "acme/net", "branch": "main"}'

**When it is red.** An unreachable host is asked again automatically, at growing intervals; a refused login, a missing
branch or a missing directory is named in `summary` and waits for a person. A *held* fabric was taken over, but some
objects stay as they were; each is named with file and line until it is corrected (with `[hedgehog] open_problems =
warn` it is only a warning). A forced push is taken over and reported; the commits it dropped are kept in the worker's
clone.
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.assets import INBOX, REPOSITORIES_DUE
from hedgehog.airflow.defaults import dag_defaults, fabrics_param
from hedgehog.airflow.operators.repository import (
    FollowRepositoriesOperator,
    PlanRepositoryChangesOperator,
    RepositoryChangesSummaryOperator,
)

BY_HAND = "{{ dag_run.run_type == 'manual' }}"


@dag(
    schedule=INBOX | REPOSITORIES_DUE,
    max_active_runs=2,
    params={
        "fabrics": fabrics_param("One fabric name per line. Empty: every fabric that is due."),
        "repository": Param(
            "",
            type=["string", "null"],
            maxLength=500,
            title="Repository",
            description="Its name in the fabric database, a URL, or owner/name. Empty: every repository that is due.",
        ),
        "branch": Param(
            "",
            type=["string", "null"],
            maxLength=255,
            title="Branch",
            description="Only repositories whose fabrics follow this branch.",
        ),
    },
    **dag_defaults("git_sync", "sync", __doc__),
)
def hedgehog_repository_changes() -> None:
    """Plan, check each batch, summarize."""
    plan = PlanRepositoryChangesOperator(
        task_id="plan",
        repository="{{ params.repository | tojson }}",
        branch="{{ params.branch | tojson }}",
        fabrics="{{ params.fabrics or [] }}",
        at_once=BY_HAND,
        priority_weight=8,
        doc_md="Finds the repositories that a delivery names or that have not been read for some minutes.",
    )
    follow = FollowRepositoriesOperator.partial(
        task_id="follow",
        fabrics="{{ params.fabrics or [] }}",
        force="{{ (params.repository or params.branch or params.fabrics or []) | length > 0 }}",
        at_once=BY_HAND,
        priority_weight=8,
        map_index_template="→ {{ repositories }}",
        doc_md="Asks for the head of each branch, takes over what is new, and finishes the deliveries.",
    ).expand(repositories=plan.output)
    summary = RepositoryChangesSummaryOperator(
        task_id="summary",
        planned=plan.output,
        verb="repository_changes",
        fabrics="{{ params.fabrics or [] }}",
        trigger_rule="none_skipped",
        priority_weight=8,
        doc_md="Says what was found in every repository; red when one failed or a fabric waits for somebody. "
        "Skipped when there was nothing to do and nothing is open.",
    )
    follow >> summary


hedgehog_repository_changes()
