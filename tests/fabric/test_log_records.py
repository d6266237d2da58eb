"""Whatever is logged of the texts of others, none of it acts on a terminal."""

from __future__ import annotations

import io
import logging

import pytest

import hedgehog
from hedgehog.fabric import log_records

EVIL = "VPC/default/\x1b[2Jx\u202e"
SHOWN = "VPC/default/\N{REPLACEMENT CHARACTER}[2Jx\N{REPLACEMENT CHARACTER}"


@pytest.fixture
def logged():
    """What a plain handler writes of a logger of the product."""
    stream, logger = io.StringIO(), logging.getLogger("hedgehog.services.something")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_importing_the_product_is_enough():
    """Tasks, triggers, commands and the web server have nothing else in common."""
    assert isinstance(logging.getLogRecordFactory(), log_records.PrintableRecords)
    factory = logging.getLogRecordFactory()
    log_records.install()
    assert (logging.getLogRecordFactory(), bool(hedgehog.__version__)) == (factory, True)


def test_arguments_and_texts_are_printable(logged):
    """Wherever the text of others stands."""
    logger, stream = logged
    logger.error("held: %s", EVIL)
    logger.error(f"held: {EVIL}")  # noqa: G004
    assert stream.getvalue() == f"held: {SHOWN}\n" * 2


def test_a_traceback_is_printable(logged):
    """The text of an error is in it."""
    logger, stream = logged
    try:
        raise ValueError(EVIL)
    except ValueError:
        logger.exception("failed")
    assert f"ValueError: {SHOWN}\n" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_records_of_other_loggers_are_not_changed():
    """They may have colours of their own."""
    assert logging.getLogRecordFactory()("airflow", 40, "f", 1, "%s", ("\x1b[2J",), None).getMessage() == "\x1b[2J"


def test_a_record_without_a_name_is_made():
    """As `logging.makeLogRecord` does, with which Airflow's own logging copies records."""
    assert logging.makeLogRecord({"msg": "as it was \x1b[1m"}).getMessage() == "as it was \x1b[1m"
