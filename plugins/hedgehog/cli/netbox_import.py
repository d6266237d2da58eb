"""`hedgehog fabric import --from-netbox`: the fabrics of the NetBox plugin are taken over."""

from __future__ import annotations

import argparse
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from hedgehog.cli.arguments import Parser
from hedgehog.cli.import_report import import_each
from hedgehog.cli.output import progress
from hedgehog.cli.session import fabric_database, origin
from hedgehog.errors import NotFound
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.near import did_you_mean

if TYPE_CHECKING:
    from hedgehog.store.netbox import NetBoxFabric


def add_netbox_options(parser: Parser) -> None:
    """The option that says which database is read."""
    group = parser.add_argument_group("from the NetBox plugin")
    group.add_argument(
        "--from-netbox",
        metavar="CONNECTION",
        help="Airflow connection of the PostgreSQL database of NetBox; all fabrics of its plugin, or that of --fabric",
    )


def import_netbox_fabrics(arguments: argparse.Namespace) -> int:
    """Take over one fabric or all; exit status 1 if one of them cannot be stored."""
    from hedgehog.services.transfer.from_netbox import import_from_netbox
    from hedgehog.services.transfer.load import ImportOptions

    with progress(arguments, f"reading {arguments.from_netbox}"):
        found = _chosen(arguments)
    options = ImportOptions(
        origin=origin(arguments),
        replace=arguments.replace,
        dry_run=arguments.dry_run,
        allow_large_prune=arguments.yes,
        allow_invalid=arguments.allow_invalid,
        mode=HydrationMode(arguments.hydrate),
    )
    with fabric_database(arguments) as connection:
        one = partial(
            import_from_netbox,
            connection,
            place=arguments.from_netbox,
            settings=dict(arguments.settings),
            options=options,
        )
        return import_each(arguments, {fabric.name: partial(one, fabric) for fabric in found})


def _chosen(arguments: argparse.Namespace) -> list[NetBoxFabric]:
    from hedgehog.airflow.adapters.connections import database_parameters
    from hedgehog.store.database import connect
    from hedgehog.store.netbox import read_fabrics

    parameters = {"target_session_attrs": "any", **database_parameters(arguments.from_netbox)}
    with closing(connect(parameters)) as netbox:
        found = {one.name: one for one in read_fabrics(netbox)}
    if not arguments.fabric:
        return list(found.values())
    if arguments.fabric not in found:
        near = did_you_mean(arguments.fabric, found, otherwise=f"there are {', '.join(found) or 'none'}")
        raise NotFound(f"{arguments.from_netbox}: the plugin has no fabric {arguments.fabric}; {near}")
    return [found[arguments.fabric]]
