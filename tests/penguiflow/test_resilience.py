"""Retry budgets and circuit breakers, by themselves and in a storm, on virtual time."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, node, running

from penguiflow import FlowError
from penguiflow.core.intercept import Call
from penguiflow.resilience import AttemptRefused, CircuitBreaker, CircuitOpen, RetryBudget, RetryBudgetExhausted


def call(attempt=0, name="n"):
    return Call(
        act="attempt", node=name, name=None, trace_id="t1", tenant="acme", attempt=attempt, occurrence=attempt
    )  # fmt: skip


async def succeed():
    return "done"


async def fail():
    raise ConnectionError


async def times(count, guard, act=succeed, **facts):
    """How each of `count` calls through `guard` ended."""
    return [await ending(guard.intercept(call(**facts), act)) for _ in range(count)]


async def ending(attempt):
    try:
        return await attempt
    except (ConnectionError, AttemptRefused) as error:
        return type(error)


async def sleep(delay_s):
    await asyncio.sleep(delay_s)


# -- retry budget ----------------------------------------------------------------------------


def test_retries_are_a_share_of_the_calls(run):
    """A ratio of 0.1 allows one retry for ten calls, on top of the minimum."""

    async def main():
        budget = RetryBudget(0.1, min_retries=2)
        await times(30, budget)
        return await times(7, budget, attempt=1)

    assert run(main()) == ["done"] * 5 + [RetryBudgetExhausted] * 2


def test_the_budget_forgets_what_lies_behind_its_window(run):
    """After the window old calls allow nothing, and old retries cost nothing."""

    async def main():
        budget = RetryBudget(1, min_retries=1, window_s=10)
        await times(5, budget)
        assert (await times(7, budget, attempt=1))[-2:] == ["done", RetryBudgetExhausted]
        await sleep(10)
        assert (budget.snapshot().calls, budget.snapshot().retries) == (0, 0)
        return await times(2, budget, attempt=1)

    assert run(main()) == ["done", RetryBudgetExhausted]


def test_a_refused_retry_does_not_reach_the_handler(run):
    """The refusal comes first, names node and numbers, and is not meant to be retried."""
    reached = []

    async def handler():
        reached.append(1)

    async def main():
        budget = RetryBudget(0, min_retries=0)
        await budget.intercept(call(attempt=1), handler)

    with pytest.raises(RetryBudgetExhausted, match="retry of node 'n' is refused: 0 retries for 0 calls") as caught:
        run(main())
    assert (reached, caught.value.retryable, caught.value.node) == ([], False, "n")


def test_a_budget_guards_only_its_nodes(run):
    """Nodes outside the filter neither fill nor use the budget."""

    async def main():
        budget = RetryBudget(1, min_retries=0, nodes=[node(echo, "n")])
        free = await times(3, budget, attempt=1, name="other") + await times(3, budget, name="other")
        return free, await times(1, budget, attempt=1), budget.snapshot().calls

    assert run(main()) == (["done"] * 6, [RetryBudgetExhausted], 0)


def test_a_budget_tells_when_it_runs_out_and_when_it_is_back(run):
    """The listener hears each change once, with the numbers of that moment."""
    heard = []

    async def main():
        budget = RetryBudget(0, min_retries=1, on_change=lambda now: heard.append((now.exhausted, now.refused)))
        await times(3, budget, attempt=1)
        await sleep(10)
        await times(2, budget, attempt=1)

    run(main())
    assert heard == [(True, 1), (False, 2), (True, 3)]


@pytest.mark.parametrize("limits", [{"ratio": -1}, {"min_retries": -1}, {"window_s": 0}, {"ratio": float("nan")}])
def test_a_budget_refuses_senseless_limits(limits):
    """A limit that makes no sense is told by name and value."""
    with pytest.raises(ValueError, match=f"{next(iter(limits))} must be finite"):
        RetryBudget(**limits)


# -- circuit breaker -------------------------------------------------------------------------


def breaker(**limits):
    return CircuitBreaker([node(echo, "n", timeout_s=4)], **{"failures": 3, "reset_after_s": 10, **limits})


def state(guard):
    return guard.snapshot()["n"].state


def test_failures_in_a_row_open_the_circuit(run):
    """After three failures calls fail at once, with the time until the next probe."""

    async def main():
        guard = breaker()
        endings = await times(5, guard, fail)
        await sleep(4)
        assert guard.snapshot()["n"].retry_after_s == 6
        with pytest.raises(CircuitOpen, match=r"circuit of node 'n' is open .* in 6 s") as caught:
            await guard.intercept(call(), succeed)
        assert isinstance(caught.value, AttemptRefused)
        return endings, state(guard), guard.snapshot()["n"].refused

    assert run(main()) == ([ConnectionError] * 3 + [CircuitOpen] * 2, "open", 3)


def test_a_success_between_failures_starts_the_count_anew(run):
    """Only failures in a row count against `failures`."""

    async def main():
        guard = breaker()
        for _ in range(5):
            await times(2, guard, fail)
            await times(1, guard)
        return state(guard)

    assert run(main()) == "closed"


def test_a_share_of_failures_opens_the_circuit(run):
    """Half of at least ten calls within the window is enough, half of fewer is not."""

    async def main():
        guard = breaker(failures=100, failure_share=0.5, min_calls=10)
        for _ in range(4):
            await times(1, guard)
            await times(1, guard, fail)
        before = state(guard)
        await times(1, guard)
        await times(1, guard, fail)
        return before, state(guard)

    assert run(main()) == ("closed", "open")


@pytest.mark.parametrize(("probe", "after"), [(succeed, "closed"), (fail, "open")])
def test_one_probe_decides(run, probe, after):
    """After the reset time one call goes through and the others fail fast; its end closes or opens the circuit."""

    async def slow_probe():
        await sleep(1)
        return await probe()

    async def main():
        guard = breaker()
        await times(3, guard, fail)
        await sleep(10)
        probing = asyncio.create_task(ending(guard.intercept(call(), slow_probe)))
        await sleep(0.5)
        assert state(guard) == "half_open"
        assert await times(2, guard) == [CircuitOpen] * 2
        await probing
        return state(guard)

    assert run(main()) == after


def test_a_probe_that_never_ends_does_not_hold_the_circuit(run):
    """Another probe goes through after the reset time, and the late end of the first one counts no more."""

    async def main():
        guard = breaker()
        await times(3, guard, fail)
        await sleep(10)

        async def hang():
            await sleep(25)
            raise ConnectionError

        first = asyncio.create_task(ending(guard.intercept(call(), hang)))
        await sleep(11)
        await times(1, guard)
        assert state(guard) == "closed"
        await first
        return guard.snapshot()["n"].consecutive_failures

    assert run(main()) == 0


@pytest.mark.parametrize(("after_s", "failures"), [(4, 1), (1, 0)])
def test_a_timeout_is_a_failure_and_another_cancellation_is_not(run, after_s, failures):
    """A cancelled attempt counts only when it used up the node's time limit."""

    async def main():
        guard = breaker()
        attempt = asyncio.create_task(guard.intercept(call(), lambda: sleep(9)))
        await sleep(after_s)
        attempt.cancel()
        await asyncio.wait([attempt])
        return guard.snapshot()["n"].consecutive_failures

    assert run(main()) == failures


