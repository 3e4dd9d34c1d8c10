"""RUNTIME section 5: how many messages a node handles at once, whose turn it is, what is tried again, and by whom."""

import asyncio
import logging

import pytest
from runtime_samples import Events, echo, failing, message, names_of_tasks, node, residue, roundtrip, running, sleeper

from penguiflow import NodePolicy, TenantViolation, create
from sim.kernel import World


def now_s():
    return asyncio.get_running_loop().time()


# -- concurrency -----------------------------------------------------------------------------


@pytest.mark.parametrize(("concurrency", "end_s"), [(1, 10), (4, 3), (10, 1), (50, 1)])
def test_a_node_handles_as_many_messages_at_a_time_as_its_policy_says(run, concurrency, end_s):
    """Ten messages of one second each take as many seconds as there are rounds."""

    async def main():
        async with running(node(sleeper(1), concurrency=concurrency).to()) as flow:
            for index in range(10):
                await flow.emit(message(index), trace_id=f"t{index}")
            results = [(await flow.fetch(trace_id=f"t{index}")).payload for index in range(10)]
            assert results == list(range(10))
            assert residue(flow) == {}
            return now_s()

    assert run(main()) == end_s


def test_one_message_wakes_one_worker(run):
    """A node with a thousand idle workers costs a message no more than a node with one."""

    async def callbacks(concurrency):
        async with running(node(echo, concurrency=concurrency).to()) as flow:
            await asyncio.sleep(1)
            before = asyncio.get_running_loop().events
            await roundtrip(flow, message())
            return asyncio.get_running_loop().events - before

    assert run(callbacks(1000)) == run(callbacks(1))


def test_a_worker_that_ends_as_it_is_woken_leaves_the_message_to_another(run):
    """A message is not lost when the worker that was woken for it is cancelled in the same tick."""

    async def main():
        async with running(node(echo, "only", concurrency=2).to()) as flow:
            await asyncio.sleep(1)
            await flow.emit(message(), trace_id="t1")
            flow_workers(flow)[0].cancel()
            return (await flow.fetch(trace_id="t1")).payload

    assert run(main()) == "ping"


def flow_workers(flow):
    return [worker.task for worker in flow._crew._workers]


def test_w15_a_deaf_handler_takes_one_place_of_several(run):
    """Where one of two handlers ignores its cancellation, its place is filled again."""

    async def deaf(msg, ctx):
        for _ in range(10 if msg.payload == "deaf" else 1):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue
        return msg

    async def main():
        async with running(node(deaf, concurrency=2, timeout_s=2, cancel_grace_s=1).to()) as flow:
            for index, payload in enumerate(("deaf", "polite", "polite")):
                await flow.emit(message(payload), trace_id=f"t{index}")
            assert (await flow.outcome(trace_id="t0")).status == "error"
            assert now_s() == 3
            assert len(flow_workers(flow)) == 2
            return [(await flow.outcome(trace_id=f"t{index}")).status for index in (1, 2)]

    assert run(main()) == ["result", "result"]


# -- fairness --------------------------------------------------------------------------------


def served(run, sent, *, waits="queued", **policy):
    """The payloads in the order in which one slow node takes them; the first is sent before the others."""
    order = []

    async def handler(msg, ctx):
        order.append(msg.payload)
        await asyncio.sleep(1)
        if msg.payload == "flaky" and not ctx.attempt:
            raise ValueError

    async def main():
        async with running(node(handler, **policy).to(), queue_maxsize=0) as flow:
            await flow.emit(message("first", tenant="initech"))
            await asyncio.sleep(0)
            for tenant, payload in sent:
                await flow.emit(message(payload, tenant=tenant))
            if waits == "cancelled":
                await flow.cancel(flow._engine.ledger.open_traces()[1].trace_id)
            await asyncio.sleep(100)
            assert residue(flow) == {}

    run(main())
    return order[1:]


