"""Many seeds: one after the other here, in worker processes, or on a cluster; the result is the same, byte for byte."""

from sim.sweep.cluster import Cluster, ClusterError
from sim.sweep.crews import Crew, Here
from sim.sweep.gather import Limits, Sweep, Swept, broken_promises, result_of, run_scenario, start_sweep
from sim.sweep.processes import Processes, WorkerLostError
from sim.sweep.shards import Part, merged, read_shard, scenario_shard, shard_bytes

__all__ = [
    "Cluster",
    "ClusterError",
    "Crew",
    "Here",
    "Limits",
    "Part",
    "Processes",
    "Sweep",
    "Swept",
    "WorkerLostError",
    "broken_promises",
    "merged",
    "read_shard",
    "result_of",
    "run_scenario",
    "scenario_shard",
    "shard_bytes",
    "start_sweep",
]
