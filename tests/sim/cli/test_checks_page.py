"""docs/checks.md says what is true: its facts are those of the metrics, and each example runs."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import yaml
from command import ROOT, SCENARIOS, sim

from sim.model.metrics import METRICS

PAGE = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
SECTIONS = re.findall(
    r"^### `([^`]+)`\n\n(.+?)\n\n\*(.+?)\*\n\n```yaml\n(.+?)```", PAGE, flags=re.DOTALL | re.MULTILINE
)
UNITS = {"s": "seconds", "x": "a ratio", "/s": "messages a second"}
NEEDS_A_STORE = "invariants.history"
PROBE = {"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex", "plant": ["payload"]}


def test_the_page_tells_the_facts_of_every_metric():
    """Unit, stats, where keys and findings of each metric stand there as the model has them, in its order."""
    told = {name: facts for name, _, facts, _ in SECTIONS}
    expected = {}
    for name, spec in METRICS.items():
        unit = UNITS.get(spec.unit, "yes or no" if spec.flags else "a plain number")
        where = ", ".join(spec.where) or "none"
        findings = ", ".join(spec.findings)
        expected[name] = f"{unit} · stat: {', '.join(spec.stats)} · where: {where} · findings: {findings}"
    assert told == expected
    assert list(told) == list(METRICS)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(SCENARIOS / "flows", folder / "flows")
    examples = [check for *_, example in SECTIONS for check in yaml.safe_load(example)]
    checkout, orders = (
        yaml.safe_load((SCENARIOS / f"{name}-hardened.sim.yaml").read_text(encoding="utf-8"))
        for name in ("checkout", "orders")
    )
    checkout["checks"] = [check for check in examples if check["metric"] != NEEDS_A_STORE]
    checkout["faults"].append(PROBE)
    orders["faults"] = [fault for fault in orders["faults"] if fault["kind"] != "store_error"]
    orders["checks"] = [check for check in examples if check["metric"] == NEEDS_A_STORE]
    for scenario in (checkout, orders):
        (folder / f"{scenario['name']}.sim.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, flags=re.DOTALL)
    (folder / "shop_checks.py").write_text(code, encoding="utf-8")
    done = sim("run", folder, "--seeds", "2", "--report", folder / "reports")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    stored = json.loads((folder / "reports" / "result.json").read_text(encoding="utf-8"))
    return [check for scenario in stored["scenarios"] for check in scenario["checks"]]


@pytest.mark.parametrize("metric", METRICS)
def test_the_example_of_a_metric_runs(results, metric):
    """Each example is a check that a run of a hardened flow judges, and that holds there."""
    checks = [check for check in results if check["metric"] == metric]
    assert [(check["verdict"], check["explanation"]) for check in checks] == [("pass", "")]
    assert checks[0]["value"] is not None


def broken_check(folder, code, **check):
    scenario = yaml.safe_load((SCENARIOS / "checkout-hardened.sim.yaml").read_text(encoding="utf-8"))
    shutil.copytree(SCENARIOS / "flows", folder / "flows")
    scenario["checks"] = [{"id": "mine", "metric": "custom", "check": "mine:check", "max": 0, **check}]
    (folder / "mine.sim.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    (folder / "mine.py").write_text(code, encoding="utf-8")
    return sim("run", folder / "mine.sim.yaml", "--seeds", "1")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def check(recording):\n    return [1 / 0]\n", "mine:check raised ZeroDivisionError"),
        ("def check(recording):\n    return ['one']\n", "mine:check gave str 'one'"),
        ("async def check(recording):\n    return []\n", "mine:check is a coroutine function"),
        ("check = 3\n", "'mine:check' is no callable"),
    ],
)
def test_a_broken_check_of_ones_own_is_an_error_at_its_place(tmp_path, code, message):
    """What a custom check does wrong is told at its line of the file, with exit code 2 and no traceback."""
    done = broken_check(tmp_path, code)
    assert done.returncode == 2
    assert re.search(r"mine\.sim\.yaml:\d+:\d+: checks\[0\]\.check: ", done.stderr)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_check_of_ones_own_can_fail(tmp_path):
    """What it sees is a finding with its text."""
    code = "from sim import Seen\n\n\ndef check(recording):\n    yield Seen('the shelf is empty', at_s=1.0)\n"
    done = broken_check(tmp_path, code)
    assert done.returncode == 1
    assert "the shelf is empty" in done.stdout
