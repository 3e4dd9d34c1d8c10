"""What every metric sees of one rich recording, by place and by time, in one golden file.

`UPDATE_GOLDEN=1 pytest tests/sim/checks/test_samples.py` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from made_recordings import between, depths, effect, record, request, sighting, span

from sim.checks.findings import Broken, Scene, find
from sim.checks.metrics import measure
from sim.checks.story import Stories
from sim.checks.windows import WHOLE
from sim.model.limits import NodeLimits
from sim.model.metrics import METRICS, Metric
from sim.model.recording import Outcome, ToolCall
from sim.model.scenario import Check, CheckWhere

if TYPE_CHECKING:
    from sim.checks.stats import Samples

GOLDEN = Path(__file__).parent / "golden" / "samples.txt"
OUTCOMES = get_args(Outcome)
TENANTS = ("acme", "globex", "initech")
NODES = ("price", "charge", "ship")
KINDS = ("waiting", "running", "backoff", "blocked")
RECORDING = record(
    nodes=NODES,
    edges=(("price", "charge"), ("charge", "ship")),
    limits={"charge": NodeLimits(timeout_s=0.5, max_retries=1, cancel_grace_s=0.25), "ship": NodeLimits()},
    requests=[
        request(
            f"t{n}", 2.0 * n, None if n % 6 == 5 else 2.0 * n + 0.5 * (1 + n % 4), tenant=TENANTS[n % 3],
            outcome=OUTCOMES[n % 6], order=f"o{n // 2}", client_attempt=1 + n % 2,
            deadline_s=2.0 * n + 1 if n % 3 else None,
        )
        for n in range(12)
    ],
    spans=[
        span(KINDS[(n + part) % 4], 2.0 * n + part, 2.0 * n + part + 1.5, trace_id=f"t{n}",
             node=NODES[(n + part) % 3], attempt=1 + (n + 2 * part) % 3, result=("ok", "deadline", "cancelled")[n % 3])
        for n in range(12)
        for part in range(5)
    ],
    effects=[
        effect(
            1.5 * n, None if n % 4 == 3 else f"k{n % 5}", trace_id=f"t{n % 12}", tenant=TENANTS[n % 2],
            node=NODES[n % 3], name=("charge_card", "send_mail")[n % 2], attempt=1 + n % 2,
            gone="deadline" if n % 3 == 1 else "", service="bank" if n % 7 == 6 else None,
        )
        for n in range(20)
    ],
    sightings=[
        sighting(leaked=n % 2 == 0, at_s=3.0 * n, owner=TENANTS[n % 3], node=NODES[n % 2]) for n in range(8)
    ],
    depths=[
        *depths("charge", (1.0, 2), (4.0, 5), (4.0, 1), (12.0, 3), (20.0, 0)), *depths("ship", (10.0, 1), (15.0, 4)),
    ],
    tool_calls=[
        ToolCall("charge_card", f"t{n % 12}", NODES[n % 3], float(n), "bank" if n % 5 == 4 else None) for n in range(15)
    ],
    messages_in={"price": 3, "charge": 2},
    unstored={"t1": 2, "t3": 1, "t7": 9},
    residue={"open traces": 2, "timers": 0, "tasks": 1},
)  # fmt: skip
PLACES = (
    {}, {"tenant": "acme"}, {"node": "charge"}, {"tool": "charge_card"}, {"service": "bank"}, {"attempt": 2},
    {"call": 2}, {"node": "ship", "attempt": 1, "tenant": "globex"}, {"tool": "charge_card", "call": 2},
    {"phase": "running"}, {"phase": "queued"}, {"phase": "backoff"}, {"phase": "blocked"},
)  # fmt: skip
TIMES = {"whole": WHOLE, "10 to 20 s": between(10.0, 20.0)}
NOTHING_SEEN = record(end_s=0.0, nodes=())


def shown(samples: Samples) -> str:
    values = " ".join(f"{value:.9g}" for value in samples.values)
    weights = "" if samples.weights is None else f" for {' '.join(f'{weight:.9g}' for weight in samples.weights)} s"
    return f"{samples.size}{' flags' if samples.flags else ''}: {values}{weights}"


def told(metric: Metric) -> str:
    lines = [f"## {metric}"]
    for place in PLACES:
        for name, interval in TIMES.items():
            samples = measure(metric, RECORDING, CheckWhere(**place), interval)
            lines.append(f"{place or 'all'}, {name}: {shown(samples)}")
    return "\n".join(dict.fromkeys(lines))


@pytest.fixture(scope="module")
def golden() -> dict[str, str]:
    """The golden file by metric."""
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n\n".join(map(told, METRICS)) + "\n", encoding="utf-8")
    parts = GOLDEN.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    return {part.partition("\n")[0].removeprefix("## "): part for part in parts}


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_sees_what_where_and_during_mean(metric, golden):
    """Its samples, by tenant, node, tool, service, attempt, call and phase, are those of the golden file."""
    assert told(metric) == golden[metric]


@pytest.mark.parametrize("metric", METRICS)
def test_a_run_in_which_nothing_happened_is_no_error(metric):
    """Every metric of it is a number or nothing, and no yes."""
    samples = measure(metric, NOTHING_SEEN, CheckWhere(), WHOLE)
    assert not any(samples.values)


@pytest.mark.parametrize("metric", [one for one in METRICS if one not in ("attempts.per_request", "queue.depth")])
def test_a_number_that_nothing_in_the_run_explains_shows_itself(metric):
    """Where there is nothing to point at, the finding is the number and its promise; no builder fails on it."""
    check = Check.model_construct(id="c", metric=metric, stat="max", max=2.0)
    scene = Scene(NOTHING_SEEN, Stories(NOTHING_SEEN))
    evidence = find(scene, Broken(check, 3.0), too_low=False)
    assert [(one.kind, one.node, one.tenant) for one in evidence.findings] == [("threshold", None, None)]
    assert evidence.headline.startswith(f"{metric} max is 3")
