"""Changes by others in the cluster."""

from __future__ import annotations

from typing import Any

from devstack.stack import Stack

SERVERS = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers"


def apply_as(stack: Stack, manager: str, manifest: dict[str, Any]) -> None:
    """Write a server as another field manager, taking its fields."""
    cluster = stack.cluster.connect()
    try:
        cluster.call(
            "APPLY",
            "PATCH",
            f"{SERVERS}/{manifest['metadata']['name']}",
            subject="another manager's write",
            query={"fieldManager": manager, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
    finally:
        cluster.close()
