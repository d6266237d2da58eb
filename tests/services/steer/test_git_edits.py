"""Objects of a fabric that lives in Git are edited and deleted there, and what people wrote around them stays."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.objects import make
from hedgehog.errors import InvalidInput, Superseded
from hedgehog.fabric.change_plan import ChangePlan, PlanKind
from hedgehog.fabric.changes import Action
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.gitops import commit as commits
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.steer.deletions import Deletion
from hedgehog.services.steer.edits import ObjectEdit
from hedgehog.services.steer.git_change import GitAccess
from hedgehog.services.steer.git_edits import delete_in_git, edit_in_git
from hedgehog.services.steer.git_plans import commit_plan, plan_for_git
from hedgehog.services.steer.plans import keep_plan
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.actions import action_rows
from tests.services.git.sync_lab import trust
from tests.services.pull_requests.validate_lab import Lab, key, lab, text, vpc

__all__ = ["key", "lab"]

VPC_1, VPC_2, VPC_3 = (ObjectRef("VPC", "default", f"vpc-{number}") for number in (1, 2, 3))
ANNA = Origin(who="Anna <anna@example.com>", via=Via.CLI, why="CHG-7")
FILE = "fabrics/lab/Tenants (all).yaml"
WRITTEN = """\
# Tenants of the lab.

apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: vpc-1}   # the first one
spec:
    subnets:
        default:
            subnet: "10.0.1.0/24"
            vlan: 1001   # ask Ben before changing it
---
# The second one.
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: vpc-2
spec:
  subnets:
    default: {subnet: 10.0.2.0/24, vlan: 1002}
"""


@pytest.fixture
def followed(lab: Lab) -> Lab:
    """Fabric `lab` follows Git, where one file with comments has two VPCs."""
    fabrics.save_fabric(lab.database, "lab", {"source_of_truth": "git"})
    lab.main.commit({"fabrics/lab/vpc-1.yaml": None, FILE: WRITTEN}, "Begin")
    take_in(lab)
    return lab


def take_in(lab: Lab) -> None:
    """What the DAG does after a push."""
    (look,) = repository_changes.follow(
        lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run-1", at_once=True, find_refusals=trust
    )
    assert look.error is None


def stored(lab: Lab) -> dict[ObjectRef, object_store.StoredObject]:
    """What the database has."""
    row = fabrics.load_fabric(lab.database, "lab").id
    return {one.ref: one for one in object_store.load_objects(lab.database, [row])[row]}


def access(lab: Lab) -> GitAccess:
    """How Git is reached."""
    return GitAccess(lab.open_mirror, lab.open_host, datetime.now(UTC))


def edit(lab: Lab, manifest: Manifest, **options: Any) -> ObjectEdit:
    """Edit an object, as it is in the database now."""
    present = stored(lab).get(ObjectRef.of(manifest))
    given = {"digest": present.digest if present else None, "origin": ANNA, "git": access(lab), **options}
    return edit_in_git(lab.database, "lab", text(manifest), **given)


def delete(lab: Lab, *words: str, **options: Any) -> Deletion:
    """Delete objects."""
    return delete_in_git(lab.database, "lab", words, origin=ANNA, git=access(lab), **options)


def in_git(lab: Lab, *arguments: str) -> str:
    """What git says at the host."""
    git = ["git", f"--git-dir={lab.git.path('acme/net')}", *arguments]
    return subprocess.run(git, capture_output=True, check=True, text=True).stdout


def written(lab: Lab, branch: str = "main") -> str:
    """The file as it is in Git."""
    return in_git(lab, "show", f"{branch}:{FILE}")


def test_an_edit_changes_its_field_in_its_document_and_nothing_else(followed: Lab) -> None:
    """The author is who asked, the message says what and why, and the database follows as after every push."""
    dry = edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011), dry_run=True)
    assert dry.git is not None
    assert (dry.git.commit, dry.git.files, written(followed)) == (None, (FILE,), WRITTEN)
    done = edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))
    assert done.git is not None
    assert (done.action, [one.path for one in done.differences]) == (Action.CONFIGURED, [".spec.subnets.default.vlan"])
    assert (done.git.branch, done.git.commit) == ("main", in_git(followed, "rev-parse", "main").strip())
    assert written(followed) == WRITTEN.replace("vlan: 1001 ", "vlan: 1011 ")
    assert in_git(followed, "log", "-1", "--format=%an <%ae>: %s", "main") == (
        "Anna <anna@example.com>: lab: VPC vpc-1 subnet default vlan 1001 → 1011\n"
    )
    assert "CHG-7" in in_git(followed, "log", "-1", "--format=%b", "main")
    assert stored(followed)[VPC_1].manifest["spec"]["subnets"]["default"]["vlan"] == 1001
    take_in(followed)
    assert stored(followed)[VPC_1].manifest["spec"]["subnets"]["default"]["vlan"] == 1011
    again = edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))
    assert (again.action, again.git) == (Action.UNCHANGED, None)


def test_addresses_that_an_edit_leaves_out_are_committed(followed: Lab) -> None:
    """They are assigned before the commit, from what is free in the fabric."""
    switch = make("Switch", "leaf-01", {"role": "server-leaf", "profile": "celestica-ds2000", "boot": {"serial": "x"}})
    done = edit(followed, switch)
    assert done.git is not None
    assert any("assigned 4 values" in note for note in done.notes)
    assert "asn: 65101" in in_git(followed, "show", f"main:{done.git.files[0]}")


def test_a_deletion_removes_its_document_alone(followed: Lab) -> None:
    """And the file with the last object in it."""
    assert delete(followed, "vpc/vpc-2", dry_run=True).git is not None
    assert written(followed) == WRITTEN
    done = delete(followed, "vpc/vpc-2")
    assert done.git is not None and done.git.files == (FILE,)
    assert "vpc-2" not in written(followed)
    assert "ask Ben before changing it" in written(followed)
    take_in(followed)
    assert VPC_2 not in stored(followed)
    delete(followed, "vpc/vpc-1")
    assert FILE not in in_git(followed, "ls-tree", "-r", "--name-only", "-z", "main").split("\0")
    take_in(followed)
    assert VPC_1 not in stored(followed)


def test_a_new_object_gets_a_file_of_its_own(followed: Lab) -> None:
    """Where a fabric of the database would have it."""
    done = edit(followed, vpc("vpc-3", "10.0.3.0/24", 1003))
    assert done.git is not None and len(done.git.files) == 1
    take_in(followed)
    assert VPC_3 in stored(followed)
    assert written(followed) == WRITTEN


def test_what_was_pushed_meanwhile_is_not_overwritten(followed: Lab) -> None:
    """Git's newer content is taken in first."""
    followed.main.commit({FILE: WRITTEN.replace("1001", "1077")}, "Somebody else")
    with pytest.raises(Superseded, match="Git has another content than the fabric database"):
        edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))
    edit(followed, vpc("vpc-2", "10.0.2.0/24", 1012))
    assert written(followed) == WRITTEN.replace("1001", "1077").replace("1002", "1012")
    with pytest.raises(Superseded, match="was changed by others since you read it"):
        edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011), digest="0" * 32)


