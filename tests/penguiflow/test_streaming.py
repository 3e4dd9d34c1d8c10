"""RUNTIME 1.14 and rows W3, W6, W8, W29: streams of text chunks."""

import asyncio
import json
from contextlib import aclosing
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from runtime_samples import Events, echo, message, names_of_tasks, node, residue, roundtrip, running, sleeper

from penguiflow import FinalAnswer, FlowError, StreamChunk, TenantViolation, TraceEnded, TraceNotFound
from penguiflow.streaming import chunk_to_ws_json, emit_stream_events, format_sse_event, stream_flow

# -- server-sent events ----------------------------------------------------------------------


def chunk(text="hi", **fields):
    return StreamChunk(**{"stream_id": "s1", "seq": 3, "text": text, **fields})


def parsed(stream):
    """The events of a stream, by the rules of the HTML standard, section 9.2.6."""
    events, fields = [], {}
    for line in stream.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        if line:
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif fields:
            events.append(fields)
            fields = {}
    return events


def test_a_chunk_is_rendered_as_one_event():
    """An event has its type, the number as id, the text, the meta as JSON and the retry time, and an empty line."""
    assert format_sse_event(chunk()) == "event: chunk\nid: 3\ndata: hi\n\n"
    assert format_sse_event(chunk("", done=True)) == "event: done\nid: 3\ndata: \n\n"
    assert format_sse_event(chunk(meta={"k": [1]}), event_name="token", retry_ms=1500) == (
        'event: token\nid: 3\ndata: hi\ndata: {"k": [1]}\nretry: 1500\n\n'
    )


def test_w29_text_cannot_start_an_event():
    """A text with line breaks and field names stays the data of one event, a `data:` line for each line."""
    text = "line1\nline2\n\nevent: hacked\r\nid: 9\rdata: x"
    (event,) = parsed(format_sse_event(chunk(text)))
    assert event == {
        "event": ["chunk"],
        "id": ["3"],
        "data": ["line1", "line2", "", "event: hacked", "id: 9", "data: x"],
    }


@given(
    text=st.text(alphabet=st.sampled_from("\r\n:  ad\u2028\x0b\x85\x00")), meta=st.dictionaries(st.text(), st.text())
)
def test_w29_no_text_or_meta_gets_out_of_its_event(text, meta):
    """Whatever text and meta hold, a browser sees one event with exactly that text, and the meta after it."""
    (event,) = parsed(format_sse_event(chunk(text, meta=meta)))
    lines = event.pop("data")
    assert event == {"event": ["chunk"], "id": ["3"]}
    if meta:
        assert json.loads(lines.pop()) == meta
    assert "\n".join(lines) == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "chunk\r\ndata: x"])
def test_w29_an_event_name_with_a_line_break_is_refused(name):
    """The name of an event is one line."""
    with pytest.raises(ValueError, match=r"event_name='.*' must not hold a line break"):
        format_sse_event(chunk(), event_name=name)


@pytest.mark.parametrize("retry_ms", [-1, 1.5, "5\ndata: x"])
def test_w29_a_retry_time_is_a_whole_number(retry_ms):
    """Browsers ignore anything but digits as retry time, so nothing else is rendered."""
    with pytest.raises(ValueError, match=r"retry_ms=.* must be a whole number of milliseconds"):
        format_sse_event(chunk(), retry_ms=retry_ms)


def test_w29_an_id_that_is_no_number_is_refused():
    """A chunk that was made without validation cannot bring lines into the event by its number."""
    forged = StreamChunk.model_construct(stream_id="s", seq="1\ndata: x", text="", done=False, meta={})
    with pytest.raises(ValueError, match="invalid literal for int"):
        format_sse_event(forged)


def test_a_chunk_is_rendered_for_a_websocket():
    """A chunk is one JSON object, to which `extra` adds keys and replaces none."""
    text = chunk_to_ws_json(chunk("ü", meta={"k": 1}), extra={"user": "u", "seq": 99, "text": "forged"})
    assert list(json.loads(text).items()) == [
        ("stream_id", "s1"), ("seq", 3), ("text", "ü"), ("done", False), ("meta", {"k": 1}), ("user", "u"),
    ]  # fmt: skip


def test_what_json_cannot_say_is_still_rendered():
    """Dates, secrets, NaN and objects in meta become JSON that every parser accepts, and secrets stay masked."""
    meta = {"day": date(2026, 1, 2), "key": SecretStr("hunter2"), "score": float("nan"), "kind": int}
    assert json.loads(chunk_to_ws_json(chunk(meta=meta)), parse_constant=pytest.fail)["meta"] == {
        "day": "2026-01-02", "key": "**********", "score": None, "kind": "<class 'int'>",
    }  # fmt: skip


