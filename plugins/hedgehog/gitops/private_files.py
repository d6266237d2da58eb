"""Files with secrets that programs need for one call: only we can read them, and they are removed afterwards."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hedgehog.errors import InvalidInput

_ABANDONED_AFTER = 600.0


def key_text(key: str | None, path: str | None = None) -> str:
    """The text of an SSH private key, or of the file at *path*. It is copied, too: ssh refuses a mounted secret that a
    group may read. Raises InvalidInput for another text, and for a key with a passphrase.
    """
    if not key:
        try:
            key = Path(path or "").read_text()
        except (OSError, ValueError) as error:
            raise InvalidInput(f"the SSH private key {path} cannot be read: {error}") from error
    text = key.replace("\r\n", "\n").strip() + "\n"
    if "PRIVATE KEY-----" not in text:
        raise InvalidInput("this is not an SSH private key: it must begin with -----BEGIN … PRIVATE KEY-----")
    if _is_encrypted(text):
        raise InvalidInput("the SSH private key needs a passphrase, which is not supported; use a key without one")
    return text


def _is_encrypted(text: str) -> bool:
    if "ENCRYPTED" in text:
        return True
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    try:
        return b"openssh-key-v1\x00\x00\x00\x00\x04none" not in base64.b64decode(body) and "OPENSSH" in text
    except ValueError:
        return False


def secret_file(path: Path, text: str) -> Path:
    """Write a new file that only we can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    return path


def make_private(directory: Path) -> Path:
    """*directory*, created so that only we can read it if it does not exist."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


@contextmanager
def private_directory(state: Path, *, abandoned_after: float) -> Iterator[Path]:
    """A private directory for one call, removed afterwards, as are those of killed processes."""
    calls = make_private(make_private(state) / "calls")
    with tempfile.TemporaryDirectory(dir=calls, ignore_cleanup_errors=True) as name:
        _remove_leftovers(calls, time.time() - max(abandoned_after, _ABANDONED_AFTER))
        yield Path(name)


def _remove_leftovers(calls: Path, oldest: float) -> None:
    for entry in os.scandir(calls):
        try:
            if entry.stat().st_mtime < oldest:
                shutil.rmtree(entry.path, ignore_errors=True)
        except FileNotFoundError:  # another call has just removed it
            continue
