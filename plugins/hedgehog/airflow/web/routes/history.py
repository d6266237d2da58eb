"""The history of what is wanted: changes, differences, authors of fields, and how far a change has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.history import ChangeRow, Comparison, FieldOrigin, Trace
from hedgehog.airflow.web.routes.parameters import (
    Cursor,
    Database,
    FabricFilter,
    FabricPath,
    Limit,
    ObjectPart,
    parsed_ref,
)
from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import ObjectRef
from hedgehog.services.browse.history import blame_object, compare_changes, history_page
from hedgehog.services.browse.trace import trace
from hedgehog.store.history import ChangeFilter

router = APIRouter(tags=["history"])

_MOMENT = "a generation (`12`), a time (`2026-05-01T18:00Z`, or `2d` for two days ago), a commit, or `now`"
_From = Annotated[str | None, Query(alias="from", max_length=64, description=f"{_MOMENT}; none: before the other one.")]
_To = Annotated[str, Query(max_length=64, description=_MOMENT)]


@router.get("/history")
def list_history(
    database: Database,
    *,
    fabric: FabricFilter = None,
    object: Annotated[
        str | None,
        Query(max_length=600, description="Only changes of this object, `Kind/namespace/name`; needs `fabric`."),
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only later ones.")] = None,
    by: Annotated[str, Query(max_length=300, description="A part of the name of who made the change.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ChangeRow]:
    """Who changed what is wanted, through what and why, the newest change first."""
    wanted = ChangeFilter(fabric=fabric, ref=_ref(object, fabric), since=since, who=by)
    return Page[ChangeRow].model_validate(history_page(database, wanted, limit=limit, cursor=cursor))


def _ref(text: str | None, fabric: str | None) -> ObjectRef | None:
    if text is None:
        return None
    if fabric is None:
        raise InvalidInput("`object` needs `fabric`, the fabric that has the object")
    return parsed_ref(text)


@router.get("/fabrics/{fabric}/diff")
def get_diff(database: Database, fabric: FabricPath, first: _From = None, to: _To = "now") -> Comparison:
    """What differs between two moments of a fabric, field by field; without `from`, what the change of `to` did."""
    found = compare_changes(database, fabric, first, to, now=datetime.now(UTC))
    return Comparison.model_validate(found.as_dict())


@router.get("/fabrics/{fabric}/objects/{kind}/{namespace}/{name}/blame")
def get_blame(
    database: Database, fabric: FabricPath, kind: ObjectPart, namespace: ObjectPart, name: ObjectPart
) -> list[FieldOrigin]:
    """Each field of an object with the change that gave it its value."""
    return [FieldOrigin.model_validate(one) for one in blame_object(database, fabric, ObjectRef(kind, namespace, name))]


@router.get("/trace/{subject}")
def get_trace(
    database: Database,
    subject: Annotated[str, Path(max_length=64, description="A fabric, or a commit with at least 7 digits.")],
) -> list[Trace]:
    """How far the last change of a fabric, or what a commit changed in each of its fabrics, has come to the switches."""
    return [Trace.model_validate(one) for one in trace(database, subject, now=datetime.now(UTC))]
