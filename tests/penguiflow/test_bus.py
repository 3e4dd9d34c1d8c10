"""RUNTIME 1.21 and row W34: what a message bus is given."""

import asyncio
import threading

import pytest
from runtime_samples import echo, message, node, roundtrip, running, sleeper

from penguiflow import Message, create
from penguiflow.bus import BusEnvelope, MessageBus, envelope_of
from penguiflow.types import StreamChunk


def test_an_envelope_names_the_edge_and_carries_the_message():
    """A bus learns source, target, trace, headers and meta of a message, and gets the message itself."""
    sent = message([1], trace_id="t1", meta={"k": 1})

    envelope = envelope_of("OpenSea", "a", "t1", sent)

    assert envelope == BusEnvelope(
        edge="OpenSea->a",
        source="OpenSea",
        target="a",
        trace_id="t1",
        payload=sent,
        headers={"tenant": "acme", "topic": None, "priority": 0},
        meta={"k": 1},
    )


@pytest.mark.parametrize("sent", [5, {"x": [1]}, [1, 2], StreamChunk(stream_id="s", seq=0, text="t")])
def test_a_bare_payload_has_no_headers(sent):
    """What is no envelope goes out as it is, under the trace that the flow knows it by."""
    envelope = envelope_of("a", "b", None, sent)

    assert (envelope.payload, envelope.headers, envelope.meta) == (sent, None, {})


def test_w34_an_envelope_is_a_snapshot():
    """What happens to a message after it was sent, or to the bus's copy, does not reach the other side."""
    sent = message({"items": [1]}, meta={"k": {"deep": 1}})
    envelope = envelope_of("a", "b", sent.trace_id, sent)

    sent.payload["items"].append(2)
    sent.headers.tenant = "other"
    sent.meta["k"]["deep"] = 2
    envelope.payload.meta["from bus"] = True

    assert envelope.payload.payload == {"items": [1]}
    assert (envelope.payload.headers.tenant, envelope.headers["tenant"]) == ("acme", "acme")
    assert envelope.meta == {"k": {"deep": 1}}
    assert "from bus" not in sent.meta


@pytest.mark.parametrize("wrap", [lambda *parts: list(parts), lambda *parts: dict(enumerate(parts))])
def test_what_cannot_be_copied_is_shared_alone(wrap):
    """A lock beside a list in a payload is the same lock in the snapshot, and the list is not the same list."""
    lock, items = threading.Lock(), [1]
    parts = envelope_of("a", "b", None, wrap(lock, items)).payload

    items.append(2)

    assert parts[0] is lock
    assert parts[1] == [1]


def test_a_payload_that_cannot_be_copied_is_shared():
    """A bare lock, or an object whose copying fails, is handed on as it is."""

    class Stubborn:
        def __deepcopy__(self, memo):
            raise ZeroDivisionError

    stubborn = Stubborn()
    assert envelope_of("a", "b", None, stubborn).payload is stubborn


def test_a_bus_can_be_subclassed(run):
    """A class that derives from `MessageBus` and publishes can be made and used."""

    class Bus(MessageBus):
        def __init__(self):
            self.published = []

        async def publish(self, envelope):
            self.published.append(envelope.edge)

    bus = Bus()
    run(bus.publish(envelope_of("a", "b", None, 5)))

    assert bus.published == ["a->b"]
    assert isinstance(bus, MessageBus)


# -- on a running flow -----------------------------------------------------------------------


class KeepingBus:
    """Keeps what it is given, for whoever publishes slowly or not at all too."""

    def __init__(self, delay_s=0, error=None):
        self.published = []
        self.delay_s = delay_s
        self.error = error

    async def publish(self, envelope):
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.published.append(envelope)
        if self.error is not None:
            raise self.error

    @property
    def edges(self):
        return [envelope.edge for envelope in self.published]


