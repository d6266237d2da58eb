"""The host makes and signs our commits: one request for each, published is only what was built, and none is pushed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extras import Json

from devstack.git_server import GitServer
from devstack.github import GitHub, Outage
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import GitRepository, Manifest
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.signers import AllowedSigners
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.gitops.signatures import SignatureStatus, check
from hedgehog.hosts.gitea import HOST as GITEA
from hedgehog.hosts.github import commits as github_commits
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import Access, Host
from hedgehog.hosts.plain import HOST as PLAIN
from hedgehog.services.plans.publication import request_access
from hedgehog.services.upkeep import purge
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin
from tests.services.git.sync_lab import NOW, Lab, make_vpc

NET = "acme/net"
OUTAGE = {"message": "We couldn't respond to your request in time."}
VPC_1 = "fabrics/lab/vpcs/vpc-1.yaml"
ANNA = Origin(who="Anna <anna@example.com>", via=Via.CLI, why="CHG-7")
Act = Callable[[], object]


class _GitHubWithTrouble(Repository):
    """GitHub, where something happens around commits."""

    def __init__(self, client: Client, before: list[Act], sent: Callable[[bytes], bytes]) -> None:
        super().__init__(client, NET)
        self._before, self._sent = before, sent

    def make_commit(self, branch: str, head: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """After what happens before, and with what is sent then."""
        if self._before:
            self._before.pop(0)()
        changed = {path: content if content is None else self._sent(content) for path, content in files.items()}
        return super().make_commit(branch, head, message, changed)


class SignedLab(Lab):
    """Fabrics in the repository `acme/net` of a GitHub that signs."""

    def __init__(self, database: Connection, host: GitServer, hub: GitHub, directory: Path) -> None:
        super().__init__(database, host, directory)
        self.hub = hub
        self.before: list[Act] = []
        self.sent: Callable[[bytes], bytes] = lambda content: content
        host.create(NET)
        fabric_store.save_repository(database, "net", {"url": host.url(NET), "connection_id": "net_git"})
        self.ada = self.person(NET)
        self.first = self.ada.commit({"README.md": "# net\n"})
        self.people_pushed = self.pushes()
        self.add_fabric("lab")

    def save_for(self, origin: Origin, vpc: Manifest) -> None:
        """Somebody asks for a VPC."""
        with transaction(self.database) as cursor:
            set_origin(cursor, origin)
            statement = "UPDATE hedgehog.fabric_object SET manifest = %s WHERE fabric_id = %s AND name = %s"
            cursor.execute(statement, (Json(vpc), self.id("lab"), vpc["metadata"]["name"]))

    def push(self, files: dict[str, str | None]) -> str:
        """Ada pushes to main."""
        self.people_pushed += 1
        return self.ada.commit(files)

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """With `signing: host` in the connection."""
        credentials = GitCredentials(username="robot", token=self.token, signed_by_host=True)
        return Mirror(self.directory / "cache", Remote(repository.url, repository.branch, credentials, timeout=300))

    def open_host(self, repository: GitRepository) -> Host:
        """As the Airflow hook does."""
        client = Client(Credentials(token=self.hub.token), base_url=self.hub.url, write_pause=0)
        return _GitHubWithTrouble(client, self.before, self.sent)

    def sync_all(self, *names: str, **options: Any) -> list[Outcome]:
        """Sync, and enter GitHub for the commits."""
        return super().sync_all(*names, **({"requests": request_access(self.open_host)} | options))

    def git(self, *arguments: str) -> str:
        """What git says of the repository at the host."""
        return subprocess.check_output(["git", f"--git-dir={self.host.path(NET)}", *arguments], text=True).strip()

    def head(self) -> str:
        """Where main is at the host."""
        return self.git("rev-parse", "main")

    def asked(self) -> int:
        """How often a commit was asked for."""
        return sum("graphql" in request for request in self.hub.requests)

    def signature(self, commit: str) -> SignatureStatus:
        """What GitHub's signature of a commit is worth."""
        repository = fabric_store.load_fabric(self.database, "lab").git_repository
        assert repository is not None
        github = f'github namespaces="git" {self.hub.commits.signer.public}\n'
        mirror = self.open_mirror(repository)
        mirror.fetch(commit)
        return check(mirror, commit, AllowedSigners(github, ())).status

    def recorded(self, fabric: str = "lab") -> dict[str, str]:
        """The files that count as published, with their blobs."""
        found = git_files.files(self.database, [self.id(fabric)])[self.id(fabric)]
        return {path: file.blob_id for path, file in found.items()}


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[SignedLab]:
    """Nothing that GitHub does not describe passes between it and us, and only people push."""
    with GitServer(tmp_path / "host") as host, GitHub(host, token="ghp_token") as hub:
        made = SignedLab(database, host, hub, tmp_path)
        yield made
        assert hub.undescribed == []
        assert made.pushes() == made.people_pushed


