"""Server-side apply against a real API server: created, configured, refused, in conflict, in order."""

from __future__ import annotations

from typing import Any

from devstack.cluster import DevCluster
from devstack.objects import make, make_attachment, make_server, make_vpc
from hedgehog.errors import (
    AuthenticationFailed,
    DefinitionMissing,
    FieldConflict,
    InvalidInput,
    NotFound,
    RetryableError,
)
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import waves
from hedgehog.kube.apply import apply, apply_one
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from hedgehog.kube.result import Result
from tests.kube.fake_server import Reply, Request, serve, status
from tests.kube.objects_lab import write_as


def actions(results: dict[ObjectRef, Result]) -> dict[str, Action]:
    """What happened to each object, by name."""
    return {ref.name: result.change.action for ref, result in results.items()}


def test_objects_are_created_then_configured_and_what_we_drop_goes(api: Cluster) -> None:
    """The answer is the stored object; a field that we no longer send disappears."""
    created = apply_one(api, make_server("s", "one"))
    assert created.change.action is Action.CREATED
    configured = apply_one(api, make("Server", "s", {"profile": "p"}))
    assert configured.change.action is Action.CONFIGURED
    assert configured.stored is not None
    assert configured.stored["spec"] == {"profile": "p"}


def test_every_kind_can_be_applied(api: Cluster) -> None:
    """K1: the original computed plurals and could not apply a Switch."""
    kinds = [kind for kind in KINDS.values() if kind.namespace != "fab"]
    specs: dict[str, Any] = {
        "Switch": {"role": "spine"},
        "ExternalAttachment": {
            "switch": {"ip": "10.0.0.1/24"},
            "neighbor": {"asn": 1, "ip": "10.0.0.2"},
        },
    }
    results = apply(api, waves(make(kind.kind, "x", specs.get(kind.kind)) for kind in kinds))
    assert {ref.kind: result.change.reason for ref, result in results.items() if result.error} == {}
    found = list_live(api, [(kind, kind.default_namespace) for kind in kinds])
    assert {ref.kind for ref in found.objects} == {kind.kind for kind in kinds}


def test_an_unknown_field_is_refused_in_words(api: Cluster) -> None:
    """Strict validation; the server answers 500 to it, which is not an outage."""
    results = apply(api, [[make("Server", "s", {"bogus": 1}), make_server("t")]])
    assert actions(results) == {"s": Action.FAILED, "t": Action.CREATED}
    error = results[ObjectRef("Server", "default", "s")].error
    assert isinstance(error, InvalidInput)
    assert ".spec.bogus" in str(error)
    assert api.calls["PATCH"] == 2


def test_a_bad_value_a_bad_namespace_and_a_missing_definition_fail_one_by_one(api: Cluster) -> None:
    """Each with its own reason; the others go on."""
    elsewhere = make_server("elsewhere")
    elsewhere["metadata"]["namespace"] = "nope"
    fabric = {
        "apiVersion": "wiring.githedgehog.com/v1alpha2",
        "kind": "Fabric",
        "metadata": {"name": "f", "namespace": "default"},
    }
    unknown = fabric | {"kind": "Rack"}
    bad = make("Switch", "bad", {"role": "no-such-role"})
    good = make_server("good")
    results = apply(api, [[elsewhere, fabric, unknown, bad, good]])
    errors = {ref.kind: type(result.error) for ref, result in results.items() if result.error}
    assert errors == {"Server": NotFound, "Fabric": DefinitionMissing, "Rack": InvalidInput, "Switch": InvalidInput}
    assert results[ObjectRef("Server", "default", "good")].change.action is Action.CREATED


def test_another_manager_s_field_is_a_conflict_that_names_it_unless_forced(api: Cluster) -> None:
    """Nothing of the object is written; the others are."""
    apply_one(api, make_server("s", "ours"))
    write_as(api, "kubectl-edit", make_server("s", "theirs"), force="true")
    results = apply(api, [[make_server("s", "ours again"), make_server("t")]])
    error = results[ObjectRef("Server", "default", "s")].error
    assert isinstance(error, FieldConflict)
    assert "'kubectl-edit' owns .spec.description" in str(error)
    assert actions(results)["t"] is Action.CREATED
    forced = apply(api, [[make_server("s", "ours again")]], force_conflicts=True)
    assert actions(forced) == {"s": Action.CONFIGURED}


def test_an_object_whose_reference_failed_is_skipped_and_independent_ones_are_not() -> None:
    """By reference, not by kind: one broken VPC does not hold up the others."""

    def reply(request: Request) -> Reply:
        return status(422, "bad") if "/vpcs/broken" in request.path else Reply(201, request.body)

    with serve(reply) as fake:
        given = [
            make_vpc("broken"),
            make_vpc("sound", 2),
            make_attachment("on-broken", "broken", "c"),
            make_attachment("on-sound", "sound", "c"),
            make("VPCPeering", "both", {"permit": [{"broken": {}, "sound": {}}]}),
        ]
        results = apply(fake.cluster, waves(given))
    assert actions(results) == {
        "broken": Action.FAILED,
        "sound": Action.CREATED,
        "on-broken": Action.SKIPPED,
        "on-sound": Action.CREATED,
        "both": Action.SKIPPED,
    }
    assert results[ObjectRef("VPCAttachment", "default", "on-broken")].change.reason == "VPC/default/broken failed"
    assert not any("on-broken" in request.path for request in fake.requests)


def test_a_wave_is_over_before_the_next_begins() -> None:
    """Admission looks references up: they must be there."""
    order: list[str] = []

    def reply(request: Request) -> Reply:
        order.append(request.path.split("/")[6])
        return Reply(201, request.body, delay=0.02 if "vpcs" in request.path else 0)

    with serve(reply) as fake:
        vpcs = [make_vpc(f"v{i}", i) for i in range(6)]
        apply(fake.cluster, waves([*vpcs, *[make_attachment(f"a{i}", f"v{i}", "c") for i in range(6)]]))
    assert order == ["vpcs"] * 6 + ["vpcattachments"] * 6


def test_what_the_preparation_raises_is_that_object_s_failure(api: Cluster) -> None:
    """The others are written."""

    def prepare(manifest: Manifest) -> None:
        if manifest["metadata"]["name"] == "s":
            raise RetryableError("it changed meanwhile")

    results = apply(api, [[make_server("s"), make_server("t")]], before=prepare)
    assert actions(results) == {"s": Action.FAILED, "t": Action.CREATED}


def test_an_unexpected_error_in_one_object_is_that_object_s_failure(api: Cluster) -> None:
    """A number that no JSON of an API server can hold; it is retried, for nothing says that it is permanent."""
    results = apply(api, [[make("Server", "s", {"description": 2**70}), make_server("t")]])
    assert actions(results) == {"s": Action.FAILED, "t": Action.CREATED}
    error = results[ObjectRef("Server", "default", "s")].error
    assert isinstance(error, RetryableError)
    assert "Server/default/s" in str(error)


def test_a_wrong_credential_is_not_retried(cluster: DevCluster) -> None:
    """One clear message for the connection's owner."""
    client = cluster.connect()
    configuration = client._api_client.configuration
    configuration.cert_file = configuration.key_file = None
    configuration.api_key = {"authorization": "Bearer not-a-token"}
    stranger = Cluster(client._api_client, name="k8s_a")
    results = apply(stranger, [[make_server("s")]])
    stranger.close()
    (result,) = results.values()
    assert isinstance(result.error, AuthenticationFailed)
    assert "not-a-token" not in str(result.error)
    assert stranger.calls == {"PATCH": 1}