def test_an_edit_is_tried_again_when_somebody_pushes_meanwhile(followed: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was pushed stays."""
    push, others = commits.push, [lambda: followed.main.commit({"fabrics/lab/README.md": "# new\n"}, "Meanwhile")]

    def push_late(*arguments: Any) -> None:
        if others:
            others.pop()()
        push(*arguments)

    monkeypatch.setattr(commits, "push", push_late)
    monkeypatch.setattr("hedgehog.services.steer.git_change.time.sleep", lambda _: None)
    edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))
    assert written(followed) == WRITTEN.replace("vlan: 1001 ", "vlan: 1011 ")
    assert in_git(followed, "show", "main:fabrics/lab/README.md") == "# new\n"


def test_what_a_cluster_would_refuse_is_not_committed(followed: Lab) -> None:
    """Unless somebody allows it."""
    bad = vpc("vpc-1", "10.0.2.0/25", 1001)
    with pytest.raises(InvalidInput, match="nothing was changed"):
        edit(followed, bad)
    assert written(followed) == WRITTEN
    edit(followed, bad, allow_invalid=True)
    assert "10.0.2.0/25" in written(followed)


def test_an_object_with_a_problem_in_git_is_not_written_twice(followed: Lab) -> None:
    """It is corrected where it is."""
    followed.main.commit({FILE: WRITTEN.replace("vlan: 1001", "vlan: [1001]")}, "A slip")
    take_in(followed)
    assert VPC_1 in stored(followed)
    with pytest.raises(InvalidInput, match="is in Git with a problem"):
        edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))


def test_a_protected_branch_gets_a_pull_request(followed: Lab) -> None:
    """As a rollback does."""
    followed.protect_main()
    done = edit(followed, vpc("vpc-1", "10.0.1.0/24", 1011))
    assert done.git is not None and done.git.pull_request.startswith("https://")
    assert written(followed) == WRITTEN
    assert written(followed, done.git.branch) == WRITTEN.replace("vlan: 1001 ", "vlan: 1011 ")
    assert done.git.branch.startswith("hedgehog/edit-lab-")


def test_the_next_try_of_a_run_finds_its_branch_and_its_pull_request(followed: Lab) -> None:
    """The run's worker was lost after it had pushed, or after it had opened the pull request."""
    followed.protect_main()
    lab_ = fabrics.load_fabric(followed.database, "lab")
    change = DesiredChange((vpc("vpc-1", "10.0.1.0/24", 1011),))
    plan = plan_for_git(followed.database, lab_, change, actor="anna", allow_invalid=False)
    run = replace(ANNA, run="hedgehog_git_change/one")
    done = commit_plan(followed.database, plan.id, origin=run, git=access(followed)).git
    later = GitAccess(followed.open_mirror, followed.open_host, datetime.now(UTC) + timedelta(minutes=5))
    assert commit_plan(followed.database, plan.id, origin=run, git=later).git == done


def test_another_change_has_a_branch_of_its_own_whatever_the_name_of_its_run(followed: Lab) -> None:
    """A command is named by its process id, and those recur: nobody's change may end in the branch of an earlier one."""
    followed.protect_main()
    run = replace(ANNA, run="hedgehog-command/anna/7")
    branches = set()
    for vlan in (1011, 1012):
        done = edit(followed, vpc("vpc-1", "10.0.1.0/24", vlan), origin=run).git
        assert done is not None
        assert f"vlan: {vlan}" in written(followed, done.branch)
        branches.add(done.branch)
    assert len(branches) == 2


def test_a_kept_plan_is_committed_if_it_still_holds(followed: Lab) -> None:
    """Several objects in one commit; a second time, Git has it already, and later the plan no longer holds."""
    lab_ = fabrics.load_fabric(followed.database, "lab")
    change = DesiredChange((vpc("vpc-1", "10.0.1.0/24", 1011), vpc("vpc-3", "10.0.3.0/24", 1003)), (VPC_2,))
    plan = plan_for_git(followed.database, lab_, change, actor="anna", allow_invalid=False)
    done = commit_plan(followed.database, plan.id, origin=ANNA, git=access(followed))
    assert (done.git.branch, done.git.commit) == ("main", in_git(followed, "rev-parse", "main").strip())
    assert in_git(followed, "log", "-1", "--format=%an: %s", "main") == "Anna: lab: 3 objects of 1 kind\n"
    assert "vpc-2" not in written(followed)
    again = commit_plan(followed.database, plan.id, origin=ANNA, git=access(followed))
    assert (again.git.commit, again.git.files) == (None, ())
    assert [row["action"] for row in action_rows(followed.database, "lab", after=None, limit=9)] == ["apply"]
    take_in(followed)
    assert sorted(stored(followed).keys() & {VPC_1, VPC_2, VPC_3}) == [VPC_1, VPC_3]
    with pytest.raises(Superseded, match="no longer holds"):
        commit_plan(followed.database, plan.id, origin=ANNA, git=access(followed))


def test_a_deletion_of_what_may_be_in_an_unreadable_file_is_not_taken_for_done(followed: Lab) -> None:
    """The object could be in there."""
    lab_ = fabrics.load_fabric(followed.database, "lab")
    change = DesiredChange(deletes=(VPC_2,))
    plan = plan_for_git(followed.database, lab_, change, actor="anna", allow_invalid=False)
    first = WRITTEN.partition("---\n")[0]
    followed.main.commit({FILE: first, "fabrics/lab/torn.yaml": "a: [1\n"}, "A slip")
    with pytest.raises(Superseded, match="no file in Git that can be read has it"):
        commit_plan(followed.database, plan.id, origin=ANNA, git=access(followed))


def test_only_a_change_of_a_fabric_that_follows_git_is_committed(followed: Lab) -> None:
    """What cannot be committed is said before Git is asked."""
    lab_ = fabrics.load_fabric(followed.database, "lab")
    bad = DesiredChange((vpc("vpc-1", "10.0.2.0/25", 1001),))
    with pytest.raises(InvalidInput, match="nothing was changed"):
        plan_for_git(followed.database, lab_, bad, actor="anna", allow_invalid=False)
    refused = plan_for_git(followed.database, lab_, bad, actor="anna", allow_invalid=True)
    with pytest.raises(InvalidInput, match="nothing was changed"):
        commit_plan(followed.database, refused.id, origin=ANNA, git=access(followed))
    sync = ChangePlan("lab", PlanKind.SYNC, lab_.generation, ())
    keep_plan(followed.database, lab_, sync, None, actor="anna")
    with pytest.raises(InvalidInput, match="is a sync, not a change"):
        commit_plan(followed.database, sync.id, origin=ANNA, git=access(followed))
    fabrics.save_fabric(followed.database, "lab", {"source_of_truth": "database"})
    with pytest.raises(InvalidInput, match="hedgehog apply"):
        commit_plan(followed.database, refused.id, origin=ANNA, git=access(followed))
    assert written(followed) == WRITTEN
