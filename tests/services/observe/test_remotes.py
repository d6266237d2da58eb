"""The health of Git hosts, credentials of their APIs, database and Airflow, on real ones but for Airflow's report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.git_server import GitServer
from devstack.github import GitHub, Outage
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import Host
from hedgehog.services.observe.remotes import BATCH, check_repositories, check_services, plan
from hedgehog.store import fabrics
from hedgehog.store import health as health_store
from hedgehog.store.circuits import FAILURES
from hedgehog.store.database import Connection
from hedgehog.store.health import HealthResult, Scope
from tests.hosts.github.conftest import TOKEN, git, hub

__all__ = ["git", "hub"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEALTHY, DEGRADED, UNKNOWN = Health.HEALTHY, Health.DEGRADED, Health.UNKNOWN


class Hosts:
    """A Git host and the GitHub API over it; repositories `net` and `twin` share a connection."""

    def __init__(self, database: Connection, git: GitServer, hub: GitHub, cache: Path) -> None:
        self.database = database
        self.hub = hub
        self.cache = cache
        self.token = TOKEN
        self.unforeseen: set[str] = set()
        git.create("acme/twin")
        for name in ("net", "twin"):
            settings = {"url": git.url(f"acme/{name}"), "connection_id": "robot"}
            fabrics.save_repository(database, name, settings)
        fabrics.save_fabric(database, "lab", {"git_repository": "net"})

    def find_host(self, repository: GitRepository) -> Host | None:
        """The API, but for repositories that are elsewhere."""
        if repository.name == "elsewhere":
            return None
        if repository.name in self.unforeseen:
            raise RuntimeError("vault token canary-4711 expired")
        return Repository(Client(Credentials(token=self.token), base_url=self.hub.url, write_pause=0), "acme/net")

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """Its clone, unless its credential cannot be read."""
        if repository.name in self.unforeseen:
            raise RuntimeError("vault token canary-4711 expired")
        return Mirror(self.cache, Remote(repository.url, repository.branch))

    def look(self, *names: str, now: datetime = NOW) -> dict[tuple[Scope, str], HealthResult]:
        """Check and return the looks by what they are of."""
        looks = check_repositories(
            self.database,
            names or ("net", "twin"),
            open_mirror=self.open_mirror,
            find_host=self.find_host,
            run_id="run-1",
            now=lambda: now,
        )
        return {(look.scope, look.name): look for look in looks}


@pytest.fixture
def hosts(database: Connection, git: GitServer, hub: GitHub, tmp_path: Path) -> Iterator[Hosts]:
    """Two repositories of one credential, and a fabric in the first."""
    yield Hosts(database, git, hub, tmp_path / "cache")


def test_each_repository_is_asked_once_and_each_credential_once(hosts: Hosts) -> None:
    """One ls-remote a repository, one call a credential; limit, rest and reset are kept."""
    looks = hosts.look()
    credential = f"robot@{hosts.hub.url}"
    assert {key: look.summary.health for key, look in looks.items()} == {
        (Scope.REPOSITORY, "net"): HEALTHY,
        (Scope.REPOSITORY, "twin"): HEALTHY,
        (Scope.GITHUB, credential): HEALTHY,
    }
    assert len(looks[Scope.REPOSITORY, "net"].facts["head"]) == 40
    facts = looks[Scope.GITHUB, credential].facts
    assert (facts["authentication"], facts["limit"], facts["remaining"]) == ("token", 5000, 4999)
    assert hosts.hub.requests == ["GET /rate_limit 200"]
    assert [row.name for row in health_store.latest(hosts.database)] == [credential, "net", "twin"]


def test_a_refused_token_needs_a_person(hosts: Hosts) -> None:
    """And is in no text."""
    hosts.token = "ghp_wrong_wrong_wrong"
    summary = hosts.look()[Scope.GITHUB, f"robot@{hosts.hub.url}"].summary
    assert summary.health is DEGRADED
    assert "401" in summary.reasons[0]
    assert "ghp_wrong" not in summary.reasons[0]


def test_few_calls_left_are_a_warning_until_the_window_ends(hosts: Hosts) -> None:
    """Below a tenth."""
    reset = int((NOW + timedelta(minutes=10)).timestamp())
    window = {"limit": 5000, "remaining": 499, "reset": reset, "used": 4501}
    body = {"resources": {"core": window, "search": window}, "rate": window}
    hosts.hub.outages.append(Outage(200, body, where="/rate_limit"))
    summary = hosts.look()[Scope.GITHUB, f"robot@{hosts.hub.url}"].summary
    assert (summary.health, summary.reasons) == (
        DEGRADED,
        (
            "fewer than 10% of 5000 calls an hour are left until 2026-11-22 12:10:00 UTC; "
            "does anything else use this credential? A GitHub App has a larger limit",
        ),
    )


def test_a_host_that_is_unreachable_is_unknown_and_left_alone_after_a_while(hosts: Hosts) -> None:
    """The circuit is that of the fabrics in the repository."""
    fabrics.save_repository(hosts.database, "net", {"url": "http://127.0.0.1:1/acme/net.git"})
    for _ in range(FAILURES):
        look = hosts.look("net")[Scope.REPOSITORY, "net"]
        assert (look.summary.health, look.facts) == (UNKNOWN, {"error": "RemoteUnavailable"})
    assert (Scope.REPOSITORY, "net") not in hosts.look("net")
    assert (Scope.REPOSITORY, "net") in hosts.look("net", now=NOW + timedelta(minutes=1))


def test_the_trouble_of_one_repository_is_its_own(hosts: Hosts) -> None:
    """A secrets backend may raise anything, and its text may hold a secret."""
    hosts.unforeseen = {"net"}
    looks = hosts.look()
    assert looks[Scope.REPOSITORY, "twin"].summary.health is HEALTHY
    assert looks[Scope.REPOSITORY, "net"].summary.health is UNKNOWN
    assert "unforeseen RuntimeError" in looks[Scope.REPOSITORY, "net"].summary.reasons[0]
    assert "canary" not in str(looks)


def test_results_of_deleted_repositories_are_deleted_and_many_repositories_are_few_tasks(hosts: Hosts) -> None:
    """The plan sees them all."""
    hosts.look()
    with hosts.database, hosts.database.cursor() as cursor:
        cursor.execute("DELETE FROM hedgehog.git_repository WHERE name = 'twin'")
    assert plan(hosts.database) == [["net"]]
    assert [row.name for row in health_store.latest(hosts.database, Scope.REPOSITORY)] == ["net"]
    for number in range(2 * BATCH + 1):
        fabrics.save_repository(hosts.database, f"r{number:03}", {"url": f"https://git.example.com/{number}"})
    assert [len(batch) for batch in plan(hosts.database)] == [51, 51]


def report(**changes: Any) -> dict[str, Any]:
    """What an API server says of a healthy Airflow, with *changes*."""
    parts = {
        part: {"status": "healthy", f"latest_{part}_heartbeat": (NOW - timedelta(seconds=5)).isoformat()}
        for part in ("scheduler", "triggerer", "dag_processor")
    }
    return {"metadatabase": {"status": "healthy"}, **parts, **changes}


def test_database_and_the_parts_of_airflow_are_looked_at(database: Connection) -> None:
    """A dead triggerer hears no wake-ups; an Airflow without one has none to look at."""
    beat = (NOW - timedelta(minutes=3)).isoformat()
    said = report(triggerer={"status": "healthy", "latest_triggerer_heartbeat": beat}, dag_processor={"status": None})
    looks = check_services(database, airflow_health=lambda: said, run_id="run-1", now=lambda: NOW)
    assert {look.name: (look.summary.health, look.summary.reasons) for look in looks} == {
        "database": (HEALTHY, ()),
        "airflow-metadatabase": (HEALTHY, ()),
        "airflow-scheduler": (HEALTHY, ()),
        "airflow-triggerer": (
            DEGRADED,
            ("Airflow's triggerer has sent no heartbeat since 2026-11-22 11:57:00 UTC; start it, or see its log",),
        ),
    }
    assert looks[0].facts.keys() == {"seconds", "connections", "most_connections", "bytes"}


def test_an_airflow_that_does_not_answer_is_unknown(database: Connection) -> None:
    """One look instead of four, which are forgotten."""

    def away() -> dict[str, Any]:
        raise RemoteUnavailable("Airflow's API at http://a cannot be reached")

    check_services(database, airflow_health=report, run_id="run-1", now=lambda: NOW)
    looks = check_services(database, airflow_health=away, run_id="run-2", now=lambda: NOW)
    assert {look.name: look.summary.health for look in looks} == {"database": HEALTHY, "airflow": UNKNOWN}
    assert [row.name for row in health_store.latest(database, Scope.SERVICE)] == ["airflow", "database"]