# -- into a flow -----------------------------------------------------------------------------


async def words(*items, gap_s=0.0):
    for item in items:
        await asyncio.sleep(gap_s)
        yield item


def streaming(*events, gap_s=0.0, **options):
    """A node that streams `events`."""

    async def stream(msg, ctx):
        await emit_stream_events(words(*events, gap_s=gap_s), ctx, msg, **options)

    return node(stream, "stream")


async def read(flow, msg=None, **options):
    """What a stream gives: chunks as (seq, text, done, meta), anything else as it is."""
    items = [item async for item in stream_flow(flow, msg or message(), **options)]
    return [(i.seq, i.text, i.done, i.meta) if isinstance(i, StreamChunk) else i for i in items]


def test_events_become_chunks_with_an_end(run):
    """Events are sent as numbered chunks of their text, and an empty last one is added."""

    async def main():
        async with running(streaming("a", 2, final_meta={"tokens": 2}).to()) as flow:
            return await read(flow)

    assert run(main()) == [(0, "a", False, {}), (1, "2", False, {}), (2, "", True, {"tokens": 2})]


def test_an_adapter_says_what_an_event_means(run):
    """The adapter gives text, end and meta; after an event that is the last one no other is sent."""

    def adapter(event):
        return event["t"], event.get("end", False), {"raw": event["t"]}

    events = ({"t": "a"}, {"t": "b", "end": True}, {"t": "never"})

    async def main():
        async with running(streaming(*events, adapter=adapter, final_meta={"not": "sent"}).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            return [
                (result.payload.text, result.payload.done) for result in (await flow.outcome(trace_id="t1")).results
            ]

    assert run(main()) == [("a", False), ("b", True)]


def test_chunks_go_to_the_successors_that_are_named(run):
    """With `to` only the named successor gets the stream."""
    a, b = node(echo, "a"), node(echo, "b")

    async def main():
        events = Events()
        async with running(streaming("x", to=b).to(a, b), middlewares=[events]) as flow:
            assert len(await read(flow)) == 2
        return [event.node_name for event in events if event.event_type == "node_start"]

    assert run(main()) == ["stream", "b", "b"]


# -- out of a flow ---------------------------------------------------------------------------


async def answer(msg, ctx):
    """Two chunks, then an answer."""
    await ctx.emit_chunk(parent=msg, text=f"{msg.payload}0")
    await asyncio.sleep(1)
    await ctx.emit_chunk(parent=msg, text=f"{msg.payload}1", done=True)
    await asyncio.sleep(1)
    return msg.model_copy(update={"payload": f"{msg.payload}-final"})


def test_a_stream_ends_with_its_last_chunk(run):
    """Without `include_final` the stream ends with the chunk that is done, its handler goes on and can be fetched."""

    async def main():
        async with running(node(answer).to()) as flow:
            sent = message("a")
            assert await read(flow, sent) == [(0, "a0", False, {}), (1, "a1", True, {})]
            assert (await flow.fetch(trace_id=sent.trace_id)).payload == "a-final"
            assert residue(flow) == {}

    run(main())


def test_a_stream_goes_on_to_the_final_result_where_that_is_asked_for(run):
    """With `include_final` the payload that follows the stream is its last item."""

    async def main():
        async with running(node(answer).to()) as flow:
            items = await read(flow, message("a"), include_final=True)
            assert residue(flow) == {}
            return items[-1]

    assert run(main()) == "a-final"


def test_an_answer_without_chunks_is_the_whole_stream(run):
    """A first payload that is no chunk is given and ends the stream, whether it came in an envelope or bare."""

    async def bare(msg, ctx):
        return FinalAnswer(text="42")

    async def main():
        async with running(node(echo).to()) as flow:
            assert await read(flow, message("a")) == ["a"]
        async with running(node(bare).to()) as flow:
            assert await read(flow) == [FinalAnswer(text="42")]

    run(main())


def test_w3_two_streams_never_mix(run):
    """Streams of two tenants through one flow, with one trace id or two, each give their own chunks only."""

    async def main():
        async with running(node(answer, concurrency=2).to(), tenancy="enforce") as flow:
            a, b = message("A", tenant="a"), message("B", tenant="b")
            async with asyncio.TaskGroup() as group:
                streams = [group.create_task(read(flow, msg, include_final=True)) for msg in (a, b)]
            return [[item[1] for item in stream.result()[:2]] for stream in streams]

    assert run(main()) == [["A0", "A1"], ["B0", "B1"]]


def test_w3_an_unscoped_fetch_takes_nothing_from_a_stream(run):
    """A reader of the whole flow that waits since before a stream began gets none of its chunks."""

    async def main():
        async with running(node(answer).to()) as flow:
            thief = asyncio.create_task(flow.fetch())
            await asyncio.sleep(0)
            assert len(await read(flow, message("a"), include_final=True)) == 3
            assert not thief.done()
            thief.cancel()

    run(main())


def test_w3_a_stream_under_another_tenants_trace_is_refused_and_does_no_harm(run):
    """Whoever streams under a trace of another tenant gets nothing, and that trace goes on."""

    async def main():
        async with running(node(answer).to()) as flow:
            own = message("own", tenant="a", trace_id="t1")
            stream = asyncio.create_task(read(flow, own, include_final=True))
            await asyncio.sleep(0.5)
            with pytest.raises(TraceNotFound):
                await read(flow, message("intruder", tenant="b", trace_id="t1"))
            with pytest.raises(TenantViolation):
                await read(flow.tenant("b"), own)
            return (await stream)[-1]

    assert run(main()) == "own-final"


def test_w3_a_stream_never_goes_on_with_the_next_trace_of_its_id(run):
    """A stream whose trace ended unfinished says so, though another tenant has the trace id by then."""

    async def main():
        async with running(streaming("x", adapter=lambda event: (event, False, {})).to()) as flow:
            async with aclosing(stream_flow(flow, message(tenant="a", trace_id="t1"), include_final=True)) as stream:
                assert [(await anext(stream)).text for _ in range(2)] == ["x", ""]
                await asyncio.sleep(1)
                await flow.emit(message("other", tenant="b"), trace_id="t1")
                with pytest.raises(TraceEnded):
                    await anext(stream)
            assert (await flow.tenant("b").fetch(trace_id="t1")).headers.tenant == "b"

    run(main())


def test_a_tenants_handle_streams(run):
    """Streams through `flow.tenant(name)` are kept apart like those through the flow."""

    async def main():
        async with running(node(answer, concurrency=2).to()) as flow:
            acme = flow.tenant("acme")
            first = asyncio.create_task(read(acme, message("a"), include_final=True))
            await asyncio.sleep(0.5)
            second = await read(acme, message("b"), include_final=True)
            return [item[1] for item in second[:2]], [item[1] for item in (await first)[:2]]

    assert run(main()) == (["b0", "b1"], ["a0", "a1"])


def test_an_envelope_without_a_tenant_streams_where_tenants_are_off(run):
    """With `tenancy="off"` a message of no tenant has a stream of its own as well."""

    async def main():
        async with running(node(answer).to(), tenancy="off") as flow:
            return len(await read(flow, message("a", tenant=""), include_final=True))

    assert run(main()) == 3


@pytest.mark.parametrize("way", ["break", "cancel", "timeout"])
def test_a_stream_that_is_given_up_leaves_nothing_behind(run, way):
    """Leaving a stream, cancelling its reader or a timeout cancels its trace, and nothing of it is left."""
    ended = []

    async def slow(msg, ctx):
        try:
            await ctx.emit_chunk(parent=msg, text="first")
            await asyncio.sleep(60)
        finally:
            ended.append(asyncio.get_running_loop().time())

    async def give_up(flow):
        async with aclosing(stream_flow(flow, message(), timeout=5 if way == "timeout" else None)) as stream:
            async for item in stream:
                assert item.text == "first"
                if way == "break":
                    break

    async def main():
        async with running(node(slow).to()) as flow:
            task = asyncio.create_task(give_up(flow))
            await asyncio.sleep(1)
            if way == "cancel":
                task.cancel()
            if way == "break":
                await task
            else:
                with pytest.raises(TimeoutError if way == "timeout" else asyncio.CancelledError):
                    await task
            await asyncio.sleep(1)
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            assert names_of_tasks() == ["penguiflow:slow"]

    run(main())
    assert ended == [{"break": 0, "cancel": 1, "timeout": 5}[way]]


def test_w8_a_stream_that_timed_out_can_be_tried_again_under_its_id(run):
    """After a timeout the same message can be streamed again, and the late chunks of the first try do not come."""
    delays_s = iter([9, 1])

    async def late(msg, ctx):
        delay_s = next(delays_s)
        await asyncio.sleep(delay_s)
        await ctx.emit_chunk(parent=msg, text=f"after {delay_s}", done=True)

    async def main():
        async with running(node(late).to()) as flow:
            sent = message()
            with pytest.raises(TimeoutError):
                await read(flow, sent, timeout=5)
            return await read(flow, sent, timeout=5)

    assert run(main()) == [(0, "after 1", True, {})]


def test_a_stream_left_without_closing_is_given_up_too(run):
    """A reader that leaves a plain `async for` cancels the trace as soon as Python drops the stream."""

    async def slow(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="first")
        await asyncio.sleep(60)

    async def main():
        async with running(node(slow).to()) as flow:
            async for _ in stream_flow(flow, message()):
                break
            await asyncio.sleep(1)
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)

    run(main())


