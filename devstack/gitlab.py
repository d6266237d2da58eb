"""A small GitLab in a thread: merge requests of real bare repositories, statuses of pipelines, notes, threads on lines.

For tests. Every request and answer is checked against what GitLab's published description says of it (`gitlab_api`); what
does not match is answered with 500 and kept in `undescribed`, which tests want empty. The rules for the pipeline of a status
and for the end of a note's text are those of GitLab's source (`Ci::CreateCommitStatusService`,
`Gitlab::QuickActions::Extractor`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from devstack import gitlab_api
from devstack.described_api import Operation, Undescribed
from devstack.git_server import GitServer
from devstack.github_http import Server
from devstack.github_repositories import Repositories
from devstack.gitlab_merging import MERGING_ROUTES, MergeRequest, Merging
from devstack.in_thread import InThread

_PREFIX = "/api/v4"
_MINUTE = 60
_CALLS = 2000
_LONGEST_NOTE = 1_000_000
_LONGEST_TEXT = 255
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_EVENTS = ("push_events", "tag_push_events", "merge_requests_events")
_PROJECT = "/projects/{id}"
_REQUEST = f"{_PROJECT}/merge_requests/{{merge_request_iid}}"
_NOTED = f"{_PROJECT}/merge_requests/{{noteable_id}}"
ROUTES: dict[tuple[str, str], str] = {
    ("get", "/user"): "user",
    ("post", f"{_PROJECT}/merge_requests"): "create",
    ("get", _REQUEST): "show",
    ("get", f"{_REQUEST}/diffs"): "diffs",
    ("get", f"{_NOTED}/notes"): "notes",
    ("post", f"{_NOTED}/notes"): "add_note",
    ("put", f"{_NOTED}/notes/{{note_id}}"): "edit_note",
    ("get", f"{_NOTED}/discussions"): "discussions",
    ("post", f"{_NOTED}/discussions"): "add_discussion",
    ("post", f"{_PROJECT}/statuses/{{sha}}"): "add_status",
    ("get", f"{_PROJECT}/hooks"): "hooks",
    ("post", f"{_PROJECT}/hooks"): "add_hook",
    ("delete", f"{_PROJECT}/hooks/{{hook_id}}"): "delete_hook",
    **MERGING_ROUTES,
}
"""Method and path: the method that serves it."""
_NAMES = {"id": "project", "merge_request_iid": "iid", "noteable_id": "iid", "note_id": "note", "hook_id": "hook"}
"""What the placeholders of paths are called here."""
Answer = tuple[int, Any]


class GitLab(Merging, InThread):
    """Serves the repositories of *git* as projects of their paths, groups included; a context manager.

    *token* is the one of the user *login*; projects in `closed` let it write no status.
    """

    def __init__(self, git: GitServer, *, token: str, login: str = "hedgehog-robot") -> None:
        self.git = git
        self.repositories = Repositories(git)
        self.token = token
        self.login = login
        self.requests_by_number: dict[tuple[str, int], MergeRequest] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.closed: set[str] = set()
        self.webhooks: list[dict[str, Any]] = []
        self.signs_deliveries = True
        """Whether it knows signing tokens, as new ones do; others ignore them."""
        self._projects: list[str] = []
        self._ids = 0
        self._lock = threading.Lock()
        self._http = Server(self.answer, _PREFIX)
        super().__init__(self._http, "gitlab")

    @property
    def requests(self) -> list[str]:
        """What was asked and how it was answered: `GET /user 200`."""
        return self._http.requests

    @property
    def undescribed(self) -> list[str]:
        """Requests that GitLab's pages do not have, and failures of the stand-in; empty in a passing test."""
        return self._http.undescribed

    @property
    def server(self) -> str:
        """Its name and port."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    # What people do ---------------------------------------------------------------------------------------------------

    def open_request(
        self,
        project: str,
        branch: str,
        *,
        target: str = "main",
        fork: str | None = None,
        title: str = "A change",
        draft: bool = False,
    ) -> MergeRequest:
        """Somebody asks for *branch* (of the project *fork*, if it is one) to be merged into *target*."""
        iid = 1 + max((one.iid for one in self.requests_by_number.values() if one.project == project), default=0)
        request = MergeRequest(project, iid, fork or project, branch, target, title, draft=draft)
        self.requests_by_number[project, iid] = request
        self.synchronize(request)
        return request

    def synchronize(self, request: MergeRequest) -> str:
        """Take over what was pushed to the branch, as GitLab does automatically, and return the head."""
        source = self.git.path(request.source_project)
        head = self.repositories.git(request.source_project, "rev-parse", f"refs/heads/{request.source}")
        self.repositories.git(request.project, "fetch", "--quiet", str(source), f"+{head}:{request.ref}")
        if head not in (known for known, _ in request.versions[-1:]):
            request.versions.append((head, datetime.now(UTC)))
        return head

    def comment(self, request: MergeRequest, body: str, *, login: str = "ada", system: bool = False) -> dict[str, Any]:
        """Somebody comments on a merge request, or (*system*) GitLab says what was done to it."""
        request.notes.append(self._note(body, login, system=system))
        return request.notes[-1]

    def start_pipeline(self, project: str, sha: str, ref: str) -> dict[str, Any]:
        """A pipeline of a commit, as CI starts one."""
        made = {"id": self._id(), "project_id": self._project_id(project), "sha": sha, "ref": ref, "status": "running"}
        self.pipelines.append(made)
        return made

    # Routes -----------------------------------------------------------------------------------------------------------

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, dict[str, str], Any]:
        """The answer to one request: status, headers, body."""
        parts = urlsplit(target)
        path, query = parts.path.removeprefix(_PREFIX), dict(parse_qsl(parts.query))
        operation = gitlab_api.operation(method, path)
        if operation is None:
            raise Undescribed(f"{method} {path} is not a route of the stand-in")
        gitlab_api.check_request(operation, query, body)
        limit = {"ratelimit-limit": str(_CALLS), "ratelimit-remaining": str(_CALLS - 1)}
        limit["ratelimit-reset"] = str(int(time.time()) + _MINUTE)
        status, found = self._serve(operation, headers.get("authorization", ""), body or query)
        if isinstance(found, list):
            found, extra = self._page(parts.path, query, found)
            limit |= extra
        gitlab_api.check_answer(operation, status, found)
        return status, limit, found

    def _serve(self, operation: Operation, authorization: str, given: dict[str, Any]) -> Answer:
        values = {_NAMES.get(key, key): value for key, value in operation.values.items()}
        if authorization != f"Bearer {self.token}":
            return 401, {"message": "401 Unauthorized"}
        if "project" in values:
            values["project"] = self._project(unquote(values["project"]))
            if not values["project"]:
                return 404, {"message": "404 Project Not Found"}
        serve: Callable[[dict[str, str], dict[str, Any]], Answer]
        serve = getattr(self, f"_{ROUTES[operation.method, operation.path]}")
        return serve(values, given)

    def _user(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        return 200, {"id": 7, "username": self.login, "name": "Robot", "state": "active"}

    def _create(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        project, source = values["project"], body["source_branch"]
        if not self.repositories.has(project, f"refs/heads/{source}"):
            return 400, {"message": {"source_branch": ["does not exist"]}}
        opened = [one for one in self.requests_by_number.values() if one.project == project and one.state == "opened"]
        if any((one.source, one.target) == (source, body["target_branch"]) for one in opened):
            return 409, {"message": ["Another open merge request already exists for this source branch: !1"]}
        request = self.open_request(project, source, target=body["target_branch"], title=body["title"])
        request.description, request.author = body.get("description", ""), self.login
        return 201, self._request(request) | {"changes_count": None, "diff_refs": None}

    def _show(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        return self._with(values, lambda request: (200, self._request(request)))

    def _diffs(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        return self._with(values, lambda request: (200, self._changes(request)))

    def _notes(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        return self._with(values, lambda request: (200, list(request.notes)))

    def _add_note(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        if len(body["body"]) > _LONGEST_NOTE:
            return 400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}}
        return self._with(values, lambda request: (201, self.comment(request, body["body"], login=self.login)))

    def _edit_note(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        def edit(request: MergeRequest) -> Answer:
            for note in request.notes:
                if note["id"] == int(values["note"]) and note["author"]["username"] == self.login:
                    note["body"] = body["body"].rstrip()
                    return 200, note
            return 404, {"message": "404 Not found"}

        return self._with(values, edit)

    def _discussions(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        def threads(request: MergeRequest) -> Answer:
            return 200, [
                {"id": f"{note['id']:040x}", "individual_note": False, "notes": [note]} for note in request.notes
            ]

        return self._with(values, threads)

    def _add_discussion(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        def add(request: MergeRequest) -> Answer:
            place = body["position"]
            files = {one["new_path"]: one for one in self._changes(request)}
            file = files.get(place["new_path"], {"old_path": "", "diff": ""})
            lines = (place.get("old_line"), place["new_line"])
            refs = {key: place[key] for key in ("base_sha", "start_sha", "head_sha")}
            if (
                refs != self._refs(request)
                or place["old_path"] != file["old_path"]
                or lines not in _lines(file["diff"])
            ):
                wrong = '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'
                return 400, {"message": wrong}
            note = self._note(body["body"], self.login) | {"type": "DiffNote", "position": place}
            request.notes.append(note)
            return 201, {"id": f"{note['id']:040x}", "individual_note": False, "notes": [note]}

        return self._with(values, add)

    def _add_status(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        project, sha = values["project"], values["sha"]
        if project in self.closed:
            return 403, {"message": "403 Forbidden"}
        if not self.repositories.has(project, sha):
            return 404, {"message": "404 Commit Not Found"}
        if long := [key for key in ("description", "target_url") if len(body.get(key) or "") > _LONGEST_TEXT]:
            return 400, {"message": {key: ["is too long (maximum is 255 characters)"] for key in long}}
        pipelines = [
            one for one in self.pipelines if (one["sha"], one["project_id"]) == (sha, self._project_id(project))
        ]
        pipelines = [one for one in pipelines if body.get("ref") in (None, one["ref"])]
        pipelines = [one for one in pipelines if body.get("pipeline_id") in (None, one["id"])]
        if body.get("pipeline_id") and not pipelines:
            return 404, {"message": "404 Pipeline for pipeline_id, sha and ref Not Found"}
        pipeline = pipelines[-1] if pipelines else self.start_pipeline(project, sha, body["ref"])
        name = body.get("name") or "default"
        made = {"id": self._id(), "sha": sha, "ref": pipeline["ref"], "status": body["state"], "name": name}
        made |= {
            "pipeline_id": pipeline["id"],
            "target_url": body.get("target_url"),
            "description": body["description"],
        }
        self.statuses.append(made)
        return 201, made

    def _hooks(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        return 200, [self._hook(one) for one in self.webhooks]

    def _hook(self, hook: dict[str, Any]) -> dict[str, Any]:
        """As GitLab shows it: whether there are secrets, and none of them."""
        secrets = ("token", "signing_token")
        known = {f"{name}_present": name in hook for name in secrets} if self.signs_deliveries else {}
        return {key: value for key, value in hook.items() if key not in secrets} | known

    def _add_hook(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        events = {**dict.fromkeys(_EVENTS, False), "push_events": True}
        given = {key: value for key, value in body.items() if self.signs_deliveries or key != "signing_token"}
        self.webhooks.append({"id": self._id(), "alert_status": "executable", **events, **given})
        return 201, self._hooks(values, body)[1][-1]

    def _delete_hook(self, values: dict[str, str], body: dict[str, Any]) -> Answer:
        self.webhooks = [one for one in self.webhooks if one["id"] != int(values["hook"])]
        return 204, None

    # Answers ----------------------------------------------------------------------------------------------------------

    def _with(self, values: dict[str, str], serve: Callable[[MergeRequest], Answer]) -> Answer:
        request = self.requests_by_number.get((values["project"], int(values["iid"])))
        return (404, {"message": "404 Not found"}) if request is None else serve(request)

    def _request(self, request: MergeRequest) -> dict[str, Any]:
        head = self.repositories.git(request.project, "rev-parse", request.ref)
        pipelines = [one for one in self.pipelines if one["sha"] == head]
        return {
            "iid": request.iid,
            "project_id": self._project_id(request.project),
            "title": request.title,
            "description": request.description,
            "state": request.state,
            "draft": request.draft,
            "sha": head,
            "source_branch": request.source,
            "target_branch": request.target,
            "source_project_id": self._project_id(request.source_project),
            "target_project_id": self._project_id(request.project),
            "changes_count": str(len(self._changes(request))),
            "web_url": f"https://gitlab.example.com/{request.project}/-/merge_requests/{request.iid}",
            "diff_refs": self._refs(request) if request.is_compared else None,
            "head_pipeline": pipelines[-1] if pipelines else None,
            "author": {"username": request.author},
            "closed_by": {"username": request.closed_by} if request.closed_by else None,
        }

    def _refs(self, request: MergeRequest) -> dict[str, str]:
        base = self.repositories.git(request.project, "merge-base", f"refs/heads/{request.target}", request.ref)
        head = self.repositories.git(request.project, "rev-parse", request.ref)
        return {"base_sha": base, "start_sha": base, "head_sha": head}

    def _changes(self, request: MergeRequest) -> list[dict[str, Any]]:
        span = f"refs/heads/{request.target}...{request.ref}"
        raw = self.repositories.git(request.project, "diff", "--find-renames", "--name-status", "-z", span).split("\0")
        found = []
        while len(raw) > 1:
            letter, old = raw.pop(0), raw.pop(0)
            new = raw.pop(0) if letter[0] == "R" else old
            text = self.repositories.git(request.project, "diff", "--find-renames", span, "--", old, new)
            diff = text[text.find("@@") :] if "@@" in text else ""
            flags = {"new_file": letter == "A", "deleted_file": letter == "D", "renamed_file": letter[0] == "R"}
            found.append({"old_path": old, "new_path": new, "diff": diff, "too_large": False, **flags})
        return found

    def _note(self, body: str, login: str, *, system: bool = False) -> dict[str, Any]:
        author = {"id": 7, "username": login, "name": login}
        text = body.replace("\r", "").rstrip()
        return {"id": self._id(), "type": None, "body": text, "author": author, "system": system}

    def _page(self, path: str, query: Mapping[str, str], entries: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """https://docs.gitlab.com/api/rest/#offset-based-pagination"""
        size, page = min(int(query.get("per_page", "20")), 100), int(query.get("page", "1"))
        if page * size >= len(entries):
            return entries[(page - 1) * size :], {}
        following = urlencode({**query, "page": page + 1, "per_page": size})
        link = f'<http://{self.server}{path}?{following}>; rel="next"'
        return entries[(page - 1) * size : page * size], {"link": link}

    def _project(self, name: str) -> str:
        """The path of the project with that path or number; empty for none."""
        if name.isdigit():
            return self._projects[int(name) - 1] if 0 < int(name) <= len(self._projects) else ""
        return name if self.git.path(name).exists() else ""

    def _project_id(self, project: str) -> int:
        with self._lock:
            if project not in self._projects:
                self._projects.append(project)
            return self._projects.index(project) + 1

    def _id(self) -> int:
        with self._lock:
            self._ids += 1
            return self._ids


def _lines(diff: str) -> set[tuple[int | None, int]]:
    """Each line of the new file that a diff shows, with its number in the old file; None: it was added."""
    found: set[tuple[int | None, int]] = set()
    old = new = 0
    for line in diff.splitlines():
        if match := _HUNK.match(line):
            old, new = int(match[1]), int(match[2])
        elif line[:1] in ("+", " "):
            found.add((None if line[0] == "+" else old, new))
            new, old = new + 1, old + (line[0] == " ")
        elif line.startswith("-"):
            old += 1
    return found
