"""# Health: Git hosts and Airflow

Checks what the fabrics depend on: whether each repository's host answers (`ls-remote`), whether GitHub accepts each
credential and how many calls it has left, how fast the fabric database is, and whether Airflow's scheduler, triggerer
and DAG processor are alive.

**When.** Every three minutes, in the runs of `hedgehog_periodic`; this DAG is for manual runs. A repository whose host
failed five times in a row is not checked again for a minute.

**Tasks.** `plan` finds the repositories. `check` asks their hosts, several at a time; `services` checks the database
and Airflow, whose address is that of the connection `hedgehog_airflow_api`, else `[api] base_url`. `summary` says what
was found, the worst first.

**When it is red.** A check could not be made: the fabric database was unreachable, or a task was killed. A host that
does not answer, a refused credential or a dead triggerer does not make it red; its reason is in `summary` and in
`hedgehog health`, with what to do. docs/health.md explains each.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.operators.health import (
    HealthSummaryOperator,
    PlanRepositoryHealthOperator,
    RepositoryHealthOperator,
    ServiceHealthOperator,
)


@dag(
    schedule=None,
    max_active_runs=1,
    **dag_defaults("monitoring", "health", __doc__),
)
def hedgehog_github_health() -> None:
    """Plan, check repositories and services, summarize."""
    plan = PlanRepositoryHealthOperator(
        task_id="plan",
        priority_weight=5,
        doc_md="Finds the repositories, in a few batches, and forgets those that are gone.",
    )
    check = RepositoryHealthOperator.partial(
        task_id="check",
        priority_weight=5,
        map_index_template="♥ {{ repositories }}",
        doc_md="Asks the host of each repository of the batch, and GitHub once per credential.",
    ).expand(repositories=plan.output)
    services = ServiceHealthOperator(
        task_id="services",
        priority_weight=5,
        doc_md="Times a query of the fabric database and asks Airflow's API server for the health of its parts.",
    )
    summary = HealthSummaryOperator(
        task_id="summary",
        planned=plan.output,
        also=["services"],
        trigger_rule="all_done",
        priority_weight=5,
        doc_md="Says what was found, the worst first; red when a check was lost.",
    )
    [check, services] >> summary


hedgehog_github_health()
