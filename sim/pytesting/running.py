"""The fixture `sim_run`: a scenario inside of a plain test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.cli.sweeping import Choice
from sim.loader import LoadedScenario, Problem, load_scenario
from sim.loader.errors import shown_path
from sim.loader.source import Source
from sim.model.scenario import Scenario
from sim.prepare import prepare
from sim.pytesting.sweeps import chosen, console_block, swept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from sim.model.result import ScenarioResult

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test


class SimRun:
    """Runs scenarios for one test.

    Args:
        request: what pytest knows of the test.

    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __call__(
        self,
        scenario: str | Path | Scenario,
        *,
        seed: int | None = None,
        seeds: int | Sequence[int] | None = None,
    ) -> ScenarioResult:
        """Run a scenario and give its result, whatever the verdict; pytest prints it when the test fails.

        Args:
            scenario: a file, looked for beside the test's; or a scenario made in Python, whose code is.
            seed: this seed only.
            seeds: how many in a row, or which; without either, those of pytest's options, or of the scenario.

        Raises:
            ScenarioError: it cannot be used, or its code goes wrong.
            ValueError: both `seed` and `seeds`, or no seed at all.

        """
        choice = self._choice(seed, seeds)
        loaded = self._loaded(scenario)
        result = swept(self._request.config, loaded, prepare(loaded), choice.among(loaded.scenario.seeds))
        node: pytest.Item = self._request.node
        node.add_report_section("call", f"sim {result.name}", console_block(result))
        return result

    def _choice(self, seed: int | None, seeds: int | Sequence[int] | None) -> Choice:
        if seed is not None and seeds is not None:
            raise ValueError(f"seed={seed} and seeds={seeds!r} exclude each other; give one of them")
        if seeds is None:
            return chosen(self._request.config) if seed is None else Choice((seed,), None, None)
        if (isinstance(seeds, int) and seeds < 1) or not seeds:
            raise ValueError(f"seeds={seeds!r} is no seed at all; a run has one or more; leave it out for the file's")
        return Choice((), seeds, None) if isinstance(seeds, int) else Choice(tuple(seeds), None, None)

    def _loaded(self, scenario: str | Path | Scenario) -> LoadedScenario:
        test_file = self._request.path
        if not isinstance(scenario, Scenario):
            return load_scenario(test_file.parent / scenario)
        return _MadeInPython(scenario, test_file, {}, Source(shown_path(test_file), ()))


@dataclass(frozen=True, slots=True)
class _MadeInPython(LoadedScenario):
    """A scenario without a file: its parts have no lines."""

    def problem(self, path: str, message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        """A problem at `path`, in the test's file."""
        return Problem(self.source.file, 0, 0, path, message, rule, fix)
