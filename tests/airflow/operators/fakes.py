"""Fakes for these tests: outcomes, a fabric database, and services with prepared answers."""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, Target

REVISION = "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
COMMIT = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
REPOSITORY = GitRepository(id=1, name="network", url="https://git.example.com/net/fabrics.git", host="gitea")


def make_outcome(fabric: str = "fabric-1", status: OutcomeStatus = OutcomeStatus.SUCCESS, **parts: Any) -> Outcome:
    """The outcome of a sync of *fabric* to Git."""
    return Outcome(fabric=fabric, target=parts.pop("target", Target.GIT), status=status, **parts)


def make_error(fabric: str, reason: str = "the Git host is unreachable") -> Outcome:
    """The outcome of a failed sync."""
    return make_outcome(fabric, OutcomeStatus.ERROR, reason=reason, error_class="RemoteUnavailable", retryable=True)


def make_fabric(name: str = "fabric-1") -> Fabric:
    """A fabric with a directory in REPOSITORY."""
    return Fabric(id=1, name=name, resource_name=name, git_repository=REPOSITORY, git_directory=f"fabrics/{name}")


HELD = make_outcome(
    status=OutcomeStatus.HELD,
    reason="fabric.yaml was edited by Ann",
    revision=REVISION,
    details=("Fabric/default/f skipped",),
)
"""A fabric that somebody edited."""


class FakeDatabase:
    """A connection that can be closed."""

    closed = False

    def close(self) -> None:
        """Close it."""
        self.closed = True


class Service:
    """A use case that records its calls and returns a prepared answer; an answer that is an error is raised."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls.append((arguments, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
