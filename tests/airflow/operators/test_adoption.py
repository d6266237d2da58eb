"""The operator of the DAG that takes into a fabric what others changed."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from devstack.objects import make_server
from hedgehog.airflow.adapters import hooks
from hedgehog.airflow.operators.adoption import AdoptOperator
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import fabrics
from hedgehog.store.actions import action_rows
from hedgehog.store.database import Connection
from hedgehog.store.dry_runs import dry_run_rows, record_dry_runs
from hedgehog.store.objects import save_objects


@pytest.fixture
def lab(fabric_database, database: Connection) -> Connection:
    """The fabric database with fabric `lab`, of which nothing has drifted."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    save_objects(database, fabrics.load_fabric(database, "lab").id, [make_server("s1")])
    return database


def test_nothing_to_adopt_changes_nothing(lab, context):
    """And asks nobody."""
    done = AdoptOperator(task_id="adopt", fabric="lab").execute(context)
    assert (done["fabric"], sum(done["counts"].values())) == ("lab", 0)
    assert action_rows(lab, "lab", after=None, limit=10) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fabric": "lba"}, "did you mean lab"),
        ({"fabric": "lab", "objects": ["no/such.yaml"]}, "is not a file in Git"),
        ({"fabric": "lab", "objects": ["Server/default/s1"], "place": "cluster"}, "has no drift"),
    ],
)
def test_what_cannot_be_adopted_fails_without_a_retry(lab, context, monkeypatch, values, message):
    """The log says why."""
    monkeypatch.setattr(hooks, "open_cluster", lambda connection_id: FakeCluster())
    with pytest.raises(AirflowFailException, match=message):
        AdoptOperator(task_id="adopt", **values).execute(context)


class FakeCluster:
    """A cluster that nobody asks anything."""

    def close(self) -> None:
        """Let go of nothing."""


def test_the_last_dry_run_of_a_target_is_kept(lab):
    """In the parts of its lines."""
    lines = ("VPC/default/a created", "fabrics/lab/README.md skipped (changed by Ann (x))", "some other line")
    for run_id, details in (("run-1", ()), ("run-2", lines)):
        outcome = Outcome("lab", Target.GIT, OutcomeStatus.HELD, counts={"created": 1}, details=details, dry_run=True)
        record_dry_runs(lab, [outcome, Outcome("gone", Target.GIT, OutcomeStatus.SUCCESS)], run_id=run_id)
    (row,) = dry_run_rows(lab, fabrics.load_fabric(lab, "lab").id)
    assert (row["run_id"], row["status"], row["counts"]) == ("run-2", "held", {"created": 1})
    assert row["changes"] == [
        {"subject": "VPC/default/a", "action": "created", "reason": ""},
        {"subject": "fabrics/lab/README.md", "action": "skipped", "reason": "changed by Ann (x)"},
        {"subject": "", "action": "", "reason": "some other line"},
    ]
