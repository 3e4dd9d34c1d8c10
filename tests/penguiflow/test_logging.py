"""RUNTIME 1.19 and row W33: what is logged, at which level, and in which form."""

import io
import json
import logging
import sys

import pytest
from runtime_samples import echo, failing, message, node, roundtrip, running, sleeper

from penguiflow import ExtraFormatter, StructuredFormatter, TraceEnded, configure_logging, log_flow_events


@pytest.fixture
def logger():
    """A logger of its own, put back as it was."""
    found = logging.getLogger("penguiflow")
    before = (list(found.handlers), found.level, found.propagate)
    yield found
    found.handlers[:], found.propagate = before[0], before[2]
    found.setLevel(before[1])


def record_of(msg="hello", level=logging.INFO, exc_info=None, **extra):
    record = logging.LogRecord("penguiflow.core", level, "file.py", 1, msg, (), exc_info)
    vars(record).update(extra)
    return record


def formatted(**record):
    return json.loads(StructuredFormatter().format(record_of(**record)))


# -- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("level", [logging.DEBUG, "DEBUG"])
def test_configuring_leaves_exactly_one_handler(logger, level):
    """Whatever handlers were there, afterwards there is one, on stderr, and nothing goes to the root logger."""
    logger.addHandler(logging.NullHandler())
    logger.addHandler(logging.NullHandler())
    configure_logging(level)
    configure_logging(level, structured=True)

    (handler,) = logger.handlers
    assert isinstance(handler.formatter, StructuredFormatter)
    assert handler.stream is sys.stderr
    assert (logger.level, logger.propagate) == (logging.DEBUG, False)


def test_configuring_chooses_the_form(logger):
    """Text comes with or without extras, and another logger may be named."""
    configure_logging()
    assert isinstance(logger.handlers[0].formatter, ExtraFormatter)
    configure_logging(include_extras=False)
    assert not isinstance(logger.handlers[0].formatter, ExtraFormatter)


# -- forms -----------------------------------------------------------------------------------


def test_a_structured_record_is_one_json_object():
    """A line has level, logger, message, UTC time and what the record carries besides."""
    line = StructuredFormatter().format(record_of(created=0.5, node_name="n", odd=object))

    assert "\n" not in line
    assert json.loads(line) == {
        "level": "INFO", "logger": "penguiflow.core", "message": "hello",
        "timestamp": "1970-01-01T00:00:00.500000+00:00", "extra": {"node_name": "n", "odd": str(object)},
    }  # fmt: skip


def test_a_structured_record_may_leave_out_its_time_and_be_indented():
    """Time and indentation are choices of the formatter."""
    text = StructuredFormatter(include_timestamp=False, indent=2).format(record_of())

    assert json.loads(text).keys() == {"level", "logger", "message"}
    assert text.startswith('{\n  "')


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"deep": {"er": float("-inf")}}, {(1, 2): 3}])
def test_a_structured_record_is_json_whatever_it_carries(value):
    """Numbers that JSON does not have, at any depth, and odd keys make no invalid line."""
    line = StructuredFormatter().format(record_of(value=value))

    def refuse(constant):
        raise AssertionError(constant)

    assert "value" in json.loads(line, parse_constant=refuse)["extra"]


def test_a_structured_record_carries_its_exception():
    """The traceback is text under `exception`."""
    try:
        [].index("boom")
    except ValueError:
        exception = formatted(exc_info=sys.exc_info())["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: 'boom' is not in list")


def test_a_text_record_shows_its_extras():
    """Extras follow the message; long text is cut at 100 characters."""
    text = ExtraFormatter("%(message)s").format(record_of(k="v", n=1, long="x" * 101))

    assert text == f'hello [k="v", n=1, long="{"x" * 100}..."]'
    assert ExtraFormatter("%(message)s").format(record_of()) == "hello"


# -- what is logged --------------------------------------------------------------------------


