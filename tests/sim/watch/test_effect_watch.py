"""What is written down of an effect, and when there is one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from by_hand import Clock, answer, call, done

from penguiflow import digest
from sim.model.recording import Effect, Recording, ToolCall
from sim.model.scenario import Check
from sim.watch import EffectWatch
from sim.watch.traffic import CallWatch, SendWatch, wants_sends, wants_tool_calls


class Notes:
    """What goes into the digest."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, ...]] = []

    def note(self, *facts: str) -> None:
        self.facts.append(facts)


def watch_of(gone: Any = None, nodes: Any = ()) -> tuple[EffectWatch, Recording, Notes, Clock]:
    recording, notes, clock = Recording("s", 1), Notes(), Clock()
    clock.now_s = 3.0
    gone = gone or (lambda _trace_id: "")
    return EffectWatch(recording, notes, clock, gone, nodes=nodes), recording, notes, clock  # type: ignore[arg-type]


def effect(**fields: Any) -> Effect:
    known: dict[str, Any] = {
        "name": "charge", "key": None, "args_digest": digest(None), "trace_id": "load-1", "tenant": "acme",
        "node": "pay", "attempt": 1, "at_s": 3.0, "gone": "", "certain": True, "service": None,
    }  # fmt: skip
    return Effect(**{**known, **fields})


ASKED = {"service": "bank", "name": "POST /charges", "is_effect": True}
ATTEMPT = {"act": "attempt", "name": None}


@pytest.mark.parametrize(
    ("fields", "written", "noted"),
    [
        ({}, {}, ("effect", "charge", "", digest(None), "load-1", "True")),
        ({"key": "k", "value": {"n": 1}, "attempt": 2}, {"key": "k", "args_digest": digest({"n": 1}), "attempt": 3},
         ("effect", "charge", "k", digest({"n": 1}), "load-1", "True")),
        ({"trace_id": None, "tenant": None}, {"trace_id": None, "tenant": None},
         ("effect", "charge", "", digest(None), "", "True")),
        (ASKED, {"name": "POST /charges", "service": "bank"},
         ("effect", "POST /charges", "", digest(None), "load-1", "True")),
        (ATTEMPT, {"name": "pay", "key": "load-1/pay"},
         ("effect", "pay", "load-1/pay", digest(None), "load-1", "True")),
        ({**ATTEMPT, "trace_id": None}, {"name": "pay", "trace_id": None},
         ("effect", "pay", "", digest(None), "", "True")),
        ({"name": None}, {"name": ""}, ("effect", "", "", digest(None), "load-1", "True")),
    ],
)  # fmt: skip
def test_an_effect_is_written_down_with_all_that_is_known(fields, written, noted):
    """Of a tool, a service, or a declared node, whose key is its trace; and it is in the digest."""
    watch, recording, notes, _ = watch_of(nodes=["pay"])
    assert done(watch.intercept(call(**fields), answer)) == {"receipt": "yes"}
    assert recording.effects == [effect(**written)]
    assert notes.facts == [noted]


@pytest.mark.parametrize("fields", [{**ASKED, "is_effect": False}, {**ATTEMPT, "node": "ship"}])
def test_what_changes_nothing_is_no_effect(fields):
    """A service call that only asks, and a node that nobody has declared."""
    watch, recording, notes, _ = watch_of(nodes=["pay"])
    assert done(watch.intercept(call(**fields), answer)) == {"receipt": "yes"}
    assert (recording.effects, notes.facts) == ([], [])


def test_attempts_are_watched_where_nodes_are_declared():
    """A flow does without the watch what it need not see."""
    assert watch_of()[0].acts == ("tool",)
    assert watch_of(nodes=["pay"])[0].acts == ("tool", "attempt")


def test_the_caller_is_asked_for_when_the_effect_takes_place():
    """A caller that has gone meanwhile makes it a zombie; the time and the reason are those of the end."""
    gone = {"load-1": ""}
    watch, recording, _, clock = watch_of(lambda trace_id: gone[trace_id])

    async def act() -> None:
        gone["load-1"] = "cancelled"
        clock.now_s = 5.0

    done(watch.intercept(call(), act))
    done(watch.intercept(call(trace_id=None), act))
    assert recording.effects == [effect(at_s=5.0, gone="cancelled"), effect(at_s=5.0, trace_id=None)]


