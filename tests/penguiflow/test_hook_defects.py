"""RUNTIME rows W16, W17 and 1.20: middlewares and stores see everything, in order, and hold up nobody."""

import asyncio
import logging

import pytest
from runtime_samples import Events, echo, failing, message, names_of_tasks, node, roundtrip, running, sleeper

from penguiflow import FlowEvent, InMemoryStateStore, RemoteBinding, StateStore, StoredEvent, TraceEnded, create
from penguiflow.state import missing_capabilities, require_capabilities


def now_s():
    return asyncio.get_running_loop().time()


class SlowStore(InMemoryStateStore):
    def __init__(self, delay_s):
        super().__init__()
        self.delay_s = delay_s

    async def save_event(self, event):
        await asyncio.sleep(self.delay_s)
        await super().save_event(event)


async def hang(event):
    await asyncio.Event().wait()


def test_w16_a_slow_store_holds_up_no_message(run):
    """Messages pass a store of 100 ms as if it were not there, and its history is whole when it is asked."""

    async def main():
        async with running(node(echo).to(), state_store=SlowStore(0.1)) as flow:
            for index in range(2):
                await roundtrip(flow, message(), f"t{index}")
            served_s = now_s()
            history = await flow.load_history("t1")
            return served_s, [event.kind for event in history]

    assert run(main()) == (0, ["node_start", "node_success"])


@pytest.mark.parametrize("kind", ["store", "middleware"])
def test_w16_a_hook_that_hangs_holds_up_neither_fetch_nor_cancel_and_stop_for_a_bounded_time(run, caplog, kind):
    """With a hook that never returns, results come, traces are cancelled, and stop says what was not flushed."""

    class HangingStore(InMemoryStateStore):
        save_event = staticmethod(hang)

    hooked = {"state_store": HangingStore()} if kind == "store" else {"middlewares": [hang]}

    async def main():
        flow = create(node(sleeper(1)).to(), **hooked)
        flow.run()
        await roundtrip(flow, message(), "t1")
        await flow.emit(message(), trace_id="t2")
        assert await flow.cancel("t2") is True
        served_s = now_s()
        await flow.stop()
        assert names_of_tasks() == []
        return served_s, now_s() - served_s

    assert run(main()) == (1, 5)
    assert "hook_not_flushed" in caplog.messages


def test_w16_history_can_be_read_though_the_store_hangs_on_a_write(run):
    """`load_history` waits for a hanging write for five seconds, then gives what is there."""

    class HangingStore(InMemoryStateStore):
        save_event = staticmethod(hang)

    async def main():
        async with running(node(echo).to(), state_store=HangingStore()) as flow:
            await roundtrip(flow, message())
            return list(await flow.load_history("t1")), now_s()

    assert run(main()) == ([], 5)


def test_w16_a_hook_that_hangs_does_not_eat_the_memory(run, caplog):
    """Beyond its bound the backlog of a hook drops the oldest items, and stop tells how many."""

    async def main():
        flow = create(node(echo).to(), middlewares=[hang], hook_backlog=10)
        flow.run()
        for index in range(20):
            await roundtrip(flow, message(), f"t{index}")
        await flow.stop()

    run(main())
    (record,) = [record for record in caplog.records if record.message == "hook_items_dropped"]
    assert record.dropped == 29


@pytest.mark.parametrize("error", [ValueError("hook"), asyncio.CancelledError()], ids=["error", "cancelled"])
@pytest.mark.parametrize("wait_s", [None, 0.1])
def test_w16_a_hook_that_fails_is_reported_and_the_flow_goes_on(run, caplog, error, wait_s):
    """A middleware that raises, even `CancelledError`, before or after waiting, costs a log record and nothing else."""

    async def broken(event):
        if wait_s is not None:
            await asyncio.sleep(wait_s)
        raise error

    async def main():
        async with running(node(echo).to(), middlewares=[broken]) as flow:
            return [(await roundtrip(flow, message(index), f"t{index}")).payload for index in range(2)]

    assert run(main()) == [0, 1]
    assert caplog.messages.count("middleware_error") == 4


def test_w16_an_observer_that_fails_is_reported_and_the_flow_goes_on(run, caplog):
    """A middleware that is called directly may raise too."""

    class Broken:
        def observe(self, _event):
            raise asyncio.CancelledError

    async def main():
        async with running(node(echo).to(), middlewares=[Broken()]) as flow:
            return await roundtrip(flow, message())

    assert run(main()).payload == "ping"
    assert caplog.messages.count("middleware_error") == 2


def test_w16_a_store_that_fails_is_reported_and_the_flow_goes_on(run, caplog):
    """A store that raises costs a log record for each event."""

    class BrokenStore(InMemoryStateStore):
        async def save_event(self, _event):
            raise OSError("disk full")

    async def main():
        async with running(node(echo).to(), state_store=BrokenStore()) as flow:
            return await roundtrip(flow, message())

    assert run(main()).payload == "ping"
    assert caplog.messages.count("state_store_save_failed") == 2


def test_w17_the_history_of_a_fetched_trace_is_whole_after_stop(run):
    """Emit, fetch and stop, as the runbook does it, leave `node_start` and `node_success` in a slow store."""
    store = SlowStore(0.01)

    async def main():
        async with running(node(echo).to(), state_store=store) as flow:
            await roundtrip(flow, message())
        return [(event.kind, event.tenant) for event in await store.load_history("t1")]

    assert run(main()) == [("node_start", "acme"), ("node_success", "acme")]


