"""What all our tasks need: the fabric database, how long it may take, and how runs and names are written.

The only place that knows what Airflow retries. A permanent error fails the task at once; a retryable one raised by the
call itself (the fabric database is unreachable) is left to Airflow's retries. Errors of single fabrics are neither: the
service records them and sets the next attempt; the task turns red so that they are seen, and is not retried.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

_NAMES_SHOWN = 3
_PAUSE = 10.0
"""Seconds between two attempts to open the fabric database."""
USABLE_TIME = 0.85
"""Part of a task's time limit after which it begins nothing more. Airflow would kill it before it has told anything."""
_SHORT_COMMIT = 8


@contextmanager
def fabric_database(*, deadline: float = 0.0) -> Iterator[Connection]:
    """The fabric database for one task; permanent errors of the block fail the task without a retry.

    Until the *deadline* (of `time.monotonic`), a database that does not answer is retried: for a task that must not
    be begun again, because Airflow would forget what somebody answered.
    """
    try:
        connection = _opened(deadline)
        try:
            yield connection
        finally:
            connection.close()
    except PermanentError as error:
        raise AirflowFailException(str(error)) from error


def _opened(deadline: float) -> Connection:
    from hedgehog.airflow.adapters.hooks import open_database

    while True:
        try:
            return open_database()
        except RetryableError as error:
            if time.monotonic() + _PAUSE > deadline:
                raise
            logger.warning("%s; it is retried in %.0f s", error, _PAUSE)
            time.sleep(_PAUSE)


def known_fabrics(connection: Connection, names: Collection[str]) -> list[str]:
    """The *names* that a person gave. Raises NotFound, with near names, for one that no fabric has."""
    from hedgehog.store.fabrics import load_fabric

    return [load_fabric(connection, name).name for name in names]


def short(names: Sequence[str]) -> str:
    """The first names and how many more there are, for titles and messages."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown + (f" +{len(names) - _NAMES_SHOWN}" if len(names) > _NAMES_SHOWN else "")


def short_revision(revision: str) -> str:
    """A revision with the first digits of its commit, for people."""
    branch, mark, commit = revision.partition("@sha1:")
    return f"{branch}{mark}{commit[:_SHORT_COMMIT]}"


def time_limit(operator: BaseOperator) -> dict[str, Any]:
    """The argument `deadline` (of `time.monotonic`) for the service of a task that begins now; none without a limit.

    What is left of the limit after it is for recording.
    """
    limit = operator.execution_timeout
    return {} if limit is None else {"deadline": time.monotonic() + USABLE_TIME * limit.total_seconds()}


def run_id_of(context: Context) -> str:
    """How a run is called in the fabric database and in commits."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def triggering_user(context: Context) -> str:
    """Who started the run, as the history names them."""
    return getattr(context["dag_run"], "triggering_user_name", None) or "unknown"


def answering_user(user: Any) -> str:
    """Who answered a question of ours, as Airflow reports them."""
    found = user if isinstance(user, Mapping) else {"name": getattr(user, "name", ""), "id": getattr(user, "id", "")}
    return str(found.get("name") or found.get("id") or "unknown")