def test_an_effect_that_is_cut_off_has_perhaps_happened():
    """Before the cut, so the caller was there when it was there at the beginning; a failure has not happened."""
    gone = {"load-1": ""}
    watch, recording, notes, _ = watch_of(lambda trace_id: gone[trace_id])

    async def cut_off() -> None:
        gone["load-1"] = "deadline"
        raise asyncio.CancelledError

    async def fail() -> None:
        raise ValueError("declined")

    with pytest.raises(asyncio.CancelledError):
        watch.intercept(call(), cut_off).send(None)
    with pytest.raises(ValueError, match="declined"):
        watch.intercept(call(), fail).send(None)
    assert recording.effects == [effect(certain=False)]
    assert notes.facts[0][-1] == "False"
    watch.die()
    assert len(recording.effects) == 1


def test_a_death_cuts_off_all_calls_under_way():
    """Each has perhaps happened, once, with the arguments that it was called with; those that had ended are told."""
    watch, recording, _, clock = watch_of(lambda trace_id: "answered" if trace_id == "load-2" else "")

    class Never:
        def __await__(self) -> Any:
            yield

    async def never() -> None:
        await Never()

    value = {"n": 1}
    steps = [watch.intercept(call(value=value, trace_id=trace_id), never) for trace_id in ("load-1", "load-2")]
    for step in steps:
        step.send(None)
    done(watch.intercept(call(trace_id="load-3"), answer))
    value["n"] = 2
    clock.now_s = 7.0
    watch.die()
    for step in steps:
        step.close()
    before = {"args_digest": digest({"n": 1}), "at_s": 7.0, "certain": False}
    assert recording.effects == [
        effect(trace_id="load-3"), effect(**before), effect(**before, trace_id="load-2", gone="answered"),
    ]  # fmt: skip


# -- traffic -----------------------------------------------------------------------------------


def test_calls_are_counted_as_they_are_made():
    """With the time of the call, in nine decimals, whatever becomes of it; of a service with its name."""
    recording, clock = Recording("s", 1), Clock()
    watch = CallWatch(recording, clock)
    clock.now_s = 1.00000000049

    async def fail() -> None:
        clock.now_s = 5.0
        raise ValueError("no")

    assert done(watch.intercept(call(), answer)) == {"receipt": "yes"}
    with pytest.raises(ValueError, match="no"):
        watch.intercept(call(**ASKED, trace_id="load-2", node="ship"), fail).send(None)
    done(watch.intercept(call(name=None, trace_id=None), answer))
    assert recording.tool_calls == [
        ToolCall("charge", "load-1", "pay", 1.0), ToolCall("POST /charges", "load-2", "ship", 1.0, "bank"),
        ToolCall("", None, "pay", 5.0),
    ]  # fmt: skip


def test_messages_are_counted_when_they_are_in():
    """At the node where they arrive; one that was lost on its way is not counted."""
    recording = Recording("s", 1)
    watch = SendWatch(recording)

    async def lose() -> None:
        raise ValueError("lost")

    for name in ("ship", "ship", "Rookery", None):
        assert done(watch.intercept(call(act="send", name=name), answer)) == {"receipt": "yes"}
    with pytest.raises(ValueError, match="lost"):
        watch.intercept(call(act="send", name="ship"), lose).send(None)
    assert recording.messages_in == {"ship": 2, "Rookery": 1, "": 1}


@pytest.mark.parametrize(
    ("metric", "where", "bound", "tool_calls", "sends"),
    [
        ("attempts.per_request", {"tool": "charge"}, {"stat": "max", "max": 3}, True, False),
        ("attempts.per_request", {"service": "bank"}, {"stat": "max", "max": 3}, True, False),
        ("attempts.per_request", {"node": "pay"}, {"stat": "max", "max": 3}, False, False),
        ("trace.latency", {"tenant": "acme"}, {"stat": "p95", "max": "1s"}, False, False),
        ("invariants.conservation", {}, {"max": 0}, False, True),
    ],
)
def test_traffic_is_counted_where_a_check_asks_for_it(metric, where, bound, tool_calls, sends):
    """Only calls of tools and services, and only messages that a check holds against each other."""
    first = Check.model_validate({"id": "first", "metric": "effects.duplicates", "max": 0})
    check = Check.model_validate({"id": "it", "metric": metric, "where": where, **bound})
    assert (wants_tool_calls([first, check]), wants_sends([first, check])) == (tool_calls, sends)
    assert not wants_tool_calls([first])
    assert not wants_sends([first])
