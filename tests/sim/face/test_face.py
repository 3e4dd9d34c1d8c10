"""Faults, effects and leaks of flows that a test makes itself."""

import asyncio
import inspect
import logging
import time

import pytest

import sim
from penguiflow import FlowError, Headers, Message, Node, NodePolicy, TraceEnded, create
from sim import alone
from sim.face.making import ELSEWHERE
from sim.face.stage import staged
from sim.kernel import running_world
from sim.model.scenario import FAULT_KINDS


class CardDeclinedError(Exception):
    """An error of the shop's own."""


def simulated(test):
    """Run `test` as the plugin runs a marked test."""

    async def main():
        with staged(running_world()):
            await test()

    alone.run(main)


def shop(pay=None, retries=1):
    async def search(message, ctx):
        return message

    async def charged(message, ctx):
        await ctx.effect("charge", charge, args={"amount": 1})
        return message

    async def charge(args=None):
        return "ok"

    policy = NodePolicy(validate="none", max_retries=retries, backoff_base=0.1, timeout_s=30)
    first, second = Node(search, name="search", policy=policy), Node(pay or charged, name="pay", policy=policy)
    return create(first.to(second), second.to())


async def order(flow, tenant="acme"):
    message = Message(payload="one penguin", headers=Headers(tenant=tenant))
    await flow.emit(message, trace_id=message.trace_id)
    return await flow.fetch(trace_id=message.trace_id)


def test_a_fault_is_on_while_its_block_runs():
    """Calls in the block are late, those before and after it are not, and the hits are counted."""

    async def test():
        async with shop() as flow:
            await order(flow)
            assert asyncio.get_running_loop().time() == 0
            with sim.fault.latency(node="search", delay="900ms") as hits:
                await order(flow)
            await order(flow)
            assert asyncio.get_running_loop().time() == 0.9
            assert hits.fired == 1

    simulated(test)


def test_a_lost_answer_charges_twice_and_is_seen():
    """An error after the effect leads to a second charge, which `assert_once` tells with time, attempt and key."""

    async def test():
        async with shop() as flow:
            with sim.fault.tool_error(tool="charge", after_effect=True, attempt=1):
                answer = await order(flow)
            assert [one.attempt for one in sim.effects.of("charge")] == [1, 2]
            with pytest.raises(AssertionError, match=r"(?s)'charge' happened 2 times.*attempt 1, no key.*attempt 2"):
                sim.effects.assert_once("charge")
            await order(flow)
            later = sim.effects.of("charge")[2].trace_id
            sim.effects.assert_once("charge", trace_id=later)
            assert answer.trace_id != later

    simulated(test)


def test_an_effect_that_never_or_perhaps_happened_did_not_happen_once():
    """No effect and one that was cut off under way both fail `assert_once`."""

    async def slow(args=None):
        await asyncio.sleep(60)

    async def pay(message, ctx):
        await ctx.effect("charge", slow, args={})

    async def test():
        with pytest.raises(AssertionError, match=r"'charge' did not happen; .* effects that did: none"):
            sim.effects.assert_once("charge")
        async with shop(pay, retries=0) as flow:
            with pytest.raises(TraceEnded):
                await order(flow)
        with pytest.raises(AssertionError, match=r"(?s)'charge' perhaps happened.*cut off under way"):
            sim.effects.assert_once("charge")

    simulated(test)


def test_errors_are_classes_of_the_test():
    """A fault raises the class that it is given; the text of a file is refused, with the class to write."""
    seen = []

    async def charge(args=None):
        return "ok"

    async def pay(message, ctx):
        try:
            await ctx.effect("charge", charge, args={})
        except CardDeclinedError as error:
            seen.append(type(error))

    async def test():
        async with shop(pay) as flow:
            with sim.fault.tool_error(tool="charge", error=CardDeclinedError), pytest.raises((TraceEnded, FlowError)):
                await order(flow)
        with pytest.raises(ValueError, match="write error=CardDeclinedError"):
            sim.fault.tool_error(tool="charge", error="test_face:CardDeclinedError")

    simulated(test)
    assert seen == [CardDeclinedError]


