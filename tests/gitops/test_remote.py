"""git runs in a closed environment, and no secret leaves it."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
from pathlib import Path

import pytest

from devstack.git_server import GitServer
from hedgehog.errors import AuthenticationFailed, InvalidInput, RemoteUnavailable
from hedgehog.gitops.commit import build, push
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from tests.gitops.conftest import AUTHOR
from tests.waiting import until

REAL = os.environ["PATH"]
TOKEN = "canary/token+4711="


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o/r.git",
        "ssh://git@github.com/o/r.git",
        "git@github.com:o/r.git",
        "file:///srv/r.git",
        "http://127.0.0.1:8080/r.git",
        "http://localhost/r.git",
    ],
)
def test_these_transports_are_accepted(url: str) -> None:
    """https, ssh, and what stays on this machine."""
    assert Remote(url, "main").url == url


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{TOKEN}@github.com/o/r.git",
        f"https://{TOKEN.replace('/', '')}@github.com/o/r.git",
        f"ssh://git:{TOKEN.replace('/', '')}@github.com/o/r.git",
        f"HTTPS://user:{TOKEN.replace('/', '')}@github.com/o/r.git",
        "http://git.example.com/r.git",
        "http://127.attacker.example/r.git",
        "-oProxyCommand=touch@h:p",
        "git@-h:p",
        "git@h:-p",
        "git://git.example.com/r.git",
        "ext::sh -c touch% /tmp/pwned",
        "--upload-pack=touch /tmp/pwned",
        "ssh://-oProxyCommand=touch/r",
        "/srv/r.git",
        "https:///r.git",
        "https://github.com/o/r .git",
        "",
    ],
)
def test_other_urls_are_refused_without_repeating_a_secret(url: str) -> None:
    """A URL must not carry a credential, run a program, or show a token on the wire."""
    with pytest.raises(InvalidInput) as refusal:
        Remote(url, "main")
    assert "4711" not in str(refusal.value)


def test_plain_http_can_be_allowed() -> None:
    """Where an operator has said so."""
    assert Remote("http://git.example.com/r.git", "main", allow_plain_http=True).branch == "main"


@pytest.mark.parametrize(
    "branch", ["", "-f", "\ud800", "a..b", "a b", "a.lock", "HEAD^", "a:b", "/a", "HEAD", "refs/heads/main"]
)
def test_an_invalid_branch_name_is_refused(branch: str) -> None:
    """It becomes part of an argument."""
    with pytest.raises(InvalidInput, match="branch"):
        Remote("https://github.com/o/r.git", branch)


def test_credentials_are_not_in_their_repr() -> None:
    """Neither in repr nor in text that passes the redaction."""
    credentials = GitCredentials(username="u", token=TOKEN, private_key="PRIVATE KEY canary")
    header = credentials.header() or ""
    assert "canary" not in repr(credentials)
    text = f"{TOKEN} {header} https://u:{TOKEN}@h/r canary%2Ftoken%2B4711%3D https://someone@h/r git@h:r"
    redacted = credentials.redact(text)
    assert "canary" not in redacted
    assert header.split()[-1] not in redacted
    assert redacted.endswith("https://***@h/r git@h:r")


@pytest.fixture
def watched_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every git process on this machine's PATH leaves its arguments here."""
    log = tmp_path / "argv.log"
    directory = tmp_path / "bin"
    directory.mkdir()
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    wrapper = directory / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return log


