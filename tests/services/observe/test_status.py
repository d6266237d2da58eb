"""How fabrics stand, as a person is told: every reason in full, what waits for what, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import ObjectRef, SyncStatus, Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.services.git import sync as git_sync
from hedgehog.services.observe.status import TargetStatus, target_statuses
from hedgehog.services.validation import Refusals, find_refusals
from hedgehog.store import fabrics, sync_state
from hedgehog.store.database import Connection, transaction
from tests.services.git.sync_lab import EDITED, NOW, Lab, edited_text, make_vpc, open_lab


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A fabric that is published to Git and applied to its cluster."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", enable_k8s_sync=True, kubernetes_connection_id="k8s_lab")
        lab.sync("lab")
        applied(lab)
        yield lab


def applied(lab: Lab, *problems: SyncProblem, status: OutcomeStatus = OutcomeStatus.SUCCESS) -> None:
    """A sync to the cluster that did all that is published."""
    generation = lab.state("lab").observed_generation
    outcome = Outcome("lab", Target.KUBERNETES, status, generation=generation, problems=problems)
    with transaction(lab.database) as cursor:
        sync_state.finish(cursor, lab.id("lab"), outcome, run_id="run-1")


def standing(lab: Lab, target: Target = Target.KUBERNETES) -> TargetStatus:
    """How the fabric stands at a target."""
    found = target_statuses(lab.database, ["lab"], now=datetime.now(UTC))
    return next(one for one in found if one.state.target is target)


def refuse(lab: Lab) -> None:
    """Two new objects that no cluster would take are held by a sync to Git."""

    def refusing(fabric: object, wanted: object, before: object) -> Refusals:
        refs = [ref for ref in (f"VPC/default/{name}" for name in ("bad-1", "bad-2"))]
        return Refusals({ObjectRef.parse(ref): "VLAN 1 is taken" for ref in refs})

    lab.save("lab", make_vpc("bad-1"), make_vpc("bad-2"))
    lab.sync("lab", dependencies=git_sync.Dependencies(find_refusals=refusing, clock=lambda: NOW))
    applied(lab)


def test_a_fabric_in_sync_has_no_reasons(lab: Lab) -> None:
    """At both targets."""
    for target in Target:
        one = standing(lab, target)
        assert (one.state.status, one.lines(), one.is_in_step) == (SyncStatus.IN_SYNC, [], True)


def test_a_cluster_without_objects_that_git_holds_back_is_not_in_sync(lab: Lab) -> None:
    """All that is published is there; what is wanted is not."""
    refuse(lab)
    one = standing(lab)
    assert one.state.status is SyncStatus.WAITING
    assert one.reason == "has all that is published; 2 objects or files wait for Git"
    assert not one.is_in_step
    assert not one.needs_somebody


def test_every_refused_object_is_named_with_all_its_reasons(lab: Lab) -> None:
    """Not the first one and a number."""
    refuse(lab)
    lines = standing(lab, Target.GIT).lines()
    assert [line.split(" ")[0] for line in lines] == ["VPC/default/bad-1", "VPC/default/bad-2"]
    assert all("VLAN 1 is taken" in line for line in lines)
    fabric = fabrics.load_fabric(lab.database, "lab")
    twice = [make_vpc("a"), make_vpc("b")]
    reasons = find_refusals(fabric, twice, []).writes.values()
    assert not any(" more)" in reason for reason in reasons)
    assert any("; also " in reason for reason in reasons)


def test_a_cluster_that_is_behind_git_s_plans_waits_for_git(lab: Lab) -> None:
    """Out of sync, unchanged: that is not an answer."""
    fabrics.save_fabric(lab.database, "lab", {"description": "changed"})
    one = standing(lab)
    generation = one.state.generation
    assert one.state.status is SyncStatus.WAITING
    assert one.reason == f"has all that is published; generation {generation} waits for Git"
    assert standing(lab, Target.GIT).reason == f"generation {generation} is not written yet"


def test_a_suspended_fabric_says_why_and_until_when(lab: Lab) -> None:
    """As it was said when it was suspended; nothing of it needs somebody now."""
    lab.person().commit({EDITED: edited_text()})
    lab.sync("lab")
    fabrics.suspend(lab.database, "lab", reason="switch upgrade", until=datetime.now(UTC) + timedelta(hours=2))
    one = standing(lab, Target.GIT)
    assert one.reason.startswith("suspended until ")
    assert one.reason.endswith(": switch upgrade")
    assert (len(one.problems), one.needs_somebody) == (1, False)


def test_a_problem_is_reported_in_full_whatever_its_length(lab: Lab) -> None:
    """The end of a reason is what to do."""
    cause = "a reason " * 60 + "; do this"
    applied(lab, SyncProblem(ProblemKind.CONFLICT, "VPC/default/vpc-0", cause), status=OutcomeStatus.HELD)
    one = standing(lab)
    assert one.lines() == [f"VPC/default/vpc-0: {cause}"]
    assert one.needs_somebody
    assert one.as_dict()["problems"][0]["command"] == "hedgehog drift revert lab VPC/default/vpc-0 --in cluster"


def test_a_due_fabric_that_no_run_syncs_is_reported(lab: Lab) -> None:
    """A paused DAG, a queue without worker: nothing else would say so."""
    found = target_statuses(lab.database, ["lab"], now=datetime.now(UTC) + timedelta(days=1))
    assert all("is hedgehog_" in one.reason and "paused" in one.reason for one in found)


def test_a_fabric_that_was_never_published_waits_for_that(lab: Lab) -> None:
    """Its cluster has nothing to do before."""
    fabrics.save_repository(lab.database, "new", {"url": lab.host.url("new")})
    lab.add_fabric("new", git_repository="new", enable_k8s_sync=True, kubernetes_connection_id="k8s_lab")
    found = {one.state.target: one for one in target_statuses(lab.database, ["new"], now=datetime.now(UTC))}
    assert found[Target.KUBERNETES].reason == "waits for the first publication to Git"
    assert found[Target.GIT].reason == "no run has synced it yet"
