"""The URL of a repository, parsed strictly and in one place: what other programs might read differently is refused.

git, curl, ssh and Python each read unusual URLs in their own way, and URLs are typed by people. Here a URL has one
meaning, or is refused; `GitUrl.parse` is the only way from text to its parts.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from hedgehog.errors import InvalidInput

_WORD = re.compile(r"[^\s'\"]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# Blanks, control characters and what ends a path early (?, #) or is a separator to some (\).
_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f-\xa0\\?#<>\"'`{}|^\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ADVICE = "use https://host/path, ssh://git@host/path, git@host:path or file:///path"


@dataclass(frozen=True, slots=True)
class GitUrl:
    """Where a repository is and how it is reached. `transport` is https, http, ssh or file; `port` None is the default.

    `path` is as written, with its leading "/" unless the URL is scp-like (`git@host:path`).
    """

    transport: str
    host: str
    path: str
    port: int | None = None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> GitUrl:
        """The parts of *url*. Raises InvalidInput, without repeating a login, for anything that is not clearly a URL."""
        shown = _without_secrets(url)
        if _FORBIDDEN.search(url):
            raise InvalidInput(f"{shown!r} is not the URL of a Git repository: a character is not allowed; {_ADVICE}")
        scheme = _SCHEME.match(url)
        try:
            return _of_scheme(scheme[1], url[scheme.end() :]) if scheme else _scp_like(url)
        except ValueError as error:
            raise InvalidInput(f"{shown!r} is not the URL of a Git repository: {error}; {_ADVICE}") from None

    @property
    def has_login(self) -> bool:
        """Whether it contains a credential. A user name may be a token, except with ssh, which always has a user."""
        return self.password is not None or (self.user is not None and self.transport != "ssh")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is certainly this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def is_ambiguous(branch: str) -> bool:
    """Whether *branch* stands for another branch (HEAD), or is a full name: a host would create a second one of it."""
    return branch in ("HEAD", "@") or branch.startswith("refs/")


def without_login(text: str) -> str:
    """*text* with the user info of every URL in it replaced; the plain user "git" stays. Linear in its length."""
    return _WORD.sub(lambda word: _word_without_login(word[0]), text)


def _without_secrets(text: str) -> str:
    """Text that is not a URL, without anything that may have been meant as a login or token, however it is spelled."""
    place, cut, _ = re.sub(r"[?#].*", "?", text, flags=re.DOTALL).partition("?")
    login, at, rest = place.rpartition("@")
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\\\]+", login)
    before = scheme[0] if scheme else ""
    if at and login.removeprefix(before) != "git":
        place = f"{before}***@{rest}"
    return f"{place}?***" if cut else place


def _word_without_login(word: str) -> str:
    before, separator, rest = word.partition("://")
    # Up to the last "@": a password may hold an unescaped "/" or "@".
    login, at, after = rest.rpartition("@")
    return word if not separator or not at or login == "git" else f"{before}://***@{after}"


def _of_scheme(scheme: str, rest: str) -> GitUrl:
    if scheme not in ("https", "http", "ssh", "file"):
        lower = scheme.lower() in ("https", "http", "ssh", "file")
        raise ValueError("the scheme must be in lower case" if lower else f"{scheme[:20]} is not supported")
    place, slash, path = rest.partition("/")
    path = slash + path
    _check_path(path)
    if scheme == "file":
        if place not in ("", "localhost") or len(path) < 2:
            raise ValueError("file:// needs the full path of a directory of this machine")
        return GitUrl(scheme, "", path)
    if scheme != "ssh" and "@" in path:  # after a password with "/" in it, which ends the host too early
        return GitUrl(scheme, "", path, user=rest.rpartition("@")[0])
    login, at, place = place.rpartition("@")
    user, colon, password = login.partition(":")
    host, port = _host_and_port(place)
    if scheme == "ssh":
        _check_ssh(user if at else None, path.removeprefix("/"))
    return GitUrl(scheme, host, path, port, user if at else None, password if colon else None)


def _scp_like(url: str) -> GitUrl:
    place, colon, path = url.partition(":")
    user, at, host = place.rpartition("@")
    if not at or not colon or not _HOST.fullmatch(host):
        raise ValueError("it has no scheme")
    if not path or path.startswith((":", "//")):
        raise ValueError("the path is missing")
    _check_path(path)
    _check_ssh(user, path.removeprefix("/"))
    return GitUrl("ssh", host.lower(), path, user=user)


def _check_path(path: str) -> None:
    """Refuse what some programs resolve before they send it and others do not, and what no server should see."""
    plain = unquote(path)
    if _CONTROL.search(plain):
        raise ValueError("the path has a control character")
    if not {".", ".."}.isdisjoint(plain.split("/")):
        raise ValueError("the path has a part '.' or '..'")
    if re.search(r"%(?![0-9A-Fa-f]{2})", path) or re.search("%2f|%5c", path, re.IGNORECASE):
        raise ValueError("the path has a '%' that does not encode a character, or encodes a separator")


def _check_ssh(user: str | None, path: str) -> None:
    """Refuse what would be an option: both become arguments of programs."""
    if user is not None and not _USER.fullmatch(user.partition(":")[0]):
        raise ValueError("the user name is not valid")
    if unquote(path).startswith("-"):
        raise ValueError("the path begins with '-'")


def _host_and_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        literal, closed, port = place[1:].partition("]")
        if not closed or (port and not port.startswith(":")) or "%" in literal:
            raise ValueError("the host is not an IPv6 address in brackets")
        return str(ipaddress.IPv6Address(literal)), _port(port.removeprefix(":"))
    host, _, port = place.partition(":")
    if not _HOST.fullmatch(host):
        raise ValueError("it names no host" if not host else "the host is neither a name nor an address")
    return host.lower(), _port(port)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 2**16:
        raise ValueError("the port is not a number from 1 to 65535")
    return int(text)
