"""Fabrics → Git, with a real database and a real Git host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hedgehog.errors import HedgehogError, InvalidInput, NotFound, PushRace
from hedgehog.fabric import render
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import GitRepository, Manifest, ObjectRef, SyncStatus, Target
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.services import git_sync
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, sync_state
from hedgehog.store.database import Connection, Lock, connect, transaction, try_lock

from devstack.git_server import GitServer, Person

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_vpc(name: str, vlan: int = 1001) -> Manifest:
    """The smallest valid VPC."""
    subnets = {"default": {"subnet": "10.0.1.0/24", "vlan": vlan}}
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets},
    }


class Lab:
    """A database, a Git host, and what tests do with them."""

    def __init__(self, database: Connection, host: GitServer, directory: Path) -> None:
        self.database = database
        self.host = host
        self.directory = directory
        self.pauses: list[float] = []
        self.token: str | None = None
        self._people = 0

    def add_repository(self, name: str = "net", branch: str = "main") -> None:
        """A repository row and, unless it is to be missing, the repository."""
        fabric_store.save_repository(self.database, name, {"url": self.host.url(name), "branch": branch})

    def add_fabric(self, name: str, vpcs: int = 2, **settings: Any) -> None:
        """A fabric with some VPCs, in a directory of its name."""
        defaults = {"git_repository": "net", "git_directory": f"fabrics/{name}", "git_sync_enabled": True}
        fabric_store.save_fabric(self.database, name, defaults | settings)
        self.save(name, *(make_vpc(f"vpc-{number}") for number in range(vpcs)))

    def id(self, name: str) -> int:
        """The id of a fabric."""
        return fabric_store.load_fabric(self.database, name).id

    def save(self, name: str, *manifests: Manifest, delete_missing: bool = False) -> None:
        """Store objects of a fabric."""
        fabric_store.save_objects(self.database, self.id(name), manifests, delete_missing=delete_missing)

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """As the Airflow hook does."""
        credentials = GitCredentials(username="robot", token=self.token)
        return Mirror(self.directory / "cache", Remote(repository.url, repository.branch, credentials, timeout=30))

    def sync_all(self, *names: str, **options: Any) -> list[Outcome]:
        """Sync the named fabrics in one batch."""
        seams = git_sync.Seams(clock=lambda: NOW, pause=self.pauses.append)
        defaults: dict[str, Any] = {"open_mirror": self.open_mirror, "run_id": "run-1", "seams": seams}
        return git_sync.sync(self.database, names, **(defaults | options))

    def sync(self, name: str, **options: Any) -> Outcome:
        """Sync one fabric."""
        return self.sync_all(name, **options)[0]

    def person(self, repository: str = "net") -> Person:
        """Somebody new with a clone."""
        self._people += 1
        return Person(self.directory / f"person-{self._people}", self.host.url(repository))

    def files(self, repository: str = "net", branch: str = "main") -> dict[str, str]:
        """What is at the branch's head, by path."""
        git = ["git", f"--git-dir={self.host.path(repository)}"]
        listed = subprocess.run([*git, "ls-tree", "-r", "-z", "--name-only", branch], capture_output=True, check=False)
        paths = [path for path in listed.stdout.decode().split("\0") if path]
        return {path: subprocess.check_output([*git, "show", f"{branch}:{path}"], text=True) for path in paths}

    def log(self, repository: str = "net", branch: str = "main") -> list[str]:
        """Subjects of the commits, newest first."""
        git = ["git", f"--git-dir={self.host.path(repository)}", "log", "--format=%s", branch]
        return subprocess.run(git, capture_output=True, check=False, text=True).stdout.splitlines()

    def state(self, name: str) -> sync_state.State:
        """The fabric's state at Git."""
        found = sync_state.states(self.database, [name])
        return next(state for state in found if state.target is Target.GIT)

    def pushes(self) -> int:
        """How often somebody sent commits to the host."""
        return sum(
            request.endswith("git-receive-pack") and request.startswith("POST") for request in self.host.requests
        )


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A database and a Git host with the empty repository `net`."""
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        lab = Lab(database, host, tmp_path)
        lab.add_repository()
        yield lab


# The first sync ------------------------------------------------------------------------------------------------------


def test_the_first_sync_writes_every_file_in_one_commit(lab: Lab) -> None:
    """An empty repository, a missing branch: both begin here."""
    lab.add_fabric("lab", vpcs=48)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert outcome.counts["created"] == 50
    assert lab.log() == ["Initialize fabric lab"]
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


def test_the_commit_says_who_what_and_why(lab: Lab) -> None:
    """Author from the repository row, counts, trailers; the time is the clock's."""
    lab.add_fabric("lab", vpcs=1)
    lab.sync("lab", run_id="hedgehog_git_sync/manual__1")
    generation = lab.state("lab").generation
    git = ["git", f"--git-dir={lab.host.path('net')}", "log", "-1", "--format=%an <%ae> %at%n%B", "main"]
    assert subprocess.check_output(git, text=True).rstrip() == (
        f"Hedgehog on Airflow <hedgehog@localhost> {int(NOW.timestamp())}\nInitialize fabric lab\n\nFiles: 3 created.\n\n"
        f"Hedgehog-Fabric: lab\nHedgehog-Generation: {generation}\nHedgehog-Run: hedgehog_git_sync/manual__1"
    )


