"""RUNTIME row W3 and section 5: a trace belongs to the tenant that opened it, and to nobody else."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, node, residue, roundtrip, running, sleeper

from penguiflow import InMemoryStateStore, TenantViolation, TraceEnded, TraceNotFound, create


def theirs(payload="theirs", **fields):
    return message(payload, tenant="globex", **fields)


def told(events):
    """Every violation that the operator was told of: what was tried, by whom, and whose trace it was."""
    return [
        (event.extra["act"], event.extra.get("intruder"), event.tenant)
        for event in events
        if event.event_type == "tenant_violation"
    ]


async def _try(act, handle, trace_id):
    """What somebody outside sees of `act`: what comes back, or what is raised."""
    actions = {
        "fetch": lambda: handle.fetch(trace_id=trace_id),
        "outcome": lambda: handle.outcome(trace_id=trace_id),
        "cancel": lambda: handle.cancel(trace_id),
        "load_history": lambda: handle.load_history(trace_id),
    }
    try:
        return await actions[act]()
    except TraceNotFound as error:
        return str(error).replace(trace_id, "...")


@pytest.mark.parametrize("act", ["fetch", "outcome", "cancel", "load_history"])
@pytest.mark.parametrize("ended", [True, False])
def test_w03_the_trace_of_another_tenant_looks_like_none(run, act, ended):
    """Whatever a tenant tries on another one's trace, it sees what it would see without one; the operator knows."""
    events = Events()

    async def main():
        store = InMemoryStateStore()
        async with running(node(sleeper(1)).to(), middlewares=[events], state_store=store) as flow:
            await flow.tenant("acme").emit(message(), trace_id="t1")
            await asyncio.sleep(2 if ended else 0.5)
            stranger = flow.tenant("globex")
            seen = await _try(act, stranger, "t1"), await _try(act, stranger, "t9")
            assert (await flow.tenant("acme").fetch(trace_id="t1")).payload == "ping"
            return seen

    mismatch, missing = run(main())
    assert mismatch == missing
    assert told(events) == [(act, "globex", "acme")]


def test_w03_a_tenant_sees_its_own_traces(run):
    """Through its own handle a tenant emits, fetches, cancels, and reads a history free of others' attempts."""
    events = Events()

    async def main():
        store = InMemoryStateStore()
        async with running(node(sleeper(1)).to(), middlewares=[events], state_store=store) as flow:
            acme = flow.tenant("acme")
            for trace_id in ("t1", "t2", "t3"):
                await acme.emit(message(trace_id), trace_id=trace_id)
            await acme.emit(message("unscoped"))
            assert (await acme.fetch(trace_id="t1")).payload == "t1"
            assert (await acme.outcome(trace_id="t2")).status == "result"
            assert await acme.cancel("t3", drain=True) is True
            assert (await acme.fetch()).payload == "unscoped"
            assert told(events) == []
            await flow.tenant("globex").load_history("t1")
            return [(event.kind, event.tenant) for event in await acme.load_history("t1")]

    assert run(main()) == [("node_start", "acme"), ("node_success", "acme")]


