"""The service skeleton of the production runbook, as it stands there."""

import asyncio
import json
import logging
import subprocess
import sys

from penguiflow import Headers, Message, Node, NodePolicy, configure_logging, create, log_flow_events

SKELETON = """
from __future__ import annotations

import asyncio
import logging

from penguiflow import (
    Headers,
    Message,
    Node,
    NodePolicy,
    configure_logging,
    create,
    log_flow_events,
)


async def handler(msg: Message, _ctx) -> Message:
    return msg


async def main() -> None:
    configure_logging(structured=True)
    logger = logging.getLogger("penguiflow.flow")

    node = Node(handler, name="handler", policy=NodePolicy(timeout_s=10, max_retries=1))
    flow = create(node.to(), middlewares=[log_flow_events(logger)])
    flow.run()

    message = Message(payload={"ping": True}, headers=Headers(tenant="demo"))
    await flow.emit(message, trace_id=message.trace_id)
    _ = await flow.fetch(trace_id=message.trace_id)

    await flow.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""


def run_program(text):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own text


def test_the_skeleton_runs_as_it_stands():
    """The program ends by itself, and logs a start and a success, one JSON object each, with tenant and trace."""
    lines = [json.loads(line) for line in run_program(SKELETON).stderr.splitlines()]

    assert [(line["message"], line["logger"], line["level"]) for line in lines] == [
        ("node_start", "penguiflow.flow", "INFO"),
        ("node_success", "penguiflow.flow", "INFO"),
    ]
    assert {line["extra"]["tenant"] for line in lines} == {"demo"}
    assert len({line["extra"]["trace_id"] for line in lines}) == 1


def test_the_skeleton_ends_though_nobody_stops_the_flow():
    """A program that forgets `stop` does not hang, and leaves no complaint behind."""
    assert "Task" not in run_program(SKELETON.replace("    await flow.stop()\n", "")).stderr


def test_the_skeleton_runs_on_the_machine_s_own_loop_and_clock():
    """Outside of a simulation the runtime works on asyncio's stock loop."""
    configure_logging(logging.CRITICAL, logger_name="penguiflow.golden")

    async def handler(msg, _ctx):
        await asyncio.sleep(0)
        return msg

    async def main():
        policy = NodePolicy(timeout_s=10, max_retries=1)
        flow = create(Node(handler, name="handler", policy=policy).to(), middlewares=[log_flow_events()])
        flow.run()
        message = Message.within(60, payload={"ping": True}, headers=Headers(tenant="demo"))
        await flow.emit(message, trace_id=message.trace_id)
        result = await flow.fetch(trace_id=message.trace_id)
        await flow.stop()
        return result.payload

    assert asyncio.run(main()) == {"ping": True}