def test_w35_tenants_take_turns_at_a_shared_node(run):
    """One tenant's flood does not keep another waiting, and each tenant's own messages stay in order."""
    flood = [("acme", f"a{index}") for index in range(4)]
    assert served(run, [*flood, ("globex", "g0"), ("globex", "g1"), ("initech", "i0")]) == [
        "a0", "g0", "i0", "a1", "g1", "a2", "a3",
    ]  # fmt: skip


def test_one_tenant_is_served_in_order(run):
    """Where only one tenant waits, first come is first served."""
    assert served(run, [("acme", index) for index in range(100)][:50]) == list(range(50))


def test_a_retry_comes_next_in_its_own_tenants_turn(run):
    """A message whose backoff is over goes before its tenant's others, and past nobody else's turn."""
    sent = [("acme", "flaky"), ("acme", "a1"), ("globex", "g0"), ("globex", "g1"), ("acme", "a2"), ("globex", "g2")]
    assert served(run, sent, max_retries=1, backoff_base=0.5) == [
        "flaky", "g0", "flaky", "g1", "a1", "g2", "a2",
    ]  # fmt: skip


def test_a_cancelled_message_leaves_the_line(run):
    """A trace that is cancelled while tenants take turns leaves no gap and no rest."""
    sent = [("acme", "a0"), ("globex", "g0"), ("acme", "a1")]
    assert served(run, sent, waits="cancelled") == ["g0", "a1"]


def test_a_handler_may_fetch_from_a_line_of_several_tenants(run):
    """`ctx.fetch(from_)` takes the first that came over that edge, whichever tenant's turn it is."""
    taken = []

    async def gather(msg, ctx):
        await asyncio.sleep(1)
        taken.append((msg.payload, (await ctx.fetch(left)).payload))

    left, right = node(echo, "left"), node(echo, "right")

    async def main():
        joined = node(gather)
        async with running(left.to(joined), right.to(joined)) as flow:
            for target, tenant in ((right, "acme"), (right, "globex"), (left, "initech")):
                await flow.emit(message(tenant, tenant=tenant), to=target)
                await asyncio.sleep(0.1)
            await asyncio.sleep(1.5)

    run(main())
    assert taken == [("acme", "initech")]


# -- retries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "attempts"),
    [
        ({}, ValueError(), 3),
        ({"retry_on": OSError}, ValueError(), 1),
        ({"retry_on": (OSError, ValueError)}, ValueError(), 3),
        ({"retry_on": LookupError}, KeyError(), 3),
        ({"give_up_on": ValueError}, ValueError(), 1),
        ({"retry_on": Exception, "give_up_on": LookupError}, KeyError(), 1),
        ({}, TenantViolation(), 1),
    ],
)
def test_a_policy_says_what_is_tried_again(run, fields, error, attempts):
    """Only what `retry_on` names and `give_up_on` does not is retried; an error may also refuse it for itself."""
    events = Events()

    async def main():
        flaky = node(failing(error), max_retries=2, **fields)
        async with running(flaky.to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            return (await flow.outcome(trace_id="t1")).status

    assert run(main()) == "error"
    assert events.kinds().count("node_start") == attempts


@pytest.mark.parametrize(("fields", "attempts"), [({"retry_on": TimeoutError}, 3), ({"give_up_on": TimeoutError}, 1)])
def test_a_policy_timeout_is_a_timeout_error_to_the_policy(run, fields, attempts):
    """An attempt that took too long is retried or not as `TimeoutError` is."""
    events = Events()

    async def main():
        slow = node(sleeper(9), max_retries=2, timeout_s=1, **fields)
        async with running(slow.to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            await flow.outcome(trace_id="t1")

    run(main())
    assert events.kinds().count("node_timeout") == attempts


def waits_s(jitter, seed, trace_id="t1"):
    events = Events()

    async def main():
        flaky = node(failing(), max_retries=3, backoff_base=8, jitter=jitter)
        async with running(flaky.to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id=trace_id)
            await flow.outcome(trace_id=trace_id)

    World(seed).run(main())
    return [event.extra["sleep_s"] for event in events if event.event_type == "node_retry"]


def test_jitter_makes_a_share_of_each_wait_random():
    """Waits lie between their full length and what jitter leaves of it; without jitter they are exact."""
    assert waits_s(0, 1) == [8, 16, 32]
    for seed in range(20):
        assert all(full / 2 < wait <= full for wait, full in zip(waits_s(0.5, seed), (8, 16, 32), strict=True))


def test_jitter_is_repeatable_and_differs_between_traces():
    """The same seed gives the same waits; another seed, another trace and another attempt do not."""
    assert waits_s(1, 1) == waits_s(1, 1)
    assert waits_s(1, 1) != waits_s(1, 2)
    assert waits_s(1, 1) != waits_s(1, 1, "t2")
    shares = [wait / full for wait, full in zip(waits_s(1, 1), (8, 16, 32), strict=True)]
    assert len(set(shares)) == 3


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"concurrency": 0}, ValueError, "concurrency must be a whole number of at least 1; got 0"),
        ({"concurrency": 1.5}, ValueError, "concurrency must be a whole number of at least 1; got 1.5"),
        ({"max_retries": 0.5}, ValueError, "max_retries must be a whole number of at least 0; got 0.5"),
        ({"jitter": 1.1}, ValueError, "jitter is a share of the wait and must be from 0 to 1; got 1.1"),
        ({"jitter": float("nan")}, ValueError, "jitter is a share"),
        ({"retry_on": "OSError"}, TypeError, "retry_on must hold exception classes; got 'OSError'"),
        ({"give_up_on": (OSError, int)}, TypeError, "give_up_on must hold exception classes"),
    ],
)
def test_nonsense_in_a_policy_is_refused(fields, error, text):
    """Each new value is checked where it is written, with value and rule."""
    with pytest.raises(error, match=text):
        NodePolicy(**fields)


