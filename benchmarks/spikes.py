"""A thousand requests through spikes: how long the run takes, what the watchers add, and what a request leaves behind.

Ten minutes of virtual time, 1,000 requests through a chain of five nodes, where
three calls in ten are late, with the checks. Once with one tenant and without
a probe, once with two tenants and a probe that plants a canary in every place
and searches every sink, and once more where every node also writes a log line
and makes a tool call for each message, without the probe and with it.

Then the same flow with 10,000, 20,000 and 100,000 requests. A recording is there
to be judged request by request, so it keeps each request with its spans,
packed. Told is what one more request adds to the most memory that the process
ever has in use, run and checks together, and how much that is in all.

    python benchmarks/spikes.py [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _measure import Row, in_fresh_process, peak_bytes, report

from penguiflow import Node, create
from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow import PenguiFlow

NODES = 5
SERVICE_S = 0.05
REQUESTS_PER_S = 1000 / 600
GOAL_S = 1.0
SIZES = (10_000, 20_000, 100_000)
KINDS = {
    "plain": "1,000 requests, no probe",
    "probed": "1,000 requests, a probe",
    "chatty": "log line and tool call in every node, no probe",
    "chatty probed": "log line and tool call in every node, a probe",
}
_clock = time.perf_counter  # a world replaces time.perf_counter while it runs
_log = logging.getLogger("spikes")


def _flow(*, chatty: bool = False) -> PenguiFlow:
    """Five nodes in a row; chatty ones log a line and make a tool call for every message."""

    async def work(message: Any, ctx: Any) -> Any:
        await asyncio.sleep(SERVICE_S)
        if chatty:
            _log.warning("at work on %s", message.payload["order"])
            await ctx.effect("book", key=ctx.idempotency_key(ctx.owner.name), args=message.payload)
        return message

    nodes = [Node(work, name=f"n{number}") for number in range(NODES)]
    edges = [node.to(after) for node, after in pairwise(nodes)]
    return create(*edges, nodes[-1].to())


def _payload(_rng: object, tenant: str, index: int) -> dict[str, Any]:
    return {"order": f"{tenant}-{index}", "lines": [{"item": "fish", "count": index % 7}], "note": "as always"}


def prepared(requests: int, kind: str) -> Prepared:
    """The scenario with so many requests: `plain`, `probed`, `chatty`, or `chatty probed`."""
    spikes = {
        "id": "spikes", "kind": "latency", "chance": 0.3,
        "delay": {"dist": "lognormal", "median": "500ms", "spread": 0.5, "max": "5s"},
    }  # fmt: skip
    places = ["payload", "headers", "meta", "state", "tool_result"]
    probe = {"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex", "plant": places}
    probed = "probed" in kind
    fields = {
        "schema": "penguiflow.sim/1",
        "name": "spikes",
        "flow": "spikes:_flow",
        "horizon": f"{round(requests / REQUESTS_PER_S) + 600}s",
        "args": {"chatty": "chatty" in kind},
        "tenants": {"acme": {}, "globex": {}} if probed else {"acme": {}},
        "load": {
            "arrival": "poisson",
            "deadline": "60s",
            "payload": "spikes:_payload",
            "stages": [{"for": f"{requests / REQUESTS_PER_S:.3f}s", "rate": f"{REQUESTS_PER_S:.6f}/s"}],
        },
        "faults": [spikes, probe] if probed else [spikes],
        "checks": [
            {"id": "calm", "metric": "trace.latency", "stat": "p99", "max": "60s"},
            {"id": "once", "metric": "effects.duplicates", "max": 0},
        ],
    }
    return Prepared(Scenario.model_validate(fields), _flow, _payload)


# -- measured in a process of its own --------------------------------------------------------


def run_s(kind: str) -> float:
    """Seconds of wall time of one run with its checks, the third of its process."""
    what = prepared(1000, kind)
    elapsed_s = 0.0
    for seed in range(3):
        started_s = _clock()
        evaluate_seed(what.scenario, run_seed(what, seed))
        elapsed_s = _clock() - started_s
    return elapsed_s


def most_bytes(requests: str) -> float:
    """The most resident memory of a process that runs and judges so many requests."""
    what = prepared(int(requests), "probed")
    evaluate_seed(what.scenario, run_seed(what, 1))
    return peak_bytes()


MEASURES: dict[str, Callable[[str], float]] = {"time": run_s, "memory": most_bytes}


# -- the table -------------------------------------------------------------------------------


def measure(rounds: int) -> list[Row]:
    """Times once a round, in turn; memory once, since it hardly varies."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, values in times.items():
            values.append(in_fresh_process(__file__, "--only", "time", kind))
    rows = [Row(KINDS[kind], tuple(values), "s", GOAL_S) for kind, values in times.items()]
    sizes = {requests: in_fresh_process(__file__, "--only", "memory", str(requests)) for requests in SIZES}
    few, some, many = SIZES
    first = (sizes[some] - sizes[few]) / (some - few)
    later = (sizes[many] - sizes[some]) / (many - some)
    rows.append(Row(f"bytes of a request, {few:,} to {some:,}", (first,), "B"))
    rows.append(Row(f"bytes of a request, {some:,} to {many:,}", (later,), "B"))
    rows.append(Row(f"memory in all at {many:,}", (sizes[many] / 1e6,), "MB"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each time is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--only", nargs=2, metavar=("MEASURE", "KIND"), help="one figure here: time probed")
    options = parser.parse_args()
    if options.only:
        what, kind = options.only
        print(MEASURES[what](kind))
        return
    report(measure(options.rounds), options.json)


if __name__ == "__main__":
    main()
