"""Many seeds: in one process, in several, cut short, and with a worker that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.loader import ScenarioError, load_scenario
from sim.model.result import SuiteResult
from sim.prepare import prepare
from sim.report.resultfile import dump
from sim.search.scenarios import plans_of
from sim.sweep import Here, Limits, Processes, WorkerLostError, start_sweep

if TYPE_CHECKING:
    from pathlib import Path

FLOW = """\
import asyncio
import ctypes
from pathlib import Path

from penguiflow import Node, create

MARK = Path(__file__).with_name("was-here")


async def work(message, ctx):
    await asyncio.sleep(0.1)
    return message


def _crash():
    ctypes.string_at(0)


def build():
    return create(Node(work, name="work").to())


def dies_once(world):
    if world.seed == 5 and not MARK.exists():
        MARK.touch()
        _crash()
    return build()


def always_dies(world):
    if world.seed == 5:
        _crash()
    return build()


def raises(world):
    if world.seed == 5:
        raise ValueError("seed five is unlucky")
    return build()
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: sweep
flow: my_flow:{builder}
seeds: {{first: 1, count: 9}}
tenants: {{acme: {{}}, globex: {{}}}}
load: {{arrival: poisson, stages: [{{for: 5s, rate: 2/s}}]}}
faults:
  - {{id: slow, kind: latency, delay: 1s, chance: 0.1}}
checks:
  - {{id: fast, metric: trace.latency, stat: max, max: 500ms}}
explore: {{modes: [{modes}]}}
"""


def scenario(folder: Path, builder: str = "build", modes: str = "file"):
    (folder / "my_flow.py").write_text(FLOW)
    file = folder / "sweep.sim.yaml"
    file.write_text(SCENARIO.format(builder=builder, modes=modes))
    loaded = load_scenario(file)
    return loaded, prepare(loaded)


def told(result) -> bytes:
    return dump(SuiteResult(version="0", verdict=result.verdict, exit_code=0, scenarios=(result,)))


@pytest.fixture(scope="module")
def workers():
    with Processes(2) as crew:
        yield crew


@pytest.mark.parametrize("modes", ["file", "file, delay_points, swarm, stall"])
def test_worker_processes_give_the_same_bytes(tmp_path, workers, modes):
    """Whoever runs the seeds, and whichever worker is quickest: the result is the same, plans and all."""
    loaded, prepared = scenario(tmp_path, modes=modes)
    seeds = range(1, 20)
    plans = plans_of(loaded, prepared, seeds, loaded.scenario.explore) if "swarm" in modes else None
    results = [start_sweep(loaded, prepared, seeds, plans=plans, crew=crew).finish() for crew in (Here(), workers)]
    assert told(results[0]) == told(results[1])
    assert results[0].seeds == tuple(seeds)


def test_a_sweep_ends_after_so_many_failing_seeds_in_the_order_of_the_seeds(tmp_path, workers):
    """The limit counts seeds in their order, so the same seeds are taken in however many workers there are."""
    loaded, prepared = scenario(tmp_path)
    seeds = range(1, 40)
    results = [start_sweep(loaded, prepared, seeds, crew=crew).finish(Limits(failures=2)) for crew in (Here(), workers)]
    assert told(results[0]) == told(results[1])
    fast = results[0].checks[0]
    assert len(fast.failing_seeds) == 2
    assert fast.failing_seeds[-1] == results[0].seeds[-1] < 39
    assert results[0].stopped == "2 seeds failed"


def test_a_sweep_whose_time_is_up_keeps_what_it_has(tmp_path):
    """Seeds that were done when the time was up count, and the result says why it has no more."""
    loaded, prepared = scenario(tmp_path)
    answers = iter([True, True, False])
    result = start_sweep(loaded, prepared, range(1, 10)).finish(Limits(goes_on=lambda: next(answers)))
    assert (result.seeds, result.stopped) == ((1, 2, 3), "the time was up")


def test_ctrl_c_keeps_the_seeds_that_were_done(tmp_path):
    """Interrupted in mid-sweep: the result holds the seeds before it, and says so."""
    loaded, prepared = scenario(tmp_path)

    def progress(seed: int) -> None:
        if seed == 4:
            raise KeyboardInterrupt

    sweep = start_sweep(loaded, prepared, range(1, 10))
    result = sweep.finish(progress=progress)
    assert (result.seeds, result.stopped, sweep.interrupted) == ((1, 2, 3, 4), "interrupted", True)


def test_so_many_seeds_as_wanted_run_twice(tmp_path):
    """The row of determinism counts the seeds that ran twice; none leaves it out."""
    loaded, prepared = scenario(tmp_path)
    for verify, samples in ((0, None), (1, 1), (3, 3)):
        result = start_sweep(loaded, prepared, range(1, 6), verify=verify).finish()
        rows = {check.id: check.samples for check in result.checks}
        assert rows.get("determinism") == samples


def test_a_lost_worker_costs_its_seeds_a_second_try(tmp_path):
    """A worker that is killed once is replaced, and the result is as if nothing had happened."""
    loaded, prepared = scenario(tmp_path, "dies_once")
    with Processes(2) as crew:
        result = start_sweep(loaded, prepared, range(1, 10), crew=crew).finish()
    assert (tmp_path / "was-here").exists()
    assert told(result) == told(start_sweep(loaded, prepared, range(1, 10)).finish())


def test_a_worker_that_dies_again_is_told_with_its_seeds(tmp_path):
    """A flow that kills its process each time ends the sweep with one error that names the seed."""
    loaded, prepared = scenario(tmp_path, "always_dies")
    with (
        Processes(2) as crew,
        pytest.raises(WorkerLostError, match=r"sweep: a worker process ended in seeds? 5, twice"),
    ):
        start_sweep(loaded, prepared, range(1, 10), crew=crew).finish()


def test_an_error_of_the_flow_in_a_worker_is_told_as_here(tmp_path, workers):
    """What a builder raises in another process comes back as the problem of the scenario's file that it is."""
    loaded, prepared = scenario(tmp_path, "raises")
    texts = []
    for crew in (Here(), workers):
        with pytest.raises(ScenarioError) as raised:
            start_sweep(loaded, prepared, range(1, 10), crew=crew).finish()
        texts.append(str(raised.value))
    assert texts[0] == texts[1]
    assert "seed five is unlucky" in texts[0]
