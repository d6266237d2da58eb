"""What only GitLab has: pipelines, threads that need both numbers of a line, texts that are commands."""

from __future__ import annotations

import logging

import pytest

from devstack.git_server import Person
from hedgehog.errors import InvalidInput, PermissionDenied, RateLimited, RetryableError
from hedgehog.hosts.failures import refusal
from hedgehog.hosts.host import CheckResult, Conclusion, Hook, Host, Note
from hedgehog.hosts.reports import CHECK_NAME, write_comment, write_line_comments
from tests.hosts.gitlab_lab import PROJECT, GitLabLab

KEY = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
LONG = "".join(f"line{number}: {number}\n" for number in range(1, 11))


def make_result(details_url: str = "https://airflow.example.com/log") -> CheckResult:
    """A verdict."""
    return CheckResult(Conclusion.FAILURE, "1 problem", "### 1 problem\n", (), details_url)


def propose(lab: GitLabLab) -> tuple[int, str]:
    """A merge request that adds `new.yaml`; its number and head."""
    head = lab.person("change").commit({"new.yaml": "c: 4\n"})
    return lab.propose("change"), head


def test_a_status_joins_the_pipeline_that_decides(host: Host, lab: GitLabLab) -> None:
    """Which is the merge request's own, not one of the branch or of a schedule."""
    number, head = propose(lab)
    lab.lab.start_pipeline(PROJECT, head, "change")
    own = lab.lab.start_pipeline(PROJECT, head, f"refs/merge-requests/{number}/head")
    host.write_status(host.pull(number), make_result(), CHECK_NAME)
    assert [one["pipeline_id"] for one in lab.lab.statuses] == [own["id"]]


def test_a_status_makes_a_pipeline_of_the_branch_where_there_is_none(host: Host, lab: GitLabLab) -> None:
    """So that a project without CI can require it as well."""
    number, head = propose(lab)
    host.write_status(host.pull(number), make_result(), CHECK_NAME)
    assert [(one["sha"], one["ref"]) for one in lab.lab.pipelines] == [(head, "change")]


def test_a_status_has_no_page_whose_address_gitlab_does_not_take(host: Host, lab: GitLabLab) -> None:
    """Rather than being refused, which would leave the merge request without a verdict."""
    number, _ = propose(lab)
    host.write_status(host.pull(number), make_result("https://airflow.example.com/" + "x" * 300), CHECK_NAME)
    assert [one["target_url"] for one in lab.lab.statuses] == [None]


def propose_from_fork(lab: GitLabLab) -> int:
    """A merge request from a fork, to whose pipelines we have no right; its number."""
    fork = "eve/net"
    lab.git.create(fork)
    lab.lab.repositories.git(fork, "fetch", "--quiet", str(lab.git.path(PROJECT)), "+refs/heads/*:refs/heads/*")
    eve = Person(lab.directory / "eve", lab.git.url(fork), branch="theirs")
    eve.git("fetch", "--quiet", "origin", "main")
    eve.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    eve.commit({"new.yaml": "c: 4\n"})
    lab.lab.closed.add(fork)
    return lab.lab.open_request(PROJECT, "theirs", fork=fork).iid


def test_a_fork_that_takes_no_status_is_said_in_the_log(
    host: Host, lab: GitLabLab, caplog: pytest.LogCaptureFixture
) -> None:
    """The comment with the verdict still comes."""
    caplog.set_level(logging.WARNING)
    host.write_status(host.pull(propose_from_fork(lab)), make_result(), CHECK_NAME)
    assert lab.lab.statuses == []
    assert "comes from a fork where no status can be written" in caplog.text


def test_our_own_project_must_take_the_status(host: Host, lab: GitLabLab) -> None:
    """A token without the right is for an operator to correct."""
    number, _ = propose(lab)
    lab.lab.closed.add(PROJECT)
    with pytest.raises(PermissionDenied):
        host.write_status(host.pull(number), make_result(), CHECK_NAME)


