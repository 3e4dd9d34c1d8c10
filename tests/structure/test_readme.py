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


def finish(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the README to its end."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program


def test_the_scenario_in_the_readme_is_valid():
    """The scenario that the README shows is one that the model accepts."""
    (text,) = blocks("yaml")

    assert Scenario.model_validate(yaml.safe_load(text)).name == "checkout-lost-answer"


def test_the_service_in_the_readme_runs():
    """The service that the README shows answers its message, and logs what happened as JSON."""
    finished = finish(blocks("python")[0])

    assert finished.returncode == 0
    assert "payload={'ping': True}" in finished.stdout
    assert '"message": "node_success"' in finished.stderr


def test_the_program_in_the_readme_fails_as_it_says():
    """Exploring the program that the README shows finds the lost update, with the plan that stands there."""
    finished = finish(blocks("python")[1])
    (said,) = blocks("text")

    assert finished.returncode == 1
    assert said in finished.stderr


def test_the_readme_names_only_targets_that_the_makefile_has():
    """Each `make` command in the README is a target of the Makefile."""
    named = re.findall(r"^make (\w+)", "".join(blocks("sh")), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert named == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
