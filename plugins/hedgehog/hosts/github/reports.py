"""Publishing what was found: a check with annotations, or a commit status with review comments; and one comment that is
kept up to date.

Only an app may write checks; with a token the same is published as a commit status, for which every token will do.
The conclusion is success or failure, never neutral: a required check that is neutral lets a merge through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hedgehog.fabric.shown import printable
from hedgehog.hosts.github.markdown import quoted
from hedgehog.hosts.github.pulls import PullRequest, Repository

CHECK_NAME = "Hedgehog fabrics"
"""The name of the check, and the context of the status: what a branch protection rule requires."""
ANNOTATIONS_PER_REQUEST = 50
MOST_ANNOTATIONS = 500
"""Ten requests; the rest is in the comment and in the task's log."""
MOST_REVIEW_COMMENTS = 30
"""New ones per push: each is a notification to people."""
LONGEST_COMMENT = 65_536
LONGEST_SUMMARY = 65_535
_LONGEST_STATUS = 140
_LONGEST_TITLE = 255
_LONGEST_MESSAGE = 60_000
_END_OF_FOLD = "\n</details>"

COMMENT_MARK = "<!-- hedgehog-on-airflow: fabrics of this pull request -->"
"""Begins the one comment, invisibly."""
_NOTE_MARK = "<!-- hedgehog-on-airflow: note {digest} -->"


class Conclusion(StrEnum):
    """How a check ended. What could not be verified is a failure."""

    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on one line of one file of the head commit."""

    path: str
    line: int
    title: str
    message: str
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is to be published about one head commit."""

    conclusion: Conclusion
    title: str
    summary: str
    """In full length; it is shortened to what GitHub takes."""
    notes: Sequence[Note] = ()
    details_url: str = ""
    ending: str = " …"
    """What ends a summary that had to be shortened."""
    needs_comment: bool = True
    """Whether a pull request without our comment gets one."""


def publish(repository: Repository, pull: PullRequest, result: CheckResult) -> str | None:
    """Publish *result* on *pull*, and return the page of our comment, if it has one.

    The check comes first, because merges wait for it; then the lines; then the comment.
    """
    if repository.client.credentials.is_app:
        write_check(repository, pull, result)
    else:
        write_status(repository, pull, result)
        write_review(repository, pull, result.notes)
    room = LONGEST_COMMENT - len(COMMENT_MARK) - 1
    text = shortened(result.summary, room, result.ending)
    return write_comment(repository, pull, text, only_update=not result.needs_comment)


def write_check(repository: Repository, pull: PullRequest, result: CheckResult, *, now: datetime | None = None) -> None:
    """A check run on the head of *pull*, with all annotations before it is called completed.

    Should this process die in between, the check stays in progress, and a rule that requires it holds the merge.
    """
    completed_at = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = {"status": "completed", "conclusion": result.conclusion.value, "completed_at": completed_at}
    annotations = [_annotation(note) for note in result.notes[:MOST_ANNOTATIONS]]
    starts = range(0, max(len(annotations), 1), ANNOTATIONS_PER_REQUEST)
    parts = [annotations[start : start + ANNOTATIONS_PER_REQUEST] for start in starts]
    body: dict[str, Any] = {"name": CHECK_NAME, "head_sha": pull.head_sha, "external_id": f"pull/{pull.number}"}
    if result.details_url:
        body["details_url"] = result.details_url
    first = done if len(parts) == 1 else {"status": "in_progress"}
    run = repository.client.post(
        f"{repository.path}/check-runs", {**body, **first, "output": _output(result, parts[0])}
    )
    for number, part in enumerate(parts[1:], start=2):
        state = done if number == len(parts) else {"status": "in_progress"}
        change = {**state, "output": _output(result, part)}
        repository.client.patch(f"{repository.path}/check-runs/{run['id']}", change)


def write_status(repository: Repository, pull: PullRequest, result: CheckResult) -> None:
    """A commit status on the head of *pull*."""
    body = {
        "state": result.conclusion.value,
        "context": CHECK_NAME,
        "description": shortened(printable(result.title), _LONGEST_STATUS),
    }
    if result.details_url:
        body["target_url"] = result.details_url
    repository.client.post(f"{repository.path}/statuses/{pull.head_sha}", body)