def test_the_timeout_bounds_the_way_in(run):
    """A stream whose message finds no room in the flow times out, and leaves nothing behind."""

    async def main():
        async with running(node(sleeper(1)).to(), queue_maxsize=1) as flow:
            for number in range(2):
                await flow.emit(message(number), trace_id=str(number))
            with pytest.raises(TimeoutError):
                await read(flow, timeout=0.5)
            assert asyncio.get_running_loop().time() == 0.5
            for number in range(2):
                assert (await flow.outcome(trace_id=str(number))).status == "result"
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)

    run(main())


def test_the_timeout_bounds_each_item(run):
    """A long stream whose items come in time does not time out."""

    async def main():
        async with running(streaming(*"abcdef", gap_s=4).to()) as flow:
            return len(await read(flow, timeout=5))

    assert run(main()) == 7


def test_a_stream_that_breaks_off_says_why(run):
    """A stream whose node fails, or returns without a last chunk, ends with `TraceEnded` and never hangs."""

    async def fails(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="a")
        await asyncio.sleep(1)
        raise ValueError(msg.payload)

    async def stops(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="a")

    async def read_slowly(flow, pause_s):
        async for _ in stream_flow(flow, message("boom")):
            await asyncio.sleep(pause_s)

    async def ending(flow, pause_s):
        with pytest.raises(TraceEnded) as ended:
            await read_slowly(flow, pause_s)
        assert residue(flow) == {}
        return ended.value

    async def main():
        async with running(node(fails).to()) as flow:
            assert (await ending(flow, 0)).error.exception_type == "ValueError"
            assert isinstance(await ending(flow, 5), TraceEnded)
        async with running(node(stops).to()) as flow:
            assert [(await ending(flow, pause_s)).status for pause_s in (0, 5)] == ["result", "result"]

    run(main())


