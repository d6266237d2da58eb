"""A repository that takes changes by pull requests only: a change is asked for, followed, merged, rejected; nobody's work is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.git_server import GitServer, Person
from devstack.github import GitHub, Outage
from devstack.github_repositories import Pull
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import GitRepository, SyncStatus, Target
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.problems import ProblemKind
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.services.observe import status
from hedgehog.services.plans.publication import request_access
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.steer.pull_requests import renew_request
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, problems, pull_requests, schedule
from hedgehog.store.database import Connection, transaction
from tests.services.git.sync_lab import NOW, Lab, edited_text, make_vpc

NET = "acme/net"
BRANCH = "hedgehog/lab"
VPC_1 = "fabrics/lab/vpcs/vpc-1.yaml"
ANNA = Origin(who="Anna <anna@example.com>", via=Via.CLI, why="CHG-7")


class RequestLab(Lab):
    """Fabric `lab` in the repository `acme/net` of a GitHub, whose `main` takes no push."""

    def __init__(self, database: Connection, host: GitServer, hub: GitHub, directory: Path) -> None:
        super().__init__(database, host, directory)
        self.hub = hub
        host.create(NET)
        self.main = self.person(NET)
        self.main.commit({"README.md": "# net\n"})
        fabric_store.save_repository(database, "net", {"url": host.url(NET), "push": "pull_request"})
        self.protect()
        self.add_fabric("lab")

    def protect(self) -> None:
        """Nobody pushes to main."""
        hook = self.host.path(NET) / "hooks" / "update"
        hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "GH006: Protected branch" >&2; exit 1; }\n')
        hook.chmod(0o755)
        self.hub.merging.protected[NET, "main"] = "rule"

    def set(self, **settings: Any) -> None:
        """Settings of the repository."""
        fabric_store.save_repository(self.database, "net", settings)

    def open_host(self, repository: GitRepository) -> Repository:
        """As the Airflow hook does."""
        return Repository(Client(Credentials(token=self.hub.token), base_url=self.hub.url, write_pause=0), NET)

    def sync_all(self, *names: str, **options: Any) -> list[Outcome]:
        """Sync, with a host that notices pushes."""
        self.notice()
        found = super().sync_all(*names, **({"requests": request_access(self.open_host)} | options))
        self.notice()
        return found

    def notice(self) -> None:
        """GitHub notices what was pushed to the branches of pull requests."""
        for pull in self.hub.pulls.values():
            if pull.state == "open":
                self.hub.synchronize(pull)

    def pull(self, number: int = 1) -> Pull:
        """A pull request."""
        return self.hub.pulls[NET, number]

    def close(self, number: int = 1) -> None:
        """Ada closes a pull request without merging."""
        self.pull(number).state, self.pull(number).closed_by = "closed", "ada"

    def merge(self, number: int = 1) -> str:
        """Ada merges a pull request."""
        self.notice()
        return self.hub.merging.merge(self.pull(number))

    def on_branch(self) -> Person:
        """Ada works on the branch of the fabric."""
        self._people += 1
        return Person(self.directory / f"person-{self._people}", self.host.url(NET), name="Ada", branch=BRANCH)

    def push_to_main(self, files: dict[str, str | None]) -> str:
        """Ada's own pull request for other files is merged."""
        hook = self.host.path(NET) / "hooks" / "update"
        hook.unlink()
        head = self.main.commit(files)
        self.protect()
        return head

    def vlans(self, branch: str = BRANCH) -> list[str]:
        """The VLANs of the VPCs on a branch."""
        files = self.files(NET, branch)
        return [line.split()[-1] for path in sorted(files) for line in files[path].splitlines() if "vlan:" in line]

    def problem(self) -> str:
        """The one open problem of the fabric, which needs somebody."""
        (found,) = problems.open_problems(self.database, ["lab"])
        assert (found.kind, found.needs_somebody) == (ProblemKind.PULL_REQUEST, True)
        return found.cause

    def generation(self) -> int:
        """The fabric's generation."""
        return fabric_store.load_fabric(self.database, "lab").generation

    def due(self) -> list[str]:
        """The fabrics that are due at Git."""
        return sorted(one.name for one in schedule.due(self.database, Target.GIT))

    def published(self) -> set[int]:
        """The VLANs of the VPCs that clusters get."""
        manifests = git_files.published(self.database, [self.id("lab")])[self.id("lab")]
        return {one["spec"]["subnets"]["default"]["vlan"] for one in manifests}


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[RequestLab]:
    """A protected repository; nothing that GitHub does not describe may pass between it and us."""
    with GitServer(tmp_path / "host") as host, GitHub(host, token="ghp_token") as hub:
        yield RequestLab(database, host, hub, tmp_path)
        assert hub.undescribed == []


