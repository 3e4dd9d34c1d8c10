"""Small flows, messages and probes for tests of the runtime."""

import asyncio
from contextlib import asynccontextmanager

from penguiflow import Headers, Message, Node, NodePolicy, create


def message(payload="ping", *, tenant="acme", **fields):
    return Message(payload=payload, headers=Headers(tenant=tenant), **fields)


def node(func, name=None, *, allow_cycle=False, **policy):
    return Node(func, name=name, policy=NodePolicy(**policy), allow_cycle=allow_cycle)


async def echo(msg, ctx):
    return msg


def sleeper(delay_s):
    async def sleep(msg, ctx):
        await asyncio.sleep(delay_s)
        return msg

    return sleep


def failing(error=None):
    async def fail(msg, ctx):
        raise error or ValueError("boom")

    return fail


class Events(list):
    """A middleware that keeps every event."""

    async def __call__(self, event):
        self.append(event)

    def kinds(self, trace_id=None):
        return [event.event_type for event in self if trace_id in (None, event.trace_id)]

    def one(self, kind):
        (event,) = [event for event in self if event.event_type == kind]
        return event


@asynccontextmanager
async def running(*adjacencies, registry=None, **options):
    flow = create(*adjacencies, **options)
    flow.run(registry=registry)
    try:
        yield flow
    finally:
        await flow.stop()


async def roundtrip(flow, msg, trace_id="t1", timeout_s=None):
    await flow.emit(msg, trace_id=trace_id)
    async with asyncio.timeout(timeout_s):
        return await flow.fetch(trace_id=trace_id)


def residue(flow):
    """Everything that a flow's tables hold, by the table's name; empty tables are left out."""
    engine = flow._engine
    held = {
        "open traces": len(engine.ledger),
        "results": len(engine.rookery),
        "waiting readers": len(engine.rookery._readers.waiting),
        "waiting writers": len(engine.rookery._writers.waiting),
        "tasks elsewhere": len(engine.external),
        "handlers left behind": 0 if flow._crew is None else len(flow._crew._left_behind),
    }
    for node, station in engine.stations.items():
        name = node.label
        held[f"{name}: depth"] = station.depth_in()
        held[f"{name}: queued"] = sum(1 for item in station.inbox._items if item.queued)
        held[f"{name}: blocked senders"] = sum(floe.blocked_senders for floe in station.incoming)
        held[f"{name}: idle beyond its workers"] = max(len(station.inbox._idle) - node.policy.concurrency, 0)
    return {name: size for name, size in held.items() if size}


def names_of_tasks():
    return sorted(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())
