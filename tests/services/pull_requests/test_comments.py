"""What a check says at the Git host: quoted, of bounded length, without secrets."""

from __future__ import annotations

import logging

from hedgehog.hosts.github import HOST
from hedgehog.hosts.reports import COMMENT_MARK
from hedgehog.services.pull_requests.verdict import ValidationStatus
from tests.services.pull_requests.validate_lab import OVERLAPS, TOKEN, VPC_2, key, lab, text, vpc

__all__ = ["key", "lab"]


def test_text_of_a_stranger_mentions_nobody_and_is_not_markup(lab):
    """Names and values are quoted."""
    evil = vpc("vpc-2", "10.0.2.0/24", 1002)
    evil["spec"]["subnets"]["default"]["subnet"] = "@acme/all <img src=x> [click](http://evil) | `x`"
    pull = lab.propose({VPC_2: text(evil)})
    lab.validate()
    body = pull.comments[0]["body"]
    assert "@acme" not in body
    assert "<img" not in body.replace("\\<", "")
    assert "](http" not in body.replace("\\]", "")


def test_notes_on_lines_are_quoted_as_well(lab):
    """They are written as the bot, which may mention teams."""
    lab.as_app = False
    evil = vpc("vpc-2", "10.0.2.0/24", 1002)
    evil["spec"]["subnets"]["default"]["subnet"] = "@acme/all ![x](http://evil) https://evil.example"
    pull = lab.propose({VPC_2: text(evil)})
    lab.validate()
    bodies = [one["body"].partition("<!--")[0] for one in pull.review_comments]
    assert bodies
    for body in bodies:
        assert "acme/all" in body
        assert not any(sign in body.replace(r"\](", "") for sign in ("@acme", "](", "http://", "https://"))


def test_a_long_report_is_shortened_with_a_link_to_the_whole(lab):
    """GitHub takes 65,536 characters; the check has as many annotations as it takes."""
    bad = {
        f"fabrics/lab/bad-{number:03}.yaml": text(vpc(f"bad-{number:03}", "192.168.0.0/24", 1)) for number in range(300)
    }
    pull = lab.propose(bad)
    found = lab.validate(details_url="https://airflow.example.com/log")
    body = pull.comments[0]["body"]
    assert len(found.fabrics[0].problems) >= 300
    assert body.startswith(COMMENT_MARK)
    assert HOST.longest_comment - 1000 < len(body) <= HOST.longest_comment
    assert body.endswith("… shortened; [the full report](https://airflow.example.com/log).")
    assert lab.hub.checks[0]["seen"][-1] == "completed"
    assert len(lab.hub.checks[0]["annotations"]) == min(len(found.fabrics[0].problems), 500)


def test_more_files_than_github_lists_are_all_checked_and_that_is_said(lab):
    """The files come from Git, not from GitHub's list of at most 3,000."""
    many = {f"docs/{number:04}.md": f"{number}\n" for number in range(3000)}
    pull = lab.propose({**many, VPC_2: OVERLAPS})
    assert lab.validate().status is ValidationStatus.FAILURE
    assert "GitHub lists 3000 of them" in pull.comments[0]["body"]


def test_no_token_is_in_log_or_comment(lab, caplog):
    """Whatever is told."""
    caplog.set_level(logging.DEBUG)
    lab.as_app = False
    pull = lab.propose({VPC_2: OVERLAPS})
    found = lab.validate()
    assert TOKEN not in caplog.text + str(found.as_dict()) + pull.comments[0]["body"]
