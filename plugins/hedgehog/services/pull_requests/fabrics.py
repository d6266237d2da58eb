"""Which fabrics live in the repository of a pull request: by its exact name, on one host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.gitops.addresses import RepositoryAddress

_GITHUB = "github.com"
_NAME = re.compile(r"(?:(?P<host>[a-z0-9][a-z0-9.:-]*)/)?(?P<full_name>[a-z0-9._-]+/[a-z0-9._-]+)")


def parse_repository(text: str) -> tuple[str | None, str]:
    """Host (None: not given) and `owner/name` of `owner/name` or `host/owner/name`, in lower case: GitHub does
    not distinguish names by case. Raises InvalidInput for anything else.
    """
    match = _NAME.fullmatch(text.lower())
    if match is None:
        raise InvalidInput(f"{text!r} names no repository; write owner/name, or host/owner/name")
    return match["host"], match["full_name"]


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
    host, full_name = parse_repository(repository)
    found: dict[str, list[tuple[GitRepository, Fabric]]] = {}
    for fabric in fabrics:
        row = fabric.git_repository
        if row is None:
            continue
        its_host, _, its_name = repository_name(row.url).partition("/")
        if its_name == full_name and host in (None, its_host):
            found.setdefault(its_host, []).append((row, fabric))
    if _GITHUB in found:
        return found[_GITHUB]
    if len(found) > 1:
        names = ", ".join(f"{one}/{full_name}" for one in sorted(found))
        raise InvalidInput(f"{repository} is on several hosts; say which: {names}")
    return next(iter(found.values()), [])
