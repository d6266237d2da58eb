"""One LIST per kind, paged; a kind that cannot be listed is never taken for an empty one."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from devstack.cluster import DevCluster
from devstack.objects import make, make_server, make_vpc
from hedgehog.errors import DefinitionMissing, PermissionDenied, RetryableError
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube import live as live_module
from hedgehog.kube.apply import apply
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from tests.kube.fake_server import Reply, Request, serve, status

SERVERS = (KINDS["Server"], "default")
VPCS = (KINDS["VPC"], "default")


def test_every_object_is_found_whole_with_as_few_requests_as_pages(
    api: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items of a list lack apiVersion and kind; ours have them."""
    apply(api, [[make_server(f"s{i}") for i in range(7)], [make_vpc("v")]])
    monkeypatch.setattr(live_module, "PAGE", 3)
    api.calls.clear()
    found = list_live(api, [SERVERS, VPCS])
    assert api.calls == {"LIST": 3 + 1}
    assert sorted(found.objects) == sorted(
        [ObjectRef("VPC", "default", "v"), *(ObjectRef("Server", "default", f"s{i}") for i in range(7))]
    )
    server = found.objects[ObjectRef("Server", "default", "s3")]
    assert (server["apiVersion"], server["kind"]) == ("wiring.githedgehog.com/v1beta1", "Server")
    assert server["spec"] == {"description": "a server"}
    assert found.failed == {}


def test_a_kind_that_may_not_be_listed_is_an_error_of_that_kind_only(cluster: DevCluster, api: Cluster) -> None:
    """K8: one kind forbidden, the others are read."""
    apply(api, [[make_server("s"), make_vpc("v")]])
    user = cluster.user(
        "lists-servers-only", [{"apiGroups": ["wiring.githedgehog.com"], "resources": ["*"], "verbs": ["list"]}]
    )
    restricted = cluster.connect(user)
    found = list_live(restricted, [SERVERS, VPCS])
    restricted.close()
    assert list(found.objects) == [ObjectRef("Server", "default", "s")]
    assert list(found.failed) == ["VPC"]
    assert isinstance(found.failed["VPC"], PermissionDenied)


def test_a_kind_without_a_definition_is_named_with_what_to_install(api: Cluster) -> None:
    """The Fabric CRD is not there until we install it."""
    found = list_live(api, [(FABRIC, "hedgehog-system"), SERVERS])
    assert isinstance(found.failed["Fabric"], DefinitionMissing)
    assert "install CRD fabrics.wiring.githedgehog.com" in str(found.failed["Fabric"])
    assert list(found.failed) == ["Fabric"]


def test_a_forgotten_page_token_restarts_the_list_once() -> None:
    """410 under way is normal on a busy cluster; a second one is an error, not an endless loop."""
    expired = 1

    def reply(request: Request) -> Reply:
        nonlocal expired
        query = parse_qs(urlsplit(request.path).query)
        if "continue" not in query:
            items = [make("Server", "s1")]
            return Reply(body={"metadata": {"continue": "token"}, "items": items})
        if expired:
            expired -= 1
            return status(410, "the provided continue parameter is too old", reason="Expired")
        return Reply(body={"metadata": {}, "items": [make("Server", "s2")]})

    with serve(reply) as fake:
        found = list_live(fake.cluster, [SERVERS])
        assert {ref.name for ref in found.objects} == {"s1", "s2"}
        expired = 2
        found = list_live(fake.cluster, [SERVERS])
        assert isinstance(found.failed["Server"], RetryableError)
        assert found.objects == {}


def test_a_list_without_an_end_is_an_error_of_that_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that always names another page keeps no task for ever, and what it gave counts for nothing."""
    monkeypatch.setattr(live_module, "MOST_PAGES", 5)
    with serve(lambda _: Reply(body={"metadata": {"continue": "again"}, "items": [make("Server", "s1")]})) as fake:
        found = list_live(fake.cluster, [SERVERS])
    assert (found.objects, list(found.failed), len(fake.requests)) == ({}, ["Server"], 5)


def test_an_answer_that_is_not_a_list_is_not_an_empty_one() -> None:
    """A proxy that says 200 with a page of its own must not look like a cluster without objects."""
    for body in ({"status": "ok"}, {"items": []}, {"items": [], "metadata": []}, [], "<html>sign in</html>"):
        with serve(lambda _, body=body: Reply(body=body)) as fake:
            found = list_live(fake.cluster, [SERVERS])
        assert (found.objects, list(found.failed)) == ({}, ["Server"]), body


def test_a_definition_that_comes_or_goes_during_the_look_says_nothing() -> None:
    """One namespace is listed, in another the kind is not there any more: none of its objects counts as gone."""

    def reply(request: Request) -> Reply:
        if "/namespaces/b/" in request.path:
            return Reply(body={"metadata": {}, "items": []})
        if "/namespaces/c/" in request.path:
            return status(403, "forbidden")
        absent = {} if "/namespaces/" in request.path else {"name": request.path.rpartition("/")[2]}
        return status(404, "not found", details=absent)

    with serve(reply) as fake:
        server = SERVERS[0]
        assert list_live(fake.cluster, [(server, "a")]).unknown == {}
        assert isinstance(list_live(fake.cluster, [(server, "a"), (server, "b")]).unknown["Server"], RetryableError)
        for namespaces in ("ac", "cd", "abc"):
            found = list_live(fake.cluster, [(server, one) for one in namespaces])
            assert isinstance(found.unknown["Server"], PermissionDenied)
