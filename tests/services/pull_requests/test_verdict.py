"""The verdict on a pull request follows from what was gathered alone: no database, no Git, no host."""

from __future__ import annotations

from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.hosts.github import HOST
from hedgehog.hosts.host import Conclusion, PullRequest
from hedgehog.services.fabric_files import FabricFiles
from hedgehog.services.pull_requests.fabric_report import FabricReport, fabric_report
from hedgehog.services.pull_requests.gather import MergedFabric
from hedgehog.services.pull_requests.report import check_result
from hedgehog.services.pull_requests.verdict import ValidationStatus, conclude, could_not_verify, skipped
from tests.services.pull_requests.validate_lab import FILES, OVERLAPS, text, vpc

REPOSITORY = GitRepository(1, "net", "https://git.example.com/acme/net")
LAB = Fabric(1, "lab", "lab", git_repository=REPOSITORY, git_directory="fabrics/lab")
PAGE = "https://git.example.com/acme/net/pull/7"
PULL = PullRequest(7, "Add a VPC", "open", False, "a" * 40, "main", 1, PAGE, "refs/pull/7/head")
BEFORE = {
    "fabrics/lab/namespaces.yaml": FILES["fabrics/lab/namespaces.yaml"],
    "fabrics/lab/vpc-1.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1001)),
}


def merged(after: dict[str, str], **values: str) -> MergedFabric:
    """A merge after which the fabric has the files *after*; the key of a file is its content."""
    return MergedFabric(LAB, FabricFiles(wanted=BEFORE), FabricFiles(wanted=after), content=str.encode, **values)


def report_on(path: str, content: str) -> FabricReport:
    """The report on a merge that adds one file."""
    return fabric_report(merged({**BEFORE, path: content}))


def test_a_sound_change_is_a_success():
    """The check says so, and the pull request gets a comment with what merging would do."""
    report = report_on("fabrics/lab/vpc-2.yaml", text(vpc("vpc-2", "10.0.2.0/24", 1002)))
    found = conclude("acme/net", PULL, [report])
    assert (found.status, found.reason) == (ValidationStatus.SUCCESS, "1 fabric checked, no problems")
    result = check_result(found, PULL, "", HOST)
    assert (result.conclusion, result.notes, result.needs_comment) == (Conclusion.SUCCESS, [], True)
    assert "Merging would create 1 object." in result.summary


def test_a_refused_object_is_a_failure_with_a_note_on_its_line():
    """Of the file that the pull request adds."""
    found = conclude("acme/net", PULL, [report_on("fabrics/lab/vpc-2.yaml", OVERLAPS)])
    assert (found.status, found.reason) == (ValidationStatus.FAILURE, "1 problem in 1 fabric")
    result = check_result(found, PULL, "https://airflow.example.com/log", HOST)
    assert (result.conclusion, [note.path for note in result.notes]) == (Conclusion.FAILURE, ["fabrics/lab/vpc-2.yaml"])
    assert "[the full report](https://airflow.example.com/log)" in result.ending


def test_a_fabric_that_cannot_be_verified_is_a_failure():
    """Whatever the other fabrics are."""
    good, unverified = report_on("fabrics/lab/README.yaml", ""), fabric_report(merged({}, unverified="it conflicts"))
    found = conclude("acme/net", PULL, [good, unverified])
    assert (found.status, found.reason) == (ValidationStatus.FAILURE, "could not verify lab")


def test_nothing_that_touches_a_fabric_is_a_success_without_a_new_comment():
    """A pull request to other files is not commented on, unless it was before."""
    found = conclude("acme/net", PULL, [])
    assert (found.status, found.reason) == (ValidationStatus.SUCCESS, "no fabric is touched")
    assert not check_result(found, PULL, "", HOST).needs_comment
    assert check_result(could_not_verify("acme/net", PULL, "why"), PULL, "", HOST).needs_comment


def test_only_open_pull_requests_that_are_no_drafts_are_checked():
    """The others are skipped, with the reason."""
    draft = PullRequest(7, "x", "open", True, "a" * 40, "main", 1, "u", "refs/pull/7/head")
    closed = PullRequest(7, "x", "closed", False, "a" * 40, "main", 1, "u", "refs/pull/7/head")
    reasons = [found and found.reason for found in (skipped("acme/net", one) for one in (PULL, draft, closed))]
    assert reasons == [None, "it is a draft", "it is closed"]
