"""Rollouts on a real database: planned for all, stored wave by wave, held, aborted, taken back, and resumed after a kill."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devstack.git_server import GitServer
from devstack.objects import make_server
from hedgehog.errors import AlreadyExists, InvalidInput, LockHeld
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ApprovalRule
from hedgehog.fabric.rollouts import Approve, OnFailure, RolloutPolicy, RolloutState
from hedgehog.fabric.selectors import Selector
from hedgehog.services.rollouts import steering as steer
from hedgehog.services.rollouts import take_back
from hedgehog.services.rollouts.advance import store_changes
from hedgehog.services.rollouts.look import look
from hedgehog.services.steer.deletions import remove_objects
from hedgehog.services.steer.proposals import keep_rule
from hedgehog.services.validation import Refusals, find_refusals
from hedgehog.store import fabrics, rollouts
from hedgehog.store.database import Connection, transaction
from tests.origins import origins
from tests.services.rollouts.rollouts_lab import ALL, CHANGE, Fleet, no_cluster
from tests.services.windows_lab import freeze, unfreeze

NAMES = tuple(f"f-{number:02}" for number in range(1, 13))


@pytest.fixture
def fleet(database: Connection, tmp_path) -> Fleet:
    """Twelve fabrics that are in the fabric database only."""
    found = Fleet(database, tmp_path)
    found.add(*NAMES)
    return found


def test_twelve_fabrics_get_the_change_in_four_waves(fleet: Fleet) -> None:
    """Each with its own variables; the history says which rollout it was."""
    fleet.begin(canary=["f-05"], sizes=["2", "50%"])
    assert [len(wave) for wave in fleet.waves()] == [1, 2, 4, 5]
    assert fleet.step().store == ("f-05",)
    assert [name for name in NAMES if fleet.has_it(name)] == ["f-05"]
    fleet.run()
    assert fleet.row().state is RolloutState.DONE
    assert set(fleet.states().values()) == {"done"}
    assert fleet.objects("f-03") == {"f-03-s": "rack 3 of fra"}
    with transaction(fleet.database) as cursor:
        cursor.execute("SELECT who, via, why FROM hedgehog.change WHERE fabric = 'f-03' ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == ("ann", "rollout", "rollout racks: CHG-17")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda fleet: fabrics.save_fabric(fleet.database, "f-07", {"variables": {"site": "fra"}}),
            "f-07: .manifests[0]",
        ),
        (
            lambda fleet: fabrics.save_fabric(fleet.database, "f-08", {"source_of_truth": "git"}),
            "f-08: its source of truth",
        ),
        (lambda fleet: fleet.begin("other", select="fabric=f-09"), "f-09: it is in the rollout other"),
        (
            lambda fleet: fabrics.save_fabric(fleet.database, "f-10", {"kubernetes_namespace": "x"}),
            "nothing was written",
        ),
    ],
)
def test_nothing_is_written_when_one_fabric_cannot_have_the_change(fleet: Fleet, spoil, said: str) -> None:
    """All of them are planned first; whatever is wrong is named with its fabric."""
    spoil(fleet)
    change = (
        CHANGE.replace(b"Server\nmetadata: {name: ", b"Server\nmetadata: {namespace: other, name: ")
        if "nothing" in said
        else CHANGE
    )
    with pytest.raises(InvalidInput) as caught:
        fleet.begin(change=change)
    assert said in str(caught.value)
    assert not any(fleet.has_it(name) for name in NAMES)


def test_what_a_cluster_would_refuse_is_refused_before_the_first_write(fleet: Fleet) -> None:
    """With the rule, for each fabric."""
    bad = (
        b"apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: v}\n"
        b"spec: {subnets: {a: {subnet: 10.0.0.0/33, vlan: 1001}}}\n"
    )
    with pytest.raises(InvalidInput, match=r"f-01: .*is not a CIDR"):
        fleet.begin(change=bad)


def test_a_fabric_is_in_one_rollout_at_a_time(fleet: Fleet) -> None:
    """The database sees to it, whoever was quicker; it is free again when the rollout is over."""
    fleet.begin("one", select="fabric in (f-01,f-02)")
    row = fleet.row("one")
    with pytest.raises(AlreadyExists, match="a fabric of it is in another one"), transaction(fleet.database) as cursor:
        rollouts.add_rollout(
            cursor,
            "two",
            row.change,
            [rollouts.NewMember("f-02", fabrics.load_fabric(fleet.database, "f-02").id, 0, {})],
            digest=row.digest,
            selector=ALL,
            policy=RolloutPolicy(),
            why="",
            actor="bob",
        )
    with pytest.raises(AlreadyExists, match="one of this name is open"):
        fleet.begin("one", select="fabric=f-03")
    fleet.run("one")
    fleet.begin("two", select="fabric=f-02")


def test_a_wave_waits_for_its_approval(fleet: Fleet) -> None:
    """Whoever approves is on record; nothing can be approved twice."""
    fleet.begin(canary=["f-01"], sizes=["3"], policy=RolloutPolicy(approve=Approve.CANARY))
    fleet.run()
    assert (fleet.row().state, fleet.row().reason) == (RolloutState.APPROVAL, "wave 2 of 3 waits to be approved")
    values = {"reason": "", "actor": "bob", "now": fleet.now}
    with pytest.raises(InvalidInput, match="nothing of it waits to be approved"):
        steer.approve_rollout(fleet.database, "racks", wave=2, **values)
    steer.approve_rollout(fleet.database, "racks", wave=1, **values)
    with pytest.raises(InvalidInput, match="nothing of it waits to be approved"):
        steer.approve_rollout(fleet.database, "racks", **values)
    fleet.run()
    assert fleet.row().state is RolloutState.DONE


def test_a_fabric_that_is_frozen_in_the_middle_holds_its_wave_up(fleet: Fleet) -> None:
    """It does not get the change, nothing fails, and the rollout goes on when the freeze is over."""
    fleet.begin(sizes=["4"])
    freeze(fleet.database, Selector.named(["f-02"]))
    fleet.run(most=5, minutes=60)
    states = fleet.states()
    assert (states["f-01"], states["f-02"], states["f-05"]) == ("done", "pending", "pending")
    assert not fleet.has_it("f-02")
    unfreeze(fleet.database, Selector.named(["f-02"]))
    fleet.run()
    assert fleet.row().state is RolloutState.DONE


def test_a_fabric_that_cannot_have_the_change_any_more_fails_alone(fleet: Fleet) -> None:
    """What was fine when it was planned is checked again; the rollout is held, and goes on when that is mended."""
    fleet.begin(sizes=["4"])
    fabrics.save_fabric(fleet.database, "f-02", {"source_of_truth": "git"})
    fleet.run()
    assert fleet.row().state is RolloutState.PAUSED
    assert fleet.row().reason.startswith("f-02 failed: its source of truth is Git")
    assert fleet.states()["f-05"] == "pending"
    fabrics.save_fabric(fleet.database, "f-02", {"source_of_truth": "database"})
    steer.resume_rollout(fleet.database, "racks", reason="", actor="bob", now=fleet.now)
    fleet.run()
    assert fleet.row().state is RolloutState.DONE


@pytest.mark.parametrize(
    ("trouble", "state", "reason"),
    [
        (RuntimeError("canary"), RolloutState.PAUSED, "f-02 failed: f-02: unforeseen RuntimeError"),
        (LockHeld("somebody else works on it"), RolloutState.RUNNING, ""),
    ],
)
def test_the_trouble_of_one_fabric_is_its_own(
    fleet: Fleet, trouble: Exception, state: RolloutState, reason: str
) -> None:
    """Foreseen or not, the others of its wave have their turn; trouble that may pass is not a failure."""
    fleet.begin(sizes=["4"])

    def judge(fabric: Fabric, *rest: Any) -> Refusals:
        if fabric.name == "f-02":
            raise trouble
        return find_refusals(fabric, *rest)

    first = ("f-01", "f-02", "f-03", "f-04")
    decision = look(fleet.database, fleet.row(), open_cluster=no_cluster, run_id="r", now=fleet.now)
    assert decision.store == first
    done = store_changes(fleet.database, fleet.row(), first, run_id="r", now=fleet.now, find_refusals=judge)
    assert done == ["f-01", "f-03", "f-04"]
    look(fleet.database, fleet.row(), open_cluster=no_cluster, run_id="r", now=fleet.now)
    assert (fleet.row().state, fleet.row().reason.startswith(reason)) == (state, True)
    assert fleet.states()["f-02"] == ("failed" if reason else "pending")
    assert "canary" not in fleet.row().reason


def test_a_failure_takes_back_what_was_done_by_policy(fleet: Fleet) -> None:
    """Everything that has the change gets back what it had; what had its turn before it stays untouched."""
    fleet.begin(sizes=["4"], policy=RolloutPolicy(on_failure=OnFailure.ROLLBACK))
    fleet.run(most=2)
    fabrics.save_fabric(fleet.database, "f-06", {"source_of_truth": "git"})
    fleet.run()
    assert fleet.row().state is RolloutState.ROLLED_BACK
    assert fleet.objects("f-01") == {"f-01-s": "before", "f-01-old": "a server"}
    assert set(fleet.states().values()) == {"taken_back"}


def test_a_rollout_is_taken_back_where_nobody_changed_it_since(fleet: Fleet) -> None:
    """What somebody changed stays, and is named; a second time is refused."""
    fleet.begin(select="fabric in (f-01,f-02)")
    fleet.run()
    fleet.save("f-02", make_server("f-02-s", "mine"))
    values = {"reason": "no", "actor": "bob", "run_id": "r", "now": fleet.now}
    row, left = steer.roll_back_rollout(fleet.database, "racks", **values)
    assert row.state is RolloutState.ROLLED_BACK
    assert left == {"f-02": "Server/default/f-02-s was changed since, and stays as it is"}
    assert fleet.objects("f-01") == {"f-01-s": "before", "f-01-old": "a server"}
    assert fleet.objects("f-02") == {"f-02-s": "mine", "f-02-old": "a server"}
    assert origins(fleet.database, "f-01")[-1] == ("bob", "rollout", "rollout racks is taken back: no")
    with pytest.raises(InvalidInput, match="was taken back already"):
        steer.roll_back_rollout(fleet.database, "racks", **values)


def test_a_fabric_that_cannot_be_rolled_back_is_named(fleet: Fleet) -> None:
    """It lives in Git by now; the others are taken back."""
    fleet.begin(select="fabric in (f-01,f-02)")
    fleet.run()
    fabrics.save_fabric(fleet.database, "f-02", {"source_of_truth": "git"})
    values = {"reason": "no", "actor": "bob", "run_id": "r", "now": fleet.now}
    row, left = steer.roll_back_rollout(fleet.database, "racks", **values)
    assert (row.state, list(left)) == (RolloutState.ROLLED_BACK, ["f-02"])
    assert "it was not taken back: its source of truth is Git" in left["f-02"]
    assert fleet.states() == {"f-01": "taken_back", "f-02": "failed"}
    assert (fleet.has_it("f-01"), fleet.has_it("f-02")) == (False, True)


def test_what_nobody_foresaw_in_one_fabric_keeps_no_other_from_being_taken_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, without the text of the error, which may quote a secret."""
    fleet.begin(select="fabric in (f-01,f-02)")
    fleet.run()
    former_state = take_back.former_state

    def fail(connection: Connection, name: str, *rest: Any, **options: Any) -> Any:
        if name == "f-01":
            raise RuntimeError("canary")
        return former_state(connection, name, *rest, **options)

    monkeypatch.setattr(take_back, "former_state", fail)
    values = {"reason": "no", "actor": "bob", "run_id": "r", "now": fleet.now}
    row, left = steer.roll_back_rollout(fleet.database, "racks", **values)
    assert (row.state, list(left)) == (RolloutState.ROLLED_BACK, ["f-01"])
    assert left["f-01"].startswith("it was not taken back: f-01: unforeseen RuntimeError")
    assert "canary" not in left["f-01"]
    assert (fleet.has_it("f-01"), fleet.has_it("f-02")) == (True, False)


