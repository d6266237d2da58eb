"""What answers is not always an API server, and an API server is not always well: nothing is lost, and it heals."""

from __future__ import annotations

import json

import pytest

from devstack.objects import make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import SyncStatus
from hedgehog.kube.client import Cluster
from hedgehog.kube.failures import Answer
from hedgehog.kube.throttle import MOST_OUTAGES
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

OTHER = {"kind": "Server", "metadata": {"name": "another", "namespace": "default", "resourceVersion": "1"}}
ODD = [
    (200, "<html>sign in</html>"),
    (200, "[]"),
    (200, "{}"),
    (200, '{"kind": "Server", "metadata": '),
    (200, '{"kind": "Server", "metadata": {"name": 7, "namespace": []}}'),
    (200, '{"items": [7], "metadata": {}}'),
    (200, '{"items": {"a": 1}, "metadata": {}}'),
    (200, json.dumps(OTHER)),
    (404, "404 page not found"),
    (404, '{"kind": "Status", "details": {"name": "another"}}'),
]


@pytest.mark.parametrize(
    ("verb", "is_done"),
    [("LIST", False), ("GET", False), ("PATCH", True), ("PATCH", False), ("DELETE", True), ("DELETE", False)],
)
def test_an_odd_answer_is_retried_and_loses_nothing(world: World, monkeypatch, verb: str, is_done: bool) -> None:
    """A proxy's page, half an object, another one's, after the request was done or in its place: neither a success, nor
    an absence, nor the end of a batch."""
    real = Cluster._once
    world.fabric("lab", make_server("a"), make_server("b"))
    world.sync("lab")
    for number, (status, body) in enumerate(ODD):
        wanted = [make_server("a", f"text {number}"), make_server(f"b{number}")]
        world.fabric("lab", *wanted, publish_fabric_resource=verb == "GET")

        def once(client, method, url, payload, *, status=status, body=body, **options):
            if options["verb"] != verb or url.endswith("/status?fieldManager=hedgehog-airflow"):
                return real(client, method, url, payload, **options)
            if is_done:
                real(client, method, url, payload, **options)
            return Answer(status, body.encode())

        with monkeypatch.context() as patch:
            patch.setattr(Cluster, "_once", once)
            outcome = world.sync("lab")
        assert (outcome.status, outcome.retryable) == (OutcomeStatus.ERROR, True), (status, body, outcome)
        assert world.sync("lab").status in (OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED)
        there = {ref.name: live["spec"]["description"] for ref, live in world.live("Server").items()}
        assert there == {"a": f"text {number}", f"b{number}": "a server"}, (status, body)
        assert set(world.inventory("lab")) - {"lab"} == set(there), (status, body)


def test_a_credential_that_expires_under_way_is_tried_a_few_times_only(world: World, monkeypatch) -> None:
    """Each of a thousand further writes would be refused, and counted by the server as an attack."""
    world.fabric("lab", *[make_server(f"s{number:02}") for number in range(32)])
    real, written = Cluster._once, []

    def once(client, method, url, payload, **options):
        if options["verb"] == "PATCH":
            written.append(url)
            if len(written) > 2:
                return Answer(401, b'{"kind": "Status", "message": "Unauthorized"}')
        return real(client, method, url, payload, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Cluster, "_once", once)
        outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (
        OutcomeStatus.ERROR,
        "AuthenticationFailed",
        2,
    )
    assert len(written) <= 2 + Cluster.from_kubeconfig(world.kubeconfig).concurrency + MOST_OUTAGES
    assert "correct the connection" in outcome.reason
    assert (world.state("lab").status, world.state("lab").due_at is None) == (SyncStatus.PARKED, False)
    assert world.sync("lab").counts["created"] == 30
