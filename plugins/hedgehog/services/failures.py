"""From an exception to the recorded outcome of a fabric, for all services that work on batches.

A step that serves one fabric, repository or cluster of a batch is guarded with `except Exception` and calls `record`, so
that an error, foreseen or not, affects only the fabrics that it concerns.
"""

from __future__ import annotations

import logging
import time
import traceback
from pathlib import Path

from hedgehog import errors
from hedgehog.errors import HedgehogError, PermanentError, RetryableError
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, Target
from hedgehog.fabric.shown import reason_of
from hedgehog.store import sync_state
from hedgehog.store.database import Connection, transaction

logger = logging.getLogger(__name__)

_PACKAGE = Path(errors.__file__).parent


def record(
    connection: Connection,
    fabric: Fabric,
    target: Target,
    error: Exception,
    *,
    run_id: str,
    started: float,
    dry_run: bool = False,
) -> Outcome:
    """Record that *error* ended the work on *fabric*, which *started* at that `time.perf_counter`, and return the outcome.

    The traceback of an unforeseen error is logged. Raises only if the fabric database cannot be written.
    """
    if not isinstance(error, HedgehogError):
        logger.error("%s to %s: unforeseen error", fabric.name, target, exc_info=error)
    duration = time.perf_counter() - started
    outcome = error_outcome(
        fabric.name, target, error, generation=fabric.generation, duration=duration, dry_run=dry_run
    )
    if not dry_run:
        with transaction(connection) as cursor:
            sync_state.finish(cursor, fabric.id, outcome, run_id=run_id)
    return outcome


def error_outcome(
    fabric: str,
    target: Target,
    error: Exception,
    *,
    generation: int = 0,
    duration: float = 0.0,
    dry_run: bool = False,
) -> Outcome:
    """What *error* means for a fabric: one of ours decides by its class whether it is retried; any other is retried."""
    lines = error_lines(error)
    return Outcome(
        fabric,
        target,
        OutcomeStatus.ERROR,
        generation=generation,
        reason=reason_of(lines, rest="the log of this run has them"),
        error_class=type(error).__name__,
        retryable=not isinstance(error, PermanentError),
        retry_after=getattr(error, "retry_after", None),
        details=tuple(lines) if len(lines) > 1 else (),
        duration=duration,
        dry_run=dry_run,
    )


def as_ours(subject: str, error: Exception) -> HedgehogError:
    """*error* as one of ours: an unforeseen one about *subject* is retried; its traceback is logged, its text is not told."""
    if isinstance(error, HedgehogError):
        return error
    logger.error("%s: unforeseen error", subject, exc_info=error)
    ours = RetryableError(f"{subject}: {error_lines(error)[0]}")
    ours.__cause__ = error
    return ours


def error_lines(error: Exception) -> list[str]:
    """The lines that report *error*: at least one, of text that any database and terminal accepts.

    An error that is not ours is reported only by its class and the place in our code: its text may quote a secret.
    """
    text = str(error) if isinstance(error, HedgehogError) else _unforeseen(error)
    printable = text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
    return [line for line in printable.splitlines() if line.strip()] or [type(error).__name__]


def _unforeseen(error: Exception) -> str:
    what = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        what += f" ({error.strerror}{place})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    where = f" in {Path(frames[-1].filename).relative_to(_PACKAGE)}, line {frames[-1].lineno}" if frames else ""
    return f"unforeseen {what}{where}; the log of this run has the traceback: report it"
