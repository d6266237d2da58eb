"""# Pull requests: check

Checks for every pull request that touches a fabric whether its cluster would accept the merge result, and reports on
GitHub: a check that a branch rule can require (*Hedgehog fabrics*), an annotation on each faulty line, and one comment
that is kept up to date with what merging would do. What cannot be verified is a failure there, never a pass.

**When.** When a webhook announces that a pull request was opened or pushed to. Several deliveries for one pull request
lead to one check, of its newest head. Drafts and closed pull requests are not checked; mark a draft as ready, or
reopen a closed one, to have it checked. Commits of GitHub's merge queue are checked in the same way; they get the check
alone.

**Tasks.** `plan` finds the pull requests that wait. `check` checks them, one mapped task each, named by its pull
request; its log has the full report. `summary` says what happened to each; it is red when one could not be checked. A
pull request with faults does not make a task red: it was checked.

**Manual runs.** Trigger it when a webhook was lost, or after a fabric's settings changed:

    airflow dags trigger hedgehog_pull_request_validation --conf '{"repository": "acme/net", "pull_request": 7}'

**When it is red.** After network trouble and rate limits the check is retried automatically at the right time; no
worker is blocked meanwhile. A refused credential or a missing permission is in the task's log: correct the repository's
connection (see `docs/github.md`), then redeliver the webhook on GitHub, or trigger the DAG manually. A check that is killed
three times (time limit, out of memory) is given up: the pull request shows *could not verify*, and there is a dead
letter. Every later run names it until it is replayed, discarded, or checked after all.
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.assets import INBOX
from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.operators.pull_requests import (
    PlanPullRequestsOperator,
    PullRequestSummaryOperator,
    PullRequestValidationOperator,
)


@dag(
    schedule=[INBOX],
    max_active_runs=1,  # two checks of one pull request at once would write two comments
    params={
        "repository": Param(
            "",
            type=["string", "null"],
            maxLength=300,
            title="Repository",
            description="owner/name, or host/owner/name. Empty: every pull request that a webhook announced.",
        ),
        "pull_request": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            maximum=2**31 - 1,
            title="Pull request",
            description="Its number, with a repository. Checked whether a webhook announced it or not.",
        ),
    },
    **dag_defaults("git_sync", "validation", __doc__),
)
def hedgehog_pull_request_validation() -> None:
    """Plan, check each pull request, summarize."""
    plan = PlanPullRequestsOperator(
        task_id="plan",
        repository="{{ params.repository | tojson }}",
        pull_request="{{ params.pull_request }}",
        priority_weight=6,
        doc_md="Finds the pull requests that wait in the inbox, each once.",
    )
    check = PullRequestValidationOperator.partial(
        task_id="check",
        priority_weight=6,
        map_index_template="→ {{ pull_requests }}",
        doc_md="Checks one pull request, publishes the result on GitHub, and finishes its deliveries.",
    ).expand(task=plan.output)
    summary = PullRequestSummaryOperator(
        task_id="summary",
        planned=plan.output,
        verb="pull_request_validation",
        trigger_rule="none_skipped",
        priority_weight=6,
        doc_md="Says what happened to every pull request; red when one could not be checked. Skipped when none waited.",
    )
    check >> summary


hedgehog_pull_request_validation()
