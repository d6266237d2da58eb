"""Whether a revision may be taken in: who signed the commit that changed the fabric.

It is the newest commit along first parents that changed the fabric's directory. Commits elsewhere in the repository,
signed or not, neither hold the fabric nor vouch for it; a signed merge vouches for what it merges.
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.fabric.model import Fabric
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.fabric.signers import AllowedSigners, Verify
from hedgehog.gitops import history, signatures
from hedgehog.gitops.signatures import SignatureStatus
from hedgehog.services.repository.branch import Commit


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a revision is not trusted."""

    reason: str
    commit: str
    is_refused: bool
    """It is not taken in."""

    @property
    def problem(self) -> SyncProblem:
        """As it is recorded."""
        return SyncProblem(ProblemKind.SIGNATURE, self.commit[:12], self.reason)


def doubted(commit: Commit, fabric: Fabric, *, since: str | None) -> Doubt | None:
    """Why what *commit* says of *fabric* is not trusted; None if it is, or if the repository verifies nothing.

    *since* is the revision that was taken in last. Raises NotFound where what verifies signatures is not installed.
    """
    repository = fabric.git_repository
    if repository is None or repository.verify is Verify.NONE:
        return None
    changed_by = history.introduction(commit.mirror, commit.head, fabric.git_directory, since=since)
    found = signatures.check(commit.mirror, changed_by, AllowedSigners.parse(repository.allowed_signers))
    if found.status is SignatureStatus.GOOD:
        return None
    refused = repository.verify is Verify.REQUIRE
    said = "is not taken in, because" if refused else "was taken in, although"
    reason = f"{commit.revision} {said} commit {found}, and {repository.name} has verify: {repository.verify.value}"
    return Doubt(reason, changed_by, refused)
