"""Reading logs instead of letting them out."""

from __future__ import annotations

import logging
import sys

import pytest
import structlog

from penguiflow import configure_logging
from sim.watch.logs import LogCapture, extras_of, message_of


def ignore(_what: object) -> None:
    """Read nothing."""


def test_every_record_that_passes_its_level_is_read_and_none_is_printed(capfd):
    """Records reach the reader and no handler, also from loggers that do not propagate."""
    read: list[logging.LogRecord] = []
    with LogCapture(read.append, ignore):
        configure_logging(structured=True)
        logging.getLogger("penguiflow.flow").info("hello", extra={"node": "a"})
        logging.getLogger("somebody.else").warning("there")
        logging.getLogger("somebody.else").debug("too low")
    assert [record.getMessage() for record in read] == ["hello", "there"]
    assert extras_of(read[0]) == {"node": "a"}
    assert capfd.readouterr() == ("", "")


def test_what_a_run_configures_is_put_back():
    """Levels, handlers and propagation are as before, also for loggers that the run made."""
    logger = logging.getLogger("penguiflow")
    before = (logger.level, list(logger.handlers), logger.propagate)
    with LogCapture(ignore, ignore):
        configure_logging("DEBUG")
        logging.getLogger("made.in.the.run").setLevel("DEBUG")
        assert logger.handlers
    assert (logger.level, list(logger.handlers), logger.propagate) == before
    assert logging.getLogger("made.in.the.run").level == logging.NOTSET


def test_logging_works_again_after_an_exception(caplog):
    """A run that dies puts the handlers back too."""
    with pytest.raises(KeyboardInterrupt), LogCapture(ignore, ignore):
        raise KeyboardInterrupt
    with caplog.at_level("INFO"):
        logging.getLogger("somebody.else").info("heard")
    assert caplog.messages == ["heard"]


def test_printed_lines_and_structlog_are_read_line_by_line(capfd):
    """What a flow prints is read like a log, and does not reach the terminal."""
    lines: list[str] = []
    with LogCapture(ignore, lines.append):
        sys.stdout.write("one\ntw")
        sys.stdout.write("o\n")
        structlog.get_logger().info("three", tenant="acme")
    assert lines[:2] == ["one", "two"]
    assert "three" in lines[2]
    assert capfd.readouterr() == ("", "")


def test_a_record_whose_arguments_do_not_fit_hurts_nobody():
    """A broken log call is harmless outside, so it is harmless here."""
    record = logging.LogRecord("app", logging.WARNING, "x.py", 1, "value %d", ("abc",), None)
    assert message_of(record) == "value %d ('abc',)"
