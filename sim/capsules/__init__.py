"""Failing runs as files: made from a sweep, read again, and replayed."""

from sim.capsules.files import CapsuleError, dump, find_capsules, parse
from sim.capsules.make import CAPSULES_MAX, capsules_of
from sim.capsules.replay import Replayed, replay

__all__ = [
    "CAPSULES_MAX",
    "CapsuleError",
    "Replayed",
    "capsules_of",
    "dump",
    "find_capsules",
    "parse",
    "replay",
]
