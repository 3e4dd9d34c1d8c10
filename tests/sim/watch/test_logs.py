"""Reading logs instead of letting them out."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

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


def settings_of(*names: str) -> list[Any]:
    loggers = [logging.getLogger(name) for name in names]
    return [(logger.level, list(logger.handlers), logger.propagate) for logger in loggers]


@pytest.mark.parametrize(
    "change",
    [
        lambda logger: logger.setLevel(5),
        lambda logger: logger.addHandler(logging.NullHandler()),
        lambda logger: setattr(logger, "propagate", False),
    ],
)
@pytest.mark.parametrize("name", ["", "app.known"])
def test_each_setting_of_a_logger_is_put_back(change, name):
    """Of the root too; a logger that the run made is as if nobody had set it."""
    logging.getLogger("app.known")
    before = settings_of(name)
    logging.Logger.manager.loggerDict.pop("app.new", None)
    with LogCapture(ignore, ignore):
        change(logging.getLogger(name))
        change(logging.getLogger("app.new"))
    assert settings_of(name) == before
    assert settings_of("app.new") == [(logging.NOTSET, [], True)]


def test_what_stands_between_is_taken_away():
    """Loggers, streams, warnings and structlog work as before the run."""

    def parts() -> tuple[Any, ...]:
        return (
            logging.Logger.callHandlers, sys.stdout, sys.stderr, warnings.showwarning,
            structlog.BoundLoggerBase._process_event,
        )  # fmt: skip

    before = parts()
    with LogCapture(ignore, ignore, ignore):
        assert all(one is not other for one, other in zip(parts(), before, strict=True))
    assert parts() == before


def test_a_warning_is_a_printed_line():
    """Its class and its text."""
    lines: list[str] = []
    with LogCapture(ignore, lines.append):
        warnings.simplefilter("always")
        warnings.warn("too late", RuntimeWarning, stacklevel=1)
    assert lines == ["RuntimeWarning: too late"]


def test_lines_are_told_when_they_are_whole():
    """Of text and of bytes, on both streams; what is written is taken in whole, and bytes that are no text too."""
    lines: list[str] = []
    with LogCapture(ignore, lines.append):
        assert sys.stdout.write("a\nb\nc") == 5
        assert sys.stderr.write("x\n") == 2
        assert sys.stdout.buffer.write(b"d\xff\n") == 3
        assert lines == ["a", "b", "x", "cd\ufffd"]
        assert sys.stderr.buffer.write(memoryview(b"y")) == 1
    assert lines == ["a", "b", "x", "cd\ufffd"]


class Kept:
    """A logger of structlog's that neither prints nor logs."""

    def msg(self, *args: Any, **fields: Any) -> str:
        return f"{args} {sorted(fields)}"

    info = msg


def test_an_entry_of_structlog_is_read_as_its_processors_leave_it():
    """Where it is neither printed nor passed on to the standard library, which are read there; it is not changed."""
    entries: list[Any] = []
    processors = [lambda _logger, _method, event: {**event, "more": 1}]
    with LogCapture(ignore, ignore, entries.append):
        told = structlog.wrap_logger(Kept(), processors=processors).info("hello", tenant="acme")
        structlog.wrap_logger(structlog.PrintLogger(sys.stdout), processors=[lambda _l, _m, _e: "x"]).info("printed")
        structlog.wrap_logger(logging.getLogger("app"), processors=[lambda _l, _m, _e: "x"]).warning("passed on")
        text = structlog.wrap_logger(Kept(), processors=[lambda _l, _m, event: event["event"].upper()]).info("hello")
    assert entries == [{"event": "hello", "tenant": "acme", "more": 1}, {"event": ("HELLO",)}]
    assert (told, text) == ("() ['event', 'more', 'tenant']", "('HELLO',) []")
