"""RUNTIME 1.23 and the rows W7, W17 and W30 as far as they concern helpers for tests."""

import asyncio

import pytest
from runtime_samples import echo, failing, message, node, sleeper

from penguiflow import (
    Context,
    FlowError,
    FlowErrorCode,
    Headers,
    Message,
    ModelRegistry,
    NodePolicy,
    TraceEnded,
    create,
    testkit,
)
from penguiflow import Node as RuntimeNode
from penguiflow.ambient import monotonic
from penguiflow.testkit import (
    assert_node_sequence,
    assert_preserves_message_envelope,
    get_recorded_events,
    run_one,
    simulate_error,
)


@pytest.fixture(autouse=True)
def fresh_history(monkeypatch):
    """No test sees what another one recorded."""
    monkeypatch.setattr(testkit, "_history", testkit._History())


def kinds(trace_id):
    return [event.event_type for event in get_recorded_events(trace_id)]


# -- run_one ---------------------------------------------------------------------------------


def test_run_one_gives_the_first_result_as_it_is(run):
    """What leaves the flow comes back raw: an envelope stays one, a bare value stays bare."""

    async def bare(msg, ctx):
        return msg.payload

    sent = message(payload=5)
    assert run(run_one(create(node(echo).to()), sent)) == sent
    assert run(run_one(create(node(bare).to()), sent)) == 5


def test_run_one_works_on_a_loop_in_real_time():
    """On asyncio's own loop the same call gives the same result."""
    sent = message()
    assert asyncio.run(run_one(create(node(echo).to()), sent)) == sent


def test_run_one_applies_the_models(run):
    """The registry that it is given is the flow's registry."""
    registry = ModelRegistry()
    registry.register("echo", Message, Message)
    flow = create(node(echo).to())
    run(run_one(flow, message(), registry=registry))

    assert flow.registry is registry


def test_run_one_takes_envelopes_only(run):
    """A bare payload is refused with what to write instead, and the flow stays as it was."""
    flow = create(node(echo).to())
    with pytest.raises(TypeError, match=r"run_one needs a Message instance; got dict\. Wrap it: Message\(payload="):
        run(run_one(flow, {"ping": True}))

    assert run(run_one(flow, message())).payload == "ping"


def test_a_flow_that_runs_already_is_left_running(run):
    """`run_one` stops only what it has started."""

    async def main():
        flow = create(node(echo).to())
        flow.run()
        with pytest.raises(RuntimeError, match="already running"):
            await run_one(flow, message())
        await flow.emit(message(payload="still there"))
        result = await flow.fetch()
        await flow.stop()
        return result.payload

    assert run(main()) == "still there"


@pytest.mark.parametrize(
    ("handler", "after_s"), [(failing(), 0), (sleeper(60), 2)], ids=["raises", "runs out of its time"]
)
def test_w7_a_run_without_a_result_ends_with_its_outcome(run, handler, after_s):
    """A failure ends the run with `TraceEnded` as soon as the trace ends, however long the timeout is."""

    async def main():
        started_s = monotonic()
        with pytest.raises(TraceEnded) as ended:
            await run_one(create(node(handler, timeout_s=2).to()), message(), timeout_s=3600)
        return ended.value.status, monotonic() - started_s

    assert run(main()) == ("error", after_s)


def test_w7_a_run_that_gives_nothing_ends_at_once(run):
    """A handler that returns `None` ends the run with the outcome `no_result`, in no time at all."""

    async def nothing(msg, ctx):
        return None

    async def main():
        started_s = monotonic()
        with pytest.raises(TraceEnded) as ended:
            await run_one(create(node(nothing).to()), message(), timeout_s=None)
        return ended.value.status, monotonic() - started_s

    assert run(main()) == ("no_result", 0)


def test_errors_that_the_flow_hands_out_are_results(run):
    """With `emit_errors_to_rookery` the `FlowError` itself comes back."""
    flow = create(node(failing(), "n").to(), emit_errors_to_rookery=True)
    result = run(run_one(flow, message()))

    assert isinstance(result, FlowError)
    assert result.code == FlowErrorCode.NODE_EXCEPTION