def test_every_edge_that_a_message_crosses_is_published(run):
    """From the entrance over each node to the way out, in the order in which it was sent."""
    bus = KeepingBus()

    async def main():
        a, b, c = node(echo, "a"), node(echo, "b"), node(echo, "c")
        async with running(a.to(b, c), b.to(), c.to(), message_bus=bus) as flow:
            await roundtrip(flow, message(trace_id="t1"))

    run(main())
    assert bus.edges == ["OpenSea->a", "a->b", "a->c", "b->Rookery", "c->Rookery"]
    assert [envelope.trace_id for envelope in bus.published] == ["t1"] * 5


def test_a_chain_is_published_edge_by_edge(run):
    """A message that goes straight on from node to node is published on every edge too."""
    bus = KeepingBus()

    async def main():
        a, b, c = node(echo, "a"), node(echo, "b"), node(echo, "c")
        async with running(a.to(b), b.to(c), c.to(), message_bus=bus) as flow:
            await roundtrip(flow, message())

    run(main())
    assert bus.edges == ["OpenSea->a", "a->b", "b->c", "c->Rookery"]


def test_w34_what_was_not_enqueued_is_not_published(run):
    """A message for which there was no room, sent without waiting or given up while it waited, never reaches a bus."""
    bus = KeepingBus()

    async def main():
        async with running(node(sleeper(1000), "a").to(), queue_maxsize=1, message_bus=bus) as flow:
            await flow.emit(message(trace_id="taken"))
            await asyncio.sleep(1)
            flow.emit_nowait(message(trace_id="queued"))
            with pytest.raises(asyncio.QueueFull):
                flow.emit_nowait(message(trace_id="refused"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flow.emit(message(trace_id="given up")), 1)

    run(main())
    assert [envelope.trace_id for envelope in bus.published] == ["taken", "queued"]


def test_w34_a_bus_sees_messages_and_no_wrapper_of_the_flow(run):
    """A message that had to wait for room is published as the message that it is."""
    bus = KeepingBus()

    async def main():
        async with running(node(sleeper(1), "a").to(), queue_maxsize=1, message_bus=bus) as flow:
            senders = asyncio.gather(*(flow.emit(message(index)) for index in range(4)))
            results = [(await flow.fetch()).payload for _ in range(4)]
            await senders
            return results

    assert run(main()) == [0, 1, 2, 3]
    entered = [envelope.payload for envelope in bus.published if envelope.source == "OpenSea"]
    assert [(type(sent), sent.payload) for sent in entered] == [(Message, index) for index in range(4)]


def test_w34_what_a_handler_does_to_its_message_is_not_on_the_bus(run):
    """A slow bus gets the message as it was sent, not as a node left it."""
    bus = KeepingBus(delay_s=1)

    async def change(msg, ctx):
        msg.payload.append("changed")
        return msg

    async def main():
        async with running(node(change, "a").to(), message_bus=bus) as flow:
            await roundtrip(flow, message(["sent"]))

    run(main())
    assert [envelope.payload.payload for envelope in bus.published] == [["sent"], ["sent", "changed"]]


def test_a_bus_that_fails_is_logged_and_hurts_nobody(run, caplog):
    """What `publish` raises is a log record, and the result comes all the same."""

    async def main():
        async with running(node(echo, "a").to(), message_bus=KeepingBus(error=OSError("gone"))) as flow:
            return (await roundtrip(flow, message())).payload

    assert run(main()) == "ping"
    assert caplog.messages.count("message_bus_publish_failed") == 2


def test_a_bus_that_hangs_holds_up_nobody(run, caplog):
    """Results come at once while a bus takes its time; stopping waits for it for a bounded time."""
    bus = KeepingBus(delay_s=1000)

    async def main():
        flow = create(node(echo, "a").to(), message_bus=bus)
        flow.run()
        await roundtrip(flow, message())
        answered_s = asyncio.get_running_loop().time()
        await flow.stop()
        return answered_s, asyncio.get_running_loop().time()

    assert run(main()) == (0, 5)
    assert "hook_not_flushed" in caplog.messages
