"""Pull requests of one repository: what they are, which files they change, and what of a file can be commented on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hedgehog.hosts.github.client import Client

MOST_FILES = 3000
"""Files of a pull request that GitHub lists; the rest of a larger one is not listed."""

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(?P<first>\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as GitHub has it now."""

    number: int
    title: str
    state: str
    """`open` or `closed`."""
    draft: bool
    head_sha: str
    base_ref: str
    changed_files: int
    url: str
    """Its page, for people."""

    @property
    def git_ref(self) -> str:
        """Where its head can be fetched in the base repository, also when it comes from a fork."""
        return f"refs/pull/{self.number}/head"


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One entry of a pull request's list of files."""

    path: str
    lines: frozenset[int]
    """Lines of the new file that the diff shows: only those can be commented on."""


class Repository:
    """One repository at GitHub. *full_name* is `owner/name`."""

    def __init__(self, client: Client, full_name: str) -> None:
        self.client = client
        self.full_name = full_name
        self.path = f"/repos/{full_name}"

    def pull(self, number: int) -> PullRequest:
        """The pull request *number*; asking again is free while it stays the same. Raises NotFound."""
        return _pull(self.client.get(f"{self.path}/pulls/{number}"))

    def files(self, pull: PullRequest) -> list[ChangedFile]:
        """The files that *pull* changes, as far as GitHub lists them: at most MOST_FILES of its `changed_files`."""
        return [_file(entry) for entry in self.client.pages(f"{self.path}/pulls/{pull.number}/files")]


def _pull(answer: dict[str, Any]) -> PullRequest:
    return PullRequest(
        number=answer["number"],
        title=answer["title"],
        state=answer["state"],
        draft=bool(answer.get("draft")),
        head_sha=answer["head"]["sha"],
        base_ref=answer["base"]["ref"],
        changed_files=answer["changed_files"],
        url=answer["html_url"],
    )


def _file(entry: dict[str, Any]) -> ChangedFile:
    return ChangedFile(entry["filename"], frozenset(_lines(entry.get("patch") or "")))


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