# Later syncs ---------------------------------------------------------------------------------------------------------


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
    assert shown.startswith("Update fabric lab\n")
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
    assert lab.log()[0] == "Update fabric lab"
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


# People edit in Git --------------------------------------------------------------------------------------------------

EDITED = "fabrics/lab/vpcs/vpc-1.yaml"


def edited_text(vlan: int = 1500) -> str:
    """A person's version: another VLAN, a comment, another indentation."""
    return "# by Ada\n" + yaml.safe_dump(make_vpc("vpc-1", vlan), indent=4)


def test_an_edit_is_held_and_named_while_the_rest_goes_on(lab: Lab) -> None:
    """The default policy: nobody's edit is lost, and nobody has to search who made it."""
    lab.add_fabric("lab")
    lab.sync("lab")
    commit = lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-0", vlan=1700))
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert (outcome.counts["skipped"], outcome.counts["configured"]) == (1, 1)
    assert f"{EDITED} was edited by Ada <ada@example.com> in {commit[:12]}" in outcome.reason
    assert lab.files()[EDITED] == edited_text()
    assert "1700" in lab.files()["fabrics/lab/vpcs/vpc-0.yaml"]
    assert lab.state("lab").status is SyncStatus.OUT_OF_SYNC
    record = git_files.files(lab.database, [lab.id("lab")])[lab.id("lab")][EDITED]
    assert record.held_reason == outcome.reason


def test_a_held_edit_stays_held_with_its_reason(lab: Lab) -> None:
    """Also when the object changes, when others commit, and under force; no empty commits meanwhile."""
    lab.add_fabric("lab")
    lab.sync("lab")
    person = lab.person()
    person.commit({EDITED: edited_text()})
    reason = lab.sync("lab").reason
    person.commit({"elsewhere": "x"})
    commits_before = lab.log()
    assert lab.sync("lab").reason == reason
    assert lab.sync("lab", force=True).status is OutcomeStatus.HELD
    lab.save("lab", make_vpc("vpc-1", vlan=1888))
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.reason) == (OutcomeStatus.HELD, reason)
    assert lab.log() == commits_before
    assert lab.files()[EDITED] == edited_text()


