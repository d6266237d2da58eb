"""GitHub's verdicts: checks with annotations by an app, statuses with a token, and comments that are ours."""

from __future__ import annotations

import pytest

from devstack.github import Outage
from hedgehog.errors import PermissionDenied, RateLimited
from hedgehog.hosts.github.checks import MOST_ANNOTATIONS
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import CheckResult, Conclusion, Note
from hedgehog.hosts.reports import CHECK_NAME, write_comment, write_line_comments


def make_check(notes=(), **values):
    """A failure with *notes*."""
    given = {"conclusion": Conclusion.FAILURE, "title": "1 problem", "summary": "It is wrong.", "notes": notes}
    return CheckResult(**{**given, **values})


def make_notes(count, path="old.yaml"):
    """Notes on line 2."""
    return [Note(path, 2, f"rule-{number}", f"message {number}") for number in range(count)]


@pytest.fixture
def as_app(enter):
    """`acme/net`, entered as an app."""
    return Repository(enter(as_app=True), "acme/net")


def test_a_check_is_on_the_head_commit(hub, pull, as_app):
    """Completed at once, with its annotations."""
    found = as_app.pull(1)
    note = Note("old.yaml", 2, "vpc-subnet-overlap: VPC/default/a", "overlaps")
    as_app.write_check(found, make_check([note], details_url="https://airflow.example.com/log"), CHECK_NAME)
    check = hub.checks[0]
    assert (check["head_sha"], check["conclusion"], check["seen"]) == (found.head_sha, "failure", ["completed"])
    assert check["details_url"] == "https://airflow.example.com/log"
    assert check["annotations"] == [
        {
            "path": "old.yaml",
            "start_line": 2,
            "end_line": 2,
            "annotation_level": "failure",
            "title": "vpc-subnet-overlap: VPC/default/a",
            "message": "overlaps",
        }
    ]


@pytest.mark.parametrize(
    ("notes", "requests"), [(0, 1), (50, 1), (51, 2), (100, 2), (120, 3), (MOST_ANNOTATIONS + 1, 10)]
)
def test_annotations_go_in_batches_and_the_verdict_comes_last(hub, pull, as_app, notes, requests):
    """GitHub takes fifty a request; until the last one is there the check is in progress and holds the merge."""
    as_app.write_check(as_app.pull(1), make_check(make_notes(notes)), CHECK_NAME)
    check = hub.checks[0]
    assert len(check["annotations"]) == min(notes, MOST_ANNOTATIONS)
    assert check["seen"] == ["in_progress"] * (requests - 1) + ["completed"]


def test_a_check_that_was_cut_off_is_not_a_success(hub, pull, as_app):
    """GitHub is overloaded between two batches."""
    hub.outages.append(Outage(403, {"message": "secondary rate limit"}, {"retry-after": "60"}, where="PATCH"))
    with pytest.raises(RateLimited):
        as_app.write_check(as_app.pull(1), make_check(make_notes(60), conclusion=Conclusion.SUCCESS), CHECK_NAME)
    assert (hub.checks[0]["status"], hub.checks[0]["conclusion"]) == ("in_progress", None)


def test_a_token_may_not_write_checks(pull, repository):
    """That is why there is a status beside it."""
    with pytest.raises(PermissionDenied, match="GitHub App"):
        repository.write_check(repository.pull(1), make_check(), CHECK_NAME)


def test_a_status_has_the_title_shortened(hub, pull, repository):
    """GitHub takes 140 characters."""
    repository.write_status(repository.pull(1), make_check(title="very " * 50 + "wrong"), CHECK_NAME)
    assert hub.statuses[0]["state"] == "failure"
    assert hub.statuses[0]["context"] == "Hedgehog fabrics"
    assert len(hub.statuses[0]["description"]) <= 140


def test_the_mark_of_a_note_counts_in_our_own_comments_only(pull, repository):
    """Anybody can work out the mark, and would silence the note with it."""
    write_line_comments(repository, repository.pull(1), make_notes(1))
    (comment,) = pull.review_comments
    comment["user"] = {**comment["user"], "login": "mallory"}
    assert write_line_comments(repository, repository.pull(1), make_notes(1)) == 1


def test_an_equal_comment_is_not_written_again(hub, pull, repository):
    """People are told of each edit."""
    write_comment(repository, repository.pull(1), "the same")
    write_comment(repository, repository.pull(1), "the same")
    assert not [request for request in hub.requests if request.startswith("PATCH")]
