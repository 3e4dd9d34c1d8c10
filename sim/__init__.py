"""The harness: runs flows under virtual time, breaks them on purpose, and says which promise broke.

Any asyncio program can be run and explored on its own: `sim.run(main, seed=7)`, `sim.explore(main)`.
Tests break their own flows with `sim.fault`, and look at `sim.effects` and `sim.leaks`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.alone import NondeterminismError, explore, portability, run, verify
    from sim.face.faulting import fault
    from sim.face.leaking import leaks
    from sim.face.ledger import effects
    from sim.face.scenarios import scenario
    from sim.kernel.blocking import blocking
    from sim.kernel.outside import latency
    from sim.model.custom import Seen
    from sim.model.recording import Recording
    from sim.properties import always, reachable, sometimes, unreachable

__all__ = [
    "NondeterminismError",
    "Recording",
    "Seen",
    "always",
    "blocking",
    "effects",
    "explore",
    "fault",
    "latency",
    "leaks",
    "portability",
    "reachable",
    "run",
    "scenario",
    "sometimes",
    "unreachable",
    "verify",
]

_HOME = {
    **dict.fromkeys(__all__, "sim.alone"),
    **dict.fromkeys(("always", "reachable", "sometimes", "unreachable"), "sim.properties"),
    "Recording": "sim.model.recording",
    "Seen": "sim.model.custom",
    "blocking": "sim.kernel.blocking",
    "effects": "sim.face.ledger",
    "fault": "sim.face.faulting",
    "latency": "sim.kernel.outside",
    "leaks": "sim.face.leaking",
    "scenario": "sim.face.scenarios",
}


def __getattr__(name: str) -> object:
    """Public names come in when they are used: importing one part of the harness loads no other."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
