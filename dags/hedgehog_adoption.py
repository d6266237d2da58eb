"""# What others changed → fabric

Takes into a fabric what people wrote in its files in Git, or what others changed in its objects on the cluster. From
then on the fabric wants it as it is there. All that is named is taken, or nothing.

**When.** Only manually: with the buttons *Adopt* of the Hedgehog pages, or with params. Where it is always to be so, set
the policy `adopt` of the fabric instead.

**Tasks.** `adopt` reads the files or objects, checks them as a cluster would, and stores them.

**Manual runs.** Look first, with `hedgehog drift list`; then name the fabric, and the objects or files:

    airflow dags trigger hedgehog_adoption --conf '{"fabric": "fabric-1", "objects": ["VPC/default/prod"]}'

**When it is red.** Nothing was taken; the log says why: what was named has no drift, was changed again since it
was read, or would be refused by a cluster; or Git or the cluster did not answer.
"""

from airflow.sdk import Param, dag

from hedgehog.airflow.defaults import dag_defaults
from hedgehog.airflow.operators.adoption import AdoptOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "fabric": Param(
            "",
            type=["string", "null"],
            maxLength=63,
            title="Fabric",
            description="Its name.",
        ),
        "objects": Param(
            [],
            type=["array", "null"],
            items={"type": "string", "minLength": 1, "maxLength": 1000},
            uniqueItems=True,
            title="Objects or files",
            description="One `Kind/namespace/name`, or path of a file in Git, per line. Empty: all that were changed.",
        ),
        "place": Param(
            "both",
            type=["string", "null"],
            enum=["both", "git", "cluster", None],
            title="Where",
            description="Only what was changed there.",
        ),
    },
    **dag_defaults("git_sync", "sync", __doc__),
)
def hedgehog_adoption() -> None:
    """One task."""
    AdoptOperator(
        task_id="adopt",
        fabric="{{ params.fabric or '' }}",
        objects="{{ params.objects or [] }}",
        place="{{ params.place or 'both' }}",
        priority_weight=8,
        doc_md="Takes what others wrote into the fabric, and returns what changed there.",
    )


hedgehog_adoption()
