"""docs/scenarios.md says what is true: every example is a scenario, or a part of one, that checks or runs."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml
from command import ROOT, SCENARIOS, sim

PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.+?)```", PAGE, flags=re.DOTALL)
WHOLE = [text for text in EXAMPLES if "schema: penguiflow.sim/1" in text]
PARTS = [text for text in EXAMPLES if text not in WHOLE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The shipped flows, the page's first scenario as a base and by itself, and each part in a scenario of its own."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(SCENARIOS / "flows", folder / "flows")
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, flags=re.DOTALL)
    (folder / "my_shapes.py").write_text(code, encoding="utf-8")
    (folder / "checkout.yaml").write_text(WHOLE[0], encoding="utf-8")
    for text in WHOLE:
        (folder / f"{yaml.safe_load(text)['name']}.sim.yaml").write_text(text, encoding="utf-8")
    base = {key: value for key, value in yaml.safe_load(WHOLE[0]).items() if key not in ("load", "seeds")}
    base["load"] = {"payload": "flows.checkout:order"}
    (folder / "no-load.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    for number, text in enumerate(PARTS):
        parent = "no-load.yaml" if text.startswith("load:") else "checkout.yaml"
        head = f"schema: penguiflow.sim/1\nname: part-{number}\nextends: {parent}\n"
        (folder / f"part-{number}.sim.yaml").write_text(head + text, encoding="utf-8")
    return folder


def test_every_example_checks(folder):
    """Each example loads, and its flow, functions and nodes are there; the matrix stands for eight scenarios."""
    checked = sim("check", folder)

    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": ok") == len(WHOLE) - 1 + 8 + len(PARTS)
    assert "checkout-limits[rate=2/s,chance=0.1,max_retries=0]: ok" in checked.stdout


def test_the_examples_run(folder):
    """The hardened checkout holds under each load of the page, and a part of a name selects variants."""
    loads = [folder / f"part-{number}.sim.yaml" for number, text in enumerate(PARTS) if text.startswith("load:")]
    whole = [folder / "checkout.sim.yaml", folder / "checkout-in-a-hurry.sim.yaml"]

    ran = sim("run", *whole, *loads, "--seeds", "1", "--verify", "0")
    variants = sim("run", folder / "checkout-limits.sim.yaml", "-k", "rate=2/s,chance=0.5", "--seeds", "1")

    assert len(loads) == 5
    assert (ran.returncode, "all 7 scenarios hold" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert variants.stdout.count("checkout-limits[rate=2/s,chance=0.5,max_retries=") >= 2
