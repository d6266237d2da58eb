"""What GitLab takes as the verdict on a commit: a job of a pipeline, which "Pipelines must succeed" waits for.

Of several pipelines of one commit, the merge request's own decides (its `head_pipeline`), so that the job is added to
that one. Where there is none, GitLab makes one for the branch that the merge request comes from, which may be in a fork.
https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
"""

from __future__ import annotations

import logging
from typing import Any

from hedgehog.errors import NotFound, PermissionDenied
from hedgehog.fabric.shown import printable
from hedgehog.hosts.gitlab import HOST
from hedgehog.hosts.host import CheckResult, Conclusion, PullRequest
from hedgehog.hosts.http import JSON, JsonApi, understood
from hedgehog.hosts.reports import shortened

_LONGEST = 255
"""Characters of a description, and of an address."""
_STATES = {Conclusion.SUCCESS: "success", Conclusion.FAILURE: "failed"}
logger = logging.getLogger(__name__)


def add_pipeline_status(client: JsonApi, request: JSON, pull: PullRequest, result: CheckResult, *, name: str) -> None:
    """The status *name* of the head of *pull*, which GitLab has as *request*.

    In a fork that does not let us write statuses there is none: the comment has the verdict, and the log says so.
    """
    project, place = _place(request, pull)
    body = {
        "state": _STATES[result.conclusion],
        "name": name,
        "description": shortened(printable(result.title), _LONGEST),
        **place,
    }
    if 0 < len(result.details_url) <= _LONGEST:
        body["target_url"] = result.details_url
    try:
        client.post(f"/projects/{project}/statuses/{pull.head_sha}", body)
    except (NotFound, PermissionDenied) as error:
        if project == request.get("target_project_id"):
            raise
        logger.warning(
            "%s comes from a fork where no status can be written, so that only the comment says: %s", pull.url, error
        )


@understood(HOST.title)
def _place(request: JSON, pull: PullRequest) -> tuple[int, dict[str, Any]]:
    """The project and the pipeline of the status; a pipeline of another commit (a merged result) takes none of this one."""
    pipeline = request.get("head_pipeline") or {}
    if pipeline.get("sha") == pull.head_sha:
        project = pipeline.get("project_id") or request["source_project_id"]
        return int(project), {"ref": pipeline["ref"], "pipeline_id": pipeline["id"]}
    return int(request["source_project_id"]), {"ref": request["source_branch"]}
