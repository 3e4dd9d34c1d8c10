"""`sim run` and `sim check` with a matrix."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from command import SCENARIOS, sim

if TYPE_CHECKING:
    from pathlib import Path

EXTENDING = """\
schema: penguiflow.sim/1
name: how-long
extends: base.yaml
matrix:
  load.stages.0.rate: [1/s, 5/s]
  override.nodes.pay.max_retries: [0, 2]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The fragile checkout under two rates and with or without retries; only its retries charge twice."""
    shutil.copytree(SCENARIOS / "flows", tmp_path / "flows")
    text = (SCENARIOS / "checkout-fragile.sim.yaml").read_text()
    (tmp_path / "base.yaml").write_text(text.partition("expect:")[0])
    path = tmp_path / "how-long.sim.yaml"
    path.write_text(EXTENDING)
    return path


def test_variants_run_under_their_names(file, tmp_path):
    """Each variant is a scenario of its own in the result; limits that do not retry charge nobody twice."""
    finished = sim("run", file, "--seeds", "2", "--report", tmp_path / "report")
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    twice = {one["name"]: next(check["verdict"] for check in one["checks"] if check["id"] == "charge-once")
             for one in result["scenarios"]}  # fmt: skip

    assert finished.returncode == 1
    assert twice == {
        "how-long[rate=1/s,max_retries=0]": "pass",
        "how-long[rate=1/s,max_retries=2]": "fail",
        "how-long[rate=5/s,max_retries=0]": "pass",
        "how-long[rate=5/s,max_retries=2]": "fail",
    }
    assert "-k 'how-long[rate=5/s,max_retries=2]' --seed 1" in finished.stdout
    assert len(list((tmp_path / "report" / "plots").iterdir())) == 4


def test_a_variant_is_selected_by_its_name(file):
    """The command that reproduces a variant runs that one only; a part of the name selects several."""
    one = sim("run", file, "-k", "how-long[rate=1/s,max_retries=0]", "--seed", "1")
    two = sim("check", file)

    assert one.stdout.count("how-long[") >= 1
    assert "max_retries=2" not in one.stdout
    assert [line.split(": ")[1] for line in two.stdout.splitlines()] == [
        f"how-long[rate={rate},max_retries={retries}]" for rate in ("1/s", "5/s") for retries in (0, 2)
    ]


def test_a_failing_variant_is_replayed_from_its_capsule(file, tmp_path):
    """The capsule holds the variant with its values in place, under its name, in a file that any shell can name."""
    name = "how-long[rate=5/s,max_retries=2]"
    ran = sim("run", file, "-k", name, "--seed", "1", "--report", tmp_path / "report")
    (capsule,) = (tmp_path / "report" / "failures").glob("*.capsule.json")

    replayed = sim("replay", capsule, "--keep", cwd=tmp_path)

    assert ran.returncode == 1
    assert re.fullmatch(r"how-long-rate-5-s-max_retries-2-[0-9a-f]{8}-1\.capsule\.json", capsule.name)
    assert json.loads(capsule.read_text())["scenario"]["override"] == {"nodes": {"pay": {"max_retries": 2}}}
    assert (replayed.returncode, name in replayed.stdout) == (1, True)
