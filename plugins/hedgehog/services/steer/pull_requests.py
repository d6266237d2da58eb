"""A pull request of ours that was closed without merging, opened again because a person wants that."""

from __future__ import annotations

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Target
from hedgehog.fabric.origin import Origin
from hedgehog.store import pull_requests as store
from hedgehog.store import schedule
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric


def renew_request(connection: Connection, name: str, origin: Origin) -> str:
    """Have the next sync to Git ask again for the changes of a fabric; the address of the request that was rejected.

    A branch to which others pushed stays as it is all the same. Raises InvalidInput if no request of it was rejected.
    """
    fabric = load_fabric(connection, name)
    known = store.find(connection, fabric.id, fabric.git_repository) if fabric.git_repository else None
    if known is None or known.rejected_by is None:
        raise InvalidInput(f"{name}: no pull request of it was closed without merging")
    with transaction(connection) as cursor:
        store.forget(cursor, fabric.id)
        record_action(cursor, Deed.of(origin, action="renew-pull-request", fabrics=[name], subjects=[known.url]))
        schedule.make_due(connection, Target.GIT, [fabric.id])
    return known.url