def test_an_object_that_somebody_reverted_already_is_not_named(fleet: Fleet) -> None:
    """There is nothing to take back of it."""
    fleet.begin(select="fabric=f-01")
    fleet.run()
    fleet.save("f-01", make_server("f-01-s", "before"), make_server("f-01-old"))
    generation = fabrics.load_fabric(fleet.database, "f-01").generation
    values = {"reason": "no", "actor": "bob", "run_id": "r", "now": fleet.now}
    assert steer.roll_back_rollout(fleet.database, "racks", **values)[1] == {}
    assert fabrics.load_fabric(fleet.database, "f-01").generation == generation


def test_a_proposal_is_no_failure_of_a_rollout(fleet: Fleet) -> None:
    """Somebody else's change that waits for approval says nothing about the one that is rolled out."""
    fleet.begin(select="fabric in (f-01,f-02)", policy=RolloutPolicy(soak=timedelta(minutes=5)))
    fleet.step()
    keep_rule(fleet.database, ApprovalRule("all", Selector()), actor="ops")
    remove_objects(fleet.database, "f-01", ["server/f-01-s"], origin=Origin(who="eve", via=Via.CLI))
    fleet.run()
    assert fleet.row().state is RolloutState.DONE


def test_an_aborted_rollout_leaves_everything_as_it_is(fleet: Fleet) -> None:
    """Its fabrics are free; it cannot be resumed, but taken back."""
    fleet.begin(sizes=["4"])
    fleet.step()
    values = {"reason": "", "actor": "bob", "now": fleet.now}
    steer.abort_rollout(fleet.database, "racks", **values)
    assert (fleet.step().store, fleet.has_it("f-01"), fleet.has_it("f-05")) == ((), True, False)
    with pytest.raises(InvalidInput, match="racks is aborted; it is over"):
        steer.resume_rollout(fleet.database, "racks", **values)
    fleet.begin("two", select="fabric=f-01", change=CHANGE.replace(b"rack $", b"rack no. $"))
    with pytest.raises(InvalidInput, match="f-01 is in the rollout two"):
        steer.roll_back_rollout(fleet.database, "racks", run_id="r", **values)


