"""What the API answers of a fabric, its objects and its trouble: whole answers."""

from __future__ import annotations

from devstack.objects import make, make_server
from hedgehog.airflow.web.models.topology import Topology
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.store.dry_runs import record_dry_runs
from hedgehog.store.objects import delete_objects, save_objects
from tests.airflow.web.api_lab import AGENTS, add_fabric, add_trouble, look_at, publish, wide_fabric


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
        "git": ("out_of_sync", 2, "somebody to look at 2 problems"),
        "cluster": ("parked", 2, "somebody to look at 1 problem"),
        "switches": ("converging", None, "1 of 2 switches and gateways"),
    }
    assert found["waits_for"] == "Git waits for somebody to look at 2 problems"
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
        "web_url": "https://git.example.com/net/gen/-/tree/main/fabrics/gen",
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


def test_a_fabric_whose_switches_are_not_behind_waits_for_its_cluster(database, read):
    """It has none that could be waited for, and its last sync left something open."""
    look_at(database, add_fabric(database, "gen", wide_fabric()), Health.HEALTHY, (), converged=False)
    (switches,) = (step for step in read("/fabrics/gen")["steps"] if step["place"] == "switches")
    assert (switches["status"], switches["waits_for"]) == ("converging", "the cluster")


def test_objects_say_how_they_stand_at_each_place(database, read):
    """The worst that is true of each; pages of two come together to the same list."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    add_trouble(database, gen)

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
    assert found["git"]["url"] == "https://git.example.com/net/gen/-/blob/main/fabrics/gen/Server/srv-2.yaml"
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
        "commit_url": f"https://git.example.com/net/gen/-/commit/{'a' * 40}",
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
        "differences": [{"path": ".spec.subnets.subnet-1.vlan", "ours": 1004, "theirs": 1234, "by": "kubectl-edit"}],
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


def test_the_addresses_of_a_fabric_are_listed_by_range(database, read):
    """With what is free, and who has the rest."""
    leaf = make("Switch", "leaf-1", {"role": "server-leaf", "asn": 65101})
    add_fabric(database, "gen", [leaf])
    found = {one["name"]: one for one in read("/fabrics/gen/addresses")}
    assert found["leaf-asn"] == {
        "name": "leaf-asn",
        "span": "65101 - 65533",
        "size": 433,
        "used": 1,
        "free": 432,
        "next_free": "65102",
        "uses": [{"value": "65101", "object": "Switch/default/leaf-1", "field": "spec.asn"}],
    }


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


def test_a_dry_run_says_what_its_changes_concern(database, read):
    """By references; what is held is left alone, and the path of a file is not an object."""
    gen = add_fabric(database, "gen", wide_fabric())
    publish(database, gen)
    assert read("/fabrics/gen/dry-runs") == []
    details = ("VPC/default/gen-v configured (spec.subnets)", "VPC/default/v-2 skipped (held)", "a.yaml deleted")
    found = Outcome("gen", Target.KUBERNETES, OutcomeStatus.SUCCESS, gen.generation, details=details, dry_run=True)
    record_dry_runs(database, [found], run_id="run-1")
    (run,) = read("/fabrics/gen/dry-runs")
    assert (run["target"], run["dag_id"], len(run["changes"])) == ("kubernetes", "hedgehog_kubernetes_sync", 3)
    blast = run["blast_radius"]
    assert (blast["vpcs"], blast["switches"], blast["peerings"]) == (
        ["gen-v", "v-2"],
        ["gen-leaf"],
        ["VPCPeering/gen-v--v-2"],
    )
