"""Fabrics → Git: the first sync, later ones, and those that are not due."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgehog.errors import NotFound
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import GitRepository, Manifest, SyncStatus
from hedgehog.fabric.origin import Origin, Via
from hedgehog.gitops.mirror import Mirror
from hedgehog.services import claims
from hedgehog.services.git import sync as git_sync
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection, Lock, connect, transaction, try_locks
from hedgehog.store.origins import set_origin
from tests.services.git.sync_lab import EDITED, NOW, Lab, make_vpc, open_lab


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A database and a Git host with the empty repository `net`."""
    with open_lab(database, tmp_path) as lab:
        yield lab


def test_the_first_sync_writes_every_file_in_one_commit(lab: Lab) -> None:
    """An empty repository, a missing branch: both begin here."""
    lab.add_fabric("lab", vpcs=48)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert outcome.counts["created"] == 50
    assert lab.log() == ["lab: 48 objects of 1 kind"]
    files = lab.files()
    assert len(files) == 50
    assert yaml.safe_load(files["fabrics/lab/vpcs/vpc-7.yaml"]) == make_vpc("vpc-7")
    assert yaml.safe_load(files["fabrics/lab/fabric.yaml"])["spec"]["spine_count"] == 0
    state = lab.state("lab")
    assert (state.status, state.observed_generation) == (SyncStatus.IN_SYNC, state.generation)
    assert outcome.revision == state.revision == f"main@sha1:{outcome.commit}"


def test_a_branch_that_is_missing_is_made(lab: Lab) -> None:
    """Next to others, which stay."""
    lab.person().commit({"README.md": "ours\n"})
    lab.add_repository("net", branch="live")
    lab.add_fabric("lab", vpcs=1)
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert lab.files() == {"README.md": "ours\n"}
    assert sorted(lab.files(branch="live")) == [
        "fabrics/lab/README.md", "fabrics/lab/fabric.yaml", "fabrics/lab/vpcs/vpc-0.yaml",
    ]  # fmt: skip


def last_commit(lab: Lab, form: str) -> str:
    """What `git log` shows of the newest commit."""
    git = ["git", f"--git-dir={lab.host.path('net')}", "log", "-1", f"--format={form}", "main"]
    return subprocess.check_output(git, text=True).rstrip()


def saved_by(lab: Lab, who: str, why: str, *manifests: Manifest, via: Via = Via.CLI) -> None:
    """Somebody stores objects of the fabric lab."""
    with transaction(lab.database) as cursor:
        set_origin(cursor, Origin(who=who, via=via, why=why))
        lab.save("lab", *manifests)


def test_the_commit_says_who_what_and_why(lab: Lab) -> None:
    """Who asked is its author, the product its committer; the subject says what changed, the body why."""
    lab.add_fabric("lab", vpcs=2)
    lab.sync("lab")
    saved_by(lab, "ops@build-7", "CHG-17: another VLAN", make_vpc("vpc-1", vlan=1999))
    lab.sync("lab", run_id="hedgehog_git_sync/manual__1")
    generation = lab.state("lab").generation
    now = int(NOW.timestamp())
    assert last_commit(lab, "%an <%ae> %at%n%cn <%ce> %ct%n%B") == (
        f"ops@build-7 <hedgehog@localhost> {now}\nHedgehog on Airflow <hedgehog@localhost> {now}\n"
        "lab: VPC vpc-1 subnet default vlan 1001 → 1999\n\nCHG-17: another VLAN\n\nFiles: 1 configured, 3 unchanged.\n\n"
        f"Hedgehog-Fabric: lab\nHedgehog-Generation: {generation}\nHedgehog-Run: hedgehog_git_sync/manual__1"
    )


def test_several_people_share_a_commit(lab: Lab) -> None:
    """The last is the author, the others are named; what was published before is nobody's again."""
    lab.add_fabric("lab", vpcs=1)
    lab.sync("lab")
    saved_by(lab, "Ada <ada@example.com>", "one", make_vpc("vpc-1"))
    saved_by(lab, "bob@example.com", "two", make_vpc("vpc-2"), via=Via.API)
    saved_by(lab, "Ada <ada@example.com>", "", make_vpc("vpc-3"))
    saved_by(lab, "eve@host", "one", make_vpc("vpc-4"))
    lab.sync("lab")
    assert last_commit(lab, "%an <%ae>%n%s%n%(trailers:key=Co-authored-by)") == (
        "eve@host <hedgehog@localhost>\nlab: 4 objects of 1 kind\n"
        "Co-authored-by: Ada <ada@example.com>\nCo-authored-by: bob@example.com <bob@example.com>"
    )
    assert last_commit(lab, "%b").startswith("one (Ada)\ntwo (bob@example.com)\none (eve@host)\n\nFiles: ")
    lab.save("lab", make_vpc("vpc-5"))
    lab.sync("lab")
    assert last_commit(lab, "%an%(trailers:key=Co-authored-by)") == "postgres"


