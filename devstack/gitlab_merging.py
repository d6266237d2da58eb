"""What the GitLab stand-in does to merge requests at the request of an API client: list, change, close, merge.

A branch of `protected` takes a merge only after a pipeline that succeeded; until then an auto-merge waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from devstack.github_repositories import Repositories

_REQUEST = "/projects/{id}/merge_requests/{merge_request_iid}"
MERGING_ROUTES: dict[tuple[str, str], str] = {
    ("get", "/users"): "users",
    ("get", "/projects/{id}/merge_requests"): "list",
    ("put", _REQUEST): "update",
    ("put", f"{_REQUEST}/merge"): "merge",
    ("get", "/projects/{id}/repository/commits/{sha}/merge_requests"): "requests_of",
    ("get", f"{_REQUEST}/approvals"): "approvals",
    ("get", f"{_REQUEST}/reviewers"): "reviewers",
    ("get", f"{_REQUEST}/versions"): "versions",
    ("get", f"{_REQUEST}/commits"): "commits",
    ("get", "/projects/{id}/repository/branches/{branch}"): "branch",
}
Answer = tuple[int, Any]


@dataclass
class MergeRequest:
    """One merge request, as the stand-in keeps it."""

    project: str
    iid: int
    source_project: str
    source: str
    target: str
    title: str
    description: str = ""
    draft: bool = False
    state: str = "opened"
    is_compared: bool = True
    """False for as long as GitLab has no `diff_refs`: shortly after a push."""
    author: str = "ada"
    merge_commit: str = ""
    own_commits: list[str] = field(default_factory=list)
    """What the merge brought, the newest first."""
    versions: list[tuple[str, datetime]] = field(default_factory=list)
    """Its heads until now, the newest last, each with its time."""
    approved: dict[str, datetime] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Reviewers who ask for changes."""
    closed_by: str = ""
    labels: list[str] = field(default_factory=list)
    reviewers: list[int] = field(default_factory=list)
    merges_at: str = ""
    """The head at which it is merged when the pipeline succeeds."""
    notes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """Where its head is in the project that it goes to."""
        return f"refs/merge-requests/{self.iid}/head"


