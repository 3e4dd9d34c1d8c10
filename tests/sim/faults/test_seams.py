"""The interceptors that carry a file's faults and a run's plan to the seam."""

from __future__ import annotations

import asyncio
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from one_call import Subject, call, fault_of, made, setting_in

from sim.faults.base import Setting
from sim.faults.plan import PlanSeam, family_of, plan_address
from sim.faults.registry import CALL_FAULTS
from sim.faults.seam import FaultSeam
from sim.kernel import World
from sim.model.plan import CallPoint, Plan
from sim.model.recording import FaultCount, Fire, Recording

TOOL = {"act": "tool", "name": "charge"}
ASKED = {"act": "tool", "name": "POST /charges", "service": "bank"}

# -- faults of a file --------------------------------------------------------------------------

CUSTOM = {"factory": "shop.sim:Flaky"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "latency": {"delay": "1s"}, "tool_error": {"error": "timeout"}, "hang": {}, "rate_limit": {"rate": "1/s"},
    "corrupt": {"how": "truncate"}, "squeeze": {"concurrency": 1}, "store_error": {"error": "timeout"}, "drop": {},
    "duplicate": {}, "reorder": {"within": "1s"}, "slow_stream": {"gap": "1s"}, "custom": CUSTOM, "crash": {},
    "cancel": {}, "retry_storm": {"window": {"for": "1s"}},
}  # fmt: skip
HITS = {"store_error": "store", "drop": "send", "duplicate": "send", "reorder": "send", "slow_stream": "send"}
FACTORIES = {"shop.sim:Flaky": lambda _fault, _draws: SimpleNamespace(apply=print)}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kind_of_fault_hits_its_kind_of_act(kind):
    """Messages and the store are hit by faults of their own; `where` decides for the others."""
    fault, _ = made(fault_of(kind, **EXAMPLES[kind]), factories=FACTORIES)
    assert (type(fault), fault.hits) == (CALL_FAULTS[kind], HITS.get(kind, "attempt"))
    assert fault.id == "it"


def test_a_storm_hits_its_share():
    """A retry storm lets the rest of the calls pass; other errors know no share."""
    storm, _ = made(fault_of("retry_storm", window={"for": "8s"}, share=0.5))
    error, _ = made(fault_of("tool_error", error="timeout"))
    calls = [call(trace_id=f"load-{n}") for n in range(200)]
    assert 60 < sum(storm.fires(each, 0.0) for each in calls) < 140
    assert all(error.fires(each, 0.0) for each in calls)


@pytest.mark.parametrize(
    ("op", "name", "hit"),
    [("any", "publish", True), ("any", "save_event", True), ("publish", "publish", True),
     ("publish", "save_event", False)],
)  # fmt: skip
def test_a_store_error_hits_its_operation(op, name, hit):
    """`op` names one operation of the store or the bus, or `any`; the window holds besides."""
    fault, _ = made(fault_of("store_error", op=op, error="timeout", window={"from": "5s"}))
    assert fault.fires(call(act="store", name=name), 5.0) is hit
    assert not fault.fires(call(act="store", name=name), 4.0)
    assert not fault.fires(call(act="tool", name=name), 5.0)


def test_only_chunks_are_slow():
    """A message that is no part of a stream passes."""
    fault, _ = made(fault_of("slow_stream", gap="1s"))
    assert not fault.fires(call(act="send", name="ship", value="text"), 0.0)


def test_a_run_without_deaths_cannot_let_a_flow_die():
    """Whoever sets a run up says how its flow dies; else that is a mistake of the harness, and says so."""
    setting = Setting(World(1), Subject())  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match=r"^no fault and no plan of this run lets its flow die$"):
        asyncio.run(setting.die(1.0))


def seam_of(*faults: Any, **fields: Any) -> tuple[FaultSeam, Recording, World]:
    world, recording = World(1), Recording("s", 1)
    return FaultSeam(faults, setting_in(world, factories=FACTORIES, **fields), recording), recording, world


def test_the_first_fault_of_a_file_stands_outermost():
    """A call that two faults hit is late by both, and each hit is written down with time, address and effect."""
    slow = fault_of("latency", delay="1s", where={"tool": "charge"})
    other = fault_of("tool_error", error="timeout", where={"tool": "charge"}, after_effect=True)
    elsewhere = fault_of("latency", delay="9s", where={"tool": "mail"})
    named = [fault.model_copy(update={"id": name}) for fault, name in ((slow, "a"), (other, "b"), (elsewhere, "c"))]
    seam, recording, world = seam_of(*named)

    async def proceed() -> None:
        await asyncio.sleep(0.5)

    async def main() -> str:
        await asyncio.sleep(2)
        with pytest.raises(TimeoutError) as told:
            await seam.intercept(call(**TOOL, attempt=1), proceed)
        return f"{told.value} at {world.now_s:g} s"

    assert world.run(main()) == "injected by fault b at charge at 3.5 s"
    address = "tool/pay/charge/acme/load-1/1/0"
    assert recording.fires == [
        Fire("b", 2.0, address, "timeout, answer lost after the effect"),
        Fire("a", 2.0, address, "response late by 1 s"),
    ]
    assert {name: (count.matched, count.fired) for name, count in recording.fault_counts.items()} == {
        "a": (1, 1), "b": (1, 1), "c": (0, 0),
    }  # fmt: skip


