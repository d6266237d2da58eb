"""What finding costs: one value among a million objects of ten thousand fabrics, and what its index adds to imports.

The peer of a search reads all objects, as it would be without an index; that of an import is the same import on the same
database without the index.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages import p95
from benchmarks.report import Figure, emit, say
from devstack import postgres
from devstack.objects import make_server, make_vpc
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.render import dump
from hedgehog.manifests import yaml
from hedgehog.services.browse.find import found_page
from hedgehog.services.transfer.load import import_documents
from hedgehog.store import fabrics
from hedgehog.store.database import Connection, connect, transaction
from hedgehog.store.migrate import migrate

GOAL = 100.0
"""Milliseconds of one search."""
SHARE = 1.1
"""How much dearer an import may be."""
ROUNDS = 30
BULK = 1000
"""Objects of a large import."""
ORIGIN = Origin(who="benchmark", via=Via.CLI)
INDEX = "CREATE INDEX fabric_object_words ON hedgehog.fabric_object USING gin (hedgehog.words_of(manifest))"
_FLEET = """
SET LOCAL session_replication_role = replica;
INSERT INTO hedgehog.fabric (name) SELECT 'fabric-' || lpad(i::text, 6, '0') FROM generate_series(1, %(fabrics)s) i;
INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest)
SELECT f.id, k.kind, 'default', k.prefix || n, jsonb_build_object('apiVersion', 'wiring.githedgehog.com/v1beta1', 'kind', k.kind,
    'metadata', jsonb_build_object('name', k.prefix || n, 'namespace', 'default'),
    'spec', CASE k.kind
        WHEN 'Server' THEN jsonb_build_object('description', 'server ' || n || ' of ' || f.name)
        WHEN 'Switch' THEN jsonb_build_object('role', 'server-leaf', 'asn', 65101 + n, 'profile', 'dell-s5248f-on',
            'ip', host('172.16.0.0'::inet + f.id * 16 + n) || '/21', 'boot', jsonb_build_object('mac', 'aa:bb:cc:00:00:0' || mod(n, 10)))
        WHEN 'External' THEN jsonb_build_object('ipv4Namespace', 'default',
            'inboundCommunity', (65000 + mod(f.id, 500)) || ':' || 5000 + n)
        WHEN 'Connection' THEN jsonb_build_object('unbundled', jsonb_build_object('link', jsonb_build_object(
            'server', jsonb_build_object('port', 'server-' || n || '-' || f.id || '/enp1'),
            'switch', jsonb_build_object('port', 'switch-' || 3 + mod(n, 8) || '/E1/' || n))))
        ELSE jsonb_build_object('ipv4Namespace', 'default', 'vlanNamespace', 'default', 'subnets', jsonb_build_object(
            'web', jsonb_build_object('subnet', host('10.0.0.0'::inet + (f.id * 20 + n) * 32) || '/27',
                'vlan', 1000 + mod(f.id * 20 + n, 3000)),
            'db', jsonb_build_object('subnet', host('11.0.0.0'::inet + (f.id * 20 + n) * 32) || '/27',
                'vlan', 1000 + mod(f.id * 20 + n + 7, 3000)))) END)
FROM hedgehog.fabric f CROSS JOIN (VALUES ('Switch', 'switch-', 10), ('Server', 'server-', 33), ('Connection', 'link-', 33),
    ('VPC', 'vpc-', 20), ('External', 'external-', 4)) k (kind, prefix, many)
CROSS JOIN LATERAL generate_series(1, k.many) n
"""


def fill(connection: Connection, count: int) -> None:
    """A fleet of *count* fabrics with a hundred objects each, without the work of the triggers."""
    with transaction(connection) as cursor:
        cursor.execute("DROP INDEX hedgehog.fabric_object_words")
        cursor.execute(_FLEET, {"fabrics": count})
    started = time.perf_counter()
    with transaction(connection) as cursor:
        cursor.execute(INDEX)
    say(f"the index is built in {time.perf_counter() - started:.0f} s")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE hedgehog.fabric_object, hedgehog.fabric")
    connection.autocommit = False


def searches(connection: Connection) -> list[Figure]:
    """A search for each kind of value that people ask for."""
    started = time.perf_counter()
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.fabric_object WHERE manifest::text LIKE '%%10.3.7.0/27%%'")
    scan = (time.perf_counter() - started) * 1000
    figures = []
    for what, text in (
        ("a VLAN", "vlan=1200"),
        ("an address", "10.3.7.7"),
        ("a subnet", "10.3.7.0/27"),
        ("a server", "server-17-4711"),
        ("a community", "65102:5003"),
        ("nothing", "10.200.0.1"),
    ):
        say(what)
        took = p95(lambda text=text: found_page(connection, text, limit=200), ROUNDS)
        figures.append(Figure.of(f"find --all: {what}, p95", took, "ms", "all objects read", scan, goal=GOAL))
    return figures


def imports(connection: Connection) -> list[Figure]:
    """Imports with and without the index, in turns, so that a busy machine slows both."""
    numbers = itertools.count(1)

    def small() -> None:
        number = next(numbers)
        _import(connection, dump(make_vpc("vpc-new", number % 200, description=str(number))))

    def large() -> None:
        number = next(numbers)
        _import(connection, b"---\n".join(dump(make_server(f"s-{n}", f"{number}")) for n in range(BULK)))

    figures = []
    for what, work, rounds in (("1 object", small, 40), (f"{BULK} objects", large, 3)):
        say(f"imports of {what}")
        with_index, without = _alternating(connection, work, rounds)
        figures.append(
            Figure.of(
                f"import of {what}", with_index * 1000, "ms", "without the index", without * 1000, times=1 / SHARE
            )
        )
    return figures


def _import(connection: Connection, text: bytes) -> None:
    documents = yaml.load(text, file="objects.yaml")
    import_documents(connection, documents, origin=ORIGIN, fabric="new", allow_invalid=True)


def _alternating(connection: Connection, work: Callable[[], None], rounds: int) -> tuple[float, float]:
    """The medians of what *work* takes with the index and without."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    work()
    for has_index in (True, False) * rounds:
        with transaction(connection) as cursor:
            cursor.execute("DROP INDEX IF EXISTS hedgehog.fabric_object_words")
            if has_index:
                cursor.execute(INDEX)
        started = time.perf_counter()
        work()
        taken[has_index].append(time.perf_counter() - started)
    return statistics.median(taken[True]), statistics.median(taken[False])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgehog-find-") as directory:
        Path(directory).chmod(0o755)
        server = postgres.start(Path(directory) / "data")
        try:
            server.tune_for_tests()
            fleet = connect(server.database("fleet"))
            migrate(fleet)
            say(f"making {arguments.fabrics} fabrics with {100 * arguments.fabrics} objects")
            fill(fleet, arguments.fabrics)
            figures = searches(fleet)
            fleet.close()
            single = connect(server.database("single"))
            migrate(single)
            fabrics.save_fabric(single, "new", {})
            figures += imports(single)
            single.close()
            emit(figures)
        finally:
            postgres.stop(Path(directory) / "data")


if __name__ == "__main__":
    main()
