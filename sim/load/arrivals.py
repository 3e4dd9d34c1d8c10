"""When the requests of an open load arrive, and from whom: arrivals never wait for answers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from sim.load.shapes import shaped
from sim.load.spread import MICROSECOND_DIGITS, offsets_s
from sim.model.packed import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sim.kernel.draws import Draws
    from sim.load.recorded import RecordedRow
    from sim.load.shapes import Shape
    from sim.model.scenario import Scenario, Stage, Tenant


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


def planned(
    scenario: Scenario, draws: Draws, rows: Sequence[RecordedRow] | None = None, shape: Shape | None = None
) -> Sequence[Arrival]:
    """Every arrival of a run, in order of time; none for a closed load, which plans nothing.

    Each random choice has its own address, so a change of one stage leaves the
    draws of the others as they were.

    Args:
        scenario: its load and its tenants.
        draws: the seed's draws.
        rows: the recorded traffic, for a load that has a `trace`.
        shape: the function that a load names under `shape`.

    Raises:
        ShapeError: the shape fails, or gives something that is no arrival.
        ValueError: when the load replays a trace and `rows` is missing.

    """
    arrivals = Packed(Arrival)
    for arrival in _planned(scenario, draws, rows, shape):
        arrivals.append(arrival)
    return arrivals


def _planned(
    scenario: Scenario, draws: Draws, rows: Sequence[RecordedRow] | None, shape: Shape | None
) -> Iterable[Arrival]:
    if scenario.load.model == "closed":
        return ()
    if shape is not None:
        return _shaped(scenario, draws, shape)
    if scenario.load.trace is None:
        return _synthetic(scenario, draws)
    if rows is None:
        msg = f"{scenario.name} replays recorded traffic; planned() needs its rows; pass rows=read_rows(path, load)"
        raise ValueError(msg)
    return _recorded(scenario, draws, rows)


def _synthetic(scenario: Scenario, draws: Draws) -> Iterator[Arrival]:
    times = _stage_times(scenario.load.stages, scenario.load.arrival, draws)
    for index, at_s in enumerate(times):
        yield Arrival(index, at_s, _drawn_tenant(scenario, draws, index), f"order-{index}")


def _shaped(scenario: Scenario, draws: Draws, shape: Shape) -> Iterator[Arrival]:
    arrivals = shaped(shape, draws.rng("shape"), scenario.horizon, scenario.tenants)
    for index, (at_s, tenant) in enumerate(arrivals):
        yield Arrival(index, at_s, tenant or _drawn_tenant(scenario, draws, index), f"order-{index}")


def _recorded(scenario: Scenario, draws: Draws, rows: Sequence[RecordedRow]) -> Iterator[Arrival]:
    for index, row in enumerate(rows):
        tenant = row.tenant or _drawn_tenant(scenario, draws, index)
        yield Arrival(index, row.at_s, tenant, f"order-{index}", row.fields)


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
        for offset_s in offsets_s(stage, arrival, number, draws):
            yield round(start_s + offset_s, MICROSECOND_DIGITS)
        start_s += stage.for_
