"""A small valid fabric, stored."""

from __future__ import annotations

from typing import Any

import yaml as pyyaml

from hedgehog.fabric.model import Manifest
from hedgehog.manifests import yaml
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from tests.services.git.sync_lab import make_vpc

NAMESPACES: list[Manifest] = [
    {
        "apiVersion": f"{group}/v1beta1",
        "kind": kind,
        "metadata": {"name": "default", "namespace": "default"},
        "spec": spec,
    }
    for group, kind, spec in (
        ("wiring.githedgehog.com", "VLANNamespace", {"ranges": [{"from": 1000, "to": 2999}]}),
        ("vpc.githedgehog.com", "IPv4Namespace", {"subnets": ["10.0.0.0/16"]}),
    )
]


def make_vpc_of(name: str, vlan: int) -> Manifest:
    """A VPC with one subnet, another one for each name."""
    vpc = make_vpc(name, vlan)
    vpc["spec"]["subnets"]["default"]["subnet"] = f"10.0.{sum(map(ord, name)) % 250}.0/24"
    return vpc


def filled_fabric(connection: Connection, name: str, **settings: Any) -> None:
    """A fabric with its namespaces and the VPCs `a` and `b`."""
    fabrics.save_fabric(connection, name, settings)
    found = [*NAMESPACES, make_vpc_of("a", 1001), make_vpc_of("b", 1002)]
    object_store.save_objects(connection, fabrics.load_fabric(connection, name).id, found)


def documents(*manifests: Manifest) -> list[yaml.Document]:
    """A file of *manifests*."""
    return list(yaml.load(pyyaml.safe_dump_all(manifests).encode(), file="change.yaml"))
