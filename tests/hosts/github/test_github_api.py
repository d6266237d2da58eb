"""The stand-in's judge: what GitHub's description does not have does not pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devstack import github_api
from devstack.github_api import Undescribed, check_answer, check_request, complete, operation, select

STATUS = "/repos/acme/net/statuses/" + "a" * 40


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("post", STATUS, {}, {"state": "neutral"}),
        ("post", STATUS, {}, {"state": "success", "descripton": "misspelt"}),
        ("post", STATUS, {}, {}),
        ("get", "/repos/acme/net/pulls/seven", {}, None),
        ("get", "/repos/acme/net/pulls/7", {"expand": "all"}, None),
        ("get", "/repos/acme/net/pulls/7", {}, {"state": "open"}),
        ("post", "/repos/acme/net/check-runs", {}, {"name": "x"}),
        ("post", "/repos/acme/net/check-runs", {}, {"name": "x", "head_sha": "a", "conclusion": "fine"}),
    ],
)
def test_a_request_that_is_not_described_does_not_pass(method, path, query, body):
    """A wrong value, a misspelt or missing property, a parameter that is none."""
    found = operation(method, path)
    assert found is not None
    with pytest.raises(Undescribed):
        check_request(found, query, body)


def test_a_batch_of_annotations_has_its_bound():
    """Fifty; one more is refused."""
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    body = {"name": "x", "head_sha": "a", "output": {"title": "t", "summary": "s", "annotations": [note] * 50}}
    found = operation("post", "/repos/acme/net/check-runs")
    check_request(found, {}, body)
    body["output"]["annotations"].append(note)
    with pytest.raises(Undescribed):
        check_request(found, {}, body)


def test_an_answer_that_is_not_described_does_not_pass():
    """The stand-in may not make up what GitHub never says."""
    found = operation("get", "/repos/acme/net/pulls/7")
    with pytest.raises(Undescribed):
        check_answer(found, 200, {"number": 7})
    with pytest.raises(Undescribed):
        check_answer(found, 201, {})


def test_a_completed_answer_is_described_and_keeps_what_was_said():
    """What a test does not care for is filled in."""
    found = operation("post", STATUS)
    body = complete(found, 201, {"state": "success", "context": "mine"})
    check_answer(found, 201, body)
    assert (body["state"], body["context"]) == ("success", "mine")


def test_the_part_of_the_description_is_whole():
    """Selecting from it again gives the same: every component that is referred to is there."""
    kept = json.loads(Path(github_api.FILE).read_text())
    again = select({**kept, "info": {"version": kept["x-source"].split()[4]}})
    assert again == kept
