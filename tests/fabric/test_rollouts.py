"""What is next in a rollout, from what was recorded and observed: every case without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.rollouts import (
    Approve,
    Decision,
    Member,
    MemberState,
    OnFailure,
    Rollout,
    RolloutPolicy,
    RolloutState,
    SeenMember,
    decide,
    digest_of,
    divided,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=20)
PENDING, STORED, CONVERGED, DONE = MemberState.PENDING, MemberState.STORED, MemberState.CONVERGED, MemberState.DONE
FAILED, SKIPPED = MemberState.FAILED, MemberState.SKIPPED
OK = SeenMember()


def rollout(*states, policy=None, minutes=0, **options):
    """Fabrics `a`, `b` … in waves of their own, each in its state for some minutes."""
    members = tuple(
        Member(name, wave, state, NOW - timedelta(minutes=minutes))
        for wave, (name, state) in enumerate(zip("abcdef", states, strict=False))
    )
    return Rollout(RolloutState.RUNNING, policy or RolloutPolicy(), members, **options)


def decided(one, **observed):
    """The decision, with what was observed of the fabrics that are named."""
    return decide(one, {member.fabric: observed.get(member.fabric, OK) for member in one.members}, now=NOW, pause=PAUSE)


def test_the_first_wave_begins_and_no_other():
    """And is looked at again after the pause."""
    assert decided(rollout(PENDING, PENDING)) == Decision(RolloutState.RUNNING, store=("a",), look_again_at=NOW + PAUSE)


def test_a_wave_that_is_done_is_followed_by_the_next():
    """Until there is none."""
    assert decided(rollout(DONE, PENDING, PENDING)).store == ("b",)
    assert decided(rollout(DONE, SKIPPED, DONE)) == Decision(RolloutState.DONE)


@pytest.mark.parametrize(
    ("state", "minutes", "seen", "move"),
    [
        (STORED, 1, OK, None),
        (STORED, 1, SeenMember(has_converged=True), (CONVERGED, "")),
        (STORED, 31, OK, (FAILED, "it has not converged within 30m")),
        (STORED, 31, SeenMember(waits="frozen"), (STORED, "frozen")),
        (STORED, 1, SeenMember(trouble="VPC/default/a: refused"), (FAILED, "VPC/default/a: refused")),
        (STORED, 1, SeenMember(has_converged=True, worse="it is Degraded"), (FAILED, "it is Degraded")),
        (STORED, 1, SeenMember(exists=False), (SKIPPED, "the fabric was deleted")),
        (CONVERGED, 5, SeenMember(has_converged=True), None),
        (CONVERGED, 15, SeenMember(has_converged=True), (DONE, "")),
        (CONVERGED, 16, OK, None),
        (CONVERGED, 46, OK, (FAILED, "it has not converged within 30m")),
        (CONVERGED, 5, SeenMember(has_converged=True, worse="it is Missing"), (FAILED, "it is Missing")),
        (PENDING, 1, SeenMember(waits="frozen"), (PENDING, "frozen")),
        (PENDING, 1, SeenMember(trouble="old"), None),
    ],
)
def test_a_fabric_moves_by_what_is_observed(state, minutes, seen, move):
    """A soak of 15 minutes; what waits does not run out of time."""
    found = decided(rollout(state, policy=RolloutPolicy(soak=timedelta(minutes=15)), minutes=minutes), a=seen)
    assert found.moves == ({"a": move} if move else {})


def test_without_a_soak_a_fabric_is_done_when_it_has_converged():
    """And the next wave may begin at once."""
    found = decided(rollout(STORED, PENDING), a=SeenMember(has_converged=True))
    assert (found.moves, found.store, found.look_again_at) == ({"a": (DONE, "")}, (), NOW)


def test_a_frozen_fabric_holds_up_its_wave_only():
    """Others of the wave begin, the next wave does not."""
    members = (Member("a", 0), Member("b", 0), Member("c", 1))
    found = decided(Rollout(RolloutState.RUNNING, RolloutPolicy(), members), a=SeenMember(waits="frozen"))
    assert (found.store, found.moves) == (("b",), {"a": (PENDING, "frozen")})


def test_a_wave_that_only_waits_is_looked_at_every_minute():
    """It may do so for days, and begins soon after the freeze is lifted."""
    found = decided(rollout(PENDING, PENDING), a=SeenMember(waits="frozen"))
    assert (found.store, found.look_again_at) == ((), NOW + 3 * PAUSE)


def test_a_failure_holds_the_rollout_with_its_reason():
    """Nothing of the wave begins any more."""
    members = (Member("a", 0, STORED, NOW), Member("b", 0))
    found = decided(Rollout(RolloutState.RUNNING, RolloutPolicy(), members), a=SeenMember(trouble="refused"))
    assert (found.state, found.reason, found.store) == (RolloutState.PAUSED, "a failed: refused", ())
    assert found.look_again_at is None


def test_a_failure_takes_back_everything_that_has_the_change():
    """By policy; what never had it is left."""
    policy = RolloutPolicy(on_failure=OnFailure.ROLLBACK)
    found = decided(rollout(DONE, STORED, PENDING, policy=policy), b=SeenMember(trouble="refused"))
    assert (found.state, found.take_back) == (RolloutState.ROLLED_BACK, ("a", "b"))


def test_a_failure_that_is_recorded_is_one_after_a_restart():
    """A run that was killed while it took the rollout back is followed by one that goes on."""
    policy = RolloutPolicy(on_failure=OnFailure.ROLLBACK)
    found = decided(rollout(MemberState.TAKEN_BACK, FAILED, PENDING, policy=policy))
    assert (found.state, found.take_back) == (RolloutState.ROLLED_BACK, ("b",))


@pytest.mark.parametrize(
    ("approve", "states", "approved", "waits"),
    [
        (Approve.CANARY, (PENDING, PENDING), 0, False),
        (Approve.CANARY, (DONE, PENDING, PENDING), 0, True),
        (Approve.CANARY, (DONE, PENDING, PENDING), 1, False),
        (Approve.CANARY, (DONE, DONE, PENDING), 1, False),
        (Approve.WAVE, (DONE, DONE, PENDING), 1, True),
        (Approve.WAVE, (DONE, DONE, PENDING), 2, False),
        (Approve.NONE, (DONE, PENDING), 0, False),
    ],
)
def test_a_wave_waits_to_be_approved(approve, states, approved, waits):
    """After the canary, or after each wave."""
    found = decided(rollout(*states, policy=RolloutPolicy(approve=approve), approved_wave=approved))
    assert (found.state is RolloutState.APPROVAL, bool(found.store)) == (waits, not waits)


@pytest.mark.parametrize("state", [one for one in RolloutState if one is not RolloutState.RUNNING])
def test_nothing_happens_in_a_rollout_that_does_not_run(state):
    """Not even a look."""
    assert decide(Rollout(state, RolloutPolicy(), (Member("a", 0),)), {}, now=NOW, pause=PAUSE) == Decision(state)


def test_the_next_look_is_when_the_first_fabric_has_soaked():
    """If that is before the pause is over."""
    one = rollout(CONVERGED, policy=RolloutPolicy(soak=timedelta(minutes=15, seconds=5)), minutes=15)
    assert decided(one, a=SeenMember(has_converged=True)).look_again_at == NOW + timedelta(seconds=5)


NAMES = [f"f{number:02}" for number in range(20)]


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [20]),
        ({"sizes": ["1", "10%", "100%"]}, [1, 1, 18]),
        ({"canary": ["f05"], "sizes": ["10%"]}, [1, 2, 17]),
        ({"sizes": ["5"], "most": "4"}, [4, 1, 4, 4, 4, 3]),
        ({"most": "25%"}, [5, 5, 5, 5]),
        ({"sizes": ["50%", "100"]}, [10, 10]),
        ({"canary": NAMES}, [20]),
    ],
)
def test_fabrics_are_divided_into_waves(options, sizes):
    """Sizes are totals; the rest is the last wave; no wave is larger than the most that may be unavailable."""
    waves = divided(NAMES, **{"canary": [], "sizes": [], "most": None, **options})
    assert [len(wave) for wave in waves] == sizes
    assert sorted(name for wave in waves for name in wave) == NAMES


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"canary": ["x"]}, "x: a canary must be one of the fabrics"),
        ({"sizes": ["10", "5"]}, "5 is not more than the wave before it"),
        ({"sizes": ["ten"]}, "'ten' is not a number of fabrics"),
        ({"sizes": ["101%"]}, "'101%' is not a number of fabrics"),
        ({"most": "0"}, "'0' is not a number of fabrics"),
    ],
)
def test_waves_that_make_no_sense_are_refused(options, said):
    """Before anything is planned."""
    with pytest.raises(InvalidInput, match=said):
        divided(NAMES, **{"canary": [], "sizes": [], "most": None, **options})


def test_the_digest_pins_content_and_variables():
    """Whatever order they are written in."""
    one = digest_of({"a": 1, "b": 2}, {"x": {"v": 1}})
    assert one == digest_of({"b": 2, "a": 1}, {"x": {"v": 1}})
    assert one != digest_of({"a": 1, "b": 2}, {"x": {"v": 2}})