def test_a_cancelled_probe_leaves_the_probe_to_the_next_call(run):
    """A probe that tells nothing about the node does not use up the turn."""

    async def main():
        guard = breaker()
        await times(3, guard, fail)
        await sleep(10)
        probe = asyncio.create_task(guard.intercept(call(), lambda: sleep(9)))
        await sleep(1)
        probe.cancel()
        await asyncio.wait([probe])
        return await times(1, guard), state(guard)

    assert run(main()) == (["done"], "closed")


def test_ignored_exceptions_and_refusals_are_nobody_s_failure(run):
    """What is not the node's fault does not open its circuit."""

    async def refuse():
        raise CircuitOpen("inner", 1)

    async def main():
        guard = breaker(ignore=(ConnectionError,))
        await times(5, guard, fail)
        await times(5, guard, refuse)
        return state(guard)

    assert run(main()) == "closed"


def test_each_node_has_a_circuit_of_its_own(run):
    """Failures of one node leave the others alone, and nodes outside the filter are never refused."""

    async def main():
        guard = CircuitBreaker([node(echo, "a"), node(echo, "b")], failures=1)
        await times(1, guard, fail, name="a")
        await times(9, guard, fail, name="c")
        return {name: circuit.state for name, circuit in guard.snapshot().items()}

    assert run(main()) == {"a": "open", "b": "closed"}


