"""Whether two URLs name one repository. A host offers the same one over HTTPS and SSH, and SSH has two spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]+):(?!//)(?P<path>\S+)")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_ALIASES = {"ssh.github.com": "github.com", "www.github.com": "github.com"}
_WITHOUT_CASE = frozenset({"github.com"})
"""Hosts where `Acme/Net` and `acme/net` are one repository."""


@dataclass(frozen=True, slots=True)
class RepositoryAddress:
    """Where a repository is: host and path; `port` is None for the usual one of the transport."""

    host: str
    path: str
    over_ssh: bool
    port: int | None

    @classmethod
    def of(cls, url: str) -> RepositoryAddress:
        """The address of an https, http, ssh, file or scp-like (`git@host:owner/name.git`) URL.

        User names, a trailing `.git` or `/`, and default ports do not matter. Text that is no URL is an address that
        equals only itself.
        """
        scp_like = _SCP_LIKE.fullmatch(url)
        if scp_like and "://" not in url:
            return cls._made(scp_like["host"], scp_like["path"], over_ssh=True, port=None)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return cls("", url, False, None)
        usual = _DEFAULT_PORTS.get(parts.scheme)
        over_ssh = parts.scheme == "ssh"
        return cls._made(parts.hostname or "", unquote(parts.path), over_ssh, None if port == usual else port)

    @classmethod
    def _made(cls, host: str, path: str, over_ssh: bool, port: int | None) -> RepositoryAddress:
        host = host.lower()
        if host in _ALIASES:
            host, port = _ALIASES[host], None
        path = path.strip("/").removesuffix(".git").rstrip("/")
        return cls(host, path.lower() if host in _WITHOUT_CASE else path, over_ssh, port)

    def names(self, other: RepositoryAddress) -> bool:
        """Whether both name one repository. Ports count within one transport; across transports they always differ."""
        same_place = (self.host, self.path) == (other.host, other.path)
        return same_place and (self.over_ssh != other.over_ssh or self.port == other.port)


def same_repository(one: str, other: str) -> bool:
    """Whether two URLs name one repository, host included."""
    return RepositoryAddress.of(one).names(RepositoryAddress.of(other))
