"""Plain functions as nodes, on virtual time and on real threads."""

import asyncio
import contextvars
import logging
import threading
import time

import pytest
from anyio import CapacityLimiter
from runtime_samples import message, node, roundtrip, running

from penguiflow import Node, TraceEnded
from penguiflow.blocking import blocking


def shout(msg):
    return msg.model_copy(update={"payload": msg.payload.upper()})


def count_attempt(msg, ctx):
    if ctx.attempt == 0:
        raise ConnectionError
    return msg.model_copy(update={"payload": ctx.idempotency_key("step")})


def late(caplog):
    return [record for record in caplog.records if record.message == "blocking_late_finish"]


async def one_roundtrip(*nodes):
    async with running(*(one.to() for one in nodes)) as flow:
        return (await roundtrip(flow, message())).payload


# -- what is accepted ------------------------------------------------------------------------


def test_a_blocking_function_makes_a_node_of_its_name():
    """A node takes the wrapped function, keeps its name and documentation, and gives it two parameters."""
    made = Node(blocking(shout))

    assert (made.name, made.func.__doc__) == ("shout", shout.__doc__)


def takes_three(msg, ctx, more): ...
def takes_by_name(msg, *, ctx): ...
def takes_any(*facts): ...


@pytest.mark.parametrize("func", [takes_three, takes_by_name, takes_any])
def test_a_blocking_function_takes_message_and_context_at_most(func):
    """Any other signature is refused when the handler is made."""
    with pytest.raises(ValueError, match="must take \\(message, ctx\\) or \\(message\\)"):
        blocking(func)


async def awaits(msg, ctx):
    return msg


@pytest.mark.parametrize("func", [awaits, str, "text"])
def test_only_plain_functions_block(func):
    """An async function, a class or no function at all is refused, with the remedy."""
    with pytest.raises(TypeError, match="plain function"):
        blocking(func)


# -- on virtual time -------------------------------------------------------------------------


def test_a_blocking_node_answers(run):
    """Functions with and without context give their result, and are retried like any handler."""
    retried = node(blocking(count_attempt), max_retries=1, backoff_base=0)

    assert run(one_roundtrip(node(blocking(shout)))) == "PING"
    assert run(one_roundtrip(retried)) == "t1/step"


def test_a_late_finish_is_reported_with_its_place(run, caplog):
    """A timeout ends the attempt on time, and the end of its thread is told with node, trace and attempt."""

    def sleep(msg):
        time.sleep(5)
        raise ValueError("canary")

    async def main():
        async with running(node(blocking(sleep), timeout_s=1).to()) as flow:
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await roundtrip(flow, message())
            ended_s = asyncio.get_running_loop().time()
            assert late(caplog) == []
            await asyncio.sleep(5)
            return ended_s

    assert run(main()) == 1
    (record,) = late(caplog)
    assert (record.node_name, record.trace_id, record.attempt) == ("sleep", "t1", 0)
    assert record.exception_type == "ValueError"
    assert "canary" not in caplog.text.rpartition("blocking_late_finish")[2]


def test_a_thread_keeps_its_place_until_it_ends(run):
    """An abandoned thread counts against the limiter, so that retries cannot pile up threads."""
    calls = []

    def sleep(msg):
        calls.append(msg)
        time.sleep(10)

    async def main():
        handler = blocking(sleep, limiter=CapacityLimiter(1))
        hangs = node(handler, timeout_s=1, max_retries=3, backoff_base=0)
        async with running(hangs.to()) as flow:
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await roundtrip(flow, message())
            await asyncio.sleep(30)

    run(main())
    assert len(calls) == 1


# -- on real threads -------------------------------------------------------------------------


def test_a_real_thread_sees_the_caller_s_variables():
    """The function runs in another thread, with the context variables of the attempt."""
    tenant = contextvars.ContextVar("tenant")

    def look(msg):
        return tenant.get(), threading.current_thread() is threading.main_thread()

    async def main():
        tenant.set("acme")
        async with running(node(blocking(look)).to()) as flow:
            return await roundtrip(flow, message())

    assert asyncio.run(main()) == ("acme", False)


def test_a_real_thread_that_outlives_its_trace_is_reported(caplog, monkeypatch):
    """Cancelling a trace returns while the thread still runs; the thread's end is logged."""
    started, release, told = threading.Event(), threading.Event(), threading.Event()

    logger = logging.getLogger("penguiflow.core")
    handle = logger.handle

    def hold(msg):
        started.set()
        release.wait()

    async def main():
        async with running(node(blocking(hold)).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.to_thread(started.wait)
            assert await flow.cancel("t1")
            assert late(caplog) == []
            monkeypatch.setattr(logger, "handle", lambda record: (handle(record), told.set()))
            release.set()
            await asyncio.to_thread(told.wait)

    asyncio.run(main())
    assert late(caplog)[0].exception_type is None
