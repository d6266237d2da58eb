"""The open alerts: when each began, and when somebody was last notified of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgehog.store.database import Connection, transaction


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong: the condition, what it concerns, and what to do, in plain words."""

    name: str
    subject: str
    """Distinguishes it from other alerts of the same condition; empty where there can be only one."""
    message: str


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert with its history."""

    alert: Alert
    since: datetime
    seen_at: datetime
    """When the condition was last found to hold."""
    notified_at: datetime | None


def record(
    connection: Connection, alerts: Sequence[Alert], now: datetime, *, unseen: Sequence[str] = ()
) -> list[KnownAlert]:
    """Record what is wrong at *now*, and return all recorded alerts, also earlier ones.

    The conditions named in *unseen* could not be checked: their recorded alerts count as seen now.
    """
    with transaction(connection) as cursor:
        cursor.execute("UPDATE hedgehog.alert SET seen_at = %s WHERE name = ANY(%s)", (now, list(unseen)))
        for alert in alerts:
            cursor.execute(
                "INSERT INTO hedgehog.alert (name, subject, message, since, seen_at) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (name, subject) DO UPDATE SET message = excluded.message, seen_at = excluded.seen_at",
                (alert.name, alert.subject[:1000], alert.message[:2000], now, now),
            )
        cursor.execute(
            "SELECT name, subject, message, since, seen_at, notified_at FROM hedgehog.alert ORDER BY since, 1, 2"
        )
        return [KnownAlert(Alert(*row[:3]), *row[3:]) for row in cursor.fetchall()]


def mark_notified(connection: Connection, alerts: Sequence[Alert], now: datetime) -> None:
    """Record that somebody was notified of *alerts* at *now*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.alert SET notified_at = %s WHERE (name, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            (now, *_keys(alerts)),
        )


def forget(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Delete *alerts*: they are over, and nobody needs to be notified of them again."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DELETE FROM hedgehog.alert WHERE (name, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            _keys(alerts),
        )


def _keys(alerts: Sequence[Alert]) -> tuple[list[str], list[str]]:
    return [alert.name for alert in alerts], [alert.subject for alert in alerts]