def test_a_change_waits_in_a_pull_request_until_it_is_merged(lab: RequestLab) -> None:
    """It says what the plan says; the cluster gets nothing before, and then what was merged."""
    outcome = lab.sync("lab")
    pull = lab.pull()
    assert (outcome.status, outcome.needs_somebody) == (OutcomeStatus.HELD, False)
    assert outcome.reason == f"waits for the merge of https://github.example.com/{NET}/pull/1"
    assert (pull.head, pull.base, pull.title) == (BRANCH, "main", lab.log(NET, BRANCH)[0])
    assert "What would change (" in pull.body
    assert "vpc-0" in pull.body
    assert "Merging this publishes generation" in pull.body
    assert (lab.log(NET), lab.published()) == (["Edit a file"], set())
    assert (lab.state("lab").observed_generation, lab.state("lab").status) == (0, SyncStatus.OUT_OF_SYNC)
    shown = next(
        row for row in status.target_statuses(lab.database, ["lab"], now=NOW) if row.state.target is Target.GIT
    )
    assert (shown.state.status, shown.reason) == (
        SyncStatus.WAITING,
        "the merge of https://github.example.com/acme/net/pull/1",
    )

    again = lab.sync("lab")
    assert (again.status, len(lab.log(NET, BRANCH)), len(lab.hub.pulls)) == (OutcomeStatus.HELD, 2, 1)

    merged = lab.merge()
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.commit, outcome.revision) == (OutcomeStatus.SUCCESS, merged, f"main@sha1:{merged}")
    assert (lab.state("lab").status, lab.state("lab").observed_generation) == (SyncStatus.IN_SYNC, lab.generation())
    assert lab.published() == {1001}
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED


def test_another_change_updates_the_request_in_place(lab: RequestLab) -> None:
    """With one commit on the branch as it is now, whatever the request said before."""
    lab.sync("lab")
    first = lab.pull().body
    lab.save("lab", make_vpc("vpc-1", 1500))
    moved = lab.push_to_main({"fabrics/other/vpc.yaml": "# other\n", "fabrics/lab/notes.md": "by Ada\n"})
    lab.sync("lab")
    assert lab.vlans() == ["1001", "1500"]
    assert [len(lab.hub.pulls), lab.pull().state, lab.pull().body == first] == [1, "open", False]
    assert lab.hub.repositories.git(NET, "rev-parse", f"{BRANCH}~1") == moved


def test_a_base_that_moved_elsewhere_moves_no_request(lab: RequestLab) -> None:
    """Two hundred fabrics in one repository would otherwise be checked anew after each merge."""
    lab.sync("lab")
    before = lab.hub.repositories.git(NET, "rev-parse", BRANCH)
    lab.push_to_main({"fabrics/other/vpc.yaml": "# other\n"})
    lab.sync("lab")
    assert lab.hub.repositories.git(NET, "rev-parse", BRANCH) == before