def test_a_breaker_tells_each_change_of_state_whatever_its_listener_does(run, caplog):
    """The listener hears open, half open and closed in turn, and its failure is logged and goes no further."""
    heard = []

    def listen(now):
        heard.append((now.node, now.state))
        raise RuntimeError

    async def main():
        guard = breaker(on_change=listen)
        await times(3, guard, fail)
        await sleep(10)
        return await times(1, guard)

    assert run(main()) == ["done"]
    assert heard == [("n", "open"), ("n", "half_open"), ("n", "closed")]
    assert caplog.messages == ["resilience_callback_error"] * 3


@pytest.mark.parametrize("limits", [{"failures": 0}, {"min_calls": 0}, {"reset_after_s": -1}, {"failure_share": 1.5}])
def test_a_breaker_refuses_senseless_limits(limits):
    """A limit that makes no sense is told by name and value."""
    with pytest.raises(ValueError, match=next(iter(limits))):
        breaker(**limits)


# -- in a flow -------------------------------------------------------------------------------


def storm(run, *, guards, outage_s, max_retries=3):
    """One request a second for a minute against a node that is down at first: its calls, and how requests ended."""
    calls, endings, events = [], [], Events()

    async def handler(msg, ctx):
        calls.append(ctx.attempt)
        if asyncio.get_running_loop().time() < outage_s:
            raise ConnectionError
        return msg

    async def main():
        subject = node(handler, "backend", max_retries=max_retries, backoff_base=0.1)
        async with running(subject.to(), emit_errors_to_rookery=True, middlewares=[events]) as flow:
            for guard in guards(subject):
                flow.add_interceptor(guard)
            for number in range(60):
                await flow.emit(message(trace_id=f"t{number}"), trace_id=f"t{number}")
                await sleep(1)
                result = await flow.fetch(trace_id=f"t{number}")
                endings.append(result.exception_type if isinstance(result, FlowError) else "result")

    run(main())
    return calls, endings, events


def test_a_retry_budget_calms_a_storm(run):
    """In an outage the budget holds the load near that of the calls alone, where plain retries multiply it by four."""
    plain, _, _ = storm(run, guards=lambda _node: [], outage_s=60)
    calm, endings, _ = storm(run, guards=lambda _node: [RetryBudget(0.1, min_retries=1)], outage_s=60)

    assert len(plain) == 240
    assert calm.count(0) == 60
    assert 60 < len(calm) <= 60 + 6 * 3  # no window of 10 s holds more than 1 + 10 % of some 11 calls
    assert set(endings) == {"RetryBudgetExhausted"}


def test_a_refused_retry_ends_its_node_with_a_clear_error(run):
    """A refusal is not retried, and the trace's failure names the budget, not the attempt before."""
    _, endings, events = storm(run, guards=lambda _node: [RetryBudget(0, min_retries=0)], outage_s=1)

    assert (endings[0], endings[1:]) == ("RetryBudgetExhausted", ["result"] * 59)
    assert events.kinds("t0").count("node_retry") == 1
    assert "retry of node 'backend' is refused" in events.one("node_failed").error_payload["message"]


def test_a_circuit_spares_a_node_that_is_down_and_finds_it_again(run):
    """During an outage only probes reach the node; afterwards requests succeed again."""
    guards = {}

    def guard(subject):
        guards["breaker"] = CircuitBreaker([subject], failures=3, reset_after_s=10)
        return guards.values()

    calls, endings, _ = storm(run, guards=guard, outage_s=30, max_retries=0)

    assert endings == [
        *["ConnectionError"] * 3, *["CircuitOpen"] * 9,  # opened at 2 s
        "ConnectionError", *["CircuitOpen"] * 9,  # probe at 12 s
        "ConnectionError", *["CircuitOpen"] * 9,  # probe at 22 s
        *["result"] * 28,  # probe at 32 s
    ]  # fmt: skip
    assert len(calls) == 5 + 28
    assert guards["breaker"].snapshot()["backend"].state == "closed"