def write_review(repository: Repository, pull: PullRequest, notes: Sequence[Note]) -> int:
    """One review with a comment for each of *notes* whose line the diff shows; return how many were new.

    A note that was published for an earlier push is not repeated: GitHub moves its comment, or folds it as outdated.
    """
    if not notes:
        return 0
    shown = {file.path: file.lines for file in repository.files(pull)}
    path = f"{repository.path}/pulls/{pull.number}"
    known = list(repository.client.pages(f"{path}/comments"))
    is_ours = _is_ours_at(repository) if known else _never_ours
    published = {(comment.get("body") or "").rpartition("\n")[2] for comment in known if is_ours(comment)}
    wanted = {_mark(note): note for note in notes if note.line in shown.get(note.path, ())}
    comments = [
        {"path": note.path, "line": note.line, "side": "RIGHT", "body": _body(note, mark)}
        for mark, note in wanted.items()
        if mark not in published
    ][:MOST_REVIEW_COMMENTS]
    if comments:
        body = {"commit_id": pull.head_sha, "event": "COMMENT", "comments": comments}
        repository.client.post(f"{path}/reviews", body)
    return len(comments)


def write_comment(repository: Repository, pull: PullRequest, text: str, *, only_update: bool = False) -> str | None:
    """Make our one comment on *pull* say *text*, and return its page.

    The comment is known by its mark and by who wrote it, so that nobody else's is ever overwritten; equal text is not
    written again. With *only_update* a pull request without our comment gets none. The caller shortens *text*.
    """
    body = f"{COMMENT_MARK}\n{text}"
    path = f"{repository.path}/issues"
    is_ours: _IsOurs | None = None
    for comment in repository.client.pages(f"{path}/{pull.number}/comments"):
        if not (comment.get("body") or "").startswith(COMMENT_MARK):
            continue
        is_ours = is_ours or _is_ours_at(repository)
        if is_ours(comment):
            if comment["body"].replace("\r\n", "\n") != body:
                repository.client.patch(f"{path}/comments/{comment['id']}", {"body": body})
            return str(comment["html_url"])
    if only_update:
        return None
    return str(repository.client.post(f"{path}/{pull.number}/comments", {"body": body})["html_url"])


def shortened(text: str, limit: int, more: str = " …") -> str:
    """*text*, cut at the end of a line (or of a word, if it is one line) so that it fits with *more* behind it.

    A `<details>` that is open there is closed, or *more* would be hidden in it.
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - len(more) - len(_END_OF_FOLD)]
    end = max(cut.rfind("\n"), 0) or max(cut.rfind(" "), 0) or len(cut)
    cut = cut[:end]
    return cut + (_END_OF_FOLD if cut.count("<details>") > cut.count("</details>") else "") + more


_IsOurs = Callable[[dict[str, Any]], bool]


def _is_ours_at(repository: Repository) -> _IsOurs:
    """Whether a comment is ours: anybody can copy the mark, so that its author counts."""
    credentials = repository.client.credentials
    if credentials.is_app:
        app_id = credentials.app_id
        return lambda comment: str((comment.get("performed_via_github_app") or {}).get("id")) == app_id
    login = repository.client.get("/user")["login"]
    return lambda comment: (comment.get("user") or {}).get("login") == login


def _never_ours(comment: dict[str, Any]) -> bool:
    return False


def _body(note: Note, mark: str) -> str:
    """A review comment: its texts come from the pull request."""
    message = shortened(quoted(note.message), _LONGEST_MESSAGE)
    return f"**{quoted(note.title)}**\n\n{message}\n\n{mark}"


def _output(result: CheckResult, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    summary = shortened(result.summary, LONGEST_SUMMARY, result.ending)
    return {"title": shortened(printable(result.title), _LONGEST_TITLE), "summary": summary, "annotations": annotations}


def _annotation(note: Note) -> dict[str, Any]:
    return {
        "path": note.path,
        "start_line": note.line,
        "end_line": note.line,
        "annotation_level": "failure" if note.is_error else "warning",
        "title": shortened(printable(note.title), _LONGEST_TITLE),
        "message": shortened(printable(note.message), _LONGEST_MESSAGE),
    }


def _mark(note: Note) -> str:
    """What identifies a note across pushes; not its line, which moves."""
    text = "\0".join((note.path, note.title, note.message))
    return _NOTE_MARK.format(digest=hashlib.sha256(text.encode()).hexdigest()[:16])
