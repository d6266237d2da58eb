"""The addresses of a host's pages, for links. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Pages:
    """How a type of host names the pages below that of a repository."""

    commits: str
    directories: str
    """With `{branch}` and `{path}`."""
    files: str
    pulls: str = ""
    """Empty where pull requests are not known here."""
    slash: str = "/"
    """The characters of a branch's name that stay as they are."""

    def commit(self, commit: str) -> str:
        """Of a commit and its changes."""
        return f"{self.commits}/{commit}"

    def directory(self, branch: str, path: str) -> str:
        """Of a directory at the head of *branch*."""
        return self.directories.format(branch=quote(branch, safe=self.slash), path=quote(path))

    def file(self, branch: str, path: str) -> str:
        """Of a file at the head of *branch*."""
        return self.files.format(branch=quote(branch, safe=self.slash), path=quote(path))

    def pull(self, number: int) -> str:
        """Of a pull request."""
        return f"{self.pulls}/{number}" if self.pulls else ""