def test_a_seam_stands_where_its_faults_hit():
    """It asks for the acts that any of its faults hits, each once; a skew and a probe hit none."""
    seam, recording, world = seam_of(
        fault_of("latency", delay="1s", where={"tool": "charge"}),
        fault_of("drop"),
        fault_of("clock_skew", offset="5s"),
        fault_of("tenant_probe", victim="acme", attacker="globex"),
        fault_of("hang", where={"tool": "mail"}),
    )
    assert seam.acts == ("tool", "send")
    assert len(world.skews) == 1
    assert world.skews[0](0.0) == 5
    assert recording.fault_counts == {"it": FaultCount(1, 1)}


def test_counts_go_on_where_a_flow_was_built_anew():
    """The seam of the next flow of a run counts on, and a death empties the lines of all faults."""
    recording = Recording("s", 1)
    recording.fault_counts["it"] = FaultCount(3, 2, 1)
    seam = FaultSeam([fault_of("squeeze", concurrency=1)], setting_in(World(1)), recording)
    assert recording.fault_counts == {"it": FaultCount(3, 2, 1)}
    (squeeze,) = seam._faults
    squeeze._going_on = 1  # type: ignore[attr-defined]
    seam.forget()
    assert squeeze._going_on == 0  # type: ignore[attr-defined]


# -- plans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "family", "address"),
    [
        ({}, "pay", "pay@load-1#1"),
        ({"occurrence": 2}, "pay", "pay@load-1#3"),
        (TOOL, "pay/charge", "pay/charge@load-1#1"),
        (ASKED, "pay/bank POST /charges", "pay/bank POST /charges@load-1#1"),
        ({**TOOL, "trace_id": None, "node": None, "name": None}, "/", "/@-#1"),
        ({**ASKED, "node": None, "name": None}, "/bank ", "/bank @load-1#1"),
        ({"node": None}, "", "@load-1#1"),
    ],
)
def test_a_call_has_a_name_in_plans(fields, family, address):
    """Node, tool or service, trace and occurrence from 1: kept plans name calls by it."""
    assert (family_of(call(**fields)), plan_address(call(**fields))) == (family, address)


def planned(
    plan: Plan,
    *calls: Any,
    takes_s: float = 0.25,
    fails: bool = False,
    timeouts_s: Any = MappingProxyType({"pay": 2.0}),
) -> tuple[list[str], PlanSeam]:
    """Calls one after the other, or the others inside the first where that is an attempt; what happens when."""
    told: list[str] = []
    world = World(1)

    def tell(what: str) -> None:
        told.append(f"{world.now_s:g} s: {what}")

    async def die(restart_after_s: float) -> None:
        tell(f"dead for {restart_after_s:g} s")
        raise asyncio.CancelledError

    seam = PlanSeam(plan, world, die)
    seam.timeouts_s = timeouts_s or seam.timeouts_s

    async def carry_out(hit: Any, inside: tuple[Any, ...]) -> None:
        async def proceed() -> str:
            tell(f"{family_of(hit)} acts")
            for one in inside:
                await carry_out(one, ())
            await asyncio.sleep(takes_s)
            if fails:
                raise ValueError("no")
            return "answer"

        try:
            tell(f"{family_of(hit)} gives {await seam.intercept(hit, proceed)}")
        except (ValueError, asyncio.CancelledError) as error:
            tell(f"{family_of(hit)} raises {type(error).__name__}")

    async def main() -> None:
        nested = calls[0].act == "attempt"
        for one in calls[:1] if nested else calls:
            await carry_out(one, calls[1:] if nested else ())

    world.run(main())
    return told, seam


CHARGE, SECOND = call(**TOOL), call(**TOOL, occurrence=1)


