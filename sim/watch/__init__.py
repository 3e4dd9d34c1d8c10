"""Watchers: what happened, which effects the outside world saw, and who saw whose data."""

from sim.watch.effects import EffectWatch
from sim.watch.leaks import LeakWatch
from sim.watch.recorder import Recorder

__all__ = ["EffectWatch", "LeakWatch", "Recorder"]
