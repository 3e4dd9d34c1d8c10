"""Virtual time: a deterministic event loop, and the world around it."""

from sim.kernel.draws import Draws
from sim.kernel.ends import BudgetExhausted, HorizonReached, SimulationEnd, Spinning, Stuck, Unyielding
from sim.kernel.loop import SimLoop
from sim.kernel.world import World, running_world

__all__ = [
    "BudgetExhausted",
    "Draws",
    "HorizonReached",
    "SimLoop",
    "SimulationEnd",
    "Spinning",
    "Stuck",
    "Unyielding",
    "World",
    "running_world",
]
