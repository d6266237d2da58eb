"""# Self-test

Tries everything that the other DAGs depend on: a task in every queue, a row written to the fabric database
and rolled back, every connection that a fabric or a repository names, and the definitions in every cluster. Nothing
stays behind. Run it after installing, upgrading, or changing a connection:

    airflow dags trigger hedgehog_self_test

`hedgehog self-test` does the same from a shell, except for the queues.

**Tasks.** There is one `reach_…` task per queue: that it ran proves that the broker, the executor and a worker of that
queue work. `check` tries the rest and waits a little for those tasks.

**When it is red.** `check` names every check that failed, with what to do. A queue that was not reached has no worker,
or all slots of its pool are taken at the moment.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.names import POOLS
from hedgehog.airflow.operators.health import ReachQueueOperator, SelfTestOperator


@dag(
    schedule=None,
    max_active_runs=1,
    **dag_defaults("monitoring", "health", __doc__),
)
def hedgehog_self_test() -> None:
    """A task in each queue, and the check in parallel."""
    for queue in POOLS:
        ReachQueueOperator(
            task_id=f"reach_{queue}",
            pool=queue,
            queue=queue,
            priority_weight=9,
            doc_md=f"Shows by running that a worker serves the queue {queue}.",
        )
    SelfTestOperator(
        task_id="check",
        queues=list(POOLS),
        priority_weight=9,
        retries=1,
        doc_md="Tries database, credentials and definitions; fails naming every check that failed.",
    )


hedgehog_self_test()
