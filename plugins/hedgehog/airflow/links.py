"""Buttons on a task: its fabric and its object on our pages, and its commit and its fabric's directory on the Git host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink

from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import GitUrl
from hedgehog.hosts.registry import host_type, host_types

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from hedgehog.fabric.model import GitRepository, ObjectRef
    from hedgehog.hosts.pages import Pages


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
    """Where a commit can be read."""
    return _page_below(repository.url, repository.host, lambda pages: pages.commit(commit))


def directory_page(repository: GitRepository, directory: str) -> str | None:
    """Where a fabric's directory can be read."""
    return _page_below(repository.url, repository.host, lambda pages: pages.directory(repository.branch, directory))


def file_page(repository: GitRepository, path: str) -> str | None:
    """Where a file of a fabric can be read."""
    return _page_below(repository.url, repository.host, lambda pages: pages.file(repository.branch, path))


def pull_page(url: str, host: str | None, number: int) -> str | None:
    """Where a pull request of the repository at *url* can be read."""
    return _page_below(url, host, lambda pages: pages.pull(number))


def _page_below(url: str, host: str | None, path_of: Callable[[Pages], str]) -> str | None:
    """The page of a repository at a host of the type *host*, or else of the one that its server's name tells.

    None where no pages of the host are known.
    """
    page = web_page(url)
    if page is None:
        return None
    of = host_types().get(host) if host else host_type(GitUrl.parse(url).host)
    path = path_of(of.pages) if of is not None and of.pages is not None else ""
    return f"{page}/{path}" if path else None


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
