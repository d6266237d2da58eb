"""Which directories of a branch belong to which fabric."""

from __future__ import annotations

from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.addresses import same_repository
from hedgehog.store import repository_heads
from hedgehog.store.database import Connection


def neighbours(connection: Connection, repository: GitRepository) -> dict[str, str]:
    """The directories of all fabrics on this branch of *repository*, by name, including fabrics whose sync is off and those
    whose row spells the URL differently."""
    return {
        name: directory
        for name, url, branch, directory in repository_heads.directories(connection)
        if branch == repository.branch and (url == repository.url or same_repository(url, repository.url))
    }
