"""Signed commits are verified by git itself, and the key leaves no trace."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devstack.gitea.server import Gitea
from hedgehog.errors import InvalidInput
from hedgehog.gitops.commit import Author, build, push
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.gitops.signing import SigningKey
from tests.gitops.conftest import AUTHOR

TYPES = ["ed25519", "rsa", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521"]


def make_key(directory: Path, kind: str = "ed25519", *, passphrase: str = "") -> str:
    """A private key as ssh-keygen writes it."""
    path = directory / "key"
    command = ["ssh-keygen", "-q", "-t", *kind.split(), "-N", passphrase, "-C", "robot", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.read_text()


def committed(directory: Path, key: SigningKey | None) -> tuple[Mirror, str]:
    """A commit, built as a sync builds it."""
    mirror = Mirror(directory / "cache", Remote("file:///nowhere", "main", GitCredentials(signing_key=key)))
    commit = build(mirror, None, {"a.yaml": b"a: 1\n"}, "Größe\n\nHedgehog-Fabric: lab\n", AUTHOR)
    assert commit is not None
    return mirror, commit


def verified(mirror: Mirror, commit: str, directory: Path, signers: str) -> bool:
    """Whether git trusts a commit, where only *signers* are allowed."""
    (directory / "allowed").write_text(signers)
    options = ["-c", f"gpg.ssh.allowedSignersFile={directory / 'allowed'}", "-c", "gpg.format=ssh"]
    command = ["git", *options, f"--git-dir={mirror.path}", "verify-commit", commit]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("kind", TYPES)
def test_git_verifies_what_we_sign(tmp_path: Path, kind: str) -> None:
    """With each type of key that signs."""
    key = SigningKey.of(make_key(tmp_path, kind), "the key")
    mirror, commit = committed(tmp_path, key)
    assert verified(mirror, commit, tmp_path, f"{AUTHOR.email} {key.public}\n")
    (tmp_path / "other").mkdir()
    other = SigningKey.of(make_key(tmp_path / "other"), "the key")
    assert not verified(mirror, commit, tmp_path, f"{AUTHOR.email} {other.public}\n")


def test_gitea_shows_our_commits_as_verified(gitea: Gitea, tmp_path: Path) -> None:
    """Pushed as in production; an unsigned one beside it is not."""
    key = SigningKey.of(make_key(tmp_path), "the key")
    gitea.trust_key("robot", key.public)
    url = gitea.create("acme/signed", "robot")
    us = Author("Hedgehog", "robot@example.com", AUTHOR.when)
    found = []
    for number, signing in enumerate((key, None)):
        credentials = GitCredentials(username="robot", token=gitea.user("robot"), signing_key=signing)
        mirror = Mirror(tmp_path / f"cache-{number}", Remote(url, "main", credentials))
        head = mirror.head()
        mirror.fetch(head or "")
        commit = build(mirror, head, {"a.yaml": f"a: {number}\n".encode()}, f"Change {number}\n", us)
        assert commit is not None
        push(mirror, commit, head)
        found.append(gitea.call("GET", f"/repos/acme/signed/git/commits/{commit}", by="acme")["commit"]["verification"])
    assert [(one["verified"], one["signer"] and one["signer"]["email"]) for one in found] == [
        (True, "robot@example.com"),
        (False, None),
    ], found


def test_an_unsigned_commit_is_not_verified(tmp_path: Path) -> None:
    """As it was before."""
    key = SigningKey.of(make_key(tmp_path), "the key")
    mirror, commit = committed(tmp_path, None)
    assert not verified(mirror, commit, tmp_path, f"{AUTHOR.email} {key.public}\n")


def test_the_same_change_is_the_same_commit(tmp_path: Path) -> None:
    """A run that was killed after its push recognizes its own commit."""
    key = SigningKey.of(make_key(tmp_path), "the key")
    assert len({committed(tmp_path / name, key)[1] for name in ("one", "two")}) == 1


def test_the_key_is_in_no_text(tmp_path: Path) -> None:
    """Whatever is printed."""
    text = make_key(tmp_path)
    credentials = GitCredentials(signing_key=SigningKey.of(text, "the key"))
    assert not any(line in repr(credentials) for line in text.splitlines()[1:])


@pytest.mark.parametrize(
    "text", ["", "not a key", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"]
)
def test_what_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    """With what to do."""
    with pytest.raises(InvalidInput, match="connection git: signing_key is not a private key of OpenSSH") as caught:
        SigningKey.of(text, "connection git: signing_key")
    assert "c2VjcmV0" not in str(caught.value)


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    """Nobody is there to type it."""
    with pytest.raises(InvalidInput, match="needs a passphrase; make one with"):
        SigningKey.of(make_key(tmp_path, passphrase="hunter22"), "the key")
