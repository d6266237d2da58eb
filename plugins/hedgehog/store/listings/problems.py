"""The register of open problems, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.store.database import Connection
from hedgehog.store.listings.keyset import Row, rising, rows_of
from hedgehog.store.listings.whole_fleet import fleet_transaction


@dataclass(frozen=True, slots=True)
class ProblemFilter:
    """Which problems: those that fit everything that is given."""

    fabric: str | None = None
    target: Target | None = None
    kinds: tuple[ProblemKind, ...] | None = None
    only_for_people: bool = False
    subjects: tuple[str, ...] | None = None


_ORDER = rising("p.fabric", "p.target", "p.kind", "p.subject")


def problem_rows(
    connection: Connection, wanted: ProblemFilter, *, after: Sequence[str] | None, limit: int
) -> list[Row]:
    """At most *limit* open problems, by fabric, target, kind and subject."""
    condition, values = _ORDER.after(after)
    query = (
        "SELECT p.fabric, p.target, p.verb, p.kind, p.subject, p.cause, p.since, p.needs_somebody, f.source_of_truth "
        "FROM hedgehog.problem p JOIN hedgehog.fabric f ON f.id = p.fabric_id "
        "WHERE (%s::text IS NULL OR p.fabric = %s) AND (%s::text IS NULL OR p.target = %s) "
        "AND (%s::text[] IS NULL OR p.kind = ANY(%s)) AND (p.needs_somebody OR NOT %s) "
        f"AND (%s::text[] IS NULL OR p.subject = ANY(%s)) AND {condition} ORDER BY {_ORDER.order()} LIMIT %s"
    )
    target = wanted.target.value if wanted.target else None
    kinds = [kind.value for kind in wanted.kinds] if wanted.kinds is not None else None
    subjects = list(wanted.subjects) if wanted.subjects is not None else None
    parameters = (
        *(wanted.fabric, wanted.fabric, target, target, kinds, kinds, wanted.only_for_people),
        *(subjects, subjects, *values, limit),
    )
    with fleet_transaction(connection) as cursor:
        cursor.execute(query, parameters)
        return rows_of(cursor)
