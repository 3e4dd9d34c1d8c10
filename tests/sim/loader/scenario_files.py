"""Scenario files for tests: a small valid one, and ways to break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.loader import LoadedScenario, Problem, ScenarioError, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """\
schema: penguiflow.sim/1
name: small
flow: shop:build
load:
  stages:
    - {for: 30s, rate: 20/s}
"""

LARGE = """\
# yaml-language-server: $schema=./scenario.schema.json
schema: penguiflow.sim/1
name: checkout-under-stress
title: Checkout stays correct through a slow search, a failing card tool and a retry storm
tags: [ci, checkout]
flow: shop.flows:build_checkout          # module:callable
args: {currency: EUR}
horizon: 120s                            # virtual; still busy here = fail
seeds: {first: 1, count: 50, always: [4711]}

tenants:
  acme:   {weight: 3}
  globex: {weight: 1}

load:
  model: open
  arrival: poisson
  payload: shop.sim:make_order
  deadline: 2s
  stages:
    - {for: 30s, rate: 20/s}
    - {for: 60s, rate: 60/s}

faults:
  - id: slow-search
    kind: latency
    where: {node: search, tenant: acme}
    window: {from: 20s, for: 15s}
    chance: 0.3
    delay: {dist: lognormal, median: 900ms, spread: 0.4, max: 5s}
  - id: card-tool-down
    kind: tool_error
    where: {tool: charge_card, attempt: 1}
    window: {from: 40s, for: 10s}
    error: unavailable
    after_effect: true
  - id: storm
    kind: retry_storm
    where: {node: pay}
    window: {from: 60s, for: 8s}
    share: 0.9
    clients: 200
    attempts: 5
    backoff: 50ms
    jitter: none
  - id: peek
    kind: tenant_probe
    victim: acme
    attacker: globex
    plant:   [payload, headers, state, tool_result]
    look_in: [egress, logs, events, state, tool_args, metric_labels]

checks:
  - {id: latency-calm,  metric: trace.latency, stat: p99, during: before-faults, max: 400ms}
  - {id: latency-spike, metric: trace.latency, stat: p99, during: slow-search, max: 1800ms, where: {tenant: acme}}
  - {id: bystander,     metric: trace.latency, stat: p99, during: slow-search, versus: baseline, max: 1.2}
  - {id: timeouts,      metric: trace.deadline_exceeded, stat: rate, max: 0.01}
  - {id: charge-once,   metric: effects.duplicates, where: {tool: charge_card}, max: 0}
  - {id: no-leak,       metric: leaks.confirmed, max: 0}
  - {id: amplification, metric: attempts.per_request, stat: max, during: storm, max: 2.0}
  - {id: drain,         metric: recovery.time, during: storm, stat: max, max: 10s}
  - {id: queues,        metric: queue.depth, stat: max, where: {node: pay}, max: 64, severity: warn}
expect:
  - {check: charge-once, finding: duplicate_effect, seeds: all}
"""


def write(folder: Path, text: str | bytes, name: str = "test.sim.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str, name: str = "test.sim.yaml") -> LoadedScenario:
    return load_scenario(write(folder, text, name))


def problems_in(folder: Path, text: str | bytes) -> tuple[Problem, ...]:
    path = write(folder, text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    return caught.value.problems
