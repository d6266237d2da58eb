"""What merging a branch would do to a fabric, at whatever Git host: a fetch is all that is needed.

The very steps of the check of a pull request, without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.change_plan import ChangePlan, PlanKind, PlannedHold, PlanPart, PlanPlace
from hedgehog.fabric.model import Fabric, GitRepository, Revision
from hedgehog.fabric.near import did_you_mean
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.pull_requests.fabric_report import FabricReport, fabric_report
from hedgehog.services.pull_requests.gather import MergeHead, gather
from hedgehog.services.pull_requests.report import problem_text
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabrics


def plan_merge(connection: Connection, fabric: Fabric, branch: str, *, open_mirror: OpenMirror) -> ChangePlan:
    """What merging *branch* into the branch of *fabric* would do to it, and what is wrong with that. Writes nothing.

    Raises InvalidInput where the fabric has no repository or is on that very branch, NotFound where the host has no
    such branch.
    """
    repository = fabric.git_repository
    if repository is None:
        raise InvalidInput(f"{fabric.name}: it has no git_repository, so there is no branch to merge")
    if branch == repository.branch:
        raise InvalidInput(
            f"{fabric.name}: it is on branch {branch} itself; name the branch to be merged into that one"
        )
    head = _head(open_mirror(replace(repository, branch=branch)), branch)
    merge = MergeHead(repository.branch, head, f"refs/heads/{branch}")
    revision = str(Revision(branch, head))
    for merged in gather(
        connection, merge, _beside(connection, repository), open_mirror=open_mirror, check_time=_go_on
    ):
        if merged.fabric.id == fabric.id:
            return _plan(fabric_report(merged), fabric, branch, revision)
    return _plan(FabricReport(fabric.name, fabric.git_directory), fabric, branch, revision)


def _head(mirror: Mirror, branch: str) -> str:
    head = mirror.head()
    if head is None:
        near = did_you_mean(branch, list(mirror.branches()), otherwise="")
        raise NotFound(f"{mirror.remote.url}: there is no branch {branch}{'; ' + near if near else ''}")
    return head


def _beside(connection: Connection, repository: GitRepository) -> Iterator[tuple[GitRepository, Fabric]]:
    """All fabrics of the branch: each leaves alone what is in the directories of the others."""
    for one in load_fabrics(connection, list(neighbours(connection, repository))):
        if one.git_repository is not None:
            yield one.git_repository, one


def _go_on() -> None:
    """Nothing limits the time of a person who waits."""


def _plan(report: FabricReport, fabric: Fabric, branch: str, revision: str) -> ChangePlan:
    plan = report.plan or ChangePlan(fabric.name, PlanKind.MERGE, fabric.generation, (PlanPart(PlanPlace.GIT),))
    held = [PlannedHold(one.ref or one.file, problem_text(one), True) for one in report.problems if one.is_error]
    warnings = [problem_text(one) for one in report.problems if not one.is_error]
    part = replace(
        plan.parts[0],
        held=tuple(held),
        warnings=(*(f"it would change a setting: {one}" for one in report.settings), *warnings),
        unverified=report.unverified,
    )
    return replace(plan, parts=(part,), branch=branch, revision=revision, base=revision)
