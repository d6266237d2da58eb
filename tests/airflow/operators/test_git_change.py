"""The operator that commits a planned change to the repository of a fabric that lives in Git, on real parts."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.adapters import hooks
from hedgehog.airflow.operators.git_change import CommitPlanOperator
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Manifest
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.steer.git_plans import plan_for_git
from hedgehog.store import fabrics
from tests.services.git.sync_lab import trust
from tests.services.pull_requests.validate_lab import Lab, key, lab, text, vpc

__all__ = ["key", "lab"]

FILE = "fabrics/lab/vpc-1.yaml"
FIRST = "# ours\n" + text(vpc("vpc-1", "10.0.1.0/24", 1001))


@pytest.fixture
def followed(lab: Lab, fabric_database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Fabric `lab` follows Git, which tasks can reach."""
    monkeypatch.setattr(hooks, "open_mirror", lab.open_mirror)
    monkeypatch.setattr(hooks, "open_host", lab.open_host)
    fabrics.save_fabric(lab.database, "lab", {"source_of_truth": "git"})
    lab.main.commit({FILE: FIRST}, "Begin")
    take_in(lab)
    return lab


def take_in(lab: Lab) -> None:
    """What the task `follow` does."""
    repository_changes.follow(
        lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run-1", at_once=True, find_refusals=trust
    )


def planned(lab: Lab, manifest: Manifest) -> str:
    """The id of a plan that stores *manifest*."""
    fabric = fabrics.load_fabric(lab.database, "lab")
    return plan_for_git(lab.database, fabric, DesiredChange((manifest,)), actor="ann", allow_invalid=False).id


def in_git(lab: Lab, *arguments: str) -> str:
    """What git says at the host."""
    git = ["git", f"--git-dir={lab.git.path('acme/net')}", *arguments]
    return subprocess.run(git, capture_output=True, check=True, text=True).stdout


def commit(context: dict[str, Any], plan: str, **options: Any) -> tuple[CommitPlanOperator, dict[str, Any]]:
    """Run the task for Ann."""
    context["dag_run"].triggering_user_name = "ann@example.com"
    operator = CommitPlanOperator(task_id="commit", plan=plan, reason="CHG-7", **options)
    return operator, operator.execute(context)


def test_the_commit_is_by_who_started_the_run_and_the_next_task_takes_it_in(
    followed: Lab, context: dict[str, Any]
) -> None:
    """With the reason, and a button that leads to the fabric; a rollback gives the file its comment again."""
    before = fabrics.load_fabric(followed.database, "lab").generation
    followed.main.commit({FILE: text(vpc("vpc-1", "10.0.1.0/24", 1011))}, "Without a comment")
    take_in(followed)
    operator, done = commit(context, planned(followed, vpc("vpc-1", "10.0.1.0/24", 1012)))
    assert (done["fabrics"], done["repositories"], done["git"]["files"]) == (["lab"], ["net"], [FILE])
    assert in_git(followed, "log", "-1", "--format=%an <%ae>: %s", "main") == (
        "ann@example.com <ann@example.com>: lab: VPC vpc-1 subnet default vlan 1011 → 1012\n"
    )
    assert "CHG-7" in in_git(followed, "log", "-1", "--format=%b", "main")
    assert operator.page_link == "plugin/hedgehog/fabrics/lab"
    take_in(followed)
    plan = planned(followed, vpc("vpc-1", "10.0.1.0/24", 1001))
    commit(context, plan, rollback_to=before)
    assert in_git(followed, "show", f"main:{FILE}") == FIRST
    assert f"roll back to generation {before}" in in_git(followed, "log", "-1", "--format=%s", "main")


def test_a_protected_branch_leaves_nothing_to_take_in(followed: Lab, context: dict[str, Any]) -> None:
    """The pull request has to be merged first."""
    followed.protect_main()
    _, done = commit(context, planned(followed, vpc("vpc-1", "10.0.1.0/24", 1012)))
    assert (done["repositories"], done["git"]["pull_request"].startswith("https://")) == ([], True)
    assert in_git(followed, "show", f"main:{FILE}") == FIRST


def test_a_plan_that_no_longer_holds_fails_without_a_retry(followed: Lab, context: dict[str, Any]) -> None:
    """And so does one that does not exist."""
    plan = planned(followed, vpc("vpc-1", "10.0.1.0/24", 1012))
    followed.main.commit({FILE: text(vpc("vpc-1", "10.0.1.0/24", 1011))}, "Meanwhile")
    take_in(followed)
    with pytest.raises(AirflowFailException, match="no longer holds"):
        commit(context, plan)
    with pytest.raises(AirflowFailException, match="there is no plan"):
        commit(context, "")
