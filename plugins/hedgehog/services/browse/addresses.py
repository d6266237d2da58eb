"""The addresses and ASNs of a fabric: its ranges, who has what, and what is free."""

from __future__ import annotations

from hedgehog.fabric.fabricator import effective_settings
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.hydration.usage import RangeUsage, range_usage
from hedgehog.services.browse.checking import fabric_objects
from hedgehog.store.database import Connection


def address_ranges(connection: Connection, name: str) -> tuple[RangeUsage, ...]:
    """The ranges of a fabric as the database wants it. Raises NotFound, and InvalidInput if its settings are unreadable."""
    fabric, objects = fabric_objects(connection, name)
    return range_usage(objects, ranges_of(effective_settings(fabric.settings, objects)))