@pytest.mark.parametrize("way_out", ["undone", "same in the database", "policy"])
def test_a_held_edit_is_freed(way_out: str, lab: Lab) -> None:
    """By undoing it, by wanting the same, or by another policy."""
    lab.add_fabric("lab")
    lab.sync("lab")
    original = lab.files()[EDITED]
    person = lab.person()
    person.commit({EDITED: edited_text()})
    assert lab.sync("lab").status is OutcomeStatus.HELD
    if way_out == "undone":
        person.commit({EDITED: original})
    elif way_out == "policy":
        fabric_store.save_fabric(lab.database, "lab", {"git_drift_policy": "overwrite"})
    else:
        lab.save("lab", make_vpc("vpc-1", vlan=1500))
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert lab.files()[EDITED] == (edited_text() if way_out == "same in the database" else original)
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    assert lab.state("lab").status is SyncStatus.IN_SYNC


def test_policy_overwrite_writes_the_file_again(lab: Lab) -> None:
    """And says whose edit that was."""
    lab.add_fabric("lab", git_drift_policy="overwrite")
    lab.sync("lab")
    original = lab.files()[EDITED]
    lab.person().commit({EDITED: edited_text()})
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert "Ada" in outcome.details[0]
    assert lab.files()[EDITED] == original


def test_policy_adopt_takes_the_edit_into_the_database(lab: Lab) -> None:
    """The file stays as the person wrote it, comment included; clusters get the new object."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    dry = lab.sync("lab", dry_run=True)
    assert "adopted" in dry.details[0]
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    stored = {
        one.ref.name: one.manifest for one in fabric_store.load_objects(lab.database, [lab.id("lab")])[lab.id("lab")]
    }
    assert stored["vpc-1"] == make_vpc("vpc-1", 1500)
    assert make_vpc("vpc-1", 1500) in git_files.published(lab.database, [lab.id("lab")])[lab.id("lab")]
    for force in (False, True):
        assert lab.sync("lab", force=force).status is OutcomeStatus.SKIPPED
    assert lab.files()[EDITED] == edited_text()
    lab.save("lab", make_vpc("vpc-1", vlan=1600))
    assert lab.sync("lab").counts["configured"] == 1
    assert "1600" in lab.files()[EDITED]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: b: c\n", "cannot be adopted"),
        (yaml.safe_dump(make_vpc("vpc-9")), "is now VPC/default/vpc-9"),
        (yaml.safe_dump_all([make_vpc("vpc-1", 1500), make_vpc("vpc-2")]), "holds 2 objects"),
        (yaml.safe_dump(make_vpc("vpc-1") | {"spec": {"subnets": 7}}), "cannot be adopted"),
    ],
)
def test_an_edit_that_cannot_be_adopted_is_held_with_the_reason(text: str, why: str, lab: Lab) -> None:
    """The database never takes what a cluster would refuse."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: text})
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert why in outcome.reason
    assert lab.files()[EDITED] == text