def test_a_paused_rollout_begins_nothing(fleet: Fleet) -> None:
    """Until it is resumed."""
    fleet.begin()
    values = {"reason": "wait", "actor": "bob", "now": fleet.now}
    steer.pause_rollout(fleet.database, "racks", **values)
    assert (fleet.step().store, fleet.row().reason) == ((), "wait")
    steer.resume_rollout(fleet.database, "racks", **values)
    assert len(fleet.step().store) == len(NAMES)


def test_a_deleted_fabric_is_skipped(fleet: Fleet) -> None:
    """One of the same name that is made anew is another one."""
    fleet.begin(sizes=["4"])
    fabrics.delete_fabric(fleet.database, "f-02")
    fleet.add("f-02")
    fleet.run()
    assert (fleet.states()["f-02"], fleet.has_it("f-02")) == ("skipped", False)
    assert fleet.row().state is RolloutState.DONE


def test_the_content_is_pinned(fleet: Fleet) -> None:
    """Variables that change after the start are not those of the rollout."""
    fleet.begin(sizes=["4"])
    fabrics.save_fabric(fleet.database, "f-12", {"variables": {"rack": 99, "site": "ber"}})
    fleet.run()
    assert fleet.objects("f-12") == {"f-12-s": "rack 12 of fra"}


