"""Which fabrics live in the repository of a pull request: by its exact name, on one host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.gitops.addresses import RepositoryAddress

_GITHUB = "github.com"
_NAME = re.compile(r"[a-z0-9._:-]+(?:/[a-z0-9._-]+){1,22}")
"""A host, up to twenty nested groups (GitLab's limit), and a name; at least one group and a name."""


def parse_repository(text: str) -> str:
    """*text*, which names a repository, in lower case: GitHub does not distinguish names by case.

    It is `owner/name` or `host/owner/name`; where groups are nested, with all of them. Raises InvalidInput for anything
    else.
    """
    if not _NAME.fullmatch(text.lower()):
        raise InvalidInput(f"{text!r} names no repository; write owner/name, or host/owner/name")
    return text.lower()


def is_called(url: str, repository: str) -> bool:
    """Whether the repository at *url* is the one that a parsed name means, be it with or without its host.

    The first part of a name may be a host or a group, so that both are tried.
    """
    name = repository_name(url)
    return repository in (name, name.partition("/")[2])


def repository_name(url: str) -> str:
    """`host/owner/name` of the repository that a clone URL (https, ssh, scp-like) names."""
    address = RepositoryAddress.of(url)
    port = f":{address.port}" if address.port and not address.over_ssh else ""
    return f"{address.host}{port}/{address.path}".lower()


def fabrics_in(fabrics: Iterable[Fabric], repository: str) -> list[tuple[GitRepository, Fabric]]:
    """The fabrics whose repository it is, and the row each is in.

    A name without a host means the one on github.com, or else the only one there is. Raises InvalidInput where it fits
    several other hosts.
    """
    wanted = parse_repository(repository)
    found: dict[str, list[tuple[GitRepository, Fabric]]] = {}
    for fabric in fabrics:
        row = fabric.git_repository
        if row is not None and is_called(row.url, wanted):
            found.setdefault(repository_name(row.url), []).append((row, fabric))
    for name in (wanted, f"{_GITHUB}/{wanted}"):
        if name in found:
            return found[name]
    if len(found) > 1:
        raise InvalidInput(f"{repository} is on several hosts; say which: {', '.join(sorted(found))}")
    return next(iter(found.values()), [])
