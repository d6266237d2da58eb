"""`hedgehog schemas …`: whether the schemas in this package match those of a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command, add_group
from hedgehog.cli.output import progress, show, table
from hedgehog.cli.validate import checking, open_chosen_cluster

if TYPE_CHECKING:
    from hedgehog.kube.crd_diff import CrdDifference


def add_commands(commands: Any) -> None:
    """Add `schemas` and its subcommands."""
    group = add_group(commands, "schemas", summary="the schemas of all kinds that validation uses")
    parser = add_command(
        group,
        "diff",
        checking(_diff),
        summary=(
            "compare our schemas with the definitions of a cluster; exit status 0: they fit, 1: they differ, 2: "
            "no answer"
        ),
        examples="hedgehog schemas diff --connection gen_cluster\nhedgehog schemas diff --kubeconfig ~/.kube/config",
        without=("database",),
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--connection", metavar="ID", help="Airflow connection of the cluster")
    where.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig file of the cluster, current context")


def _diff(arguments: argparse.Namespace) -> int:
    from hedgehog.kube.crd_diff import diff_with

    cluster = open_chosen_cluster(arguments.connection, arguments.kubeconfig)
    try:
        with progress(arguments, f"reading the definitions of {cluster.name}"):
            found = diff_with(cluster)
    finally:
        cluster.close()
    wrong = [one for one in found if one.reason is None]
    data = [
        {"definition": one.plural, "path": one.path or ".", "difference": one.what, "reason": one.reason}
        for one in found
    ]
    show(arguments, {"differences": data, "fits": not wrong}, lambda: _text(wrong, meant=len(found) - len(wrong)))
    return 1 if wrong else 0


def _text(wrong: Sequence[CrdDifference], *, meant: int) -> str:
    rows = [(one.plural, one.path or ".", one.what) for one in wrong]
    shown = table(("definition", "field", "difference"), rows, nothing="our schemas fit the cluster")
    note = f"\n{meant} more differences are intended; --output json shows them with their reasons" if meant else ""
    return shown + note
