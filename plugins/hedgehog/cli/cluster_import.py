"""`hedgehog fabric import --from-cluster`: running clusters are taken over, one or a whole list of them."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hedgehog.cli.arguments import Parser
from hedgehog.cli.import_report import import_each, show_report
from hedgehog.cli.output import progress
from hedgehog.cli.session import fabric_database, origin

if TYPE_CHECKING:
    from hedgehog.kube.client import Cluster
    from hedgehog.services.transfer.load import ImportReport
    from hedgehog.store.database import Connection


class _Source(NamedTuple):
    fabric: str | None
    connection_id: str


def add_cluster_options(parser: Parser) -> None:
    """The options that say which clusters are taken over."""
    group = parser.add_argument_group("from clusters")
    group.add_argument(
        "--from-cluster",
        nargs="+",
        metavar="CONNECTION",
        help="Airflow connection of the cluster to take over; FABRIC=CONNECTION names its fabric, which several clusters need",
    )
    group.add_argument("--kubeconfig", metavar="FILE", help="use this kubeconfig file instead of the connection")


def import_clusters(arguments: argparse.Namespace) -> int:
    """Take them over, each for itself; exit status 1 if one of several cannot be read or stored."""
    sources = [_source(text) for text in arguments.from_cluster]
    if arguments.fabric:
        if len(sources) > 1 or sources[0].fabric:
            arguments.parser.error("name the fabric with --fabric, or each as FABRIC=CONNECTION; not both")
        sources = [_Source(arguments.fabric, sources[0].connection_id)]
    if arguments.kubeconfig and len(sources) > 1:
        arguments.parser.error("--kubeconfig is about one cluster")
    with fabric_database(arguments) as connection:
        if len(sources) == 1:
            show_report(arguments, _import(arguments, connection, sources[0]))
            return 0
        return import_each(
            arguments, {one.connection_id: partial(_import, arguments, connection, one) for one in sources}
        )


def _source(text: str) -> _Source:
    fabric, found, connection_id = text.partition("=")
    return _Source(fabric, connection_id) if found else _Source(None, text)


def _import(arguments: argparse.Namespace, connection: Connection, source: _Source) -> ImportReport:
    from hedgehog.services.transfer.from_cluster import import_from_cluster

    with progress(arguments, f"reading the cluster {source.connection_id}"):
        cluster = _open_cluster(arguments, source.connection_id)
        try:
            return import_from_cluster(
                connection,
                cluster,
                connection_id=source.connection_id,
                origin=origin(arguments),
                fabric=source.fabric,
                settings=dict(arguments.settings),
                replace=arguments.replace,
                dry_run=arguments.dry_run,
                allow_large_prune=arguments.yes,
            )
        finally:
            cluster.close()


def _open_cluster(arguments: argparse.Namespace, connection_id: str) -> Cluster:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_kubeconfig

    if arguments.kubeconfig:
        return open_kubeconfig(arguments.kubeconfig, name=connection_id)
    return open_cluster(connection_id)
