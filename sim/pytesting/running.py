"""The fixture `sim_run`: a scenario inside of a plain test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sim.cli.sweeping import Choice
from sim.loader import LoadedScenario, Problem, load_scenario
from sim.loader.document import Document
from sim.loader.errors import shown_path
from sim.loader.explain import problems_of
from sim.loader.source import Source
from sim.model.fields import Model
from sim.model.override import Override  # noqa: TC001 - pydantic reads it at run time
from sim.model.scenario import Scenario
from sim.prepare import prepare
from sim.pytesting.sweeps import chosen, console_block, swept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
        override: Mapping[str, Any] | None = None,
    ) -> ScenarioResult:
        """Run a scenario and give its result, whatever the verdict; pytest prints it when the test fails.

        Args:
            scenario: a file, looked for beside the test's; or a scenario made in Python, whose code is.
            seed: this seed only.
            seeds: how many in a row, or which; without either, those of pytest's options, or of the scenario.
            override: other limits for the flow, in the words of a file: `{"nodes": {"pay": {"max_retries": 0}}}`.

        Raises:
            ScenarioError: it cannot be used, or its code goes wrong.
            ValueError: both `seed` and `seeds`, no seed at all, or an override that is none.

        """
        choice = self._choice(seed, seeds)
        loaded = _under(self._loaded(scenario), override)
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


class _Part(Model):
    """The part of a scenario that an override stands in, so that objections read as they do there."""

    override: Override


def _under(loaded: LoadedScenario, override: Mapping[str, Any] | None) -> LoadedScenario:
    """The same scenario, with other limits for its flow."""
    if override is None:
        return loaded
    try:
        limits = _Part.model_validate({"override": override}).override
    except ValidationError as error:
        problems = problems_of(error, Document({"override": override}, Source("", ()), {}, {}, ()))
        parts = [part for one in problems for part in (f"{one.path}: {one.message}", one.rule, one.fix) if part]
        raise ValueError("; ".join(parts)) from None
    return replace(loaded, scenario=loaded.scenario.model_copy(update={"override": limits}))


@dataclass(frozen=True, slots=True)
class _MadeInPython(LoadedScenario):
    """A scenario without a file: its parts have no lines."""

    def problem(self, path: str, message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        """A problem at `path`, in the test's file."""
        return Problem(self.source.file, 0, 0, path, message, rule, fix)
