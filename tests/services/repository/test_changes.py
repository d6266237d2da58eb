"""A push arrives: what it says of a fabric is taken over at one revision, the good of it without the bad."""

from __future__ import annotations

import pytest

from devstack.git_server import GitServer
from hedgehog.errors import NotFound
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository import plan as repository_plan
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import repository_heads, schedule
from tests.services.repository.changes_lab import (
    EXAMPLE,
    LAB,
    ada,
    delivery,
    due,
    execute,
    follow,
    lab,
    make_attachment,
    make_vpc,
    objects,
    published,
    push,
    state,
    text,
)

__all__ = ["ada", "lab"]

# What a push says is taken over


def test_a_vpc_and_its_attachment_arrive_together_at_one_revision(lab, ada):
    """Database, cluster and status speak of the same commit, and the cluster is due."""
    head = ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003)), f"{LAB}/at.yaml": text(make_attachment("c"))})
    look = follow(lab)
    assert (look.revision, look.moved, look.failed) == (f"main@sha1:{head}", True, False)
    (outcome,) = look.outcomes
    assert (outcome.status, outcome.counts["created"], outcome.counts["configured"]) == (OutcomeStatus.SUCCESS, 2, 0)
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002, "c": 1003, "c-server": "c/default"}
    found = state(lab)
    assert (found.status, found.revision) == (SyncStatus.IN_SYNC, f"main@sha1:{head}")
    assert found.observed_generation == found.generation
    assert due(lab) == ["lab"]


def test_an_edit_a_removal_and_a_move_are_taken_over(lab, ada):
    """A file that moves is the same object."""
    ada.commit(
        {
            f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111)),
            f"{LAB}/vpcs/b.yaml": None,
            f"{LAB}/other/c.yaml": text(make_vpc("c", 1003)),
        }
    )
    assert follow(lab).outcomes[0].counts["deleted"] == 1
    assert objects(lab) == published(lab) == {"a": 1111, "c": 1003}
    ada.commit({f"{LAB}/other/c.yaml": None, f"{LAB}/moved.yml": text(make_vpc("c", 1003))})
    assert follow(lab).outcomes[0].status is OutcomeStatus.SKIPPED
    assert objects(lab) == published(lab) == {"a": 1111, "c": 1003}


def test_each_commit_of_a_push_is_a_change_of_its_author(lab, ada):
    """The author of a file is asked why, not whoever pushed last."""
    first = ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))}, "Give a another VLAN")
    second = lab.person(name="Bob").commit(
        {f"{LAB}/vpcs/b.yaml": None, f"{LAB}/vpcs/c.yaml": text(make_vpc("c"))}, "Replace b by c\n\nWhy."
    )
    follow(lab)
    found = execute(
        lab,
        "SELECT c.who, c.via, c.why, c.commit_id, c.run_id, v.name FROM hedgehog.change c JOIN hedgehog.object_version v "
        "ON v.change_id = c.id WHERE c.commit_id = ANY(%s) ORDER BY v.name",
        [first, second],
    )
    ada_, bob = "Ada <ada@example.com>", "Bob <bob@example.com>"
    assert found == [
        (ada_, "git", "Give a another VLAN", first, "run-1", "a"),
        (bob, "git", "Replace b by c", second, "run-1", "b"),
        (bob, "git", "Replace b by c", second, "run-1", "c"),
    ]


def test_two_files_may_swap_their_objects(lab, ada):
    """However people sort their files."""
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("b", 1002)), f"{LAB}/vpcs/b.yaml": text(make_vpc("a", 1001))})
    follow(lab)
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002}


def test_a_file_may_hold_many_objects(lab, ada):
    """Some write one file per fabric; taking out the first document leaves the others."""
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1001), make_vpc("c", 1003), make_vpc("d", 1004))})
    follow(lab)
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002, "c": 1003, "d": 1004}
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("c", 1003), make_vpc("d", 1004))})
    follow(lab)
    assert objects(lab) == published(lab) == {"b": 1002, "c": 1003, "d": 1004}


def test_what_lies_elsewhere_or_is_not_a_manifest_is_not_read(lab, ada):
    """Hidden files, texts, other directories, and the directory of another fabric below this one."""
    lab.add_fabric("inner", 0, git_directory=f"{LAB}/inner", source_of_truth="git")
    ada.commit(
        {
            f"{LAB}/.github/broken.yaml": "a: [",
            f"{LAB}/README.md": "a: [",
            "fabrics/labor/x.yaml": text(make_vpc("x")),
            f"{LAB}/inner/vpc.yaml": text(make_vpc("mine", 1500)),
            f"{LAB}/inner/namespaces.yaml": (EXAMPLE / "namespaces.yaml").read_text(),
        }
    )
    follow(lab)
    assert (objects(lab), objects(lab, "inner")) == ({"a": 1001, "b": 1002}, {"mine": 1500})