def test_w17_a_stop_keeps_the_trace_of_what_it_cancels(run):
    """`node_cancelled` names the trace that was running."""
    events = Events()

    async def main():
        async with running(node(sleeper(9)).to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)

    run(main())
    assert events.kinds("t1") == ["node_start", "node_cancelled"]


def test_a_slow_middleware_sees_all_events_in_order(run):
    """A middleware that waits gets every event, one after the other, though the flow is long done."""
    seen, busy = [], []

    async def slow(event):
        assert not busy
        busy.append(1)
        async with asyncio.timeout(5):
            await asyncio.sleep(0.5)
        busy.clear()
        seen.append((event.trace_id, event.event_type))

    async def main():
        async with running(node(echo).to(), middlewares=[slow]) as flow:
            await asyncio.gather(*(roundtrip(flow, message(), f"t{index}") for index in range(3)))
            assert now_s() == 0

    run(main())
    assert seen == [(f"t{index}", kind) for index in range(3) for kind in ("node_start", "node_success")]


def test_middlewares_get_events_after_the_store_and_in_the_order_of_their_registration(run):
    """Each event goes to the store first, then to the middlewares as they were added."""
    order = []

    class Store(InMemoryStateStore):
        async def save_event(self, event):
            order.append(("store", event.kind))

    def noting(name):
        async def note(event):
            order.append((name, event.event_type))

        return note

    async def main():
        async with running(node(echo).to(), state_store=Store(), middlewares=[noting("first")]) as flow:
            flow.add_middleware(noting("second"))
            await roundtrip(flow, message())

    run(main())
    assert order == [(who, kind) for kind in ("node_start", "node_success") for who in ("store", "first", "second")]


def test_a_hook_may_use_timeouts_from_its_first_step_on(run):
    """`asyncio.timeout` inside a middleware ends the middleware, and not the handler that emitted the event."""
    ended = []

    async def impatient(event):
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(60)
        except TimeoutError:
            ended.append(event.event_type)

    async def main():
        async with running(node(sleeper(5)).to(), middlewares=[impatient]) as flow:
            return (await roundtrip(flow, message())).payload, now_s()

    assert run(main()) == ("ping", 5)
    assert ended == ["node_start", "node_success"]


# -- stores ----------------------------------------------------------------------------------


def _event(**fields):
    known = {"trace_id": "t1", "ts": 1.0, "kind": "node_start", "node_name": "n", "node_id": "id", "payload": {}}
    return StoredEvent(**{**known, **fields})


async def _history(*events, **options):
    store = InMemoryStateStore(**options)
    for event in events:
        await store.save_event(event)
    return list(await store.load_history("t1"))


def test_the_memory_store_sorts_by_time_and_stores_nothing_twice(run):
    """History is ascending, an event that is saved again is stored once, and an unknown trace has none."""
    late, early = _event(ts=2.0), _event(ts=1.0)

    assert run(_history(late, early, late, _event(trace_id="other"))) == [early, late]
    assert run(_history()) == []


def test_the_memory_store_keeps_equal_events_apart_by_their_number(run):
    """Two events of one instant that differ only in `seq` are two events."""
    assert len(run(_history(_event(seq=1), _event(seq=2), _event(seq=2)))) == 2


def test_the_memory_store_is_bounded_per_trace(run):
    """Beyond its bound a trace loses its oldest events."""
    assert [event.ts for event in run(_history(*(_event(ts=float(n)) for n in range(5)), max_events_per_trace=2))] == [
        3.0,
        4.0,
    ]


def test_the_memory_store_replaces_a_binding_of_the_same_task(run):
    """A binding is an upsert."""
    store = InMemoryStateStore()

    async def main():
        for terminal in (False, True):
            await store.save_remote_binding(RemoteBinding("t1", "c", "task", "https://a", is_terminal=terminal))

    run(main())
    assert [binding.is_terminal for binding in store.bindings] == [True]


def test_history_needs_a_store(run):
    """`load_history` of a flow without a store says what is missing."""

    async def main():
        with pytest.raises(RuntimeError, match="PenguiFlow was created without a state_store"):
            await create(node(echo).to()).load_history("t1")

    run(main())


def test_stores_may_be_subclasses_of_the_protocol_and_are_recognised():
    """Applications subclass `StateStore`, and `isinstance` looks at what a store can do."""

    class Mine(StateStore):
        pass

    assert isinstance(Mine(), StateStore)
    assert isinstance(InMemoryStateStore(), StateStore)
    assert missing_capabilities(InMemoryStateStore(), ["save_event", "save_plan"]) == ["save_plan"]
    with pytest.raises(TypeError, match="plans needs a state store with save_plan; InMemoryStateStore has none"):
        require_capabilities(InMemoryStateStore(), feature="plans", methods=["save_plan"])


def test_a_stored_event_says_what_the_event_said(run):
    """`StoredEvent.from_flow_event` keeps names, time, tenant and payload."""
    events = Events()

    async def main():
        async with running(node(failing(), "n").to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message())

    run(main())
    event: FlowEvent = events.one("node_failed")
    stored = StoredEvent.from_flow_event(event, seq=3)
    assert (stored.kind, stored.trace_id, stored.tenant, stored.seq) == ("node_failed", "t1", "acme", 3)
    assert stored.payload == event.to_payload()


def test_the_core_logger_writes_before_anybody_else_listens(run, caplog):
    """Records of an event come under its name, with the event's facts."""
    caplog.set_level(logging.INFO, logger="penguiflow.core")

    async def main():
        async with running(node(echo, "n").to()) as flow:
            await roundtrip(flow, message())

    run(main())
    assert [(record.message, record.event, record.node_name) for record in caplog.records] == [
        ("node_success", "node_success", "n")
    ]
