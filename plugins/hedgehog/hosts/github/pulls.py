"""Pull requests of one repository: what they are, which files they change, and what of a file can be commented on."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hedgehog.errors import InvalidInput
from hedgehog.hosts.github.client import Client

MOST_FILES = 3000
"""Files of a pull request that GitHub lists; of a larger one the rest is not told."""

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(?P<first>\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as GitHub has it now."""

    number: int
    title: str
    state: str
    """`open` or `closed`."""
    draft: bool
    merged: bool
    mergeable: bool | None
    """None: GitHub does not know yet."""
    head_sha: str
    head_ref: str
    head_repository: str | None
    """`owner/name`; None when the fork is gone."""
    base_sha: str
    base_ref: str
    base_repository: str
    changed_files: int
    url: str
    """Its page, for people."""

    @property
    def is_fork(self) -> bool:
        """Whether it comes from another repository: its content is then a stranger's."""
        return self.head_repository != self.base_repository

    @property
    def git_ref(self) -> str:
        """Where its head can be fetched in the base repository, also when it comes from a fork."""
        return f"refs/pull/{self.number}/head"


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One entry of a pull request's list of files."""

    path: str
    status: str
    """added, removed, modified, renamed, copied, changed, unchanged."""
    previous_path: str | None = None
    lines: frozenset[int] = frozenset()
    """Lines of the new file that the diff shows: only those can be commented on."""


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """The files that GitHub lists, and how many there are in truth."""

    files: tuple[ChangedFile, ...]
    total: int

    @property
    def is_complete(self) -> bool:
        """Whether no file is missing from the list."""
        return len(self.files) >= self.total


class Repository:
    """One repository at GitHub. *full_name* is `owner/name`."""

    def __init__(self, client: Client, full_name: str) -> None:
        self.client = client
        self.full_name = full_name
        self.path = f"/repos/{full_name}"

    def pull(self, number: int) -> PullRequest:
        """The pull request *number*; asking again is free while it stays the same. Raises NotFound."""
        return _pull(self.client.get(f"{self.path}/pulls/{number}"))

    def files(self, pull: PullRequest) -> ChangedFiles:
        """The files that *pull* changes, as far as GitHub lists them; `is_complete` says whether that is all."""
        entries = [_file(entry) for entry in self.client.pages(f"{self.path}/pulls/{pull.number}/files")]
        return ChangedFiles(tuple(entries), max(pull.changed_files, len(entries)))

    def content(self, path: str, revision: str) -> bytes:
        """A file at a commit, for when no clone is at hand: one request a file, 1 MB at most. Raises NotFound."""
        answer = self.client.get(f"{self.path}/contents/{quote(path)}", ref=revision)
        if not isinstance(answer, dict) or answer.get("type") != "file" or answer.get("encoding") != "base64":
            raise InvalidInput(f"{self.full_name}: {path} at {revision[:12]} is no file of at most 1 MB")
        return base64.b64decode(answer["content"])


def _pull(answer: dict[str, Any]) -> PullRequest:
    head, base = answer["head"], answer["base"]
    return PullRequest(
        number=answer["number"],
        title=answer["title"],
        state=answer["state"],
        draft=bool(answer.get("draft")),
        merged=bool(answer.get("merged")),
        mergeable=answer.get("mergeable"),
        head_sha=head["sha"],
        head_ref=head["ref"],
        head_repository=head["repo"]["full_name"] if head.get("repo") else None,
        base_sha=base["sha"],
        base_ref=base["ref"],
        base_repository=base["repo"]["full_name"],
        changed_files=answer["changed_files"],
        url=answer["html_url"],
    )


def _file(entry: dict[str, Any]) -> ChangedFile:
    shown = frozenset(_lines(entry.get("patch") or ""))
    return ChangedFile(entry["filename"], entry["status"], entry.get("previous_filename"), shown)


def _lines(patch: str) -> list[int]:
    """The numbers, in the new file, of the lines that a unified diff shows."""
    found: list[int] = []
    number = 0
    for line in patch.splitlines():
        hunk = _HUNK.match(line)
        if hunk:
            number = int(hunk["first"])
        elif not line.startswith(("-", "\\")):
            found.append(number)
            number += 1
    return found
