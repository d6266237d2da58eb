"""What came of a fabric, as lines of the log."""

from __future__ import annotations

import logging

from hedgehog.airflow import trouble
from hedgehog.airflow.operators.steps import Result
from hedgehog.airflow.operators.tasks import short_revision
from hedgehog.fabric.changes import Outcome

logger = logging.getLogger(__name__)


def log_outcome(outcome: Outcome, indent: str = "") -> None:
    """Say in the log what happened to one fabric, and each of its changes."""
    level = trouble.level(outcome.status)
    logger.log(level, "%s%s", indent, outcome_line(outcome.as_dict()))
    for line in outcome.details:
        logger.log(level, "%s  %s", indent, line)


def outcome_line(outcome: Result) -> str:
    """One line about one fabric, for people."""
    counts = ", ".join(f"{count} {action}" for action, count in outcome["counts"].items() if count)
    parts = [
        f"{outcome['fabric']} → {outcome['target']}: {'would be ' if outcome['dry_run'] else ''}{outcome['status']}",
        outcome["reason"],
        counts,
        short_revision(outcome["revision"] or ""),
    ]
    return "; ".join(part for part in parts if part)
