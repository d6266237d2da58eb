"""Open problems in runs: what is wrong is named by every run until it is over, and makes it red."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.settings import OPEN_PROBLEMS
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.shown import and_more

if TYPE_CHECKING:
    from hedgehog.store.database import Connection
    from hedgehog.store.problems import Problem

logger = logging.getLogger(__name__)

NOTHING_BUT_TROUBLE: list[list[str]] = [[]]
"""The plan of a run that only has open problems to report: one empty batch, so that Airflow does not skip
the summary."""
MOST_LISTED = 100
"""Problems that a summary names and returns; `hedgehog status --verbose` has them all."""


class FabricTrouble(AirflowFailException):
    """A task is red so that trouble with fabrics is seen; that is on record, and no fault of the task."""


def is_red() -> bool:
    """Whether a run is red while something waits for a person: `[hedgehog] open_problems`, `fail` or `warn`."""
    try:
        return OPEN_PROBLEMS.read() == "fail"
    except InvalidInput as error:
        raise AirflowFailException(str(error)) from error


def level(status: str) -> int:
    """The log level of an outcome."""
    return {OutcomeStatus.ERROR: logging.ERROR, OutcomeStatus.HELD: logging.WARNING}.get(
        OutcomeStatus(status), logging.INFO
    )


def fails(outcome: Outcome) -> bool:
    """Whether an outcome makes its task red."""
    return outcome.status is OutcomeStatus.ERROR or (outcome.needs_somebody and is_red())


def problems_of(connection: Connection, verb: str, fabrics: Collection[str] = ()) -> list[Problem]:
    """The open problems that the DAG of *verb* is about, of all fabrics or of those a run was asked for."""
    from hedgehog.store.problems import open_problems

    return open_problems(connection, list(fabrics) or None, verbs=[verb])


def log_open_problems(problems: Sequence[Problem]) -> None:
    """One line per problem, what needs somebody first."""
    if problems:
        waiting = sum(problem.needs_somebody for problem in problems)
        logger.warning("open problems: %s; for somebody: %s", len(problems), waiting)
    for problem in sorted(problems, key=lambda problem: not problem.needs_somebody)[:MOST_LISTED]:
        logger.warning("  %s (since %s)", problem, f"{problem.since:%Y-%m-%d %H:%M %Z}")
    if len(problems) > MOST_LISTED:
        logger.warning("  %s", and_more(len(problems) - MOST_LISTED, "see `hedgehog status --verbose`"))
