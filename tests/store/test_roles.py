"""What processes with fewer rights than the owner of the fabric database may do there, and that it is enough."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from hedgehog.store import database as store_database
from hedgehog.store import fabrics, inbox, migrate
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
