"""What is said on a pull request: a check or a status, notes on lines, one comment that follows the pushes."""

from __future__ import annotations

import pytest

from devstack.github import Outage
from hedgehog.errors import PermissionDenied, RateLimited
from hedgehog.hosts.github.pulls import Repository
from hedgehog.hosts.github.reports import (
    COMMENT_MARK,
    LONGEST_COMMENT,
    MOST_ANNOTATIONS,
    MOST_REVIEW_COMMENTS,
    CheckResult,
    Conclusion,
    Note,
    shortened,
    write_check,
    write_comment,
    write_review,
    write_status,
)


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
    write_check(as_app, found, make_check([note], details_url="https://airflow.example.com/log"))
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
    write_check(as_app, as_app.pull(1), make_check(make_notes(notes)))
    check = hub.checks[0]
    assert len(check["annotations"]) == min(notes, MOST_ANNOTATIONS)
    assert check["seen"] == ["in_progress"] * (requests - 1) + ["completed"]


def test_a_check_that_was_cut_off_is_not_a_success(hub, pull, as_app):
    """GitHub is overloaded between two batches."""
    hub.outages.append(Outage(403, {"message": "secondary rate limit"}, {"retry-after": "60"}, where="PATCH"))
    with pytest.raises(RateLimited):
        write_check(as_app, as_app.pull(1), make_check(make_notes(60), conclusion=Conclusion.SUCCESS))
    assert (hub.checks[0]["status"], hub.checks[0]["conclusion"]) == ("in_progress", None)


def test_a_token_may_not_write_checks(pull, repository):
    """That is why there is a status beside it."""
    with pytest.raises(PermissionDenied, match="GitHub App"):
        write_check(repository, repository.pull(1), make_check())


def test_a_status_has_the_title_shortened(hub, pull, repository):
    """GitHub takes 140 characters."""
    write_status(repository, repository.pull(1), make_check(title="very " * 50 + "wrong"))
    assert hub.statuses[0]["state"] == "failure"
    assert hub.statuses[0]["context"] == "Hedgehog fabrics"
    assert len(hub.statuses[0]["description"]) <= 140


def test_a_review_comments_on_lines_that_the_diff_shows(hub, pull, repository):
    """GitHub refuses the whole review for one comment elsewhere."""
    notes = [*make_notes(1), Note("old.yaml", 90, "x", "far away"), Note("untouched.yaml", 1, "x", "elsewhere")]
    assert write_review(repository, repository.pull(1), notes) == 1
    assert [comment["line"] for comment in pull.review_comments] == [2]


def test_a_second_push_repeats_no_review_comment(hub, pull, person, repository):
    """The note moved to another line with the text around it; the new one is said."""
    write_review(repository, repository.pull(1), make_notes(1))
    person.commit({"old.yaml": "# moved\na: 1\nb: 3\n"})
    hub.synchronize(pull)
    moved = Note("old.yaml", 3, "rule-0", "message 0")
    assert write_review(repository, repository.pull(1), [moved, *make_notes(2)[1:]]) == 1
    assert len(pull.review_comments) == 2


def test_the_mark_of_a_note_counts_in_our_own_comments_only(pull, repository):
    """Anybody can work out the mark, and would silence the note with it."""
    write_review(repository, repository.pull(1), make_notes(1))
    (comment,) = pull.review_comments
    comment["user"] = {**comment["user"], "login": "mallory"}
    assert write_review(repository, repository.pull(1), make_notes(1)) == 1


def test_a_review_has_a_bound(pull, repository):
    """Each comment is a notification to people."""
    assert write_review(repository, repository.pull(1), make_notes(99)) == MOST_REVIEW_COMMENTS


def test_no_new_note_is_not_a_review(hub, pull, repository):
    """An empty review is noise."""
    assert write_review(repository, repository.pull(1), []) == 0
    assert hub.reviews == []


@pytest.mark.parametrize("as_app", [False, True])
def test_there_is_one_comment_which_is_updated(hub, pull, enter, as_app):
    """With a token and as an app; each knows its own."""
    repository = Repository(enter(as_app=as_app), "acme/net")
    first = write_comment(repository, repository.pull(1), "one problem")
    second = write_comment(repository, repository.pull(1), "no problem")
    assert first == second
    assert [comment["body"] for comment in pull.comments] == [f"{COMMENT_MARK}\nno problem"]


def test_an_equal_comment_is_not_written_again(hub, pull, repository):
    """People are told of each edit."""
    write_comment(repository, repository.pull(1), "the same")
    write_comment(repository, repository.pull(1), "the same")
    assert not [request for request in hub.requests if request.startswith("PATCH")]


def test_somebody_elses_comment_with_our_mark_is_left_alone(hub, pull, repository):
    """Anybody can copy the mark."""
    hub.comment(pull, f"{COMMENT_MARK}\nI am not Hedgehog")
    write_comment(repository, repository.pull(1), "the truth")
    assert [comment["body"].splitlines()[1] for comment in pull.comments] == ["I am not Hedgehog", "the truth"]


def test_our_comment_is_found_on_a_later_page(hub, pull, repository):
    """A long discussion."""
    for number in range(120):
        hub.comment(pull, f"opinion {number}")
    write_comment(repository, repository.pull(1), "first")
    write_comment(repository, repository.pull(1), "second")
    assert len(pull.comments) == 121
    assert pull.comments[-1]["body"].endswith("second")


def test_only_an_update_makes_no_comment(pull, repository):
    """A pull request that is none of ours is left alone."""
    assert write_comment(repository, repository.pull(1), "nothing to say", only_update=True) is None
    assert pull.comments == []


def test_the_longest_comment_is_taken(hub, pull, repository):
    """Mark included."""
    text = "x" * (LONGEST_COMMENT - len(COMMENT_MARK) - 1)
    write_comment(repository, repository.pull(1), text)
    assert len(pull.comments[0]["body"]) == LONGEST_COMMENT


def test_a_text_is_cut_at_the_end_of_a_line_and_no_fold_hides_that():
    """What comes after an open fold would be folded away."""
    text = "first line\n<details>\n" + "line\n" * 100 + "</details>"
    cut = shortened(text, 120, "\n… more in the log")
    assert len(cut) <= 120
    assert cut.startswith("first line\n<details>\nline\n")
    assert cut.endswith("line\n</details>\n… more in the log")


def test_a_text_that_fits_is_not_cut():
    """To the last character."""
    assert shortened("exactly", 7) == "exactly"
