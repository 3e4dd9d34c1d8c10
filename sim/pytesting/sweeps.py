"""One scenario swept inside of a test, as `penguiflow sim run` would sweep it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from penguiflow import __version__
from sim.cli.sweeping import SEEDS_OF_A_WORKER, Choice
from sim.model.result import SuiteResult
from sim.report import render_console
from sim.search.scenarios import plans_of, wanted
from sim.sweep import Here, Processes, start_sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.sweep import Crew

_crew = pytest.StashKey["Processes"]()
WIDTH = 100


def chosen(config: pytest.Config) -> Choice:
    """The seeds that the options of pytest ask for."""
    return Choice(tuple(config.getoption("sim_seed") or ()), config.getoption("sim_seeds"), None)


def swept(config: pytest.Config, loaded: LoadedScenario, prepared: Prepared, seeds: Sequence[int]) -> ScenarioResult:
    """Run the seeds of a scenario.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.
        WorkerLostError: a worker process ended in the same job twice.
        KeyboardInterrupt: somebody pressed Ctrl-C.

    """
    exploration = wanted(loaded.scenario, asked=False)
    plans = None if exploration is None else plans_of(loaded, prepared, seeds, exploration)
    sweep = start_sweep(loaded, prepared, seeds, plans=plans, crew=_crew_for(config, len(seeds)))
    result = sweep.finish()
    if sweep.interrupted or result is None:
        raise KeyboardInterrupt
    return result


def console_block(result: ScenarioResult) -> str:
    """What `penguiflow sim run` prints of a scenario."""
    suite = SuiteResult(version=__version__, verdict=result.verdict, exit_code=0, scenarios=(result,))
    block, _last_line = render_console(suite, colour=False, width=WIDTH).rstrip().rsplit("\n", 1)
    return block.rstrip()


def _crew_for(config: pytest.Config, seeds: int) -> Crew:
    """Worker processes for many seeds, one crew a session; not beside those of pytest-xdist or with coverage."""
    cores = min(len(os.sched_getaffinity(0)), seeds // SEEDS_OF_A_WORKER)
    if cores < 2 or hasattr(config, "workerinput") or config.pluginmanager.hasplugin("_cov"):  # noqa: PLR2004 - two and more
        return Here()
    if _crew not in config.stash:
        stack = ExitStack()
        config.stash[_crew] = stack.enter_context(Processes(cores))
        config.add_cleanup(stack.close)
    return config.stash[_crew]
