"""The rules that say which changes need approval."""

from __future__ import annotations

from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.proposals import ApprovalRule
from hedgehog.fabric.selectors import Selector
from hedgehog.store.database import Connection, jsonb, transaction

_COLUMNS = "r.name, r.selector, r.max_deleted, r.max_switches, r.kinds, r.author_may_approve, r.review_decides"


def _rule(row: tuple[Any, ...]) -> ApprovalRule:
    return ApprovalRule(row[0], Selector.of(row[1]), row[2], row[3], frozenset(row[4]), *row[5:])


def load_rules(connection: Connection, fabric: str | None = None) -> list[ApprovalRule]:
    """The rules that concern a fabric, or all, by name."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.approval_rule r WHERE %(fabric)s::text IS NULL OR EXISTS (SELECT 1 "
            "FROM hedgehog.fabric f WHERE f.name = %(fabric)s AND hedgehog.selects(r.selector, f)) ORDER BY r.name",
            {"fabric": fabric},
        )
        return [_rule(row) for row in cursor.fetchall()]


def save_rule(cursor: Any, rule: ApprovalRule, *, actor: str) -> None:
    """Store a rule, inside the caller's transaction; one of the same name is replaced."""
    cursor.execute(
        "INSERT INTO hedgehog.approval_rule (name, selector, max_deleted, max_switches, kinds, author_may_approve, "
        "review_decides, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET "
        "selector = excluded.selector, "
        "max_deleted = excluded.max_deleted, max_switches = excluded.max_switches, kinds = excluded.kinds, "
        "author_may_approve = excluded.author_may_approve, review_decides = excluded.review_decides, "
        "created_by = excluded.created_by, created_at = now()",
        (
            *(rule.name, jsonb(rule.selector.as_data()), rule.max_deleted, rule.max_switches),
            *(jsonb(sorted(rule.kinds)), rule.author_may_approve, rule.review_decides, actor[:300]),
        ),
    )


def delete_rule(cursor: Any, name: str) -> None:
    """Delete a rule, inside the caller's transaction. Raises NotFound, with similar names."""
    cursor.execute("DELETE FROM hedgehog.approval_rule WHERE name = %s", (name,))
    if not cursor.rowcount:
        cursor.execute("SELECT name FROM hedgehog.approval_rule")
        known = [row[0] for row in cursor.fetchall()]
        hint = did_you_mean(name, known, otherwise="`hedgehog approval list` shows them all")
        raise NotFound(f"there is no approval rule {name!r}; {hint}")
