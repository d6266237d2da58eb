"""Requests: retried when that helps, counted, limited, authenticated anew each time, and silent about the token."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from hedgehog.errors import InvalidInput, NotFound, RateLimited, RemoteUnavailable
from hedgehog.kube import client
from hedgehog.kube.client import Cluster
from tests.kube.fake_server import TOKEN, Reply, Request, serve, status
from tests.waiting import LIMIT


def ask(cluster: Cluster, *, idempotent: bool = True) -> int:
    """One request; the status of its answer."""
    return cluster.send("GET", "GET", "/x", subject="x", idempotent=idempotent).status


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_passing_trouble_is_retried(code: int) -> None:
    """Twice it fails, the third time it works."""
    replies = [status(code, "busy"), status(code, "busy"), Reply()]
    with serve(lambda _: replies.pop(0)) as fake:
        assert ask(fake.cluster) == 200
        assert fake.cluster.calls == {"GET": 3}
        assert len(fake.naps) == 2


def test_the_waits_differ_and_have_a_limit() -> None:
    """Full jitter: many workers that were refused together do not come back together."""
    naps: set[float] = set()
    for _ in range(5):
        replies = [status(503, "busy"), status(503, "busy"), Reply()]
        with serve(lambda _, replies=replies: replies.pop(0)) as fake:
            ask(fake.cluster)
            naps |= set(fake.naps)
    assert len(naps) == 10
    assert max(naps) <= client.LONGEST_WAIT


def test_a_lasting_trouble_is_reported_after_three_tries() -> None:
    """The store, not a sleeping worker, waits longer."""
    with serve(lambda _: status(503, "down")) as fake:
        with pytest.raises(RemoteUnavailable, match="down"):
            fake.cluster.call("GET", "GET", "/x", subject="x")
        assert len(fake.requests) == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_retried(code: int) -> None:
    """S9: the same question gets the same answer."""
    with serve(lambda _: status(code, "no")) as fake:
        assert ask(fake.cluster) == code
        assert len(fake.requests) == 1


def test_a_broken_connection_is_retried_if_the_call_may_be_repeated() -> None:
    """A create without a name of its own may not."""
    replies = [Reply(status=0), Reply()]
    with serve(lambda _: replies.pop(0)) as fake:
        assert ask(fake.cluster) == 200
    with serve(lambda _: Reply(status=0)) as fake:
        with pytest.raises(RemoteUnavailable):
            ask(fake.cluster, idempotent=False)
        assert len(fake.requests) == 1


def test_the_server_s_wish_is_the_least_wait_and_a_long_one_is_left_to_the_store() -> None:
    """Retry-After in seconds."""
    replies = [Reply(429, {}, {"Retry-After": "2"}), Reply()]
    with serve(lambda _: replies.pop(0)) as fake:
        assert ask(fake.cluster) == 200
        assert fake.naps[0] >= 2
    with serve(lambda _: Reply(429, {}, {"Retry-After": "120"})) as fake:
        with pytest.raises(RateLimited) as caught:
            ask(fake.cluster)
        assert caught.value.retry_after == 120
        assert fake.naps == []


@pytest.mark.parametrize("wish", ["inf", "1e300", "1000000000000"])
def test_a_wish_without_end_is_one_of_an_hour(wish: str) -> None:
    """No answer may silence a cluster for days."""
    with serve(lambda _: Reply(503, {}, {"Retry-After": wish})) as fake, pytest.raises(RateLimited) as caught:
        ask(fake.cluster)
    assert (caught.value.retry_after, fake.naps) == (3600.0, [])


@pytest.mark.parametrize("wish", ["nan", "-5", "soon", ""])
def test_a_wish_that_is_not_a_time_is_none(wish: str) -> None:
    """The usual pauses are made."""
    replies = [Reply(503, {}, {"Retry-After": wish}), Reply()]
    with serve(lambda _: replies.pop(0)) as fake:
        assert ask(fake.cluster) == 200
        assert len(fake.naps) == 1


def test_a_server_that_does_not_answer_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the read timeout, not never."""
    monkeypatch.setattr(client, "READ_TIMEOUT", 0.05)
    with serve(lambda _: Reply(delay=0.5)) as fake, pytest.raises(RemoteUnavailable, match="did not answer in time"):
        ask(fake.cluster, idempotent=False)


