"""A plan: which answers from outside come late or not at all in one run, as a small dict of integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

PlanKind = Literal["baseline", "delay_points", "swarm", "fail", "stall", "ties", "crash", "subset"]
KINDS: tuple[PlanKind, ...] = get_args(PlanKind)
Numbers = Mapping[str, int]
DIES_BEFORE, DIES_AFTER = 1, 2
"""The two moments of a call at which a plan lets its program die."""


@dataclass(frozen=True, slots=True)
class CallPoint:
    """One call to the outside, as a run without any plan met it.

    Args:
        address: its name and occurrence, such as `charge/acme#2`.
        family: the name that calls of its kind share, such as `charge`.
        duration_us: how long it takes by itself, in microseconds.
        deadlines_us: how far away the timeouts are that were pending when it began, in microseconds.
        can_fail: whether it declares an error that it may raise.

    """

    address: str
    family: str
    duration_us: int
    deadlines_us: tuple[int, ...] = ()
    can_fail: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes on outside in one run. Every plan is something that stock asyncio allows to happen.

    Calls are named by their address (`charge#1` is the first call of
    `charge`); `late` also takes a family (`charge`), and means all its calls.

    Args:
        kind: what sort of plan it is.
        late: how many times its own duration a call takes.
        takes_us: how long a call takes, in microseconds, whatever its own duration.
        fail: 1 for a call that raises the error that it declares, when it would have answered.
        stall_ms: for how long the whole loop stands still when a call begins, in milliseconds.
        crash: `DIES_BEFORE` for a call that kills the program when it begins, `DIES_AFTER` for one that does so when
            it has taken effect and its answer is not seen yet; the program is started again.
        ties: anything but 0 shuffles timers that are due at exactly the same time.
        off: 1 for each fault of a scenario file that does not act.

    """

    kind: PlanKind = "baseline"
    late: Numbers = field(default_factory=dict)
    takes_us: Numbers = field(default_factory=dict)
    fail: Numbers = field(default_factory=dict)
    stall_ms: Numbers = field(default_factory=dict)
    crash: Numbers = field(default_factory=dict)
    ties: int = 0
    off: Numbers = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """What the plan says, without what it leaves as it is; `plan_from` reads it back."""
        stated = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in stated.items() if value}

    def __str__(self) -> str:
        return str(self.as_dict())


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of a sweep, and what they were made from.

    Args:
        modes: what the seeds take turns with, in the words of a scenario file.
        probe_seed: the seed whose run told which calls there are.
        calls: those calls.
        singles: every plan with one late call of theirs.
        by_seed: the plan of each seed.

    """

    modes: tuple[str, ...]
    probe_seed: int
    calls: tuple[CallPoint, ...]
    singles: tuple[Plan, ...]
    by_seed: Mapping[int, Plan]


class PlanError(ValueError):
    """A plan that was written by hand says something that no plan can say."""


def plan_from(written: Plan | Mapping[str, object] | None) -> Plan:
    """The plan that a dict such as `{"late": {"charge#1": 8}}` says; `None` is the plan in which nothing is late.

    Raises:
        PlanError: a key is unknown, or a value is no whole number above zero.

    """
    if isinstance(written, Plan):
        return written
    written = written or {}
    known = [one.name for one in fields(Plan)]
    for key, value in written.items():
        if key not in known:
            raise PlanError(f"plan says {key!r}; a plan says {', '.join(known)}; write {{'late': {{'charge#1': 8}}}}")
        if key == "kind":
            _check_kind(value)
        elif key == "crash":
            _check_numbers(key, value)
            _check_moments(value)
        else:
            _check_numbers(key, value)
    return Plan(**written)  # type: ignore[arg-type] # each value has just been checked


def _check_kind(kind: object) -> None:
    if kind not in KINDS:
        raise PlanError(f"plan has kind {kind!r}; the kinds are {', '.join(KINDS)}; leave it out if in doubt")


def _check_moments(crashes: object) -> None:
    for address, moment in crashes.items() if isinstance(crashes, Mapping) else ():
        if moment not in (DIES_BEFORE, DIES_AFTER):
            raise PlanError(
                f"plan has crash[{address!r}] = {moment}; a program dies when a call begins (1) or after its effect "
                "(2); write one of them"
            )


def _check_numbers(key: str, value: object) -> None:
    if (key == "ties") == isinstance(value, Mapping):
        wanted = "one number" if key == "ties" else "a dict from calls to numbers, such as {'charge#1': 8}"
        raise PlanError(f"plan has {key} = {value!r}; {key} is {wanted}; write it so")
    numbers = value if isinstance(value, Mapping) else {"": value}
    for address, number in numbers.items():
        if type(number) is not int or number < 1:
            where = f"{key}[{address!r}]" if address else key
            raise PlanError(
                f"plan has {where} = {number!r}; numbers in a plan are whole and above zero; write 1 or more"
            )
