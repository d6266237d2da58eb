"""Small valid Hedgehog objects for tests and benchmarks."""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Manifest


def make(kind: str, name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> Manifest:
    """An object of *kind*; its namespace is the kind's own."""
    row = ALL_KINDS[kind]
    return {
        "apiVersion": row.api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": row.default_namespace, **metadata},
        "spec": spec or {},
    }


def make_vpc(name: str, number: int = 1, *, subnets: int = 1, description: str | None = None) -> Manifest:
    """A VPC with /24 subnets `subnet-1` …; different *number*s (0 to 249) never overlap."""
    values = {
        f"subnet-{i + 1}": {"subnet": f"10.{number}.{i}.0/24", "vlan": 1000 + (number * 4 + i) % 1000}
        for i in range(subnets)
    }
    annotations = {"annotations": {"example.com/description": description}} if description else {}
    return make("VPC", name, {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": values}, **annotations)


def make_server(name: str, description: str = "a server") -> Manifest:
    """A Server."""
    return make("Server", name, {"description": description})


def make_attachment(name: str, vpc: str, connection: str) -> Manifest:
    """A VPCAttachment of the first subnet."""
    return make("VPCAttachment", name, {"connection": connection, "subnet": f"{vpc}/subnet-1"})


def small_fabric(prefix: str, number: int = 1) -> list[Manifest]:
    """Five objects of five kinds whose names start with *prefix* (at most eight characters)."""
    connection = f"{prefix}-srv--unbundled--{prefix}-leaf"
    return [
        make("SwitchGroup", f"{prefix}-group"),
        make_server(f"{prefix}-srv"),
        make_vpc(f"{prefix}-v", number % 250),
        make(
            "Connection",
            connection,
            {
                "unbundled": {
                    "link": {"server": {"port": f"{prefix}-srv/e1"}, "switch": {"port": f"{prefix}-leaf/E1/1"}}
                }
            },
        ),
        make_attachment(f"{prefix}-attach", f"{prefix}-v", connection),
    ]
