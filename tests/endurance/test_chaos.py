"""A short version of `make chaos`: random kills and outages are recovered from, and its checks detect faults."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from devstack.chaos import world as worlds
from devstack.chaos.report import Report
from devstack.chaos.rounds import Rounds
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.gitops.commit import FABRIC_TRAILER, GENERATION_TRAILER
from hedgehog.kube.resources import object_path
from hedgehog.store.database import transaction

SEED, MINUTES = 20, 1.5


@pytest.fixture(scope="module")
def rounds() -> Iterator[Rounds]:
    """A chaos run in which everything is in sync."""
    with worlds.running(lambda text: None) as world:
        started = Rounds(world, random.Random(SEED), Report(SEED), lambda text: None)
        started.begin()
        yield started


def test_random_kills_and_outages_are_recovered_from(rounds: Rounds) -> None:
    """Nothing is lost, committed twice or deleted by mistake, whatever ran at that moment."""
    rounds.go(kills=20, outages=10, until=time.monotonic() + MINUTES * 60)
    rounds.end()
    assert rounds.report.good, rounds.report.text()
    assert rounds.report.kills > 0, rounds.report.text()


def test_a_difference_in_any_of_the_three_places_is_detected(rounds: Rounds) -> None:
    """Otherwise every run would pass."""
    verdict, world = rounds.verdict, rounds.world
    assert verdict.differences() == []
    with transaction(world.database) as cursor:  # whichever the rounds have left
        cursor.execute(
            "DELETE FROM hedgehog.fabric_object WHERE name = (SELECT min(o.name) FROM hedgehog.fabric_object o JOIN "
            "hedgehog.fabric f ON f.id = o.fabric_id WHERE f.name = 'alpha' AND o.kind = 'Server') RETURNING name"
        )
        ((name,),) = cursor.fetchall()
    server = ObjectRef("Server", "default", name)
    world.api.call("DELETE", "DELETE", object_path(KINDS["Server"], server), subject=name)
    world.people["network"].commit({f"fabrics/alpha/servers/{name}.yaml": None})
    missing = f"{server} is missing"
    places = ("database", "Git", "cluster")
    assert verdict.differences() == [f"{place} of alpha: {missing}" for place in places]
    assert verdict.wrong_deletes() == [f"{server} in the cluster", f"{server} in the database of alpha"]


def test_an_empty_commit_and_a_repeated_one_are_detected(rounds: Rounds) -> None:
    """Of those with our trailers."""
    person = rounds.world.people["network"]
    trailers = f"Again\n\n{FABRIC_TRAILER}: alpha\n{GENERATION_TRAILER}: 1"
    first = person.commit({"fabrics/alpha/a.txt": "1"}, trailers)
    second = person.commit({"fabrics/alpha/a.txt": "2"}, trailers)
    person.git("commit", "--quiet", "--allow-empty", "--message", trailers)
    person.git("push", "--quiet", "origin", "HEAD:main")
    third = person.git("rev-parse", "HEAD").strip()
    assert rounds.verdict.duplicate_commits() == [
        f"network {second[:12]} publishes alpha 1 again",
        f"network {third[:12]} changes nothing",
        f"network {third[:12]} publishes alpha 1 again",
    ]
    assert first != second
