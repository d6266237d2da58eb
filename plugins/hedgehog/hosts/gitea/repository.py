"""One repository at Gitea or Forgejo: its pull requests, which files they change, and what is said about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.shown import printable
from hedgehog.hosts.diffs import lines_by_file
from hedgehog.hosts.gitea import HOST
from hedgehog.hosts.host import Access, ChangedFile, CheckResult, Comment, Hook, Note, Opinion, PullRequest, RateLimit
from hedgehog.hosts.http import JsonApi, understood
from hedgehog.hosts.reports import shortened

_PAGE_SIZE = 50
"""Entries per page, unless the server's own limit is lower."""
_LONGEST_STATUS = 255
_LABEL_COLOR = "#0052cc"
_APPROVED = "APPROVED"
_SAYS_SOMETHING = frozenset({_APPROVED, "REQUEST_CHANGES"})


class Repository:
    """One repository at Gitea, a `Host`. *full_name* is `owner/name`."""

    type = HOST
    credential = "token"
    offers = HOST.features

    def __init__(self, client: JsonApi, full_name: str) -> None:
        self.client = client
        self.full_name = full_name
        self.path = f"/repos/{quote(full_name)}"
        self.base_url = client.base_url

    @classmethod
    def of(cls, access: Access) -> Repository:
        """The repository that *access* enters. Raises InvalidInput for a connection without a token."""
        base_url = access.api_url or f"{access.web_url}/api/v1"
        return cls(
            JsonApi(HOST.title, base_url, access.token, header="Authorization", scheme="token"), access.full_name
        )

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def git_token(self) -> str:
        """The same token."""
        return self.client.token

    def rate_limit(self) -> RateLimit | None:
        """Gitea counts no calls; asking who we are shows whether the token is accepted."""
        self.client.get("/user")
        return None

    def pull(self, number: int) -> PullRequest:
        """The pull request *number*. Raises NotFound."""
        return _pull(self.client.get(f"{self.path}/pulls/{number}"))

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> PullRequest:
        """Ask for the branch *head* to be merged into *base*."""
        values = {"title": title, "body": body, "head": head, "base": base}
        return _pull(self.client.post(f"{self.path}/pulls", values))

    def find_pull(self, *, head: str, base: str) -> PullRequest | None:
        """The open pull request of the branch *head* of this repository into *base*."""
        with understood(HOST.title):
            for entry in self.client.pages(f"{self.path}/pulls", state="open", limit=_PAGE_SIZE):
                from_here = entry["head"]["repo_id"] == entry["base"]["repo_id"]
                if from_here and (entry["head"]["ref"], entry["base"]["ref"]) == (head, base):
                    return self.pull(entry["number"])
        return None

    def edit_pull(self, pull: PullRequest, *, title: str, body: str) -> None:
        """Replace title and description."""
        self.client.patch(f"{self.path}/pulls/{pull.number}", {"title": title, "body": body})

    def close_pull(self, pull: PullRequest) -> None:
        """Close *pull* without merging."""
        self.client.patch(f"{self.path}/pulls/{pull.number}", {"state": "closed"})

    def closed_by(self, pull: PullRequest) -> str:
        """The user of the last event that closed it."""
        closed = ""
        for event in self.client.pages(f"{self.path}/issues/{pull.number}/timeline", limit=_PAGE_SIZE):
            if event.get("type") == "close":
                closed = str((event.get("user") or {}).get("login") or "")
        return closed

    def add_labels(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """Gitea takes labels of the repository only, so that those it does not have are made first."""
        known = {str(one.get("name")) for one in self.client.pages(f"{self.path}/labels", limit=_PAGE_SIZE)}
        for name in labels:
            if name not in known:
                self.client.post(f"{self.path}/labels", {"name": name, "color": _LABEL_COLOR})
        self.client.post(f"{self.path}/issues/{pull.number}/labels", {"labels": list(labels)})

    def ask_reviewers(self, pull: PullRequest, reviewers: Sequence[str]) -> None:
        """Ask these users, who must have access to the repository."""
        path = f"{self.path}/pulls/{pull.number}/requested_reviewers"
        self.client.post(path, {"reviewers": list(reviewers)})

    def merge_when_ready(self, pull: PullRequest) -> None:
        """Have it merged in the repository's own style as soon as checks and reviews allow that."""
        with understood(HOST.title):
            style = str(self.client.get(self.path).get("default_merge_style") or "merge")
        values = {"Do": style, "head_commit_id": pull.head_sha, "merge_when_checks_succeed": True}
        self.client.post(f"{self.path}/pulls/{pull.number}/merge", values)

    def merged_pulls(self, commit: str) -> list[PullRequest]:
        """The pull request whose merge ended with *commit*: Gitea knows it by that commit alone."""
        try:
            return [_pull(self.client.get(f"{self.path}/commits/{commit}/pull"))]
        except NotFound:
            return []

    def opinions(self, pull: PullRequest) -> list[Opinion]:
        """The last review of each person that says yes or no; Gitea calls those official that count."""
        last: dict[str, dict[str, Any]] = {}
        with understood(HOST.title):
            for review in self.client.pages(f"{self.path}/pulls/{pull.number}/reviews", limit=_PAGE_SIZE):
                if review["state"] in _SAYS_SOMETHING and review.get("user"):
                    last[review["user"]["login"]] = review
            return [_opinion(one, pull) for one in last.values() if not one["dismissed"]]

    def commits(self, pull: PullRequest) -> Mapping[str, tuple[str, ...]]:
        """All commits of *pull*, with the users that Gitea knows by their addresses."""
        path = f"{self.path}/pulls/{pull.number}/commits"
        with understood(HOST.title):
            found = self.client.pages(path, limit=_PAGE_SIZE, verification="false", files="false")
            return {str(one["sha"]): _makers(one) for one in found}

    def is_protected(self, branch: str) -> bool:
        """Whether a rule of the repository is about *branch*."""
        with understood(HOST.title):
            return bool(self.client.get(f"{self.path}/branches/{quote(branch, safe='')}")["protected"])

    def files(self, pull: PullRequest) -> list[ChangedFile]:
        """The files that *pull* changes, from its diff. A diff that is too large shows none."""
        try:
            diff = self.client.text(f"{self.path}/pulls/{pull.number}.diff")
        except InvalidInput:
            return []
        return [ChangedFile(path, lines) for path, lines in lines_by_file(diff).items()]

    def login(self) -> str:
        """The user of the token: anybody can copy a mark, so that a comment's author counts."""
        return self._user

    @cached_property
    def _user(self) -> str:
        with understood(HOST.title):
            return str(self.client.get("/user")["login"])

    def comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments on *pull*, oldest first; Gitea gives all of them at once."""
        return map(_comment, self.client.entries(f"{self.path}/issues/{pull.number}/comments"))

    def add_comment(self, pull: PullRequest, body: str) -> Comment:
        """Comment on *pull*."""
        return _comment(self.client.post(f"{self.path}/issues/{pull.number}/comments", {"body": body}))

    def edit_comment(self, pull: PullRequest, comment: Comment, body: str) -> None:
        """Replace the text of one of our comments."""
        self.client.patch(f"{self.path}/issues/comments/{comment.id}", {"body": body})

    def line_comments(self, pull: PullRequest) -> Iterator[Comment]:
        """Our comments on lines of *pull*: Gitea tells them by review, and those of others are not asked for."""
        path = f"{self.path}/pulls/{pull.number}/reviews"
        for review in self.client.pages(path, limit=_PAGE_SIZE):
            if review.get("comments_count") and (review.get("user") or {}).get("login") == self.login():
                yield from map(_comment, self.client.entries(f"{path}/{review['id']}/comments"))

    def add_line_comments(self, pull: PullRequest, comments: Sequence[tuple[Note, str]]) -> None:
        """One review with all *comments*."""
        lines = [{"path": note.path, "new_position": note.line, "body": body} for note, body in comments]
        review = {"commit_id": pull.head_sha, "event": "COMMENT", "comments": lines}
        self.client.post(f"{self.path}/pulls/{pull.number}/reviews", review)

    def write_check(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """Gitea has no checks with annotations: a status."""
        self.write_status(pull, result, name)

    def write_status(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A commit status on the head of *pull*."""
        body = {
            "state": result.conclusion.value,
            "context": name,
            "description": shortened(printable(result.title), _LONGEST_STATUS),
            "target_url": result.details_url,
        }
        self.client.post(f"{self.path}/statuses/{pull.head_sha}", body)

    def make_commit(self, branch: str, head: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """Not offered."""
        raise InvalidInput(f"{HOST.title} makes no commits that it signs; push them")

    def hooks(self) -> Iterator[Hook]:
        """The webhooks of the repository; those of its organization and of the server are not among them."""
        return map(_hook, self.client.pages(f"{self.path}/hooks", limit=_PAGE_SIZE))

    def put_hook(self, url: str, secret: str, events: frozenset[str], known: Hook | None) -> None:
        """Make a webhook instead of *known*: Gitea changes no secret. The new one comes first, so that no push is lost."""
        config = {"url": url, "content_type": "json", "secret": secret}
        hook = {"type": "gitea", "active": True, "events": sorted(events), "config": config}
        self.client.post(f"{self.path}/hooks", hook)
        if known is not None:
            self.client.delete(f"{self.path}/hooks/{known.id}")


@understood(HOST.title)
def _hook(entry: dict[str, Any]) -> Hook:
    config = entry["config"]
    is_json = config.get("content_type") == "json"
    return Hook(str(entry["id"]), str(config.get("url")), frozenset(entry["events"]), entry["active"], is_json)


@understood(HOST.title)
def _pull(answer: dict[str, Any]) -> PullRequest:
    return PullRequest(
        number=answer["number"],
        title=answer["title"],
        state=answer["state"],
        draft=bool(answer.get("draft")),
        head_sha=answer["head"]["sha"],
        base_ref=answer["base"]["ref"],
        changed_files=int(answer.get("changed_files") or 0),
        url=answer["html_url"],
        git_ref=f"refs/pull/{answer['number']}/head",
        merged=bool(answer.get("merged")),
        author=str((answer.get("user") or {}).get("login") or ""),
    )


def _opinion(review: dict[str, Any], pull: PullRequest) -> Opinion:
    user, approves = review["user"], review["state"] == _APPROVED
    head = str(review.get("commit_id") or "")
    counts = approves and review["official"] and not review["stale"] and head == pull.head_sha
    names = tuple(str(user[key]) for key in ("full_name", "email") if user.get(key))
    return Opinion(str(user["login"]), approves, head, counts, names)


def _makers(commit: dict[str, Any]) -> tuple[str, ...]:
    people = (commit.get("author") or {}, commit.get("committer") or {})
    return tuple(str(one["login"]) for one in people if one.get("login"))


@understood(HOST.title)
def _comment(entry: dict[str, Any]) -> Comment:
    author = str((entry.get("user") or {}).get("login"))
    return Comment(str(entry["id"]), entry.get("body") or "", author, str(entry.get("html_url") or ""))
