"""Requests and attempts that are cancelled from outside."""

from __future__ import annotations

import asyncio
from typing import Any

from flows_for_tests import charging, run

from sim.subject import FunctionSubject, WrappingSeam

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}


def cut(**fields: Any) -> dict[str, Any]:
    return {"id": "cut", "kind": "cancel", "where": {"tool": "charge"}, "max_fires": 1, **fields}


def ends(recording: Any) -> list[tuple[str, str]]:
    return [(request.outcome, request.detail) for request in recording.requests]


def test_a_request_is_cancelled_before_its_effect():
    """The caller is told that its request was cancelled, and nothing has happened."""
    recording = run(charging, inject=[cut()], load=ONE)
    assert ends(recording) == [("cancelled", "TRACE_CANCELLED")]
    assert recording.effects == []
    assert recording.fault_counts["cut"].fired == 1
    assert recording.unfinished == []


def test_a_request_is_cancelled_between_its_effect_and_its_answer():
    """The caller is told that its request was cancelled, although the effect is there."""
    recording = run(charging, inject=[cut(after_effect=True)], load=ONE)
    assert [outcome for outcome, _ in ends(recording)] == ["cancelled"]
    assert [effect.certain for effect in recording.effects] == [True]


def test_an_attempt_is_cut_off_and_tried_again():
    """Whoever runs the node treats it as a failed attempt: its policy decides."""
    recording = run(charging, inject=[cut(what="node")], load=ONE)
    assert [outcome for outcome, _ in ends(recording)] == ["ok"]
    running = [(span.attempt, span.result) for span in recording.spans if span.kind == "running"]
    assert running == [(1, "error"), (2, "ok")]


def test_an_attempt_that_is_not_tried_again_fails_its_request():
    """Without retries the caller gets an error that names the cancellation."""
    recording = run(lambda: charging(retries=0), inject=[cut(what="node", where={"node": "pay"})], load=ONE)
    ((outcome, detail),) = ends(recording)
    assert outcome == "error"
    assert detail.endswith("CancelledError")


def functional() -> FunctionSubject:
    seam = WrappingSeam()

    async def charge(order: str) -> None:
        await asyncio.sleep(0.1)

    pay = seam.tool(charge, key=lambda order: order)

    async def handle(request: Any) -> str:
        await pay(str(request["request"]))
        return "paid"

    return FunctionSubject(handle, seam)


def test_a_function_is_cancelled_too():
    """What is no flow is cancelled through its own subject."""
    for what in ("trace", "node"):
        recording = run(functional, inject=[cut(what=what)], load=ONE)
        assert ends(recording) == [("cancelled", "cancelled")]
        assert recording.effects == []


def test_a_cancelled_request_is_not_delivered_again_after_a_death():
    """A cancellation acknowledges the request: the next flow does not get it."""
    death = {"id": "power", "kind": "crash", "where": {"tool": "charge"}, "window": {"from": "100ms"}}
    two = {"stages": [{"for": "1s", "rate": "2/s"}]}
    recording = run(charging, inject=[cut(), death], load=two)
    assert [outcome for outcome, _ in ends(recording)] == ["cancelled", "ok"]
    assert [effect.trace_id for effect in recording.effects] == ["load-1"]
