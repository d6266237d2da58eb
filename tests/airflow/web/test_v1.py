"""What the API answers: whole answers, from a fabric database with something of everything in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from devstack.objects import make_server, small_fabric
from hedgehog.airflow.web.models.topology import Topology
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import Target
from hedgehog.store import fabrics
from hedgehog.store.database import Connection, connect, transaction
from tests.airflow.web.api_lab import add_fabric, add_trouble, client_of, look_at, publish, wide_fabric

AGENTS = {
    "Agent/gen-leaf": {"health": "Healthy", "generation": 3, "applied": 3, "role": "server-leaf"},
    "Agent/spine-1": {"health": "Progressing", "generation": 4, "applied": 3, "role": "spine"},
}


@pytest.fixture
def database(fabric_database: dict[str, Any]) -> Iterator[Connection]:
    """The fabric database that the API reads."""
    connection = connect(fabric_database)
    yield connection
    connection.close()


@pytest.fixture
def api(fabric_database: dict[str, Any]) -> Iterator[TestClient]:
    """The API, for somebody who may do everything."""
    from hedgehog.airflow.web.v1 import v1_app

    with client_of(v1_app()) as client:
        yield client


@pytest.fixture
def read(api: TestClient) -> Callable[..., Any]:
    """What the API answers to a GET."""

    def get(path: str, **parameters: Any) -> Any:
        answer = api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return plain(answer.json())

    return get


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)")


def plain(value: Any) -> Any:
    """*value* with each time as `TIME`."""
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return "TIME" if isinstance(value, str) and _TIME.fullmatch(value) else value


def test_the_fleet_has_a_row_for_each_fabric(database, read):
    """In sync, drifted and parked, and new: each as it stands."""
    gen = add_fabric(database, "gen", wide_fabric(), description="the lab")
    publish(database, gen)
    look_at(
        database, gen, Health.PROGRESSING, ("spine-1 is behind",), agents=AGENTS, converged=False, convergence="1 of 2"
    )
    found = read("/fleet")
    assert (found["next_cursor"], found["total"]) == (None, None)
    assert found["items"] == [
        {
            "name": "gen",
            "description": "the lab",
            "source_of_truth": "database",
            "generation": 2,
            "health": "Progressing",
            "health_reason": "spine-1 is behind",
            "git": {
                "status": "in_sync",
                "generation": 2,
                "revision": f"main@sha1:{'a' * 40}",
                "reason": "",
                "changed_at": "TIME",
            },
            "cluster": {
                "status": "in_sync",
                "generation": 2,
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
    from datetime import UTC, datetime

    from hedgehog.services.observe.status import target_statuses

    told = {
        (one.state.fabric, one.state.target.value): one.state.status.value
        for one in target_statuses(database, now=datetime.now(UTC))
    }
    assert states == told


def test_a_fabric_is_followed_from_the_database_to_the_switches(database, read):
    """With the generation, the revision, the reason and what is waited for at each step."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    look_at(
        database, gen, Health.PROGRESSING, ("spine-1 is behind",), agents=AGENTS, converged=False, convergence="1 of 2"
    )
    add_trouble(database, gen)
    found = read("/fabrics/gen")
    assert {step["place"]: (step["status"], step["generation"], step["waits_for"]) for step in found["steps"]} == {
        "database": ("in_sync", 2, ""),
        "git": ("out_of_sync", 2, "somebody: 2 problems"),
        "cluster": ("parked", 2, "somebody: 1 problem"),
        "switches": ("converging", None, "1 of 2 switches and gateways"),
    }
    assert found["waits_for"] == "git: somebody: 2 problems"
    assert found["agents"][1] == {
        "kind": "Agent",
        "name": "spine-1",
        "role": "spine",
        "health": "Progressing",
        "generation": 4,
        "applied_generation": 3,
        "behind_since": None,
    }
    assert found["repository"] == {
        "name": "net/gen",
        "url": "https://git.example.com/net/gen.git",
        "branch": "main",
        "directory": "fabrics/gen",
        "web_url": "https://git.example.com/net/gen/tree/main/fabrics/gen",
    }
    assert {name: found[name] for name in ("drift", "held", "refused", "parked", "needs_somebody")} == {
        "drift": 1,
        "held": 1,
        "refused": 1,
        "parked": 1,
        "needs_somebody": True,
    }
    assert {one["kind"]: one["objects"] for one in found["kinds"]}["Connection"] == 3
    assert found["settings"]["kubernetes_connection_id"] == "gen_cluster"


