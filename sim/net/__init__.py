"""The outside, in process: services that are reached over links with latency, loss and resets."""

from sim.net.links import Link, Passage, passage
from sim.net.log import Exchange

__all__ = ["Exchange", "Link", "Passage", "passage"]
