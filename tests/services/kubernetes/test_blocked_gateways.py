"""A stored GatewayPeering that is wrong blocks the writes of others, and the outcome says so."""

from __future__ import annotations

import pytest

from devstack.objects import make
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.kinds import KINDS
from hedgehog.kube.resources import collection_path
from hedgehog.store import fabrics
from tests.admission.rules.factories import make_expose, make_gateway, make_gateway_peering, make_subnet, make_vpc
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import World, publish, world

__all__ = ["api", "cluster", "world"]

UNEVEN = make_expose("10.0.3.0/24", **{"as": [{"cidr": "192.0.2.0/25"}]}, nat={"static": {}})
FABRIC = (
    make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
    make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
    make("GatewayGroup", "default"),
    make_gateway(),
    *(make_vpc(f"vpc-{number}", {"default": make_subnet(number)}) for number in (1, 2, 3)),
)


def store(world: World, manifest) -> None:
    """Let the cluster have an object that nobody has checked."""
    kind = KINDS[manifest["kind"]]
    body = {**manifest, "spec": {"gatewayGroup": "default", **manifest["spec"]}}
    world.api.call("POST", "POST", collection_path(kind, "default"), subject=kind.kind, body=body)


@pytest.mark.parametrize("is_published", [False, True])
def test_what_a_stored_peering_blocks_is_held_and_names_it(world: World, is_published: bool) -> None:
    """Also a new one that was published to Git, where nothing is known of the cluster."""
    git = {"git_sync_enabled": True, "git_repository": "network", "git_directory": "lab"} if is_published else {}
    fabrics.save_repository(world.database, "network", {"url": "https://git.example.com/network"})
    world.fabric("lab", *FABRIC, **git)
    publish_if(world, is_published, *FABRIC)
    assert world.sync("lab").status is OutcomeStatus.SUCCESS
    store(world, make_gateway_peering([UNEVEN], name="by-hand", sides=("vpc-3", "vpc-2")))
    ours = (*FABRIC, make_gateway_peering())
    world.fabric("lab", *ours, **git)
    publish_if(world, is_published, *ours)

    outcome = world.sync("lab")

    assert "GatewayPeering by-hand, which is stored, blocks this write" in outcome.reason
    assert "correct GatewayPeering by-hand, which is possible by an update, or delete it" in outcome.reason
    assert [ref.name for ref in world.live("GatewayPeering")] == ["by-hand"]


def publish_if(world: World, is_published: bool, *manifests) -> None:
    """Let the generation be in Git."""
    if is_published:
        generation = fabrics.load_fabric(world.database, "lab").generation
        publish(world, "lab", *manifests, generation=generation, wake_kubernetes=False)
