"""What `penguiflow sim init` writes, as text: scenarios for a flow, an example flow, a CI job."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import yaml

from sim.cli.catalogue import FAULT_MODELS, fault_example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.targets import Targets

EXAMPLE_FLOW = "example_flow:build"
EXAMPLE_CODE = '''"""A small flow to start from: an order is taken, then paid for."""

import asyncio

from penguiflow import Node, NodePolicy, create


async def take(message, ctx):
    await asyncio.sleep(0.05)
    return message


async def charge(message, ctx):
    async def pay():
        await asyncio.sleep(0.1)
        return message

    return await ctx.once("charge", pay)


def build():
    patient = NodePolicy(timeout_s=2, max_retries=2, backoff_base=0.1)
    first, second = Node(take, name="take"), Node(charge, name="charge", policy=patient)
    return create(first.to(second), second.to())
'''
_HEAD = """\
# yaml-language-server: $schema=./scenario.schema.json
schema: penguiflow.sim/1
name: {name}
title: {title}
flow: {flow}
horizon: 300s
seeds: {{first: 1, count: 10}}
tenants:
  acme: {{weight: 3}}
  globex: {{weight: 1}}
load:
  {payload}
  arrival: poisson
  deadline: 10s
  stages:
    - {{for: 30s, rate: 2/s}}
faults:
  - {fault}
checks:
  - {{id: in-time, metric: trace.timeouts, stat: rate, max: 0.05}}
  - {{id: once, metric: effects.duplicates, max: 0}}
"""
_NO_PAYLOAD = '# payload: module:callable    (rng, tenant, i) -> payload; without it a request is {"request": i}'
_LEFT_OUT = ("custom", "slow_stream")  # one needs code, the other a flow that streams
_GITHUB = """\
name: sim
on:
  pull_request:
  schedule:
    - cron: "17 3 * * *"
jobs:
  sim:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - run: pip install -e .    # your project, with penguiflow-sim[sim] among what it needs
      - run: penguiflow sim check {folder} --format github
      # The same seeds for the same commit; at night others, so that every night sees something new.
      - if: github.event_name == 'pull_request'
        run: penguiflow sim run {folder} --format github --report reports
      - if: github.event_name == 'schedule'
        run: penguiflow sim run {folder} --first "$(date +%j)0000" --seeds 1000 --format github --report reports
      - if: always()
        run: cat reports/summary.md >> "$GITHUB_STEP_SUMMARY"
      - if: always()
        uses: actions/upload-artifact@v4
        with: {{name: sim-report, path: reports}}
"""
_GITLAB = """\
sim:
  image: python:3.12
  script:
    - pip install -e .    # your project, with penguiflow-sim[sim] among what it needs
    - penguiflow sim check {folder}
    # The same seeds for the same commit; at night others, so that every night sees something new.
    - |
      if [ "$CI_PIPELINE_SOURCE" = schedule ]
      then penguiflow sim run {folder} --first "$(date +%j)0000" --seeds 1000 --report reports
      else penguiflow sim run {folder} --report reports
      fi
  artifacts:
    when: always
    paths: [reports]
    reports: {{junit: reports/junit.xml}}
"""
CI_FILES = {"github": ".github/workflows/sim.yml", "gitlab": ".gitlab/sim.gitlab-ci.yml"}


def ci_job(system: str, folder: str) -> str:
    """The job that checks and runs the scenarios of a folder."""
    return {"github": _GITHUB, "gitlab": _GITLAB}[system].format(folder=folder)


def scenario_texts(flow: str, targets: Targets, payload: str | None = None) -> Iterator[tuple[str, str]]:
    """A scenario for each kind of fault that may suit a flow: the kind, and the file's text.

    Args:
        flow: `module:callable`.
        targets: what its faults can point at.
        payload: what makes a request, as `module:callable`.

    """
    stem = flow.partition(":")[0].rpartition(".")[2].replace("_", "-").lower()
    for kind, model in FAULT_MODELS.items():
        if kind in _LEFT_OUT or (kind == "store_error" and not targets.store):
            continue
        fault = {**fault_example(model), "id": kind.replace("_", "-"), "window": {"from": "10s", "for": "10s"}}
        fault["window"] = fault.pop("window")  # last, where it reads best
        if "where" in fault:
            fault["where"] = {"node": _node_for(kind, targets)}
        yield kind, _HEAD.format(
            name=f"{stem}-{kind.replace('_', '-')}", title=_quoted((model.__doc__ or "").strip()), flow=flow,
            fault=_flow_style(fault), payload=_NO_PAYLOAD if payload is None else f"payload: {payload}",
        )  # fmt: skip


def _node_for(kind: str, targets: Targets) -> str:
    """The node to hit: one that gives up by itself where the fault hangs, else the first, which every request meets."""
    if kind == "hang" and targets.timeouts_s:
        return next(iter(targets.timeouts_s))
    inner = [target for _, target in targets.edges]
    return next((node for node in targets.nodes if node not in inner), targets.nodes[0])


def _quoted(text: str) -> str:
    first = text.partition("\n")[0].rstrip(".")
    return _flow_style(first)


def _flow_style(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=inf)
    return text.removesuffix("\n").removesuffix("\n...")
