"""One fabric: its state, its objects, its history, its network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from hedgehog.airflow.web import answers
from hedgehog.airflow.web.models.addresses import AddressRange
from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.fabric import DryRun, Fabric, SyncEvent
from hedgehog.airflow.web.models.objects import ObjectDetail, ObjectRow
from hedgehog.airflow.web.models.topology import PathAnswer, Topology
from hedgehog.airflow.web.routes.parameters import Cursor, Database, FabricPath, Limit, ObjectPart
from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.services.browse.addresses import address_ranges
from hedgehog.services.browse.dry_runs import last_dry_runs
from hedgehog.services.browse.fabric_page import fabric_overview
from hedgehog.services.browse.object_states import ObjectState
from hedgehog.services.browse.objects import ObjectFilter, object_detail, object_page
from hedgehog.services.browse.timeline import timeline_page
from hedgehog.services.browse.topology import path_between, topology_of

router = APIRouter(prefix="/fabrics/{fabric}", tags=["fabric"])

_Server = Annotated[str, Query(max_length=253, description="Name of a Server.")]


@router.get("")
def get_fabric(database: Database, fabric: FabricPath) -> Fabric:
    """How far the data of a fabric has come: database, Git, cluster, switches, and what is waited for."""
    return answers.fabric_answer(fabric_overview(database, fabric, now=datetime.now(UTC)))


@router.get("/objects")
def list_objects(
    database: Database,
    *,
    fabric: FabricPath,
    kind: Annotated[str | None, Query(max_length=63, description="Only objects of this kind.")] = None,
    state: Annotated[list[ObjectState], Query(description="Only objects in any of these states.")] = [],  # noqa: B006
    search: Annotated[str, Query(max_length=100, description="A part of the name.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ObjectRow]:
    """A page of the objects that a fabric has, or has still to lose, by kind, namespace and name."""
    wanted = ObjectFilter(kind, tuple(one.value for one in state), search)
    return Page[ObjectRow].model_validate(object_page(database, fabric, wanted, limit=limit, cursor=cursor))


@router.get("/objects/{kind}/{namespace}/{name}")
def get_object(
    database: Database, fabric: FabricPath, kind: ObjectPart, namespace: ObjectPart, name: ObjectPart
) -> ObjectDetail:
    """An object in the database, in Git and in the cluster as it was last applied, with their differences."""
    return answers.object_answer(object_detail(database, fabric, ObjectRef(kind, namespace, name)))


@router.get("/timeline")
def list_timeline(
    database: Database,
    fabric: FabricPath,
    target: Annotated[Target | None, Query(description="Only syncs to this target.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SyncEvent]:
    """The syncs of a fabric that did something, were held, or failed; the newest first."""
    return answers.timeline_answer(timeline_page(database, fabric, target=target, limit=limit, cursor=cursor))


@router.get("/dry-runs")
def list_dry_runs(database: Database, fabric: FabricPath) -> list[DryRun]:
    """What the last dry run of a fabric at each target found; the actions `dry-run-…` start one."""
    return [DryRun.model_validate(one) for one in last_dry_runs(database, fabric)]


@router.get("/addresses")
def list_addresses(database: Database, fabric: FabricPath) -> list[AddressRange]:
    """The address and ASN ranges of a fabric: who has what, and what is free."""
    return [AddressRange.model_validate(one.as_dict()) for one in address_ranges(database, fabric)]


@router.get("/topology", response_model=Topology)
def get_topology(database: Database, fabric: FabricPath) -> Response:
    """The network of a fabric as it is wanted, with the state of every object and the health of its switches."""
    # Thousands of nodes and links: making a model of each would take longer than reading them. A test checks the shape.
    return Response(orjson.dumps(topology_of(database, fabric)), media_type="application/json")


@router.get("/path")
def get_path(database: Database, fabric: FabricPath, source: _Server, destination: _Server) -> PathAnswer:
    """How two servers reach each other through attachments, VPCs and peerings, by what the fabric wants."""
    return PathAnswer.model_validate(path_between(database, fabric, source, destination))
