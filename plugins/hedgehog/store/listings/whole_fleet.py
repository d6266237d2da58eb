"""Statements that join all fabrics with all their states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2.extensions

from hedgehog.store.database import Connection, transaction


@contextmanager
def fleet_transaction(connection: Connection) -> Iterator[psycopg2.extensions.cursor]:
    """A transaction without nested loops, as far as there are other plans.

    Of tables that have grown since their last ANALYZE, as by the import of a large fleet, the planner expects a row or
    two. With nested loops, it would then read all states once for each fabric.
    """
    with transaction(connection) as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield cursor