def test_a_second_look_finds_nothing_to_do(lab, ada):
    """No work, no history; one question to the host."""
    before = len(lab.host.requests)
    events = execute(lab, "SELECT count(*) FROM hedgehog.sync_event")
    assert follow(lab).outcomes == ()
    assert [line for line in lab.host.requests[before:] if "upload-pack" in line and line.startswith("POST")] != []
    assert len(lab.host.requests) - before <= 2
    assert execute(lab, "SELECT count(*) FROM hedgehog.sync_event") == events


def test_a_push_to_another_directory_leaves_the_fabric_alone(lab, ada):
    """Affected fabrics are found by path."""
    ada.commit({"fabrics/other/vpc.yaml": text(make_vpc("x"))})
    look = follow(lab)
    assert (look.moved, look.outcomes) == (True, ())


def test_objects_that_somebody_changed_in_the_database_become_as_git_has_them(lab, ada):
    """Git is the source of truth; the change made the fabric due."""
    lab.save("lab", make_vpc("a", 1999), make_vpc("z", 1998))
    assert repository_plan.plan(lab.database) == [["net"]]
    follow(lab)
    assert objects(lab) == {"a": 1001, "b": 1002}


def test_the_fabrics_own_file_sets_what_it_may(lab, ada):
    """What the fabric is, but not which cluster it goes to: whoever may push is not an operator."""
    document = {
        "apiVersion": "hedgehog-airflow/v1",
        "kind": "Fabric",
        "metadata": {"name": "lab"},
        "spec": {"asn": 65123, "description": "Lab", "kubernetes_connection_id": "production"},
    }
    ada.commit({f"{LAB}/fabric.yaml": text(document)})
    (outcome,) = follow(lab).outcomes
    fabric = fabric_store.load_fabric(lab.database, "lab")
    assert (fabric.asn, fabric.description, fabric.kubernetes_connection_id) == (65123, "Lab", "cluster")
    assert outcome.status is OutcomeStatus.HELD
    assert ".spec.kubernetes_connection_id: is set in the fabric database, not in Git" in outcome.reason
    assert state(lab).observed_generation == fabric.generation


def test_a_push_does_not_switch_the_rules_off(lab, ada):
    """What a cluster would refuse stays refused."""
    spec = {"description": "Lab", "settings": {"enforced": False}}
    document = {"apiVersion": "hedgehog-airflow/v1", "kind": "Fabric", "metadata": {"name": "lab"}, "spec": spec}
    ada.commit({f"{LAB}/fabric.yaml": text(document)})
    (outcome,) = follow(lab).outcomes
    fabric = fabric_store.load_fabric(lab.database, "lab")
    assert (fabric.description, fabric.settings.enforced, outcome.status) == ("Lab", True, OutcomeStatus.HELD)
    assert "a push must not decide whether it is checked" in outcome.reason


def test_a_setting_that_the_database_refuses_is_a_problem_of_its_file(lab, ada):
    """The objects beside it are taken over."""
    document = {"apiVersion": "hedgehog-airflow/v1", "kind": "Fabric", "metadata": {"name": "lab"}, "spec": {"asn": 0}}
    ada.commit({f"{LAB}/fabric.yaml": text(document), f"{LAB}/c.yaml": text(make_vpc("c", 1003))})
    (outcome,) = follow(lab).outcomes
    assert "asn is 1 to 4294967295" in outcome.reason
    assert objects(lab) == {"a": 1001, "b": 1002, "c": 1003}


