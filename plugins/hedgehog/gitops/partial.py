"""Partial clones: all commits and trees, but the contents of files only once somebody needs them.

Git keeps the settings of such a clone in it; here each call gets them, because the clone must contain nothing that a later
URL or credential could be mistaken for. They also have git take a fetched pack as it is, instead of walking all trees to
see whether anything is missing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ORIGIN = "origin"
"""What git calls the host in these settings."""
FETCH = ("fetch", "--no-tags", "--no-write-fetch-head", "--progress")
_COMPLETE = "hedgehog-complete"
"""Marks a clone of a host that offers to leave files out, and then sends no single ones."""
_SETTINGS = {f"remote.{ORIGIN}.promisor": "true", f"remote.{ORIGIN}.partialclonefilter": "blob:none"}


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """A git call that fetches single files."""

    arguments: list[str]
    stdin: bytes
    settings: dict[str, str]

    @classmethod
    def of(cls, blobs: Collection[str]) -> BlobRequest:
        """For the files with these ids."""
        lines = "".join(f"{blob}\n" for blob in blobs)
        # The host is told nothing of what we have: we have the commits, and it would leave out what belongs to them.
        return cls(
            [*FETCH, "--filter=blob:none", "--stdin", ORIGIN], lines.encode(), {"fetch.negotiationAlgorithm": "noop"}
        )


def clone_settings(clone: Path, url: str) -> dict[str, str]:
    """The settings for a git call in *clone*, whose host is at *url*."""
    return {f"remote.{ORIGIN}.url": url, **({} if (clone / _COMPLETE).exists() else _SETTINGS)}


def make_complete(clone: Path) -> None:
    """Have all that is fetched into *clone* from now on be complete."""
    (clone / _COMPLETE).touch()


def is_refused(error: str) -> bool:
    """Whether *error*, the text of git, says that the host sends no single files: an old one, or one with an old protocol."""
    return "unadvertised object" in error


def is_unknown_to_host(error: str) -> bool:
    """Whether *error* says that the host does not have a file: what it belonged to was replaced."""
    return "not our ref" in error
