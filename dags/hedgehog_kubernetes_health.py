"""# Health: fabrics

Checks the control cluster of every fabric: whether it answers, its nodes, whether the definitions of the fabric's kinds
exist, whether our user may do what a sync does, and what the switches report. The result for each fabric is one word,
`Healthy`, `Progressing`, `Degraded`, `Missing` or `Unknown`, with the reasons. It also says when the last sync has
*converged*: every switch has applied it.

**When.** Every two minutes, in the runs of `hedgehog_periodic`; this DAG is for manual runs. A cluster that failed five
times in a row is not checked again for a minute.

**Tasks.** `plan` groups the fabrics by cluster. `check` asks the clusters of a batch, all at the same time, so that one
that does not answer delays no other. `summary` says what was found, the worst first.

**Results.** The latest check and a history of changes in the fabric database (`hedgehog health`), and the phase, the
condition `Converged` and the state of each switch on the cluster's `Fabric` resource.

**When it is red.** A check could not be made: the fabric database was unreachable, or a task was killed. An unhealthy
fabric does not make it red; its reason is in `summary`, with what to do. docs/health.md explains each.
"""

from airflow.sdk import dag

from hedgehog.airflow.defaults import dag_defaults, fabrics_param
from hedgehog.airflow.operators.health import fabric_health_tasks


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "fabrics": fabrics_param("One fabric name per line. Empty: every fabric that has a cluster."),
    },
    **dag_defaults("monitoring", "health", __doc__),
)
def hedgehog_kubernetes_health() -> None:
    """Plan, check each batch, summarize."""
    fabric_health_tasks(fabrics="{{ params.fabrics or [] }}")


hedgehog_kubernetes_health()
