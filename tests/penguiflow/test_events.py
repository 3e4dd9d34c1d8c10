"""RUNTIME 1.17, 1.18, section 2 and row W32: events say what happened, and errors read well."""

import asyncio
import dataclasses

import pytest
from runtime_samples import Events, echo, failing, message, node, roundtrip, running, sleeper

from penguiflow import FlowError, FlowErrorCode, FlowEvent, TraceEnded, format_flow_event


def recorded(run, *adjacencies, fails=False, **options):
    events = Events()

    async def main():
        async with running(*adjacencies, middlewares=[events], **options) as flow:
            if not fails:
                await roundtrip(flow, message())
                return
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message())

    run(main())
    return events


def event(**fields):
    known = {
        "event_type": "node_success", "ts": 1.0, "node_name": "n", "node_id": "id", "trace_id": "t1", "attempt": 0,
        "latency_ms": 2.5, "queue_depth_in": 1, "queue_depth_out": 2, "outgoing_edges": 3, "queue_maxsize": 64,
        "trace_pending": 1, "trace_inflight": 0, "trace_cancelled": False,
    }  # fmt: skip
    return FlowEvent(**{**known, **fields})


def test_a_success_is_a_start_and_a_success(run):
    """A message through one node gives two events with its place and numbers."""
    start, success = recorded(run, node(echo, "n").to(), queue_maxsize=7)

    assert (start.event_type, success.event_type) == ("node_start", "node_success")
    assert (start.node_name, start.trace_id, start.attempt, start.latency_ms) == ("n", "t1", 0, 0.0)
    assert (success.latency_ms, success.outgoing_edges, success.queue_maxsize) == (0.0, 1, 7)
    assert (start.ts, len(start.node_id)) == (1_700_000_000.0, 32)


def test_a_retry_and_a_failure_are_told_in_order(run):
    """Attempts, the retry between them and the end come in the order of RUNTIME section 2."""
    events = recorded(run, node(failing(), "n", max_retries=1).to(), fails=True)

    assert events.kinds() == ["node_start", "node_error", "node_retry", "node_start", "node_error", "node_failed"]
    assert [item.attempt for item in events] == [0, 0, 1, 1, 1, 1]
    retry, failed = events.one("node_retry"), events.one("node_failed")
    assert retry.extra == {"sleep_s": 0.5, "exception": "ValueError('boom')"}
    assert failed.error_payload["code"] == "NODE_EXCEPTION"
    assert failed.error_payload["message"] == "Node 'n' raised ValueError: boom"


def test_a_timeout_is_told_as_one(run):
    """A node that runs out of time gives `node_timeout` with how long it ran."""
    events = recorded(run, node(sleeper(9), timeout_s=2).to(), fails=True)

    assert events.kinds() == ["node_start", "node_timeout", "node_failed"]
    assert events.one("node_timeout").latency_ms == 2000
    assert events.one("node_failed").error_payload["metadata"] == {"attempt": 0, "latency_ms": 2000.0, "timeout_s": 2}


async def pass_on(msg, ctx):
    await ctx.emit(msg)


@pytest.mark.parametrize("handler", [echo, pass_on], ids=["returns", "emits"])
def test_w32_latency_is_the_handler_s_own_and_waits_stand_beside_it(run, handler):
    """A fast node behind and before slow ones has no latency of its own, only waits, however it sends."""
    events = Events()

    async def main():
        slow = node(sleeper(2), "slow")
        async with running(node(handler, "fast").to(slow), middlewares=[events], queue_maxsize=1) as flow:
            for index in range(4):
                await flow.emit(message(), trace_id=f"t{index}")
            for index in range(4):
                await flow.fetch(trace_id=f"t{index}")

    run(main())
    starts = [item for item in events if (item.node_name, item.event_type) == ("fast", "node_start")]
    ends = [item for item in events if (item.node_name, item.event_type) == ("fast", "node_success")]
    assert [item.latency_ms for item in ends] == [0, 0, 0, 0]
    assert [item.emit_wait_ms for item in ends] == [0, 0, 2000, 2000]
    assert [item.queue_wait_ms for item in starts] == [0, 0, 0, 2000]


def test_w32_a_handler_that_times_out_on_a_full_edge_says_how_long_it_waited(run):
    """The timeout of a handler that waits for room tells the wait apart from its own work."""
    events = Events()

    async def work(msg, ctx):
        await asyncio.sleep(1)
        await ctx.emit(msg)

    async def main():
        slow = node(sleeper(60), "slow")
        async with running(node(work, timeout_s=5).to(slow), middlewares=[events], queue_maxsize=1) as flow:
            for index in range(3):
                await flow.emit(message(), trace_id=f"t{index}")
            await asyncio.sleep(10)

    run(main())
    timeout = events.one("node_timeout")
    assert (timeout.latency_ms, timeout.emit_wait_ms) == (1000, 4000)


