"""The history: what recording costs an import, how much it stores, and how fast it answers after 100,000 changes.

The peer of the recording is the same import without the triggers of the history, in turns on the same server.

    python -m benchmarks.history
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, emit, say
from devstack import postgres
from devstack.objects import make_server
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.render import dump
from hedgehog.manifests import yaml
from hedgehog.services.browse.history import blame_object, compare_changes, history_page
from hedgehog.services.transfer.load import import_documents
from hedgehog.store import fabrics, objects
from hedgehog.store.database import Connection, connect, transaction
from hedgehog.store.history import ChangeFilter
from hedgehog.store.migrate import migrate
from hedgehog.store.origins import set_origin

OBJECTS = 1000
ROUNDS = 20
TURN = 25
"""Imports after which the triggers are switched."""
ANNA = Origin(
    who="anna@workstation", via=Via.CLI, why="CHG-1234: another description for a server", run="hedgehog-command/anna/1"
)


def server(number: int, text: str) -> Manifest:
    """An object of about a kilobyte, as connections and VPCs are."""
    manifest = make_server(f"server-{number:04}")
    words = {f"word-{n}": f"{text} {n:03} {'of a server in the rack'}" for n in range(16)}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": words}}


def fabric(connection: Connection, count: int) -> int:
    """A fabric with *count* servers; its id."""
    migrate(connection)
    fabrics.save_fabric(connection, "lab", {})
    found = fabrics.load_fabric(connection, "lab").id
    objects.save_objects(connection, found, [server(number, "first") for number in range(count)])
    return found


def storage(place: postgres.Postgres, changes: int) -> list[Figure]:
    """Megabytes of the history after many changes of one object each."""
    connection = connect(place.database("storage"))
    lab = fabric(connection, OBJECTS)
    before = _size(connection)
    say(f"{changes} changes of one object")
    for number in range(changes):
        with transaction(connection) as cursor:
            set_origin(cursor, ANNA)
            objects.save_objects(connection, lab, [server(number % OBJECTS, f"text {number}")])
    figure = Figure.of(
        f"history: {changes} changes of one of {OBJECTS} objects", (_size(connection) - before) / 1e6, "MB", goal=20.0
    )
    connection.close()
    return [figure]


def _size(connection: Connection) -> int:
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(format('hedgehog.%I', n)::regclass)) "
            "FROM unnest(ARRAY['change', 'object_version', 'object_content']) n"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def recording(place: postgres.Postgres, imports: int) -> list[Figure]:
    """Processor and waiting time of an import of one object, with the history and without, in turns."""
    connection = connect(place.database("recording"))
    fabric(connection, 20)
    spent = {True: 0.0, False: 0.0}
    say(f"{imports} imports with the history, {imports} without")
    number = 0
    for turn in range(2 * imports // TURN):
        recorded = turn % 2 == 0
        _switch(connection, on=recorded)
        for _ in range(TURN):
            number += 1
            documents = yaml.load(dump(server(number % 20, f"text {number}")), file="server.yaml")
            began = time.perf_counter()
            import_documents(connection, documents, origin=ANNA, fabric="lab")
            spent[recorded] += time.perf_counter() - began
    connection.close()
    with_it, without = (spent[one] / imports * 1000 for one in (True, False))
    name = "an import of one object, recorded"
    return [Figure.of(name, with_it, "ms", "not recorded", without, times=1 / 1.15)]


def _switch(connection: Connection, *, on: bool) -> None:
    word = "ENABLE" if on else "DISABLE"
    with transaction(connection) as cursor:
        for event in ("insert", "update", "delete"):
            cursor.execute(f"ALTER TABLE hedgehog.fabric_object {word} TRIGGER fabric_object_versioned_{event}")
        cursor.execute(f"ALTER TABLE hedgehog.fabric {word} TRIGGER fabric_recorded_update")


def asking(place: postgres.Postgres, changes: int) -> list[Figure]:
    """What a person waits for, the best of some rounds: other work on the machine does not stretch it."""
    connection = connect(place.database("asking"))
    lab = fabric(connection, OBJECTS)
    say(f"a history of {changes} changes")
    with transaction(connection) as cursor:
        cursor.execute(_CHANGES, {"fabric": lab, "changes": changes, "objects": OBJECTS})
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.autocommit = False
    now, ref = datetime.now(UTC), ObjectRef("Server", "default", "server-0007")
    middle, late = str(changes // 2), str(changes - 10)
    asked: dict[str, Callable[[], object]] = {
        "history": lambda: history_page(connection, ChangeFilter(fabric="lab"), limit=30),
        "history of an object": lambda: history_page(connection, ChangeFilter(fabric="lab", ref=ref), limit=30),
        "history by a person": lambda: history_page(connection, ChangeFilter(fabric="lab", who="person-77"), limit=30),
        "diff of ten changes": lambda: compare_changes(connection, "lab", late, "now", now=now),
        "diff of half of all": lambda: compare_changes(connection, "lab", middle, "now", now=now),
        "blame": lambda: blame_object(connection, "lab", ref),
    }
    figures = [Figure.of(f"{name}, {changes} changes", _best(ask), "ms", goal=100.0) for name, ask in asked.items()]
    connection.close()
    return figures


_CHANGES = """
INSERT INTO hedgehog.change (fabric_id, fabric, generation, at, who, via, why, run_id)
SELECT %(fabric)s, 'lab', 2 + n, now() + make_interval(secs => n), 'person-' || mod(n, 100), 'cli', 'CHG-' || n, 'hedgehog-command/' || n
FROM generate_series(1, %(changes)s) n;
INSERT INTO hedgehog.object_content
SELECT %(fabric)s, hedgehog.content_digest(m.manifest), m.manifest FROM generate_series(1, %(changes)s) n
JOIN hedgehog.fabric_object o ON (o.fabric_id, o.kind, o.namespace) = (%(fabric)s, 'Server', 'default')
    AND o.name = 'server-' || lpad(mod(n, %(objects)s)::text, 4, '0')
