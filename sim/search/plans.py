"""From a seed to its plan: a pure function of the seed and the calls that a first run made.

The search follows "A Randomized Scheduler with Probabilistic Guarantees of
Finding Bugs" (Burckhardt et al., 2010), with late calls in place of
priorities: few late calls explain most races.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.kernel.draws import Draws
from sim.model.plan import DIES_AFTER, Plan
from sim.search.singles import MULTIPLIERS, single_crashes, single_delays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.model.plan import CallPoint, PlanKind

DEFAULT_KINDS: tuple[PlanKind, ...] = (
    *("delay_points", "swarm", "delay_points", "fail"),
    *("delay_points", "stall", "delay_points", "ties"),
)
"""The kinds that seeds take turns with; a crash needs a program that can be started again, so it waits to be asked."""
LATE_MAX = 3
CRASHES_MAX = 2
_STALLS_MS = (10, 100, 1_000, 10_000)


def plan_for(
    seed: int, calls: Sequence[CallPoint], kinds: Sequence[PlanKind] = DEFAULT_KINDS, *, late_max: int = LATE_MAX
) -> Plan:
    """The plan of `seed`: seed 0 changes nothing, and the seeds after it take turns with `kinds`.

    Of the delay points every other plan has one late call, in a fixed order
    until all of them are through; the rest have up to three, at random. All
    crash points come one after the other; after the last, they are drawn.

    Args:
        seed: 0 or more.
        calls: what the program calls when nothing is late.
        kinds: which kinds of plans; those that do not apply (no call can fail) give way to delay points.
        late_max: at most so many calls are late, where they are chosen at random.

    """
    calls = tuple(calls)
    if seed == 0 or not calls:
        return Plan()
    turn = (seed - 1) % len(kinds)
    kind, draws = kinds[turn], Draws(seed)
    nth = (seed - 1) // len(kinds) * kinds.count(kind) + list(kinds[:turn]).count(kind)
    if kind == "crash":
        crashes = single_crashes(calls)
        return crashes[nth] if nth < len(crashes) else _crash(calls, draws)
    if kind != "delay_points":
        return _MAKERS[kind](calls, draws) or _late(calls, draws, late_max)
    singles = single_delays(calls)
    return singles[nth // 2] if nth % 2 == 0 and nth // 2 < len(singles) else _late(calls, draws, late_max)


def _late(calls: Sequence[CallPoint], draws: Draws, late_max: int) -> Plan:
    """One late call or more."""
    count = 1 + draws.u64("plan", "late") % late_max
    chosen = _chosen(calls, count, draws, "late")
    return Plan("delay_points", late={call.address: _times(draws, call.address) for call in chosen})


def _swarm(calls: Sequence[CallPoint], draws: Draws) -> Plan | None:
    """Each family of calls slow as a whole or as it is: half of them on the average."""
    families = dict.fromkeys(call.family for call in calls)
    slow = {family: _times(draws, family) for family in families if draws.chance(0.5, "plan", "swarm", family)}
    return Plan("swarm", late=slow) if slow else None


def _fail(calls: Sequence[CallPoint], draws: Draws) -> Plan | None:
    """One to three calls fail that may, and perhaps another one is late."""
    fallible = [call for call in calls if call.can_fail]
    if not fallible:
        return None
    chosen = _chosen(fallible, 1 + draws.u64("plan", "fail") % LATE_MAX, draws, "fail")
    late = _chosen(calls, draws.u64("plan", "late") % 2, draws, "late")
    return Plan(
        "fail",
        fail={call.address: 1 for call in chosen},
        late={call.address: _times(draws, call.address) for call in late},
    )


def _stall(calls: Sequence[CallPoint], draws: Draws) -> Plan:
    """The loop stands still at one call."""
    (call,) = _chosen(calls, 1, draws, "stall")
    return Plan(
        "stall", stall_ms={call.address: _STALLS_MS[draws.u64("plan", "stall", call.address) % len(_STALLS_MS)]}
    )


def _ties(calls: Sequence[CallPoint], draws: Draws) -> Plan:
    """Timers of one instant go off in another order, and perhaps a call is late."""
    late = _chosen(calls, draws.u64("plan", "late") % 2, draws, "late")
    times = {call.address: _times(draws, call.address) for call in late}
    return Plan("ties", late=times, ties=1 + draws.u64("plan", "ties") % 1000)


def _crash(calls: Sequence[CallPoint], draws: Draws) -> Plan:
    """The program dies at one call or two, and perhaps another one is late."""
    chosen = _chosen(calls, 1 + draws.u64("plan", "crash") % CRASHES_MAX, draws, "crash")
    late = _chosen(calls, draws.u64("plan", "late") % 2, draws, "late")
    return Plan(
        "crash",
        crash={call.address: 1 + draws.u64("plan", "moment", call.address) % DIES_AFTER for call in chosen},
        late={call.address: _times(draws, call.address) for call in late},
    )


def _baseline(_calls: Sequence[CallPoint], _draws: Draws) -> Plan:
    return Plan()


_MAKERS: dict[PlanKind, Callable[[Sequence[CallPoint], Draws], Plan | None]] = {
    "baseline": _baseline,
    "swarm": _swarm,
    "fail": _fail,
    "stall": _stall,
    "ties": _ties,
}


def _chosen(calls: Sequence[CallPoint], count: int, draws: Draws, act: str) -> list[CallPoint]:
    """`count` of the calls, by a draw at each one's address: another call elsewhere seldom changes who is chosen."""
    ranked = sorted(calls, key=lambda call: draws.u64("plan", act, call.address))
    return sorted(ranked[:count], key=calls.index)


def _times(draws: Draws, address: str) -> int:
    return MULTIPLIERS[draws.u64("plan", "times", address) % len(MULTIPLIERS)]
