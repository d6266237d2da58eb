"""A branch or repository that is gone from its host is looked for, and never created again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.services.repository import changes as repository_changes
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection, transaction
from tests.services.git.sync_lab import Lab, make_vpc, open_lab, trust


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A fabric that was published to the branch `main` of the repository `net`."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab")
        assert lab.sync("lab").status is OutcomeStatus.SUCCESS
        yield lab


def git(lab: Lab, *arguments: str) -> str:
    """Run git in the repository at the host."""
    command = ["git", f"--git-dir={lab.host.path('net')}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def look(lab: Lab) -> repository_changes.RepositoryOutcome:
    """A look at the repository, as by the clock."""
    (found,) = repository_changes.follow(
        lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run-2", find_refusals=trust
    )
    return found


def refused(lab: Lab, name: str = "lab", **options: Any) -> Outcome:
    """A sync that finds the branch gone, and leaves the host as it is."""
    lab.save(name, make_vpc("vpc-9"))
    before = git(lab, "for-each-ref")
    outcome = lab.sync(name, **options)
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "NotFound")
    assert git(lab, "for-each-ref") == before
    return outcome


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_renamed_branch_is_not_created_again_and_its_new_name_is_reported(lab: Lab, dry_run: bool) -> None:
    """By the commit that it has."""
    git(lab, "branch", "-m", "main", "trunk")
    outcome = refused(lab, dry_run=dry_run)
    assert "may be 'trunk' now" in outcome.reason
    assert "correct the repository's branch" in outcome.reason
    if not dry_run:
        fabric_store.save_repository(lab.database, "net", {"branch": "trunk"})
        assert lab.sync("lab").status is OutcomeStatus.SUCCESS
        assert "fabrics/lab/vpcs/vpc-9.yaml" in lab.files(branch="trunk")


def test_a_renamed_branch_that_has_moved_on_is_found(lab: Lab) -> None:
    """It contains what was published."""
    git(lab, "branch", "-m", "main", "trunk")
    lab.person().commit({"readme": "x"})  # on main, which then is something else
    git(lab, "update-ref", "-d", "refs/heads/main")
    person = lab.person()
    person.git("fetch", "--quiet", "origin", "trunk")
    person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    (person.directory / "x").write_text("x")
    person.git("add", "--all")
    person.git("commit", "--quiet", "--message", "Move on")
    person.git("push", "--quiet", "origin", "HEAD:trunk")
    assert "may be 'trunk' now" in refused(lab).reason
    assert "may be 'trunk' now" in str(look(lab).error)


def test_a_deleted_branch_beside_others_is_reported(lab: Lab) -> None:
    """They have nothing of ours."""
    person = lab.person()
    person.git("commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    person.git("push", "--quiet", "origin", "HEAD:docs")
    git(lab, "update-ref", "-d", "refs/heads/main")
    assert "none that the host has ('docs') contains what was published" in refused(lab).reason


def test_an_emptied_or_recreated_repository_stays_empty(lab: Lab) -> None:
    """Whoever made it again may be about to push its history."""
    git(lab, "update-ref", "-d", "refs/heads/main")
    assert "the repository is empty" in refused(lab).reason
    shutil.rmtree(lab.host.path("net"))
    lab.host.create("net")
    assert "the repository is empty" in refused(lab).reason
    assert "the repository is empty" in str(look(lab).error)


def test_what_counts_is_the_branch_not_the_fabric(lab: Lab) -> None:
    """A new fabric, and a repository row that was deleted and made again, do not create it either."""
    git(lab, "branch", "-m", "main", "trunk")
    lab.add_fabric("new")
    assert "may be 'trunk' now" in refused(lab, "new").reason
    for name in ("lab", "new"):
        fabric_store.save_fabric(lab.database, name, {"git_sync_enabled": False, "git_repository": None})
    with transaction(lab.database) as cursor:
        cursor.execute("DELETE FROM hedgehog.git_repository")
    fabric_store.save_repository(lab.database, "again", {"url": lab.host.url("net").removesuffix(".git") + "/"})
    lab.host.create("other")
    fabric_store.save_fabric(lab.database, "new", {"git_sync_enabled": True, "git_repository": "again"})
    assert refused(lab, "new").error_class == "NotFound"


def test_a_branch_that_was_only_looked_at_is_known(lab: Lab) -> None:
    """Also that of a fabric whose source of truth is Git."""
    lab.host.create("pushed")
    lab.add_repository("pushed")
    lab.person("pushed").commit({"readme": "x"})
    fabric_store.save_fabric(lab.database, "theirs", {"git_repository": "pushed", "git_sync_enabled": True})
    repository_changes.follow(
        lab.database, ["pushed"], open_mirror=lab.open_mirror, run_id="run-2", find_refusals=trust
    )
    subprocess.run(["git", f"--git-dir={lab.host.path('pushed')}", "branch", "-m", "main", "trunk"], check=True)
    assert lab.sync("theirs").error_class == "NotFound"


def test_another_branch_or_repository_of_a_published_fabric_is_created(lab: Lab) -> None:
    """A fabric that moves to an empty place begins there."""
    fabric_store.save_repository(lab.database, "net", {"branch": "live"})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    lab.host.create("other")
    lab.add_repository("other")
    fabric_store.save_fabric(lab.database, "lab", {"git_repository": "other"})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert "fabrics/lab/vpcs/vpc-1.yaml" in lab.files("other")


def test_a_first_commit_by_a_person_starts_over(lab: Lab) -> None:
    """The way out that the message names."""
    git(lab, "update-ref", "-d", "refs/heads/main")
    assert "push a first commit to start over" in refused(lab).reason
    person = lab.person()
    person.git("commit", "--quiet", "--allow-empty", "--message", "Begin anew")
    person.git("push", "--quiet", "origin", "HEAD:main")
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert "fabrics/lab/vpcs/vpc-9.yaml" in lab.files()
