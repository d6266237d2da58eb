"""One Gitea with SQLite in a directory of its own, its users and their tokens."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from devstack.airflow import free_port
from devstack.cluster import build

ADMIN = "gitea-admin"
_SECONDS_TO_START = 180.0
_PAGES = Path(__file__).parent / "pages"
"""What is added to Gitea's pages."""
_CONFIGURATION = """\
APP_NAME = Gitea of the Hedgehog demo
RUN_MODE = prod
WORK_PATH = {directory}
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {static}
[database]
DB_TYPE = sqlite3
PATH = {directory}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
INTERNAL_TOKEN = {internal}
PASSWORD_HASH_ALGO = pbkdf2$1$32
MIN_PASSWORD_LENGTH = 8
[oauth2]
ENABLED = false
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[repository]
DEFAULT_BRANCH = main
ROOT = {directory}/repositories
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = false
[packages]
ENABLED = false
[log]
MODE = file
LEVEL = Warn
ROOT_PATH = {directory}/log
"""
"""Nothing of it leaves the machine, and hooks may reach Airflow on the same one."""


class GiteaRefused(RuntimeError):
    """Gitea answered with an error; `status` is its number."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Gitea:
    """A context manager; a later start on the same *directory* finds the same repositories at the same port."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}
        self._passwords: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The root of its pages; the API is below `/api/v1`."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Gitea:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers; the first time with an administrator and a token. May build it first."""
        self._binary = build("gitea")
        self.directory.mkdir(parents=True, exist_ok=True)
        kept = self.directory / "kept.json"
        if kept.exists():
            self.port, self._tokens, self._passwords = json.loads(kept.read_text())
        else:
            self._install()
            self._tokens = {ADMIN: self._administrator()}
            kept.touch(mode=0o600)
            self._keep()
        self.token = self._tokens[ADMIN]
        pages = self.directory / "custom" / "templates" / "custom"
        shutil.copytree(_PAGES, pages, dirs_exist_ok=True)
        log = (self.directory / "stdout").open("ab")
        self._process = subprocess.Popen(
            [*self._command(), "web"],
            stdout=log,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
        log.close()
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it; its data stay."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # What people do ---------------------------------------------------------------------------------------------------

    def user(self, name: str) -> str:
        """The token of the user *name*, who is created if need be."""
        if name not in self._tokens:
            email = f"{name}@example.com"
            password = secrets.token_hex(10)
            account = {"username": name, "email": email, "password": password, "must_change_password": False}
            self.call("POST", "/admin/users", account)
            self._tokens[name] = self._run(
                "admin",
                "user",
                "generate-access-token",
                "--raw",
                "--username",
                name,
                "--token-name",
                "t",
                "--scopes",
                "all",
            )
            self._passwords[name] = password
            self._keep()
        return self._tokens[name]

    def password(self, name: str) -> str:
        """With which the user *name*, who is created if need be, logs in on the pages."""
        self.user(name)
        return self._passwords[name]

    def _keep(self) -> None:
        (self.directory / "kept.json").write_text(json.dumps([self.port, self._tokens, self._passwords]))

    def trust_key(self, user: str, public_key: str) -> None:
        """An SSH key of *user* that counts for commits, as if the user had proven it on Gitea's page: no API does that."""
        self.user(user)
        made = self.call("POST", "/user/keys", {"title": f"key {secrets.token_hex(4)}", "key": public_key}, by=user)
        with closing(sqlite3.connect(self.directory / "gitea.db", timeout=60)) as database, database:
            database.execute("UPDATE public_key SET verified = 1 WHERE id = ?", (made["id"],))

    def create(self, full_name: str, *writers: str) -> str:
        """The repository `owner/name` of the user `owner`, with a README on `main`, to which *writers* may push; its URL.

        Of an empty repository, Gitea's API answers some questions with 500 until it has processed the first push.
        """
        owner, _, name = full_name.partition("/")
        self.user(owner)
        self.call("POST", "/user/repos", {"name": name, "default_branch": "main", "auto_init": True}, by=owner)
        for writer in writers:
            self.user(writer)
            self.call("PUT", f"/repos/{full_name}/collaborators/{writer}", {"permission": "write"}, by=owner)
        return self.clone_url(full_name)

    def clone_url(self, full_name: str, by: str = "") -> str:
        """The URL of a repository; with *by* the login of that user is in it, as people do who work in a test."""
        login = f"{by}:{self.user(by)}@" if by else ""
        return f"http://{login}127.0.0.1:{self.port}/{full_name}.git"

    def call(self, method: str, path: str, body: Any = None, *, by: str = ADMIN) -> Any:
        """A request to the API as the user *by*. Raises GiteaRefused."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", None if body is None else json.dumps(body).encode(), method=method
        )
        request.add_header("Authorization", f"token {self._tokens[by]}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise GiteaRefused(error.code, f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    # Installation -----------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        self.port = free_port()
        values = {"secret": secrets.token_hex(32), "internal": secrets.token_hex(32)}
        text = _CONFIGURATION.format(directory=self.directory, port=self.port, static=self._binary.parent, **values)
        file = self.directory / "app.ini"
        file.touch(mode=0o600)
        file.write_text(text)
        self._run("migrate")

    def _administrator(self) -> str:
        """Create the administrator and return the token."""
        account = ("--username", ADMIN, "--email", f"{ADMIN}@example.com", "--random-password")
        self._run("admin", "user", "create", "--admin", "--must-change-password=false", *account)
        token = ("--raw", "--username", ADMIN, "--token-name", "t", "--scopes", "all")
        return self._run("admin", "user", "generate-access-token", *token)

    def _command(self) -> list[str]:
        return [str(self._binary), "--config", str(self.directory / "app.ini"), "--work-path", str(self.directory)]

    def _run(self, *arguments: str) -> str:
        """A command of Gitea's own, and the last line that it printed: warnings come before it."""
        done = subprocess.run(
            [*self._command(), *arguments], capture_output=True, text=True, check=False, env=_environment()
        )
        if done.returncode:
            raise RuntimeError(f"gitea {' '.join(arguments[:3])}: {done.stderr or done.stdout}")
        return done.stdout.strip().rpartition("\n")[2]

    def _wait(self) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"gitea ended with status {self._process.returncode}; see {self.directory}/stdout")
            try:
                self.call("GET", "/version")
                return
            except (OSError, GiteaRefused):
                time.sleep(0.1)
        raise RuntimeError(f"gitea did not answer within {_SECONDS_TO_START:g} s; see {self.directory}/stdout")


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITEA_", "GIT_"))}
    return {**kept, "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": "true"}
