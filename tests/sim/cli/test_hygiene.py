"""No file of a report, and no line of a console, holds what callers sent, exceptions say, or headers carry."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from command import sim

from sim.watch.canaries import Canary
from sim.watch.forms import Scanner

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {place: f"cnry{number:016x}" for number, place in enumerate(
    ["payload", "key of a mapping", "topic", "meta", "exception", "arguments", "idempotency key", "tool result",
     "answer", "log", "print"], 0x5EC2E7)}  # fmt: skip

FLOW = f"""\
import asyncio
import logging

from penguiflow import Node, NodePolicy, create

SECRETS = {SECRETS!r}
kept, tasks = [], []

def payload(_rng, tenant, index):
    return {{"name": SECRETS["payload"], "in": {{SECRETS["key of a mapping"]: "{{canary}}"}}}}

async def charge():
    return {{"receipt": SECRETS["tool result"]}}

async def late(ctx):
    await asyncio.sleep(9)
    await ctx.effect("mail", charge, args=SECRETS["arguments"])

async def work(message, ctx):
    logging.getLogger("app").warning("got %s", SECRETS["log"], extra={{"what": SECRETS["log"]}})
    print(SECRETS["print"], kept[-1:])
    kept.append(message.payload)
    message.headers.topic = SECRETS["topic"]
    message.meta["mine"] = SECRETS["meta"]
    for _ in range(2):
        await ctx.effect("charge", charge, key=SECRETS["idempotency key"], args={{"a": SECRETS["arguments"]}})
    args = {{"b": SECRETS["arguments"], "n": len(kept)}}
    await ctx.effect("charge", charge, key=SECRETS["idempotency key"], args=args)
    await ctx.effect("mail", charge, args=SECRETS["arguments"])
    number = len(kept)
    if number % 4 == 1:
        raise ValueError(SECRETS["exception"])
    if number % 4 == 2:
        tasks.append(asyncio.create_task(late(ctx)))
    if number % 4 == 3:
        await asyncio.sleep(9)
    return message.model_copy(update={{"payload": {{"a": SECRETS["answer"], "before": kept[0]}}}})

def build():
    kept.clear()
    return create(Node(work, name="work", policy=NodePolicy(timeout_s=2, max_retries=1, backoff_base=0.01)).to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: secrets
flow: my_flow:build
horizon: 120s
seeds: {first: 1, count: 2}
tenants: {acme: {}, globex: {}}
load:
  payload: my_flow:payload
  deadline: 3s
  stages: [{for: 8s, rate: 2/s}]
faults:
  - {id: lost, kind: tool_error, where: {tool: mail}, chance: 0.3, after_effect: true}
  - {id: peek, kind: tenant_probe, victim: acme, attacker: globex, plant: [payload, headers, meta, tool_result, memory]}
checks:
  - {id: once, metric: effects.duplicates, max: 0}
  - {id: keyed, metric: effects.unkeyed, max: 0}
  - {id: alive, metric: effects.zombies, max: 0}
  - {id: sealed, metric: leaks.confirmed, max: 0}
  - {id: errors, metric: trace.errors, max: 0}
  - {id: timeouts, metric: trace.timeouts, max: 0}
  - {id: quick, metric: trace.latency, stat: max, max: 1ms}
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a run that goes wrong in every way prints, and the folder that it leaves."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "my_flow.py").write_text(FLOW)
    (folder / "one.sim.yaml").write_text(SCENARIO)
    outputs = []
    for form in ("plain", "github", "json"):
        run = sim("run", "one.sim.yaml", "--report", "report", "--format", form, cwd=folder)
        assert run.returncode == 1, run.stderr
        outputs.append(run.stdout + run.stderr)
    return "\n".join(outputs), folder / "report"


def content(path: Path) -> str:
    octets = path.read_bytes()
    return (gzip.decompress(octets) if path.suffix == ".gz" else octets).decode("utf-8", "replace")


def secrets_in(text: str) -> set[str]:
    scanner = Scanner()
    for place, secret in SECRETS.items():
        scanner.add(Canary("", place, "", secret))
    return {form.canary.place for form in scanner.find(text)}


def test_the_run_did_meet_every_kind_of_finding(told):
    """The positive control: findings of every kind that could hold a value are in the report."""
    result = (told[1] / "result.json").read_text(encoding="utf-8")
    kinds = ("duplicate_effect", "reused_key", "unkeyed_effect", "zombie_effect", "leak", "error", "timeout")
    assert [kind for kind in kinds if f'"kind": "{kind}"' not in result] == []


def test_nothing_that_is_printed_holds_a_value(told):
    """Neither the console nor annotations nor events tell what was in a message."""
    assert secrets_in(told[0]) == set()


def test_no_file_holds_a_value(told):
    """Results, pages, plots, tables: each file that a run leaves, in whatever form a value could stand there."""
    files = [path for path in sorted(told[1].rglob("*")) if path.is_file()]
    assert {path.suffix for path in files} >= {".json", ".html", ".xml", ".md", ".svg", ".csv", ".om", ".gz"}
    assert any(path.name.endswith(".capsule.json") for path in files)
    found = {path.name: secrets_in(content(path)) for path in files}
    assert {name: places for name, places in found.items() if places} == {}


def test_a_value_would_be_found(told):
    """The search itself is sound: a file with a secret in it is told."""
    page = (told[1] / "report.html").read_text(encoding="utf-8")
    assert secrets_in(f"{page}{SECRETS['log'].upper()}") == {"log"}
