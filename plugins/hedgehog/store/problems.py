"""The register of open problems: one list that status, summaries, metrics, alerts and pages read.

What a sync finds out about objects and files is kept by `replace_rows`, in the transaction that records its outcome; what was
given up and what fails is added by the view `hedgehog.problem`. A row exists until the trouble is over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import psycopg2.extras

from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem, merge_problems, remedy
from hedgehog.store.database import Connection, transaction

MOST_PROBLEMS = 1000
"""Of one fabric at one target."""
_SUBJECT_LIMIT = 1000
_CAUSE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Problem:
    """An open problem: what it is about, why, when it began, and what to do."""

    fabric: str
    target: Target
    verb: str
    """The DAG it belongs to, without its prefix."""
    kind: ProblemKind
    subject: str
    """An object ref, a path, or the number of a dead letter; empty for the whole fabric."""
    cause: str
    since: datetime
    needs_somebody: bool
    """False for what is retried automatically, and while the fabric is suspended."""
    advice: str
    command: str
    """The command that does it, or shows how."""

    def __str__(self) -> str:
        is_named = self.kind in (ProblemKind.PARKED, ProblemKind.DELIVERY) or self.cause.startswith(self.subject)
        about = "" if is_named else f"{self.subject}: "
        return f"{self.fabric} → {self.target}: {self.kind}: {about}{self.cause}; {self.advice}: `{self.command}`"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON and XCom."""
        return asdict(self) | {"since": self.since.isoformat()}


def open_problems(
    connection: Connection,
    fabrics: Collection[str] | None = None,
    *,
    verbs: Collection[str] | None = None,
    only_for_people: bool = False,
) -> list[Problem]:
    """The open problems of all fabrics or of *fabrics*, by fabric and target; those that need a person come first.

    *verbs* limits them to those DAGs; *only_for_people* leaves out problems that end by themselves and suspended fabrics.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric, target, verb, kind, subject, cause, since, needs_somebody FROM hedgehog.problem "
            "WHERE (%(fabrics)s::text[] IS NULL OR fabric = ANY(%(fabrics)s)) "
            "AND (%(verbs)s::text[] IS NULL OR verb = ANY(%(verbs)s)) AND (needs_somebody OR NOT %(only)s) "
            "ORDER BY fabric, target, needs_somebody DESC, since, kind, subject",
            {
                "fabrics": list(fabrics) if fabrics is not None else None,
                "verbs": list(verbs) if verbs is not None else None,
                "only": only_for_people,
            },
        )
        return [_problem(row) for row in cursor.fetchall()]


def _problem(row: Sequence[Any]) -> Problem:
    fabric, target, verb, word, subject, cause, since, needs_somebody = row
    kind, at = ProblemKind(word), Target(target)
    found = remedy(kind, fabric=fabric, target=at, verb=verb, subject=subject)
    return Problem(fabric, at, verb, kind, subject, cause, since, needs_somebody, found.advice, found.command)


def replace_rows(cursor: Any, fabric_id: int, target: Target, problems: Sequence[SyncProblem]) -> None:
    """Make *problems* all that is known of a fabric at a target, inside the caller's transaction.

    A known problem keeps its time; one that was not found again is over.
    """
    found = merge_problems(replace(one, subject=one.subject[:_SUBJECT_LIMIT]) for one in problems)[:MOST_PROBLEMS]
    rows = [(fabric_id, target.value, one.kind.value, one.subject, one.cause[:_CAUSE_LIMIT]) for one in found]
    cursor.execute(
        "DELETE FROM hedgehog.finding WHERE fabric_id = %s AND target = %s AND (kind, subject) NOT IN "
        "(SELECT * FROM unnest(%s::text[], %s::text[]))",
        (fabric_id, target.value, [row[2] for row in rows], [row[3] for row in rows]),
    )
    if rows:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.finding (fabric_id, target, kind, subject, cause) VALUES %s "
            "ON CONFLICT (fabric_id, target, kind, subject) DO UPDATE SET cause = excluded.cause",
            rows,
            page_size=1000,
        )
