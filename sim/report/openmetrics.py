"""`metrics.om`: the numbers of a result as OpenMetrics text, for dashboards that read PenguiFlow's own metrics.

The first three families have the names that the runtime's users know. No
label tells a trace or a seed, and nothing tells a time of the clock, so the
bytes are those of the result.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from sim.model.result import LATENCY_BUCKETS_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sim.model.result import ScenarioResult, SuiteResult

Sample = tuple[str, dict[str, str], float]
"""What is added to the family's name, the labels besides the scenario, and the number."""


class _Family(NamedTuple):
    name: str
    kind: str
    unit: str
    about: str
    samples: Callable[[ScenarioResult], Iterator[Sample]]


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def render(result: SuiteResult) -> str:
    """The result as OpenMetrics 1.0 text."""
    lines = [line for family in _FAMILIES for line in _lines(family, result.scenarios)]
    return "\n".join([*lines, "# EOF", ""])


def _lines(family: _Family, scenarios: Iterable[ScenarioResult]) -> list[str]:
    name = family.name
    told = [
        f"{name}{suffix}{_labels({'scenario': scenario.name, **labels})} {_number(value)}"
        for scenario in scenarios
        for suffix, labels, value in family.samples(scenario)
    ]
    if not told:
        return []
    unit = [f"# UNIT {name} {family.unit}"] if family.unit else []
    return [f"# TYPE {name} {family.kind}", *unit, f"# HELP {name} {family.about}", *told]


def _labels(labels: dict[str, str]) -> str:
    told = ",".join(f'{name}="{_text(value)}"' for name, value in labels.items())
    return f"{{{told}}}"


def _text(value: str) -> str:
    # Half of a surrogate pair, which UTF-8 cannot hold, is told by its number.
    return value.encode(errors="backslashreplace").decode().translate(_ESCAPES)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else repr(round(value, 6))


def _node_events(scenario: ScenarioResult) -> Iterator[Sample]:
    for node in scenario.nodes:
        for event, count in node.events.items():
            yield "_total", {"node": node.node, "event": event}, count


def _node_latency(scenario: ScenarioResult) -> Iterator[Sample]:
    for node in scenario.nodes:
        name = {"node": node.node}
        bounds = [*map(float, LATENCY_BUCKETS_MS), "+Inf"]
        for bound, count in zip(bounds, accumulate(node.latencies), strict=True):
            yield "_bucket", {**name, "le": str(bound)}, count
        yield "_count", name, sum(node.latencies)
        yield "_sum", name, node.latency_ms


def _queue_depth(scenario: ScenarioResult) -> Iterator[Sample]:
    for queue in scenario.queues:
        yield "", {"node": queue.node}, max((one.max for one in queue.bins), default=0)


def _requests(scenario: ScenarioResult) -> Iterator[Sample]:
    for outcome, count in scenario.numbers.outcomes.items():
        yield "_total", {"outcome": outcome}, count


def _latency(scenario: ScenarioResult) -> Iterator[Sample]:
    numbers = scenario.numbers
    values = (numbers.latency_p50_s, numbers.latency_p95_s, numbers.latency_p99_s, numbers.latency_max_s)
    for quantile, value in zip(("0.5", "0.95", "0.99", "1.0"), values, strict=True):
        if value is not None:
            yield "", {"quantile": quantile}, value


def _faults(scenario: ScenarioResult) -> Iterator[Sample]:
    for fault in scenario.faults:
        for state in ("matched", "fired", "suppressed"):
            yield "_total", {"fault": fault.id, "kind": fault.kind, "state": state}, getattr(fault, state)


def _checks(scenario: ScenarioResult) -> Iterator[Sample]:
    for check in scenario.checks:
        if check.value is not None:
            yield "", {"check": check.id, "metric": check.metric, "stat": check.stat}, check.value


def _failing(scenario: ScenarioResult) -> Iterator[Sample]:
    for check in scenario.checks:
        yield "", {"check": check.id}, len(check.failing_seeds)


def _seeds(scenario: ScenarioResult) -> Iterator[Sample]:
    yield "", {}, len(scenario.seeds)


def _effects(scenario: ScenarioResult) -> Iterator[Sample]:
    yield "_total", {}, scenario.numbers.effects


def _virtual_s(scenario: ScenarioResult) -> Iterator[Sample]:
    yield "_total", {}, scenario.numbers.virtual_s


_FAMILIES = (
    _Family("penguiflow_node_events", "counter", "", "Flow events of each node, over all seeds.", _node_events),
    _Family(
        "penguiflow_node_latency_ms", "histogram", "ms", "Milliseconds that attempts took at each node.", _node_latency
    ),
    _Family(
        "penguiflow_queue_depth_total", "gauge", "", "The most messages that waited before each node.", _queue_depth
    ),
    _Family("penguiflow_sim_requests", "counter", "", "Requests by what became of them.", _requests),
    _Family(
        "penguiflow_sim_latency_seconds", "summary", "seconds", "Latency of requests, from their arrival.", _latency
    ),
    _Family("penguiflow_sim_faults", "counter", "", "How often each fault matched, fired, and was held back.", _faults),
    _Family("penguiflow_sim_check", "gauge", "", "The number of each check, in the worst seed.", _checks),
    _Family("penguiflow_sim_failing_seeds", "gauge", "", "Seeds in which each check fails.", _failing),
    _Family("penguiflow_sim_seeds", "gauge", "", "Seeds that were run.", _seeds),
    _Family("penguiflow_sim_effects", "counter", "", "Side effects, as the outside world saw them.", _effects),
    _Family("penguiflow_sim_virtual_seconds", "counter", "seconds", "Simulated time.", _virtual_s),
)
