"""RUNTIME section 5: nothing of a trace stays behind once it has ended and its outcome was read, however it ended."""

import asyncio
import gc
import logging
from collections import Counter

import pytest
from runtime_samples import echo, failing, message, node, residue, running, sleeper

from penguiflow import Context, FlowError, Message
from penguiflow.core.floe import Delivery
from penguiflow.core.ledger import UNREAD_OUTCOMES_KEPT
from penguiflow.core.traces import Result, Trace
from penguiflow.patterns import join_k

TRACES = 200
TENANTS = 5
LONG_S = 1000


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog):
    """A log record of a failure holds its traceback, and pytest holds the record."""
    caplog.set_level(logging.CRITICAL + 1, "penguiflow.core")


def records():
    """What the process holds of traces, by kind: this finds what no table's name does."""
    gc.collect()
    kinds = (Trace, Delivery, Result, Context, Message, FlowError)
    return Counter(type(item).__name__ for item in gc.get_objects() if type(item) in kinds)


async def send_all(flow, **fields):
    """Open the traces, some of each tenant; the tasks that send them."""

    async def send(index):
        sent = message(index, trace_id=f"t{index}", tenant=f"tenant{index % TENANTS}", **fields)
        await flow.emit(sent, trace_id=sent.trace_id)

    senders = [asyncio.create_task(send(index)) for index in range(TRACES)]
    await asyncio.sleep(1)
    return senders


async def read_all(flow, expected):
    """Read every outcome; each has to be the expected one."""
    statuses = [(await flow.outcome(trace_id=f"t{index}")).status for index in range(TRACES)]
    assert statuses == [expected] * TRACES


async def fetch_all(flow):
    return [await flow.fetch(trace_id=f"t{index}") for index in range(TRACES)]


async def emptied(drive, *adjacencies, **options):
    """Let `drive` end all traces of a flow: whatever it was, the flow and the process hold nothing of them."""
    before = records()
    async with running(*adjacencies, **options) as flow:
        await drive(flow)
        await asyncio.sleep(3 * LONG_S)  # whatever is late is over
        assert residue(flow) == {}
        assert flow.health().unread_outcomes == 0
        assert records() - before == Counter()


# -- ended from outside, wherever they are ---------------------------------------------------


PHASES = {
    "in the queue": (lambda: (node(sleeper(LONG_S)).to(),), {"queue_maxsize": 0}),
    "running": (lambda: (node(sleeper(LONG_S), concurrency=TRACES).to(),), {}),
    "in backoff": (lambda: (node(failing(), max_retries=1, backoff_base=LONG_S).to(),), {}),
    "blocked on an edge": (
        lambda: (node(echo, "first", concurrency=TRACES).to(node(sleeper(LONG_S), "slow")),),
        {"queue_maxsize": 1},
    ),
    "waiting to get in": (lambda: (node(sleeper(LONG_S)).to(),), {"queue_maxsize": 1}),
}


@pytest.mark.parametrize("phase", PHASES)
def test_cancelled_traces_leave_nothing(run, phase):
    """Traces that are cancelled in any phase leave every table empty."""
    adjacencies, options = PHASES[phase]

    async def drive(flow):
        senders = await send_all(flow)
        for index in range(TRACES):
            assert await flow.cancel(f"t{index}")
        await read_all(flow, "cancelled")
        await asyncio.gather(*senders, return_exceptions=True)

    run(emptied(drive, *adjacencies(), **options))


@pytest.mark.parametrize("phase", PHASES)
def test_expired_traces_leave_nothing(run, phase):
    """Traces whose deadline passes in any phase leave every table empty."""
    adjacencies, options = PHASES[phase]

    async def drive(flow):
        deadline_s = message().ts + 5
        senders = await send_all(flow, deadline_s=deadline_s)
        await read_all(flow, "deadline")
        await asyncio.gather(*senders)

    run(emptied(drive, *adjacencies(), **options))


@pytest.mark.parametrize("phase", PHASES)
def test_stopped_traces_leave_nothing(run, phase):
    """Traces that `stop` ends in any phase leave every table empty, and the flow can be run again."""
    adjacencies, options = PHASES[phase]

    async def drive(flow):
        senders = await send_all(flow)
        await flow.stop()
        await asyncio.gather(*senders, return_exceptions=True)
        flow.run()

    run(emptied(drive, *adjacencies(), **options))


# -- ended by themselves ---------------------------------------------------------------------


async def drop(msg, ctx):
    return None


async def deaf(msg, ctx):
    try:
        await asyncio.sleep(LONG_S)
    except asyncio.CancelledError:
        await asyncio.sleep(LONG_S)


async def stream(msg, ctx):
    for text in ("a", "b", ""):
        await ctx.emit_chunk(parent=msg, text=text, done=not text)


