"""When a run sends no more writes: they keep failing for one reason that is not theirs, or the time is up."""

from __future__ import annotations

import time

import pytest

from hedgehog.errors import InvalidInput, NotReached, RateLimited, RemoteUnavailable
from hedgehog.kube.failures import Answer, failure
from hedgehog.kube.throttle import MOST_OUTAGES, Halt


def silent(webhook: str, name: str) -> RemoteUnavailable:
    """What happens to a write that an admission webhook did not answer."""
    said = f'failed calling webhook "{webhook}": failed to call webhook: Post "https://x/?timeout=2s": context deadline exceeded'
    error = failure(Answer(500, said.encode()), f"VPC/default/{name}", cluster="k8s")
    assert isinstance(error, RemoteUnavailable)
    return error


def test_a_webhook_that_fails_stops_the_kinds_that_it_failed_for() -> None:
    """Whatever the names of the objects; the reason is kept."""
    halt = Halt()
    for number in range(MOST_OUTAGES):
        assert halt.obstacle("VPC") is None
        halt.note("VPC", silent("vvpc.kb.io", f"v{number}"))
    assert 'failed calling webhook "vvpc.kb.io"' in str(halt.obstacle("VPC"))
    assert halt.obstacle("Server") is None


def test_a_write_that_works_in_between_starts_the_count_again() -> None:
    """One of the same kind; another kind says nothing of this webhook."""
    halt = Halt()
    for number in range(3 * MOST_OUTAGES):
        halt.note("VPC", silent("vvpc.kb.io", f"v{number}"))
        halt.note("VPC", None)
    assert halt.obstacle("VPC") is None
    for number in range(MOST_OUTAGES):
        halt.note("VPC", silent("vvpc.kb.io", f"v{number}"))
        halt.note("Server", None)
    assert halt.obstacle("VPC") is not None


@pytest.mark.parametrize(
    "error",
    [
        lambda name: RemoteUnavailable(f"VPC/default/{name}: k8s did not answer in time"),
        lambda name: failure(Answer(500, b"etcdserver: request timed out"), f"VPC/default/{name}", cluster="k8s"),
        lambda name: failure(Answer(503, b"no leader"), f"VPC/default/{name}", cluster="k8s"),
        lambda name: RateLimited(f"k8s is overloaded (429) at VPC/default/{name}: wait"),
    ],
)
def test_a_cluster_that_does_not_answer_stops_every_kind(error) -> None:
    """Nothing else would fare better there."""
    halt = Halt()
    for number in range(MOST_OUTAGES):
        halt.note("VPC" if number else "Server", error(f"v{number}"))
    assert halt.obstacle("Connection") is not None


def test_what_is_wrong_with_objects_stops_nothing() -> None:
    """However many are refused, or make the server stumble."""
    halt = Halt()
    for number in range(100):
        halt.note("VPC", InvalidInput(f"VPC/default/v{number}: refused (422): no"))
        halt.note("VPC", failure(Answer(500, b"panic in plugin"), f"VPC/default/v{number}", cluster="k8s"))
    assert halt.obstacle("VPC") is None


def test_nothing_is_begun_after_the_deadline() -> None:
    """It is nobody's failure."""
    assert Halt(time.monotonic() + 3600).obstacle("VPC") is None
    assert isinstance(Halt(time.monotonic()).obstacle("VPC"), NotReached)


def test_only_a_webhook_that_hangs_is_not_asked_again_at_once() -> None:
    """One that refuses connections answers in no time, and may be back by then."""
    hangs = b'failed calling webhook "v": Post "https://x/?timeout=2s": context deadline exceeded'
    restarts = b'failed calling webhook "v": Post "https://x/?timeout=2s": dial tcp: connection refused'
    assert (Answer(500, hangs).transient, Answer(500, restarts).transient) == (False, True)
