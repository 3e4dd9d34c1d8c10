"""RUNTIME row W18, and chunks of streams: a retry sends nothing twice, and its reader can tell."""

import asyncio

import pytest
from runtime_samples import echo, message, node, residue, roundtrip, running

from penguiflow import StreamChunk


async def _all_of(flow, count):
    return [(await flow.fetch()) for _ in range(count)]


def _texts(chunks):
    return [(chunk.payload.seq, chunk.payload.text, chunk.payload.done) for chunk in chunks]


def test_w18_what_a_failed_attempt_emitted_is_not_emitted_again(run):
    """The successors of a handler that emits, fails and starts over get each message once."""
    seen = {"a": [], "b": []}

    def noting(name):
        async def note(msg, ctx):
            seen[name].append(msg.payload)

        return node(note, name)

    async def work(msg, ctx):
        await ctx.emit(msg.model_copy(update={"payload": "one"}))
        if ctx.attempt == 0:
            raise ValueError
        ctx.emit_nowait(msg.model_copy(update={"payload": "two"}))
        if ctx.attempt == 1:
            raise ValueError
        await ctx.emit(msg.model_copy(update={"payload": "three"}))

    async def main():
        async with running(node(work, max_retries=2).to(noting("a"), noting("b"))) as flow:
            await flow.emit(message())
            await asyncio.sleep(60)
            assert residue(flow) == {}

    run(main())
    assert seen == {"a": ["one", "two", "three"], "b": ["one", "two", "three"]}


def test_w18_a_retry_that_emits_something_else_is_heard(run):
    """Only what is the same at the same place counts as sent."""
    seen = []

    async def note(msg, ctx):
        seen.append(msg)

    async def work(msg, ctx):
        await ctx.emit(f"attempt {ctx.attempt}")
        await ctx.emit("same")
        await ctx.emit("same")
        if ctx.attempt == 0:
            raise ValueError

    async def main():
        async with running(node(work, max_retries=1).to(node(note))) as flow:
            await flow.emit("go")
            await asyncio.sleep(60)

    run(main())
    assert seen == ["attempt 0", "same", "same", "attempt 1"]


def test_w18_a_fan_out_that_was_cut_short_is_completed_by_the_retry(run):
    """A timeout between two edges of one emission repeats the edge that is missing, and no other."""
    seen = {"free": [], "full": []}

    async def free(msg, ctx):
        seen["free"].append(msg)

    async def full(msg, ctx):
        await asyncio.sleep(5)
        seen["full"].append(msg)

    async def work(msg, ctx):
        await ctx.emit(msg)

    async def main():
        policy = {"timeout_s": 1, "max_retries": 1, "backoff_base": 20}
        async with running(node(work, **policy).to(node(free), node(full)), queue_maxsize=1) as flow:
            for name in "abc":
                await flow.emit(name)
            await asyncio.sleep(120)

    run(main())
    assert seen == {"free": ["a", "b", "c"], "full": ["a", "b", "c"]}


def test_w18_a_stream_that_starts_over_goes_on_where_it_broke_off(run):
    """The reader of a retried stream gets each chunk once, in order, and sees which come from a retry."""

    async def talk(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="he")
        if ctx.attempt == 0:
            raise ValueError
        await ctx.emit_chunk(parent=msg, text="llo")
        await ctx.emit_chunk(parent=msg, text="!", done=True)

    async def main():
        async with running(node(talk, max_retries=1).to()) as flow:
            await flow.emit(message(trace_id="t1"))
            return await _all_of(flow, 3)

    chunks = run(main())
    assert _texts(chunks) == [(0, "he", False), (1, "llo", False), (2, "!", True)]
    assert [chunk.payload.meta for chunk in chunks] == [{}, {"attempt": 1}, {"attempt": 1}]


def test_a_chunk_travels_in_an_envelope_like_its_parent_s(run):
    """Tenant, trace, deadline and meta of a chunk's envelope are the parent's, its own facts its own."""

    async def talk(msg, ctx):
        return_value = await ctx.emit_chunk(parent=msg, text="a", meta={"of": "chunk"})
        assert isinstance(return_value, StreamChunk)

    async def main():
        async with running(node(talk).to()) as flow:
            await flow.emit(message(trace_id="t1", meta={"of": "message"}))
            return await flow.fetch()

    chunk = run(main())
    assert (chunk.trace_id, chunk.headers.tenant, chunk.meta) == ("t1", "acme", {"of": "message"})
    assert chunk.payload == StreamChunk(stream_id="t1", seq=0, text="a", meta={"of": "chunk"})