def test_the_host_makes_and_signs_the_commit_that_was_built(lab: SignedLab) -> None:
    """It says what ours says; who asked for it is named; the next sync finds nothing to do."""
    lab.save_for(ANNA, make_vpc("vpc-1", 1500))
    outcome = lab.sync("lab")
    head = lab.head()
    assert (outcome.status, outcome.commit, outcome.revision) == (OutcomeStatus.SUCCESS, head, f"main@sha1:{head}")
    assert (lab.signature(head), lab.asked()) == (SignatureStatus.GOOD, 1)
    assert lab.git("rev-parse", "main^") == lab.first
    assert lab.git("log", "-1", "--format=%an|%cn|%s", "main") == "hedgehog-robot|GitHub|lab: 2 objects of 1 kind"
    trailers = lab.git("log", "-1", "--format=%(trailers)", "main").splitlines()
    tree = lab.git("rev-parse", "main^{tree}")
    assert {"Hedgehog-Fabric: lab", "Hedgehog-Run: run-1", f"Hedgehog-Tree: {tree}"} <= set(trailers)
    assert "Co-authored-by: Anna <anna@example.com>" in trailers
    assert "vlan: 1500" in lab.files(NET)[VPC_1]
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    assert lab.asked() == 1


def test_files_are_changed_and_removed(lab: SignedLab) -> None:
    """Nothing else is touched."""
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-1", 1777), delete_missing=True)
    outcome = lab.sync("lab")
    assert outcome.commit == lab.head()
    files = lab.files(NET)
    assert "fabrics/lab/vpcs/vpc-0.yaml" not in files
    assert ("vlan: 1777" in files[VPC_1], files["README.md"]) == (True, "# net\n")


def test_each_fabric_has_its_commit_on_top_of_the_one_before(lab: SignedLab) -> None:
    """One request for each; what each is at is its own."""
    lab.add_fabric("lab-2")
    one, two = lab.sync_all("lab", "lab-2")
    assert lab.git("log", "--format=%H", "main").splitlines() == [two.commit, one.commit, lab.first]
    assert (lab.asked(), lab.pauses) == (2, [])


def test_a_push_in_between_is_planned_again(lab: SignedLab) -> None:
    """As after a lost push; what was pushed stays."""
    lab.before.append(lambda: lab.push({"elsewhere.txt": "x\n"}))
    outcome = lab.sync("lab")
    assert (outcome.status, len(lab.pauses)) == (OutcomeStatus.SUCCESS, 1)
    assert lab.log(NET) == ["lab: 2 objects of 1 kind", "Edit a file", "Edit a file"]
    assert "elsewhere.txt" in lab.files(NET)


def test_a_push_before_the_second_fabric_leaves_the_first_as_it_is(lab: SignedLab) -> None:
    """What is published is recorded, and not published again."""
    lab.add_fabric("lab-2")
    lab.before += [lambda: None, lambda: lab.push({"elsewhere.txt": "x\n"})]
    one, two = lab.sync_all("lab", "lab-2")
    assert lab.git("log", "--format=%H", "main").splitlines()[0::2] == [two.commit, one.commit]
    assert (lab.asked(), len(lab.pauses)) == (3, 1)
    assert (lab.recorded("lab") != {}, lab.recorded("lab-2") != {}) == (True, True)


def test_an_answer_that_is_lost_is_found_at_the_head(lab: SignedLab) -> None:
    """The commit was made: it counts, and is not asked for again."""
    lab.hub.outages.append(Outage(504, OUTAGE, where="graphql", late=True))
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.commit, lab.asked()) == (OutcomeStatus.SUCCESS, lab.head(), 1)


def test_a_commit_that_was_not_made_is_asked_for_by_the_next_run(lab: SignedLab) -> None:
    """No answer, and the head is where it was: an error that passes."""
    lab.hub.outages.append(Outage(502, OUTAGE, where="graphql"))
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "RemoteUnavailable")
    assert (lab.head(), lab.recorded()) == (lab.first, {})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS


def test_what_a_run_published_before_it_died_is_ours(lab: SignedLab) -> None:
    """Known by its tree: the committer is GitHub. What has changed since is written over it, and held as no edit."""
    lab.hub.outages.append(Outage(504, OUTAGE, where="graphql", late=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hedgehog.services.git.host_signing._found", lambda *_: None)
        assert lab.sync("lab").status is OutcomeStatus.ERROR
    assert (lab.head() != lab.first, lab.recorded()) == (True, {})
    lab.save("lab", make_vpc("vpc-1", 1900))
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS, outcome.reason
    assert "vlan: 1900" in lab.files(NET)[VPC_1]


def test_a_commit_with_other_files_does_not_count_as_published(lab: SignedLab) -> None:
    """It says which commit, and needs somebody."""
    lab.sent = lambda content: content + b"# by a proxy\n"
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "InvalidInput")
    assert f"the host made commit {lab.head()}, whose files are not those that were sent" in outcome.reason
    assert lab.recorded() == {}


def test_a_host_that_leaves_its_commit_unsigned_is_an_error(lab: SignedLab) -> None:
    """A GitHub Enterprise Server whose signing of web commits is off."""
    lab.hub.commits.signs = False
    outcome = lab.sync("lab")
    assert outcome.error_class == "InvalidInput"
    assert (
        f"the host made commit {lab.head()} and did not sign it; turn on its signing of web commits" in outcome.reason
    )


def test_a_protected_branch_refuses_only_with_its_reason(lab: SignedLab) -> None:
    """With what to do; the other fabric without changes is not concerned."""
    lab.sync("lab")
    lab.add_fabric("lab-2")
    lab.hub.merging.protected[NET, "main"] = "rule"
    one, two = lab.sync_all("lab", "lab-2")
    assert (one.status, two.error_class) == (OutcomeStatus.SKIPPED, "PermissionDenied")
    assert "Changes must be made through a pull request" in two.reason
    assert "allow this account to push to the branch" in two.reason


def test_what_is_too_much_for_one_request_is_not_sent(lab: SignedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one fabric; the others are published."""
    lab.add_fabric("lab-2", vpcs=9)
    monkeypatch.setattr(github_commits, "MOST_BYTES", 2500)
    one, two = lab.sync_all("lab", "lab-2")
    assert (one.status, two.error_class) == (OutcomeStatus.SUCCESS, "TooLarge")
    assert "more than the 2500 that GitHub is asked to sign; make the change in parts" in two.reason
    assert (lab.asked(), lab.head()) == (1, one.commit)


def test_the_mode_of_a_file_is_not_changed(lab: SignedLab) -> None:
    """The API takes no modes."""
    lab.sync("lab")
    lab.ada.pull()
    (lab.ada.directory / VPC_1).chmod(0o755)
    lab.people_pushed += 1
    head = lab.ada.publish()
    lab.save("lab", make_vpc("vpc-1", 1555))
    outcome = lab.sync("lab")
    assert outcome.error_class == "InvalidInput"
    assert f"{VPC_1} is executable, or no ordinary file" in outcome.reason
    assert lab.head() == head


def test_the_first_commit_of_a_branch_is_not_made(lab: SignedLab) -> None:
    """GitHub makes none on nothing."""
    fabric_store.save_repository(lab.database, "net", {"branch": "fabrics"})
    outcome = lab.sync("lab")
    assert outcome.error_class == "InvalidInput"
    assert "the branch does not exist yet, and the host signs no first commit; push one" in outcome.reason
    assert lab.asked() == 0


def test_another_host_is_a_wrong_setting(lab: SignedLab) -> None:
    """With the names of the repository, the connection and the setting; nothing is pushed."""
    access = Access("net_git", "git.example.com", NET, token="t")
    for other, why in (
        (GITEA, "and Gitea signs no commits of ours"),
        (PLAIN, "plain Git has no API that is used here"),
    ):
        outcome = lab.sync("lab", requests=request_access(lambda _, other=other: other.enter(access)), force=True)
        assert outcome.error_class == "InvalidInput"
        assert "git_repository net: its connection net_git has signing: host, and" in outcome.reason
        assert why in outcome.reason
    assert lab.head() == lab.first


def test_pull_requests_are_not_signed_by_the_host(lab: SignedLab) -> None:
    """Refused with what to do, rather than pushed without a signature."""
    fabric_store.save_repository(lab.database, "net", {"push": "pull_request"})
    outcome = lab.sync("lab")
    assert outcome.error_class == "InvalidInput"
    assert "has signing: host, which signs no pull requests of ours; give it a signing_key" in outcome.reason


def test_no_other_way_pushes_an_unsigned_commit(lab: SignedLab) -> None:
    """Whoever forgets to ask the host."""
    repository = fabric_store.load_fabric(lab.database, "lab").git_repository
    assert repository is not None
    mirror = lab.open_mirror(repository)
    mirror.fetch(lab.first)
    committer = commits.Author("Hedgehog", "hedgehog@example.com", NOW)
    built = commits.build(mirror, lab.first, {"a.yaml": b"a: 1\n"}, "A file\n\nHedgehog-Run: x\n", committer)
    assert built is not None
    with pytest.raises(InvalidInput, match="signing: host, and this commit is not made by the host"):
        commits.push(mirror, built, lab.first)
    with pytest.raises(InvalidInput, match="signing: host, and this commit is not made by the host"):
        commits.push_own_branch(mirror, built, "hedgehog/lab")
    assert lab.head() == lab.first


def test_a_purge_removes_files_with_a_signed_commit(lab: SignedLab) -> None:
    """It is a commit like any other."""
    lab.sync("lab")

    def no_cluster(name: str) -> Any:
        raise AssertionError(name)

    given: dict[str, Any] = {"open_mirror": lab.open_mirror, "open_cluster": no_cluster, "now": NOW}
    seen = purge.find_remains(lab.database, "lab", **given)
    left, _ = purge.purge(lab.database, seen, **given, open_host=lab.open_host, run_id="run-2", origin=ANNA)
    assert (left.done, sorted(lab.files(NET)), lab.log(NET)[0]) == (True, ["README.md"], "lab: fabric removed")
    assert "gpgsig" in lab.git("cat-file", "commit", "main")
