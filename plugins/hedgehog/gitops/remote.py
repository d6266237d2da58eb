"""The only module that starts `git`: with a closed environment, credentials that leave no trace, and a time limit.

A repository or host must not be able to run code here or see a secret of another repository: there is
no system or user configuration, no hooks, no credential helpers, no prompts, no redirects, one allowed transport.

A token travels as `http.<url>.extraHeader` in git's environment (`GIT_CONFIG_COUNT`), not by GIT_ASKPASS: it saves the
round trip of the refused first request, needs no helper file on disk, and git sends it to that URL only. It is in no
URL, argument list or configuration file; redirects are off, because git would send the header to their target.
"""

from __future__ import annotations

import base64
import math
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import pygit2

from hedgehog.errors import InvalidInput, NotFound, RemoteUnavailable
from hedgehog.fabric.git_urls import GitUrl, is_ambiguous, without_login
from hedgehog.gitops import failures
from hedgehog.gitops.private_files import key_text, private_directory, secret_file
from hedgehog.gitops.signing import OpenPGPKey, SigningKey

CALL_TIMEOUT = 480.0
"""Seconds that a git process may take by default: enough to clone gigabytes, and less than the limit of a task."""
PATIENCE = 60.0
"""Seconds without progress after which a git process that talks to a host is stopped."""
_LOOK_EVERY = 1.0
# They print their progress; other commands work on the clone and are silent until they end.
_OVER_THE_WIRE = frozenset({"ls-remote", "fetch", "push"})

# Proxy and certificate settings of the machine are needed to reach any host at all; nothing else is passed on.
_PASSED_ON = (
    "PATH", "TMPDIR", "https_proxy", "HTTPS_PROXY", "http_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE",
)  # fmt: skip

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_SHORTEST_SECRET = 4
_DEFAULT_USER = "x-access-token"


