"""Runs with services repeat: twice in one process, and alone in a fresh one under another hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.harness import run_seed
from sim.loader import load_scenario, modules_of
from sim.prepare import prepare

SCENARIOS = Path(__file__).parents[3] / "scenarios"
ALONE = """
import sys
from pathlib import Path
from sim.harness import run_seed
from sim.loader import load_scenario, modules_of
from sim.prepare import prepare
loaded = load_scenario(Path(sys.argv[1]))
prepared = prepare(loaded)
with modules_of(loaded.folder):
    recording = run_seed(prepared, int(sys.argv[2]))
print(recording.digest, recording.steps_digest)
"""


@pytest.mark.parametrize("name", ["parcels-fragile", "parcels-hardened", "refunds-fragile", "refunds-hardened"])
def test_a_seed_swept_and_alone_gives_the_same_bytes(name: str) -> None:
    """Nothing of one run leaks into the next, through clients, connections or apps."""
    file = SCENARIOS / f"{name}.sim.yaml"
    loaded = load_scenario(file)
    prepared = prepare(loaded)
    with modules_of(loaded.folder):
        swept = [run_seed(prepared, seed) for seed in (1, 2, 3, 2)]

    assert swept[1].digest == swept[3].digest != swept[0].digest
    assert swept[1].steps_digest == swept[3].steps_digest
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", ALONE, str(file), "2"]
    alone = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    assert alone.stdout.split() == [swept[1].digest, swept[1].steps_digest]
