"""Signs commits, and says whose signature a commit has.

`ssh-keygen` and `gpg` verify, as git itself has it done (git's gpg-interface.c): an SSH signature has the namespace `git`,
and was made at the time of the commit, so that a key may be replaced without making its old commits invalid. An OpenPGP
key lies in a private directory while `gpg` runs; it is in no argument list and in no environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pygit2

from hedgehog.errors import InvalidInput, NotFound, RemoteUnavailable
from hedgehog.fabric.signers import AllowedSigners
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.signing import OpenPGPKey, SigningKey

_TIMEOUT = 60.0
_NAMESPACE = "git"
_OURSELVES = "hedgehog"
"""What our own key is called as a signer."""
_OPENPGP_SIGNATURE = b"-----BEGIN PGP "
_SSH_SIGNATURE = b"-----BEGIN SSH SIGNATURE-----"
_PACKAGES = {"ssh-keygen": "openssh-client", "gpg": "gnupg"}


class SignatureStatus(StrEnum):
    """What a commit's signature is worth."""

    GOOD = "good"
    """Made with the key of an allowed signer."""
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"
    """Made with a key that no allowed signer has, or has at that time."""
    BAD = "bad"
    """It does not fit the commit, or is damaged."""


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Whether a commit is signed by an allowed signer, and by whom."""

    commit: str
    status: SignatureStatus
    signer: str = ""
    """The allowed signer; for an unknown one the fingerprint of the key, as far as it is known."""

    def __str__(self) -> str:
        short = self.commit[:12]
        match self.status:
            case SignatureStatus.GOOD:
                return f"{short} is signed by {self.signer}"
            case SignatureStatus.UNSIGNED:
                return f"{short} is not signed"
            case SignatureStatus.UNKNOWN:
                with_what = f" with {self.signer}" if self.signer else ""
                return f"{short} is signed{with_what}, which is not the key of an allowed signer"
            case _:
                return f"{short} has a signature that does not fit it"


def sign(mirror: Mirror, content: str) -> str | None:
    """The signature of a commit whose text is *content*, with the key of the mirror's credentials; None without a key.

    Raises InvalidInput for a key that cannot sign, NotFound where the program that signs is not installed.
    """
    key = mirror.remote.credentials.signing_key
    if not isinstance(key, OpenPGPKey):
        return key.sign(content) if key else None
    with mirror.private_directory() as home:
        return _sign_openpgp(key, content.encode(), home)


def check(mirror: Mirror, commit: str, allowed: AllowedSigners) -> SignatureCheck:
    """Whose signature *commit* has. Our own key is an allowed signer as well.

    Raises NotFound where the program that verifies is not installed: that says nothing about the commit.
    """

    def read(repository: pygit2.Repository) -> tuple[bytes | None, bytes | None, datetime]:
        found = repository[commit].peel(pygit2.Commit)
        signature, content = found.gpg_signature
        return signature, content, datetime.fromtimestamp(found.committer.time, UTC)

    signature, content, at = mirror.reading(commit, read)
    if not signature or content is None:
        return SignatureCheck(commit, SignatureStatus.UNSIGNED)
    with mirror.private_directory() as home:
        (home / "signature").write_bytes(signature)
        own = mirror.remote.credentials.signing_key
        if signature.startswith(_SSH_SIGNATURE):
            return SignatureCheck(commit, *_check_ssh(content, at, allowed, own, home))
        if signature.startswith(_OPENPGP_SIGNATURE):
            return SignatureCheck(commit, *_check_openpgp(content, allowed, own, home))
    return SignatureCheck(commit, SignatureStatus.UNKNOWN, "neither an SSH nor an OpenPGP key")


# SSH ----------------------------------------------------------------------------------------------------------------


def _check_ssh(
    content: bytes, at: datetime, allowed: AllowedSigners, own: SigningKey | OpenPGPKey | None, home: Path
) -> tuple[SignatureStatus, str]:
    ours = f'{_OURSELVES} namespaces="{_NAMESPACE}" {own.public}\n' if isinstance(own, SigningKey) else ""
    (home / "allowed").write_text(allowed.ssh + ours)
    known = ["-f", str(home / "allowed"), "-s", str(home / "signature"), f"-Overify-time={at:%Y%m%d%H%M%S}"]
    for principal in _run(["ssh-keygen", "-Y", "find-principals", *known], home).stdout.decode().splitlines():
        verify = ["ssh-keygen", "-Y", "verify", "-n", _NAMESPACE, "-I", principal, *known]
        if _run(verify, home, content).returncode == 0:
            return SignatureStatus.GOOD, principal
    alone = ["ssh-keygen", "-Y", "check-novalidate", "-n", _NAMESPACE, "-s", str(home / "signature")]
    done = _run(alone, home, content)
    if done.returncode != 0:
        return SignatureStatus.BAD, ""
    return SignatureStatus.UNKNOWN, done.stdout.decode().strip().rpartition(" with ")[2]


# OpenPGP ------------------------------------------------------------------------------------------------------------


def _sign_openpgp(key: OpenPGPKey, content: bytes, home: Path) -> str:
    with _keyring(home, [key.text]) as keyring:
        done = _run(
            [*_GPG, "--pinentry-mode", "loopback", "--passphrase", "", "--detach-sign", "--armor"],
            home,
            content,
            keyring=keyring,
        )
    if done.returncode != 0:
        raise InvalidInput(f"the signing key does not sign: {_said(done)}; a key with a passphrase is not supported")
    return done.stdout.decode()


def _check_openpgp(
    content: bytes, allowed: AllowedSigners, own: SigningKey | OpenPGPKey | None, home: Path
) -> tuple[SignatureStatus, str]:
    keys = [*allowed.openpgp, *([own.text] if isinstance(own, OpenPGPKey) else [])]
    with _keyring(home, keys) as keyring:
        done = _run(
            [*_GPG, "--status-fd", "1", "--verify", str(home / "signature"), "-"], home, content, keyring=keyring
        )
    told = dict(re.findall(r"^\[GNUPG:\] ([A-Z_]+) (.*)$", done.stdout.decode(errors="replace"), re.MULTILINE))
    if done.returncode == 0 and "GOODSIG" in told and "VALIDSIG" in told:
        return SignatureStatus.GOOD, told["GOODSIG"].partition(" ")[2]
    if "BADSIG" in told or not told.keys() & {"ERRSIG", "EXPKEYSIG", "REVKEYSIG", "EXPSIG"}:
        return SignatureStatus.BAD, ""
    key = next(told[one] for one in ("EXPKEYSIG", "REVKEYSIG", "EXPSIG", "ERRSIG") if one in told).split()[0]
    return SignatureStatus.UNKNOWN, f"OpenPGP key {key}"


_GPG = ("gpg", "--batch", "--no-options", "--quiet", "--no-auto-key-retrieve", "--trust-model", "always")


@contextmanager
def _keyring(home: Path, keys: Sequence[str]) -> Iterator[Path]:
    """A keyring with *keys* and no others, in *home*; its agent ends with it.

    It is reached by a short path: that of the agent's socket has at most 107 characters.
    """
    (home / "gnupg").mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(prefix="hedgehog-") as place:
        keyring = Path(place) / "gnupg"
        keyring.symlink_to(home / "gnupg")
        try:
            for key in keys:
                done = _run([*_GPG, "--import"], home, key.encode(), keyring=keyring)
                if done.returncode != 0:
                    raise InvalidInput(f"an OpenPGP key cannot be read: {_said(done)}")
            yield keyring
        finally:
            if shutil.which("gpgconf"):
                _run(["gpgconf", "--kill", "all"], home, keyring=keyring)


# Programs -----------------------------------------------------------------------------------------------------------


def _run(
    command: Sequence[str], home: Path, content: bytes = b"", *, keyring: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a program with nothing of the machine's or the user's configuration."""
    program = shutil.which(command[0])
    if program is None:
        package = _PACKAGES.get(command[0], command[0])
        raise NotFound(f"{command[0]} is not installed on this worker; signatures need it (Debian: {package})")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "GNUPGHOME": str(keyring or home)}
    environment |= {"LANG": "C", "LC_ALL": "C", "TZ": "UTC"}
    try:
        return subprocess.run(
            [program, *command[1:]],
            input=content,
            capture_output=True,
            timeout=_TIMEOUT,
            cwd=home,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise RemoteUnavailable(f"{command[0]}: no end after {_TIMEOUT:g} s") from late


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"])[-1]
