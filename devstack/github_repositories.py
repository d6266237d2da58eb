"""The Git side of the GitHub stand-in: pull requests and their changes, from the real bare repositories."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass, field
from typing import Any

from devstack.git_server import GitServer

_MOST_PATCHES = 200
"""Words of a list of files up to which each has its patch: GitHub leaves out large ones as well."""


@dataclass
class Pull:
    """One pull request, as the stand-in keeps it."""

    repository: str
    number: int
    head_repository: str
    head: str
    base: str
    title: str
    draft: bool = False
    author: str = "ada"
    state: str = "open"
    merged: bool = False
    merge_commit: str = ""
    own_commits: list[str] = field(default_factory=list)
    """What the merge brought, the oldest first."""
    reviews: list[dict[str, Any]] = field(default_factory=list)
    body: str = ""
    closed_by: str = ""
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    merges_at: str = ""
    """The head at which it is merged once the rules allow that."""
    review_comments: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)


class Repositories:
    """The bare repositories of a Git host, by `owner/name`."""

    def __init__(self, host: GitServer) -> None:
        self.host = host

    def files(self, pull: Pull, *, lines: bool = False) -> list[dict[str, Any]]:
        """The files that a pull request changes, as GitHub lists them; with *lines* also those that its diff shows."""
        span = f"{pull.base}...refs/pull/{pull.number}/head"
        words = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
        raw = self.git(pull.repository, "diff", "--find-renames", "--name-status", "-z", span).split("\0")
        found: list[dict[str, Any]] = []
        with_patches = len(raw) <= _MOST_PATCHES
        while len(raw) > 1:
            letter = raw.pop(0)
            previous = raw.pop(0) if letter[0] in "RC" else None
            path = raw.pop(0)
            entry: dict[str, Any] = {"filename": path, "status": words[letter[0]], "sha": "0" * 40}
            if previous:
                entry["previous_filename"] = previous
            if with_patches:
                paths = [path, previous] if previous else [path]
                patch = self.git(pull.repository, "diff", "--find-renames", span, "--", *paths)
                start = patch.find("@@")
                if start >= 0:
                    entry["patch"] = patch[start:]
            if lines:
                entry["_lines"] = _new_lines(entry.get("patch", ""))
            found.append(entry)
        return found

    def content(self, repository: str, path: str, ref: str) -> tuple[int, dict[str, Any]]:
        """A file, as GitHub answers it."""
        done = self.attempt(repository, "cat-file", "blob", f"{ref}:{path}")
        if done.returncode:
            return 404, {"message": "Not Found"}
        found = {"type": "file", "encoding": "base64", "size": len(done.stdout), "path": path}
        name, text = path.rpartition("/")[2], base64.encodebytes(done.stdout).decode()
        return 200, {**found, "name": name, "content": text}

    def has(self, repository: str, sha: str) -> bool:
        """Whether the commit is there."""
        return self.attempt(repository, "cat-file", "-e", f"{sha}^{{commit}}").returncode == 0

    def git(self, repository: str, *arguments: str) -> str:
        """The output of git. Raises RuntimeError."""
        done = self.attempt(repository, *arguments)
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout.decode().strip("\n")

    def attempt(self, repository: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run git, and ignore a failure."""
        command = ["git", "-c", "safe.directory=*", f"--git-dir={self.host.path(repository)}", *arguments]
        return subprocess.run(command, capture_output=True, check=False)


def _new_lines(patch: str) -> set[int]:
    """The lines of the new file that a unified diff shows."""
    found: set[int] = set()
    number = 0
    for line in patch.splitlines():
        if line.startswith("@@"):
            number = int(line.split("+")[1].split(" ")[0].split(",")[0])
        elif line.startswith((" ", "+")):
            found.add(number)
            number += 1
    return found
