"""What each kind of fault makes of one call, and how the report puts it."""

from __future__ import annotations

from typing import Any

import pytest
from one_call import call, fault_of, made, story_of

from penguiflow import StreamChunk
from sim.faults.delays import sample_delay_s
from sim.faults.matching import address_of
from sim.kernel import Draws
from sim.model.units import format_duration

ATTEMPT, TOOL, SEND = call(), call(act="tool"), call(act="send", name="ship")
SAVE = call(act="store", name="save_event")


def chunk(seq: int) -> Any:
    return call(act="send", name="ship", value=StreamChunk(stream_id="s", seq=seq, text="x", done=False))


ACTS, DONE = "0 s: acts", "0.25 s: gives 'answer'"
LOST = "injected by fault it at"

STORIES: dict[str, tuple[Any, Any, str, list[str]]] = {
    "latency": (
        fault_of("latency", delay="1s"), TOOL, "response late by 1 s", [ACTS, "1.25 s: gives 'answer'"],
    ),
    "latency of a request": (
        fault_of("latency", delay="1s", side="request"), TOOL,
        "request late by 1 s", ["1 s: acts", "1.25 s: gives 'answer'"],
    ),
    "latency of a message": (
        fault_of("latency", delay="1s", where={"edge": "pay->ship"}), SEND,
        "response late by 1 s", ["0 s: its sender goes on", "1 s: acts", "1.25 s: gives 'answer'"],
    ),
    "hang": (fault_of("hang"), TOOL, "never answers", [ACTS, "100 s: given up"]),
    "hang of a request": (
        fault_of("hang", side="request", release="300ms"), TOOL,
        "hangs for 300 ms", ["0.3 s: acts", "0.55 s: gives 'answer'"],
    ),
    "hang with an end": (
        fault_of("hang", release="300ms"), TOOL, "hangs for 300 ms", [ACTS, "0.55 s: gives 'answer'"],
    ),
    "unavailable tool": (
        fault_of("tool_error", error="unavailable"), TOOL,
        "unavailable", [f"0 s: raises ToolUnavailable: {LOST} charge"],
    ),
    "unavailable node": (
        fault_of("tool_error", error="unavailable"), ATTEMPT,
        "unavailable", [f"0 s: raises ToolUnavailable: {LOST} pay"],
    ),
    "lost answer": (
        fault_of("tool_error", error="timeout", after_effect=True), TOOL,
        "timeout, answer lost after the effect", [ACTS, f"0.25 s: raises TimeoutError: {LOST} charge"],
    ),
    "rate limited": (
        fault_of("tool_error", error="rate_limited"), TOOL,
        "rate_limited", [f"0 s: raises ToolRateLimited: {LOST} charge"],
    ),
    "status": (
        fault_of("tool_error", error=503), TOOL, "503", [f"0 s: raises ToolStatusError: 503: {LOST} charge"],
    ),
    "class of the user": (
        fault_of("tool_error", error="shop.errors:Declined"), TOOL,
        "shop.errors:Declined", [f"0 s: raises LookupError: {LOST} charge"],
    ),
    "storm": (
        fault_of("retry_storm", window={"for": "8s"}), TOOL,
        "unavailable", [f"0 s: raises ToolUnavailable: {LOST} charge"],
    ),
    "store": (
        fault_of("store_error", op="any", error="timeout"), SAVE,
        "save_event fails: timeout", [f"0 s: raises TimeoutError: {LOST} save_event"],
    ),
    "store, class of the user": (
        fault_of("store_error", op="any", error="shop.errors:Declined"), SAVE,
        "save_event fails: shop.errors:Declined", [f"0 s: raises LookupError: {LOST} save_event"],
    ),
    "rate limit": (fault_of("rate_limit", rate="1/s"), TOOL, "held against the limit", [ACTS, DONE]),
    "squeeze": (fault_of("squeeze", concurrency=3), TOOL, "at most 3 at once", [ACTS, DONE]),
    "queue": (
        fault_of("squeeze", where={"node": "ship"}, queue_maxsize=2), SEND,
        "at most 2 wait before ship", [ACTS, "0.25 s: gives None"],
    ),
    "cut answer": (
        fault_of("corrupt", how="truncate"), TOOL, "the answer cut in half", [ACTS, "0.25 s: gives 'ans'"],
    ),
    "answer of another type": (
        fault_of("corrupt", how="retype"), TOOL, "the answer of another type", [ACTS, "0.25 s: gives 0"],
    ),
    "missing fields": (
        fault_of("corrupt", how="remove", fields=["total", "lines.0"]), TOOL, "total, lines.0 missing", [ACTS, DONE],
    ),
    "drop": (fault_of("drop"), SEND, "lost", ["0 s: gives None"]),
    "duplicate": (
        fault_of("duplicate", copies=2), SEND,
        "arrives 3 times", [ACTS, "0.25 s: acts", "0.5 s: acts", "0.75 s: gives None"],
    ),
    "reorder": (
        fault_of("reorder", within="3s"), SEND,
        "held back for 1.11 s", ["0 s: its sender goes on", "1.105344 s: acts", "1.355344 s: gives None"],
    ),
    "first chunk": (
        fault_of("slow_stream", first_chunk="2s", gap="1s"), chunk(0),
        "late by 2 s", ["2 s: acts", "2.25 s: gives None"],
    ),
    "later chunk": (
        fault_of("slow_stream", first_chunk="2s", gap="1s"), chunk(1),
        "late by 1 s", ["1 s: acts", "1.25 s: gives None"],
    ),
    "chunk before the cut": (
        fault_of("slow_stream", cut_after=2, gap="1s"), chunk(1), "late by 1 s", ["1 s: acts", "1.25 s: gives None"],
    ),
    "chunk behind the cut": (
        fault_of("slow_stream", cut_after=2, gap="1s"), chunk(2), "cut off", ["0 s: gives None"],
    ),
    "death before the call": (
        fault_of("crash", restart_after="5s"), TOOL,
        "the flow dies before the call, restart after 5 s", ["0 s: raises RuntimeError: dead for 5 s"],
    ),
    "death after the effect": (
        fault_of("crash", restart_after="5s", after_effect=True), TOOL,
        "the flow dies after the effect, restart after 5 s", [ACTS, "0.25 s: raises RuntimeError: dead for 5 s"],
    ),
    "attempt cancelled": (
        fault_of("cancel", what="node"), TOOL,
        "attempt cancelled before the call", [f"0 s: raises CancelledError: {LOST} charge"],
    ),
    "attempt of a node cancelled": (
        fault_of("cancel", what="node"), ATTEMPT,
        "attempt cancelled before the call", [f"0 s: raises CancelledError: {LOST} pay"],
    ),
    "attempt cancelled after the effect": (
        fault_of("cancel", what="node", after_effect=True), TOOL,
        "attempt cancelled after the effect", [ACTS, f"0.25 s: raises CancelledError: {LOST} charge"],
    ),
    "request cancelled": (
        fault_of("cancel", what="trace"), TOOL, "request cancelled before the call",
        ["0 s: penguiflow:cancel drops load-1", "1 s: acts", "1.25 s: gives 'answer'"],
    ),
    "nobody's request cancelled": (
        fault_of("cancel", what="trace"), call(act="tool", trace_id=None),
        "request cancelled before the call", [ACTS, DONE],
    ),
    "request cancelled after the effect": (
        fault_of("cancel", what="trace", after_effect=True), TOOL,
        "request cancelled after the effect",
        [ACTS, "0.25 s: penguiflow:cancel drops load-1", "1.25 s: gives 'answer'"],
    ),
}  # fmt: skip


