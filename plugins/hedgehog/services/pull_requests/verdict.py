"""Whether a pull request may be merged: one verdict over the reports on its fabrics. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.fabric.shown import counted
from hedgehog.hosts.host import PullRequest
from hedgehog.services.pull_requests.fabric_report import FabricReport


class ValidationStatus(StrEnum):
    """How a validation ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    """The pull request should not be merged, or could not be verified."""
    SKIPPED = "skipped"
    """A draft, closed, or not for our fabrics: nothing was posted at the host."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What happened to one pull request."""

    repository: str
    number: int
    status: ValidationStatus
    reason: str
    """One line, for people."""
    url: str = ""
    title: str = ""
    head: str = ""
    base: str = ""
    fabrics: tuple[FabricReport, ...] = ()
    comment: str | None = None
    """The page of our comment."""

    @classmethod
    def of(
        cls,
        repository: str,
        pull: PullRequest,
        status: ValidationStatus,
        reason: str,
        fabrics: tuple[FabricReport, ...] = (),
    ) -> Validation:
        """The validation of *pull* of *repository*."""
        return cls(repository, pull.number, status, reason, pull.url, pull.title, pull.head_sha, pull.base_ref, fabrics)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output: names, counts and problems, never manifests."""
        return {
            "repository": self.repository,
            "pull_request": self.number,
            "status": self.status.value,
            "reason": self.reason,
            "url": self.url,
            "head": self.head,
            "base": self.base,
            "comment": self.comment,
            "fabrics": [report.as_dict() for report in self.fabrics],
        }


def skipped(repository: str, pull: PullRequest) -> Validation | None:
    """The validation of a pull request that is not to be checked: a draft, or closed; None for any other."""
    if pull.state == "open" and not pull.draft:
        return None
    reason = "it is a draft" if pull.draft else "it is closed"
    return Validation.of(repository, pull, ValidationStatus.SKIPPED, reason)


def conclude(repository: str, pull: PullRequest, reports: Iterable[FabricReport]) -> Validation:
    """Success where every report is good, else a failure."""
    fabrics = tuple(sorted(reports, key=lambda report: report.fabric))
    is_good = all(report.is_good for report in fabrics)
    status = ValidationStatus.SUCCESS if is_good else ValidationStatus.FAILURE
    return Validation.of(repository, pull, status, _reason(fabrics), fabrics)


def could_not_verify(repository: str, pull: PullRequest, why: str) -> Validation:
    """A failure, because the merge could not be checked."""
    return Validation.of(repository, pull, ValidationStatus.FAILURE, why)


def _reason(reports: Sequence[FabricReport]) -> str:
    """One line: the verdict, and why."""
    if not reports:
        return "no fabric is touched"
    if not_verified := [report.fabric for report in reports if report.unverified]:
        return f"could not verify {', '.join(not_verified)}"
    errors = sum(report.errors for report in reports)
    warnings = sum(len(report.problems) for report in reports) - errors
    more = f", {counted(warnings, 'warning')}" if warnings else ""
    if errors:
        broken = sum(not report.is_good for report in reports)
        return f"{counted(errors, 'problem')} in {counted(broken, 'fabric')}{more}"
    return f"{counted(len(reports), 'fabric')} checked, no problems{more}"
