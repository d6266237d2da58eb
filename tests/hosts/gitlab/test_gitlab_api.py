"""The stand-in's judge: what GitLab's description does not have does not pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import gitlab_api
from devstack.described_api import Undescribed
from devstack.git_server import GitServer
from devstack.gitlab import ROUTES, GitLab
from devstack.gitlab_api import check_answer, check_request, operation, operations
from hedgehog.errors import RemoteUnavailable
from hedgehog.hosts.http import JsonApi

PROJECT = "/projects/acme%2Fnet"
REQUEST = f"{PROJECT}/merge_requests/7"
STATUS = f"{PROJECT}/statuses/{'a' * 40}"
PLACE = {"base_sha": "a", "start_sha": "a", "head_sha": "b", "position_type": "text", "new_path": "a", "new_line": 1}


def checked(method: str, path: str, query: dict[str, str], body: Any) -> None:
    """Check one request."""
    found = operation(method, path)
    assert found is not None
    check_request(found, query, body)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("get", f"{PROJECT}/merge_requests", {"state": "open"}, None),
        ("get", f"{PROJECT}/merge_requests", {"per_page": "many"}, None),
        ("get", f"{PROJECT}/merge_requests/seven", {}, None),
        ("get", REQUEST, {"expand": "all"}, None),
        ("get", REQUEST, {}, {"title": "x"}),
        ("put", REQUEST, {}, {"state_event": "closed"}),
        ("put", REQUEST, {}, {"add_labels": "a,b"}),
        ("put", REQUEST, {}, {"reviewer_ids": ["ada"]}),
        ("post", f"{PROJECT}/merge_requests", {}, {"title": "x", "source_branch": "x"}),
        ("post", f"{REQUEST}/notes", {}, None),
        ("post", f"{REQUEST}/notes", {}, {"body": None}),
        ("post", f"{REQUEST}/discussions", {}, {"body": "x", "position": {**PLACE, "new_line": "1"}}),
        ("post", f"{REQUEST}/discussions", {}, {"body": "x", "position": {**PLACE, "line": 1}}),
        ("post", f"{REQUEST}/discussions", {}, {"body": "x", "position": {"position_type": "text"}}),
        ("post", STATUS, {}, {"state": "failure"}),
        ("post", STATUS, {}, {"state": "success", "descripton": "misspelt"}),
        ("post", STATUS, {}, {"name": "x"}),
        ("post", f"{PROJECT}/hooks", {}, {"url": "https://example.com", "push_events": "true"}),
    ],
)
def test_a_request_that_is_not_described_does_not_pass(
    method: str, path: str, query: dict[str, str], body: Any
) -> None:
    """A wrong value or type, a misspelt or missing property, a parameter that is none."""
    with pytest.raises(Undescribed):
        checked(method, path, query, body)


def test_what_is_described_passes() -> None:
    """With each place that a parameter can be in."""
    checked("get", f"{PROJECT}/merge_requests", {"state": "opened", "page": "2"}, None)
    checked("put", REQUEST, {}, {"add_labels": ["a", "b"], "reviewer_ids": [11]})
    checked("post", f"{REQUEST}/discussions", {}, {"body": "x", "position": PLACE})


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("get", REQUEST, 200, {"iid": "7"}),
        ("get", REQUEST, 200, {"number": 7}),
        ("get", REQUEST, 200, None),
        ("get", REQUEST, 201, {"iid": 7}),
        ("get", REQUEST, 404, {"detail": "not found"}),
        ("get", REQUEST, 418, {"message": "no coffee"}),
        ("get", f"{PROJECT}/merge_requests", 200, [{"diff_refs": None}]),
        ("get", f"{REQUEST}/notes", 200, [{"author": {"login": "ada"}}]),
        ("get", f"{REQUEST}/approvals", 200, {"approved_by": [{"approved_at": "today"}]}),
        ("delete", f"{PROJECT}/hooks/1", 204, {}),
    ],
)
def test_an_answer_that_is_not_described_does_not_pass(method: str, path: str, status: int, body: Any) -> None:
    """The stand-in may not make up what GitLab never says."""
    found = operation(method, path)
    assert found is not None
    with pytest.raises(Undescribed):
        check_answer(found, status, body)


def test_the_stand_in_serves_what_the_table_has() -> None:
    """An operation that nobody calls any more is in neither."""
    assert set(ROUTES) == set(operations())


def test_a_difference_names_what_it_is_of() -> None:
    """An operation, or a field of an object."""
    table = gitlab_api.table()
    fields = {f"{name}.{field}" for name, forms in table["objects"].items() for field in forms}
    assert {one["at"] for one in table["differences"]} <= set(table["operations"]) | fields


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[GitLab]:
    """A GitLab without projects."""
    with GitServer(tmp_path) as git, GitLab(git, token="glpat-0") as found:
        yield found


def test_the_stand_in_refuses_what_is_not_described(lab: GitLab) -> None:
    """And keeps it for the end of the test that caused it."""
    client = JsonApi("GitLab", f"http://{lab.server}/api/v4", "glpat-0", header="Authorization", scheme="Bearer")
    for path, parameters in (("/users", {"login": "ada"}), ("/groups", {})):
        with pytest.raises(RemoteUnavailable):
            client.get(path, **parameters)
    client.close()
    assert [one.split(": ")[0] for one in lab.undescribed] == ["GET /api/v4/users?login=ada", "GET /api/v4/groups"]


def test_the_stand_in_may_not_answer_what_is_not_described(lab: GitLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor may a test have it do that."""
    monkeypatch.setattr(lab, "_user", lambda values, given: (200, {"login": "robot"}))
    client = JsonApi("GitLab", f"http://{lab.server}/api/v4", "glpat-0", header="Authorization", scheme="Bearer")
    with pytest.raises(RemoteUnavailable):
        client.get("/user")
    client.close()
    assert "Undescribed: GET /user 200" in lab.undescribed[0]
