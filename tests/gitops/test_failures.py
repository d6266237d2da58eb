"""What git says becomes the error that needs the right reaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedgehog.errors import (
    AuthenticationFailed,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PushRace,
    RateLimited,
    RemoteUnavailable,
)
from hedgehog.gitops import failures

CLONE = Path("/cache/0123456789abcdef")
CALLS: list[tuple[str, type[HedgehogError]]] = [
    ("fatal: unable to access 'https://h/r/': The requested URL returned error: 401", AuthenticationFailed),
    ("fatal: Authentication failed for 'https://github.com/o/r/'", AuthenticationFailed),
    ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", AuthenticationFailed),
    ("remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://h/r'", AuthenticationFailed),
    (
        "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\n"
        "Please make sure you have the correct access rights\nand the repository exists.",
        AuthenticationFailed,
    ),
    ("Host key verification failed.\nfatal: Could not read from remote repository.", AuthenticationFailed),
    ("fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate", AuthenticationFailed),
    (
        "remote: Permission to o/r.git denied to someone.\n"
        "fatal: unable to access 'https://github.com/o/r/': The requested URL returned error: 403",
        PermissionDenied,
    ),
    ("fatal: detected dubious ownership in repository at '/srv/r.git'", PermissionDenied),
    ("fatal: unable to access 'https://h/r/': The requested URL returned error: 429", RateLimited),
    ("remote: Repository not found.\nfatal: repository 'https://github.com/o/r/' not found", NotFound),
    ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", NotFound),
    ("fatal: '/srv/r.git' does not appear to be a git repository", NotFound),
    ("fatal: unable to access 'https://h/r/': The requested URL returned error: 301", NotFound),
    ("error: object 123: zeroPaddedFilemode: fsck error in packed object", InvalidInput),
    ("fatal: unable to access 'https://h/r/': Could not resolve host: h", RemoteUnavailable),
    ("fatal: unable to access 'https://h/r/': Failed to connect to h port 443: Connection refused", RemoteUnavailable),
    ("fatal: unable to access 'https://h/r/': The requested URL returned error: 503", RemoteUnavailable),
    ("error: RPC failed; curl 28 Operation too slow.", RemoteUnavailable),
    ("fatal: early EOF", RemoteUnavailable),
    ("something nobody has seen before", RemoteUnavailable),
]


@pytest.mark.parametrize(("text", "error"), CALLS)
def test_a_failed_call_is_sorted_by_its_text(text: str, error: type[HedgehogError]) -> None:
    """The exit status says nothing."""
    found = failures.call_failed(text, "git fetch repository")
    assert type(found) is error
    assert str(found).startswith("git fetch repository: ")


PUSHES: list[tuple[str, type[HedgehogError]]] = [
    ("stale info", PushRace),
    ("fetch first", PushRace),
    ("non-fast-forward", PushRace),
    ("cannot lock ref 'refs/heads/main': is at 1 but expected 2", PushRace),
    ("failed to update ref", PushRace),
    ("incorrect old value provided", PushRace),
    ("pre-receive hook declined", PermissionDenied),
    ("protected branch hook declined", PermissionDenied),
    ("push declined due to repository rule violations", PermissionDenied),
    ("Internal Server Error", RemoteUnavailable),
    ("remote failed to report status", RemoteUnavailable),
    ("unpacker error", RemoteUnavailable),
]


@pytest.mark.parametrize("over", ["https", "ssh"])
def test_an_archive_is_reported_as_one(over: str) -> None:
    """No right to it would help."""
    text = "This repository was archived so it is read-only."
    said = {"https": f"remote: {text}\nfatal: The requested URL returned error: 403", "ssh": f"ERROR: {text}"}[over]
    found = failures.call_failed(said, "git push repository")
    assert (type(found), "take the repository out of it" in str(found)) == (PermissionDenied, True)


@pytest.mark.parametrize(("summary", "error"), PUSHES)
def test_a_race_and_a_refusal_are_distinguished(summary: str, error: type[HedgehogError]) -> None:
    """git says "failed to push some refs" in both cases, so that sentence must not decide."""
    text = "remote: GH006: Protected branch\nremote: update failed\nerror: failed to push some refs to 'https://h/r'"
    found = failures.push_refused(summary, text, "git push repository")
    assert type(found) is error
    assert "GH006: Protected branch update failed" in str(found)


def test_a_long_text_is_cut() -> None:
    """A report is for reading."""
    assert len(str(failures.call_failed("x" * 100_000, "git fetch"))) < 1100


def test_a_damaged_repository_is_recognised_by_the_message() -> None:
    """Only these are cured by making the mirror anew."""
    assert failures.is_damage("fatal: bad object refs/remotes/origin/main", CLONE)
    assert failures.is_damage("error: object file ./objects/12/34 is empty", CLONE)
    assert failures.is_damage(f"error: Unable to create '{CLONE}/refs/remotes/origin/main.lock': File exists.", CLONE)
    assert not failures.is_damage("fatal: repository 'https://h/r/' not found", CLONE)
    assert not failures.is_damage(f"error: unable to write file {CLONE}/objects/1: No space left on device", CLONE)
