"""What processes with fewer rights than the owner of the fabric database may do there, and that it is enough."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from devstack.objects import make_server
from hedgehog.fabric.changes import Action
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import RolloutPolicy, RolloutState
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.windows import checked_window
from hedgehog.services.kubernetes.drift_decisions import revert
from hedgehog.services.rollouts.start import begin_rollout, plan_rollout
from hedgehog.services.rollouts.steering import abort_rollout
from hedgehog.services.steer.deletions import remove_objects
from hedgehog.services.steer.freezing import delete_window, freeze_fabrics, set_window, unfreeze_fabrics
from hedgehog.services.steer.suspension import resume_fabrics, suspend_fabrics
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, inbox, migrate, objects, open_drift
from hedgehog.store.inbox import BRANCH, Arrival, DeliveryStatus, Receipt


@pytest.fixture
def connect_as(database, database_parameters) -> Iterator[Any]:
    """Opens a connection of a role, which has the rights that `hedgehog migrate` gives."""
    opened = []

    def connect(role: str) -> Any:
        with store_database.transaction(database) as cursor:
            cursor.execute(
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        migrate.migrate(database)
        opened.append(store_database.connect({**database_parameters, "user": role}))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def arrival(delivery: str = "one") -> Arrival:
    """A push."""
    digest = hashlib.sha256(delivery.encode()).hexdigest()
    return Arrival(delivery, digest, BRANCH, "push", "acme/net", "https://git.example.com/acme/net", branch="main")


def test_the_role_of_the_webhook_takes_deliveries(database, connect_as):
    """Everything that `store_delivery` and the counters do, a failed delivery taken up again included."""
    webhook = connect_as("hedgehog_webhook")
    migrate.ensure_migrated(webhook)
    assert inbox.store_delivery(webhook, arrival()) is Receipt.ACCEPTED
    assert inbox.store_delivery(webhook, arrival()) is Receipt.DUPLICATE
    (delivery,) = inbox.claim(database, (BRANCH,), 1)
    inbox.finish(database, delivery.id, DeliveryStatus.FAILED, "the host is unreachable")
    assert inbox.store_delivery(webhook, arrival()) is Receipt.TAKEN_UP_AGAIN
    inbox.count_refusals(webhook, {"unsigned": 2})
    assert fabrics.load_repositories(webhook) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM hedgehog.fabric",
        "SELECT * FROM hedgehog.fabric_object",
        "SELECT * FROM hedgehog.inbox",
        "UPDATE hedgehog.inbox SET status = 'done'",
        "DELETE FROM hedgehog.inbox",
        "INSERT INTO hedgehog.git_repository (name, url) VALUES ('x', 'https://h/x')",
        "UPDATE hedgehog.git_repository SET url = 'https://attacker.example/x'",
        "UPDATE hedgehog.sync_state SET due_at = 'infinity'",
        "CREATE TABLE hedgehog.x (y integer)",
    ],
)
def test_the_role_of_the_webhook_may_do_nothing_else(connect_as, statement):
    """Whoever takes over the process that strangers can reach has no fabric in hand."""
    webhook = connect_as("hedgehog_webhook")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), webhook.cursor() as cursor:
        cursor.execute(statement)


def test_the_role_of_the_reader_reads_and_changes_nothing(database, connect_as):
    """For metrics and pages in the API server."""
    reader = connect_as("hedgehog_reader")
    assert inbox.count_deliveries(reader).refusals == {}
    assert fabrics.load_fabrics(reader) == []
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), reader.cursor() as cursor:
        cursor.execute("DELETE FROM hedgehog.fabric")


def test_the_role_of_actions_does_what_people_decide(database, connect_as):
    """Suspend, resume, store, revert and roll out, with all that triggers do; and it neither creates nor deletes a fabric."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    lab = fabrics.load_fabric(database, "lab")
    role = connect_as("hedgehog_actions")
    migrate.ensure_migrated(role)
    suspend_fabrics(role, ["lab"], reason="x", until=None, now=datetime.now(UTC), actor="ann")
    resume_fabrics(role, ["lab"], actor="ann")
    objects.save_objects(role, lab.id, [make_server("s1")])
    with store_database.transaction(role) as cursor:
        drift = Drift(ObjectRef("Server", "default", "s1"), DriftState.CHANGED, lab.id)
        open_drift.note(cursor, "c", [drift])
    assert revert(role, "lab", []) == [drift.ref]
    remove_objects(role, "lab", ["server/s1"], origin=Origin(who="ann", via=Via.API))
    everything, now = Selector(), datetime.now(UTC)
    freeze_fabrics(role, [everything], reason="x", until=None, now=now, actor="ann")
    assert [one.action for one in unfreeze_fabrics(role, [everything], actor="ann")] == [Action.DELETED]
    window = checked_window("w", everything, cron="0 1 * * *", duration=timedelta(hours=1), time_zone="UTC")
    set_window(role, window, actor="ann")
    assert delete_window(role, "w", actor="ann").action is Action.DELETED
    plan = plan_rollout(role, "r", {"manifests": [make_server("s2")], "delete": []}, everything, policy=RolloutPolicy())
    begin_rollout(role, plan, why="x", actor="ann")
    assert abort_rollout(role, "r", reason="x", actor="ann", now=now).state is RolloutState.ABORTED
    for statement in ("DELETE FROM hedgehog.fabric", "UPDATE hedgehog.fabric SET git_directory = 'x'"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), role, role.cursor() as cursor:
            cursor.execute(statement)
