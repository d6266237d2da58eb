"""Which fabrics use a VLAN, a subnet, a server or any other value, and where."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.search import Wanted, parse_wanted, places
from hedgehog.services.browse.object_states import named
from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.store.database import Connection, UnreadableJSON
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.found import objects_with_words
from hedgehog.store.listings.keyset import Row

_CHUNK = 1000
"""Objects that are read at once while those with a certain field are looked for."""


def found_page(
    connection: Connection, text: str, *, fabric: str | None = None, limit: int, cursor: str | None = None
) -> Paged:
    """At most *limit* desired objects of *fabric*, or of all, that use the value *text*; see `parse_wanted`.

    Raises NotFound for an unknown fabric, InvalidInput for an empty text or a cursor that is not ours.
    """
    wanted = parse_wanted(text)
    if fabric is not None:
        load_fabric(connection, fabric)
    after = decoded(cursor, (str, str, str, str), text)
    found: list[Row] = []
    size = max(_CHUNK, limit + 1) if wanted.field else limit + 1
    while len(found) <= limit:
        rows = objects_with_words(connection, wanted.words, fabric=fabric, after=after, limit=size)
        found += [one for row in rows for one in _found(row, wanted)]
        if len(rows) < size:
            break
        after = _place(rows[-1])
    return page_of(found[: limit + 1], limit, _place, text)


def _found(row: Row, wanted: Wanted) -> Iterator[Row]:
    """The object of *row*, if it has a place that is wanted. Of one that cannot be read, only its name is known."""
    unreadable = isinstance(row["manifest"], UnreadableJSON)
    at = [] if unreadable else places(row["manifest"], wanted)
    if at or (unreadable and not wanted.field):
        ref = ObjectRef(row["kind"], row["namespace"], row["name"])
        yield {"fabric": row["fabric"], **named(ref), "places": [one.as_dict() for one in at]}


def _place(row: Row) -> list[str]:
    return [row["fabric"], row["kind"], row["namespace"], row["name"]]