def test_chunks_are_numbered_for_each_stream_until_it_is_done(run):
    """Two streams of one handler count for themselves, and a stream that is done starts from 0 again."""

    async def talk(msg, ctx):
        for stream_id, done in (("x", False), ("y", False), ("x", True), ("y", False), ("x", False)):
            await ctx.emit_chunk(parent=msg, text="", stream_id=stream_id, done=done)
        await ctx.emit_chunk(parent=msg, text="", stream_id="x", seq=7)

    async def main():
        async with running(node(talk).to()) as flow:
            await flow.emit(message())
            return [(chunk.payload.stream_id, chunk.payload.seq) for chunk in await _all_of(flow, 6)]

    assert run(main()) == [("x", 0), ("y", 0), ("x", 1), ("y", 1), ("x", 0), ("x", 7)]


@pytest.mark.parametrize("stream_id", [None, "own"])
def test_a_second_chunk_waits_until_the_first_is_fetched(run, stream_id):
    """With one place, a node on the way does not count as the reader, whatever the stream is called."""
    told = []

    async def talk(msg, ctx):
        await ctx.emit_chunk(parent=msg, text="1", stream_id=stream_id)
        told.append("first")
        await ctx.emit_chunk(parent=msg, text="2", stream_id=stream_id, done=True)
        told.append("second")

    async def main():
        async with running(node(talk).to(node(echo)), queue_maxsize=1) as flow:
            await flow.emit(message())
            await asyncio.sleep(10)
            assert told == ["first"]
            first = await flow.fetch()
            await asyncio.sleep(0.001)
            assert told == ["first", "second"]
            return _texts([first, await flow.fetch()])

    assert run(main()) == [(0, "1", False), (1, "2", True)]


def test_a_stream_that_nobody_reads_ends_with_its_trace(run):
    """Cancelling a trace frees the handler that waits for the reader of its chunks."""

    async def talk(msg, ctx):
        for index in range(3):
            await ctx.emit_chunk(parent=msg, text=str(index))

    async def main():
        async with running(node(talk).to(), queue_maxsize=1) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(10)
            assert await flow.cancel("t1", drain=True)
            assert (await flow.outcome(trace_id="t1")).status == "cancelled"
            assert residue(flow) == {}

    run(main())


def test_a_scoped_stream_is_read_to_its_end(run):
    """Scoped fetches of one trace get its chunks in order."""

    async def talk(msg, ctx):
        for index in range(10):
            await ctx.emit_chunk(parent=msg, text=str(index), done=index == 9)

    async def main():
        async with running(node(talk).to(), queue_maxsize=2) as flow:
            await flow.emit(message(), trace_id="t1")
            return [(await flow.fetch(trace_id="t1")).payload.text for _ in range(10)]

    assert run(main()) == [str(index) for index in range(10)]


def test_chunks_from_outside_enter_at_the_ingress(run):
    """`flow.emit_chunk` sends chunks to the first nodes, numbered for each stream."""
    seen = []

    async def note(msg, ctx):
        seen.append((msg.payload.seq, msg.payload.text))

    async def main():
        async with running(node(note).to()) as flow:
            parent = message(trace_id="t1")
            for text in ("a", "b"):
                await flow.emit_chunk(parent=parent, text=text)
                await asyncio.sleep(1)
            await flow.emit_chunk(parent=parent, text="c", done=True)
            await flow.emit_chunk(parent=parent, text="d")
            await asyncio.sleep(1)

    run(main())
    assert seen == [(0, "a"), (1, "b"), (2, "c"), (0, "d")]


def test_a_chunk_needs_an_envelope_to_answer(run):
    """A parent without headers and trace is refused, from inside and from outside."""

    async def talk(msg, ctx):
        with pytest.raises(TypeError, match="requires a Message as parent; got str"):
            await ctx.emit_chunk(parent="no envelope", text="a")
        return msg

    async def main():
        async with running(node(talk).to()) as flow:
            with pytest.raises(TypeError, match="requires a Message as parent; got int"):
                await flow.emit_chunk(parent=1, text="a")
            await roundtrip(flow, message())

    run(main())
