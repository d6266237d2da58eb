"""Git → fabric: what is odd in the data of Git itself is tolerated, or parks one file; the rest of the push is taken in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository.changes import RepositoryOutcome
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from tests.gitops.mirror_lab import Entry, write_tree
from tests.services.git.sync_lab import Lab, make_vpc, open_lab, trust

OLD, NEW = "a", "b"


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A fabric whose source of truth is Git, with one VPC taken in."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git")
        lab.person().commit({f"fabrics/lab/vpcs/{OLD}.yaml": yaml.safe_dump(make_vpc(OLD))})
        follow(lab)
        assert vpcs(lab) == {OLD}
        yield lab


def follow(lab: Lab) -> RepositoryOutcome:
    """A look at the repository."""
    (look,) = repository_changes.follow(
        lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run-1", find_refusals=trust
    )
    return look


def vpcs(lab: Lab) -> set[str]:
    """The names of what the database has."""
    return {one.ref.name for one in object_store.load_objects(lab.database, [lab.id("lab")])[lab.id("lab")]}


def push(lab: Lab, odd: list[Entry], *, mode: bytes = b"40000") -> None:
    """Publish a second VPC, and beside it entries as no git makes them; *mode* is that of the directories."""
    repository = lab.host.path("net")
    git = ["git", f"--git-dir={repository}"]

    def run(*arguments: str, given: bytes = b"") -> str:
        person = {f"GIT_{role}_{part}": "ada@x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        done = subprocess.run([*git, *arguments], input=given, capture_output=True, check=True, env=os.environ | person)
        return done.stdout.decode().strip()

    old = run("rev-parse", f"main:fabrics/lab/vpcs/{OLD}.yaml")
    new = run("hash-object", "-w", "--stdin", given=yaml.safe_dump(make_vpc(NEW, 1002)).encode())
    entries = [(b"100644", b"a.yaml", old), (b"100644", b"b.yaml", new), *odd]
    tree = write_tree(repository, entries)
    for name in (b"vpcs", b"lab", b"fabrics"):
        tree = write_tree(repository, [(mode, name, tree)])
    run("update-ref", "refs/heads/main", run("commit-tree", tree, "-p", "main", "-m", "Odd"))


BLOB = "78981922613b2afb6025042ff6bd878ac1994e85"
"""Of `a` and a newline, which `make` in the tests of the transport writes too."""
ODD: dict[str, list[Entry]] = {
    "a name that is not UTF-8": [(b"100644", b"\xff\xfe.yaml", BLOB)],
    "a name with a NUL's neighbour": [(b"100644", b"\x01.yaml", BLOB)],
    "a name with a slash": [(b"100644", b"x/c.yaml", BLOB)],
    "a name of git's own": [(b"100644", b".git", BLOB)],
    "a name that leads upwards": [(b"100644", b"..", BLOB)],
    "a link": [(b"120000", b"c.yaml", BLOB)],
    "a submodule": [(b"160000", b"c.yaml", "1" * 40)],
    "a mode of an old git": [(b"100664", b"c.txt", BLOB)],
    "a mode of no kind": [(b"100000", b"c.txt", BLOB)],
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_entry_stops_nothing_but_itself(what: str, lab: Lab) -> None:
    """The rest of the push is taken in, nothing is deleted, and what waits is told in letters that print."""
    repository = lab.host.path("net")
    subprocess.run(
        ["git", f"--git-dir={repository}", "hash-object", "-w", "--stdin"],
        input=b"a\n",
        check=True,
        capture_output=True,
    )
    push(lab, ODD[what])
    look = follow(lab)
    assert look.error is None
    (outcome,) = look.outcomes
    assert outcome.status in (OutcomeStatus.SUCCESS, OutcomeStatus.HELD), outcome
    assert vpcs(lab) == {OLD, NEW}
    assert all(line.isprintable() for line in (outcome.reason, *outcome.details))


def test_zero_padded_modes_are_as_good_as_others(lab: Lab) -> None:
    """Made by tools that are no more; such history cannot be pushed anew."""
    push(lab, [], mode=b"040000")
    (outcome,) = follow(lab).outcomes
    assert (outcome.status, outcome.counts["created"]) == (OutcomeStatus.SUCCESS, 1)
    assert vpcs(lab) == {OLD, NEW}


@pytest.mark.parametrize("name", [b"a.yaml", b"x" * 201 + b"\xff.yaml"], ids=["the file", "only as it is shown"])
def test_of_two_entries_with_one_name_nobody_knows_which_is_meant(lab: Lab, name: bytes) -> None:
    """One of them may hold what the other one lacks: nothing is deleted."""
    git = ["git", f"--git-dir={lab.host.path('net')}", "hash-object", "-w", "--stdin"]
    other = subprocess.run(git, input=b"# nothing\n", capture_output=True, check=True).stdout.decode().strip()
    push(lab, [(b"100644", name, other)] * (1 if name == b"a.yaml" else 2))
    (outcome,) = follow(lab).outcomes
    assert outcome.status is OutcomeStatus.HELD
    assert "appears more than once; make the commit again with git" in outcome.reason
    assert OLD in vpcs(lab)
