"""What the pages cost: the API on a fleet of ten thousand fabrics with a million objects, and one network of a hundred
switches and a thousand servers.

The API answers in this process, with its own code and a real PostgreSQL; only Airflow's login is left out. A real
Airflow shows the page of the fleet in Chromium. Figures are the 95th percentile of what a reader waits for. The peer does
what a page without an API of its own would do: load what the fleet or the fabric has, and sort it out in Python.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, emit, say
from devstack import browser, postgres
from devstack.airflow import Airflow
from devstack.objects import make, make_attachment, make_server, make_vpc
from hedgehog.fabric.model import Manifest
from hedgehog.services.observe.status import target_statuses
from hedgehog.store import fabrics, git_files
from hedgehog.store.database import Connection, connect, transaction
from hedgehog.store.git_files import GitFile
from hedgehog.store.migrate import migrate
from hedgehog.store.objects import load_objects, save_objects

ROUNDS = 60
PEER_ROUNDS = 5
LOADS = 20
"""How often a page is opened."""
WARM = 3
"""How often before: Chromium keeps compiled code once it has seen a script a few times."""
BROWSERS = 50
EVERY = 2.0
"""Seconds between two questions of a browser."""
WIDE = "wide"
"""The fabric with the large network."""

_FLEET = """
INSERT INTO hedgehog.git_repository (name, url) SELECT 'r' || i, 'https://git.example.com/' || i FROM generate_series(1, 100) i;
INSERT INTO hedgehog.fabric
    (name, description, git_repository_id, git_directory, git_sync_enabled, enable_k8s_sync, kubernetes_connection_id)
SELECT 'fabric-' || lpad(i::text, 6, '0'), 'site ' || mod(i, 300), 1 + mod(i, 100), 'fabrics/' || i, true, true,
    'cluster_' || i
FROM generate_series(1, %(fabrics)s) i;
INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest)
SELECT f.id, k.kind, 'default', k.prefix || n, jsonb_build_object('apiVersion', 'wiring.githedgehog.com/v1beta1', 'kind', k.kind,
    'metadata', jsonb_build_object('name', k.prefix || n, 'namespace', 'default'),
    'spec', CASE k.kind
        WHEN 'Server' THEN jsonb_build_object('description', 'server ' || n || ' of ' || f.name)
        WHEN 'Switch' THEN jsonb_build_object('role', CASE WHEN n <= 2 THEN 'spine' ELSE 'server-leaf' END, 'description', '')
        WHEN 'Connection' THEN jsonb_build_object('unbundled', jsonb_build_object('link', jsonb_build_object(
            'server', jsonb_build_object('port', 'server-' || n || '/enp1'),
            'switch', jsonb_build_object('port', 'switch-' || 3 + mod(n, 8) || '/E1/' || n))))
        ELSE jsonb_build_object('ipv4Namespace', 'default', 'vlanNamespace', 'default', 'subnets', jsonb_build_object(
            'subnet-1', jsonb_build_object('subnet', '10.' || n || '.0.0/24', 'vlan', 1000 + n))) END)
FROM hedgehog.fabric f CROSS JOIN (VALUES ('Switch', 'switch-', 10), ('Server', 'server-', 35), ('Connection', 'link-', 35),
    ('VPC', 'vpc-', 20)) k (kind, prefix, many)
