"""One repository at GitHub: its pull requests, which files they change, and what is said about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from hedgehog.errors import NotFound, PermissionDenied, RemoteUnavailable
from hedgehog.hosts.diffs import lines_shown
from hedgehog.hosts.github import HOST, checks, commits, reviews
from hedgehog.hosts.github.client import Client
from hedgehog.hosts.host import ChangedFile, CheckResult, Comment, Feature, Hook, Note, Opinion, PullRequest, RateLimit
from hedgehog.hosts.http import understood

_NOTHING_TO_WAIT_FOR = "clean"
_METHODS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
_AUTO_MERGE = (
    "mutation ($input: EnablePullRequestAutoMergeInput!) "
    "{ enablePullRequestAutoMerge(input: $input) { clientMutationId } }"
)
"""Only GitHub's GraphQL API has it: https://docs.github.com/graphql/reference/mutations#enablepullrequestautomerge"""


class Repository:
    """One repository at GitHub, a `Host`. *full_name* is `owner/name`."""

    type = HOST

    def __init__(self, client: Client, full_name: str) -> None:
        self.client = client
        self.full_name = full_name
        self.path = f"/repos/{full_name}"
        self.base_url = client.base_url
        self.is_app = client.credentials.is_app
        self.credential = "app" if self.is_app else "token"
        # A check has its own notes on lines; only apps may write one.
        self.offers = HOST.features - {Feature.REVIEWS if self.is_app else Feature.CHECKS}

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def git_token(self) -> str:
        """A token that is valid for the next minutes."""
        return self.client.token()

    def rate_limit(self) -> RateLimit | None:
        """Free of charge; None where the host counts nothing (GitHub Enterprise, by its own setting)."""
        try:
            core = self.client.get("/rate_limit")["resources"]["core"]
            return RateLimit(core["limit"], core["remaining"], datetime.fromtimestamp(core["reset"], UTC))
        except NotFound:
            return None
        except (KeyError, TypeError, ValueError, OverflowError):
            raise RemoteUnavailable("GET /rate_limit: what answered is not GitHub's API; check the base URL") from None

    def pull(self, number: int) -> PullRequest:
        """The pull request *number*; asking again is free while it stays the same. Raises NotFound."""
        return _pull(self.client.get(f"{self.path}/pulls/{number}"))

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> PullRequest:
        """Ask for the branch *head* to be merged into *base*."""
        values = {"title": title, "body": body, "head": head, "base": base}
        return _pull(self.client.post(f"{self.path}/pulls", values))

    def find_pull(self, *, head: str, base: str) -> PullRequest | None:
        """The open pull request of the branch *head* of this repository into *base*."""
        owner = self.full_name.partition("/")[0]
        found = self.client.pages(f"{self.path}/pulls", state="open", head=f"{owner}:{head}", base=base)
        with understood(HOST.title):
            return next((self.pull(one["number"]) for one in found), None)

    def edit_pull(self, pull: PullRequest, *, title: str, body: str) -> None:
        """Replace title and description."""
        self.client.patch(f"{self.path}/pulls/{pull.number}", {"title": title, "body": body})

    def close_pull(self, pull: PullRequest) -> None:
        """Close *pull* without merging."""
        self.client.patch(f"{self.path}/pulls/{pull.number}", {"state": "closed"})

    def closed_by(self, pull: PullRequest) -> str:
        """GitHub tells it of the issue that every pull request is, to those who may read issues; to others nothing."""
        try:
            answer = self.client.get(f"{self.path}/issues/{pull.number}")
        except (NotFound, PermissionDenied):
            return ""
        with understood(HOST.title):
            return str((answer.get("closed_by") or {}).get("login") or "")

    def add_labels(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """GitHub makes those that the repository does not have."""
        self.client.post(f"{self.path}/issues/{pull.number}/labels", {"labels": list(labels)})

    def ask_reviewers(self, pull: PullRequest, reviewers: Sequence[str]) -> None:
        """Ask these users, who must have access to the repository."""
        path = f"{self.path}/pulls/{pull.number}/requested_reviewers"
        self.client.post(path, {"reviewers": list(reviewers)})

    def merge_when_ready(self, pull: PullRequest) -> None:
        """GitHub's auto-merge, which the repository must allow; it takes none where nothing holds the merge up.

        Then it is merged at once.
        """
        with understood(HOST.title):
            answer = self.client.get(f"{self.path}/pulls/{pull.number}")
            node, state = str(answer["node_id"]), str(answer.get("mergeable_state"))
        method = self._merge_method()
        if state == _NOTHING_TO_WAIT_FOR:
            values = {"sha": pull.head_sha, "merge_method": method}
            self.client.put(f"{self.path}/pulls/{pull.number}/merge", values)
        else:
            asked = {"pullRequestId": node, "expectedHeadOid": pull.head_sha, "mergeMethod": method.upper()}
            self.client.query(_AUTO_MERGE, {"input": asked})

    def _merge_method(self) -> str:
        """How the repository lets pull requests be merged: with a merge commit if it may be, else squashed or rebased."""
        with understood(HOST.title):
            answer = self.client.get(self.path)
            return next((name for name, key in _METHODS.items() if answer.get(key, True)), "merge")

    def merged_pulls(self, commit: str) -> list[PullRequest]:
        """The merged pull requests that introduced *commit*."""
        return [self.pull(number) for number in reviews.merged_numbers(self.client, self.path, commit)]

    def opinions(self, pull: PullRequest) -> list[Opinion]:
        """The last review of each person that says yes or no; who approves the head is asked for their permission."""
        return reviews.last_reviews(self.client, self.path, pull)

    def commits(self, pull: PullRequest) -> Mapping[str, tuple[str, ...]]:
        """The commits that GitHub lists, at most 250, with the logins of their authors and committers."""
        return reviews.commit_logins(self.client, self.path, pull)

    def is_protected(self, branch: str) -> bool:
        """Whether a protection or a ruleset is about *branch*."""
        path = quote(branch)
        with understood(HOST.title):
            is_protected = bool(self.client.get(f"{self.path}/branches/{path}")["protected"])
        return is_protected or any(self.client.pages(f"{self.path}/rules/branches/{path}"))

    def files(self, pull: PullRequest) -> list[ChangedFile]:
        """The files that *pull* changes, as far as GitHub lists them: at most `MOST_FILES` of its `changed_files`."""
        return [_file(entry) for entry in self.client.pages(f"{self.path}/pulls/{pull.number}/files")]

    def login(self) -> str:
        """Ours, or the id of our app: anybody can copy a mark, so that a comment's author counts."""
        return f"app {self.client.credentials.app_id}" if self.is_app else self._user

    @cached_property
    def _user(self) -> str:
        with understood(HOST.title):
            return str(self.client.get("/user")["login"])

    def comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments on *pull*, oldest first."""
        return map(self._comment, self.client.pages(f"{self.path}/issues/{pull.number}/comments"))

    def add_comment(self, pull: PullRequest, body: str) -> Comment:
        """Comment on *pull*."""
        return self._comment(self.client.post(f"{self.path}/issues/{pull.number}/comments", {"body": body}))

    def edit_comment(self, pull: PullRequest, comment: Comment, body: str) -> None:
        """Replace the text of one of our comments."""
        self.client.patch(f"{self.path}/issues/comments/{comment.id}", {"body": body})

    def line_comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments on lines of *pull*."""
        return map(self._comment, self.client.pages(f"{self.path}/pulls/{pull.number}/comments"))

    def add_line_comments(self, pull: PullRequest, comments: Sequence[tuple[Note, str]]) -> None:
        """One review with all *comments*."""
        lines = [{"path": note.path, "line": note.line, "side": "RIGHT", "body": body} for note, body in comments]
        review = {"commit_id": pull.head_sha, "event": "COMMENT", "comments": lines}
        self.client.post(f"{self.path}/pulls/{pull.number}/reviews", review)

    def write_check(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A check run on the head of *pull*."""
        checks.write_check(self.client, self.path, pull, result, name=name)

    def write_status(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A commit status on the head of *pull*."""
        checks.write_status(self.client, self.path, pull, result, name=name)

    def make_commit(self, branch: str, head: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """One request; see `commits`."""
        return commits.create_commit(self.client, self.full_name, branch, head, message=message, files=files)

    def hooks(self) -> Iterator[Hook]:
        """The webhooks of the repository; those of its organization and of apps are not among them."""
        return map(_hook, self.client.pages(f"{self.path}/hooks"))

    def put_hook(self, url: str, secret: str, events: frozenset[str], known: Hook | None) -> None:
        """Make a webhook, or change *known*."""
        config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        hook = {"active": True, "events": sorted(events), "config": config}
        if known is None:
            self.client.post(f"{self.path}/hooks", {"name": "web", **hook})
        else:
            self.client.patch(f"{self.path}/hooks/{known.id}", hook)

    @understood(HOST.title)
    def _comment(self, entry: dict[str, Any]) -> Comment:
        if self.is_app:
            author = f"app {(entry.get('performed_via_github_app') or {}).get('id')}"
        else:
            author = str((entry.get("user") or {}).get("login"))
        return Comment(str(entry["id"]), entry.get("body") or "", author, str(entry.get("html_url") or ""))


@understood(HOST.title)
def _pull(answer: dict[str, Any]) -> PullRequest:
    return PullRequest(
        number=answer["number"],
        title=answer["title"],
        state=answer["state"],
        draft=bool(answer.get("draft")),
        head_sha=answer["head"]["sha"],
        base_ref=answer["base"]["ref"],
        changed_files=answer["changed_files"],
        url=answer["html_url"],
        git_ref=f"refs/pull/{answer['number']}/head",
        merged=bool(answer.get("merged")),
        author=str((answer.get("user") or {}).get("login") or ""),
    )


@understood(HOST.title)
def _hook(entry: dict[str, Any]) -> Hook:
    config, last = entry["config"], entry.get("last_response") or {}
    code = last.get("code")
    said = f"{code} {last.get('message') or ''}".strip() if code else ""
    is_json = config.get("content_type") == "json"
    return Hook(str(entry["id"]), str(config.get("url")), frozenset(entry["events"]), entry["active"], is_json, said)


@understood(HOST.title)
def _file(entry: dict[str, Any]) -> ChangedFile:
    return ChangedFile(entry["filename"], lines_shown(entry.get("patch") or ""))