def logged(run, caplog, *adjacencies, middlewares=(), level=logging.DEBUG, fails=False):
    caplog.set_level(level, logger="penguiflow")

    async def main():
        async with running(*adjacencies, middlewares=list(middlewares)) as flow:
            if not fails:
                await roundtrip(flow, message())
                return
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message())

    run(main())
    return [(record.name.removeprefix("penguiflow."), record.levelname, record.message) for record in caplog.records]


def test_the_core_logger_has_a_level_for_each_event(run, caplog):
    """Starts are debug, errors come with their traceback, the rest is info."""
    failed = node(failing(), max_retries=1, backoff_base=0)
    records = logged(run, caplog, failed.to(), fails=True)

    assert [(level, text) for _, level, text in records] == [
        ("DEBUG", "node_start"),
        ("ERROR", "node_error"),
        ("INFO", "node_retry"),
        ("DEBUG", "node_start"),
        ("ERROR", "node_error"),
        ("ERROR", "node_failed"),
    ]
    assert [bool(record.exc_info) for record in caplog.records] == [False, True, False, False, True, True]
    assert all(record.event == record.message for record in caplog.records)


def test_the_core_logger_warns_of_a_timeout(run, caplog):
    """A timeout is a warning with its traceback."""
    records = logged(run, caplog, node(sleeper(9), timeout_s=1).to(), fails=True)

    assert ("core", "WARNING", "node_timeout") in records


def test_w33_each_event_is_logged_once(run, caplog):
    """With `log_flow_events` beside the core logger nothing is written twice."""
    records = logged(run, caplog, node(echo).to(), middlewares=[log_flow_events()], level=logging.INFO)

    assert records == [("flow", "INFO", "node_start"), ("flow", "INFO", "node_success")]


def test_w33_timeouts_retries_and_failures_are_logged(run, caplog):
    """`log_flow_events` writes everything that an operator asks for, with the error as a field."""
    slow = node(sleeper(9), timeout_s=1, max_retries=1, backoff_base=0)
    records = logged(run, caplog, slow.to(), middlewares=[log_flow_events()], level=logging.INFO, fails=True)

    assert [text for name, _, text in records if name == "flow"] == [
        *("node_start", "node_timeout", "node_retry", "node_start", "node_timeout", "node_failed")
    ]
    assert caplog.records[-1].error_payload["code"] == "NODE_TIMEOUT"


def test_levels_of_the_event_log_are_choices(run, caplog):
    """Starts, successes and failures have levels of their own."""
    middleware = log_flow_events(
        logging.getLogger("penguiflow.mine"), start_level=logging.DEBUG, success_level=logging.WARNING
    )
    records = logged(run, caplog, node(echo).to(), middlewares=[middleware], level=logging.INFO)

    assert records == [("mine", "WARNING", "node_success")]


def test_the_latency_callback_gets_successes_and_errors(run, caplog):
    """The callback hears how long each attempt took, also when the logger is off, and may fail."""
    heard = []

    def callback(event_type, latency_ms, event):
        heard.append((event_type, latency_ms, event.node_name))
        raise RuntimeError

    slow = node(sleeper(2), "slow")
    logged(run, caplog, slow.to(), middlewares=[log_flow_events(latency_callback=callback)], level=logging.ERROR)

    assert heard == [("node_success", 2000.0, "slow")]
    assert caplog.messages == ["log_flow_events_latency_callback_error"]


def test_unknown_events_are_not_logged(caplog):
    """A middleware of another version leaves out what it does not know."""
    caplog.set_level(logging.DEBUG)

    class Event:
        event_type = "from_the_future"

    log_flow_events().observe(Event())

    assert caplog.records == []


def test_neither_payload_nor_meta_is_logged(run, logger):
    """The log of a success shows no word of what was sent."""
    configure_logging(structured=True)
    stream = io.StringIO()
    logger.handlers[0].setStream(stream)

    async def main():
        async with running(node(echo).to(), middlewares=[log_flow_events()]) as flow:
            await roundtrip(flow, message("canary-payload", meta={"k": "canary-meta"}))

    run(main())
    assert "node_success" in stream.getvalue()
    assert "canary" not in stream.getvalue()