def test_changes_on_both_sides_are_never_adopted(lab: Lab) -> None:
    """A person decides which one is meant."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-1", vlan=1600))
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert "changed in the database, too" in outcome.reason


def test_missing_files_are_restored(lab: Lab) -> None:
    """Init and repair are one routine."""
    lab.add_fabric("lab")
    lab.sync("lab")
    before = lab.files()
    lab.person().commit({"fabrics/lab/README.md": None, "fabrics/lab/fabric.yaml": None, EDITED: None})
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.counts["created"]) == (OutcomeStatus.SUCCESS, 3)
    assert lab.files() == before


def test_a_directory_that_was_removed_is_restored(lab: Lab) -> None:
    """All of it, from the database."""
    lab.add_fabric("lab")
    lab.sync("lab")
    before = lab.files()
    person = lab.person()
    person.commit({"keep": "x"})
    person.git("rm", "-r", "--quiet", "fabrics")
    person.publish()
    assert lab.sync("lab").counts["created"] == 4
    assert lab.files() == before | {"keep": "x"}


def test_foreign_files_are_left_alone(lab: Lab) -> None:
    """Beside ours, and in the very place of a new object."""
    lab.add_fabric("lab", vpcs=1)
    foreign = {"fabrics/lab/vpcs/mine.yaml": "x: 1\n", "fabrics/lab/notes.md": "n\n", EDITED: "their own\n"}
    lab.person().commit(foreign)
    lab.save("lab", make_vpc("vpc-1"))
    for force in (False, False, True):
        outcome = lab.sync("lab", force=force)
        assert outcome.status is OutcomeStatus.HELD
        assert "not written by us but by Ada" in outcome.reason
    assert foreign.items() <= lab.files().items()
    assert lab.files()["fabrics/lab/vpcs/vpc-0.yaml"]


def test_a_foreign_file_that_says_the_same_becomes_ours(lab: Lab) -> None:
    """As after an import from this very repository."""
    lab.add_fabric("lab")
    text = "# as imported\n" + yaml.safe_dump(make_vpc("vpc-1"))
    lab.person().commit({EDITED: text, "fabrics/lab/vpcs/vpc-0.yaml": render.dump(make_vpc("vpc-0")).decode()})
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.counts["created"], outcome.counts["unchanged"]) == (OutcomeStatus.SUCCESS, 2, 2)
    assert lab.files()[EDITED] == text
    lab.save("lab", make_vpc("vpc-0"), delete_missing=True)
    lab.sync("lab")
    assert EDITED not in lab.files()


@pytest.mark.parametrize("obstacle", ["link", "file for a directory"])
def test_what_is_no_plain_file_is_never_written_through(obstacle: str, lab: Lab) -> None:
    """A link in our place is reported, the rest is written."""
    lab.add_fabric("lab")
    person = lab.person()
    vpcs = person.directory / "fabrics" / "lab" / "vpcs"
    vpcs.parent.mkdir(parents=True)
    if obstacle == "link":
        vpcs.mkdir()
        (vpcs / "vpc-1.yaml").symlink_to("/etc/passwd")
    else:
        vpcs.write_text("in the way\n")
    person.publish()
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert "is in the way" in outcome.reason
    assert "fabrics/lab/fabric.yaml" in lab.files()


def test_an_edited_file_of_a_deleted_object_stays(lab: Lab) -> None:
    """Deleting it would lose the edit; policy overwrite may."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-0"), delete_missing=True)
    assert lab.sync("lab").status is OutcomeStatus.HELD
    assert "no longer wanted" in lab.sync("lab").reason
    assert EDITED in lab.files()
    fabric_store.save_fabric(lab.database, "lab", {"git_drift_policy": "overwrite"})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert EDITED not in lab.files()


def test_a_branch_whose_history_was_replaced_is_brought_in_step(lab: Lab) -> None:
    """Same content, other commits: nothing to do. Missing content: restored."""
    lab.add_fabric("lab")
    lab.sync("lab")
    person = lab.person()
    person.pull()
    person.git("checkout", "--quiet", "--orphan", "fresh")
    person.git("commit", "--quiet", "--message", "Squash")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    person.git("rm", "--quiet", EDITED)
    person.git("commit", "--quiet", "--amend", "--message", "Squash again")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")
    assert lab.sync("lab").counts["created"] == 1
    assert EDITED in lab.files()


# Crashes -------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """As if the process were gone."""


def killed_after_push(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sync ends between the push and its record."""
    monkeypatch.setattr(git_files, "record", lambda *_, **__: (_ for _ in ()).throw(Killed()))


def test_a_run_killed_after_its_push_is_not_repeated(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run finds the files as wanted and records them: no second commit."""
    lab.add_fabric("lab")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after_push(patch)
        lab.sync("lab")
    assert lab.state("lab").status is SyncStatus.SYNCING
    assert git_sync.plan(lab.database) == [["lab"]]
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.commit, outcome.counts["unchanged"]) == (OutcomeStatus.SUCCESS, None, 4)
    assert lab.log() == ["Initialize fabric lab"]
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED


