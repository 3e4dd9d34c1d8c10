"""RUNTIME 1.16 and rows W18, W19: `join_k`."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, names_of_tasks, node, residue, roundtrip, running

from penguiflow import Headers, JoinHealth, TenantViolation, TraceEnded, TraceNotFound
from penguiflow.patterns import join_k


class Part:
    """A bare value that belongs to a trace."""

    def __init__(self, trace_id, value):
        self.trace_id = trace_id
        self.value = value


async def send(flow, *payloads, trace_id="t1", tenant="acme"):
    """Send envelopes of one trace, unscoped, and let the flow take them in."""
    for payload in payloads:
        await flow.emit(message(payload, trace_id=trace_id, tenant=tenant))
    await asyncio.sleep(1)


def test_a_join_needs_a_positive_count():
    """`join_k` refuses to wait for no message."""
    for k in (0, -1):
        with pytest.raises(ValueError, match="k must be positive"):
            join_k("join", k)


def test_envelopes_become_one_with_all_payloads_in_order_of_arrival(run):
    """`k` envelopes of a trace become the first of them with the list of payloads, and the next `k` another."""

    async def main():
        async with running(join_k("join", 2).to()) as flow:
            await flow.emit(message(1, trace_id="t1", meta={"first": True}))
            await send(flow, 2, 3, 4, 5)
            results = [await flow.fetch(), await flow.fetch()]
            assert [result.payload for result in results] == [[1, 2], [3, 4]]
            assert (results[0].meta, results[1].meta) == ({"first": True}, {})
            assert results[0].trace_id == "t1"
            assert await flow.cancel("t1", drain=True)  # the fifth still waits
            assert residue(flow) == {}

    run(main())


def test_traces_are_joined_each_by_itself(run):
    """Messages of different traces are never joined, and other tenants' are waited for apart."""

    async def main():
        async with running(join_k("join", 2).to()) as flow:
            for payload in (1, 2):
                for tenant in ("acme", "other"):
                    await send(flow, f"{tenant}{payload}", trace_id=tenant, tenant=tenant)
            results = [await flow.tenant(tenant).fetch() for tenant in ("acme", "other")]
            return [(result.headers.tenant, result.payload) for result in results]

    assert run(main()) == [("acme", ["acme1", "acme2"]), ("other", ["other1", "other2"])]


def test_the_branches_of_a_fan_out_come_together(run):
    """A scoped roundtrip through two branches and a join gives one result."""

    async def label(msg, ctx):
        return msg.model_copy(update={"payload": f"{ctx.owner.name}{msg.payload}"})

    async def main():
        start, join = node(echo, "start"), join_k("join", 2)
        a, b = node(label, "a"), node(label, "b")
        async with running(start.to(a, b), a.to(join), b.to(join)) as flow:
            for number in range(3):
                result = await roundtrip(flow, message(number))
                assert result.payload == [f"a{number}", f"b{number}"]
            assert residue(flow) == {}

    run(main())


def test_bare_values_of_a_trace_become_a_list(run):
    """Values that have a trace id and are no envelopes are joined into a list of them."""

    async def main():
        async with running(join_k("join", 2).to()) as flow:
            parts = [Part("t1", 1), Part("t1", 2)]
            for part in parts:
                await flow.emit(part)
            assert await flow.fetch() == parts

    run(main())


@pytest.mark.parametrize("msg", ["bare", Part(None, 1)])
def test_a_message_without_a_trace_is_refused(run, msg):
    """A join cannot tell to which others a message without a trace id belongs."""

    async def main():
        events = Events()
        async with running(join_k("join", 2).to(), middlewares=[events]) as flow:
            await flow.emit(msg)
            await asyncio.sleep(1)
            return events.one("node_failed").error_payload["message"]

    assert "join_k requires messages with trace_id; node 'join' got" in run(main())


def test_a_join_of_one_passes_every_message_on(run):
    """`k` of one joins each message with no other."""

    async def main():
        async with running(join_k("join", 1).to()) as flow:
            return (await roundtrip(flow, message(7))).payload

    assert run(main()) == [7]