# What is wrong is parked, alone


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", f"{LAB}/vpcs/a.yaml:2:1: not YAML"),
        (text({**make_vpc("a"), "spec": {"subnets": 7}}), "VPC/default/a: "),
        (text({**make_vpc("a", 1001), "apiVersion": "vpc.githedgehog.com/v1alpha2"}), "is not served since Beta-1"),
        (text(make_vpc("a", 2500)), "VPC/default/a"),
        (text(make_vpc("a", 1111), make_vpc("a", 1112)), "appears twice"),
        (text(make_vpc("b", 1111)), "VPC/default/b appears twice"),
        ("x" * (1024 * 1024 + 1), "above the limit"),
    ],
    ids=["syntax", "schema", "old version", "rule", "twice in one file", "twice in two files", "too large"],
)
def test_a_bad_file_leaves_its_object_as_it_was_and_holds_up_no_other(lab, ada, content, said):
    """Neither in the database nor in the cluster is it deleted, and the reason is told with its place."""
    head = ada.commit({f"{LAB}/vpcs/a.yaml": content, f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    (outcome,) = follow(lab).outcomes
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002, "c": 1003}
    assert outcome.status is OutcomeStatus.HELD
    assert outcome.reason.startswith(f"{LAB}/vpcs/")
    assert said in outcome.reason
    found = state(lab)
    assert (found.status, found.revision) == (SyncStatus.OUT_OF_SYNC, f"main@sha1:{head}")
    assert due(lab) == ["lab"]


def test_a_file_that_is_put_right_is_taken_over(lab, ada):
    """And the fabric is in sync again."""
    ada.commit({f"{LAB}/vpcs/a.yaml": "a: ["})
    follow(lab)
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))})
    assert follow(lab).outcomes[0].status is OutcomeStatus.SUCCESS
    assert (objects(lab), state(lab).status) == ({"a": 1111, "b": 1002}, SyncStatus.IN_SYNC)


def test_a_new_bad_object_is_not_taken_over(lab, ada):
    """And what refers to it waits with it."""
    ada.commit(
        {f"{LAB}/c.yaml": text(make_vpc("c", 2500)), f"{LAB}/at.yaml": text(make_attachment("c"), make_attachment("a"))}
    )
    (outcome,) = follow(lab).outcomes
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002, "a-server": "a/default"}
    assert [line.split(": ")[0] for line in outcome.details if "is refused" in line] == [
        f"{LAB}/c.yaml",
        f"{LAB}/at.yaml",
    ]


def test_a_vpc_that_is_still_attached_is_not_deleted(lab, ada):
    """The cluster would refuse it; the reason says what to do."""
    ada.commit({f"{LAB}/at.yaml": text(make_attachment("a"))})
    follow(lab)
    ada.commit({f"{LAB}/vpcs/a.yaml": None, f"{LAB}/vpcs/b.yaml": None})
    (outcome,) = follow(lab).outcomes
    assert objects(lab) == published(lab) == {"a": 1001, "a-server": "a/default"}
    assert outcome.reason.startswith(f"{LAB}/vpcs/a.yaml: VPC/default/a ")
    ada.commit({f"{LAB}/at.yaml": None})
    assert follow(lab).outcomes[0].counts["deleted"] == 2
    assert objects(lab) == published(lab) == {}


def test_an_object_whose_file_moved_and_broke_is_not_deleted(lab, ada):
    """Nobody can say whether it is in there; the same commit still deletes nothing else by accident."""
    ada.commit({f"{LAB}/vpcs/a.yaml": None, f"{LAB}/vpcs/new.yaml": "a: ["})
    (outcome,) = follow(lab).outcomes
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002}
    assert f"it may have moved into {LAB}/vpcs/new.yaml, which cannot be read" in "\n".join(outcome.details)


def test_a_directory_that_vanished_deletes_nothing(lab, ada):
    """More likely it was renamed, or git_directory is wrong."""
    ada.git("mv", "fabrics", "fabs")
    ada.publish("Rename")
    (outcome,) = follow(lab).outcomes
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "NotFound")
    assert objects(lab) == {"a": 1001, "b": 1002}
    assert state(lab).status is SyncStatus.PARKED
    ada.git("mv", "fabs", "fabrics")
    ada.publish("Rename back")
    follow(lab)
    assert state(lab).status is SyncStatus.IN_SYNC


def test_a_person_does_not_wait_for_the_next_try(lab, ada):
    """A parked fabric is looked at when somebody asks, though nothing moved."""
    ada.git("mv", "fabrics", "fabs")
    ada.publish("Rename")
    follow(lab)
    assert follow(lab).outcomes == ()
    (outcome,) = follow(lab, at_once=True).outcomes
    assert outcome.error_class == "NotFound"


# Where to look


def test_a_host_that_is_unreachable_is_asked_again_later(lab, ada):
    """The delivery waits; the fabric stays in sync as long as its regular check is not due."""
    push(lab, "a" * 40)
    lab.host.outage = 503
    look = follow(lab)
    assert (look.failed, look.outcomes, state(lab).status) == (True, (), SyncStatus.IN_SYNC)
    assert delivery(lab)[0] == "failed"
    execute(lab, "UPDATE hedgehog.sync_state SET due_at = now() WHERE target = 'git'")
    assert [one.status for one in follow(lab).outcomes] == [OutcomeStatus.ERROR]
    assert state(lab).status is SyncStatus.ERROR
    lab.host.outage = None
    execute(lab, "UPDATE hedgehog.sync_state SET due_at = now() WHERE target = 'git'")
    execute(lab, "UPDATE hedgehog.inbox SET next_attempt_at = now()")
    follow(lab)
    assert (state(lab).status, delivery(lab)[0]) == (SyncStatus.IN_SYNC, "done")


