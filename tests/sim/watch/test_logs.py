"""Reading logs instead of letting them out."""

from __future__ import annotations

import logging

import pytest

from penguiflow import configure_logging
from sim.watch.logs import LogCapture, extras_of


def test_every_record_that_passes_its_level_is_read_and_none_is_printed(capfd):
    """Records reach the reader and no handler, also from loggers that do not propagate."""
    read: list[logging.LogRecord] = []
    with LogCapture(read.append):
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
    with LogCapture(lambda _record: None):
        configure_logging("DEBUG")
        logging.getLogger("made.in.the.run").setLevel("DEBUG")
        assert logger.handlers
    assert (logger.level, list(logger.handlers), logger.propagate) == before
    assert logging.getLogger("made.in.the.run").level == logging.NOTSET


def test_logging_works_again_after_an_exception(caplog):
    """A run that dies puts the handlers back too."""
    with pytest.raises(KeyboardInterrupt), LogCapture(lambda _record: None):
        raise KeyboardInterrupt
    with caplog.at_level("INFO"):
        logging.getLogger("somebody.else").info("heard")
    assert caplog.messages == ["heard"]
