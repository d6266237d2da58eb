"""Another controller that writes back what we write: corrected a few times, then held, until it stops."""

from __future__ import annotations

import threading
import time

import pytest

from devstack.objects import make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.corrections import FREE_CORRECTIONS, LONGEST_PAUSE, SHORTEST_MEMORY, pause
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef, SyncStatus, Target
from hedgehog.kube.resources import object_path
from hedgehog.services.kubernetes import drift_decisions
from hedgehog.store import fabrics, schedule
from hedgehog.store.database import transaction
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.services.kubernetes.watch_lab import watch
from tests.services.kubernetes.worlds import World, world
from tests.waiting import LIMIT

__all__ = ["api", "cluster", "watch", "world"]

HELD, SUCCESS, SKIPPED = OutcomeStatus.HELD, OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED
A = ObjectRef("Server", "default", "a")


def write_back(world: World, text: str = "the rival's") -> None:
    """What the rival does whenever it sees something else."""
    write_as(world.api, "rival", make_server("a", text), force="true")


def delete(world: World) -> None:
    """A rival that does not want the object at all."""
    world.api.send("DELETE", "DELETE", object_path(KINDS["Server"], A), subject=str(A))


def pass_time(world: World, seconds: float) -> None:
    """Let it be so much later."""
    with transaction(world.database) as cursor:
        cursor.execute("UPDATE hedgehog.correction SET last_at = last_at - make_interval(secs => %s)", (seconds,))


@pytest.fixture
def lab(world: World) -> World:
    """A fabric that takes fields back, in sync."""
    world.fabric("lab", make_server("a"), make_server("b"), conflict_policy="force")
    world.sync("lab")
    return world


def fight(world: World, act=write_back, rounds: int = FREE_CORRECTIONS) -> None:
    """As many rounds as are corrected at once."""
    for _ in range(rounds):
        act(world)
        assert world.sync("lab").status is SUCCESS
    act(world)


@pytest.mark.parametrize(("act", "who"), [(write_back, "'rival'"), (delete, "somebody who is not named")])
def test_a_fight_is_held_after_a_few_corrections_with_both_named(lab, act, who):
    """The rest of the fabric is synced meanwhile; looks in between write nothing and do not count."""
    fight(lab, act)
    for _ in range(3):
        outcome = lab.sync("lab")
        assert (outcome.status, outcome.error_class, lab.writes) == (HELD, "Flapping", 0)
    assert f"flapping: 'hedgehog-airflow' and {who} keep overwriting each other, 3 times" in outcome.reason
    assert lab.state("lab").status is SyncStatus.OUT_OF_SYNC
    lab.fabric("lab", make_server("a"), make_server("b", "new"), conflict_policy="force")
    assert lab.sync("lab").counts["configured"] == 1
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT kind, subject, needs_somebody FROM hedgehog.problem")
        assert cursor.fetchall() == [("flapping", str(A), True)]
        cursor.execute(
            "SELECT extract(epoch FROM due_at - now())::float FROM hedgehog.sync_state WHERE target = 'kubernetes'"
        )
        assert cursor.fetchone()[0] <= pause(FREE_CORRECTIONS)


def test_the_pause_grows_and_a_rival_that_stopped_ends_it(lab):
    """Each try that is written back again doubles it; one that stays is the end, and the next fight starts anew."""
    fight(lab)
    pass_time(lab, pause(3))
    assert lab.sync("lab").status is SUCCESS
    write_back(lab)
    pass_time(lab, pause(3))
    assert lab.sync("lab").error_class == "Flapping"
    pass_time(lab, pause(4))
    assert lab.sync("lab").status is SUCCESS
    assert lab.sync("lab").status is SKIPPED
    pass_time(lab, SHORTEST_MEMORY)
    assert lab.sync("lab").status is SKIPPED
    fight(lab)


def test_a_rival_that_gives_in_while_it_is_held_ends_it(lab):
    """The object is as wanted, without us."""
    fight(lab)
    assert lab.sync("lab").error_class == "Flapping"
    write_back(lab, "a server")
    assert lab.sync("lab").status is SKIPPED
    fight(lab)


def test_a_change_of_policy_ends_it(lab):
    """Somebody decided otherwise."""
    fight(lab)
    assert lab.sync("lab").error_class == "Flapping"
    fabrics.save_fabric(lab.database, "lab", {"conflict_policy": "report"})
    assert lab.sync("lab").error_class == "FieldConflict"
    fabrics.save_fabric(lab.database, "lab", {"conflict_policy": "force"})
    assert lab.sync("lab").status is SUCCESS


def test_a_person_who_reverts_it_and_a_change_of_the_fabric_are_obeyed(lab):
    """At once, whatever was counted."""
    fight(lab)
    assert lab.sync("lab").error_class == "Flapping"
    drift_decisions.revert(lab.database, "lab", [A])
    assert lab.sync("lab").status is SUCCESS
    write_back(lab)
    for _ in range(FREE_CORRECTIONS):
        outcome = lab.sync("lab")
        write_back(lab)
    assert lab.sync("lab").error_class == "Flapping"
    lab.fabric("lab", make_server("a", "changed"), make_server("b"), conflict_policy="force")
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.details) == (SUCCESS, ("Server/default/a configured (.spec.description)",))


def test_a_rival_that_never_rests_costs_a_few_writes(lab, watch):
    """With the watch, which wakes us for each of its writes; a fight of thousands would be no news either."""
    stop = threading.Event()
    counts = {"rival": 0, "ours": 0}

    def rival() -> None:
        client = lab.dev.connect()
        while not stop.wait(0.05):
            (there,) = [one for ref, one in _servers(client).items() if ref == A]
            if there["spec"]["description"] != "the rival's":
                counts["rival"] += 1
                write_as(client, "rival", make_server("a", "the rival's"), force="true")
        client.close()

    thread = threading.Thread(target=rival)
    with watch() as running:
        running.settled()
        thread.start()
        started = time.monotonic()
        while lab.state("lab").error_class != "Flapping":
            assert time.monotonic() - started < LIMIT
            if schedule.due(lab.database, Target.KUBERNETES):
                counts["ours"] += lab.sync("lab").counts["configured"]
        pass_time(lab, -LONGEST_PAUSE)  # the pause does not end meanwhile
        for _ in range(10):
            counts["ours"] += lab.sync("lab").counts["configured"]
        stop.set()
        thread.join()
    assert counts["ours"] == FREE_CORRECTIONS


def _servers(client):
    from hedgehog.kube.live import list_live

    return list_live(client, [(KINDS["Server"], "default")]).objects


def test_the_pauses_have_a_ceiling():
    """However long it goes on."""
    assert [pause(count) for count in range(6)] == [0, 0, 0, 60, 120, 240]
    assert pause(10_000) == LONGEST_PAUSE
