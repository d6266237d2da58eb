"""A Git host in a thread: smart HTTP around `git http-backend`, plain pages, users, hooks and outages on demand.

For tests, the demo and benchmarks. It listens on 127.0.0.1 only and keeps whole requests in memory.
"""

from __future__ import annotations

import base64
import binascii
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devstack import http_server
from devstack.git_pages import page
from devstack.in_thread import InThread

_MAX_BODY = 256 * 1024 * 1024


class GitServer(InThread):
    """Serves the bare repositories `<root>/<name>.git`; a context manager.

    *users* maps user names to passwords or tokens; without users everybody may read and write. Set `outage` to an HTTP
    status and every request is answered with it, until it is None again. `requests` has what was asked, in order.
    """

    def __init__(self, root: Path, users: Mapping[str, str] | None = None, *, port: int = 0) -> None:
        self.root = root
        self.users = dict(users or {})
        self.outage: int | None = None
        self.requests: list[str] = []
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.owner = self
        super().__init__(self._http, "git-server")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    def url(self, name: str) -> str:
        """The clone URL of repository *name*."""
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def path(self, name: str) -> Path:
        """The bare repository on disk."""
        return self.root / f"{name}.git"

    def create(self, name: str, *, branch: str = "main") -> Path:
        """Create the empty repository *name* and return its path; an existing one is kept."""
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            command = ["git", "init", "--quiet", "--bare", _PLAIN, f"--initial-branch={branch}", str(path)]
            subprocess.run(command, check=True, env=_environment())
            (path / "hooks").mkdir()
            # Partial clones, as the large hosts offer them.
            filtering = ["git", "-C", str(path), "config", "uploadpack.allowFilter", "true"]
            subprocess.run(filtering, check=True, env=_environment())
        return path


_PLAIN = "--template="
"""Without git's examples of hooks, which are most of the files of a new repository."""
PROTOCOL = ""
"""Of git, `version=0` for example, whatever clients ask for; empty: theirs."""
_RACES = 5
_LOST_RACE = (b"fetch first", b"non-fast-forward", b"cannot lock ref", b"incorrect old value")
"""What git says when the branch has moved since it was fetched."""


class Person:
    """Somebody who works on a repository with plain git, in a working tree at *directory*."""

    def __init__(self, directory: Path, url: str, *, branch: str = "main", name: str = "Ada") -> None:
        self.directory = directory
        self.branch = branch
        self._environment = _environment() | {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": f"{name.lower()}@example.com",
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": f"{name.lower()}@example.com",
        }
        directory.mkdir(parents=True)
        self.git("init", "--quiet", _PLAIN, f"--initial-branch={branch}")
        self.git("remote", "add", "origin", url)

    def git(self, *arguments: str) -> str:
        """Run git in the working tree and return what it printed; raises CalledProcessError."""
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=self.directory, env=self._environment, check=True, capture_output=True)
        return done.stdout.decode()

    def pull(self) -> None:
        """Update the working tree to the branch; an empty repository has none."""
        there = f"refs/remotes/origin/{self.branch}"
        self.git("fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*")
        if self.git("for-each-ref", there):
            self.git("reset", "--quiet", "--hard", there)

    def commit(self, files: Mapping[str, str | None], message: str = "Edit a file") -> str:
        """Pull, write (None: remove) the files, commit, push, and return the commit; again if somebody pushed meanwhile."""
        for _ in range(_RACES):
            try:
                return self._commit(files, message)
            except subprocess.CalledProcessError as error:
                if not any(words in error.stderr for words in _LOST_RACE):
                    raise
        return self._commit(files, message)

    def _commit(self, files: Mapping[str, str | None], message: str) -> str:
        self.pull()
        for path, content in files.items():
            target = self.directory / path
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        return self.publish(message)

    def publish(self, message: str = "Edit a file") -> str:
        """Commit and push everything in the working tree, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", f"HEAD:{self.branch}")
        return self.git("rev-parse", "HEAD").strip()


class _Server(http_server.Server):
    owner: GitServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave together: the two small writes would otherwise wait 40 ms for a delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Advertise refs, serve an object, or show a page."""
        shown = page(self.server.owner.root, urlsplit(self.path).path, _environment())
        if shown is None:
            self._serve(b"")
        else:
            self._answer(200, {"Content-Type": "text/html; charset=utf-8"}, shown.encode())

    def do_POST(self) -> None:
        """Receive a pack, or send one."""
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: `GitServer.requests` is the log."""

    def _serve(self, body: bytes) -> None:
        owner = self.server.owner
        owner.requests.append(f"{self.command} {self.path}")
        if owner.outage is not None:
            self._answer(owner.outage, {}, b"out of order\n")
            return
        user = self._user()
        if user is None:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"authentication required\n")
            return
        environment = self._cgi(user, len(body))
        done = subprocess.run([_backend()], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line)
        status = int(headers.pop("Status", "200" if done.returncode == 0 else "500").split()[0])
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _user(self) -> str | None:
        """The authenticated user, "anonymous" on an open server, None when the login is missing or wrong."""
        users = self.server.owner.users
        if not users:
            return "anonymous"
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        try:
            name, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return name if scheme == "Basic" and name in users and users[name] == password else None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _MAX_BODY))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _cgi(self, user: str, length: int) -> dict[str, str]:
        parts = urlsplit(self.path)
        return _environment() | {
            "GIT_PROJECT_ROOT": str(self.server.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": PROTOCOL or self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": user,
            "REMOTE_ADDR": self.client_address[0],
        }


@cache
def _backend() -> str:
    """git's CGI program, which `git http-backend` would start as a second process."""
    where = subprocess.run(["git", "--exec-path"], env=_environment(), check=True, capture_output=True, text=True)
    return str(Path(where.stdout.strip(), "git-http-backend"))


def _environment() -> dict[str, str]:
    """Without the developer's own Git settings; every user that may log in may push, and delete any branch."""
    settings = {
        "http.receivepack": "true",
        "safe.directory": "*",
        "receive.denyDeleteCurrent": "ignore",
        # These repositories stay small: no process has to look whether there is anything to pack.
        "receive.autogc": "false",
        "maintenance.auto": "false",
    }
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        **keys,
        **values,
    }