def test_what_nobody_asked_for_is_the_products(lab: Lab) -> None:
    """A file that is restored, for example."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.person().commit({EDITED: None})
    lab.sync("lab")
    assert last_commit(lab, "%an <%ae>%n%s") == "Hedgehog on Airflow <hedgehog@localhost>\nlab: VPC vpc-1 created"


def test_a_text_of_a_person_cannot_pass_for_a_trailer(lab: Lab) -> None:
    """Nor for a line of its own, nor move a cursor."""
    lab.add_fabric("lab", vpcs=1)
    lab.sync("lab")
    evil = "x\n\nHedgehog-Fabric: other\nHedgehog-Run: evil\x1b[2J"
    saved_by(lab, f"{evil}<>", evil, make_vpc("vpc-1"))
    saved_by(lab, "Eve\nHedgehog-Fabric: other <e@x>", evil, make_vpc("vpc-2"))
    lab.sync("lab")
    text = last_commit(lab, "%an%n%cn%n%B")
    assert "\x1b" not in text
    assert last_commit(lab, "%(trailers:key=Hedgehog-Fabric)") == "Hedgehog-Fabric: lab"
    assert last_commit(lab, "%(trailers:key=Hedgehog-Run)") == "Hedgehog-Run: run-1"
    assert last_commit(lab, "%cn") == "Hedgehog on Airflow"


@pytest.mark.parametrize("force", [False, True])
def test_nothing_changed_means_no_commit_and_no_push(lab: Lab, force: bool) -> None:
    """However often it runs."""
    lab.add_fabric("lab")
    first = lab.sync("lab")
    pushes = lab.pushes()
    for _ in range(2):
        outcome = lab.sync("lab", force=force)
        assert (outcome.status, outcome.reason, outcome.commit) == (OutcomeStatus.SKIPPED, "nothing changed", None)
        assert outcome.counts["unchanged"] == 4
        assert outcome.revision == first.revision
    assert lab.pushes() == pushes
    assert len(lab.log()) == 1


def test_only_what_changed_is_written(lab: Lab) -> None:
    """One object new, one changed, one gone: one commit with three files."""
    lab.add_fabric("lab", vpcs=4)
    lab.sync("lab")
    lab.save(
        "lab", make_vpc("vpc-0"), make_vpc("vpc-1", vlan=1999), make_vpc("vpc-2"), make_vpc("new"), delete_missing=True
    )
    outcome = lab.sync("lab")
    assert {action: number for action, number in outcome.counts.items() if number} == {
        "created": 1, "configured": 1, "deleted": 1, "unchanged": 4,
    }  # fmt: skip
    assert sorted(outcome.details) == [
        "VPC/default/new created", "VPC/default/vpc-1 configured", "VPC/default/vpc-3 deleted",
    ]  # fmt: skip
    assert "fabrics/lab/vpcs/vpc-3.yaml" not in lab.files()
    git = ["git", f"--git-dir={lab.host.path('net')}", "show", "--no-renames", "--stat=200", "--format=%s", "main"]
    shown = subprocess.check_output(git, text=True)
    assert shown.startswith("lab: 3 objects of 1 kind\n")
    assert "3 files changed" in shown
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED


def test_when_the_last_object_goes_its_directory_goes(lab: Lab) -> None:
    """The layout stays."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.save("lab", delete_missing=True)
    lab.sync("lab")
    assert sorted(lab.files()) == ["fabrics/lab/README.md", "fabrics/lab/fabric.yaml"]


def test_a_change_of_the_fabric_itself_changes_its_file(lab: Lab) -> None:
    """0 stays 0."""
    lab.add_fabric("lab")
    lab.sync("lab")
    fabric_store.save_fabric(lab.database, "lab", {"asn": 65123, "leaf_count": 0})
    assert lab.sync("lab").details == ("Fabric/hedgehog-system/lab configured",)
    spec = yaml.safe_load(lab.files()["fabrics/lab/fabric.yaml"])["spec"]
    assert (spec["asn"], spec["leaf_count"]) == (65123, 0)


def test_another_directory_moves_everything_in_one_commit(lab: Lab) -> None:
    """Nothing stays behind but what people put there."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.person().commit({"fabrics/lab/notes.txt": "mine\n"})
    fabric_store.save_fabric(lab.database, "lab", {"git_directory": "sites/a"})
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert sorted(lab.files()) == [
        "fabrics/lab/notes.txt", "sites/a/README.md", "sites/a/fabric.yaml", "sites/a/vpcs/vpc-0.yaml",
        "sites/a/vpcs/vpc-1.yaml",
    ]  # fmt: skip
    assert lab.log()[0] == "lab: 2 objects of 1 kind"
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED


def test_another_repository_gets_everything(lab: Lab) -> None:
    """The old one keeps what it has."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.host.create("other")
    lab.add_repository("other")
    fabric_store.save_fabric(lab.database, "lab", {"git_repository": "other"})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert lab.files("other") == lab.files("net")