def test_what_was_merged_is_published_although_the_fabric_has_changed(lab: RequestLab) -> None:
    """The cluster follows the commit; the newer change is asked for next."""
    lab.sync("lab")
    generation = lab.generation()
    lab.save("lab", make_vpc("vpc-1", 1500))
    lab.merge()
    outcome = lab.sync("lab")
    assert (lab.published(), lab.vlans("main")) == ({1001}, ["1001", "1001"])
    assert (lab.state("lab").observed_generation, outcome.status) == (generation, OutcomeStatus.HELD)
    assert (lab.pull(2).state, lab.vlans()) == ("open", ["1001", "1500"])


def test_a_rejected_change_is_held_until_the_fabric_changes(lab: RequestLab) -> None:
    """It is not asked for again; what is wanted then is."""
    lab.sync("lab")
    lab.close()
    outcome = lab.sync("lab")
    assert outcome.needs_somebody
    assert lab.problem() == f"https://github.example.com/{NET}/pull/1 was closed without merging by ada"
    lab.sync("lab", force=True)
    assert len(lab.hub.pulls) == 1

    lab.save("lab", make_vpc("vpc-1", 1500))
    assert not lab.sync("lab").needs_somebody
    assert (lab.pull(2).state, problems.open_problems(lab.database, ["lab"])) == ("open", [])


def test_a_rejected_change_is_asked_for_again_when_a_person_wants_that(lab: RequestLab) -> None:
    """By a command, or by reopening the request at the host."""
    lab.sync("lab")
    with pytest.raises(InvalidInput, match="no pull request of it was closed"):
        renew_request(lab.database, "lab", ANNA)
    lab.close()
    lab.sync("lab")
    lab.pull().state, lab.pull().closed_by = "open", ""
    assert not lab.sync("lab").needs_somebody
    lab.close()
    lab.sync("lab")
    assert renew_request(lab.database, "lab", ANNA).endswith("/pull/1")
    assert not lab.sync("lab").needs_somebody
    assert lab.pull(2).state == "open"


def test_an_edit_on_our_branch_is_not_lost(lab: RequestLab) -> None:
    """Neither an update nor a renewal pushes over it; merged, it is an edit in Git like any other."""
    lab.sync("lab")
    edit = lab.on_branch().commit({VPC_1: edited_text(1600)}, "Choose another VLAN")
    lab.save("lab", make_vpc("vpc-0", 1500))
    outcome = lab.sync("lab")
    assert outcome.needs_somebody
    assert f"{BRANCH} has commits that are not ours (Ada <ada@example.com> in {edit[:12]})" in lab.problem()
    assert lab.hub.repositories.git(NET, "rev-parse", BRANCH) == edit

    lab.merge()
    outcome = lab.sync("lab")
    assert [one.kind for one in outcome.problems] == [ProblemKind.HELD_EDIT]
    assert VPC_1 in outcome.reason
    assert lab.vlans("main") == ["1001", "1600"]
    assert lab.published() == {1001}
    assert lab.vlans() == ["1500", "1600"]  # of the next request, for the newer change


def test_a_merge_of_the_base_into_our_branch_is_no_edit(lab: RequestLab) -> None:
    """The button *Update branch* of a host makes one."""
    lab.sync("lab")
    lab.push_to_main({"fabrics/other/vpc.yaml": "# other\n"})
    ada = lab.on_branch()
    ada.pull()
    ada.git("fetch", "--quiet", "origin", "main")
    ada.git("merge", "--quiet", "--no-edit", "FETCH_HEAD")
    ada.git("push", "--quiet", "origin", f"HEAD:{BRANCH}")
    lab.save("lab", make_vpc("vpc-1", 1500))
    assert not lab.sync("lab").needs_somebody
    assert lab.vlans() == ["1001", "1500"]


def test_a_request_for_what_nobody_wants_any_more_is_closed(lab: RequestLab) -> None:
    """We close it ourselves, which is not a rejection."""
    lab.sync("lab")
    lab.merge()
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-1", 1500))
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-1", 1001))
    assert lab.sync("lab").status is not OutcomeStatus.HELD
    assert (lab.pull(2).state, lab.pull(2).closed_by) == ("closed", "hedgehog-robot")
    assert lab.state("lab").status is SyncStatus.IN_SYNC