def test_a_killed_run_does_not_look_like_a_person(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects changed, vanished and came again before the next run: our own commit is no edit to hold."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-0", vlan=1100), make_vpc("vpc-2"), make_vpc("vpc-3"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after_push(patch)
        lab.sync("lab")
    lab.save("lab", make_vpc("vpc-0", vlan=1200), make_vpc("vpc-1"), make_vpc("vpc-2", vlan=1300), delete_missing=True)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert sorted(outcome.details) == [
        "VPC/default/vpc-0 configured", "VPC/default/vpc-2 configured", "fabrics/lab/vpcs/vpc-3.yaml deleted",
    ]  # fmt: skip
    assert sorted(path for path in lab.files() if "vpcs" in path) == [
        f"fabrics/lab/vpcs/vpc-{n}.yaml" for n in range(3)
    ]


def test_old_files_of_a_fabric_that_is_made_anew_are_not_deleted(lab: Lab) -> None:
    """Only what a killed run left since the last look is; an import may come later."""
    lab.add_fabric("lab")
    lab.sync("lab")
    fabric_store.delete_fabric(lab.database, "lab")
    lab.add_fabric("lab", vpcs=1)
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert EDITED in lab.files()


def test_a_fabric_deleted_during_its_sync_does_no_harm(lab: Lab, database_parameters: dict[str, Any]) -> None:
    """Its files stay, the others of the batch are recorded."""
    lab.add_fabric("lab")
    lab.add_fabric("other")

    def delete_meanwhile(repository: GitRepository) -> Mirror:
        connection = connect(database_parameters)
        fabric_store.delete_fabric(connection, "lab")
        connection.close()
        return lab.open_mirror(repository)

    outcomes = lab.sync_all("lab", "other", open_mirror=delete_meanwhile)
    assert outcomes[1].status is OutcomeStatus.SUCCESS
    assert lab.state("other").status is SyncStatus.IN_SYNC


# Batches, races and failures -----------------------------------------------------------------------------------------


def test_a_batch_makes_a_commit_a_fabric_and_one_push(lab: Lab) -> None:
    """In the order of the names; a fabric without changes makes none."""
    for name in ("a", "b", "c"):
        lab.add_fabric(name)
    lab.sync("b")
    before = lab.pushes()
    outcomes = lab.sync_all("c", "a", "b")
    assert [outcome.fabric for outcome in outcomes] == ["c", "a", "b"]
    assert [outcome.status.value for outcome in outcomes] == ["success", "success", "skipped"]
    assert lab.pushes() == before + 1
    assert sorted(lab.log()) == ["Initialize fabric a", "Initialize fabric b", "Initialize fabric c"]
    assert lab.sync_all("a", "b", "c")[0].status is OutcomeStatus.SKIPPED


def racing(lab: Lab, rounds: int) -> Callable[[GitRepository], Mirror]:
    """A mirror where somebody else commits *rounds* times between our read and our push."""
    person = lab.person()
    left = [rounds]

    class Slow(Mirror):
        def fetch(self, head: str) -> None:
            super().fetch(head)
            if left[0]:
                left[0] -= 1
                person.commit({f"theirs/{left[0]}": "x\n"})

    def open_(repository: GitRepository) -> Mirror:
        return Slow(lab.directory / "cache", Remote(repository.url, repository.branch))

    return open_


def test_a_lost_race_is_planned_again_on_the_new_head(lab: Lab) -> None:
    """Nothing of either side is lost; the pauses are short and differ."""
    lab.add_fabric("lab")
    lab.person().commit({"begin": "x"})
    outcome = lab.sync("lab", open_mirror=racing(lab, 3))
    assert outcome.status is OutcomeStatus.SUCCESS
    assert len(lab.pauses) == 3
    assert max(lab.pauses) < 1
    assert {"theirs/0", "theirs/1", "theirs/2", EDITED} <= lab.files().keys()
    assert lab.log()[0] == "Initialize fabric lab"


def test_a_race_lost_again_and_again_is_an_error_to_retry(lab: Lab) -> None:
    """After five times others may have the worker."""
    lab.add_fabric("lab")
    lab.person().commit({"begin": "x"})
    outcome = lab.sync("lab", open_mirror=racing(lab, 99))
    assert (outcome.status, outcome.error_class, outcome.retryable) == (OutcomeStatus.ERROR, PushRace.__name__, True)
    assert len(lab.pauses) == git_sync.MOST_RACES
    assert lab.state("lab").status is SyncStatus.ERROR


def refuse(lab: Lab, condition: str) -> None:
    """A pre-receive hook that refuses commits for which the shell *condition* on $new is true."""
    hook = lab.host.path("net") / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nread old new ref\nif {condition}; then echo 'main is protected' >&2; exit 1; fi\n")
    hook.chmod(0o755)


def test_a_protected_branch_is_a_permanent_error_with_the_hosts_words(lab: Lab) -> None:
    """It is parked at once: trying again would not help."""
    lab.add_fabric("lab")
    refuse(lab, "true")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.retryable) == (OutcomeStatus.ERROR, "PermissionDenied", False)
    assert "main is protected" in outcome.reason
    assert (lab.state("lab").status, lab.state("lab").observed_generation) == (SyncStatus.PARKED, 0)
    assert lab.pushes() == 1