def test_overload_halves_the_concurrency_and_success_restores_it() -> None:
    """Additive increase, multiplicative decrease."""
    replies = [status(429, "busy"), status(429, "busy"), *[Reply() for _ in range(60)]]
    with serve(lambda _: replies.pop(0)) as fake:
        ask(fake.cluster)
        assert fake.cluster.throttle.limit == 2
        while replies:
            ask(fake.cluster)
        assert fake.cluster.throttle.limit == fake.cluster.concurrency


def test_no_more_requests_are_under_way_than_the_throttle_allows() -> None:
    """Seen from the server."""
    busy, most, lock, together = 0, 0, threading.Lock(), threading.Event()

    def reply(_: Request) -> Reply:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            if most > 1:
                together.set()
        assert together.wait(LIMIT)
        time.sleep(0.01)  # for more to come, if they may
        with lock:
            busy -= 1
        return Reply()

    with serve(reply) as fake:
        threads = [threading.Thread(target=ask, args=(fake.cluster,)) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most <= fake.cluster.concurrency


def test_a_refreshed_token_is_used_at_once() -> None:
    """Tokens of clouds live for minutes; every request asks the configuration anew."""
    with serve(lambda _: Reply()) as fake:
        ask(fake.cluster)
        fake.api_client.configuration.api_key["authorization"] = "Bearer second"
        ask(fake.cluster)
        assert [request.authorization for request in fake.requests] == [f"Bearer {TOKEN}", "Bearer second"]


@pytest.mark.parametrize("code", [0, 401, 403, 500])
def test_the_token_is_in_no_message(code: int) -> None:
    """Nor in the repr."""
    with serve(lambda _: Reply(code, "denied" if code else "")) as fake:
        with pytest.raises(Exception) as caught:
            fake.cluster.call("GET", "GET", "/x", subject="x")
        assert TOKEN not in str(caught.value)
        assert TOKEN not in repr(caught.value.__cause__)
        assert TOKEN not in repr(fake.cluster)


def kubeconfig(path: Path, user: Mapping[str, object]) -> Path:
    """A kubeconfig with one context whose user is *user*."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_kubeconfig_that_runs_programs_is_refused(tmp_path: Path) -> None:
    """Whoever writes the file would choose what our worker executes."""
    for plugin in ({"exec": {"command": "touch"}}, {"auth-provider": {"name": "gcp"}}):
        with pytest.raises(InvalidInput, match="from a program"):
            Cluster.from_kubeconfig(kubeconfig(tmp_path / "config", plugin))
    Cluster.from_kubeconfig(kubeconfig(tmp_path / "config", {"token": "x"})).close()


def test_a_bad_kubeconfig_is_said_to_be_one(tmp_path: Path) -> None:
    """Missing, not YAML, without the context."""
    with pytest.raises(NotFound, match="no kubeconfig"):
        Cluster.from_kubeconfig(tmp_path / "absent")
    (tmp_path / "bad").write_text("{")
    with pytest.raises(InvalidInput, match="not a kubeconfig"):
        Cluster.from_kubeconfig(tmp_path / "bad")
    good = kubeconfig(tmp_path / "good", {"token": "x"})
    with pytest.raises(InvalidInput, match="has no context 'there'"):
        Cluster.from_kubeconfig(good, "there")


def test_an_api_server_may_live_below_a_path() -> None:
    """As Rancher's do."""
    with serve(lambda _: Reply()) as fake:
        fake.api_client.configuration.host += "/k8s/clusters/c-1"
        cluster = Cluster(fake.api_client, name="fake")
        ask(cluster)
        cluster.close()
        assert fake.requests[0].path == "/k8s/clusters/c-1/x"


def test_nobody_at_the_address_is_an_outage(tmp_path: Path) -> None:
    """Refused connections are retried, then reported."""
    cluster = Cluster.from_kubeconfig(kubeconfig(tmp_path / "config", {"token": "x"}))
    with pytest.raises(RemoteUnavailable, match="here cannot be reached"):
        ask(cluster)
    assert cluster.calls == {"GET": 3}
    cluster.close()
