"""Simulates the passing of time: moves every time in a fabric database into the past."""

from __future__ import annotations

from hedgehog.store.database import Connection, transaction


def move_clock(connection: Connection, seconds: float) -> None:
    """Let *seconds* pass. This does not count as a change: no trigger runs."""
    with transaction(connection) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT c.table_name, string_agg(format('%I = %I - make_interval(secs => {seconds})', c.column_name, "
            "c.column_name), ', ') FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE table_schema = 'hedgehog' AND t.table_type = 'BASE TABLE' AND c.data_type LIKE 'timestamp%' "
            "AND c.is_generated = 'NEVER' GROUP BY c.table_name ORDER BY c.table_name"
        )
        for table, assignments in cursor.fetchall():
            cursor.execute(f'UPDATE hedgehog."{table}" SET {assignments.format(seconds=float(seconds))}')
