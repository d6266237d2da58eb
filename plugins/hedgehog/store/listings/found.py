"""The objects of all fabrics that have a word in them: one statement on an index, however many objects there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgehog.store.database import Connection, transaction
from hedgehog.store.listings.keyset import Row, rising, rows_of

_ORDER = rising("f.name", "o.kind", "o.namespace", "o.name")


def objects_with_words(
    connection: Connection, words: Sequence[str], *, fabric: str | None, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """At most *limit* objects of *fabric*, or of all, that have any of *words*; by fabric, kind, namespace and name."""
    condition, values = _ORDER.after(after)
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name AS fabric, o.kind, o.namespace, o.name, o.manifest FROM hedgehog.fabric_object o "
            "JOIN hedgehog.fabric f ON f.id = o.fabric_id "
            f"WHERE hedgehog.words_of(o.manifest) && %s::text[] AND (%s::text IS NULL OR f.name = %s) AND {condition} "
            f"ORDER BY {_ORDER.order()} LIMIT %s",
            (list(words), fabric, fabric, *values, limit),
        )
        return rows_of(cursor)
