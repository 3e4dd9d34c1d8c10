"""RUNTIME row W21 and 1.22: whoever gives up a remote call has its task at the agent cancelled."""

import asyncio

import pytest
from remote_samples import URL, Agent, answer, item, remote
from runtime_samples import Events, message, names_of_tasks, node, residue, running

from penguiflow import InMemoryStateStore
from penguiflow.remote import RemoteTaskState
from penguiflow.state import RemoteBinding

HANGING = (item(task_id="r1", context_id="c1"), 1000)


def now_s():
    return asyncio.get_running_loop().time()


async def _given_up(flow, *, cancel_after_s=None, wait_s=60):
    """Send one message, cancel its trace if asked to, and give the rest time to happen."""
    msg = message(trace_id="t1")
    await flow.emit(msg, trace_id="t1")
    if cancel_after_s is not None:
        await asyncio.sleep(cancel_after_s)
        assert await flow.cancel("t1")
    outcome = await flow.outcome(trace_id="t1")
    ended_s = now_s()
    await asyncio.sleep(wait_s)
    return outcome.status, ended_s


def _run_given_up(run, target, events, *, cancel_after_s=None):
    async def main():
        async with running(target.to(), middlewares=[events]) as flow:
            ended = await _given_up(flow, cancel_after_s=cancel_after_s)
            assert residue(flow) == {}
        assert names_of_tasks() == []
        return ended

    return run(main())


def test_w21_a_node_timeout_cancels_the_remote_task(run):
    """An attempt that runs out of time has its task cancelled at the agent, and the caller does not wait for that."""
    events = Events()
    agent = Agent(*HANGING, on_cancel=lambda: asyncio.sleep(2))

    ended = _run_given_up(run, remote(agent, streaming=True, timeout_s=3), events)

    cancelled = events.one("remote_call_cancelled")
    assert (ended, agent.cancelled, agent.open_streams) == (("error", 3), [(URL, "r1")], 0)
    assert (cancelled.latency_ms, cancelled.extra["remote_cancel_reason"]) == (2000.0, "node_timeout")
    assert (cancelled.extra["remote_status"], cancelled.extra["remote_task_id"]) == ("cancelled", "r1")
    assert (cancelled.trace_id, cancelled.node_name) == ("t1", "remote")
    assert "remote_call_error" not in events.kinds()


def test_w21_each_attempt_that_times_out_cancels_its_own_task(run):
    """A retry starts a new task, so the one before it is cancelled first."""
    agent = Agent(*HANGING)
    target = remote(agent, streaming=True, timeout_s=3, max_retries=1, backoff_base=1)

    ended = _run_given_up(run, target, Events())

    assert (ended, len(agent.requests), agent.cancelled) == (("error", 7), 2, [(URL, "r1")] * 2)


def test_a_cancelled_trace_cancels_the_remote_task(run):
    """Cancelling a trace ends its remote task too, also where the node has a timeout."""
    events = Events()
    agent = Agent(*HANGING)

    ended = _run_given_up(run, remote(agent, streaming=True, timeout_s=10), events, cancel_after_s=1)

    assert (ended, agent.cancelled) == (("cancelled", 1), [(URL, "r1")])
    assert events.one("remote_call_cancelled").extra["remote_cancel_reason"] == "trace_cancel"


def test_a_deadline_cancels_the_remote_task(run):
    """A trace whose deadline passes leaves no task behind at the agent."""
    events = Events()
    agent = Agent(*HANGING)

    async def main():
        async with running(remote(agent, streaming=True, timeout_s=60).to(), middlewares=[events]) as flow:
            await flow.emit(message(trace_id="t1", deadline_s=1_700_000_004.0), trace_id="t1")
            answered = await flow.fetch(trace_id="t1")
            return answered.payload.text, now_s()

    assert run(main()) == ("Deadline exceeded", 4)
    assert agent.cancelled == [(URL, "r1")]
    assert events.one("remote_call_cancelled").extra["remote_cancel_reason"] == "trace_cancel"


def test_the_end_of_the_flow_cancels_the_remote_task(run):
    """Stopping a flow tells the agent as well."""
    events = Events()
    agent = Agent(*HANGING)

    async def main():
        async with running(remote(agent, streaming=True).to(), middlewares=[events]) as flow:
            await flow.emit(message())
            await asyncio.sleep(1)
        assert names_of_tasks() == []

    run(main())
    assert agent.cancelled == [(URL, "r1")]
    assert events.one("remote_call_cancelled").extra["remote_cancel_reason"] == "trace_cancel"


def test_the_end_of_the_flow_ends_a_cancellation_under_way(run):
    """A flow that stops while an agent is being told leaves no task behind."""
    agent = Agent(*HANGING, on_cancel=lambda: asyncio.sleep(4))

    async def main():
        async with running(remote(agent, streaming=True, timeout_s=3).to()) as flow:
            await flow.emit(message())
            await asyncio.sleep(4)
            (telling,) = [task for task in asyncio.all_tasks() if task.get_name() == "penguiflow:cancel:search"]
        await asyncio.sleep(0)
        return telling.cancelled(), names_of_tasks(), now_s()

    assert run(main()) == (True, [], 4)