def test_a_run_that_was_killed_after_its_push_is_taken_up(lab: RequestLab) -> None:
    """What it pushed is ours by its trailers, and what it opened is found."""
    lab.sync("lab")
    with transaction(lab.database) as cursor:
        pull_requests.forget(cursor, lab.id("lab"))
    lab.save("lab", make_vpc("vpc-1", 1500))
    assert not lab.sync("lab").needs_somebody
    assert (len(lab.hub.pulls), lab.vlans()) == (1, ["1001", "1500"])


def test_a_request_gets_labels_and_reviewers(lab: RequestLab) -> None:
    """A reviewer who cannot be asked holds nothing up, and is named."""
    lab.set(pull_requests={"labels": ["network"], "reviewers": ["ada"]})
    lab.sync("lab")
    assert (lab.pull().labels, lab.pull().reviewers) == (["network"], ["ada"])
    lab.set(pull_requests={"reviewers": ["nobody"]})
    lab.save("lab", make_vpc("vpc-1", 1500))
    assert "nobody was asked for a review: " in lab.sync("lab").reason
    assert "nobody was asked for a review: " in lab.sync("lab").reason


def test_a_request_is_merged_by_the_host_where_the_setting_says_so(lab: RequestLab) -> None:
    """As soon as its rules allow it; a host that refuses is asked again."""
    lab.set(pull_requests={"auto_merge": True})
    lab.hub.merging.protected[NET, "main"] = "check"
    lab.hub.outages.append(Outage(405, {"message": "not yet"}, where="GET /repos/acme/net/pulls/1"))
    assert "not merged by the host yet" in lab.sync("lab").reason
    assert lab.pull().merges_at == ""
    assert "not merged" not in lab.sync("lab").reason
    assert lab.pull().merges_at == lab.hub.repositories.git(NET, "rev-parse", BRANCH)
    lab.merge()
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS


def test_two_fabrics_have_a_request_each(lab: RequestLab) -> None:
    """The trouble of one is its own."""
    lab.add_fabric("second")
    lab.sync("lab")
    lab.close()
    first, second = lab.sync_all("lab", "second")
    assert (first.needs_somebody, second.needs_somebody) == (True, False)
    assert (lab.pull(2).head, lab.pull(2).state) == ("hedgehog/second", "open")


def test_a_merge_or_a_rejection_makes_the_fabric_due(lab: RequestLab) -> None:
    """Without a webhook the next look at the repository notices a merge; a rejection has an event of its own."""
    lab.sync("lab")
    look: dict[str, Any] = {"open_mirror": lab.open_mirror, "run_id": "run-1"}
    repository_changes.follow(lab.database, ["net"], **look)
    lab.merge()
    (found,) = repository_changes.follow(lab.database, ["net"], **look)
    assert found.woken == ("lab",)
    lab.sync("lab")
    lab.save("lab", make_vpc("vpc-1", 1500))
    lab.sync("lab")
    repository = fabric_store.load_repository(lab.database, "net")
    pull_requests.wake_requester(lab.database, [repository.id], 3)
    assert lab.due() == []
    pull_requests.wake_requester(lab.database, [repository.id], 2)
    assert lab.due() == ["lab"]


def test_a_protected_branch_is_recognized_and_the_way_around_is_named(lab: RequestLab) -> None:
    """A refused push is an error that a person must end; the message offers pull requests."""
    lab.set(push="direct")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "PermissionDenied")
    assert (
        "The branch is protected: with push: pull_request, the GitRepository net gets its changes by" in outcome.reason
    )
    del lab.hub.merging.protected[NET, "main"]
    assert "The branch is protected" not in lab.sync("lab", force=True).reason


def test_a_sync_without_a_host_says_so(lab: RequestLab) -> None:
    """And pushes nothing."""
    assert "takes changes by pull requests only, and this sync opens none" in lab.sync("lab", requests=None).reason
    assert lab.files(NET, BRANCH) == {}
