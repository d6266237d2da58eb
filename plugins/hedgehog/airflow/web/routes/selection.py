"""The fabrics that the body of an action means."""

from __future__ import annotations

from hedgehog.airflow.web.models.freezing import SelectionBody
from hedgehog.errors import InvalidInput
from hedgehog.fabric.selectors import Selector, parse_selector
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric


def selectors_of(database: Connection, body: SelectionBody) -> list[Selector]:
    """One for each fabric that is named, which must exist; else what the body selects."""
    if sum((bool(body.fabrics), bool(body.select), body.all)) != 1:
        raise InvalidInput(
            "which fabrics? name them in `fabrics`, or choose them with `select` or `all`; one of the three"
        )
    if body.fabrics:
        return [Selector.named([load_fabric(database, name).name]) for name in dict.fromkeys(body.fabrics)]
    return [parse_selector(body.select) if body.select else Selector()]


def selector_of(database: Connection, body: SelectionBody) -> Selector:
    """The same as one selector."""
    found = selectors_of(database, body)
    return found[0] if len(found) == 1 else Selector.named(body.fabrics)