CROSS JOIN LATERAL generate_series(1, k.many) n;
INSERT INTO hedgehog.git_file (fabric_id, path, kind, namespace, name, blob_id, object_digest, manifest)
SELECT fabric_id, kind || '/' || name || '.yaml', kind, namespace, name, repeat('b', 40), digest, manifest FROM hedgehog.fabric_object;
INSERT INTO hedgehog.inventory (fabric_id, connection_id, kind, namespace, name, manifest)
SELECT o.fabric_id, f.kubernetes_connection_id, o.kind, o.namespace, o.name, o.manifest FROM hedgehog.fabric_object o
JOIN hedgehog.fabric f ON f.id = o.fabric_id ON CONFLICT DO NOTHING;
INSERT INTO hedgehog.health (scope, name, fabric_id, health, reasons, facts, since, checked_at)
SELECT 'fabric', f.name, f.id, CASE WHEN mod(f.id, 50) = 0 THEN 'Degraded' ELSE 'Healthy' END,
    CASE WHEN mod(f.id, 50) = 0 THEN '["switch-3 gave no sign of life"]'::jsonb ELSE '[]' END,
    jsonb_build_object('converged', true, 'convergence', 'all', 'agents', (SELECT jsonb_object_agg('Agent/switch-' || n,
        jsonb_build_object('health', 'Healthy', 'generation', 7, 'applied', 7, 'role', 'server-leaf'))
        FROM generate_series(1, 10) n)), now(), now()
FROM hedgehog.fabric f;
INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, counts, reason, details, run_id, duration, finished_at)
SELECT f.id, f.name, t.target, 'success', 1, '{"created": 100}', '', '["VPC/default/vpc-1 created"]', 'hedgehog_git_sync/x', 1.5,
    now() - make_interval(hours => n)
FROM hedgehog.fabric f CROSS JOIN (VALUES ('git'), ('kubernetes')) t (target) CROSS JOIN generate_series(1, 10) n;
UPDATE hedgehog.sync_state s SET status = 'in_sync', observed_generation = f.generation, last_success_at = now(),
    last_change_at = now() - make_interval(secs => f.id), revision = 'main@sha1:' || repeat('a', 40),
    due_at = now() + interval '10 minutes' FROM hedgehog.fabric f WHERE f.id = s.fabric_id;
