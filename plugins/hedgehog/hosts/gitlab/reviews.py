"""Approvals of merge requests at GitLab, where an approval says when it was given, and not of which commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hedgehog.hosts.gitlab import HOST
from hedgehog.hosts.host import Opinion, PullRequest
from hedgehog.hosts.http import JSON, JsonApi, understood

_PAGE_SIZE = 100
_PROGRAM = re.compile(r"(?:project|group)_\d+_bot.*")
"""The users of project and group access tokens: https://docs.gitlab.com/user/project/settings/project_access_tokens/"""


@understood(HOST.title)
def standing_approvals(client: JsonApi, path: str, pull: PullRequest) -> list[Opinion]:
    """Those who approved the merge request at *path*, and the reviewers who ask for changes.

    GitLab lets only those approve who may. An approval stays when somebody pushes, unless the project is set up to remove
    it: it is of the version that there was at its time. GitLab that does not say the time leaves that open where there
    were several versions.
    https://docs.gitlab.com/api/merge_request_approvals/#single-merge-request-approval
    https://docs.gitlab.com/api/merge_requests/#get-single-merge-request-reviewers
    """
    approvals = client.get(f"{path}/approvals")["approved_by"]
    reviewers = client.pages(f"{path}/reviewers", per_page=_PAGE_SIZE)
    asking = [one["user"] for one in reviewers if one.get("state") == "requested_changes"]
    versions = list(client.pages(f"{path}/versions", per_page=_PAGE_SIZE)) if approvals else []
    refused = {one["username"] for one in asking}
    approved = [one for one in approvals if one["user"]["username"] not in refused]
    found = [_opinion(one["user"], _head_at(versions, one.get("approved_at")), pull) for one in approved]
    return found + [Opinion(one["username"], approves=False) for one in asking]


def _opinion(user: JSON, head: str, pull: PullRequest) -> Opinion:
    login = str(user["username"])
    counts = head == pull.head_sha and not _PROGRAM.fullmatch(login)
    return Opinion(login, True, head, counts, (str(user["name"]),) if user.get("name") else ())


def _head_at(versions: Sequence[JSON], time: str | None) -> str:
    """The head of the newest version that there was at *time*; empty where that is not known."""
    heads = {datetime.fromisoformat(one["created_at"]): str(one["head_commit_sha"]) for one in versions}
    if time is None:
        return next(iter(heads.values())) if len(heads) == 1 else ""
    before = [moment for moment in heads if moment <= datetime.fromisoformat(time)]
    return heads[max(before)] if before else ""


def commit_people(client: JsonApi, path: str) -> dict[str, tuple[str, ...]]:
    """https://docs.gitlab.com/api/merge_requests/#get-single-merge-request-commits"""
    with understood(HOST.title):
        return {str(one["id"]): tuple(_people(one)) for one in client.pages(f"{path}/commits", per_page=_PAGE_SIZE)}


def _people(commit: dict[str, Any]) -> list[str]:
    return [f"{commit[f'{role}_name']} <{commit[f'{role}_email']}>" for role in ("author", "committer")]