@dataclass(frozen=True, slots=True)
class GitCredentials:
    """The credentials of one repository: a token (or password) over HTTPS, or a private key over SSH.

    The key is given as text or as the path of its file and must not need a passphrase. Without `known_hosts`, the first
    key that a host presents is trusted and kept.
    """

    username: str | None = None
    token: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    private_key_path: str | None = None
    known_hosts: str | None = field(default=None, repr=False)
    signing_key: SigningKey | OpenPGPKey | None = None
    """Signs our commits to this repository."""
    signed_by_host: bool = False
    """The host makes and signs them: no commit of ours is pushed."""

    def header(self) -> str | None:
        """The HTTP header that carries user name and token, if there is a token."""
        if not self.token:
            return None
        pair = f"{self.username or _DEFAULT_USER}:{self.token}"
        return "Authorization: Basic " + base64.b64encode(pair.encode()).decode()

    def redact(self, text: str) -> str:
        """*text* without the token, in any of its forms, and without user info in URLs."""
        header = self.header()
        secrets = [self.token, quote(self.token, safe=""), header.split()[-1]] if self.token and header else []
        for secret in secrets:
            if secret and len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return without_login(text)


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a git process; both texts are redacted."""

    code: int
    out: str
    error: str


@dataclass(frozen=True, slots=True)
class Remote:
    """One branch of one repository on a Git host, with its credentials.

    Raises InvalidInput for a URL that carries a credential, a transport that is not https, ssh or file (plain http only
    to this machine, unless *allow_plain_http*), or a branch name git would not take.
    """

    url: str
    branch: str
    credentials: GitCredentials = GitCredentials()
    allow_plain_http: bool = False
    timeout: float = CALL_TIMEOUT
    patience: float = PATIENCE
    transport: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "transport", _transport(self.url, allow_plain_http=self.allow_plain_http))
        if not _is_reference(self.ref) or self.branch.startswith("-") or is_ambiguous(self.branch):
            raise InvalidInput(
                f"{self.branch!r} is not a branch name; correct the repository's branch: write its short name, like "
                "main"
            )

    @property
    def ref(self) -> str:
        """The full name of the branch at the host."""
        return f"refs/heads/{self.branch}"

    def __str__(self) -> str:
        return f"{self.credentials.redact(self.url)} ({self.branch})"

    def call(self, arguments: Sequence[str], *, state: Path, repository: Path | None = None) -> str:
        """Run git and return what it printed; a failure raises the error that matches its text."""
        done = self.run(arguments, state=state, repository=repository)
        if done.code != 0:
            raise failures.call_failed(done.error, f"git {arguments[0]} {self}")
        return done.out

    def check_protocol(self, *, state: Path) -> None:
        """Verify that an answer of no branches comes from a Git host: git takes many web pages for empty repositories."""
        if self.transport in ("http", "https"):
            done = self.run(["ls-remote", self.url, self.ref], state=state, traced=True)
            if done.code == 0 and "packet:" not in done.error:
                raise RemoteUnavailable(f"git ls-remote {self}: {failures.NO_GIT_HOST}")

    def run(
        self,
        arguments: Sequence[str],
        *,
        state: Path,
        repository: Path | None = None,
        stdin: bytes = b"",
        traced: bool = False,
        settings: Mapping[str, str] = _NO_SETTINGS,
    ) -> Completed:
        """Run git in *repository* and wait; its process group is killed on a timeout or without progress.

        *state* is our directory for files that the call needs: a private key while it runs, and the kept host keys.
        *settings* are more of git's, for this call only.
        *traced* adds the protocol messages to the error text. Raises RemoteUnavailable on a timeout, DiskUnavailable if
        *state* cannot be used; the caller checks the exit code.
        """
        git = shutil.which("git")
        if git is None:
            raise NotFound("git is not installed on this worker; install git 2.31 or newer")
        command = [git, *([f"--git-dir={repository}"] if repository else []), *arguments]
        try:
            with private_directory(state, abandoned_after=2 * self.timeout) as home:
                environment = self._environment(home, state, settings) | ({"GIT_TRACE_PACKET": "1"} if traced else {})
                # A file, not a pipe: writing to a pipe cannot be continued after a check of the time.
                given = home / "stdin"
                given.write_bytes(stdin)
                with (
                    given.open("rb") as source,
                    subprocess.Popen(
                        command,
                        cwd=home,
                        env=environment,
                        stdin=source,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        start_new_session=True,
                    ) as process,
                ):
                    out, error = self._watched(process, arguments[0])
        except OSError as trouble:
            raise failures.disk_failed(trouble, state, f"git {arguments[0]} {self}") from trouble
        if process.returncode < 0:
            error += f"\ngit died of signal {-process.returncode}".encode()
        texts = [
            self.credentials.redact(raw.decode(errors="replace")) for raw in (out, failures.without_progress(error))
        ]
        return Completed(process.returncode, *texts)

    def _watched(self, process: subprocess.Popen[bytes], verb: str) -> tuple[bytes, bytes]:
        """What the process printed. Any output counts as progress."""
        doing = f"git {verb} {self}"
        started = moved = time.monotonic()
        seen = 0
        try:
            while True:
                try:
                    return process.communicate(timeout=min(_LOOK_EVERY, self.timeout))
                except subprocess.TimeoutExpired as late:
                    size, now = len(late.stdout or b"") + len(late.stderr or b""), time.monotonic()
                if size > seen:
                    seen, moved = size, now
                if now - started >= self.timeout:
                    raise RemoteUnavailable(
                        f"{doing}: no end after {self.timeout:g} s; raise [hedgehog] git_timeout if it needs longer"
                    )
                if verb in _OVER_THE_WIRE and now - moved >= self.patience:
                    raise RemoteUnavailable(f"{doing}: no progress for {self.patience:g} s")
        finally:
            if process.poll() is None:
                _kill_group(process)

    def _environment(self, home: Path, state: Path, more: Mapping[str, str]) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            "HOME": str(home),
            "LANG": "C",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CEILING_DIRECTORIES": str(home.parent),
        }
        settings = {**self._settings(), **more}
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        if self.transport == "ssh":
            environment["GIT_SSH_COMMAND"] = shlex.join(_ssh_command(self.credentials, home, state))
        return environment

    def _settings(self) -> Mapping[str, str]:
        settings = {
            "core.hooksPath": os.devnull,
            "core.fsmonitor": "false",
            "credential.helper": "",
            "protocol.allow": "never",
            f"protocol.{self.transport}.allow": "always",
            # Nothing is checked out, so unusual trees do no harm: each file is checked when it is read.
            "fetch.fsckObjects": "false",
            "fetch.recurseSubmodules": "false",
            "http.followRedirects": "false",
            # A host that counts objects sends a few bytes now and then; only silence ends the call.
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(math.ceil(self.patience)),
            # The mirror does maintenance: a detached gc would outlive the call and its lock.
            "gc.auto": "0",
            "gc.autoDetach": "false",
            "maintenance.auto": "false",
            # A mirror is a cache that is recreated if damaged: waiting for the disk has no benefit.
            "core.fsync": "none",
            # Files have a few hundred bytes: better compression takes more time than it saves. A window of one still finds
            # the last version of the file, and of the directory.
            "pack.compression": "1",
            "pack.window": "1",
        }
        header = self.credentials.header()
        if header and self.transport in ("https", "http"):
            settings[f"http.{self.url}.extraHeader"] = header
        return settings


def _is_reference(name: str) -> bool:
    try:
        return bool(pygit2.reference_is_valid_name(name))
    except ValueError:  # text that cannot be passed to git: half a surrogate pair
        return False


def _transport(url: str, *, allow_plain_http: bool) -> str:
    parts = GitUrl.parse(url)
    shown = without_login(url)
    if parts.has_login:
        raise InvalidInput(f"{shown}: the URL carries a credential; put it into the repository's connection")
    if parts.transport == "http" and not (allow_plain_http or parts.is_loopback):
        raise InvalidInput(f"{shown}: plain http would show the token on the wire; use https")
    return parts.transport


def _ssh_command(credentials: GitCredentials, home: Path, state: Path) -> list[str]:
    command = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
    command += ["-o", "ServerAliveInterval=15", "-o", f"GlobalKnownHostsFile={os.devnull}"]
    # Keys of the local user, or of an SSH agent, are not used.
    command += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "IdentityFile=none"]
    command += ["-o", "PreferredAuthentications=publickey"]
    if credentials.known_hosts:
        known_hosts = secret_file(home / "known_hosts", credentials.known_hosts)
        command += ["-o", "StrictHostKeyChecking=yes", "-o", f'UserKnownHostsFile="{known_hosts}"']
    else:
        command += ["-o", "StrictHostKeyChecking=accept-new", "-o", f'UserKnownHostsFile="{state / "known_hosts"}"']
    if credentials.private_key or credentials.private_key_path:
        key = secret_file(home / "key", key_text(credentials.private_key, credentials.private_key_path))
        command += ["-i", str(key)]
    return command


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
