"""When requests arrive, and from whom: an open model, so arrivals never wait for answers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, count
from math import log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.kernel.draws import Draws
    from sim.load.recorded import RecordedRow
    from sim.model.scenario import Scenario, Stage, Tenant

_MICROSECOND_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request on its way.

    Args:
        index: position in the order of arrival, from 0.
        at_s: virtual seconds from the start of the run, to the microsecond.
        tenant: who sends it.
        order: what the caller wants; a caller that tries again keeps its order.
        row: the recorded fields behind it; `None` for synthetic load.

    """

    index: int
    at_s: float
    tenant: str
    order: str
    row: Mapping[str, str] | None = None


def planned(scenario: Scenario, draws: Draws, rows: Sequence[RecordedRow] | None = None) -> list[Arrival]:
    """Every arrival of a run, in order of time.

    Each random choice has its own address, so a change of one stage leaves the
    draws of the others as they were.

    Args:
        scenario: its load and its tenants.
        draws: the seed's draws.
        rows: the recorded traffic, for a load that has a `trace`.

    Raises:
        ValueError: when the load replays a trace and `rows` is missing.

    """
    if scenario.load.trace is None:
        return _synthetic(scenario, draws)
    if rows is None:
        msg = f"{scenario.name} replays recorded traffic; planned() needs its rows; pass rows=read_rows(path, load)"
        raise ValueError(msg)
    return _recorded(scenario, draws, rows)


def _synthetic(scenario: Scenario, draws: Draws) -> list[Arrival]:
    times = _stage_times(scenario.load.stages, scenario.load.arrival, draws)
    return [
        Arrival(index, at_s, _drawn_tenant(scenario, draws, index), f"order-{index}")
        for index, at_s in enumerate(times)
    ]


def _recorded(scenario: Scenario, draws: Draws, rows: Sequence[RecordedRow]) -> list[Arrival]:
    return [
        Arrival(index, row.at_s, row.tenant or _drawn_tenant(scenario, draws, index), f"order-{index}", row.fields)
        for index, row in enumerate(rows)
    ]


def _drawn_tenant(scenario: Scenario, draws: Draws, index: int) -> str:
    return choose_tenant(scenario.tenants, draws.uniform("tenant", index))


def choose_tenant(tenants: Mapping[str, Tenant], share: float) -> str:
    """The tenant at `share`, in [0, 1), of all weights laid end to end in the order of the file."""
    names = list(tenants)
    bounds = list(accumulate(tenant.weight for tenant in tenants.values()))
    return names[min(bisect_right(bounds, share * bounds[-1]), len(names) - 1)]


def _stage_times(stages: Sequence[Stage], arrival: str, draws: Draws) -> Iterator[float]:
    start_s = 0.0
    for number, stage in enumerate(stages):
        offsets = _poisson(stage, number, draws) if arrival == "poisson" else _constant(stage)
        for offset_s in offsets:
            yield round(start_s + offset_s, _MICROSECOND_DIGITS)
        start_s += stage.for_


def _constant(stage: Stage) -> Iterator[float]:
    if stage.rate == 0:
        return
    for index in count():
        # Rounded, or a rate such as 90/m would squeeze one arrival too many into its stage.
        offset_s = round(index / stage.rate, _MICROSECOND_DIGITS)
        if offset_s >= stage.for_:
            return
        yield offset_s


def _poisson(stage: Stage, number: int, draws: Draws) -> Iterator[float]:
    if stage.rate == 0:
        return
    offset_s = 0.0
    for index in count():
        offset_s -= log1p(-draws.uniform("load", number, index)) / stage.rate
        if offset_s >= stage.for_:
            return
        yield offset_s
