"""The outside, in process: services that are reached over links with latency, loss and resets."""

from sim.net.links import Link, Passage, passage
from sim.net.log import Exchange
from sim.net.streams import Network

__all__ = ["Exchange", "Link", "Network", "Passage", "passage"]
