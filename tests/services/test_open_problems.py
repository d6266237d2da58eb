"""Whatever a sync has to leave alone is in the register, on a real Git host and a real cluster, until it is put right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.objects import make_server, make_vpc
from hedgehog.fabric.model import Target
from hedgehog.services.repository import changes as repository_changes
from hedgehog.store.database import Connection
from hedgehog.store.problems import open_problems
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.services.git import sync_lab as git_sync_lab
from tests.services.git.sync_lab import EDITED, edited_text
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[git_sync_lab.Lab]:
    """A database and a Git host with the empty repository `net`."""
    with git_sync_lab.open_lab(database, tmp_path) as lab:
        yield lab


def known(database: Connection) -> list[tuple[str, str, str]]:
    """What is open: target, kind, subject."""
    found = open_problems(database, only_for_people=True)
    return [(one.target.value, one.kind.value, one.subject) for one in found]


def test_an_edit_that_is_held_in_git_is_open_until_it_is_undone(lab: git_sync_lab.Lab) -> None:
    """With the name of who made it."""
    lab.add_fabric("lab")
    lab.sync("lab")
    before = lab.files()[EDITED]
    person = lab.person()
    person.commit({EDITED: edited_text()})
    lab.sync("lab")
    assert known(lab.database) == [("git", "held-edit", EDITED)]
    assert "was edited by Ada <ada@example.com>" in open_problems(lab.database)[0].cause
    person.commit({EDITED: before})
    lab.sync("lab")
    assert known(lab.database) == []


def test_a_pushed_file_that_cannot_be_taken_over_is_open_until_it_is_right(lab: git_sync_lab.Lab) -> None:
    """By its path, with the line; a host that is unreachable in between resolves nothing."""
    lab.add_fabric("lab", 0, source_of_truth="git")
    path = "fabrics/lab/vpc.yaml"
    person = lab.person()

    def follow() -> None:
        repository_changes.follow(lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run", force=True)

    person.commit({path: "a: ["})
    follow()
    assert known(lab.database) == [("git", "refused-object", path)]
    assert open_problems(lab.database)[0].command == f"hedgehog validate --fabric lab {path}"
    lab.host.outage = 503
    follow()
    lab.host.outage = None
    assert known(lab.database) == [("git", "refused-object", path)]
    person.commit({path: "# nothing yet\n"})
    follow()
    assert known(lab.database) == []


def test_of_several_files_that_are_refused_each_is_in_the_reason(lab: git_sync_lab.Lab) -> None:
    """Not the first with a number."""
    lab.add_fabric("lab", 0, source_of_truth="git")
    person = lab.person()
    person.commit({f"fabrics/lab/{name}.yaml": "a: [" for name in "abc"})
    (look,) = repository_changes.follow(lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run", force=True)
    assert [part.partition(":")[0] for part in look.outcomes[0].reason.split("; ") if part.startswith("fabrics")] == [
        f"fabrics/lab/{name}.yaml" for name in "abc"
    ]


def test_what_a_cluster_sync_leaves_alone_is_open_until_it_is_put_right(world: World) -> None:
    """Another manager's field, and an object that breaks a rule, by name."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    write_as(world.api, "kubectl-edit", make_server("a", "edited"), force="true")
    bad = make_vpc("bad")
    bad["spec"]["subnets"]["subnet-1"]["vlan"] = "text"
    world.fabric("lab", make_server("a", "wanted"), bad)
    world.sync("lab")
    assert sorted(known(world.database)) == [
        ("kubernetes", "field-conflict", "Server/default/a"),
        ("kubernetes", "refused-object", "VPC/default/bad"),
    ]
    commands = {one.kind.value: one.command for one in open_problems(world.database)}
    assert commands == {
        "field-conflict": "hedgehog drift revert lab Server/default/a --in cluster",
        "refused-object": "hedgehog fabric export lab | hedgehog validate --fabric lab - --against-cluster",
    }
    world.fabric("lab", make_server("a", "wanted"), conflict_policy="force")
    world.sync("lab")
    assert known(world.database) == []


def test_a_refused_prune_is_one_problem_not_one_an_object(world: World) -> None:
    """It is about all of them."""
    world.fabric("lab", *[make_server(f"s{i}") for i in range(15)])
    world.sync("lab")
    world.fabric("lab", make_server("new"))
    world.sync("lab")
    (problem,) = open_problems(world.database)
    assert (problem.kind.value, problem.subject) == ("large-prune", "")
    assert "15 of 15 objects would be deleted" in problem.cause
    assert problem.command == "hedgehog sync kubernetes lab --allow-large-prune"


def test_an_object_of_another_fabric_is_a_problem_of_the_one_that_cannot_have_it(world: World) -> None:
    """Not of its owner."""
    world.fabric("one", make_server("a", "of one"))
    world.fabric("two", make_server("a", "of two"))
    world.sync_all(["one", "two"])
    (problem,) = open_problems(world.database)
    assert (problem.fabric, problem.target, problem.kind.value) == ("two", Target.KUBERNETES, "claimed-object")