def test_a_blocked_reader_does_not_keep_a_task_alive(run):
    """A call that is given up while its chunks wait for room closes its stream and cancels its task."""
    agent = Agent(*(item("x", task_id="r1") for _ in range(9)))

    async def main():
        target = remote(agent, streaming=True, timeout_s=3)
        async with running(target.to(), queue_maxsize=1) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(5)
            return agent.cancelled, agent.open_streams

    assert run(main()) == ([(URL, "r1")], 0)


def test_nothing_is_cancelled_while_no_task_is_known(run):
    """A unary call that has not heard of a task has nothing to cancel at the agent."""
    events = Events()
    agent = Agent(1000)

    ended = _run_given_up(run, remote(agent, timeout_s=3), events)

    assert (ended, agent.cancelled) == (("error", 3), [])
    assert [kind for kind in events.kinds() if kind.startswith("remote_")] == ["remote_call_start"]


def test_a_task_that_has_ended_is_not_cancelled(run):
    """Where the agent said that the task is over, giving up the rest of the stream cancels nothing."""
    agent = Agent(item(task_id="r1", state=RemoteTaskState.COMPLETED), item("last words"), 1000)

    _run_given_up(run, remote(agent, streaming=True, timeout_s=3), Events())

    assert agent.cancelled == []


def test_w21_a_call_that_goes_on_with_a_task_cancels_it(run):
    """A unary call to a task that waited for input knows the task's id from the start."""

    class Store(InMemoryStateStore):
        async def find_conversation_binding(self, **_wanted):
            return RemoteBinding("t0", "c1", "r1", URL, metadata={"task_state": "input-required"})

    agent = Agent(1000)

    async def main():
        async with running(remote(agent, timeout_s=3).to(), state_store=Store()) as flow:
            await flow.emit(message(meta={"router_session_id": "s1"}))
            await asyncio.sleep(5)

    run(main())
    assert agent.cancelled == [(URL, "r1")]


class _Stubborn(Agent):
    """Answers although it was cancelled."""

    async def send(self, request):
        try:
            return await super().send(request)
        except asyncio.CancelledError:
            return answer(task_id="r1")


def test_a_task_that_becomes_known_too_late_is_cancelled(run):
    """An answer that names its task only after the trace was over has that task cancelled, as pre_cancelled."""
    events = Events()
    agent = _Stubborn(1000)

    ended = _run_given_up(run, remote(agent), events, cancel_after_s=1)

    assert (ended, agent.cancelled) == (("cancelled", 1), [(URL, "r1")])
    assert events.one("remote_call_cancelled").extra["remote_cancel_reason"] == "pre_cancelled"
    assert "remote_call_success" not in events.kinds()


async def _raise():
    raise ConnectionError("gone")


async def _raise_cancelled():
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("on_cancel", "error", "took_ms"),
    [
        (_raise, "ConnectionError('gone')", 0.0),
        (_raise_cancelled, "CancelledError()", 0.0),
        (lambda: asyncio.sleep(1000), "TimeoutError()", 5000.0),
    ],
    ids=["raises", "raises CancelledError", "hangs"],
)
def test_a_cancellation_that_does_not_get_through_is_told(run, on_cancel, error, took_ms):
    """What the transport raises, or an agent that does not answer for five seconds, is an event and hurts nobody."""
    events = Events()
    agent = Agent(*HANGING, on_cancel=on_cancel)

    ended = _run_given_up(run, remote(agent, streaming=True, timeout_s=3), events)

    told = events.one("remote_cancel_error")
    assert ended == ("error", 3)
    assert (told.extra["remote_error"], told.latency_ms) == (error, took_ms)
    assert (told.extra["remote_status"], told.extra["remote_cancel_reason"]) == ("cancel_error", "node_timeout")
    assert events.kinds().count("remote_cancel_error") == 1


def test_the_task_is_cancelled_where_it_is(run):
    """An agent that handed the task to another place is told at that place."""
    elsewhere = "https://elsewhere.example"
    agent = Agent(item(task_id="r1", agent_url=elsewhere), 1000)

    _run_given_up(run, remote(agent, streaming=True, timeout_s=3), Events())

    assert agent.cancelled == [(elsewhere, "r1")]


def test_other_traces_do_not_notice(run):
    """Cancelling one trace cancels its own remote task, and no other."""

    class ByTrace(Agent):
        async def stream(self, request):
            yield item(task_id=request.message.trace_id)
            await asyncio.sleep(5)
            yield item(result=request.message.trace_id)

    agent = ByTrace()

    async def main():
        async with running(remote(agent, streaming=True, concurrency=2).to()) as flow:
            for trace_id in ("t1", "t2"):
                await flow.emit(message(), trace_id=trace_id)
            await asyncio.sleep(1)
            await flow.cancel("t1")
            return await flow.fetch(trace_id="t2")

    assert run(main()) == "t2"
    assert agent.cancelled == [(URL, "t1")]


def test_a_result_that_goes_on_downstream_is_not_cancelled(run):
    """Once the agent has answered, what happens to the trace behind the node is no matter of the agent's."""
    agent = Agent(answer(task_id="r1"))

    async def wait(msg, ctx):
        await asyncio.sleep(1000)

    async def main():
        waiting = node(wait)
        async with running(remote(agent).to(waiting), waiting.to()) as flow:
            return await _given_up(flow, cancel_after_s=1)

    assert run(main()) == ("cancelled", 1)
    assert agent.cancelled == []
