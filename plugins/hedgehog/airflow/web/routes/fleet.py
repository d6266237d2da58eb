"""The fleet, what changed in it, who is asking, and what people did."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from hedgehog.airflow.web.access import User, allowed
from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.fleet import (
    ActionRecord,
    Changes,
    FleetCounters,
    FleetOrder,
    FleetRow,
    FleetState,
    Permissions,
)
from hedgehog.airflow.web.routes.parameters import Cursor, Database, FabricFilter, Limit
from hedgehog.fabric.selectors import Selector, parse_selector
from hedgehog.services.browse.actions import action_page
from hedgehog.services.browse.changes import changed_since
from hedgehog.services.browse.fleet import KeptCounters, fleet_page
from hedgehog.store.listings.fleet import FleetFilter

router = APIRouter(tags=["fleet"])
_counters = KeptCounters()

Search = Annotated[str, Query(max_length=100, description="A part of the name or of the description.")]
RepositoryFilter = Annotated[str | None, Query(max_length=200, description="Only fabrics of this repository.")]
ClusterFilter = Annotated[str | None, Query(max_length=200, description="Only fabrics of this cluster.")]

SelectorFilter = Annotated[
    str, Query(max_length=2000, description="Only fabrics with these labels: `site=fra,tier!=lab`.")
]


@router.get("/fleet")
def list_fleet(
    database: Database,
    *,
    search: Search = "",
    state: Annotated[list[FleetState], Query(description="Only fabrics in any of these states.")] = [],  # noqa: B006
    repository: RepositoryFilter = None,
    cluster: ClusterFilter = None,
    select: SelectorFilter = "",
    fabric: Annotated[list[str], Query(max_length=500, description="Only these fabrics.")] = [],  # noqa: B006
    sort: FleetOrder = FleetOrder.NAME,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FleetRow]:
    """A page of the fleet: one row for each fabric, filtered, sorted and counted by the database."""
    states = tuple(one.value for one in state)
    wanted = FleetFilter(search, states, repository, cluster, tuple(fabric), _selector(select))
    return Page[FleetRow].model_validate(fleet_page(database, wanted, sort=sort.value, limit=limit, cursor=cursor))


def _selector(text: str) -> Selector:
    return parse_selector(text) if text else Selector()


@router.get("/fleet/counters")
def count_fleet(
    database: Database,
    search: Search = "",
    repository: RepositoryFilter = None,
    cluster: ClusterFilter = None,
    select: SelectorFilter = "",
) -> FleetCounters:
    """How many fabrics are in each state, at most two seconds ago."""
    wanted = FleetFilter(search, (), repository, cluster, selector=_selector(select))
    return FleetCounters.model_validate(_counters.get(database, wanted))


@router.get("/changes", response_model=Changes, responses={304: {"description": "Nothing has changed."}})
def list_changes(
    database: Database,
    response: Response,
    since: Annotated[str | None, Query(max_length=2000, description="`cursor` of the answer before.")] = None,
    if_none_match: Annotated[str | None, Header(max_length=2000, description="`ETag` of the answer before.")] = None,
) -> Any:
    """Which fabrics changed since the answer before: one look at one index, and 304 when nothing did.

    Ask every two seconds, with the `ETag` of the last answer in `If-None-Match`, or with its `cursor` in `since`.
    """
    known = since or (if_none_match or "").removeprefix("W/").strip('"')
    found = changed_since(database, known)
    if found is None:
        return Response(status_code=304, headers={"ETag": f'"{known}"'})
    response.headers["ETag"] = f'"{found.cursor}"'
    return Changes.model_validate(found)


@router.get("/me")
def get_permissions(user: User) -> Permissions:
    """Who is asking, and which actions this user may do."""
    return Permissions(user=user.get_name(), actions=allowed(user))


@router.get("/actions")
def list_actions(
    database: Database, fabric: FabricFilter = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[ActionRecord]:
    """What people did with the actions of this API, the newest first."""
    return Page[ActionRecord].model_validate(action_page(database, fabric=fabric, limit=limit, cursor=cursor))
