"""RUNTIME row W2: the order of everything is the same in every process."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio
from penguiflow import Headers, Message, Node, NodePolicy, create

async def note(event):
    print(event.event_type, event.node_name, event.trace_id, event.attempt)

async def flaky(msg, ctx):
    if ctx.attempt == 0:
        raise ValueError
    return msg

async def main():
    policy = NodePolicy(max_retries=1, backoff_base=0)
    first, *middles, last = (Node(flaky, name=name, policy=policy) for name in ("in", "x", "b", "q", "a", "out"))
    flow = create(first.to(*middles), *(node.to(last) for node in middles), middlewares=[note])
    flow.run()
    for index in range(3):
        await flow.emit(Message(payload=index, headers=Headers(tenant="acme")), trace_id=f"t{index}")
    for index in range(3):
        for _ in range(4):
            await flow.fetch(trace_id=f"t{index}")
    await flow.emit(Message(payload=0, headers=Headers(tenant="acme")), trace_id="last")
    await asyncio.sleep(0)
    await flow.cancel("last")
    await flow.stop()

asyncio.run(main())
"""


def events_of(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PROGRAM]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603 - our own program
    return finished.stdout


@pytest.mark.parametrize("hash_seed", ["1", "random"])
def test_w02_events_come_in_the_same_order_in_every_process(hash_seed):
    """A fan-out with retries and a cancel tells the same story under any hash seed."""
    expected = events_of("0")

    assert expected.count("\n") > 100
    assert events_of(hash_seed) == expected
