"""The tracked sample report is what a run gives today."""

from __future__ import annotations

import os
import shutil

import pytest
from command import ROOT, SCENARIOS, sim

SAMPLE = ROOT / "reports" / "sample"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    done = sim("run", SCENARIOS / "checkout-fragile.sim.yaml", "--seeds", "2", "--report", folder)
    assert done.returncode == 0, done.stderr
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(SAMPLE, ignore_errors=True)
        shutil.copytree(folder, SAMPLE, ignore=shutil.ignore_patterns("run.json"))
    return folder


def files(folder):
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return [name for name in names if name != "run.json"]  # the one file that says when and where


def test_the_sample_has_the_files_of_a_report(fresh):
    """Nothing is missing from the sample, and nothing stale lies in it."""
    assert files(SAMPLE) == files(fresh)


def test_the_sample_has_not_drifted(fresh):
    """Whoever changes what a report looks like sees it here; UPDATE_GOLDEN=1 accepts the change."""
    drifted = [name for name in files(fresh) if (SAMPLE / name).read_bytes() != (fresh / name).read_bytes()]
    assert drifted == []