@pytest.mark.parametrize(
    ("adjacencies", "status"),
    [
        pytest.param(lambda: (node(echo, "a").to(node(echo, "b")),), "result", id="finished"),
        pytest.param(lambda: (node(drop).to(),), "no_result", id="dropped"),
        pytest.param(lambda: (node(failing()).to(),), "error", id="failed"),
        pytest.param(lambda: (node(failing(), max_retries=2, backoff_base=1).to(),), "error", id="given up"),
        pytest.param(lambda: (node(sleeper(LONG_S), timeout_s=1).to(),), "error", id="timed out"),
        pytest.param(lambda: (node(deaf, timeout_s=1, concurrency=TRACES).to(),), "error", id="left behind"),
        pytest.param(lambda: (node(stream).to(),), "result", id="streamed"),
        pytest.param(lambda: joining(2), "result", id="joined"),
        pytest.param(lambda: joining(3), "no_result", id="never joined"),
    ],
)
def test_ended_traces_leave_nothing(run, adjacencies, status):
    """Traces that end by themselves, well or badly, leave every table empty."""

    async def drive(flow):
        await send_all(flow)
        await read_all(flow, status)

    run(emptied(drive, *adjacencies(), queue_maxsize=0))


def joining(parts):
    """Two branches that end in a join of so many parts."""
    joined = join_k("joined", parts)
    left, right = node(echo, "left"), node(echo, "right")
    return left.to(joined), right.to(joined), joined.to(node(echo, "last"))


@pytest.mark.parametrize("errors", [True, False])
def test_fetched_traces_leave_nothing(run, errors):
    """Traces whose only result was fetched, an error among them, leave every table empty."""

    async def drive(flow):
        await send_all(flow)
        await fetch_all(flow)

    run(emptied(drive, node(failing() if errors else echo).to(), queue_maxsize=0, emit_errors_to_rookery=errors))


def test_bare_payloads_leave_nothing(run):
    """Payloads without an envelope leave every table empty when they have been fetched."""

    async def drive(flow):
        for index in range(TRACES):
            flow.emit_nowait(index)
        assert [await flow.fetch() for _ in range(TRACES)] == list(range(TRACES))

    run(emptied(drive, node(echo).to(), queue_maxsize=0))


@pytest.mark.parametrize("handler", [drop, failing()])
def test_bare_payloads_without_a_result_leave_nothing(run, handler):
    """Payloads without an envelope that come to nothing leave every table empty, though nobody can ask for them."""

    async def drive(flow):
        for index in range(TRACES):
            flow.emit_nowait(index)

    run(emptied(drive, node(handler).to(), queue_maxsize=0))


def test_traces_that_end_long_before_their_deadline_leave_nothing(run):
    """No timer of an ended trace waits for its deadline."""

    async def drive(flow):
        await send_all(flow, deadline_s=message().ts + 1000 * LONG_S)
        await fetch_all(flow)

    run(emptied(drive, node(echo).to(), queue_maxsize=0))


def test_workers_that_are_cancelled_leave_nothing(run):
    """A worker that is cancelled while it waits for work leaves nothing in the line of idle ones."""

    async def drive(flow):
        for _ in range(TRACES):
            await asyncio.sleep(1)
            for worker in list(flow._crew._workers):
                worker.task.cancel()

    run(emptied(drive, node(echo, concurrency=2).to()))


def test_roundtrips_that_were_given_up_leave_nothing(run):
    """Scoped fetches that run out of patience leave every table empty once the late answers are read."""

    async def drive(flow):
        await send_all(flow)
        for index in range(TRACES):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await flow.fetch(trace_id=f"t{index}")
        await read_all(flow, "result")

    run(emptied(drive, node(sleeper(10), concurrency=TRACES).to(), queue_maxsize=0))


def test_one_id_used_again_and_again_leaves_nothing(run):
    """A trace id that is cancelled and used again leaves no older record behind."""

    async def drive(flow):
        for _ in range(TRACES):
            await flow.emit(message(), trace_id="again")
            await flow.cancel("again")
        await flow.outcome(trace_id="again")

    run(emptied(drive, node(sleeper(LONG_S)).to(), queue_maxsize=0))


def test_waiting_for_what_never_comes_leaves_nothing(run):
    """Fetches of traces that nobody sent leave every table empty when they are given up."""

    async def drive(flow):
        early = [asyncio.create_task(flow.fetch(trace_id=f"t{index}")) for index in range(TRACES)]
        unscoped = [asyncio.create_task(flow.fetch()) for _ in range(TRACES)]
        await asyncio.sleep(1)
        for task in early + unscoped:
            task.cancel()
        await asyncio.wait(early + unscoped)

    run(emptied(drive, node(echo).to()))


# -- what is kept on purpose -----------------------------------------------------------------


def test_outcomes_that_nobody_reads_are_kept_up_to_a_bound(run):
    """Of traces that end unread a flow keeps the newest 1,024, and nothing of any other."""

    async def main():
        before = records()
        async with running(node(sleeper(LONG_S)).to(), queue_maxsize=0) as flow:
            for index in range(2 * UNREAD_OUTCOMES_KEPT):
                await flow.emit(message(), trace_id=f"t{index}")
                await flow.cancel(f"t{index}")
            await asyncio.sleep(1)
            kept = records() - before
            assert flow.health().unread_outcomes == kept.pop("Trace") == kept.pop("FlowError") == UNREAD_OUTCOMES_KEPT
            assert kept == Counter()

    run(main())