def test_a_token_is_in_no_argument_file_log_or_error(
    tmp_path: Path, watched_git: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The canary is looked for everywhere after a push, a fetch and a refusal."""
    caplog.set_level(logging.DEBUG)
    with GitServer(tmp_path / "host", {"robot": TOKEN}) as host:
        host.create("net")
        good = Mirror(tmp_path / "cache", Remote(host.url("net"), "main", GitCredentials("robot", TOKEN)))
        commit = build(good, None, {"a.yaml": b"a: 1\n"}, "Add\n", AUTHOR)
        assert commit is not None
        push(good, commit, None)
        fresh = Mirror(tmp_path / "cache-2", good.remote)
        fresh.fetch(fresh.head() or "")
        wrong = Mirror(tmp_path / "cache-3", Remote(host.url("net"), "main", GitCredentials("robot", TOKEN + "x")))
        with pytest.raises(AuthenticationFailed) as refusal:
            wrong.head()
    encoded = (good.remote.credentials.header() or "").split()[-1]
    places = [caplog.text, str(refusal.value), repr(refusal.value), repr(good.remote), watched_git.read_text()]
    places += [path.read_text(errors="replace") for path in tmp_path.glob("cache*/**/*") if path.is_file()]
    assert "ls-remote" in watched_git.read_text()
    for place in places:
        assert TOKEN not in place
        assert encoded not in place


def test_the_environment_of_the_machine_has_no_effect(
    host: GitServer, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that redirect git elsewhere, or trace secrets, are not passed on."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "file:///nowhere/"]\n\tinsteadOf = {host.url("")[:-4]}\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TRACE_CURL", str(tmp_path / "trace"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert mirror.head() is None
    assert not (tmp_path / "trace").exists()


def test_a_host_that_hangs_is_ended_at_the_time_limit_and_leaves_no_process(host: GitServer, tmp_path: Path) -> None:
    """The whole group is killed: git starts helpers that would live on."""
    hook = host.path("net") / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nsleep 600\ntouch {tmp_path}/ended\n")
    hook.chmod(0o755)
    mirror = Mirror(tmp_path / "cache", Remote(host.url("net"), "main"))
    commit = build(mirror, None, {"a": b"1"}, "Add\n", AUTHOR)
    assert commit is not None
    hurried = Mirror(tmp_path / "cache", Remote(host.url("net"), "main", timeout=1.0))
    with pytest.raises(RemoteUnavailable, match="no end after 1 s"):
        push(hurried, commit, None)
    assert not (tmp_path / "ended").exists()

    def is_gone() -> bool:
        lines = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
        return str(tmp_path / "cache") not in lines

    until(is_gone, "the killed processes to be gone")
    assert list((tmp_path / "cache" / "calls").iterdir()) == []


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that keeps its arguments and the key it was given, then fails as a server that knows no such key."""
    directory = tmp_path / "bin"
    directory.mkdir()
    log = tmp_path / "ssh.log"
    script = directory / "ssh"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\nwhile [ $# -gt 0 ]; do\n'
        f'  if [ "$1" = -i ]; then stat -c %a "$2" >> {log}; cat "$2" >> {log}; fi\n  shift\ndone\n'
        'echo "git@h: Permission denied (publickey)." >&2\nexit 255\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return log


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize("url", ["ssh://git@git.example.com/o/r.git", "git@git.example.com:o/r.git"])
def test_ssh_gets_a_private_copy_of_the_key_that_is_deleted_afterwards(
    url: str, tmp_path: Path, fake_ssh: Path
) -> None:
    """The key file is ours alone; ssh asks nobody and trusts only the given host keys."""
    credentials = GitCredentials(private_key=KEY.replace("\n", "\r\n"), known_hosts="git.example.com ssh-ed25519 AAAA")
    with pytest.raises(AuthenticationFailed, match="publickey"):
        Mirror(tmp_path / "cache", Remote(url, "main", credentials)).head()
    log = fake_ssh.read_text()
    assert "BatchMode=yes" in log
    assert "StrictHostKeyChecking=yes" in log
    assert f"\n600\n{KEY}\n" in log
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_without_known_hosts_the_first_key_is_kept(tmp_path: Path, fake_ssh: Path) -> None:
    """In the cache directory, which is kept, and not in the home of a user."""
    with pytest.raises(AuthenticationFailed):
        Mirror(tmp_path / "cache", Remote("git@h:r", "main", GitCredentials(private_key=KEY))).head()
    assert "StrictHostKeyChecking=accept-new" in fake_ssh.read_text()
    assert str(tmp_path / "cache" / "known_hosts") in fake_ssh.read_text()


@pytest.mark.parametrize("credentials", [GitCredentials(), GitCredentials(token="t"), GitCredentials(private_key=KEY)])
def test_ssh_never_uses_a_key_of_the_machine(
    credentials: GitCredentials, tmp_path: Path, fake_ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of its user, which ssh finds by itself, nor those of an agent."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with pytest.raises(AuthenticationFailed, match="publickey"):
        Mirror(tmp_path / "cache", Remote("git@h:r", "main", credentials)).head()
    asked = fake_ssh.read_text().splitlines()[0].partition(" git@h")[0].split()
    assert {"IdentitiesOnly=yes", "IdentityAgent=none"} <= set(asked)
    given = subprocess.run(["ssh", "-G", *asked, "h"], capture_output=True, text=True, check=True, env={"PATH": REAL})
    files = [line.split()[1] for line in given.stdout.splitlines() if line.startswith("identityfile ")]
    assert [file for file in files if str(tmp_path) not in file] in ([], ["none"])


def test_a_key_may_be_a_file_that_others_can_read(tmp_path: Path, fake_ssh: Path) -> None:
    """A mounted Kubernetes secret is readable to a group; ssh would refuse it, so it is copied."""
    mounted = tmp_path / "mounted"
    mounted.write_text(KEY)
    mounted.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    with pytest.raises(AuthenticationFailed):
        Mirror(tmp_path / "cache", Remote("git@h:r", "main", GitCredentials(private_key_path=str(mounted)))).head()
    assert f"\n600\n{KEY}\n" in fake_ssh.read_text()


@pytest.mark.parametrize(
    "credentials",
    [
        GitCredentials(private_key=KEY.replace("BG5vbmU=", "CmFlczI1Ni1jdHI=")),
        GitCredentials(private_key="-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n"),
        GitCredentials(private_key="not a key"),
        GitCredentials(private_key_path="/nowhere/key"),
    ],
)
def test_a_key_that_cannot_work_is_refused_with_the_reason(credentials: GitCredentials, tmp_path: Path) -> None:
    """A passphrase would make ssh wait for somebody who is not there."""
    with pytest.raises(InvalidInput, match="SSH private key"):
        Mirror(tmp_path / "cache", Remote("git@h:r", "main", credentials)).head()
