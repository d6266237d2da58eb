"""Which type of host each repository is at, noted where links are made without reading a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from hedgehog.fabric.model import GitRepository
from hedgehog.store import fabrics
from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

HostName = Callable[[GitRepository], str]
"""From a repository to the name of its type of host, as its connection says."""


def note_hosts(connection: Connection, names: Collection[str], host_name: HostName) -> None:
    """Note the hosts of the repositories *names*. Where a connection cannot be read, what was known of it stays."""
    for repository in fabrics.load_repositories(connection):
        if repository.name not in names:
            continue
        try:
            found = host_name(repository)
        except Exception as error:  # a secrets backend may raise anything: the other repositories have theirs noted
            logger.warning("the host of %s is not known: %s", repository.name, type(error).__name__)
        else:
            fabrics.note_host(connection, repository, found)