def test_a_change_during_the_sync_is_not_claimed(lab: Lab, database_parameters: dict[str, Any]) -> None:
    """The generation reached is the one that was read; the fabric stays due."""
    lab.add_fabric("lab")

    def change_meanwhile(repository: GitRepository) -> Mirror:
        other = connect(database_parameters)
        fabric_store.save_fabric(other, "lab", {"asn": 65001})
        other.close()
        return lab.open_mirror(repository)

    lab.sync("lab", open_mirror=change_meanwhile)
    state = lab.state("lab")
    assert state.observed_generation == state.generation - 1
    assert git_sync.plan(lab.database) == [["lab"]]
    lab.sync("lab")
    assert yaml.safe_load(lab.files()["fabrics/lab/fabric.yaml"])["spec"]["asn"] == 65001


def test_a_dry_run_reports_all_and_writes_nothing(lab: Lab) -> None:
    """No commit, no lock, no row."""
    lab.add_fabric("lab")
    before = lab.state("lab")
    outcome = lab.sync("lab", dry_run=True)
    assert (outcome.dry_run, outcome.status, outcome.commit) == (True, OutcomeStatus.SUCCESS, None)
    assert outcome.counts["created"] == len(outcome.details) == 4
    assert lab.log() == []
    assert lab.state("lab") == before
    lab.sync("lab")
    assert lab.sync("lab", dry_run=True).status is OutcomeStatus.SKIPPED


@pytest.mark.parametrize("why", ["suspended", "disabled", "git", "unknown", "locked"])
def test_some_fabrics_are_left_alone_with_a_reason(why: str, lab: Lab, database_parameters: dict[str, Any]) -> None:
    """And nothing is claimed about them: their state stays as it was."""
    choices: dict[str, dict[str, Any]] = {"disabled": {"git_sync_enabled": False}, "git": {"source_of_truth": "git"}}
    settings = choices.get(why, {})
    lab.add_fabric("lab", **settings)
    if why == "suspended":
        fabric_store.suspend(lab.database, "lab", reason="maintenance", until=NOW + timedelta(hours=1))
    other = connect(database_parameters)
    if why == "locked":
        assert try_locks(other, Lock.GIT, [lab.id("lab")])
    outcome = lab.sync("nobody" if why == "unknown" else "lab")
    other.close()
    assert outcome.status is OutcomeStatus.SKIPPED
    words = {"suspended": "maintenance", "disabled": "not enabled", "git": "source of truth", "unknown": "no such"}
    assert words.get(why, "another run") in outcome.reason
    assert lab.log() == []
    if why not in {"disabled", "unknown"}:
        assert lab.state("lab").last_success_at is None


def test_a_suspension_that_is_over_has_no_effect(lab: Lab) -> None:
    """By the clock of the run."""
    lab.add_fabric("lab")
    fabric_store.suspend(lab.database, "lab", reason="maintenance", until=NOW - timedelta(seconds=1))
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS


def test_locks_are_free_afterwards(lab: Lab, database_parameters: dict[str, Any]) -> None:
    """Also after errors."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.host.outage = 500
    lab.sync("lab")
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


def test_few_fabrics_are_a_batch_each(lab: Lab) -> None:
    """Only those that are due, or those that are named."""
    for name in ("a", "b", "c"):
        lab.add_fabric(name, vpcs=0)
    lab.sync_all("b")
    assert sorted(git_sync.plan(lab.database)) == [["a"], ["c"]]
    assert sorted(git_sync.plan(lab.database, force=True)) == [["a"], ["b"], ["c"]]
    assert git_sync.plan(lab.database, fabrics=["b"]) == [["b"]]
    with pytest.raises(NotFound, match="bb"):
        git_sync.plan(lab.database, fabrics=["bb"])


def test_many_fabrics_share_batches_by_repository(lab: Lab) -> None:
    """At most so many batches, of one size, and a repository's fabrics lie side by side."""
    lab.add_repository("other")
    for number in range(70):
        name = f"f{number:02}"
        repository = "net" if number % 2 else "other"
        settings = {"git_repository": repository, "git_directory": name, "git_sync_enabled": True}
        fabric_store.save_fabric(lab.database, name, settings)
    batches = git_sync.plan(lab.database)
    sizes = [len(batch) for batch in batches]
    assert len(sizes) <= claims.MOST_BATCHES
    assert sum(sizes) == 70
    assert len(set(sizes[:-1])) == 1
    order = [int(name[1:]) % 2 for batch in batches for name in batch]
    assert order in (sorted(order), sorted(order, reverse=True))