def test_a_commit_that_the_host_dislikes_does_not_stop_the_others(lab: Lab) -> None:
    """The batch is pushed one by one when it is refused as a whole."""
    for name in ("a", "bad", "c"):
        lab.add_fabric(name)
    refuse(lab, "git ls-tree -r --name-only $new | grep -q fabrics/bad/")
    outcomes = lab.sync_all("a", "bad", "c")
    assert [outcome.status.value for outcome in outcomes] == ["success", "error", "success"]
    assert not [path for path in lab.files() if "bad" in path]
    assert lab.state("c").status is SyncStatus.IN_SYNC


def test_one_invalid_object_holds_back_its_fabric_only(lab: Lab) -> None:
    """All of a fabric or nothing of it, and every problem is told."""
    lab.add_fabric("good")
    lab.add_fabric("bad")
    broken = [make_vpc(name) | {"spec": {"subnets": 7}} for name in ("x", "y")]
    lab.save("bad", *broken, {"apiVersion": "v1", "kind": "Agent", "metadata": {"name": "z", "namespace": "default"}})
    outcomes = lab.sync_all("bad", "good")
    assert [outcome.status.value for outcome in outcomes] == ["error", "success"]
    assert outcomes[0].error_class == InvalidInput.__name__
    assert len(outcomes[0].details) >= 3
    assert not [path for path in lab.files() if "bad" in path]
    assert lab.state("bad").status is SyncStatus.PARKED


def test_data_nobody_foresaw_stops_its_fabric_only(lab: Lab) -> None:
    """A bug in reading one fabric's data is an error of that fabric."""
    lab.add_fabric("good")
    lab.add_fabric("bad")
    lab.save("bad", make_vpc("poison"))

    def check(manifest: Manifest) -> list[str]:
        if manifest["metadata"]["name"] == "poison":
            raise ZeroDivisionError("nobody foresaw this")
        return []

    seams = git_sync.Seams(check=check)
    outcomes = lab.sync_all("bad", "good", seams=seams)
    assert [outcome.status.value for outcome in outcomes] == ["error", "success"]
    assert (outcomes[0].error_class, outcomes[0].retryable) == ("ZeroDivisionError", True)