CROSS JOIN LATERAL (SELECT jsonb_set(o.manifest, '{spec,description}', to_jsonb('text ' || n)) AS manifest) m;
INSERT INTO hedgehog.object_version (change_id, fabric_id, kind, namespace, name, before, after)
SELECT c.id, %(fabric)s, o.kind, o.namespace, o.name,
    lag(d.digest, 1, hedgehog.content_digest(o.manifest)) OVER (PARTITION BY o.name ORDER BY c.id), d.digest
FROM hedgehog.change c JOIN LATERAL (SELECT c.generation - 2 AS n) g ON c.generation > 2
JOIN hedgehog.fabric_object o ON (o.fabric_id, o.kind, o.namespace) = (%(fabric)s, 'Server', 'default')
    AND o.name = 'server-' || lpad(mod(g.n, %(objects)s)::text, 4, '0')
CROSS JOIN LATERAL (SELECT hedgehog.content_digest(jsonb_set(o.manifest, '{spec,description}', to_jsonb('text ' || g.n))) AS digest) d
ORDER BY c.id;
"""


def _best(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=100_000, help="of the fabric that is asked; default: 100000")
    parser.add_argument("--stored", type=int, default=10_000, help="changes whose storage is measured; default: 10000")
    parser.add_argument("--imports", type=int, default=10_000, help="with the history and without; default: 10000 each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as directory:
        Path(directory).chmod(0o755)
        place = postgres.start(Path(directory) / "data")
        try:
            figures = storage(place, arguments.stored)
            figures += recording(place, arguments.imports)
            figures += asking(place, arguments.changes)
        finally:
            postgres.stop(Path(directory) / "data")
    emit(figures)


if __name__ == "__main__":
    main()
