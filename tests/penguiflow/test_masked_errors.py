"""RUNTIME row W22 in the engine: what a handler's error quotes of its message leaves the flow masked."""

import json
import logging

import pytest
from runtime_samples import Events, message, node, roundtrip, running

from penguiflow import FlowError, InMemoryStateStore, StructuredFormatter, TraceEnded

SENTENCE = "correct horse battery"


async def log_in(msg, ctx):
    raise ValueError(f"cannot log in as {msg.payload!r}") from KeyError(msg.payload["password"])


class Lines(logging.Handler):
    """Keeps every record as its structured line."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []
        self.setFormatter(StructuredFormatter())

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def lines():
    logger, handler = logging.getLogger("penguiflow"), Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(level)


async def _fail(**options):
    events, store = Events(), InMemoryStateStore()
    payload = {"user": "ada", "password": SENTENCE}
    async with running(node(log_in, max_retries=1).to(), middlewares=[events], state_store=store, **options) as flow:
        try:
            answer = await roundtrip(flow, message(payload))
        except TraceEnded as ended:
            answer = ended
        return events, await flow.load_history("t1"), answer


def test_w22_a_password_that_an_error_quotes_is_in_no_event_store_or_log(run, lines):
    """One failure with a retry leaves the password in nothing that is written down, and its kind in all of it."""
    events, stored, _ = run(_fail())
    written = [repr(event.to_payload()) for event in events]
    written += [json.dumps(dict(row.payload), default=repr) for row in stored]
    written += lines
    assert not [text for text in written if SENTENCE in text]
    assert sum("ValueError" in text for text in written) >= 9
    assert any("Traceback" in text and "log_in" in text for text in lines)


def test_w22_a_failure_that_reaches_the_caller_is_masked(run):
    """Neither a `TraceEnded` nor a `FlowError` tells what the message held; the exception itself is still there."""
    _, _, ended = run(_fail())
    _, _, error = run(_fail(emit_errors_to_rookery=True))
    assert SENTENCE not in str(ended)
    assert "ValueError: cannot log in as" in str(ended)
    assert isinstance(error, FlowError)
    assert SENTENCE not in f"{error} {error.to_payload()}"
    assert SENTENCE in str(error.unwrap())