def test_a_fault_that_hits_nothing_fails_the_test():
    """A block in which a fault had nothing to hit names the nodes that there are; `must_fire=0` lets it pass."""

    async def test():
        async with shop() as flow:
            told = r"latency\(node='serch'\) hit 0 of 0 .* nodes: search, pay"
            with pytest.raises(AssertionError, match=told), sim.fault.latency(node="serch", delay="1s"):
                await order(flow)
            with sim.fault.latency(node="serch", delay="1s", must_fire=0):
                await order(flow)
            with pytest.raises(KeyError), sim.fault.latency(node="serch", delay="1s"):
                raise KeyError

    simulated(test)


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        ("latency", {"dealy": "1s"}, r"unknown argument 'dealy'; .*did you mean 'delay'\?"),
        ("latency", {"delay": "1s", "nod": "x"}, r"unknown argument 'nod'; .*did you mean 'node'\?"),
        ("latency", {"delay": 1}, "sim.fault.latency: delay: .*"),
        ("latency", {}, "sim.fault.latency: delay: missing"),
        ("latency", {"delay": "1s", "attempt": 0}, "sim.fault.latency: attempt: 0 is too small"),
        ("latency", {"delay": "1s", "window": {"from": "1s"}}, "the block is the window"),
        ("tenant_probe", {"victim": "a", "attacker": "a"}, "victim and attacker are both 'a'"),
        ("latncy", {}, r"unknown kind of fault 'latncy'; .*did you mean 'latency'\?"),
        ("retry_storm", {}, "brings callers of its own; write it into a scenario"),
    ],
)
def test_wrong_arguments_are_told_before_the_block(kind, arguments, told):
    """Each names the argument, what is wrong with it, and what to write."""

    async def test():
        with pytest.raises((TypeError, ValueError, AttributeError), match=told):
            getattr(sim.fault, kind)(**arguments)

    simulated(test)


def test_every_kind_is_there_by_itself():
    """The kinds are those of scenario files, but for those that no block can have, and editors see their arguments."""
    assert [*dir(sim.fault)] == sorted(kind for kind in FAULT_KINDS if kind not in ELSEWHERE)
    assert {"delay", "side", "node", "tool", "attempt"} <= {*inspect.signature(sim.fault.latency).parameters}
    assert sim.fault.latency.__doc__


def test_a_clock_is_wrong_only_in_its_block():
    """What skews the clock of a world is taken away with the block."""

    async def test():
        start_s = time.time()
        with sim.fault.clock_skew(offset="1h"):
            assert time.time() - start_s == 3600
        assert time.time() == start_s

    simulated(test)


def test_a_squeezed_queue_holds_senders_up():
    """A fault that asks how much waits before a node gets its answer in a test, too."""

    async def test():
        async with shop() as flow:
            with sim.fault.squeeze(node="pay", queue_maxsize=1), sim.fault.latency(node="pay", delay="1s"):
                await asyncio.gather(*(order(flow) for _ in range(3)))
            assert asyncio.get_running_loop().time() == 3

    simulated(test)


@pytest.mark.parametrize("way", ["log", "cache"])
def test_what_one_tenant_sees_of_another_is_a_leak(way):
    """A canary of one tenant in the log line or answer of another fails `assert_none`, with where it was."""
    last = []

    async def pay(message, ctx):
        last.append(message.payload)
        if way == "log":
            logging.getLogger("shop").warning("before: %s", last[0])
            return message
        return message.model_copy(update={"payload": last[0]})

    async def test():
        async with shop(pay) as flow:
            with sim.fault.tenant_probe(victim="acme", attacker="globex"):
                await order(flow, "acme")
                sim.leaks.assert_none()
                await order(flow, "globex")
            assert {one.seen_by for one in sim.leaks.found()} == {"globex"}
            with pytest.raises(AssertionError, match=r"(?s)globex in .*planted in the payload of acme"):
                sim.leaks.assert_none()

    simulated(test)


def test_seeing_no_leak_needs_proof():
    """Without a probe, or where the owner did not see its canary either, `assert_none` fails."""

    async def pay(message, ctx):
        return message.model_copy(update={"payload": "done"})

    async def test():
        with pytest.raises(AssertionError, match="no leak was looked for"):
            sim.leaks.assert_none()
        async with shop(pay) as flow:
            with sim.fault.tenant_probe(victim="acme", attacker="globex", look_in=["egress"]):
                await order(flow, "acme")
        with pytest.raises(AssertionError, match="inconclusive: the owner itself did not see its canary"):
            sim.leaks.assert_none()

    simulated(test)


@pytest.mark.parametrize(
    "use",
    [lambda: sim.fault.latency(delay="1s"), lambda: sim.effects.of("charge"), sim.leaks.found, sim.leaks.assert_none],
)
def test_outside_of_a_world_the_face_says_what_it_needs(use):
    """Each name asks for the marker when it is used in a plain test."""
    with pytest.raises(RuntimeError, match=r"outside of a simulated test; .*@pytest.mark.sim"):
        use()


def test_a_world_leaves_flows_as_they_were():
    """After a simulated test, flows start as they always did."""
    plain = vars(type(shop()))["run"]

    async def test():
        assert vars(type(shop()))["run"] is not plain

    simulated(test)
    assert vars(type(shop()))["run"] is plain
