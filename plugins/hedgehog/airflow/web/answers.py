"""From what the services found to what the API answers: the same, with the pages of Git hosts and of Airflow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hedgehog.airflow.links import commit_page, directory_page, file_page, pull_page
from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.fabric import Fabric, SyncEvent
from hedgehog.airflow.web.models.objects import ObjectDetail
from hedgehog.airflow.web.models.places import PullRequest
from hedgehog.fabric.model import GitRepository
from hedgehog.services.browse.paging import Paged
from hedgehog.services.browse.runs import run_of

Row = dict[str, Any]


def run_page(dag_id: str, run_id: str) -> str:
    """The page of a DAG run, relative to Airflow's base URL."""
    return f"dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _file_page(repository: GitRepository | None, path: str | None) -> str | None:
    """Where a file of a fabric can be read, whatever its object's record is called."""
    return None if repository is None or path is None else file_page(repository, path.partition("//")[0])


def fabric_answer(found: Row) -> Fabric:
    """The overview of a fabric, with its repository."""
    repository: GitRepository | None = found["repository"]
    return Fabric.model_validate({**found, "repository": _repository(repository, found["directory"])})


def _repository(repository: GitRepository | None, directory: str) -> Row | None:
    if repository is None:
        return None
    return {
        "name": repository.name,
        "url": repository.url,
        "branch": repository.branch,
        "directory": directory,
        "web_url": directory_page(repository, directory),
    }


def object_answer(found: Row) -> ObjectDetail:
    """An object, with the page of its file in Git and the DAGs of its events."""
    git = found["git"]
    if git is not None:
        git = {**git, "path": found["path"], "url": _file_page(found["repository"], found["path"])}
    events = [{**one, **run_of(one["run_id"])} for one in found["events"]]
    return ObjectDetail.model_validate({**found, "git": git, "events": events})


def timeline_answer(found: Paged) -> Page[SyncEvent]:
    """Syncs, with the pages of their commits."""
    items = [
        {
            **one,
            "at": one["finished_at"],
            "commit": one["commit_id"],
            "commit_url": _commit_page(one["repository"], one["commit_id"]),
            **run_of(one["run_id"]),
        }
        for one in found.items
    ]
    return Page[SyncEvent].model_validate({"items": items, "next_cursor": found.next_cursor})


def _commit_page(repository: GitRepository | None, commit: str | None) -> str | None:
    return commit_page(repository, commit) if repository is not None and commit else None


def pull_requests_answer(found: Paged) -> Page[PullRequest]:
    """Pull requests, with their pages."""
    items = [{**one, "url": pull_page(one["url"], one["host"], one["number"])} for one in found.items]
    return Page[PullRequest].model_validate({"items": items, "next_cursor": found.next_cursor})
