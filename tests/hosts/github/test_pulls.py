"""Pull requests as GitHub tells them: from a branch, from a fork, with renamed files and with too many."""

from __future__ import annotations

import pytest

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.hosts.github.pulls import ChangedFile
from tests.hosts.github.conftest import branch_of


def test_a_pull_request_says_where_it_comes_from_and_goes(hub, pull, person, repository):
    """Its head can be fetched from the base repository."""
    found = repository.pull(1)
    head = person.git("rev-parse", "HEAD").strip()
    assert (found.number, found.state, found.head_sha, found.head_ref, found.base_ref) == (
        1,
        "open",
        head,
        "change",
        "main",
    )
    assert (found.is_fork, found.draft, found.changed_files, found.git_ref) == (False, False, 2, "refs/pull/1/head")


def test_a_pull_request_of_a_fork_is_a_strangers(hub, git, tmp_path, repository):
    """Its head is in the base repository nonetheless."""
    hub.fork("acme/net", "eve/net")
    head = branch_of(git, tmp_path, "gift", "eve/net").commit({"gift.yaml": "a: 1\n"})
    hub.open_pull("acme/net", "gift", fork="eve/net")
    found = repository.pull(1)
    assert (found.is_fork, found.head_repository, found.head_sha) == (True, "eve/net", head)


def test_no_pull_request_of_that_number_is_not_found(hub, repository):
    """The message says what was asked for."""
    with pytest.raises(NotFound, match="/repos/acme/net/pulls/9"):
        repository.pull(9)


def test_the_files_of_a_pull_request_with_the_lines_that_its_diff_shows(pull, repository):
    """Only those lines can have comments."""
    assert repository.files(repository.pull(1)).files == (
        ChangedFile("new.yaml", "added", None, frozenset({1})),
        ChangedFile("old.yaml", "modified", None, frozenset({1, 2})),
    )


def test_a_renamed_and_a_deleted_file(hub, person, repository):
    """Both are told; the old name too."""
    person.pull()
    person.git("mv", "old.yaml", "renamed.yaml")
    (person.directory / "README.md").unlink()
    person.publish()
    hub.open_pull("acme/net", "change")
    found = repository.files(repository.pull(1)).files
    assert [(file.path, file.status, file.previous_path) for file in found] == [
        ("README.md", "removed", None),
        ("renamed.yaml", "renamed", "old.yaml"),
    ]


def test_all_pages_of_files_are_read(hub, person, repository):
    """A hundred a page."""
    person.commit({f"many/{number:03}.yaml": f"a: {number}\n" for number in range(205)})
    hub.open_pull("acme/net", "change")
    found = repository.files(repository.pull(1))
    assert (len(found.files), found.is_complete) == (205, True)
    assert sum("/files" in request for request in hub.requests) == 3


def test_a_list_that_github_cuts_off_is_known_to_be_cut(hub, person, repository):
    """GitHub lists 3,000 files and gives no sign that there are more, but for the number in the pull request."""
    person.commit({f"many/{number:04}.yaml": f"a: {number}\n" for number in range(3010)})
    hub.open_pull("acme/net", "change")
    found = repository.files(repository.pull(1))
    assert (len(found.files), found.total, found.is_complete) == (3000, 3010, False)


def test_a_file_at_a_commit(pull, person, repository):
    """For when no clone is at hand."""
    assert repository.content("new.yaml", repository.pull(1).head_sha) == b"c: 4\n"
    with pytest.raises(NotFound):
        repository.content("new.yaml", "main")


def test_a_directory_is_no_file(hub, repository):
    """GitHub would list it."""
    with pytest.raises((NotFound, InvalidInput)):
        repository.content("many", "main")
