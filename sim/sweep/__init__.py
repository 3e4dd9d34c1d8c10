"""Many seeds: one after the other here, in worker processes, or on a cluster; the result is the same, byte for byte."""

from sim.sweep.cluster import Cluster, ClusterError
from sim.sweep.crews import Crew, Here
from sim.sweep.gather import Limits, Sweep, broken_promises, run_scenario, start_sweep
from sim.sweep.processes import Processes, WorkerLostError

__all__ = [
    "Cluster",
    "ClusterError",
    "Crew",
    "Here",
    "Limits",
    "Processes",
    "Sweep",
    "WorkerLostError",
    "broken_promises",
    "run_scenario",
    "start_sweep",
]
