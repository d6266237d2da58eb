"""`hedgehog addresses`: the ranges of a fabric, and who has which address and ASN."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from hedgehog.cli.arguments import add_command
from hedgehog.cli.output import show, table
from hedgehog.cli.session import fabric_database
from hedgehog.errors import NotFound
from hedgehog.fabric.hydration.usage import RangeUsage
from hedgehog.fabric.near import did_you_mean


def add_commands(commands: Any) -> None:
    """Add `addresses`."""
    parser = add_command(
        commands,
        "addresses",
        _addresses,
        summary="show the address and ASN ranges of a fabric: what is used, what is free, and by whom",
        examples="""
        hedgehog addresses gen                    # every range: used, free, the next to be assigned
        hedgehog addresses gen leaf-asn vtep      # who has which value of these ranges
        hedgehog addresses gen --output json
        """,
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("ranges", nargs="*", metavar="RANGE", help="list who has what in this range; default: totals")


def _addresses(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.addresses import address_ranges

    with fabric_database(arguments) as connection:
        found = address_ranges(connection, arguments.fabric)
    chosen = _chosen(found, arguments.ranges)
    data = {"fabric": arguments.fabric, "ranges": [one.as_dict() for one in chosen or found]}
    show(arguments, data, lambda: _users(chosen) if chosen else _totals(found))
    return 0


def _chosen(found: Sequence[RangeUsage], names: Sequence[str]) -> list[RangeUsage]:
    known = {one.name: one for one in found}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, otherwise=f"there are {', '.join(known)}")
            raise NotFound(f"there is no range {name!r}; {hint}")
    return [known[name] for name in names]


def _totals(found: Sequence[RangeUsage]) -> str:
    rows = [(one.name, one.span, one.used, one.free, one.next_free or "nothing is free") for one in found]
    return table(("range", "from - to", "used", "free", "next"), rows, nothing="")


def _users(chosen: Sequence[RangeUsage]) -> str:
    rows = [(one.name, use.value, str(use.ref), use.field) for one in chosen for use in one.uses]
    return table(("range", "value", "object", "field"), rows, nothing="nothing is in use")
