"""Parameters that several routes share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path, Query

from hedgehog.airflow.web.database import acting, reading
from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.shown import shown
from hedgehog.store.database import Connection


def _to_read() -> Iterator[Connection]:
    with reading() as connection:
        yield connection


def _to_act() -> Iterator[Connection]:
    with acting() as connection:
        yield connection


Database = Annotated[Connection, Depends(_to_read)]
"""The fabric database, for the time of the request; nothing can be written with it."""
WritableDatabase = Annotated[Connection, Depends(_to_act)]
"""The fabric database, for the time of an action."""
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next_cursor` of the page before; none: the first page.")
]
ObjectPart = Annotated[str, Path(max_length=253)]
"""Kind, namespace or name of an object."""
FabricPath = Annotated[str, Path(max_length=63, description="Name of a fabric.")]
FabricFilter = Annotated[str | None, Query(max_length=63, description="Only of this fabric.")]


def parsed_ref(text: str) -> ObjectRef:
    """An object that a request names. Raises InvalidInput for another form than `Kind/namespace/name`."""
    try:
        return ObjectRef.parse(text)
    except ValueError:
        raise InvalidInput(f"{shown(text)} is not an object; write Kind/namespace/name") from None
