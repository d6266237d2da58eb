"""What the API answers of the fleet: whole answers, from a fabric database with something of everything in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devstack.objects import small_fabric
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import Target
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.selectors import Selector
from hedgehog.services.observe.status import target_statuses
from hedgehog.services.steer.freezing import freeze_fabrics
from hedgehog.store import fabrics
from hedgehog.store.database import Connection, connect, transaction
from hedgehog.store.inbox import PULL_REQUEST, store_delivery
from hedgehog.store.objects import save_objects
from hedgehog.store.origins import set_origin
from tests.airflow.web.api_lab import AGENTS, add_fabric, add_trouble, look_at, publish, wide_fabric
from tests.store.inbox_lab import make_arrival


def test_the_fleet_has_a_row_for_each_fabric(database, read):
    """In sync, drifted and parked, and new: each as it stands."""
    gen = add_fabric(database, "gen", wide_fabric()[1:], description="the lab", labels={"site": "fra"})
    with transaction(database) as cursor:
        set_origin(cursor, Origin(who="ann", via=Via.API, why="CHG-7"))
        save_objects(database, gen.id, wide_fabric())
    gen = fabrics.load_fabric(database, "gen")
    publish(database, gen)
    freeze_fabrics(database, [Selector()], reason="audit", until=None, now=datetime.now(UTC), actor="bob")
    look_at(
        database, gen, Health.PROGRESSING, ("spine-1 is behind",), agents=AGENTS, converged=False, convergence="1 of 2"
    )
    found = read("/fleet")
    assert (found["next_cursor"], found["total"]) == (None, 1)
    assert found["items"] == [
        {
            "name": "gen",
            "description": "the lab",
            "source_of_truth": "database",
            "generation": 3,
            "health": "Progressing",
            "health_reason": "spine-1 is behind",
            "git": {
                "status": "in_sync",
                "generation": 3,
                "revision": f"main@sha1:{'a' * 40}",
                "reason": "",
                "changed_at": "TIME",
            },
            "cluster": {
                "status": "in_sync",
                "generation": 3,
                "revision": f"main@sha1:{'a' * 40}",
                "reason": "",
                "changed_at": "TIME",
            },
            "repository": "net/gen",
            "cluster_connection": "gen_cluster",
            "switches": {"total": 2, "current": 1, "converged": False, "converged_at": None, "reason": "1 of 2"},
            "changed_at": "TIME",
            "drift": 0,
            "held": 0,
            "refused": 0,
            "parked": 0,
            "problems": 0,
            "needs_somebody": False,
            "suspended": None,
            "frozen": {"reason": "audit", "until": None},
            "rollout": None,
            "labels": {"site": "fra"},
            "last_change": {"at": "TIME", "who": "ann", "why": "CHG-7"},
        }
    ]


def some_fleet(database: Connection) -> None:
    """Five fabrics: fine, in trouble, new, suspended, and off."""
    for name in ("fine", "trouble", "new", "asleep"):
        add_fabric(database, name, small_fabric(name))
    fabrics.save_fabric(database, "off", {})
    publish(database, fabrics.load_fabric(database, "fine"))
    look_at(database, fabrics.load_fabric(database, "fine"), Health.HEALTHY, ())
    publish(database, fabrics.load_fabric(database, "trouble"))
    add_trouble(database, fabrics.load_fabric(database, "trouble"))
    fabrics.suspend(database, "asleep", reason="upgrade", until=None)


def test_counters_say_how_many_fabrics_are_in_each_state(database, read):
    """A fabric may be in several."""
    some_fleet(database)
    found = read("/fleet/counters")
    assert found["total"] == 5
    assert {state: count for state, count in found["states"].items() if count} == {
        "healthy": 1,
        "unknown": 4,
        "in_sync": 1,
        "not_in_sync": 3,
        "waiting": 1,
        "parked": 1,
        "suspended": 1,
        "drifted": 1,
        "held": 1,
        "refused": 1,
        "needs_somebody": 1,
    }


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["asleep", "fine", "new", "off", "trouble"]),
        ({"sort": "-name"}, ["trouble", "off", "new", "fine", "asleep"]),
        ({"sort": "-problems"}, ["trouble", "asleep", "fine", "new", "off"]),
        ({"sort": "-cluster"}, ["trouble", "asleep", "new", "fine", "off"]),
        ({"sort": "-git"}, ["trouble", "asleep", "new", "fine", "off"]),
        ({"sort": "health"}, ["fine", "asleep", "new", "off", "trouble"]),
        ({"state": ["suspended", "parked"]}, ["asleep", "trouble"]),
        ({"state": "not_in_sync"}, ["asleep", "new", "trouble"]),
        ({"search": "OUBL"}, ["trouble"]),
        ({"search": "%"}, []),
        ({"repository": "net/new"}, ["new"]),
        ({"cluster": "fine_cluster"}, ["fine"]),
        ({"fabric": ["new", "nobody"]}, ["new"]),
        ({"select": "fabric in (new,off)"}, ["new", "off"]),
    ],
)
def test_the_database_filters_and_sorts_the_fleet(database, read, parameters, names):
    """And pages of one row come together to the same list."""
    some_fleet(database)
    assert [row["name"] for row in read("/fleet", **parameters)["items"]] == names
    paged, cursor = [], None
    while True:
        page = read("/fleet", limit=1, **parameters, **({"cursor": cursor} if cursor else {}))
        paged += [row["name"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == names


def test_a_fleet_row_says_the_same_as_the_status_command(database, read, command):
    """Filters are made in the database, the command reasons in Python: they must not drift apart."""
    some_fleet(database)
    publish(database, add_fabric(database, "half", small_fabric("half")), apply=False)
    database.commit()
    states = {
        (row["name"], place): row[part]["status"]
        for row in read("/fleet")["items"]
        for place, part in (("git", "git"), ("kubernetes", "cluster"))
        if row[part]
    }

    told = {
        (one.state.fabric, one.state.target.value): one.state.status.value
        for one in target_statuses(database, now=datetime.now(UTC))
    }
    assert states == told


def test_health_counts_clusters_and_queues(database, read):
    """What is around fabrics."""
    some_fleet(database)
    found = read("/health")
    assert found["rows"] == []
    assert [one["connection_id"] for one in found["clusters"]] == [
        "asleep_cluster", "fine_cluster", "new_cluster", "trouble_cluster",
    ]  # fmt: skip
    assert {one["name"]: (one["due"], one["running"], one["parked"]) for one in found["queues"]} == {
        "git": (1, 0, 0),
        "kubernetes": (0, 0, 1),
    }


def test_a_pull_request_leads_to_its_page_at_its_host(database, read):
    """As the connection of its repository says which host it is; of one that no repository follows, nobody knows."""
    add_fabric(database, "gen", small_fabric("gen"))
    for number, name in ((7, "gen"), (8, "other")):
        pull = {
            "url": f"https://git.example.com/net/{name}.git",
            "number": number,
            "base": "main",
            "kind": PULL_REQUEST,
        }
        store_delivery(database, make_arrival(**pull))
    found = read("/pull-requests")["items"]
    assert [(one["number"], one["url"], one["fabrics"]) for one in found] == [
        (8, None, []),
        (7, "https://git.example.com/net/gen/-/merge_requests/7", ["gen"]),
    ]


def test_a_page_asks_what_has_changed_and_mostly_hears_nothing(database, api):
    """Each change of a fabric is told once; in between 304."""
    add_fabric(database, "gen", small_fabric("gen"))
    first = api.get("/changes")
    assert first.json()["complete"] is False
    second = api.get("/changes", headers={"If-None-Match": first.headers["etag"]})
    etag = second.headers["etag"]
    assert api.get("/changes", headers={"If-None-Match": etag}).status_code == 304
    with transaction(database) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET reason = 'x' WHERE target = %s", (Target.GIT.value,))
    third = api.get("/changes", params={"since": etag.strip('"')})
    assert (third.status_code, third.json()["fabrics"], third.json()["complete"]) == (200, ["gen"], True)
    assert api.get("/changes", headers={"If-None-Match": third.headers["etag"]}).status_code == 304


def test_a_change_that_is_committed_late_is_not_missed(database, fabric_database, api):
    """It began before the answer that did not have it, and another one that ended earlier."""
    add_fabric(database, "late", small_fabric("late"))
    add_fabric(database, "early", small_fabric("early"))
    slow = connect(fabric_database)
    with transaction(slow) as slowly:
        slowly.execute("UPDATE hedgehog.fabric SET description = 'late' WHERE name = 'late'")
        with transaction(database) as cursor:
            cursor.execute("UPDATE hedgehog.fabric SET description = 'early' WHERE name = 'early'")
        etag = api.get("/changes").headers["etag"]
        seen = api.get("/changes", headers={"If-None-Match": etag})
        etag = seen.headers["etag"]
        assert api.get("/changes", headers={"If-None-Match": etag}).status_code == 304
    slow.close()
    found = api.get("/changes", headers={"If-None-Match": etag})
    assert found.status_code == 200
    assert "late" in found.json()["fabrics"]


@pytest.mark.parametrize("cursor", ["x", "bm9uc2Vuc2U", "W10", "WyIiLCJhIiwiYiIsMV0", "a" * 2000])
def test_a_cursor_that_is_not_ours_is_refused(database, api, cursor):
    """Whatever it holds."""
    add_fabric(database, "gen", small_fabric("gen"))
    for path in ("/fleet", "/problems", "/drift", "/dead-letters", "/deliveries", "/actions", "/fabrics/gen/objects"):
        answer = api.get(path, params={"cursor": cursor})
        assert (path, answer.status_code, answer.json()["reason"]) == (path, 422, "InvalidInput")


@pytest.fixture
def grown(database: Connection) -> None:
    """Ten thousand fabrics that came since the last ANALYZE, which found none."""
    add_fabric(database, "gone", [])
    with transaction(database) as cursor:
        cursor.execute("ALTER TABLE hedgehog.fabric SET (autovacuum_enabled = false)")
        cursor.execute("ALTER TABLE hedgehog.sync_state SET (autovacuum_enabled = false)")
        cursor.execute("DELETE FROM hedgehog.fabric")
    with transaction(database) as cursor:
        cursor.execute("ANALYZE hedgehog.fabric, hedgehog.sync_state")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("INSERT INTO hedgehog.fabric (name) SELECT 'f-' || i FROM generate_series(1, 10000) i")
        cursor.execute(
            "INSERT INTO hedgehog.sync_state (fabric_id, target) SELECT f.id, unnest(ARRAY['git', 'kubernetes']) "
            "FROM hedgehog.fabric f"
        )


@pytest.mark.usefixtures("grown")
def test_a_fleet_is_read_in_time_before_the_database_has_statistics(api):
    """As after the import of a large fleet: for a minute, the planner takes it for a row or two."""
    for path in ("/fleet", "/fleet?fabric=f-1", "/fleet/counters", "/problems", "/held", "/health"):
        assert (path, api.get(path).status_code) == (path, 200)
