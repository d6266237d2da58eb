"""What GitHub takes as the verdict on a commit: a check with annotations, or a commit status.

Only an app may write checks; with a token the same is published as a commit status, for which every token will do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hedgehog.fabric.shown import printable
from hedgehog.hosts.github.client import Client
from hedgehog.hosts.host import CheckResult, Note, PullRequest
from hedgehog.hosts.reports import LONGEST_MESSAGE, shortened

ANNOTATIONS_PER_REQUEST = 50
MOST_ANNOTATIONS = 500
"""Ten requests; the rest is in the comment and in the task's log."""
LONGEST_SUMMARY = 65_535
_LONGEST_STATUS = 140
_LONGEST_TITLE = 255


def write_check(
    client: Client, path: str, pull: PullRequest, result: CheckResult, *, name: str, now: datetime | None = None
) -> None:
    """A check run on the head of *pull* in the repository at *path*, with all annotations before it is completed.

    Should this process die in between, the check stays in progress, and a rule that requires it holds the merge.
    """
    completed_at = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = {"status": "completed", "conclusion": result.conclusion.value, "completed_at": completed_at}
    annotations = [_annotation(note) for note in result.notes[:MOST_ANNOTATIONS]]
    starts = range(0, max(len(annotations), 1), ANNOTATIONS_PER_REQUEST)
    parts = [annotations[start : start + ANNOTATIONS_PER_REQUEST] for start in starts]
    subject = pull.git_ref if pull.is_queued else f"pull/{pull.number}"
    body: dict[str, Any] = {"name": name, "head_sha": pull.head_sha, "external_id": subject}
    if result.details_url:
        body["details_url"] = result.details_url
    first = done if len(parts) == 1 else {"status": "in_progress"}
    run = client.post(f"{path}/check-runs", {**body, **first, "output": _output(result, parts[0])})
    for number, part in enumerate(parts[1:], start=2):
        state = done if number == len(parts) else {"status": "in_progress"}
        change = {**state, "output": _output(result, part)}
        client.patch(f"{path}/check-runs/{run['id']}", change)


def write_status(client: Client, path: str, pull: PullRequest, result: CheckResult, *, name: str) -> None:
    """A commit status on the head of *pull* in the repository at *path*."""
    body = {
        "state": result.conclusion.value,
        "context": name,
        "description": shortened(printable(result.title), _LONGEST_STATUS),
    }
    if result.details_url:
        body["target_url"] = result.details_url
    client.post(f"{path}/statuses/{pull.head_sha}", body)


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
        "message": shortened(printable(note.message), LONGEST_MESSAGE),
    }
