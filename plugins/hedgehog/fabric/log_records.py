"""Log records that are safe to print: names, values and answers of servers in them cannot control a terminal.

This is one place for all our logs, in commands, tasks, triggers and the web server: the factory of log records.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from hedgehog.fabric.shown import printable

_OURS = "hedgehog"


class PrintableRecords:
    """A factory of log records like *inner*, except that those of our loggers are printable, with their tracebacks."""

    def __init__(self, inner: Callable[..., logging.LogRecord]) -> None:
        self._inner = inner

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """The next record. `logging.makeLogRecord` requests one without a name, and copies another into it."""
        record = self._inner(*args, **kwargs)
        if f"{record.name}.".startswith(f"{_OURS}."):
            record.msg, record.args = printable(record.getMessage()), None
            if record.exc_info and record.exc_info[0] is not None:
                record.exc_text = printable("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return record


def install() -> None:
    """Make it the factory of this process, once."""
    inner = logging.getLogRecordFactory()
    if not isinstance(inner, PrintableRecords):
        logging.setLogRecordFactory(PrintableRecords(inner))
