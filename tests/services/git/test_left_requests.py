"""A pull request of ours that nobody needs any more is closed, and says why; its branch goes with it."""

from __future__ import annotations

import pytest

from devstack.github import Outage
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository import plan as repository_plan
from hedgehog.services.repository.changes import RepositoryOutcome
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import transaction
from tests.services.git.sync_lab import make_vpc
from tests.services.git.test_pull_request_mode import BRANCH, NET, RequestLab, lab

__all__ = ["lab"]


def follow(lab: RequestLab) -> RepositoryOutcome:
    """Read the repository, as the DAG does."""
    look = {"open_mirror": lab.open_mirror, "run_id": "run-1", "open_host": lab.open_host}
    (found,) = repository_changes.follow(lab.database, ["net"], **look)
    lab.notice()
    return found


def said(lab: RequestLab) -> list[str]:
    """What the comments on the request say."""
    return [one["body"].partition("\n")[2].strip() for one in lab.pull().comments]


def has_branch(lab: RequestLab) -> bool:
    """Whether our branch is at the host."""
    return lab.hub.repositories.has(NET, f"refs/heads/{BRANCH}")


def wait_over(lab: RequestLab) -> None:
    """The pause after a failure is over."""
    with transaction(lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.left_request SET next_attempt_at = now() WHERE next_attempt_at < 'infinity'")


def test_the_request_of_a_deleted_fabric_is_closed(lab: RequestLab) -> None:
    """Although nobody follows the repository any more; it is read for that once."""
    lab.sync("lab")
    fabric_store.delete_fabric(lab.database, "lab")
    assert repository_plan.plan(lab.database) == [["net"]]
    found = follow(lab)
    assert (found.requests.closed, found.failed) == ((lab.hub._page_of(lab.pull()),), False)
    assert (lab.pull().state, lab.pull().closed_by, has_branch(lab)) == ("closed", "hedgehog-robot", False)
    assert said(lab) == ["Hedgehog on Airflow closes this pull request: the fabric was deleted."]
    assert repository_plan.plan(lab.database) == []
    assert follow(lab).requests.closed == ()


def test_a_repository_that_takes_pushes_again_has_no_request_open(lab: RequestLab) -> None:
    """The change is pushed instead."""
    lab.sync("lab")
    (lab.host.path(NET) / "hooks" / "update").unlink()
    lab.set(push="direct")
    assert not lab.sync("lab").needs_somebody
    assert lab.vlans("main") == lab.vlans() == ["1001", "1001"]
    assert len(follow(lab).requests.closed) == 1
    assert (lab.pull().state, has_branch(lab)) == ("closed", False)
    assert said(lab) == ["Hedgehog on Airflow closes this pull request: its changes are pushed to the branch again."]


def test_a_fabric_that_moves_to_another_repository_leaves_no_request(lab: RequestLab) -> None:
    """What it asked for there is wanted here."""
    lab.sync("lab")
    lab.host.create("acme/other")
    fabric_store.save_repository(lab.database, "other", {"url": lab.host.url("acme/other")})
    fabric_store.save_fabric(lab.database, "lab", {"git_repository": "other"})
    assert len(follow(lab).requests.closed) == 1
    assert "is kept in another repository now" in said(lab)[0]


def test_what_fails_is_reported_and_retried_without_saying_it_twice(lab: RequestLab) -> None:
    """Broken off after the comment; the repository is due again after a pause, whatever else it has."""
    lab.sync("lab")
    fabric_store.delete_fabric(lab.database, "lab")
    lab.hub.outages.append(Outage(502, where="PATCH /repos/acme/net/pulls/1", times=9))
    found = follow(lab)
    assert (found.failed, found.error, found.requests.closed) == (True, None, ())
    (reason,) = found.as_dict()["not_closed"]
    assert reason.startswith(f"{lab.hub._page_of(lab.pull())} is not closed, although the fabric was deleted: ")
    assert reason.endswith("; it is retried")
    assert repository_plan.plan(lab.database) == []
    lab.hub.outages.clear()
    wait_over(lab)
    assert len(follow(lab).requests.closed) == 1
    assert (lab.pull().state, len(said(lab)), has_branch(lab)) == ("closed", 1, False)


def test_what_fails_for_good_is_left_to_a_person(lab: RequestLab) -> None:
    """After as many attempts as anything else gets."""
    lab.sync("lab")
    fabric_store.delete_fabric(lab.database, "lab")
    with transaction(lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.left_request SET attempts = 11")
    lab.hub.outages.append(Outage(502, where="PATCH /repos/acme/net/pulls/1", times=9))
    assert follow(lab).requests.failed[0].endswith("; close it manually, and delete its branch")
    wait_over(lab)
    assert follow(lab).requests.failed == ()


def test_a_branch_to_which_somebody_else_pushed_stays(lab: RequestLab) -> None:
    """Nobody's work is lost."""
    lab.sync("lab")
    edit = lab.on_branch().commit({"README.md": "# mine\n"})
    fabric_store.delete_fabric(lab.database, "lab")
    follow(lab)
    assert (lab.pull().state, lab.hub.repositories.git(NET, "rev-parse", BRANCH)) == ("closed", edit)
    assert said(lab)[0].endswith("Its branch stays, because somebody else pushed to it.")


@pytest.mark.parametrize("end", ["merge", "close"])
def test_a_request_that_has_ended_gets_no_comment(lab: RequestLab, end: str) -> None:
    """Only its branch goes."""
    lab.sync("lab")
    lab.merge() if end == "merge" else lab.close()
    fabric_store.delete_fabric(lab.database, "lab")
    assert len(follow(lab).requests.closed) == 1
    assert (said(lab), has_branch(lab)) == ([], False)


def test_a_request_with_which_a_fabric_asks_again_stays_open(lab: RequestLab) -> None:
    """The setting was changed and changed back, or the fabric made again under its name."""
    lab.sync("lab")
    lab.set(push="direct")
    lab.set(push="pull_request")
    lab.save("lab", make_vpc("vpc-1", 1500))
    lab.sync("lab")
    assert follow(lab).requests.closed == ()
    assert (lab.pull().state, lab.vlans(), len(lab.hub.pulls)) == ("open", ["1001", "1500"], 1)