def test_w18_a_retried_branch_counts_once(run):
    """A branch that emits, fails and is retried reaches the join once, so `[1, 2]` and never `[1, 1]`."""

    async def unsteady(msg, ctx):
        await ctx.emit(msg.model_copy(update={"payload": 1}))
        if ctx.attempt == 0:
            raise ConnectionError
        await ctx.emit(msg.model_copy(update={"payload": 2}))

    async def main():
        async with running(node(unsteady, max_retries=1).to(join_k("join", 2))) as flow:
            result = await roundtrip(flow, message())
            assert residue(flow) == {}
            return result.payload

    assert run(main()) == [1, 2]


def test_w19_a_cancelled_trace_leaves_no_parts_for_the_next_of_its_id(run):
    """After 2 of 3 `cancel` returns true, and another tenant that uses the id again gets its own three parts only."""

    async def main():
        async with running(join_k("join", 3).to()) as flow:
            await send(flow, "old0", "old1")
            assert await flow.cancel("t1", drain=True)
            assert residue(flow) == {}
            await send(flow, "new0", "new1", "new2", tenant="other")
            result = await flow.fetch()
            assert residue(flow) == {}
            return result.payload, result.headers

    assert run(main()) == (["new0", "new1", "new2"], Headers(tenant="other"))


def test_w19_another_tenant_cannot_add_to_a_join(run):
    """While 2 of 3 wait, an envelope of another tenant under the same trace id is refused and joins nothing."""

    async def main():
        async with running(join_k("join", 3).to()) as flow:
            await send(flow, "a0", "a1")
            with pytest.raises(TraceNotFound):
                await send(flow, "intruder", tenant="other")
            with pytest.raises(TenantViolation):
                await flow.tenant("other").emit(message("intruder", trace_id="t1"))
            await send(flow, "a2")
            return (await flow.fetch()).payload

    assert run(main()) == ["a0", "a1", "a2"]


def test_w19_parts_do_not_survive_a_restart(run):
    """What waited in a join is gone after `stop`, and the next run starts from nothing."""

    async def main():
        async with running(join_k("join", 2).to()) as flow:
            await send(flow, "old")
            await flow.stop()
            assert (residue(flow), names_of_tasks()) == ({}, [])
            flow.run()
            await send(flow, "new0", "new1")
            return (await flow.fetch()).payload

    assert run(main()) == ["new0", "new1"]


def test_w19_two_flows_with_one_join_node_share_nothing(run):
    """The parts belong to the flow and not to the node, which may stand in several flows."""
    join = join_k("join", 2)

    async def main():
        async with running(join.to()) as one, running(join.to()) as other:
            await send(one, "one0")
            await send(other, "other0")
            await send(one, "one1")
            assert (await one.fetch()).payload == ["one0", "one1"]
            assert await other.cancel("t1")

    run(main())


def test_w19_parts_end_with_the_deadline_of_their_trace(run):
    """A trace whose deadline passes in a join ends with the deadline's answer, and its parts with it."""

    async def main():
        async with running(join_k("join", 2).to()) as flow:
            await flow.emit(type(message()).within(5, payload="old", headers=Headers(tenant="acme"), trace_id="t1"))
            await asyncio.sleep(10)
            assert (await flow.fetch()).payload.text == "Deadline exceeded"
            assert residue(flow) == {}
            await send(flow, "new0", "new1")
            return (await flow.fetch()).payload

    assert run(main()) == ["new0", "new1"]


def test_a_scoped_roundtrip_that_can_never_be_joined_ends(run):
    """A scoped fetch does not wait for parts that nobody can send any more."""

    async def main():
        async with running(join_k("join", 3).to()) as flow:
            with pytest.raises(TraceEnded) as ended:
                await roundtrip(flow, message())
            assert residue(flow) == {}
            return ended.value.status

    assert run(main()) == "no_result"


def test_what_a_join_holds_is_seen_in_health_and_in_its_last_event(run):
    """Health and `join_incomplete` say how many messages of how many a join holds."""

    async def main():
        events = Events()
        async with running(join_k("join", 3).to(), middlewares=[events]) as flow:
            await send(flow, 1, 2)
            joins = flow.health().joins
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message(trace_id="t2"), trace_id="t2")
            await flow.cancel("t1", drain=True)
            return joins, flow.health().joins, events.one("join_incomplete")

    held, nothing, told = run(main())
    assert (held, nothing) == ((JoinHealth("join", "t1", held=2, needed=3),), ())
    assert dict(told.extra) == {"held": 1, "needed": 3}