class Merging:
    """The merge side of the stand-in. `people` are users by name, with their numbers."""

    repositories: Repositories
    login: str
    requests_by_number: dict[tuple[str, int], MergeRequest]
    _request: Callable[[MergeRequest], dict[str, Any]]
    _with: Callable[[dict[str, str], Callable[[MergeRequest], Answer]], Answer]

    def __init__(self, *arguments: Any) -> None:
        self.people = {"ada": 11, "eve": 12}
        self.protected: set[tuple[str, str]] = set()
        self.tells_times = True
        """Whether approvals have their times; those of older versions of GitLab have none."""
        super().__init__(*arguments)

    def merge(self, request: MergeRequest) -> str:
        """Merge it with a merge commit, whose id is returned."""
        git = self.repositories.git
        tree = git(request.project, "merge-tree", "--write-tree", request.target, request.ref).splitlines()[0]
        who = ("-c", "user.name=GitLab", "-c", "user.email=gitlab@localhost")
        parents = ("-p", f"refs/heads/{request.target}", "-p", request.ref)
        made = git(request.project, *who, "commit-tree", tree, *parents, "-m", f"Merge branch {request.source!r}")
        own = self._own_commits(request)
        git(request.project, "update-ref", f"refs/heads/{request.target}", made)
        request.state, request.merge_commit, request.own_commits = "merged", made, own
        return made

    def _own_commits(self, request: MergeRequest) -> list[str]:
        git, target = self.repositories.git, f"refs/heads/{request.target}"
        return git(request.project, "rev-list", request.ref, f"^{target}").splitlines()

    def approve(self, request: MergeRequest, name: str) -> None:
        """Somebody approves it as it is."""
        request.refused.discard(name)
        request.approved[name] = datetime.now(UTC)

    def ask_for_changes(self, request: MergeRequest, name: str) -> None:
        """Somebody reviews it and asks for changes, which takes an approval back."""
        request.approved.pop(name, None)
        request.refused.add(name)

    def _requests_of(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        found = [one for one in self.requests_by_number.values() if one.project == values["project"]]
        found = [one for one in found if values["sha"] in (one.merge_commit, *one.own_commits)]
        return 200, [self._basic(one) for one in found]

    def _approvals(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        def answer(request: MergeRequest) -> Answer:
            times = request.approved.items() if self.tells_times else ((name, None) for name in request.approved)
            by = [self._approval(name, time) for name, time in times]
            return 200, {"approved": bool(by), "approved_by": by}

        return self._with(values, answer)

    def _approval(self, name: str, time: datetime | None) -> dict[str, Any]:
        return {"user": self._person(name), **({"approved_at": time.isoformat()} if time else {})}

    def _person(self, name: str) -> dict[str, Any]:
        return {"id": self.people.get(name, 99), "username": name, "name": name.title(), "state": "active"}

    def _reviewers(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        def answer(request: MergeRequest) -> Answer:
            return 200, [{"user": self._person(one), "state": "requested_changes"} for one in sorted(request.refused)]

        return self._with(values, answer)

    def _versions(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        def answer(request: MergeRequest) -> Answer:
            found = [{"head_commit_sha": head, "created_at": time.isoformat()} for head, time in request.versions]
            return 200, found[::-1]

        return self._with(values, answer)

    def _commits(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        def answer(request: MergeRequest) -> Answer:
            return 200, [self._commit(request, one) for one in request.own_commits or self._own_commits(request)]

        return self._with(values, answer)

    def _commit(self, request: MergeRequest, commit: str) -> dict[str, Any]:
        format_ = "--format=%an%n%ae%n%cn%n%ce"
        name, email, *other = self.repositories.git(request.project, "log", "-1", format_, commit).splitlines()
        made = {"id": commit, "author_name": name, "author_email": email}
        return {**made, "committer_name": other[0], "committer_email": other[1]}

    def _users(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        number = self.people.get(query["username"])
        return 200, [{"id": number, "username": query["username"]}] if number else []

    def _list(self, values: dict[str, str], query: dict[str, Any]) -> Answer:
        wanted = (values["project"], query["state"], query["source_branch"], query["target_branch"])
        found = (
            one
            for one in self.requests_by_number.values()
            if (one.project, one.state, one.source, one.target) == wanted
        )
        return 200, [self._basic(one) for one in found]

    def _basic(self, request: MergeRequest) -> dict[str, Any]:
        """As in a list, which tells less of each."""
        detailed = ("changes_count", "diff_refs", "head_pipeline")
        return {key: part for key, part in self._request(request).items() if key not in detailed}

    def _update(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        def change(request: MergeRequest) -> Answer:
            request.title = body.get("title", request.title)
            request.description = body.get("description", request.description)
            request.labels += body.get("add_labels", [])
            request.reviewers = body.get("reviewer_ids", request.reviewers)
            if body.get("state_event") == "close":
                request.state, request.closed_by = "closed", self.login
            return 200, self._request(request)

        return self._with(values, change)

    def _merge(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        def begin(request: MergeRequest) -> Answer:
            if body["sha"] != self._request(request)["sha"]:
                return 409, {"message": "SHA does not match HEAD of source branch"}
            if (request.project, request.target) in self.protected:
                request.merges_at = body["sha"]
            else:
                self.merge(request)
            return 200, self._request(request)

        return self._with(values, begin)

    def _branch(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        project, branch = values["project"], unquote(values["branch"])
        if not self.repositories.has(project, f"refs/heads/{branch}"):
            return 404, {"message": "404 Branch Not Found"}
        return 200, {"name": branch, "protected": (project, branch) in self.protected}
