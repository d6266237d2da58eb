"""One project at GitLab: its merge requests, which files they change, and what is said about them.

The API is that of https://docs.gitlab.com/api/rest/; each method names the page of what it calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from hedgehog.errors import InvalidInput, NotFound, RetryableError
from hedgehog.hosts.diffs import line_pairs, lines_shown
from hedgehog.hosts.gitlab import HOST, reviews, statuses
from hedgehog.hosts.host import Access, ChangedFile, CheckResult, Comment, Hook, Note, Opinion, PullRequest, RateLimit
from hedgehog.hosts.http import JSON, JsonApi, understood
from hedgehog.hosts.signed_messages import is_signing_key

_PAGE_SIZE = 100
"""Entries per page; GitLab gives no more."""
_QUICK_ACTION = re.compile(r"^([ \t]*)/", re.MULTILINE)
_NOTHING = "\N{ZERO WIDTH SPACE}"


class Repository:
    """One project at GitLab, a `Host`. *full_name* has all groups: `group/subgroup/name`."""

    type = HOST
    credential = "token"
    offers = HOST.features

    def __init__(self, client: JsonApi, full_name: str) -> None:
        self.client = client
        self.full_name = full_name
        self.path = f"/projects/{quote(full_name, safe='')}"
        self.base_url = client.base_url

    @classmethod
    def of(cls, access: Access) -> Repository:
        """The project that *access* enters. Raises InvalidInput for a connection without a token.

        Tokens of people, projects, groups and OAuth are taken: https://docs.gitlab.com/api/rest/authentication/.
        """
        base_url = access.api_url or f"{access.web_url}/api/v4"
        client = JsonApi(HOST.title, base_url, access.token, header="Authorization", scheme="Bearer")
        return cls(client, access.full_name)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def git_token(self) -> str:
        """The same token."""
        return self.client.token

    def rate_limit(self) -> RateLimit | None:
        """What the headers of an answer say; None where the administrator has set no limit.

        https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/
        """
        headers = self.client.headers("/user")
        limit, remaining, reset = (headers.get(f"ratelimit-{name}") for name in ("limit", "remaining", "reset"))
        if limit is None or remaining is None or reset is None:
            return None
        with understood(HOST.title):
            return RateLimit(int(limit), int(remaining), datetime.fromtimestamp(int(reset), UTC))

    def pull(self, number: int) -> PullRequest:
        """The merge request *number*. Raises NotFound. https://docs.gitlab.com/api/merge_requests/#get-single-mr"""
        return _pull(self._merge_request(number))

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> PullRequest:
        """Ask for the branch *head* to be merged into *base*. https://docs.gitlab.com/api/merge_requests/#create-mr"""
        values = {"title": title, "description": _inactive(body), "source_branch": head, "target_branch": base}
        made = self.client.post(f"{self.path}/merge_requests", values)
        with understood(HOST.title):
            return self.pull(made["iid"])

    def find_pull(self, *, head: str, base: str) -> PullRequest | None:
        """The open merge request of the branch *head* of this project into *base*.

        https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
        """
        path = f"{self.path}/merge_requests"
        found = self.client.pages(path, state="opened", source_branch=head, target_branch=base, per_page=_PAGE_SIZE)
        with understood(HOST.title):
            ours = (one["iid"] for one in found if one["source_project_id"] == one["target_project_id"])
            return next(map(self.pull, ours), None)

    def edit_pull(self, pull: PullRequest, *, title: str, body: str) -> None:
        """Replace title and description. https://docs.gitlab.com/api/merge_requests/#update-mr"""
        self.client.put(self._path_of(pull), {"title": title, "description": _inactive(body)})

    def close_pull(self, pull: PullRequest) -> None:
        """Close *pull* without merging."""
        self.client.put(self._path_of(pull), {"state_event": "close"})

    def closed_by(self, pull: PullRequest) -> str:
        """The user who closed it."""
        return str((self._merge_request(pull.number).get("closed_by") or {}).get("username") or "")

    def add_labels(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """GitLab makes those that the project does not have."""
        self.client.put(self._path_of(pull), {"add_labels": list(labels)})

    def ask_reviewers(self, pull: PullRequest, reviewers: Sequence[str]) -> None:
        """GitLab wants the numbers of the users. https://docs.gitlab.com/api/users/#list-users"""
        numbers = []
        for name in reviewers:
            with understood(HOST.title):
                found = self.client.get("/users", username=name)
                if not found:
                    raise NotFound(f"{self.full_name}: GitLab has no user {name!r} to review merge requests")
                numbers.append(int(found[0]["id"]))
        self.client.put(self._path_of(pull), {"reviewer_ids": numbers})

    def merge_when_ready(self, pull: PullRequest) -> None:
        """Have it merged when its pipeline succeeds. https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request"""
        # GitLab before 17.11 knows only the old name, and ignores the new one.
        values = {"sha": pull.head_sha, "auto_merge": True, "merge_when_pipeline_succeeds": True}
        self.client.put(f"{self._path_of(pull)}/merge", values)

    def merged_pulls(self, commit: str) -> list[PullRequest]:
        """The merged merge requests of *commit*: those that it is of, and that it merged or squashed.

        https://docs.gitlab.com/api/commits/#list-merge-requests-associated-with-a-commit
        """
        found = self.client.pages(f"{self.path}/repository/commits/{commit}/merge_requests", per_page=_PAGE_SIZE)
        with understood(HOST.title):
            return [self.pull(one["iid"]) for one in found if one["state"] == "merged"]

    def opinions(self, pull: PullRequest) -> list[Opinion]:
        """Who approved it, and which reviewers ask for changes; see `reviews`."""
        return reviews.standing_approvals(self.client, self._path_of(pull), pull)

    def commits(self, pull: PullRequest) -> Mapping[str, tuple[str, ...]]:
        """The commits of *pull* with names and addresses: GitLab does not say whose they are."""
        return reviews.commit_people(self.client, self._path_of(pull))

    def is_protected(self, branch: str) -> bool:
        """Whether a rule protects *branch*. https://docs.gitlab.com/api/branches/#get-single-repository-branch"""
        with understood(HOST.title):
            path = f"{self.path}/repository/branches/{quote(branch, safe='')}"
            return bool(self.client.get(path)["protected"])

    def files(self, pull: PullRequest) -> list[ChangedFile]:
        """The files that *pull* changes; one whose diff GitLab finds too large shows no lines."""
        return [_file(entry) for entry in self._diffs(pull)]

    def login(self) -> str:
        """The user of the token: anybody can copy a mark, so that a comment's author counts."""
        return self._user

    @cached_property
    def _user(self) -> str:
        """https://docs.gitlab.com/api/users/#retrieve-the-current-user"""
        with understood(HOST.title):
            return str(self.client.get("/user")["username"])

    def comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments of people on *pull*, oldest first; those on lines are not among them.

        https://docs.gitlab.com/api/notes/#list-all-merge-request-notes
        """
        path = f"{self._path_of(pull)}/notes"
        for note in self.client.pages(path, sort="asc", order_by="created_at", per_page=_PAGE_SIZE):
            if not note.get("system") and note.get("type") != "DiffNote":
                yield _comment(note, pull)

    def add_comment(self, pull: PullRequest, body: str) -> Comment:
        """Comment on *pull*. https://docs.gitlab.com/api/notes/#create-new-merge-request-note"""
        return _comment(self.client.post(f"{self._path_of(pull)}/notes", {"body": _inactive(body)}), pull)

    def edit_comment(self, pull: PullRequest, comment: Comment, body: str) -> None:
        """Replace the text of one of our comments. https://docs.gitlab.com/api/notes/#modify-existing-merge-request-note"""
        self.client.put(f"{self._path_of(pull)}/notes/{comment.id}", {"body": _inactive(body)})

    def line_comments(self, pull: PullRequest) -> Iterator[Comment]:
        """The comments on lines of *pull*.

        https://docs.gitlab.com/api/discussions/#list-project-merge-request-discussion-items
        """
        for discussion in self.client.pages(f"{self._path_of(pull)}/discussions", per_page=_PAGE_SIZE):
            with understood(HOST.title):
                notes = [note for note in discussion["notes"] if note.get("type") == "DiffNote"]
            for note in notes:
                yield _comment(note, pull)

    def add_line_comments(self, pull: PullRequest, comments: Sequence[tuple[Note, str]]) -> None:
        """A thread for each of *comments*: GitLab has no reviews through this API.

        Raises RetryableError while GitLab has not compared the head of *pull*, or if that has moved.
        https://docs.gitlab.com/api/discussions/#create-a-new-thread-in-the-merge-request-diff
        """
        commits = self._compared(pull)
        with understood(HOST.title):
            diffs = {entry["new_path"]: entry for entry in self._diffs(pull)}
        for note, body in comments:
            position = commits | _place(diffs[note.path], note.line)
            self.client.post(
                f"{self._path_of(pull)}/discussions",
                {"body": _inactive(body), "position": {"position_type": "text", **position}},
            )

    def write_check(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """GitLab has no checks with annotations: a status."""
        self.write_status(pull, result, name)

    def write_status(self, pull: PullRequest, result: CheckResult, name: str) -> None:
        """A job of the pipeline that decides about *pull*; see `statuses`."""
        statuses.add_pipeline_status(self.client, self._merge_request(pull.number), pull, result, name=name)

    def make_commit(self, branch: str, head: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """Not offered."""
        raise InvalidInput(f"{HOST.title} makes no commits that it signs; push them")

    def hooks(self) -> Iterator[Hook]:
        """The webhooks of the project; those of its groups and of the server are not among them.

        https://docs.gitlab.com/api/project_webhooks/
        """
        return map(_hook, self.client.pages(f"{self.path}/hooks", per_page=_PAGE_SIZE))

    def put_hook(self, url: str, secret: str, events: frozenset[str], known: Hook | None) -> None:
        """Make a webhook instead of *known*: an edit would keep its filters, and that GitLab disabled it.

        Raises InvalidInput for a signing key where GitLab signs no deliveries; *known* stays as it is then.
        """
        flags = {"push_events": False, **dict.fromkeys(sorted(events), True)}  # pushes are announced by default
        proof = {"signing_token" if is_signing_key(secret) else "token": secret}
        made = self.client.post(f"{self.path}/hooks", {"url": url, **proof, "enable_ssl_verification": True, **flags})
        with understood(HOST.title):
            is_proving = "token" in proof or made.get("signing_token_present") is True
            number = int(made["id"])
        if not is_proving:  # a GitLab that does not know signing tokens ignores them
            self.client.delete(f"{self.path}/hooks/{number}")
            raise InvalidInput(
                f"{self.full_name}: this GitLab takes no signing token; give its webhook a secret that does not begin "
                "with whsec_"
            )
        if known is not None:
            self.client.delete(f"{self.path}/hooks/{known.id}")

    def _merge_request(self, number: int) -> JSON:
        answer = self.client.get(f"{self.path}/merge_requests/{number}")
        with understood(HOST.title):
            return dict(answer)

    def _path_of(self, pull: PullRequest) -> str:
        return f"{self.path}/merge_requests/{pull.number}"

    def _diffs(self, pull: PullRequest) -> Iterator[JSON]:
        """https://docs.gitlab.com/api/merge_requests/#list-merge-request-diffs"""
        return self.client.pages(f"{self._path_of(pull)}/diffs", per_page=_PAGE_SIZE)

    def _compared(self, pull: PullRequest) -> dict[str, str]:
        """The commits between which the lines are counted; shortly after a push, GitLab does not know them."""
        with understood(HOST.title):
            refs = self._merge_request(pull.number).get("diff_refs") or {}
            if refs.get("head_sha") != pull.head_sha:
                raise RetryableError(
                    f"merge request {pull.number} of {self.full_name}: GitLab does not compare {pull.head_sha} with its "
                    "base, because it has not done so yet or the head has moved; the next try asks again"
                )
            return {key: refs[key] for key in ("base_sha", "start_sha", "head_sha")}


def _inactive(text: str) -> str:
    """*text* without quick actions: lines that begin with a slash, which GitLab carries out for who writes them."""
    return _QUICK_ACTION.sub(rf"\1{_NOTHING}/", text)


@understood(HOST.title)
def _pull(answer: JSON) -> PullRequest:
    """A merge request that is being merged (`locked`) counts as closed."""
    counted = re.match(r"\d{1,9}", str(answer.get("changes_count") or ""))  # `1000+` where it stopped to count
    return PullRequest(
        number=answer["iid"],
        title=answer["title"],
        state="open" if answer["state"] == "opened" else "closed",
        draft=bool(answer.get("draft")),
        head_sha=answer["sha"],
        base_ref=answer["target_branch"],
        changed_files=int(counted[0]) if counted else 0,
        url=answer["web_url"],
        git_ref=f"refs/merge-requests/{answer['iid']}/head",
        merged=answer["state"] == "merged",
        author=str((answer.get("author") or {}).get("username") or ""),
    )


@understood(HOST.title)
def _hook(entry: JSON) -> Hook:
    """A webhook whose deliveries fail repeatedly is disabled by GitLab, for a while or for good."""
    events = frozenset(key for key, value in entry.items() if key.endswith("_events") and value is True)
    return Hook(str(entry["id"]), entry["url"], events, entry.get("alert_status") in (None, "executable"))


@understood(HOST.title)
def _file(entry: JSON) -> ChangedFile:
    return ChangedFile(entry["new_path"], lines_shown(entry.get("diff") or ""))


@understood(HOST.title)
def _place(entry: JSON, line: int) -> dict[str, Any]:
    """The place of a line of the new file: one that did not change is named by both its numbers."""
    before = line_pairs(entry.get("diff") or "").get(line)
    paths = {"old_path": entry["old_path"], "new_path": entry["new_path"], "new_line": line}
    return paths if before is None else {**paths, "old_line": before}


@understood(HOST.title)
def _comment(note: JSON, pull: PullRequest) -> Comment:
    page = f"{pull.url}#note_{note['id']}"
    return Comment(str(note["id"]), note["body"] or "", str(note["author"]["username"]), page)
