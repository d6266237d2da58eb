"""A fabric with something of everything, and a client of the API for somebody who may do all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from devstack.objects import make, make_attachment, make_server, make_vpc, small_fabric
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.health import Health, HealthSummary
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.store import fabrics, git_edits, git_files, inventory, open_drift, sync_state
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_edits import EditState, GitEdit
from hedgehog.store.git_files import GitFile
from hedgehog.store.health import HealthResult, Scope, record
from hedgehog.store.objects import load_objects, save_objects

SPINE = make("Switch", "spine-1", {"role": "spine", "description": "the only spine"})
LEAF = make("Switch", "gen-leaf", {"role": "server-leaf", "description": ""})
FABRIC_LINK = make(
    "Connection",
    "spine-1--fabric--gen-leaf",
    {
        "fabric": {
            "links": [
                {"spine": {"port": "spine-1/E1/1"}, "leaf": {"port": "gen-leaf/E1/9"}},
                {"spine": {"port": "spine-1/E1/2"}, "leaf": {"port": "gen-leaf/E1/10"}},
            ]
        }
    },
)

AGENTS = {
    "Agent/gen-leaf": {"health": "Healthy", "generation": 3, "applied": 3, "role": "server-leaf"},
    "Agent/spine-1": {"health": "Progressing", "generation": 4, "applied": 3, "role": "spine"},
}


def wide_fabric() -> list[Manifest]:
    """Two servers in two VPCs that peer, a spine and a leaf."""
    other = make(
        "Connection",
        "srv-2--unbundled--gen-leaf",
        {"unbundled": {"link": {"server": {"port": "srv-2/e1"}, "switch": {"port": "gen-leaf/E1/2"}}}},
    )
    return [
        *small_fabric("gen"),
        *(SPINE, LEAF, FABRIC_LINK, other, make_server("srv-2"), make_vpc("v-2", 2)),
        make_attachment("attach-2", "v-2", other["metadata"]["name"]),
        make("VPCPeering", "gen-v--v-2", {"permit": [{"gen-v": {}, "v-2": {"subnets": ["subnet-1"]}}]}),
    ]


def add_fabric(connection: Connection, name: str, objects: list[Manifest], **settings: Any) -> Fabric:
    """A fabric with a repository and a cluster of its own."""
    fabrics.save_repository(connection, f"net/{name}", {"url": f"https://git.example.com/net/{name}.git"})
    fabrics.note_host(connection, fabrics.load_repository(connection, f"net/{name}"), "gitlab")
    values = {
        "git_repository": f"net/{name}",
        "git_directory": f"fabrics/{name}",
        "git_sync_enabled": True,
        "enable_k8s_sync": True,
        "kubernetes_connection_id": f"{name}_cluster",
    }
    fabrics.save_fabric(connection, name, values | settings)
    fabric = fabrics.load_fabric(connection, name)
    save_objects(connection, fabric.id, objects)
    return fabrics.load_fabric(connection, name)


def publish(connection: Connection, fabric: Fabric, *, apply: bool = True) -> None:
    """Have Git, and with *apply* the cluster, hold all that the fabric wants now, as syncs would record it."""
    fabric = fabrics.load_fabric(connection, fabric.name)
    rows = load_objects(connection, [fabric.id])[fabric.id]
    revision = f"main@sha1:{'a' * 40}"
    written = [
        GitFile(
            f"fabrics/{fabric.name}/{one.ref.kind}/{one.ref.name}.yaml", one.ref, "b" * 40, one.digest, one.manifest
        )
        for one in rows
    ]
    with transaction(connection) as cursor:
        git_files.record(cursor, fabric.id, written=written, removed=())
        finish(cursor, fabric, Target.GIT, revision=revision, commit="a" * 40)
        if apply:
            applied = {one.ref: one.manifest for one in rows}
            cluster = fabric.kubernetes_connection_id or ""
            inventory.record(cursor, cluster, fabric.id, applied=applied, adopted={}, gone=())
            finish(cursor, fabric, Target.KUBERNETES, revision=revision)


def finish(cursor: Any, fabric: Fabric, target: Target, **values: Any) -> None:
    """Record that a sync of the whole fabric ended well, unless *values* say otherwise."""
    outcome = {
        "status": OutcomeStatus.SUCCESS,
        "generation": fabric.generation,
        "counts": {"created": 2},
        "details": ("VPC/default/gen-v created", "Server/default/srv-2 created"),
        "duration": 1.5,
    }
    sync_state.finish(
        cursor, fabric.id, Outcome(fabric.name, target, **(outcome | values)), run_id="hedgehog_git_sync/run-1"
    )


def add_trouble(connection: Connection, fabric: Fabric) -> None:
    """A drift, an edit in Git that is held, an object that is refused, and a cluster that is parked."""
    with transaction(connection) as cursor:
        ref = ObjectRef("VPC", "default", "gen-v")
        difference = FieldDifference(".spec.subnets.subnet-1.vlan", 1004, 1234, "kubectl-edit")
        drift = Drift(ref, DriftState.CHANGED, fabric.id, (difference.path,), "kubectl-edit", 0.1, (difference,))
        open_drift.note(cursor, fabric.kubernetes_connection_id or "", [drift])
        path = f"fabrics/{fabric.name}/Server/srv-2.yaml"
        edit = GitEdit(
            path, ObjectRef("Server", "default", "srv-2"), EditState.CHANGED, "c" * 40, "Ann <a@example.com>"
        )
        git_edits.replace_rows(cursor, fabric.id, [edit])
        problems = (
            SyncProblem(ProblemKind.HELD_EDIT, path, "changed by Ann <a@example.com>"),
            SyncProblem(
                ProblemKind.REFUSED, "VPC/default/v-2", ".spec.subnets: overlaps; take another [vpc-subnet-overlap]"
            ),
        )
        finish(cursor, fabric, Target.GIT, status=OutcomeStatus.HELD, problems=problems, reason="2 are held")
        error = {"status": OutcomeStatus.ERROR, "reason": "401 from the cluster", "error_class": "AuthenticationFailed"}
        finish(cursor, fabric, Target.KUBERNETES, **error)


def look_at(connection: Connection, fabric: Fabric, health: Health, reasons: tuple[str, ...], **facts: Any) -> None:
    """Record a look at the health of a fabric."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
        look = HealthResult(Scope.FABRIC, fabric.name, HealthSummary(health, reasons), facts, fabric.id)
        record(cursor, look, run_id="health-1", now=now)


class FakeUser:
    """Somebody who is logged in."""

    def get_name(self) -> str:
        """A name."""
        return "ann"


@contextmanager
def client_of(app: FastAPI) -> Iterator[TestClient]:
    """A client of *app* who may do everything."""
    from airflow.api_fastapi.core_api.security import get_user

    from hedgehog.airflow.web.database import close_idle

    permissions = [one.dependency for one in app.router.dependencies if one.dependency is not get_user]
    for route in app.routes:
        for one in route.dependencies if isinstance(route, APIRoute) else ():
            if one.dependency.__qualname__.startswith("requires_access"):
                permissions.append(one.dependency)
    app.dependency_overrides = {get_user: FakeUser, **{one: lambda: None for one in permissions}}
    try:
        yield TestClient(app, raise_server_exceptions=False)
    finally:
        close_idle()
