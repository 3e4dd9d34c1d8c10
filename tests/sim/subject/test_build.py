"""From a builder to a subject, and what is refused on the way."""

from __future__ import annotations

import asyncio

import pytest

from penguiflow import InMemoryStateStore, ModelRegistry, Node, NodePolicy, create
from sim.kernel.draws import Draws
from sim.subject import BuildError, Envelope, SubjectError
from sim.subject.build import BuildWorld, build_subject


async def work(message, ctx):
    return message


def flow(**policy):
    return create(Node(work, name="work", policy=NodePolicy(**policy)).to())


def coloured(*, colour):
    return flow()


def build(builder, **args):
    return build_subject(builder, BuildWorld(1, ("acme",), InMemoryStateStore(), Draws(1)), args)


def test_a_builder_takes_the_world_only_if_it_asks_for_it():
    """The first parameter that no argument fills is the world."""
    given = []

    def with_world(world, colour):
        given.append((world.seed, colour))
        return flow()

    def without(colour):
        given.append(colour)
        return flow(), ModelRegistry()

    build(with_world, colour="red")
    build(without, colour="blue")

    assert given == [(1, "red"), "blue"]


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        (lambda: None, "gives a NoneType; a builder gives a PenguiFlow"),
        (lambda: (flow(), 3), "gives a int as its registry"),
        (create, "gives a flow without nodes"),
        (coloured, "cannot be called with these args: none"),
    ],
    ids=["no flow", "no registry", "no nodes", "arguments"],
)
def test_what_is_no_flow_to_test_is_refused(builder, words):
    """Whatever else a builder gives is refused, with the rule and what to do."""
    with pytest.raises(BuildError, match=words.replace("(", r"\(")) as caught:
        build(builder)
    assert caught.value.rule
    assert caught.value.fix


def test_a_flow_that_no_request_can_enter_is_refused():
    """In a ring every node follows another, so that requests have nowhere to go in."""
    first, second = Node(work, name="first"), Node(work, name="second")

    with pytest.raises(BuildError, match="requests enter at a node that no other sends to"):
        build(lambda: create(first.to(second), second.to(first), allow_cycles=True))


def test_every_run_gets_a_flow_of_its_own():
    """A builder that gives the same flow again is refused: one run would see what the other left behind."""
    kept = flow()
    build(lambda: kept)

    with pytest.raises(BuildError, match="gives a flow that it has given before"):
        build(lambda: kept)


def test_an_error_of_the_builder_is_the_cause():
    """What a builder raises is kept, so that its place in the user's code can be told."""
    with pytest.raises(BuildError, match="ZeroDivisionError: ") as caught:
        build(lambda: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_flow_that_runs_already_does_not_start():
    """The run starts the flow; a builder that did so is told, and so is one that forgot its models."""

    def running():
        started = flow()
        started.run()
        return started

    async def start(builder):
        subject = build(builder)
        try:
            with pytest.raises(SubjectError, match="the flow does not start: ") as caught:
                await subject.start()
        finally:
            await subject.stop()
        return str(caught.value)

    assert "already running" in asyncio.run(start(running))
    assert "missing entries" in asyncio.run(start(lambda: (flow(validate="both"), ModelRegistry())))


def test_a_flow_that_somebody_stopped_takes_no_request():
    """Code under test that stops its own flow is told as that, for requests and for answers."""

    async def send():
        subject = build(flow)
        await subject.start()
        await subject.stop()
        with pytest.raises(SubjectError, match="the flow does not take a request: "):
            await subject.send(Envelope("t-1", "acme", {}))
        with pytest.raises(SubjectError, match="the flow does not answer: "):
            await subject.outcome("t-1")

    asyncio.run(send())
