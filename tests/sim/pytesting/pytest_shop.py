"""A project with a shop, some scenarios and pytest, for tests of the plugin."""

INI = """
[pytest]
addopts = -p no:looptime_plugin -p no:looptime_timeproxies -p no:looptime_chronometers
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

FLOW = """
from penguiflow import Headers, Message, Node, NodePolicy, create


async def search(message, ctx):
    return message


async def pay(message, ctx):
    await ctx.effect("charge", charge, args={"amount": 1})
    return message


async def charge(args=None):
    return "charged"


def build():
    policy = NodePolicy(validate="none", max_retries=2, backoff_base=0.1, timeout_s=5)
    first, second = Node(search, name="search", policy=policy), Node(pay, name="pay", policy=policy)
    return create(first.to(second), second.to())


async def order(flow, tenant="acme", payload="one penguin"):
    message = Message(payload=payload, headers=Headers(tenant=tenant))
    await flow.emit(message, trace_id=message.trace_id)
    return await flow.fetch(trace_id=message.trace_id)
"""

_SCENARIO = """schema: penguiflow.sim/1
name: {name}
title: A card is charged once
tags: [{tag}]
flow: shop:build
seeds: {{first: 1, count: 3}}
load: {{stages: [{{for: 2s, rate: 2/s}}]}}
faults:
  - {{id: lost, kind: tool_error, where: {{tool: charge, attempt: 1}}, after_effect: true, chance: {chance}}}
checks:
  - {{id: charge-once, metric: effects.duplicates, max: 0}}
"""

BROKEN = _SCENARIO.format(name="lost-answer", tag="ci", chance=1.0)
SOUND = _SCENARIO.format(name="quiet-day", tag="nightly", chance=0.0)
UNSURE = SOUND.replace("quiet-day", "unsure").replace("max: 0}", "max: 0, at_least: 1000000}")
MISSPELT = SOUND.replace("quiet-day", "misspelt").replace("rate:", "rat:")


def project(pytester, **files):
    """Write the shop and these files; `a__sim=` is `a.sim.yaml`, everything else a module."""
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(shop=FLOW)
    for name, text in files.items():
        if name.endswith("__sim"):
            (pytester.path / f"{name.removesuffix('__sim')}.sim.yaml").write_text(text, encoding="utf-8")
        else:
            pytester.makepyfile(**{name: text})
    return pytester