@pytest.mark.parametrize(
    ("plan", "at_s"),
    [
        (Plan(), [0.25, 0.5]),
        (Plan(late={"pay/charge@load-1#1": 4}), [1, 1.25]),
        (Plan(late={"pay/charge": 4}), [1, 2]),
        (Plan(late={"pay/charge": 4, "pay/charge@load-1#2": 2}), [1, 1.5]),
        (Plan(late={"pay/charge": 2}, takes_us={"pay/charge@load-1#1": 1_000_000}), [1, 1.5]),
        (Plan(takes_us={"pay/charge@load-1#1": 100_000}), [0.25, 0.5]),
        (Plan(stall_ms={"pay/charge@load-1#2": 3000}), [0.25, 3.5]),
        (Plan(late={"pay/mail": 4}), [0.25, 0.5]),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_plan_says_when_answers_come(plan, at_s, fails):
    """Some times their own duration, or after so long; errors are as late as answers; a stall holds up the loop."""
    told, seam = planned(plan, CHARGE, SECOND, fails=fails)
    ends = [line for line in told if "acts" not in line]
    end = "pay/charge raises ValueError" if fails else "pay/charge gives answer"
    assert ends == [f"{each:g} s: {end}" for each in at_s]
    assert [point.duration_us for point in seam.calls] == [250_000, 250_000]


def test_a_plan_lets_the_flow_die_at_a_call():
    """Before the call, which is then not carried out; or behind it, with its answer not seen."""
    before, _ = planned(Plan(crash={"pay/charge@load-1#1": 1}), CHARGE)
    after, seam = planned(Plan(crash={"pay/charge@load-1#1": 2}), CHARGE)
    assert before == ["0 s: dead for 1 s", "0 s: pay/charge raises CancelledError"]
    assert after == ["0 s: pay/charge acts", "0.25 s: dead for 1 s", "0.25 s: pay/charge raises CancelledError"]
    assert seam.calls == []


def test_what_a_plan_names_and_nobody_called_is_told():
    """By address and by family, of every part of a plan, each once."""
    plan = Plan(
        late={"pay/charge": 2, "pay/mail": 2},
        takes_us={"pay/charge@load-1#1": 9, "a@-#1": 9},
        stall_ms={"b@-#1": 9},
        crash={"c@-#1": 1, "a@-#1": 1},
    )
    assert PlanSeam(plan, World(1), print).unmet == (  # type: ignore[arg-type]
        "pay/charge", "pay/mail", "pay/charge@load-1#1", "a@-#1", "b@-#1", "c@-#1",
    )  # fmt: skip
    assert planned(plan, CHARGE)[1].unmet == ("pay/mail", "a@-#1", "b@-#1", "c@-#1")


def test_an_attempt_counts_without_the_time_that_its_calls_were_held_back():
    """Its own duration is that of an unplanned run; the timeout of its node is how far away each call's deadline is."""
    told, seam = planned(Plan(late={"pay/charge@load-1#1": 4}), call(), CHARGE, SECOND)
    assert told[-1] == "1.5 s: pay gives answer"
    assert seam.calls == [
        CallPoint("pay/charge@load-1#1", "pay/charge", 250_000, (2_000_000,)),
        CallPoint("pay/charge@load-1#2", "pay/charge", 250_000, (1_000_000,)),
        CallPoint("pay@load-1#1", "pay", 750_000, (2_000_000,)),
    ]


def test_a_late_attempt_is_late_by_its_own_duration():
    """What its calls were held back is not multiplied again."""
    told, _ = planned(Plan(late={"pay/charge": 3, "pay": 2}), call(), CHARGE)
    assert told[-1] == "1.5 s: pay gives answer"
    told, _ = planned(Plan(late={"pay/charge": 3, "pay": 2}), call(), CHARGE, SECOND)
    assert told[-1] == "2.5 s: pay gives answer"


def test_nodes_without_timeouts_have_no_deadlines():
    """A subject that is no flow has no limits to tell."""
    _, seam = planned(Plan(), call(), CHARGE, timeouts_s=None)
    assert [point.deadlines_us for point in seam.calls] == [(), ()]


@pytest.mark.parametrize(
    ("hit", "takes_s", "deadlines_us"),
    [
        (call(), 0.5, (2_000_000,)),
        (call(), 0.0, ()),
        (call(node="ship"), 0.5, ()),
        (call(node=None), 0.5, ()),
        (CHARGE, 0.5, ()),
    ],
)
def test_deadlines_are_those_of_attempts_that_wait(hit, takes_s, deadlines_us):
    """A node without a timeout has none, nor a handler that waits for nothing outside, nor a call outside of any."""
    _, seam = planned(Plan(), hit, takes_s=takes_s)
    (point,) = seam.calls
    assert (point.duration_us, point.deadlines_us) == (round(takes_s * 1_000_000), deadlines_us)


def test_a_call_behind_the_end_of_its_attempt_has_no_deadline():
    """Work that goes on when its node's timeout is over is cut off by nothing any more."""
    _, seam = planned(Plan(), call(), CHARGE, SECOND, takes_s=2.0)
    assert [point.deadlines_us for point in seam.calls] == [(2_000_000,), (), (2_000_000,)]
