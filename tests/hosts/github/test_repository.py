"""Pull requests as GitHub tells them: from a branch, from a fork, with renamed files and with too many."""

from __future__ import annotations

import pytest

from devstack.github import Outage
from hedgehog.errors import NotFound
from hedgehog.hosts.github import MOST_FILES
from hedgehog.hosts.host import ChangedFile
from tests.hosts.github.conftest import branch_of


def test_a_pull_request_says_where_it_comes_from_and_goes(hub, pull, person, repository):
    """Its head can be fetched from the base repository."""
    found = repository.pull(1)
    head = person.git("rev-parse", "HEAD").strip()
    assert (found.number, found.state, found.head_sha, found.base_ref) == (
        1,
        "open",
        head,
        "main",
    )
    assert (found.draft, found.changed_files, found.git_ref) == (False, 2, "refs/pull/1/head")


@pytest.mark.parametrize("status", [403, 404])
def test_who_closed_a_pull_request_is_told_to_those_who_may_read_issues(hub, pull, repository, status):
    """An app without that permission works as well, and names nobody."""
    pull.state, pull.closed_by = "closed", "ada"
    hub.outages.append(Outage(status, {"message": "Resource not accessible by integration"}, where="/issues/1"))
    assert [repository.closed_by(repository.pull(1)) for _ in range(2)] == ["", "ada"]


def test_a_pull_request_of_a_fork_is_a_strangers(hub, git, tmp_path, repository):
    """Its head is in the base repository nonetheless."""
    hub.fork("acme/net", "eve/net")
    head = branch_of(git, tmp_path, "gift", "eve/net").commit({"gift.yaml": "a: 1\n"})
    hub.open_pull("acme/net", "gift", fork="eve/net")
    found = repository.pull(1)
    assert (found.head_sha, found.git_ref) == (head, "refs/pull/1/head")


def test_no_pull_request_of_that_number_is_not_found(hub, repository):
    """The message says what was asked for."""
    with pytest.raises(NotFound, match="/repos/acme/net/pulls/9"):
        repository.pull(9)


def test_the_files_of_a_pull_request_with_the_lines_that_its_diff_shows(pull, repository):
    """Only those lines can have comments."""
    assert repository.files(repository.pull(1)) == [
        ChangedFile("new.yaml", frozenset({1})),
        ChangedFile("old.yaml", frozenset({1, 2})),
    ]


def test_a_renamed_and_a_deleted_file(hub, person, repository):
    """Both are told, the renamed one by its new name."""
    person.pull()
    person.git("mv", "old.yaml", "renamed.yaml")
    (person.directory / "README.md").unlink()
    person.publish()
    hub.open_pull("acme/net", "change")
    found = repository.files(repository.pull(1))
    assert [file.path for file in found] == ["README.md", "renamed.yaml"]


def test_all_pages_of_files_are_read(hub, person, repository):
    """A hundred a page."""
    person.commit({f"many/{number:03}.yaml": f"a: {number}\n" for number in range(205)})
    hub.open_pull("acme/net", "change")
    found = repository.files(repository.pull(1))
    assert len(found) == 205
    assert sum("/files" in request for request in hub.requests) == 3


def test_a_list_that_github_cuts_off_is_known_to_be_cut(hub, person, repository):
    """GitHub lists 3,000 files and gives no sign that there are more, but for the number in the pull request."""
    person.commit({f"many/{number:04}.yaml": f"a: {number}\n" for number in range(3010)})
    hub.open_pull("acme/net", "change")
    pull = repository.pull(1)
    assert (len(repository.files(pull)), pull.changed_files) == (MOST_FILES, 3010)