def test_objects_say_how_they_stand_at_each_place(database, read):
    """The worst that is true of each; pages of two come together to the same list."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    add_trouble(database, gen)
    from hedgehog.fabric.model import ObjectRef
    from hedgehog.store.objects import delete_objects, save_objects

    save_objects(database, gen.id, [make_server("gen-srv", "another text"), make_server("srv-3")])
    delete_objects(database, gen.id, [ObjectRef("VPCAttachment", "default", "attach-2")])
    found = read("/fabrics/gen/objects", limit=500)["items"]
    assert {row["ref"]: (row["state"], row["git"], row["cluster"]) for row in found if row["state"] != "in_order"} == {
        "Server/default/gen-srv": ("pending", "differs", "same"),
        "Server/default/srv-2": ("held", "same", "same"),
        "Server/default/srv-3": ("pending", "absent", "absent"),
        "VPC/default/gen-v": ("drifted", "same", "same"),
        "VPC/default/v-2": ("refused", "same", "same"),
        "VPCAttachment/default/attach-2": ("deleting", "differs", "differs"),
    }
    troubled = read("/fabrics/gen/objects", state=["drifted", "refused"])["items"]
    assert [row["ref"] for row in troubled] == ["VPC/default/gen-v", "VPC/default/v-2"]
    assert [row["name"] for row in read("/fabrics/gen/objects", kind="Switch")["items"]] == ["gen-leaf", "spine-1"]
    attachment = next(row for row in found if row["ref"] == "VPCAttachment/default/gen-attach")
    assert attachment["refers_to"] == ["Connection/default/gen-srv--unbundled--gen-leaf", "VPC/default/gen-v"]
    paged, cursor = [], None
    while cursor is not None or not paged:
        page = read("/fabrics/gen/objects", limit=2, **({"cursor": cursor} if cursor else {}))
        paged, cursor = paged + page["items"], page["next_cursor"]
    assert paged == found


def test_an_object_is_shown_at_its_three_places(database, read):
    """With the fields in which they differ, what refers to it, why it is refused and what syncs did to it."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    add_trouble(database, gen)
    from hedgehog.store.objects import save_objects

    save_objects(database, gen.id, [make_server("srv-2", "moved")])
    found = read("/fabrics/gen/objects/Server/default/srv-2")
    assert found["differences"] == [
        {"path": ".spec.description", "database": "moved", "git": "a server", "cluster": "a server"}
    ]
    assert [one["ref"] for one in found["referred_by"]] == ["Connection/default/srv-2--unbundled--gen-leaf"]
    assert [(one["place"], one["by"], one["can_adopt"]) for one in found["drift"]] == [
        ("git", "Ann <a@example.com>", True)
    ]
    assert [(one["target"], one["what"], one["dag_id"]) for one in found["events"]] == [
        (target, "Server/default/srv-2 created", "hedgehog_git_sync")
        for target in ("kubernetes", "git", "kubernetes", "git")
    ]
    assert found["git"]["url"] == "https://git.example.com/net/gen/blob/main/fabrics/gen/Server/srv-2.yaml"
    assert "description: moved" in found["text"]
    refused = read("/fabrics/gen/objects/VPC/default/v-2")
    assert refused["refusals"] == [
        {
            "rules": ["vpc-subnet-overlap"],
            "reason": ".spec.subnets: overlaps; take another [vpc-subnet-overlap]",
            "since": "TIME",
        }
    ]
    assert [(one["kind"], one["actions"], one["rules"]) for one in refused["problems"]] == [
        ("refused-object", ["edit"], ["vpc-subnet-overlap"])
    ]