def test_a_run_that_is_killed_is_followed_by_one_that_goes_on(fleet: Fleet) -> None:
    """A fabric has all of the change or nothing; two runs at once store it once."""
    fleet.begin(select="fabric in (f-01,f-02,f-03)")
    row = fleet.row()
    assert store_changes(fleet.database, row, ["f-01"], run_id="killed", now=fleet.now) == ["f-01"]
    before = fabrics.load_fabric(fleet.database, "f-01").generation
    assert store_changes(fleet.database, row, ["f-01", "f-02"], run_id="other", now=fleet.now) == ["f-02"]
    assert fabrics.load_fabric(fleet.database, "f-01").generation == before
    fleet.run()
    assert fleet.row().state is RolloutState.DONE


def test_a_take_back_that_is_killed_goes_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rollout never begins with another wave in between."""
    fleet.begin(sizes=["3"], policy=RolloutPolicy(on_failure=OnFailure.ROLLBACK))
    fleet.run(most=2)
    fabrics.save_fabric(fleet.database, "f-05", {"source_of_truth": "git"})
    whole, calls = take_back._restore, []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(take_back, "_restore", killed)
    with pytest.raises(KeyboardInterrupt):
        fleet.run()
    monkeypatch.undo()
    assert fleet.row().state is RolloutState.RUNNING
    fleet.run()
    assert fleet.row().state is RolloutState.ROLLED_BACK
    assert [name for name in NAMES if fleet.has_it(name)] == []


def test_one_run_moves_a_rollout_on_at_a_time(fleet: Fleet) -> None:
    """A run that gives no sign of life loses it; who lets it go wakes the next."""
    number, hour = fleet.begin(), timedelta(hours=1)
    assert rollouts.take_rollouts(fleet.database, run_id="one", lease=hour) == [number]
    assert rollouts.take_rollouts(fleet.database, run_id="two", lease=hour) == []
    assert rollouts.take_rollouts(fleet.database, run_id="one", lease=hour) == [number]
    assert rollouts.undriven(fleet.database) == []
    rollouts.renew(fleet.database, [number], run_id="one", lease=-hour)
    assert rollouts.undriven(fleet.database) == ["racks"]
    assert rollouts.take_rollouts(fleet.database, run_id="two", lease=hour) == [number]
    rollouts.let_go(fleet.database, [number], run_id="one")
    assert rollouts.undriven(fleet.database) == []
    rollouts.let_go(fleet.database, [number], run_id="two")
    assert rollouts.undriven(fleet.database) == ["racks"]


def test_a_fabric_that_is_kept_in_git_is_done_when_it_is_published(fleet: Fleet, tmp_path) -> None:
    """A host that does not answer is waited for, as long as a fabric may take to converge."""
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        fleet.add_to_git(host, "g-1", "g-2")
        fleet.begin("git", select="fabric in (g-1,g-2)", sizes=["1"])
        fleet.run("git")
    assert fleet.row("git").state is RolloutState.DONE
    fleet.begin("gone", select="fabric=g-1", change=CHANGE.replace(b"rack $", b"row $"))
    fleet.run("gone", minutes=11)
    assert fleet.row("gone").reason == "g-1 failed: it has not converged within 30m"