def test_a_branch_that_does_not_exist_says_so(lab, ada):
    """Deleted, or misspelt."""
    ada.git("push", "--quiet", "origin", ":main")
    look = follow(lab)
    assert isinstance(look.error, NotFound)
    assert "the branch does not exist" in str(look.error)
    assert objects(lab) == {"a": 1001, "b": 1002}


def test_a_branch_that_our_first_sync_will_make_is_not_trouble(lab):
    """The clock may look between an import and the first push; whoever follows Git still waits for somebody."""
    lab.host.create("new")
    lab.add_repository("new")
    lab.add_fabric("ours", 1, git_repository="new")
    push(lab, "7" * 40, url=lab.host.url("new"))
    look = follow(lab, "new")
    assert (look.failed, look.revision, look.moved, look.error) == (False, None, False, None)
    assert delivery(lab) == ("done", "the branch does not exist yet")
    assert lab.sync("ours").status is OutcomeStatus.SUCCESS
    assert (follow(lab, "new").moved, follow(lab).failed) == (True, True)


def test_a_person_names_the_repository_as_he_knows_it(lab, ada):
    """By the name of its row, by any URL, or by owner and name; the branch must fit."""
    plan = repository_plan.plan
    fabric_store.save_repository(lab.database, "far", {"url": "https://github.com/acme/net.git", "branch": "lab"})
    for name in ("far", "acme/net", "git@github.com:acme/net.git", "https://github.com/acme/net"):
        assert plan(lab.database, repository=name) == [["far"]]
    assert plan(lab.database, repository="acme/net", branch="lab") == [["far"]]
    assert plan(lab.database, fabrics=["lab"]) == [["net"]]
    with pytest.raises(NotFound, match="repository far follows branch 'lab', not 'main'"):
        plan(lab.database, repository="acme/net", branch="main")
    with pytest.raises(NotFound, match=r"did you mean far\?"):
        plan(lab.database, repository="fat")


def test_a_person_may_have_everything_compared(lab, ada):
    """Although nothing moved; and only for the fabrics he names."""
    assert [one.fabric for one in follow(lab, force=True, fabrics=["lab"]).outcomes] == ["lab"]
    assert follow(lab, force=True, fabrics=["other"]).outcomes == ()


def test_a_suspended_fabric_is_left_alone_and_caught_up_with(lab, ada):
    """When it is resumed it is due at once."""
    fabric_store.suspend(lab.database, "lab", reason="maintenance", until=None)
    ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    (outcome,) = follow(lab).outcomes
    assert (outcome.status, outcome.reason) == (OutcomeStatus.SKIPPED, "suspended: maintenance")
    fabric_store.resume(lab.database, "lab")
    assert repository_plan.plan(lab.database) == [["net"]]
    follow(lab)
    assert "c" in objects(lab)


# Forced pushes


# Fabrics that the database owns


# Repositories are independent


def test_a_repository_in_trouble_does_not_hold_up_another(lab, ada, tmp_path):
    """Each has its own look."""
    with GitServer(tmp_path / "second") as second:
        second.create("gone")
        fabric_store.save_repository(lab.database, "gone", {"url": second.url("gone"), "branch": "nowhere"})
        ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
        looks = repository_changes.follow(lab.database, ["gone", "net"], open_mirror=lab.open_mirror, run_id="run-1")
    assert [(look.repository, look.failed) for look in looks] == [("gone", True), ("net", False)]
    assert "c" in objects(lab)


def test_the_git_sync_leaves_a_fabric_alone_that_git_is_the_source_of(lab, ada):
    """Due or forced: nothing is written to Git."""
    execute(lab, "UPDATE hedgehog.sync_state SET due_at = now()")
    assert schedule.due(lab.database, Target.GIT, force=True) == []
    before = lab.log()
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    assert lab.log() == before


def test_a_killed_run_is_repeated_with_the_same_result(lab, ada, monkeypatch):
    """Between the fabric and the head: the next run finds nothing left to do."""
    ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    monkeypatch.setattr(repository_heads, "record", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        follow(lab)
    monkeypatch.undo()
    look = follow(lab)
    assert (look.moved, look.outcomes) == (True, ())
    assert objects(lab) == published(lab) == {"a": 1001, "b": 1002, "c": 1003}
