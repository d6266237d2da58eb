"""Compares URLs: a repository has several, because a host serves it over HTTPS and SSH, and SSH has two notations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from urllib.parse import unquote

from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import GitUrl

_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_ALIASES = {
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
_WITHOUT_CASE = frozenset(
    {"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitea.com", "dev.azure.com", "ssh.dev.azure.com"}
)
"""Hosts where `Acme/Net` and `acme/net` are one repository. Of a server of one's own that is not known."""
_GITHUB_ENTERPRISE = ".ghe.com"


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

        User names, a trailing `.git` or `/`, and default ports do not matter. Text that is not a URL gives an address
        that equals only itself.
        """
        try:
            parts = GitUrl.parse(url)
        except InvalidInput:
            return cls("", url, False, None)
        port = None if parts.port == _DEFAULT_PORTS.get(parts.transport) else parts.port
        return cls._made(parts.host, unquote(parts.path), parts.transport == "ssh", port)

    @classmethod
    def _made(cls, host: str, path: str, over_ssh: bool, port: int | None) -> RepositoryAddress:
        if host in _ALIASES:
            host, port = _ALIASES[host], None
        path = "/".join(part for part in path.split("/") if part).removesuffix(".git").rstrip("/")
        ignores_case = host in _WITHOUT_CASE or host.endswith(_GITHUB_ENTERPRISE)
        return cls(host, path.lower() if ignores_case else path, over_ssh, port)

    def names(self, other: RepositoryAddress) -> bool:
        """Whether both name one repository. Ports count within one transport; across transports they always differ."""
        same_place = (self.host, self.path) == (other.host, other.path)
        return same_place and (self.over_ssh != other.over_ssh or self.port == other.port)


def same_repository(one: str, other: str) -> bool:
    """Whether two URLs name one repository, host included."""
    return _address(one).names(_address(other))


_address = functools.lru_cache(maxsize=10_000)(RepositoryAddress.of)
"""A fleet names few repositories, and each fabric of each is compared with all."""
