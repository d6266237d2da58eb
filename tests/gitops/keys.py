"""Keys that sign commits, made for a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from devstack.git_server import Person
from hedgehog.gitops.signing import OpenPGPKey, SigningKey


@dataclass(frozen=True)
class Key:
    """A private key, and the line or block that allows it to sign."""

    private: str
    allowed: str

    def signs(self) -> SigningKey | OpenPGPKey:
        """As the credentials of a repository have it."""
        return OpenPGPKey(self.private) if OpenPGPKey.is_in(self.private) else SigningKey.of(self.private, "the key")

    def sign_with(self, person: Person) -> None:
        """Have a person sign commits with it, as git itself does."""
        path = person.directory.parent / f"{person.directory.name}-key"
        path.write_text(self.private)
        path.chmod(0o600)
        for setting in ("gpg.format=ssh", f"user.signingKey={path}", "commit.gpgSign=true"):
            person.git("config", *setting.split("=", 1))


def ssh_key(who: str, *, options: str = "") -> Key:
    """An SSH key of somebody."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Key(private, " ".join(filter(None, (who, options, public))) + "\n")


@contextmanager
def openpgp_key(who: str) -> Iterator[Key]:
    """An OpenPGP key of somebody; skips where gpg is not on this machine."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not on this machine (Debian: gnupg)")
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        environment = {**os.environ, "GNUPGHOME": home}

        def gpg(*arguments: str) -> str:
            command = ["gpg", "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", *arguments]
            return subprocess.run(command, env=environment, check=True, capture_output=True).stdout.decode()

        try:
            gpg("--quick-generate-key", who, "ed25519", "sign", "never")
            yield Key(gpg("--armor", "--export-secret-keys"), gpg("--armor", "--export"))
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)


def write_signers(directory: Path, *keys: Key) -> Path:
    """A file of allowed signers, as git takes it."""
    path = directory / "allowed"
    path.write_text("".join(key.allowed for key in keys))
    return path