@pytest.mark.parametrize("scoped", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_w03_nobody_sends_under_the_trace_of_another_tenant(run, scoped, ended):
    """A trace id that another tenant has open or unread is refused, and that tenant's result stays as it is."""
    events = Events()

    async def main():
        async with running(node(sleeper(1)).to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(2 if ended else 0.5)
            with pytest.raises(TraceNotFound):
                await flow.emit(theirs(trace_id="t1"), trace_id="t1" if scoped else None)
            with pytest.raises(TraceNotFound):
                flow.emit_nowait(theirs(trace_id="t1"))
            return (await flow.fetch(trace_id="t1")).payload

    assert run(main()) == "ping"
    assert told(events) == [("emit", "globex", "acme")] * 2


def test_a_trace_id_is_free_again_once_its_trace_was_read_or_ended_without_a_result(run):
    """Another tenant may use a trace id after its first owner has read it, or cancelled it."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            await roundtrip(flow, message(), "read")
            await flow.emit(message(), trace_id="cancelled")
            await flow.cancel("cancelled")
            return [(await roundtrip(flow, theirs(), name)).payload for name in ("read", "cancelled")]

    assert run(main()) == ["theirs", "theirs"]


@pytest.mark.parametrize("how", ["returns", "emits", "emits at once"])
def test_w03_a_handler_cannot_answer_in_the_name_of_another_tenant(run, how):
    """An envelope of another tenant in the same trace fails its node at once, and reaches nobody."""
    events = Events()
    seen = []

    async def swap(msg, ctx):
        if how == "emits":
            await ctx.emit(theirs(trace_id=msg.trace_id))
        elif how == "emits at once":
            ctx.emit_nowait(theirs(trace_id=msg.trace_id))
        else:
            return theirs(trace_id=msg.trace_id)
        return None

    async def sink(msg, ctx):
        seen.append(msg)

    async def main():
        first = node(swap, max_retries=3)
        async with running(first.to(node(sink)), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            outcome = await flow.outcome(trace_id="t1")
            assert residue(flow) == {}
            return outcome

    outcome = run(main())
    assert (outcome.status, outcome.error.exception_type, seen) == ("error", "TenantViolation", [])
    assert told(events) == [("emit", "globex", "acme")]
    assert events.kinds().count("node_start") == 1
    assert events.one("tenant_violation").node_name == "swap"


def test_a_handler_may_start_a_trace_of_another_tenant(run):
    """Work for another tenant under a trace id of its own is no violation."""
    events = Events()

    async def fork(msg, ctx):
        await ctx.emit(theirs(trace_id="t2"))
        return msg

    async def main():
        async with running(node(fork).to(), middlewares=[events]) as flow:
            await roundtrip(flow, message())
            return (await flow.tenant("globex").fetch(trace_id="t2")).payload

    assert run(main()) == "theirs"
    assert told(events) == []


# -- unscoped --------------------------------------------------------------------------------


def test_w03_an_unscoped_fetch_is_refused_while_two_tenants_are_live(run):
    """Where an unscoped fetch could get another tenant's result it gets an error, and each tenant's handle its own."""
    events = Events()

    async def main():
        async with running(node(echo).to(), middlewares=[events]) as flow:
            waiting = asyncio.ensure_future(flow.fetch())
            await asyncio.sleep(0)
            await flow.emit(message("ours"))
            await flow.emit(theirs())
            for refused in (waiting, flow.fetch()):
                with pytest.raises(TenantViolation, match=r"flow\.tenant"):
                    await refused
            payloads = [(await flow.tenant(name).fetch()).payload for name in ("globex", "acme")]
            assert residue(flow) == {}
            return payloads

    assert run(main()) == ["theirs", "ours"]
    assert told(events) == [("unscoped fetch", None, "acme")] * 2


def test_an_unscoped_fetch_is_as_it_always_was_for_one_tenant_after_the_other(run):
    """Tenants that take turns on an idle flow, and bare payloads, are fetched without a scope."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(message("ours"))
            await flow.emit(theirs(), trace_id="scoped")
            payloads = [(await flow.fetch()).payload]
            await flow.fetch(trace_id="scoped")
            for sent in (message("ours"), theirs()):
                await flow.emit(sent)
            for name in ("acme", "globex"):
                await flow.tenant(name).fetch()
            for sent in (theirs(), message("ours")):
                await flow.emit(sent)
                payloads.append((await flow.fetch()).payload)
            await flow.emit("bare")
            return [*payloads, await flow.fetch()]

    assert run(main()) == ["ours", "theirs", "ours", "bare"]


def test_a_tenants_unscoped_fetch_may_choose_its_node(run):
    """`flow.tenant(name).fetch(node)` gets results of that tenant from that node only."""

    async def main():
        left, right = node(echo, "left"), node(echo, "right")
        async with running(left.to(), right.to()) as flow:
            waiting = asyncio.ensure_future(flow.tenant("acme").fetch(right))
            for target in (left, right):
                await flow.emit(message(target.name), to=target)
            return (await waiting).payload

    assert run(main()) == "right"


# -- modes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("tenancy", "events_told"), [("observe", 5), ("off", 0)])
def test_observing_tells_and_refuses_nothing(run, tenancy, events_told):
    """With `observe` the operator learns what would be refused; with `off` nobody looks."""
    events = Events()

    async def swap(msg, ctx):
        return theirs(msg.payload, trace_id=msg.trace_id) if msg.payload == "swap" else msg

    async def main():
        async with running(node(swap).to(), middlewares=[events], tenancy=tenancy) as flow:
            stranger = flow.tenant("globex")
            await flow.emit(message(), trace_id="t1")
            await stranger.fetch(trace_id="t1")
            await stranger.emit(message(), trace_id="t2")
            await flow.outcome(trace_id="t2")
            assert (await roundtrip(flow, message("swap"), "t3")).headers.tenant == "globex"
            await flow.emit(message())
            await flow.emit(theirs(""))
            return [(await flow.fetch()).payload for _ in range(2)]

    assert run(main()) == ["ping", ""]
    assert len(told(events)) == events_told


def test_a_message_without_a_tenant_is_refused(run):
    """Under `enforce` an envelope has to name its tenant; with `off` it may be empty."""

    async def main():
        async with running(node(echo).to()) as flow:
            with pytest.raises(ValueError, match="names no tenant"):
                await flow.emit(message(tenant=" "), trace_id="t1")
            with pytest.raises(ValueError, match="names no tenant"):
                flow.emit_nowait(message(tenant=""))
            assert residue(flow) == {}
        async with running(node(echo).to(), tenancy="off") as flow:
            return (await roundtrip(flow, message(tenant=""))).payload

    assert run(main()) == "ping"


def test_a_handle_sends_envelopes_of_its_own_tenant_only(run):
    """A bare payload or an envelope of somebody else is refused, and nothing is sent."""
    events = Events()

    async def main():
        async with running(node(echo).to(), middlewares=[events]) as flow:
            with pytest.raises(TypeError, match="can only emit a Message; got str"):
                await flow.tenant("acme").emit("bare")
            with pytest.raises(TenantViolation, match="sends its own only"):
                await flow.tenant("acme").emit(theirs(), trace_id="t1")
            return residue(flow)

    assert run(main()) == {}
    assert [act for act, _, _ in told(events)] == ["emit"]


def test_nonsense_is_refused():
    """An unknown mode and a tenant without a name are errors where they are written."""
    with pytest.raises(ValueError, match="tenancy must be one of enforce, observe, off; got 'strict'"):
        create(node(echo).to(), tenancy="strict")
    with pytest.raises(ValueError, match="a tenant needs a name"):
        create(node(echo).to()).tenant("")


def test_a_trace_that_ended_without_a_result_says_so_to_its_tenant(run):
    """The owner's fetch of a cancelled trace raises `TraceEnded`, as it would on the flow itself."""

    async def main():
        async with running(node(sleeper(9)).to()) as flow:
            acme = flow.tenant("acme")
            await acme.emit(message(), trace_id="t1")
            await acme.cancel("t1")
            with pytest.raises(TraceEnded, match="cancelled"):
                await acme.fetch(trace_id="t1")

    run(main())