def test_the_timeline_goes_back_page_by_page(database, read):
    """The newest sync first, of both targets."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    add_trouble(database, gen)
    found = read("/fabrics/gen/timeline")["items"]
    assert [(one["target"], one["status"]) for one in found] == [
        ("kubernetes", "error"),
        ("git", "held"),
        ("kubernetes", "success"),
        ("git", "success"),
    ]
    assert found[3] == {
        "id": 1,
        "at": "TIME",
        "target": "git",
        "status": "success",
        "generation": 2,
        "revision": f"main@sha1:{'a' * 40}",
        "commit": "a" * 40,
        "commit_url": f"https://git.example.com/net/gen/commit/{'a' * 40}",
        "counts": {"created": 2},
        "reason": "",
        "error_class": None,
        "details": ["VPC/default/gen-v created", "Server/default/srv-2 created"],
        "run_id": "run-1",
        "dag_id": "hedgehog_git_sync",
        "duration": 1.5,
    }
    first = read("/fabrics/gen/timeline", limit=3)
    rest = read("/fabrics/gen/timeline", limit=3, cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == found
    assert [one["id"] for one in read("/fabrics/gen/timeline", target="git")["items"]] == [3, 1]


def test_problems_say_what_to_do_and_which_action_does_it(database, read):
    """Held ones are a part of them."""
    add_trouble(database, add_fabric(database, "gen", wide_fabric()))
    found = read("/problems")["items"]
    assert [(one["target"], one["kind"], one["actions"]) for one in found] == [
        ("git", "held-edit", ["adopt-git", "revert-git"]),
        ("git", "refused-object", ["edit"]),
        ("kubernetes", "parked", ["replay", "discard"]),
    ]
    assert read("/held")["items"] == found[:1]
    assert read("/problems", kind=["parked"])["items"] == found[2:]
    page = read("/problems", limit=2)
    assert page["items"] + read("/problems", limit=2, cursor=page["next_cursor"])["items"] == found


def test_drift_has_our_value_and_theirs(database, read):
    """And what the next sync does about it."""
    add_trouble(database, add_fabric(database, "gen", wide_fabric()))
    found = read("/drift", fabric="gen")
    assert found["total"] == 2
    assert found["items"][1] == {
        "fabrics": ["gen"],
        "place": "cluster",
        "connection_id": "gen_cluster",
        "object": "VPC/default/gen-v",
        "path": None,
        "state": "changed",
        "paths": [".spec.subnets.subnet-1.vlan"],
        "differences": [{"path": ".spec.subnets.subnet-1.vlan", "ours": 1004, "theirs": 1234}],
        "problem": "",
        "by": "kubectl-edit",
        "score": 0.1,
        "policy": "correct",
        "next": "held",
        "revert": False,
        "can_adopt": True,
        "can_revert": True,
        "found_at": "TIME",
    }
    assert [one["place"] for one in read("/drift", place="git")["items"]] == ["git"]


def test_the_network_has_layers_links_and_states(database, read):
    """A spine, a leaf, two servers, and the cables between them."""
    gen = add_fabric(database, "gen", wide_fabric())
    look_at(database, gen, Health.PROGRESSING, (), agents=AGENTS)
    found = read("/fabrics/gen/topology")
    assert Topology.model_validate(found, strict=False).model_dump(mode="json") == found
    assert {node["id"]: (node["layer"], node["health"], node["converged"]) for node in found["nodes"]} == {
        "Switch/spine-1": ("spine", "Progressing", False),
        "Switch/gen-leaf": ("leaf", "Healthy", True),
        "Server/gen-srv": ("server", None, None),
        "Server/srv-2": ("server", None, None),
    }
    assert sorted(
        (link["type"], *(f"{end['node']} {end['port']}" for end in link["ends"])) for link in found["links"]
    ) == [
        ("fabric", "Switch/spine-1 E1/1", "Switch/gen-leaf E1/9"),
        ("fabric", "Switch/spine-1 E1/2", "Switch/gen-leaf E1/10"),
        ("unbundled", "Server/gen-srv e1", "Switch/gen-leaf E1/1"),
        ("unbundled", "Server/srv-2 e1", "Switch/gen-leaf E1/2"),
    ]
    assert found["servers_by_vpc"] == {"gen-v": ["Server/gen-srv"], "v-2": ["Server/srv-2"]}


def test_a_path_goes_through_attachments_vpcs_and_peering(database, read):
    """By what the fabric wants, with the state of each part."""
    add_fabric(database, "gen", wide_fabric())
    found = read("/fabrics/gen/path", source="gen-srv", destination="srv-2")
    assert [hop["ref"] for hop in found["ways"][0]["hops"]] == [
        "Server/default/gen-srv",
        "Connection/default/gen-srv--unbundled--gen-leaf",
        "VPCAttachment/default/gen-attach",
        "VPC/default/gen-v",
        "VPCPeering/default/gen-v--v-2",
        "VPC/default/v-2",
        "VPCAttachment/default/attach-2",
        "Connection/default/srv-2--unbundled--gen-leaf",
        "Server/default/srv-2",
    ]
    assert (found["reachable"], found["reason"], found["ways"][0]["switches"]) == (True, "", ["Switch/gen-leaf"])


def test_dead_letters_can_be_listed_and_looked_at(database, read, api):
    """With what to trigger to try again."""
    add_trouble(database, add_fabric(database, "gen", wide_fabric()))
    (letter,) = read("/dead-letters")["items"]
    assert (letter["fabric"], letter["dag"], letter["conf"]) == (
        "gen",
        "hedgehog_kubernetes_sync",
        {"fabrics": ["gen"]},
    )
    assert read(f"/dead-letters/{letter['id']}") == letter
    assert api.get("/dead-letters/77").status_code == 404


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
