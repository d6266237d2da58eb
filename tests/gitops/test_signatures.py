"""Signatures of commits: git accepts ours, and we judge git's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from devstack.git_server import Person
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.signers import AllowedSigners
from hedgehog.gitops import signatures
from hedgehog.gitops.commit import build
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials
from hedgehog.gitops.signatures import SignatureStatus
from tests.gitops.conftest import AUTHOR, OpenMirror
from tests.gitops.keys import Key, openpgp_key, ssh_key, write_signers

ADA = "ada@example.com"


def signed(open_mirror: OpenMirror, key: Key) -> tuple[Mirror, str]:
    """A commit of ours, signed with a key."""
    mirror = open_mirror(credentials=GitCredentials(signing_key=key.signs()))
    commit = build(mirror, None, {"a.yaml": b"a\n"}, "Change\n", AUTHOR)
    assert commit is not None
    return mirror, commit


def judged(mirror: Mirror, commit: str, *keys: Key) -> tuple[SignatureStatus, str]:
    """What a signature is worth where these keys are allowed."""
    mirror.fetch(commit)
    found = signatures.check(mirror, commit, AllowedSigners.parse("".join(key.allowed for key in keys)))
    return found.status, found.signer


def test_git_accepts_a_commit_that_is_signed_with_an_ssh_key(open_mirror: OpenMirror, tmp_path: Path) -> None:
    """As made by somebody whom it allows."""
    key = ssh_key(ADA)
    mirror, commit = signed(open_mirror, key)
    settings = ["-c", f"gpg.ssh.allowedSignersFile={write_signers(tmp_path, key)}"]
    verify = ["git", f"--git-dir={mirror.path}", *settings, "verify-commit", commit]
    assert f'Good "git" signature for {ADA}' in subprocess.run(verify, capture_output=True, check=True).stderr.decode()


def test_a_commit_that_git_signed_is_good_if_its_signer_is_allowed(person: Person, mirror: Mirror) -> None:
    """And unknown otherwise, with the fingerprint by which the key can be found."""
    ada, bob = ssh_key(ADA), ssh_key("bob@example.com")
    ada.sign_with(person)
    commit = person.commit({"a.yaml": "a"})
    assert judged(mirror, commit, bob, ada) == (SignatureStatus.GOOD, ADA)
    status, who = judged(mirror, commit, bob)
    assert (status, "ED25519 key SHA256:" in who) == (SignatureStatus.UNKNOWN, True)
    assert judged(mirror, commit)[0] is SignatureStatus.UNKNOWN


def test_a_commit_without_a_signature_is_unsigned(person: Person, mirror: Mirror) -> None:
    """Whoever made it."""
    assert judged(mirror, person.commit({"a.yaml": "a"}), ssh_key(ADA)) == (SignatureStatus.UNSIGNED, "")


@pytest.mark.parametrize("make", ["message", "garbage"])
def test_a_signature_that_does_not_fit_its_commit_is_bad(person: Person, mirror: Mirror, make: str) -> None:
    """A signature that was moved to another commit, or damaged."""
    key = ssh_key(ADA)
    key.sign_with(person)
    raw = person.git("cat-file", "commit", person.commit({"a.yaml": "a"}, "Harmless"))
    if make == "message":
        raw = raw.replace("Harmless", "Harmful")
    else:
        lines = raw.splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if line.startswith("gpgsig"))
        raw = "".join([*lines[: at + 1], " AAAA\n", *lines[at + 2 :]])
    (person.directory / "raw").write_text(raw)
    commit = person.git("hash-object", "-t", "commit", "-w", "raw").strip()
    person.git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/main")
    assert judged(mirror, commit, key)[0] is SignatureStatus.BAD


def test_an_old_key_is_valid_for_what_it_signed_in_its_time(person: Person, mirror: Mirror) -> None:
    """So keys can be replaced."""
    old = ssh_key(ADA, options='valid-before="20200101"')
    old.sign_with(person)
    commit = person.commit({"a.yaml": "a"})
    assert judged(mirror, commit, old)[0] is SignatureStatus.UNKNOWN
    still = Key(old.private, old.allowed.replace("20200101", "29990101"))
    assert judged(mirror, commit, still)[0] is SignatureStatus.GOOD


def test_a_signature_for_another_purpose_does_not_count(person: Person, mirror: Mirror) -> None:
    """A key that may only sign files is not allowed to sign commits."""
    key = ssh_key(ADA, options='namespaces="file"')
    key.sign_with(person)
    assert judged(mirror, person.commit({"a.yaml": "a"}), key)[0] is SignatureStatus.UNKNOWN


def test_our_own_key_is_allowed(open_mirror: OpenMirror) -> None:
    """What we write into a repository can be taken in from there."""
    mirror, commit = signed(open_mirror, ssh_key(ADA))
    assert judged(mirror, commit) == (SignatureStatus.GOOD, "hedgehog")


def test_openpgp_keys_sign_and_are_judged(open_mirror: OpenMirror) -> None:
    """Beside SSH keys in one list."""
    with openpgp_key("Ada <ada@example.com>") as ada, openpgp_key("Bob <bob@example.com>") as bob:
        mirror, commit = signed(open_mirror, ada)
        assert judged(mirror, commit) == (SignatureStatus.GOOD, "Ada <ada@example.com>")
        assert judged(open_mirror(), commit, ssh_key(ADA), ada) == (SignatureStatus.GOOD, "Ada <ada@example.com>")
        status, who = judged(open_mirror(), commit, bob)
        assert (status, who.startswith("OpenPGP key ")) == (SignatureStatus.UNKNOWN, True)


def test_keys_leave_nothing_behind(open_mirror: OpenMirror, tmp_path: Path) -> None:
    """No file of the clone has any of it afterwards."""
    key = ssh_key(ADA)
    mirror, commit = signed(open_mirror, key)
    judged(mirror, commit)
    secret = key.private.splitlines()[1].encode()
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret in path.read_bytes()] == []


def test_without_the_program_nothing_is_said_about_a_commit(
    person: Person, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be verified is not unsigned: it is looked at again."""
    key = ssh_key(ADA)
    key.sign_with(person)
    commit = person.commit({"a.yaml": "a"})
    mirror.fetch(commit)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(NotFound, match="ssh-keygen is not installed on this worker"):
        signatures.check(mirror, commit, AllowedSigners.parse(key.allowed))


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not on this machine (Debian: gnupg)")
def test_an_openpgp_key_that_cannot_be_read_is_refused_and_not_shown(open_mirror: OpenMirror) -> None:
    """There is no unsigned commit instead."""
    with pytest.raises(InvalidInput, match="an OpenPGP key cannot be read") as caught:
        signed(open_mirror, Key("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nsecret\n", ""))
    assert "secret" not in str(caught.value)
