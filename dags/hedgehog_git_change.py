"""# Change → Git

Commits a change of a fabric whose source of truth is Git to the branch of the fabric, and takes it in. Only the fields that
differ are written, in the files and documents that the objects are in. Where the branch is protected, it opens a pull
request instead.

**When.** Only manually: when somebody edits, deletes or rolls back objects of such a fabric on the Hedgehog pages or with
the API, or with params. The author of the commit is who started the run.

**Tasks.** `commit` makes the commit, if the fabric is still what it was when the change was planned. `follow` then reads
the repository and takes in what was committed, as `hedgehog_repository_changes` does.

**Manual runs.** Plan a change with `hedgehog plan`; then name the plan, and say why:

    airflow dags trigger hedgehog_git_change --conf '{"plan": "3f2a90c1d4e5b678", "reason": "CHG-17"}'

**When it is red.** `commit`: nothing was committed, and the log says why; the usual reason is that somebody changed the
fabric or its files meanwhile: look at it again, then repeat the change. `follow`: the commit is made, and taking it in
failed or waits for somebody, as in `hedgehog_repository_changes`, which tries it again.
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.operators.git_change import CommitPlanOperator
from hedgehog.airflow.operators.repository import FollowRepositoriesOperator


@dag(
    schedule=None,
    max_active_runs=4,
    params={
        "plan": Param(
            "",
            type=["string", "null"],
            maxLength=64,
            title="Plan",
            description="The id of a plan of a change, as `hedgehog plan` shows it.",
        ),
        "reason": Param(
            "",
            type=["string", "null"],
            maxLength=1000,
            title="Reason",
            description="Why, for the message of the commit.",
        ),
        "rollback_to": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            title="Roll back to",
            description="The generation whose files the objects of the plan get again, comments included. Empty: only the "
            "fields that differ are written.",
        ),
        "allow_invalid": Param(
            False,
            type=["boolean", "null"],
            title="Allow what is invalid",
            description="Also commit what a cluster would refuse; it is held until it is corrected.",
        ),
    },
    **dag_defaults("git_sync", "sync", __doc__),
)
def hedgehog_git_change() -> None:
    """Commit, take in."""
    commit = CommitPlanOperator(
        task_id="commit",
        plan="{{ (params.plan or '') | tojson }}",
        reason="{{ (params.reason or '') | tojson }}",
        rollback_to="{{ params.rollback_to }}",
        allow_invalid="{{ params.allow_invalid }}",
        priority_weight=8,
        doc_md="Commits the change to the branch of its fabric, or opens a pull request where that is protected.",
    )
    FollowRepositoriesOperator(
        task_id="follow",
        repositories=commit.output["repositories"],
        fabrics=commit.output["fabrics"],
        at_once=True,
        priority_weight=8,
        doc_md="Takes in what was committed; a pull request has to be merged first.",
    )


hedgehog_git_change()
