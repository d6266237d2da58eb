"""An expected failure is one line in the task log: what is wrong and what to do. Its traceback is logged at DEBUG.

Airflow prints the traceback of whatever ends a task. For what nobody foresaw that is right; of a refused login it hides
the sentence that an operator needs below fifteen lines of our code.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from airflow.listeners import hookimpl

from hedgehog.airflow.listening.task_recorder import is_ours
from hedgehog.fabric.shown import printable

logger = logging.getLogger(__name__)


class FailureLines:
    """Shortens what Airflow logs, in the process of one of our tasks, when the task ends with an expected failure."""

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Called before a task's work. Loggers that exist share the list of processors, so it is changed in place."""
        if not is_ours(task_instance):
            return
        import structlog

        processors = structlog.get_config()["processors"]
        if one_line not in processors and isinstance(processors, list):
            processors.insert(0, one_line)


def one_line(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: the text of an expected error instead of its traceback. Secrets are masked after it."""
    error = _error_of(event.get("exc_info"))
    if error is None or not _is_expected(error):
        return event
    del event["exc_info"]
    event["event"] = printable(f"{event.get('event', method)}: {error}")
    logger.debug("where it failed", exc_info=error)
    return event


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, tuple):
        given = given[1]
    elif given is True:
        given = sys.exc_info()[1]
    return given if isinstance(given, BaseException) else None


def _is_expected(error: BaseException) -> bool:
    from airflow.sdk.exceptions import AirflowFailException

    from hedgehog.errors import HedgehogError

    return isinstance(error, HedgehogError | AirflowFailException)
