"""`hedgehog validate`: whether a cluster would accept files, without contacting it."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Run, add_command, standard_input
from hedgehog.cli.output import print_error, progress, say
from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.settings import Upstream

if TYPE_CHECKING:
    from hedgehog.fabric.model import Fabric, Manifest
    from hedgehog.kube.client import Cluster
    from hedgehog.manifests.report import ValidationReport
    from hedgehog.services.transfer.local_files import LocalFiles

COULD_NOT_CHECK = 2
_OUTPUTS = ("text", "json", "sarif", "github")
_OF_THE_FABRIC = ""
"""`--against-cluster` without a connection."""


def add_commands(commands: Any) -> None:
    """Add `validate`."""
    parser = add_command(
        commands,
        "validate",
        checking(_validate),
        summary="check files as a cluster would; exit status 0: valid, 1: invalid, 2: could not be checked",
        examples="""
        hedgehog validate wiring/ vpcs/vpc-1.yaml
        hedgehog validate --fabric gen vpcs/                 # the other objects of the fabric are there too
        hedgehog validate --against-cluster gen_cluster .    # asks the cluster as well; writes nothing
        hedgehog validate .                                  # fab.yaml and include/, as hhfab validate does
        hedgehog validate --hydrate never wiring/            # what a cluster says of it, without hydration
        hedgehog validate --strict --output sarif . > hedgehog.sarif
        """,
        without=("output",),
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="file, directory (its *.yaml and *.yml), or - for stdin"
    )
    parser.add_argument(
        "--fabric", metavar="NAME", help="check against the settings and the other objects of this fabric"
    )
    parser.add_argument(
        "--against-cluster", nargs="?", const=_OF_THE_FABRIC, metavar="CONNECTION", dest="cluster",
        help="ask a cluster too, with a server-side dry run; default: that of --fabric",
    )  # fmt: skip
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="use this kubeconfig file instead of an Airflow connection"
    )
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--upstream",
        choices=[release.value for release in Upstream],
        help="release of githedgehog/fabric to check against; default: that of the fabric, or else the newest",
    )
    parser.add_argument(
        "--hydrate",
        choices=[mode.value for mode in HydrationMode],
        help="assign missing addresses and ASNs in memory: all or none (if-not-present, the default without --fabric and "
        "--against-cluster), what is missing (missing), all again (override), none (never): what a cluster says",
    )
    parser.add_argument("--output", choices=_OUTPUTS, default="text", help="default: text")


def _validate(arguments: argparse.Namespace) -> int:
    if arguments.cluster == _OF_THE_FABRIC and not (arguments.fabric or arguments.kubeconfig):
        arguments.parser.error("--against-cluster needs the name of a connection, --kubeconfig or --fabric")
    if arguments.kubeconfig and arguments.cluster is None:
        arguments.cluster = _OF_THE_FABRIC
    report = _report(arguments)
    from hedgehog.manifests.outputs import FORMS

    say(arguments, FORMS[arguments.output](report))
    return 0 if report.valid else 1


def checking(run: Run) -> Run:
    """The command with exit status 2 for failures: status 1 is a result."""

    @functools.wraps(run)
    def guarded(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except BrokenPipeError:
            raise
        except HedgehogError as error:
            return _could_not_check(str(error))
        except OSError as error:
            return _could_not_check(f"{error.filename or 'input or output'}: {error.strerror or error}")

    return guarded


def _could_not_check(message: str) -> int:
    print_error(message)
    return COULD_NOT_CHECK


def _report(arguments: argparse.Namespace) -> ValidationReport:
    from hedgehog.manifests.file_rules import UNREADABLE
    from hedgehog.services.browse.checking import check_beside
    from hedgehog.services.repository.vanished import not_read

    files = _read(arguments)
    fabric, objects = _fabric(arguments)
    upstream = Upstream(arguments.upstream) if arguments.upstream else None
    report = check_beside(
        files.contents, fabric, objects, strict=arguments.strict, upstream=upstream, mode=_mode(arguments)
    )
    notes = [
        f"not checked, though it has objects: {path}; *.yaml and *.yml are read" for path in not_read(files.unread)
    ]
    report = dataclasses.replace(report.with_unreadable(UNREADABLE, files.opaque), notes=(*report.notes, *notes))
    return report if arguments.cluster is None else _ask(arguments, report, fabric)


def _mode(arguments: argparse.Namespace) -> HydrationMode:
    if arguments.hydrate:
        return HydrationMode(arguments.hydrate)
    of_a_cluster = arguments.fabric or arguments.cluster is not None
    return HydrationMode.NEVER if of_a_cluster else HydrationMode.IF_NOT_PRESENT


def _read(arguments: argparse.Namespace) -> LocalFiles:
    from hedgehog.services.transfer.local_files import read_paths

    files = read_paths(arguments.paths, stdin=standard_input())
    if not files.contents and not files.opaque:
        raise InvalidInput(f"{', '.join(arguments.paths)}: no YAML file was found; nothing was checked")
    return files


def _fabric(arguments: argparse.Namespace) -> tuple[Fabric | None, list[Manifest]]:
    """The fabric and its objects; nothing without --fabric, when no database is needed."""
    if not arguments.fabric:
        return None, []
    from hedgehog.cli.session import fabric_database
    from hedgehog.services.browse.checking import fabric_objects

    with fabric_database(arguments) as connection:
        return fabric_objects(connection, arguments.fabric)


def _ask(arguments: argparse.Namespace, report: ValidationReport, fabric: Fabric | None) -> ValidationReport:
    from hedgehog.services.kubernetes.dry_run import ask_cluster

    of_the_fabric = fabric.kubernetes_connection_id if fabric else None
    cluster = open_chosen_cluster(arguments.cluster or of_the_fabric, arguments.kubeconfig)
    try:
        with progress(arguments, f"asking {cluster.name}"):
            return ask_cluster(report, cluster)
    finally:
        cluster.close()


def open_chosen_cluster(connection_id: str | None, kubeconfig: str | None) -> Cluster:
    """The cluster of a kubeconfig file, else of an Airflow connection. Raises InvalidInput if neither is given."""
    from hedgehog.airflow.adapters import hooks

    if kubeconfig:
        return hooks.open_kubeconfig(kubeconfig, name=connection_id or None)
    if not connection_id:
        raise InvalidInput("the fabric has no kubernetes_connection_id; name a connection after --against-cluster")
    return hooks.open_cluster(connection_id)