def test_a_line_that_did_not_change_is_named_by_both_its_numbers(host: Host, lab: GitLabLab) -> None:
    """Also where the file was renamed, and where lines before it were added."""
    lab.person("main").commit({"old.yaml": LONG})
    lab.person("change").commit({"old.yaml": None, "renamed.yaml": f"# one\n# two\n{LONG}"})
    number = lab.propose("change")
    notes = [Note("renamed.yaml", line, "rule", f"line {line}") for line in (2, 4)]
    assert write_line_comments(host, host.pull(number), notes) == 2
    places = [note["position"] for note in lab.request(number).notes]
    assert [(one["old_path"], one.get("old_line"), one["new_line"]) for one in places] == [
        ("old.yaml", None, 2),
        ("old.yaml", 2, 4),
    ]


def test_lines_wait_until_gitlab_has_compared_the_head(host: Host, lab: GitLabLab) -> None:
    """Shortly after a push, it names no commits between which lines are counted."""
    number, _ = propose(lab)
    lab.request(number).is_compared = False
    with pytest.raises(RetryableError, match="the next try asks again"):
        write_line_comments(host, host.pull(number), [Note("new.yaml", 1, "rule", "message")])
    assert lab.request(number).notes == []


def test_no_text_is_a_quick_action(host: Host, lab: GitLabLab) -> None:
    """GitLab would carry it out for us: a stranger's file must not merge anything."""
    number, _ = propose(lab)
    pull = host.pull(number)
    write_comment(host, pull, "/merge\n/close")
    write_line_comments(host, pull, [Note("new.yaml", 1, "rule", "/approve")])
    host.open_pull(title="x", body="/label ~x", head="main", base="change")
    texts = [note["body"] for note in lab.request(number).notes] + [lab.request(number + 1).description]
    assert len(texts) == 3
    assert not [line for text in texts for line in text.splitlines() if line.startswith("/")]


def test_what_gitlab_itself_notes_is_no_comment(host: Host, lab: GitLabLab) -> None:
    """Nor is a thread on a line."""
    number, _ = propose(lab)
    pull = host.pull(number)
    lab.lab.comment(lab.request(number), "added 1 commit", system=True)
    write_line_comments(host, pull, [Note("new.yaml", 1, "rule", "message")])
    assert list(host.comments(pull)) == []
    assert len(list(host.line_comments(pull))) == 1


def test_equal_text_is_not_written_again(host: Host, lab: GitLabLab) -> None:
    """Although GitLab drops the end of a text."""
    number, _ = propose(lab)
    for _ in range(2):
        write_comment(host, host.pull(number), "no problem\n\n")
    assert [one for one in lab.lab.requests if one.startswith("PUT")] == []


def test_a_used_up_limit_says_when_to_come_back() -> None:
    """By the headers of GitLab, which have other names than GitHub's."""
    headers = {"ratelimit-remaining": "0", "ratelimit-reset": "1000090", "date": "Mon, 12 Jan 1970 13:46:40 GMT"}
    found = refusal(
        429, headers, {"message": {"error": "This endpoint has been requested too many times."}}, "x", title="x"
    )
    assert isinstance(found, RateLimited)
    assert found.retry_after == 90
    assert "error: This endpoint" in str(found)


def hook_of(host: Host, url: str) -> list[Hook]:
    """The webhooks to *url*."""
    return [one for one in host.hooks() if one.url == url]


def test_a_webhook_gets_a_signing_key_where_gitlab_signs(host: Host, lab: GitLabLab) -> None:
    """It is what the secret looks like that decides; a token is sent as one."""
    pushes = frozenset({"push_events"})
    host.put_hook("https://airflow.example.com/a", KEY, pushes, None)
    host.put_hook("https://airflow.example.com/b", "a token", pushes, None)
    assert [(one.get("signing_token"), one.get("token")) for one in lab.lab.webhooks] == [
        (KEY, None),
        (None, "a token"),
    ]


def test_a_gitlab_that_signs_nothing_takes_no_signing_key(host: Host, lab: GitLabLab) -> None:
    """It would make a webhook that proves nothing; the one that is there stays."""
    lab.lab.signs_deliveries = False
    url, pushes = "https://airflow.example.com/a", frozenset({"push_events"})
    host.put_hook(url, "a token", pushes, None)
    (known,) = hook_of(host, url)
    with pytest.raises(InvalidInput, match="this GitLab takes no signing token") as refused:
        host.put_hook(url, KEY, pushes, known)
    assert KEY not in str(refused.value)
    assert [one.id for one in hook_of(host, url)] == [known.id]
