"""A small GitHub in a thread: pull requests of real bare repositories, checks, statuses, comments, and outages.

For tests and the demo. Every request and every answer is checked against GitHub's own description (`github_api`): what
is not described is answered with 500 and kept in `undescribed`, which tests want empty.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from devstack import github_api
from devstack.git_server import GitServer
from devstack.github_api import Operation, Undescribed
from devstack.github_commits import CommitMaking
from devstack.github_hooks import Hooks
from devstack.github_http import Server
from devstack.github_merging import Merging, node_id
from devstack.github_repositories import Pull, Repositories
from devstack.in_thread import InThread

MOST_FILES = 3000
"""Of a pull request's files that GitHub lists."""
_LONGEST_BODY = 65_536
_PREFIX = "/api/v3"
_GRAPHQL = "/api/graphql"
_APP_TOKEN_LIFE = 3600
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Outage:
    """An answer in place of the regular one, to the next *times* requests whose `METHOD path` contains *where*."""

    status: int
    body: Any = field(default_factory=lambda: {"message": "Server Error"})
    headers: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    times: int = 1
    late: bool = False
    """What was asked for is done all the same."""


class GitHub(InThread):
    """Serves the repositories of *git* as `owner/name`; a context manager.

    *token* is the one that may do all but write checks, as the user *login*; an app (`app_id`, any key, installation
    `installation`) may write checks as well. Without a token everybody may.
    """

    def __init__(self, git: GitServer, *, token: str | None = None, login: str = "hedgehog-robot") -> None:
        self.git = git
        self.repositories = Repositories(git)
        self.token = token
        self.login = login
        self.app_id = 42
        self.installation = 4242
        self.pulls: dict[tuple[str, int], Pull] = {}
        self.checks: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.reviews: list[dict[str, Any]] = []
        self.hooks = Hooks()
        self.merging = Merging(self.repositories, self.pulls, self._pull, lambda: self._full_user("user"))
        self.commits = CommitMaking(self.repositories, self.merging)
        self.outages: list[Outage] = []
        self.listed_files = MOST_FILES
        self._app_tokens: dict[str, float] = {}
        self._ids = 0
        self._lock = threading.Lock()
        self._http = Server(self.answer, _PREFIX)
        super().__init__(self._http, "github")

    @property
    def requests(self) -> list[str]:
        """What was asked and how it was answered: `GET /repos/o/r/pulls/1 200`."""
        return self._http.requests

    @property
    def undescribed(self) -> list[str]:
        """Requests and answers that GitHub's description does not have, and failures of the stand-in; empty in a passing test."""
        return self._http.undescribed

    @property
    def url(self) -> str:
        """The API's base URL, as of GitHub Enterprise."""
        return f"http://127.0.0.1:{self._http.server_address[1]}{_PREFIX}"

    # What people do ---------------------------------------------------------------------------------------------------

    def open_pull(
        self,
        repository: str,
        branch: str,
        *,
        base: str = "main",
        fork: str | None = None,
        title: str = "A change",
        draft: bool = False,
    ) -> Pull:
        """Open a pull request that asks to merge *branch* (of the repository *fork*, if it is one) into *base*."""
        number = 1 + max((pull.number for pull in self.pulls.values() if pull.repository == repository), default=0)
        pull = Pull(repository, number, fork or repository, branch, base, title, draft)
        self.pulls[repository.lower(), number] = pull
        self.synchronize(pull)
        return pull

    def synchronize(self, pull: Pull) -> str:
        """Take over what was pushed to the pull request's branch, as GitHub does automatically, and return the head."""
        source = self.git.path(pull.head_repository)
        head = self.repositories.git(pull.head_repository, "rev-parse", f"refs/heads/{pull.head}")
        self.repositories.git(pull.repository, "fetch", "--quiet", str(source), f"+{head}:refs/pull/{pull.number}/head")
        return head

    def fork(self, repository: str, name: str) -> str:
        """A fork of *repository* as *name*; somebody may push to it."""
        self.git.create(name)
        self.repositories.git(name, "fetch", "--quiet", str(self.git.path(repository)), "+refs/heads/*:refs/heads/*")
        self.repositories.git(name, "config", "uploadpack.allowAnySHA1InWant", "true")
        return name

    def comment(self, pull: Pull, body: str, *, login: str = "ada") -> dict[str, Any]:
        """Somebody comments on a pull request."""
        written = self._comment(pull, body, {"login": login, "type": "User"}, None)
        pull.comments.append(written)
        return written

    # Routes -----------------------------------------------------------------------------------------------------------

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, dict[str, str], Any]:
        """The answer to one request: status, headers, body."""
        parts = urlsplit(target)
        path, query = parts.path.removeprefix(_PREFIX), dict(parse_qsl(parts.query))
        outage = self._outage(f"{method} {path}")
        if path == _GRAPHQL:
            return self._graphql(headers.get("authorization", ""), body, outage)
        operation = github_api.operation(method, path)
        if operation is None:
            raise Undescribed(f"{method} {path} is not a route of the stand-in")
        if outage is not None:
            return outage.status, dict(outage.headers), outage.body
        github_api.check_request(operation, query, body)
        who = self._who(operation.path, headers.get("authorization", ""))
        if who is None:
            return 401, {}, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
        status, found = self._route(operation, query, body or {}, who)
        found, extra = self._page(parts.path, query, found) if isinstance(found, list) else (found, {})
        found = github_api.complete(operation, status, found)
        github_api.check_answer(operation, status, found)
        tag = f'W/"{hashlib.sha256(json.dumps([found, who], sort_keys=True).encode()).hexdigest()[:32]}"'
        if method == "GET" and headers.get("if-none-match") == tag:
            return 304, {"etag": tag}, None
        return status, {**extra, **({"etag": tag} if method == "GET" else {})}, found

    def _graphql(self, authorization: str, body: Any, outage: Outage | None) -> tuple[int, dict[str, str], Any]:
        who = self._who("", authorization)
        status, found = (401, {"message": "Bad credentials"}) if who is None else (200, None)
        if who is not None and (outage is None or outage.late):
            status, found = self.commits.answer(body, self._user(who)["login"])
        return (status, {}, found) if outage is None else (outage.status, dict(outage.headers), outage.body)

    def _route(self, operation: Operation, query: Mapping[str, str], body: dict[str, Any], who: str) -> Answer:
        name = operation.path.removeprefix("/repos/{owner}/{repo}")
        key = f"{operation.method} {name}"
        if key in ("get /rate_limit", "get /user", "post /app/installations/{installation_id}/access_tokens"):
            return self._own(key, operation, who)
        repository = f"{operation.values['owner']}/{operation.values['repo']}".lower()
        if not self.git.path(repository).exists():
            return 404, {"message": "Not Found"}
        routes: dict[str, Callable[..., Answer]] = {
            "post /check-runs": self._create_check,
            "patch /check-runs/{check_run_id}": self._update_check,
            "post /statuses/{sha}": self._status,
            "patch /issues/comments/{comment_id}": self._edit_comment,
            "get /contents/{path}": lambda name, values, asked, *_: self.repositories.content(
                name, values["path"], asked["ref"]
            ),
            "post /pulls": self._create_pull,
            "get /hooks": self.hooks.list,
            "post /hooks": self.hooks.put,
            "patch /hooks/{hook_id}": self.hooks.put,
        }
        if key in routes:
            return routes[key](repository, operation.values, query, body, who)
        if key in (others := self.merging.routes(repository, operation.values, query)):
            return others[key]()
        number = operation.values.get("pull_number") or operation.values["issue_number"]
        pull = self.pulls.get((repository, int(number)))
        if pull is None:
            return 404, {"message": "Not Found"}
        return self._of_pull(key, pull, body, who)

    def _of_pull(self, key: str, pull: Pull, body: dict[str, Any], who: str) -> Answer:
        routes: dict[str, Callable[[], Answer]] = {
            "get /pulls/{pull_number}": lambda: (200, self._pull(pull)),
            "get /pulls/{pull_number}/files": lambda: (200, self.repositories.files(pull)[: self.listed_files]),
            "get /pulls/{pull_number}/comments": lambda: (200, pull.review_comments),
            "post /pulls/{pull_number}/reviews": lambda: self._review(pull, body, who),
            "get /issues/{issue_number}/comments": lambda: (200, pull.comments),
            "post /issues/{issue_number}/comments": lambda: self._add_comment(pull, body, who),
            **self.merging.routes_of(pull, body),
        }
        return routes[key]()

    def _add_comment(self, pull: Pull, body: dict[str, Any], who: str) -> Answer:
        if len(body["body"]) > _LONGEST_BODY:
            return 422, _invalid("IssueComment", "body", "is too long (maximum is 65536 characters)")
        pull.comments.append(self._comment(pull, body["body"], self._user(who), self._app(who)))
        return 201, pull.comments[-1]

    def _own(self, key: str, operation: Operation, who: str) -> Answer:
        if key == "get /rate_limit":
            window = {"limit": 5000, "remaining": 4999, "reset": int(time.time()) + 3600, "used": 1}
            return 200, {"resources": {"core": window, "search": window}, "rate": window}
        if key == "get /user":
            if who == "app":
                return 403, {"message": "Resource not accessible by integration"}
            return 200, {"login": self.login, "id": 7, "type": "User", "user_view_type": "public"}
        if int(operation.values["installation_id"]) != self.installation:
            return 404, {"message": "Not Found"}
        token = f"ghs_{len(self._app_tokens):036}"
        self._app_tokens[token] = time.monotonic() + _APP_TOKEN_LIFE
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _APP_TOKEN_LIFE))
        return 201, {"token": token, "expires_at": expires}

    def _create_check(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> Answer:
        if self.token is not None and who != "app":
            return 403, {"message": "You must authenticate via a GitHub App."}
        if not self.repositories.has(repository, body["head_sha"]):
            return 422, _invalid("CheckRun", "head_sha", "No commit found for SHA")
        check = {"id": self._id(), "repository": repository, "conclusion": None, **body, "seen": [body["status"]]}
        check["annotations"] = list(body["output"].get("annotations", ()))
        self.checks.append(check)
        return 201, self._check(check)

    def _update_check(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> Answer:
        check = next((one for one in self.checks if one["id"] == int(values["check_run_id"])), None)
        if check is None:
            return 404, {"message": "Not Found"}
        check["annotations"] += body["output"].get("annotations", ())
        check["seen"].append(body["status"])
        check.update(body)
        return 200, self._check(check)

    def _create_pull(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> Answer:
        if not self.repositories.has(repository, f"refs/heads/{body['head']}"):
            return 422, _invalid("PullRequest", "head", "is invalid")
        pull = self.open_pull(repository, body["head"], base=body["base"], title=body["title"])
        pull.body, pull.author = body.get("body", ""), self._user(who)["login"]
        return 201, self._pull(pull)

    def _status(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> Answer:
        if len(body.get("description") or "") > 140:
            return 422, _invalid("Status", "description", "is too long (maximum is 140 characters)")
        if not self.repositories.has(repository, values["sha"]):
            return 422, _invalid("Status", "sha", "No commit found for SHA")
        self.statuses.append({"id": self._id(), "repository": repository, "sha": values["sha"], **body})
        return 201, {key: value for key, value in self.statuses[-1].items() if key not in ("repository", "sha")}

    def _edit_comment(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> Answer:
        if len(body["body"]) > _LONGEST_BODY:
            return 422, _invalid("IssueComment", "body", "is too long (maximum is 65536 characters)")
        for pull in self.pulls.values():
            for comment in pull.comments:
                if comment["id"] == int(values["comment_id"]) and pull.repository == repository:
                    comment["body"] = body["body"]
                    return 200, comment
        return 404, {"message": "Not Found"}

    def _review(self, pull: Pull, body: dict[str, Any], who: str) -> Answer:
        shown = {entry["filename"]: entry["_lines"] for entry in self.repositories.files(pull, lines=True)}
        for comment in body.get("comments", ()):
            if comment["line"] not in shown.get(comment["path"], ()):
                return 422, {
                    "message": "Unprocessable Entity",
                    "errors": ["Pull request review thread line must be part of the diff"],
                }
        self.reviews.append(body)
        for comment in body.get("comments", ()):
            page = f"{self._page_of(pull)}#discussion"
            made = {"id": self._id(), "user": self._full_user(who), "html_url": page, **comment}
            pull.review_comments.append(made)
        return 200, {"id": self._id(), "user": self._full_user(who), "body": "", "state": "COMMENTED"}

    # Answers ----------------------------------------------------------------------------------------------------------

    def _pull(self, pull: Pull) -> dict[str, Any]:
        head = self.repositories.git(pull.repository, "rev-parse", f"refs/pull/{pull.number}/head")
        base = self.repositories.git(pull.repository, "rev-parse", f"refs/heads/{pull.base}")
        own, other = (self._full_repository(name) for name in (pull.repository, pull.head_repository))
        user = self._full_user("user")
        return {
            "number": pull.number,
            "title": pull.title,
            "state": pull.state,
            "draft": pull.draft,
            "merged": pull.merged,
            "mergeable": True,
            "mergeable_state": self.merging.state(pull),
            "node_id": node_id(pull),
            "body": pull.body,
            "changed_files": len(self.repositories.files(pull)),
            "html_url": self._page_of(pull),
            "user": {**user, "login": pull.author},
            "author_association": "MEMBER",
            "head": {"label": pull.head, "ref": pull.head, "sha": head, "repo": other, "user": user},
            "base": {"label": pull.base, "ref": pull.base, "sha": base, "repo": own, "user": user},
        }

    def _comment(self, pull: Pull, body: str, user: dict[str, Any], app: dict[str, Any] | None) -> dict[str, Any]:
        number = self._id()
        url = f"{self._page_of(pull)}#issuecomment-{number}"
        full = github_api.complete(Operation("get", "/user", {}), 200, {"id": 8, "user_view_type": "public", **user})
        made = {"id": number, "body": body, "html_url": url, "user": {key: full[key] for key in full if key != "plan"}}
        return {**made, "performed_via_github_app": app, "author_association": "MEMBER"}

    def _check(self, check: Mapping[str, Any]) -> dict[str, Any]:
        output = {**check["output"], "annotations_count": len(check["annotations"])}
        output.pop("annotations", None)
        known = ("id", "name", "head_sha", "status", "conclusion", "external_id", "details_url", "completed_at")
        return {
            **{key: check[key] for key in known if key in check},
            "output": {"text": None, "annotations_url": self.url, **output},
        }

    def _full_user(self, who: str) -> dict[str, Any]:
        return {**self._user(who), "id": 7}

    def _user(self, who: str) -> dict[str, Any]:
        return {"login": "hedgehog[bot]", "type": "Bot"} if who == "app" else {"login": self.login, "type": "User"}

    def _app(self, who: str) -> dict[str, Any] | None:
        if who != "app":
            return None
        permissions = {"checks": "write", "pull_requests": "write"}
        owner = {"login": "acme", "id": 1, "type": "User"}
        return {"id": self.app_id, "slug": "hedgehog", "name": "Hedgehog", "owner": owner, "permissions": permissions}

    def _full_repository(self, name: str) -> dict[str, Any]:
        owner, _, short = name.partition("/")
        user = {**self._full_user("user"), "login": owner}
        return {"id": 1, "name": short, "full_name": name, "owner": user, "default_branch": "main"}

    def _page_of(self, pull: Pull) -> str:
        return f"https://github.example.com/{pull.repository}/pull/{pull.number}"

    def _page(self, path: str, query: Mapping[str, str], entries: list[Any]) -> tuple[list[Any], dict[str, str]]:
        size, page = min(int(query.get("per_page", "30")), 100), int(query.get("page", "1"))
        part = entries[(page - 1) * size : page * size]
        if page * size >= len(entries):
            return part, {}
        following = urlencode({**query, "page": page + 1})
        return part, {"link": f'<{self.url.removesuffix(_PREFIX)}{path}?{following}>; rel="next"'}

    # Who and what -----------------------------------------------------------------------------------------------------

    def _who(self, path: str, authorization: str) -> str | None:
        """`app` or `user`; None when the login is missing or wrong."""
        scheme, _, secret = authorization.partition(" ")
        if path.startswith("/app/"):
            return "app" if scheme == "Bearer" and secret.count(".") == 2 else None
        if secret in self._app_tokens:
            return "app" if self._app_tokens[secret] > time.monotonic() else None
        return "user" if self.token is None or secret == self.token else None

    def _outage(self, request: str) -> Outage | None:
        with self._lock:
            for index, outage in enumerate(self.outages):
                if outage.where in request:
                    left = outage.times - 1
                    self.outages[index : index + 1] = [replace(outage, times=left)] if left else []
                    return outage
        return None

    def _id(self) -> int:
        with self._lock:
            self._ids += 1
            return self._ids


def _invalid(resource: str, field: str, message: str) -> dict[str, Any]:
    error = {"resource": resource, "field": field, "code": "custom", "message": message}
    return {"message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.github.com/rest"}