async def die(restart_after_s: float) -> None:
    raise RuntimeError(f"dead for {restart_after_s:g} s")


SETTING: dict[str, Any] = {"errors": {"shop.errors:Declined": LookupError}, "die": die}


@pytest.mark.parametrize("name", STORIES)
def test_what_a_fault_does_and_says(name):
    """What happens to a call that is hit, when, what its caller gets, and the words of the report for it."""
    fault, hit, words, story = STORIES[name]
    assert made(fault, **SETTING)[0].describe(hit) == words
    assert story_of(fault, hit, **SETTING) == story


@pytest.mark.parametrize(
    ("fault", "story"),
    [
        (fault_of("latency", delay="1s"), [ACTS, "1.25 s: raises ValueError: no"]),
        (fault_of("latency", delay="1s", side="request"), ["1 s: acts", "1.25 s: raises ValueError: no"]),
        (fault_of("hang", release="1s"), [ACTS, "0.25 s: raises ValueError: no"]),
        (fault_of("corrupt", how="retype"), [ACTS, "0.25 s: raises ValueError: no"]),
    ],
)
def test_a_failure_of_the_call_itself_goes_through(fault, story):
    """A call that fails by itself fails under a fault too; as late as its answer would be, where answers are late."""
    assert story_of(fault, TOOL, answer=ValueError("no")) == story


@pytest.mark.parametrize("hit", [TOOL, ATTEMPT, call(act="tool", trace_id="load-2"), call(act="tool", attempt=1)])
def test_a_delay_is_drawn_at_the_address_of_its_call(hit):
    """At `delay`, the fault's id and the call's address: kept seeds depend on it, and no other call does."""
    fault = fault_of("latency", delay={"dist": "exponential", "median": "1s"})
    delay_s = sample_delay_s(fault.delay, Draws(1).uniform("delay", "it", *address_of(hit)))
    assert made(fault)[0].describe(hit) == f"response late by {format_duration(delay_s)}"
    assert story_of(fault, hit)[-1] == f"{0.25 + delay_s:.9g} s: gives 'answer'"
