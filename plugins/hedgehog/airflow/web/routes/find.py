"""What uses a value, in all fabrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.objects import FoundUse
from hedgehog.airflow.web.routes.parameters import Cursor, Database, FabricFilter, Limit
from hedgehog.services.browse.find import found_page

router = APIRouter(tags=["find"])


@router.get("/find")
def find_objects(
    database: Database,
    value: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description="A name, VLAN, address, subnet, community …; `vlan=1200`: only in fields of that name.",
        ),
    ],
    fabric: FabricFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FoundUse]:
    """A page of the objects of all fabrics that use a value, with the fields that hold it.

    An address or a subnet is found in the subnets that contain it, too.
    """
    return Page[FoundUse].model_validate(found_page(database, value, fabric=fabric, limit=limit, cursor=cursor))