UPDATE hedgehog.sync_state SET status = 'out_of_sync', reason = '2 are held' WHERE target = 'git' AND mod(fabric_id, 40) = 0;
INSERT INTO hedgehog.finding (fabric_id, target, kind, subject, cause)
SELECT f.id, 'git', CASE WHEN n = 1 THEN 'held-edit' ELSE 'refused-object' END, 'VPC/default/vpc-' || n, 'overlaps [vpc-subnet-overlap]'
FROM hedgehog.fabric f CROSS JOIN generate_series(1, 2) n WHERE mod(f.id, 40) = 0;
INSERT INTO hedgehog.drift (connection_id, kind, namespace, name, fabric_id, state, paths, manager, score)
SELECT f.kubernetes_connection_id, 'VPC', 'default', 'vpc-' || n || '-' || f.id, f.id, 'changed', '[".spec.vlan"]', 'kubectl-edit', 0.1
FROM hedgehog.fabric f CROSS JOIN generate_series(1, 3) n WHERE mod(f.id, 33) = 0;
DELETE FROM hedgehog.change_mark;
"""


def fill(connection: Connection, count: int) -> None:
    """A fleet of *count* fabrics with a hundred objects each: most in order, some held, drifted, unwell."""
    with transaction(connection) as cursor:
        cursor.execute(_FLEET, {"fabrics": count})
    add_wide(connection)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.autocommit = False


def wide_network(switches: int = 100, servers: int = 1000) -> list[Manifest]:
    """A network of four spines, the other *switches* as leaves, and *servers* with one connection and one VPC each."""
    leaves = [f"leaf-{n}" for n in range(1, switches - 3)]
    spines = [f"spine-{n}" for n in range(1, 5)]
    found = [make("Switch", name, {"role": "spine"}) for name in spines]
    found += [make("Switch", name, {"role": "server-leaf"}) for name in leaves]
    for port, spine in enumerate(spines, 1):
        for number, leaf in enumerate(leaves, 1):
            link = {"spine": {"port": f"{spine}/E1/{number}"}, "leaf": {"port": f"{leaf}/E1/{50 + port}"}}
            found.append(make("Connection", f"{spine}--fabric--{leaf}", {"fabric": {"links": [link]}}))
    found += [make_vpc(f"v-{n}", n) for n in range(1, 101)]
    for number in range(1, servers + 1):
        leaf, server = leaves[number % len(leaves)], f"server-{number}"
        link = {"server": {"port": f"{server}/enp1"}, "switch": {"port": f"{leaf}/E1/{1 + number // len(leaves)}"}}
        name = f"{server}--unbundled--{leaf}"
        found += [make_server(server), make("Connection", name, {"unbundled": {"link": link}})]
        found.append(make_attachment(f"attach-{number}", f"v-{1 + number % 100}", name))
    return found


def add_wide(connection: Connection) -> None:
    """The fabric with the large network, in Git as well."""
    values = {"git_repository": "r1", "git_directory": WIDE, "git_sync_enabled": True}
    fabrics.save_fabric(connection, WIDE, values)
    fabric = fabrics.load_fabric(connection, WIDE)
    save_objects(connection, fabric.id, wide_network())
    rows = load_objects(connection, [fabric.id])[fabric.id]
    written = [
        GitFile(f"{one.ref.kind}/{one.ref.name}.yaml", one.ref, "b" * 40, one.digest, one.manifest) for one in rows
    ]
    with transaction(connection) as cursor:
        git_files.record(cursor, fabric.id, written=written, removed=())


@contextmanager
def api(parameters: dict[str, Any], home: Path) -> Iterator[Any]:
    """A client of the API, on this database, for somebody who may read everything."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    uri = (
        f"postgresql://{parameters['user']}@/{parameters['dbname']}?host={str(parameters['host']).replace('/', '%2F')}"
    )
    os.environ.update({"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
    os.environ.update({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db"})
    os.environ["AIRFLOW_CONN_HEDGEHOG_DB"] = uri
    from starlette.testclient import TestClient

    from hedgehog.airflow.web.access import READING
    from hedgehog.airflow.web.database import close_idle
    from hedgehog.airflow.web.memory import keep_loaded
    from hedgehog.airflow.web.v1 import v1_app

    app = v1_app()
    app.dependency_overrides = {one.dependency: lambda: None for one in READING}
    with TestClient(app) as client:
        keep_loaded()  # as the plugin does in Airflow's API server
        yield client
    close_idle()


def p95(work: Callable[[], Any], rounds: int) -> float:
    """The 95th percentile of what *work* takes, in milliseconds, after a warm-up."""
    work()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[math.ceil(0.95 * rounds) - 1]


def question(client: Any, path: str, **parameters: Any) -> Callable[[], Any]:
    """A GET that must be answered well."""

    def ask() -> Any:
        answer = client.get(path, params=parameters)
        if answer.status_code != 200:
            raise AssertionError(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    return ask


def polling(client: Any) -> float:
    """Percent of a core that BROWSERS take of this process when they ask for changes and there are none."""
    etag = client.get("/changes").headers["etag"]
    etag = client.get("/changes", headers={"If-None-Match": etag}).headers.get("etag", etag)
    started = time.process_time()
    count = 500
    for _ in range(count):
        answer = client.get("/changes", headers={"If-None-Match": etag})
        if answer.status_code != 304:
            raise AssertionError(f"{answer.status_code}: nothing has changed")
    return (time.process_time() - started) / count * BROWSERS / EVERY * 100


def measure(client: Any, connection: Connection) -> list[Figure]:
    """All figures."""
    fleet_peer = p95(lambda: target_statuses(connection, now=datetime.now(UTC)), PEER_ROUNDS)
    name = "fabric-000080"
    fabric = fabrics.load_fabric(connection, name)
    wide = fabrics.load_fabric(connection, WIDE)
    loaded = "all its objects loaded"
    of_fabric = p95(lambda: load_objects(connection, [fabric.id]), PEER_ROUNDS)
    of_wide = p95(lambda: load_objects(connection, [wide.id]), PEER_ROUNDS)
    status = "`hedgehog status`"
    path = question(client, f"/fabrics/{WIDE}/path", source="server-1", destination="server-101")
    rows: Sequence[tuple[str, Callable[[], Any], float, str, float]] = (
        ("fleet by name", question(client, "/fleet"), 150, status, fleet_peer),
        ("fleet by problems", question(client, "/fleet", sort="-problems"), 150, status, fleet_peer),
        ("fleet, held or drifted", question(client, "/fleet", state=["held", "drifted"]), 150, status, fleet_peer),
        ("fleet, searched", question(client, "/fleet", search="site 17"), 150, status, fleet_peer),
        ("fabric", question(client, f"/fabrics/{name}"), 100, loaded, of_fabric),
        ("objects", question(client, f"/fabrics/{name}/objects"), 100, loaded, of_fabric),
        ("object", question(client, f"/fabrics/{name}/objects/VPC/default/vpc-1"), 100, loaded, of_fabric),
        ("timeline", question(client, f"/fabrics/{name}/timeline"), 100, loaded, of_fabric),
        ("topology, 100 switches, 1,000 servers", question(client, f"/fabrics/{WIDE}/topology"), 300, loaded, of_wide),
        ("path between two servers", path, 300, loaded, of_wide),
    )  # fmt: skip
    figures = []
    for what, ask, goal, peer, took in rows:
        say(what)
        figures.append(Figure.of(f"API: {what}, p95", p95(ask, ROUNDS), "ms", peer, took, goal=goal))
    from hedgehog.services.browse.fleet import fleet_counters
    from hedgehog.store.listings.fleet import FleetFilter

    counted = p95(lambda: fleet_counters(connection, FleetFilter()), ROUNDS)
    figures.append(Figure.of("API: counters of the fleet, p95", counted, "ms", status, fleet_peer, goal=150))
    every = f"{BROWSERS} browsers reading the fleet"
    read = p95(question(client, "/fleet"), PEER_ROUNDS) / 1000 * BROWSERS / EVERY * 100
    figures.append(
        Figure.of(f"{BROWSERS} browsers that ask for changes", polling(client), "% core", every, read, goal=15)
    )
    return figures


def in_browser(server: postgres.Postgres, home: Path) -> list[Figure]:
    """How long the page of the fleet takes until its rows can be used, in Chromium with a warm cache; the peer is Airflow's
    own page of DAGs in the same window.
    """
    environment = {"AIRFLOW_CONN_HEDGEHOG_DB": server.uri("pages")}
    server.database("airflow")
    airflow = Airflow(home, server.uri("airflow", scheme="postgresql+psycopg2"), environment)
    airflow.migrate()
    airflow.start_part("api-server")
    try:
        airflow.wait(lambda: answers(f"{airflow.url}/api/v2/version"), "Airflow to answer")
        with browser.browser() as chromium, browser.session(chromium, airflow) as session:
            page = session.new_page()
            ours = loading(page, "/plugin/hedgehog", "fabric-000001")
            theirs = loading(page, "/dags", "Dags")
    finally:
        airflow.stop()
    return [
        Figure.of("page of the fleet until it can be used, p95", ours, "s", "Airflow's page of DAGs", theirs, goal=1.5)
    ]


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


def loading(page: Any, path: str, text: str) -> float:
    """The 95th percentile of the seconds until the page at *path* can be used."""
    for _ in range(WARM):
        shown(page, path, text)
    return p95(lambda: shown(page, path, text), LOADS) / 1000


def shown(page: Any, path: str, text: str) -> None:
    """Open a page, and wait until *text* can be clicked."""
    page.goto(path)
    page.get_by_role("link", name=text, exact=True).first.click(trial=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgehog-pages-") as directory:
        Path(directory).chmod(0o755)
        server = postgres.start(Path(directory) / "data")
        try:
            server.tune_for_tests()
            parameters = server.database("pages")
            connection = connect(parameters)
            migrate(connection)
            say(f"making {arguments.fabrics} fabrics with {100 * arguments.fabrics} objects")
            fill(connection, arguments.fabrics)
            with api(parameters, Path(directory) / "airflow") as client:
                figures = measure(client, connection)
            say("the page of the fleet in Chromium")
            emit([*figures, *in_browser(server, Path(directory) / "web")])
            connection.close()
        finally:
            postgres.stop(Path(directory) / "data")


if __name__ == "__main__":
    main()