def test_a_failure_that_is_handed_out_ends_the_stream(run):
    """Where errors come out as results, the `FlowError` is the stream's last item."""

    async def fails(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="a")
        raise ValueError

    async def main():
        async with running(node(fails).to(), emit_errors_to_rookery=True) as flow:
            return await read(flow)

    assert [type(item) for item in run(main())] == [tuple, FlowError]


def test_a_flow_that_is_stopped_ends_its_streams(run):
    """`stop` ends a stream that waits, and one whose reader leaves later."""

    async def main():
        async with running(node(answer, concurrency=2).to()) as flow:
            waiting = asyncio.create_task(read(flow, include_final=True))
            async with aclosing(stream_flow(flow, message())) as stream:
                await anext(stream)
                await asyncio.sleep(1.5)  # the second chunk waits for its reader
                await flow.stop()
            with pytest.raises(TraceEnded):
                await waiting
            assert names_of_tasks() == []

    run(main())


def test_w6_streams_with_a_final_result_wedge_nobody(run):
    """Many streams whose final result nobody reads leave the flow open for others."""

    async def main():
        async with running(node(answer).to(), queue_maxsize=2) as flow:
            for _ in range(20):
                assert len(await read(flow)) == 2
            assert (await roundtrip(flow, message("last"), "last", 30)).payload.text == "last0"

    run(main())


class Duck:
    """Something with the two methods that a flow has had from the start."""

    def __init__(self, *results):
        self.results = list(results)
        self.emitted = []

    async def emit(self, msg, to=None):
        self.emitted.append((msg, to))

    async def fetch(self):
        return self.results.pop(0)


def test_anything_that_emits_and_fetches_can_be_streamed_from(run):
    """An object with `emit(msg, to=)` and `fetch()` is read until the stream's end, and left alone when given up."""
    sent, end = message(), StreamChunk(stream_id="s", seq=1, text="b", done=True)

    async def main():
        duck = Duck(message(chunk("a")), end, message("final"), "bare")
        assert await read(duck, sent, to="x") == [(3, "a", False, {}), (1, "b", True, {})]
        assert await read(duck, sent, include_final=True) == ["final"]
        async with aclosing(stream_flow(Duck(end), sent, include_final=True)) as stream:
            await anext(stream)
        return duck

    duck = run(main())
    assert duck.emitted == [(sent, "x"), (sent, None)]
    assert duck.results == ["bare"]
