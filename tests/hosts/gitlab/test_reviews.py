"""What only GitLab has: approvals that say when they were given, or not even that."""

from __future__ import annotations

from hedgehog.hosts.host import Host
from tests.hosts.gitlab_lab import GitLabLab


def propose(lab: GitLabLab) -> tuple[int, str]:
    """A merge request that adds `new.yaml`; its number and head."""
    head = lab.person("change").commit({"new.yaml": "c: 4\n"})
    return lab.propose("change"), head


def counting(host: Host, number: int) -> list[tuple[str, str, bool]]:
    """Who approved, which head, and whether that counts."""
    return [(one.login, one.head, one.counts) for one in host.opinions(host.pull(number))]


def test_an_approval_without_a_time_counts_if_there_was_one_version_only(host: Host, lab: GitLabLab) -> None:
    """Of several, it may be of any: GitLab keeps approvals when somebody pushes."""
    lab.lab.tells_times = False
    number, head = propose(lab)
    lab.review(number, "eve", approves=True)
    assert counting(host, number) == [("eve", head, True)]
    lab.person("change").commit({"more.yaml": "d: 5\n"})
    lab.pushed(number)
    assert counting(host, number) == [("eve", "", False)]


def test_an_approval_that_is_given_again_is_of_the_new_version(host: Host, lab: GitLabLab) -> None:
    """By its time."""
    number, _ = propose(lab)
    lab.review(number, "eve", approves=True)
    head = lab.person("change").commit({"more.yaml": "d: 5\n"})
    lab.pushed(number)
    lab.review(number, "eve", approves=True)
    assert counting(host, number) == [("eve", head, True)]


def test_the_user_of_an_access_token_is_no_person(host: Host, lab: GitLabLab) -> None:
    """A pipeline could approve what it has made."""
    number, head = propose(lab)
    lab.review(number, "project_7_bot_0a1b2c", approves=True)
    assert counting(host, number) == [("project_7_bot_0a1b2c", head, False)]