# -- supervision -----------------------------------------------------------------------------


@pytest.mark.parametrize("busy", [True, False])
def test_w04_a_worker_that_somebody_cancels_is_replaced(run, busy):
    """A node whose worker task was cancelled from outside goes on with another one, and the operator is told."""
    events = Events()

    async def main():
        async with running(node(sleeper(1)).to(), middlewares=[events]) as flow:
            if busy:
                await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(0.5)
            flow_workers(flow)[0].cancel()
            await asyncio.sleep(0)
            result = await roundtrip(flow, message(), "t2")
            if busy:
                assert (await flow.outcome(trace_id="t1")).status != "result"
            return result.payload

    assert run(main()) == "ping"
    assert events.one("node_worker_replaced").extra["exception"] == "cancelled"


def test_a_worker_that_breaks_is_replaced(run, monkeypatch):
    """An error of the runtime's own takes down one worker once, and says where it came from."""
    events = Events()

    async def main():
        async with running(node(echo).to(), middlewares=[events]) as flow:
            inbox = flow._engine.stations[flow.graph.nodes[0]].inbox
            await asyncio.sleep(1)
            with monkeypatch.context() as patch:
                patch.setattr(type(inbox), "take", lambda _: 1 / 0)
                await flow.emit(message(), trace_id="t1")
                while "node_worker_replaced" not in events.kinds():  # noqa: ASYNC110 - the tick is the point
                    await asyncio.sleep(0)
            return (await flow.fetch(trace_id="t1")).payload

    assert run(main()) == "ping"
    assert "ZeroDivisionError" in events[0].extra["exception"]


def test_nothing_is_replaced_when_the_program_ends(caplog):
    """A program that ends without `stop` leaves no worker behind, and no warning."""

    async def main():
        flow = create(node(sleeper(100), "busy").to(node(echo, "idle")))
        flow.run()
        await flow.emit(message())
        await asyncio.sleep(0)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert "node_worker_replaced" not in [record.message for record in caplog.records]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_stopped_flow_replaces_nobody(run):
    """After `stop` no worker is left and none is made."""

    async def main():
        async with running(node(sleeper(100), concurrency=3).to()) as flow:
            await flow.emit(message())
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        return names_of_tasks()

    assert run(main()) == []
