"""Controller loops: working memory goes round until an answer or a budget ends it (RUNTIME contract 1.10)."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, node, residue, roundtrip, running

from penguiflow import WM, FinalAnswer, TraceEnded


def _looping(func, **policy):
    controller = node(func, "controller", allow_cycle=True, **policy)
    return controller.to(controller)


def _answer(msg, text):
    return msg.model_copy(update={"payload": FinalAnswer(text=text)})


def test_a_controller_runs_until_it_answers(run):
    """A node that returns its working memory gets it back, one turn further on, until it answers."""
    hops = []

    async def think(msg, ctx):
        hops.append(msg.payload.hops)
        if len(hops) == 3:
            return _answer(msg, "done")
        return msg.model_copy(update={"payload": msg.payload.model_copy(update={"facts": [*msg.payload.facts, 1]})})

    async def main():
        async with running(_looping(think)) as flow:
            result = await roundtrip(flow, message(WM(query="why")))
            await asyncio.sleep(60)
            assert residue(flow) == {}
            return result

    assert run(main()).payload == FinalAnswer(text="done")
    assert hops == [0, 1, 2]


@pytest.mark.parametrize("in_place", [True, False])
def test_a_hop_budget_is_the_number_of_turns(run, in_place):
    """`budget_hops=3` lets the handler run three times, whether or not it counts itself, and the outcome says why."""
    turns, events = [], Events()

    async def think(msg, ctx):
        turns.append(msg.payload.hops)
        if in_place:
            msg.payload.hops += 1
        return msg

    async def main():
        async with running(_looping(think), middlewares=[events]) as flow:
            await flow.emit(message(WM(query="why", budget_hops=3)), trace_id="t1")
            await asyncio.sleep(60)
            return await flow.outcome(trace_id="t1")

    outcome = run(main())
    assert turns == [0, 1, 2]
    assert outcome.result.payload == FinalAnswer(text="Hop budget exhausted")
    assert (outcome.status, outcome.error.code, outcome.error.node_name) == (
        "error",
        "HOP_BUDGET_EXHAUSTED",
        "controller",
    )
    assert events.one("budget_exhausted").error_payload["code"] == "HOP_BUDGET_EXHAUSTED"


def test_a_token_budget_ends_the_loop(run):
    """Working memory that has used its tokens gets no further turn."""

    async def think(msg, ctx):
        return msg.model_copy(update={"payload": msg.payload.model_copy(update={"tokens_used": 100})})

    async def main():
        async with running(_looping(think)) as flow:
            await flow.emit(message(WM(query="why", budget_tokens=100)), trace_id="t1")
            await asyncio.sleep(60)
            return await flow.outcome(trace_id="t1")

    outcome = run(main())
    assert outcome.result.payload.text == "Token budget exhausted"
    assert outcome.error.code == "TOKEN_BUDGET_EXHAUSTED"


def test_the_last_answer_of_a_budget_is_fetched_like_any_other(run):
    """A scoped fetch gets the answer that the budget is used up, once."""

    async def main():
        async with running(_looping(echo)) as flow:
            answer = await roundtrip(flow, message(WM(query="why", budget_hops=2)))
            assert residue(flow) == {}
            return answer

    assert run(main()).payload.text == "Hop budget exhausted"


def test_a_loop_without_budgets_shows_its_working_memory_each_turn(run):
    """Without any budget the reader sees every turn, as a copy, and sending it back does not double the loop."""
    turns = []

    async def think(msg, ctx):
        turns.append(msg.payload.hops)
        await asyncio.sleep(1)
        if len(turns) == 3:
            return _answer(msg, "done")
        return msg.model_copy(update={"payload": msg.payload.model_copy(update={"facts": [len(turns)]})})

    async def main():
        async with running(_looping(think)) as flow:
            await flow.emit(message(WM(query="why", budget_hops=None), trace_id="t1"))
            shown = []
            for _ in range(2):
                shown.append(await flow.fetch())
                shown[-1].payload.facts.append("mine")
                await flow.emit(shown[-1])
            last = await flow.fetch()
            return [(item.payload.hops, item.payload.facts) for item in shown], last.payload.text

    assert run(main()) == ([(1, [1, "mine"]), (2, [2, "mine"])], "done")
    assert turns == [0, 1, 2]


def test_working_memory_from_a_node_that_cannot_loop_is_an_error_that_says_so(run):
    """A node without an edge to itself that returns working memory fails, and names itself."""
    events = Events()

    async def main():
        async with running(node(echo, "h").to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded, match="Unknown target h for h"):
                await roundtrip(flow, message(WM(query="why")))

    run(main())
    assert events.kinds() == ["node_start", "node_error", "node_failed"]


def test_a_loop_ends_at_its_deadline(run):
    """A controller that would go on for ever is ended by the deadline of its trace."""

    async def think(msg, ctx):
        await asyncio.sleep(1)
        return msg

    async def main():
        async with running(_looping(think)) as flow:
            msg = message(WM(query="why", budget_hops=1000))
            return await roundtrip(flow, type(msg).within(4.5, payload=msg.payload, headers=msg.headers))

    assert run(main()).payload.text == "Deadline exceeded"
