"""Changes that people make while tests look at the pages."""

from __future__ import annotations

from collections.abc import Sequence

from devstack.stack import Stack
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import Approve, RolloutPolicy
from hedgehog.fabric.selectors import Selector
from hedgehog.services.rollouts.start import begin_rollout, plan_rollout
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from hedgehog.store.origins import set_origin

QUIET = {"enable_k8s_sync": False, "resync_seconds": 86400}
"""Settings of a fabric that is kept in Git alone, and of which nothing is due by itself."""
ROLLOUT = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: "${fabric}-s"}
spec: {description: "rack ${rack}"}
"""
"""Needs a variable `rack` of every fabric."""


def change(stack: Stack, name: str, objects: Sequence[Manifest], *, who: str = "bob", why: str = "CHG-17") -> int:
    """Store objects of a fabric as somebody; the generation that it makes."""
    with transaction(stack.database) as cursor:
        set_origin(cursor, Origin(who=who, via=Via.CLI, why=why))
        object_store.save_objects(stack.database, fabrics.load_fabric(stack.database, name).id, objects)
    return fabrics.load_fabric(stack.database, name).generation


def description(stack: Stack, name: str, server: str) -> str | None:
    """What a fabric wants a server to say; None when it wants no such server."""
    row_id = fabrics.load_fabric(stack.database, name).id
    rows = object_store.load_objects(stack.database, [row_id])[row_id]
    return next((row.manifest["spec"].get("description", "") for row in rows if row.ref.name == server), None)


def begin_a_rollout(stack: Stack, name: str, *fabrics: str, manifest: Manifest, who: str, why: str) -> int:
    """A rollout of one object to fabrics; its number. The first of several is the canary, after which it waits to be
    approved."""
    plan = plan_rollout(
        stack.database,
        name,
        {"manifests": [manifest], "delete": []},
        Selector.named(fabrics),
        canary=fabrics[:1] if len(fabrics) > 1 else (),
        policy=RolloutPolicy(approve=Approve.CANARY),
    )
    return begin_rollout(stack.database, plan, why=why, actor=who)