def test_w30_a_run_out_of_time_says_where_it_stood(run):
    """The default second is shorter than two default backoffs, and the error names the node and the wait."""
    handler = simulate_error("flaky", FlowErrorCode.NODE_EXCEPTION, fail_times=2)
    flow = create(node(handler, "flaky", max_retries=2).to())
    sent = message(trace_id="t1")
    with pytest.raises(TimeoutError) as caught:
        run(run_one(flow, sent))

    assert not isinstance(caught.value, TraceEnded)
    assert str(caught.value).startswith(
        "trace t1 gave no result within 1.0 s; last event: node_retry of 'flaky', attempt 2 (sleep_s=1.0, exception="
    )
    assert "larger timeout_s" in str(caught.value)


def test_w30_a_node_that_recovers_within_the_time_gives_its_result(run):
    """With room for its backoffs, a node that fails twice answers with the message."""
    handler = simulate_error("flaky", FlowErrorCode.NODE_EXCEPTION, fail_times=2)
    flow = create(node(handler, "flaky", max_retries=2).to())

    assert run(run_one(flow, message(payload="done"), timeout_s=1.6)).payload == "done"
    assert (handler.simulation.attempts, handler.simulation.failures) == (3, 2)


def test_a_timeout_before_anything_started_says_so(run):
    """A message that cannot get in runs out of time with no node started."""
    flow = create(node(echo).to(), queue_maxsize=1)
    flow.emit_nowait(message(trace_id="earlier"))

    async def main():
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError, match="gave no result within 0 s; no node had started"):
            await run_one(flow, message(), timeout_s=0)

    run(main())


# -- what was recorded -----------------------------------------------------------------------


def test_w17_the_record_of_a_run_is_complete(run):
    """The last node's success stands in the record although the flow was stopped when its result came."""
    run(run_one(create(node(echo, "a").to(node(echo, "b"))), message(trace_id="t1")))

    assert kinds("t1") == ["node_start", "node_success", "node_start", "node_success"]


def test_a_sequence_is_the_order_of_starts(run):
    """Nodes count in the order in which they started, a retried node once."""
    flaky = simulate_error("b", "NODE_EXCEPTION")
    last = node(echo, "c")
    flow = create(node(echo, "a").to(middle := node(flaky, "b", max_retries=1, backoff_base=0)), middle.to(last))
    run(run_one(flow, message(trace_id="t1")))

    assert_node_sequence("t1", ["a", "b", "c"])
    with pytest.raises(AssertionError, match=r"started as \['a', 'b', 'c'\]; expected \['a', 'c'\]"):
        assert_node_sequence("t1", ["a", "c"])


def test_a_trace_that_was_not_run_has_no_sequence():
    """An unknown trace is a failed assertion, not an empty sequence."""
    assert get_recorded_events("t1") == ()
    with pytest.raises(AssertionError, match="No recorded events for trace 't1'"):
        assert_node_sequence("t1", [])


def test_a_second_run_of_a_trace_replaces_its_record(run):
    """The same flow and trace again give one record, of the last run, each event once."""
    flow = create(node(echo, "a").to())
    for _ in range(3):
        run(run_one(flow, message(trace_id="t1")))

    assert kinds("t1") == ["node_start", "node_success"]


def test_the_record_is_a_middleware_like_any_other(run):
    """Awaited instead of called directly, it records the same."""
    run(run_one(create(node(echo).to()), message(trace_id="t1")))
    (start, success) = get_recorded_events("t1")
    run(testkit._history(start))

    assert get_recorded_events("t1") == (start, success, start)


def test_the_newest_64_traces_are_kept(run):
    """The oldest trace makes room for the 65th."""
    flow = create(node(echo).to())
    for number in range(65):
        run(run_one(flow, message(trace_id=f"t{number}")))

    assert [number for number in range(65) if not get_recorded_events(f"t{number}")] == [0]


def test_of_one_trace_the_newest_events_are_kept(run, monkeypatch):
    """A trace with more events than are kept loses its oldest."""
    monkeypatch.setattr(testkit, "EVENTS_KEPT_PER_TRACE", 3)
    run(run_one(create(node(echo, "a").to(node(echo, "b"))), message(trace_id="t1")))

    assert kinds("t1") == ["node_success", "node_start", "node_success"]


