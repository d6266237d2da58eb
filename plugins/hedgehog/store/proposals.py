"""Changes that wait for approval, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import NeededApproval, Proposal, ProposalStatus
from hedgehog.store.database import Connection, jsonb, transaction

CHANNEL = "hedgehog_proposed"
"""Where a new proposal is announced."""
_SILENCE = 120.0
"""Seconds for a first look at the reviews of a pushed change, before somebody is asked about it."""
_LONGEST_DECISION = 4000
_LONGEST_URL = 2000
_FIELDS = tuple(one.name for one in fields(Proposal))
_COLUMNS = ", ".join("f.name" if name == "fabric" else f"p.{name}" for name in _FIELDS)
_FROM = "FROM hedgehog.proposal p JOIN hedgehog.fabric f ON f.id = p.fabric_id"


def _proposal(row: Sequence[Any]) -> Proposal:
    values = dict(zip(_FIELDS, row, strict=True))
    return Proposal(
        **values
        | {
            "status": ProposalStatus(values["status"]),
            "origin": Origin(**{**values["origin"], "via": Via(values["origin"]["via"])}),
            "reasons": tuple(values["reasons"]),
        }
    )


def add_proposal(
    cursor: Any, fabric_id: int, plan_id: str, origin: Origin, needed: NeededApproval, *, is_announced: bool = True
) -> int:
    """The number of the open proposal of this very plan, inside the caller's transaction; it is added if there is none.

    Unless it *is_announced*, nobody is asked about it for the next minutes, or until `announce`.
    """
    cursor.execute(
        "INSERT INTO hedgehog.proposal (fabric_id, plan_id, origin, reasons, author_may_approve, review_decides, asked_until) "
        "VALUES (%s, %s, %s, %s, %s, %s, CASE WHEN %s THEN NULL ELSE now() + make_interval(secs => %s) END) "
        "ON CONFLICT (fabric_id, plan_id) WHERE status IN ('waiting', 'approved') DO NOTHING RETURNING id",
        (
            *(fabric_id, plan_id, jsonb(_storable(origin)), jsonb(list(needed.reasons))),
            *(needed.author_may_approve, needed.review_decides, is_announced, _SILENCE),
        ),
    )
    row = cursor.fetchone()
    if row is not None:
        if is_announced:
            cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(row[0])))
        return int(row[0])
    cursor.execute(
        "SELECT id FROM hedgehog.proposal WHERE (fabric_id, plan_id) = (%s, %s) AND status IN ('waiting', 'approved')",
        (fabric_id, plan_id),
    )
    return int(cursor.fetchone()[0])


def _storable(origin: Origin) -> dict[str, Any]:
    """Plain data, without what PostgreSQL cannot hold: a commit may have anything in it."""
    values = {name: value for name, value in asdict(origin).items() if value is not None}
    return {
        name: str(value).replace("\0", "\ufffd").encode(errors="replace").decode() for name, value in values.items()
    }


def load_proposal(connection: Connection, number: int, *, lock: bool = False) -> Proposal:
    """One proposal; with *lock*, nobody else decides about it until the caller's transaction ends. Raises NotFound."""
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT {_COLUMNS} {_FROM} WHERE p.id = %s{' FOR UPDATE OF p' if lock else ''}", (number,))
        row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no proposal {number}; `hedgehog proposals list --all` shows them")
    return _proposal(row)


def list_proposals(
    connection: Connection, statuses: Collection[ProposalStatus], *, fabric: str | None = None, limit: int = 1000
) -> list[Proposal]:
    """The proposals with one of *statuses*, of all fabrics or of one; the newest first."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE p.status = ANY(%s) AND (%s::text IS NULL OR f.name = %s) "
            "ORDER BY p.id DESC LIMIT %s",
            ([status.value for status in statuses], fabric, fabric, limit),
        )
        return [_proposal(row) for row in cursor.fetchall()]


def note_decision(
    cursor: Any,
    number: int,
    status: ProposalStatus,
    *,
    actor: str,
    reason: str = "",
    superseded_by: int | None = None,
) -> None:
    """Note what became of a proposal, inside the caller's transaction."""
    cursor.execute(
        "UPDATE hedgehog.proposal SET status = %s, decided_at = now(), decided_by = %s, decision = %s, superseded_by = %s "
        "WHERE id = %s",
        (status.value, actor[:300], reason[:_LONGEST_DECISION], superseded_by, number),
    )


def note_review(connection: Connection, number: int, review: str, pull_request: str) -> None:
    """Note what the reviews of a proposal that waits say; nothing is written where that is known."""
    values = (review[:_LONGEST_DECISION], pull_request[:_LONGEST_URL])
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.proposal SET review = %s, pull_request = %s, reviewed_at = now() WHERE id = %s "
            "AND status = 'waiting' AND (reviewed_at IS NULL OR (review, pull_request) <> (%s, %s))",
            (*values, number, *values),
        )


def announce(connection: Connection, number: int) -> None:
    """Have people be asked about a proposal."""
    with transaction(connection) as cursor:
        cursor.execute("UPDATE hedgehog.proposal SET asked_until = NULL WHERE id = %s", (number,))
        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(number)))


def mark_applied(cursor: Any, number: int) -> None:
    """Note that an approved proposal was carried out, inside the caller's transaction; who decided stays."""
    cursor.execute("UPDATE hedgehog.proposal SET status = 'applied' WHERE id = %s", (number,))


def reviewable(connection: Connection, fabrics: Collection[str]) -> list[Proposal]:
    """The proposals of *fabrics* that wait and that an approving review decides."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE p.status = 'waiting' AND p.review_decides AND f.name = ANY(%s) ORDER BY p.id",
            (list(fabrics),),
        )
        return [_proposal(row) for row in cursor.fetchall()]


def proposals_about(connection: Connection, fabric_id: int, plan_base: str) -> list[Proposal]:
    """The proposals of a fabric about this very change (the base of its plan), whatever became of them; the newest first."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} {_FROM} JOIN hedgehog.plan a ON a.id = p.plan_id WHERE p.fabric_id = %s "
            "AND a.document ->> 'base' = %s ORDER BY p.id DESC",
            (fabric_id, plan_base),
        )
        return [_proposal(row) for row in cursor.fetchall()]


def ask(connection: Connection, seconds: float) -> list[int]:
    """Proposals that wait and that nobody is asked about; from now on somebody is, for so many seconds."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.proposal SET asked_until = now() + make_interval(secs => %s) WHERE status = 'waiting' "
            "AND (asked_until IS NULL OR asked_until < now()) RETURNING id",
            (seconds,),
        )
        return sorted(row[0] for row in cursor.fetchall())


def ask_again(connection: Connection, number: int) -> None:
    """Have the next run ask about a proposal again."""
    with transaction(connection) as cursor:
        cursor.execute("UPDATE hedgehog.proposal SET asked_until = NULL WHERE id = %s", (number,))
