"""`hedgehog metrics`: all current metrics, as Prometheus reads them."""

from __future__ import annotations

import argparse
from typing import Any

from hedgehog.airflow.clocks import intervals
from hedgehog.cli.arguments import add_command
from hedgehog.cli.output import write_result
from hedgehog.cli.session import fabric_database


def add_commands(commands: Any) -> None:
    """Add `metrics`."""
    add_command(
        commands,
        "metrics",
        _metrics,
        summary="print all current metrics, in the text format of Prometheus",
        examples="hedgehog metrics\nhedgehog metrics | grep hedgehog_sync_due",
        without=("output",),
    )


def _metrics(arguments: argparse.Namespace) -> int:
    from hedgehog.services.observe.metrics import collect, exposition

    with fabric_database(arguments) as connection:
        write_result(arguments, exposition(collect(connection, intervals())).encode())
    return 0
