"""What the README shows is true of the code."""

import re
import subprocess
import sys

import yaml
from source_tree import ROOT

from sim.model.scenario import Scenario


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def test_the_scenario_in_the_readme_is_valid():
    """The scenario that the README shows is one that the model accepts."""
    (text,) = blocks("yaml")

    assert Scenario.model_validate(yaml.safe_load(text)).name == "checkout-lost-answer"


def test_the_service_in_the_readme_runs():
    """The service that the README shows answers its message, and logs what happened as JSON."""
    (program,) = blocks("python")
    command = [sys.executable, "-W", "error", "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program

    assert "payload={'ping': True}" in finished.stdout
    assert '"message": "node_success"' in finished.stderr


def test_the_readme_names_only_targets_that_the_makefile_has():
    """Each `make` command in the README is a target of the Makefile."""
    named = re.findall(r"^make (\w+)", "".join(blocks("sh")), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert named == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