def test_w32_metrics_have_no_trace_id_and_no_latency_of_starts():
    """Tags never make a series for each request, and a start adds no zero to a latency histogram."""
    tags = event(extra={"region": "eu", "n": 3, "deep": {}}).tag_values()

    assert tags == {"event_type": "node_success", "node_name": "n", "node_id": "id", "region": "eu", "n": "3"}
    assert "latency_ms" not in event(event_type="node_start", latency_ms=0.0).metric_samples()
    assert event(extra={"latency_ms": "21.0"}).metric_samples() == {
        "queue_depth_in": 1.0, "queue_depth_out": 2.0, "queue_depth_total": 3.0, "attempt": 0.0,
        "trace_inflight": 0.0, "trace_cancelled": 0.0, "trace_pending": 1.0, "latency_ms": 21.0,
    }  # fmt: skip


def test_an_effect_s_key_is_no_label():
    """An idempotency key holds the trace id, so it would make one series a request; it stays out of the labels."""
    tags = event(extra={"effect": "charge", "key": "t1/charge", "args_digest": "0f"}).tag_values()
    assert tags["effect"] == "charge"
    assert not {"key", "args_digest"} & set(tags)


def test_an_event_is_frozen_with_its_facts():
    """Neither an event nor its extra can be changed, also not through the mapping that it was made from."""
    facts = {"a": 1}
    made = event(extra=facts)
    facts["a"] = 2

    assert made.extra == {"a": 1}
    with pytest.raises(TypeError):
        made.extra["a"] = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.ts = 2.0


def test_the_payload_of_an_event_has_the_names_that_logs_know():
    """`to_payload` renames depths and edges, adds what is there, and lets `extra` come last."""
    assert event(tenant="acme", extra={"phase": "queued"}).to_payload() == {
        "ts": 1.0, "event": "node_success", "node_name": "n", "node_id": "id", "trace_id": "t1", "latency_ms": 2.5,
        "q_depth_in": 1, "q_depth_out": 2, "q_depth_total": 3, "outgoing": 3, "queue_maxsize": 64, "attempt": 0,
        "trace_inflight": 0, "trace_cancelled": False, "trace_pending": 1, "tenant": "acme", "phase": "queued",
    }  # fmt: skip
    assert "trace_pending" not in event(trace_pending=None).to_payload()


def test_a_formatted_event_spells_its_error_out():
    """`format_flow_event` gives the error whole and flat."""
    formatted = format_flow_event(event(extra={"flow_error": {"code": "X", "message": "m"}}))

    assert formatted["flow_error"] == {"code": "X", "message": "m"}
    assert (formatted["flow_error_code"], formatted["flow_error_message"]) == ("X", "m")
    assert "flow_error" not in format_flow_event(event())


def test_depths_in_events_count_what_waits_before_and_behind(run):
    """Depths are those at the time of the event."""
    events = Events()

    async def main():
        async with running(node(echo, "n").to(), middlewares=[events]) as flow:
            for index in range(3):
                flow.emit_nowait(index)
            await asyncio.sleep(1)

    run(main())
    starts = [item for item in events if item.event_type == "node_start"]
    assert [(item.queue_depth_in, item.queue_depth_out) for item in starts] == [(2, 0), (1, 1), (0, 2)]


# -- errors ----------------------------------------------------------------------------------


def test_a_flow_error_reads_well_and_leaves_out_what_is_empty():
    """Text, payload and attributes of an error agree."""
    cause = ValueError("boom")
    error = FlowError.from_exception(
        trace_id="t1",
        node_name="n",
        node_id=None,
        exc=cause,
        code=FlowErrorCode.NODE_EXCEPTION,
        metadata={"attempt": 0},
    )

    assert str(error) == "[NODE_EXCEPTION] boom trace=t1 node=n"
    assert error.unwrap() is cause
    assert error.to_payload() == {
        "code": "NODE_EXCEPTION", "message": "boom", "trace_id": "t1", "node_name": "n",
        "exception_type": "ValueError", "metadata": {"attempt": 0},
    }  # fmt: skip
    bare = FlowError(trace_id=None, node_name=None, code="CUSTOM", message="m")
    assert (str(bare), bare.to_payload(), bare.exception_type) == (
        "[CUSTOM] m",
        {"code": "CUSTOM", "message": "m"},
        None,
    )


def test_error_codes_are_text():
    """Codes compare equal to their names."""
    assert {code.value for code in FlowErrorCode} == {
        "NODE_TIMEOUT", "NODE_EXCEPTION", "TRACE_CANCELLED", "DEADLINE_EXCEEDED", "HOP_BUDGET_EXHAUSTED",
        "TOKEN_BUDGET_EXHAUSTED",
    }  # fmt: skip
    assert FlowErrorCode.NODE_TIMEOUT == "NODE_TIMEOUT"