def test_bare_payloads_leave_no_record(run):
    """An event without a trace is in nobody's record."""
    handled = []

    async def keep(msg, ctx):
        handled.append(msg)
        return msg

    async def main():
        flow = create(node(keep).to())
        await flow.emit("bare")
        await run_one(flow, message(trace_id="t1"))

    run(main())
    assert handled[0] == "bare"
    assert list(testkit._history._traces) == ["t1"]


# -- simulate_error --------------------------------------------------------------------------


def test_a_simulated_error_fails_and_then_succeeds(run):
    """The first calls raise the wanted exception, later ones give the wanted result, and both are counted."""
    handler = simulate_error("n", "NODE_TIMEOUT", fail_times=2, result="fine", exception_type=TimeoutError)

    async def main():
        for number in (1, 2):
            with pytest.raises(TimeoutError, match=rf"\[NODE_TIMEOUT\] simulated failure {number} of 2 in node 'n'"):
                await handler("msg", None)
        return await handler("msg", None)

    assert run(main()) == "fine"
    assert (handler.simulation.attempts, handler.simulation.failures) == (3, 2)
    assert RuntimeNode(handler).name == "n"


def test_a_simulated_result_is_made_from_the_message(run):
    """A factory, plain or async, makes the result; without one the message is the result."""

    async def upper(msg):
        return msg.upper()

    async def answers(**options):
        handler = simulate_error("n", FlowErrorCode.NODE_EXCEPTION, **options)
        with pytest.raises(RuntimeError, match="NODE_EXCEPTION"):
            await handler("msg", None)
        return await handler("msg", None)

    assert run(answers(result_factory=str.title)) == "Msg"
    assert run(answers(result_factory=upper)) == "MSG"
    assert run(answers()) == "msg"


def test_a_simulation_that_makes_no_sense_is_refused():
    """Fewer than one failure, and two ways to succeed, are errors."""
    with pytest.raises(ValueError, match="fail_times must be at least 1; got 0"):
        simulate_error("n", "X", fail_times=0)
    with pytest.raises(ValueError, match="only one of result and result_factory"):
        simulate_error("n", "X", result=1, result_factory=str)


# -- assert_preserves_message_envelope -------------------------------------------------------


def test_a_node_that_keeps_the_envelope_passes(run):
    """A node, an async function and a simulated error pass with the message that they return."""

    async def other_payload(msg, ctx):
        assert isinstance(ctx, Context)
        return msg.model_copy(update={"payload": "new"})

    sent = message(tenant="acme", trace_id="t1")
    for handler in (other_payload, RuntimeNode(other_payload, policy=NodePolicy(validate="none"))):
        answer = run(assert_preserves_message_envelope(handler, message=sent))
        assert (answer.payload, answer.headers, answer.trace_id) == ("new", sent.headers, "t1")
    assert run(assert_preserves_message_envelope(other_payload)).headers.tenant == "test"


def test_the_context_is_the_one_given(run):
    """A context of the caller's own reaches the node."""
    seen = []

    async def look(msg, ctx):
        seen.append(ctx)
        return msg

    own = object()
    run(assert_preserves_message_envelope(look, ctx=own))
    assert seen == [own]


def test_a_node_that_loses_the_envelope_fails(run):
    """Another trace id, other headers (also changed in place) and a bare value are told apart."""

    async def new_trace(msg, ctx):
        return msg.model_copy(update={"trace_id": "other"})

    async def new_tenant(msg, ctx):
        msg.headers.tenant = "other"
        return msg

    async def new_headers(msg, ctx):
        return msg.model_copy(update={"headers": Headers(tenant="acme", topic="changed")})

    async def bare(msg, ctx):
        return msg.payload

    for handler, text in (
        (new_trace, "changed the message's trace_id from 't1' to 'other'"),
        (new_tenant, "changed the message's headers"),
        (new_headers, "changed the message's headers"),
        (bare, "returned str and not a Message, so headers and trace_id are lost"),
    ):
        with pytest.raises(AssertionError, match=text):
            run(assert_preserves_message_envelope(handler, message=message(trace_id="t1")))


def test_a_plain_function_is_no_node(run):
    """What is not async is refused without being called."""
    with pytest.raises(TypeError, match="expects an async node: Node function must be declared with async def"):
        run(assert_preserves_message_envelope(lambda _msg, _ctx: pytest.fail("called")))