def test_a_host_that_is_away_is_an_error_to_retry(lab: Lab) -> None:
    """The next attempt is planned by the store; the other repository is served."""
    lab.add_fabric("lab")
    fabric_store.save_repository(lab.database, "gone", {"url": "http://127.0.0.1:1/gone.git"})
    lab.add_fabric("far", git_repository="gone", git_directory="far")
    outcomes = lab.sync_all("far", "lab")
    assert [outcome.status.value for outcome in outcomes] == ["error", "success"]
    assert (outcomes[0].error_class, outcomes[0].retryable) == ("RemoteUnavailable", True)
    state = lab.state("far")
    assert (state.status, state.attempts, state.last_success_at) == (SyncStatus.ERROR, 1, None)
    assert state.due_at is not None


def test_a_repository_that_cannot_be_opened_is_an_error_of_its_fabrics(lab: Lab) -> None:
    """Such as a connection that does not exist."""
    lab.add_fabric("lab")

    def fail(repository: GitRepository) -> Mirror:
        raise NotFound("there is no connection 'git'")

    outcome = lab.sync("lab", open_mirror=fail)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ERROR, "there is no connection 'git'")
    assert lab.state("lab").status is SyncStatus.PARKED


def test_a_wrong_token_is_an_authentication_error_without_the_token(lab: Lab) -> None:
    """In no outcome and in no row of the database."""
    lab.host.users["robot"] = "right"
    lab.token = "canary-4711"
    lab.add_fabric("lab")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "AuthenticationFailed")
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT reason || details::text FROM hedgehog.sync_event")
        rows = str(cursor.fetchall())
    assert rows != "[]"
    assert "canary" not in rows + repr(outcome)


# Not now -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_all_and_writes_nothing(lab: Lab) -> None:
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
    settings = {"disabled": {"git_sync_enabled": False}, "git": {"source_of_truth": "git"}}.get(why, {})
    lab.add_fabric("lab", **settings)
    if why == "suspended":
        fabric_store.suspend(lab.database, "lab", reason="maintenance", until=NOW + timedelta(hours=1))
    other = connect(database_parameters)
    if why == "locked":
        assert try_lock(other, Lock.GIT, lab.id("lab"))
    outcome = lab.sync("nobody" if why == "unknown" else "lab")
    other.close()
    assert outcome.status is OutcomeStatus.SKIPPED
    words = {"suspended": "maintenance", "disabled": "not enabled", "git": "source of truth", "unknown": "no such"}
    assert words.get(why, "another run") in outcome.reason
    assert lab.log() == []
    if why not in {"disabled", "unknown"}:
        assert lab.state("lab").last_success_at is None


def test_a_suspension_that_is_over_holds_nobody(lab: Lab) -> None:
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
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (0,)


# Plans ---------------------------------------------------------------------------------------------------------------


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
    """At most 32 batches, and a repository's fabrics lie side by side."""
    lab.add_repository("other")
    for number in range(70):
        name = f"f{number:02}"
        repository = "net" if number % 2 else "other"
        settings = {"git_repository": repository, "git_directory": name, "git_sync_enabled": True}
        fabric_store.save_fabric(lab.database, name, settings)
    batches = git_sync.plan(lab.database)
    assert [len(batch) for batch in batches] == [3] * 23 + [1]
    order = [int(name[1:]) % 2 for batch in batches for name in batch]
    assert order in (sorted(order), sorted(order, reverse=True))


def test_an_edited_file_is_read_strictly(lab: Lab) -> None:
    """One document, valid, the same object."""
    lab.add_fabric("lab")
    fabric = fabric_store.load_fabric(lab.database, "lab")
    ref = ObjectRef("VPC", "default", "vpc-1")
    assert git_sync.read_manifest(fabric, ref, EDITED, edited_text().encode()) == make_vpc("vpc-1", 1500)
    for text in (b"", b"a: 1\na: 2\n", b"\xff", b"x: &a 1\ny: *a\n"):
        with pytest.raises(HedgehogError):
            git_sync.read_manifest(fabric, ref, EDITED, text)
