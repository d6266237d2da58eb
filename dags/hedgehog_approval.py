"""# Approval of changes

Asks people about changes that need approval, each with its plan, under *Required Actions* of Airflow, and does what they
decide. Which changes need approval is set with `hedgehog approval require`.

**When.** At once when a change is proposed: by an import, an edit, a deletion or a rollback with the command, the pages or
the API, or by a push to a fabric whose source of truth is Git, if no approving review of its pull request decides it. Every
half an hour it asks about what it missed.

**Tasks.** `find` supersedes proposals whose fabric has changed since, and finds those that nobody is asked about. `ask`,
one mapped task per proposal, waits in the state `awaiting_input`, which holds no slot, worker or triggerer. *Approve*
stores the change, if its plan still holds; *Reject* drops it. After four hours without an answer the question is asked
again, or ends if the proposal was decided elsewhere: with `hedgehog proposals approve`, for example.

**Manual runs.** A manual run asks at once about what nobody is asked about:

    airflow dags trigger hedgehog_approval

**When it is red.** `ask`: the answer was refused, and the log says why; the usual reason is that the author of a change
approved it, which only a rule with `--author-may-approve` allows. The question is asked again. `find`: the fabric
database is unreachable.

**A question comes again although it was answered.** An answer that comes within seconds of the question, while the
scheduler is late, makes Airflow 3.3 take the task for lost (apache/airflow#72716). It retries the task and forgets the
answer: the audit log has `state mismatch`, and nothing was stored. Answer again.
"""

from airflow.sdk import dag

from hedgehog.airflow.assets import PROPOSED
from hedgehog.airflow.defaults import clock_or, dag_defaults
from hedgehog.airflow.operators.approval import RUN_LIMIT, AskApprovalOperator, FindProposalsOperator
from hedgehog.airflow.settings import APPROVAL_SCHEDULE


@dag(
    schedule=clock_or(PROPOSED, APPROVAL_SCHEDULE),
    max_active_runs=16,
    **(dag_defaults("git_sync", "approval", __doc__) | {"dagrun_timeout": RUN_LIMIT}),
)
def hedgehog_approval() -> None:
    """Find, ask."""
    find = FindProposalsOperator(
        task_id="find",
        priority_weight=8,
        doc_md="Finds the proposals that nobody is asked about, and supersedes those that no longer hold.",
    )
    AskApprovalOperator.partial(
        task_id="ask",
        priority_weight=8,
        map_index_template="→ {{ proposal }}",
        doc_md="Shows the plan of a proposal, waits for the answer without holding a slot, and carries it out.",
    ).expand(proposal=find.output)


hedgehog_approval()
