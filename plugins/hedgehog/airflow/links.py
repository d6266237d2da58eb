"""Buttons on a task: its fabric and its object on our pages, and its commit and its fabric's directory on the Git host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink

from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import GitUrl

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from hedgehog.fabric.model import GitRepository, ObjectRef


def web_page(url: str) -> str | None:
    """The web page of a repository, or None where its URL has none (a local path)."""
    try:
        parts = GitUrl.parse(url)
    except InvalidInput:
        return None
    if parts.transport not in ("https", "http", "ssh") or not parts.host:
        return None
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = f":{parts.port}" if parts.port and parts.transport != "ssh" else ""
    scheme = "http" if parts.transport == "http" else "https"
    return f"{scheme}://{host}{port}/{parts.path.strip('/').removesuffix('.git')}"


def commit_page(repository: GitRepository, commit: str) -> str | None:
    """Where a commit can be read (GitHub, GitLab and Gitea share the form)."""
    page = web_page(repository.url)
    return page and f"{page}/commit/{commit}"


def directory_page(repository: GitRepository, directory: str) -> str | None:
    """Where a fabric's directory can be read."""
    page = web_page(repository.url)
    return page and f"{page}/tree/{quote(repository.branch)}/{quote(directory)}"


def fabric_page(fabrics: Sequence[str]) -> str:
    """Our page of the fabric, or of the fleet for several; relative to Airflow's base, which only browsers know."""
    return f"plugin/hedgehog/fabrics/{quote(fabrics[0], safe='')}" if len(fabrics) == 1 else "plugin/hedgehog"


def page_of_object(fabric: str, ref: ObjectRef) -> str:
    """Our page of an object; relative as `fabric_page`."""
    return "/".join(
        [fabric_page([fabric]), "objects", *(quote(part, safe="") for part in (ref.kind, ref.namespace, ref.name))]
    )


class PageLink(BaseOperatorLink):
    """The fabric of the task on our pages."""

    name = "Fabric"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked in the task's own process, after it ran; an empty link shows no button."""
        return getattr(operator, "page_link", None) or ""


class ObjectLink(BaseOperatorLink):
    """The one object that the task changed in a fabric, on our pages."""

    name = "Object"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked in the task's own process, after it ran; an empty link shows no button."""
        return getattr(operator, "object_link", None) or ""


class CommitLink(BaseOperatorLink):
    """The last commit that the task pushed."""

    name = "Commit"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked in the task's own process, after it ran; an empty link shows no button."""
        return getattr(operator, "commit_link", None) or ""


class FabricLink(BaseOperatorLink):
    """The directory of the (first) fabric of the task in Git."""

    name = "Fabric in Git"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked in the task's own process, after it ran; an empty link shows no button."""
        return getattr(operator, "fabric_link", None) or ""
