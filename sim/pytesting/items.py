"""Scenario files as tests: one a scenario, or one a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sim.cli.select import unset_variable
from sim.loader import ScenarioError, load_variants
from sim.loader.errors import shown_path
from sim.prepare import prepare
from sim.pytesting.sweeps import chosen, console_block, swept
from sim.sweep import WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult

_names = pytest.StashKey[dict[str, "Path"]]()


class ScenarioFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[ScenarioItem]:
        """The tests of the file.

        Raises:
            CollectError: the file cannot be used, in the words of `penguiflow sim check`.

        """
        try:
            for loaded in load_variants(self.path):
                yield from self._items(loaded)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None

    def _items(self, loaded: LoadedScenario) -> Iterator[ScenarioItem]:
        self._require_own_name(loaded)
        missing = unset_variable(loaded)
        prepared = None if missing else prepare(loaded)
        seeds = chosen(self.config).among(loaded.scenario.seeds)
        apart = self.config.getoption("sim_items") == "seed"
        for name, several in [(f"seed-{seed}", [seed]) for seed in seeds] if apart else [("", seeds)]:
            item: ScenarioItem = ScenarioItem.from_parent(
                self, name=loaded.scenario.name + (f"[{name}]" if name else ""), loaded=loaded, prepared=prepared,
                seeds=several,
            )  # fmt: skip
            if missing:
                reason = f"{missing} is not set; it names the recorded traffic to replay"
                item.add_marker(pytest.mark.skip(reason=reason))
            yield item

    def _require_own_name(self, loaded: LoadedScenario) -> None:
        """A report keeps results under the scenario's name."""
        if self.config.getoption("sim_report") is None:
            return
        name = loaded.scenario.name
        first = self.config.stash.setdefault(_names, {}).setdefault(name, self.path)
        if first != self.path:
            message = f"{name!r} is the name of {shown_path(first)} too"
            rule = "scenarios that run together have their own names"
            raise ScenarioError([loaded.problem("name", message, rule=rule, fix="rename one")])


class ScenarioItem(pytest.Item):
    """A scenario with some of its seeds, as one test.

    Attributes:
        sim_result: what it gave, once it has run.

    """

    def __init__(
        self, *, loaded: LoadedScenario, prepared: Prepared | None, seeds: Sequence[int], **options: Any
    ) -> None:
        super().__init__(**options)
        self.sim_result: ScenarioResult | None = None
        self._loaded = loaded
        self._prepared = prepared
        self._seeds = seeds
        self.add_marker("sim")
        self.extra_keyword_matches.update(loaded.scenario.tags)

    def runtest(self) -> None:
        """Run the seeds; what a check found is an error of this test.

        Raises:
            ScenarioFailed: the verdict is not one to go on with.

        """
        assert self._prepared is not None  # noqa: S101 - without it, the test is skipped
        result = self.sim_result = swept(self.config, self._loaded, self._prepared, self._seeds)
        failing = sorted({seed for check in result.checks for seed in check.failing_seeds})
        self.user_properties += [
            ("sim_verdict", result.verdict),
            ("sim_seeds", _listed(result.seeds)),
            ("sim_failing_seeds", _listed(failing)),
            ("sim_digest", result.digest),
        ]
        if result.verdict == "inconclusive" and self.config.getini("sim_inconclusive") == "skip":
            pytest.skip(f"inconclusive: {_why(result)}")
        if result.verdict not in ("pass", "warn"):
            raise ScenarioFailed(result)
        self.add_report_section("call", "sim", console_block(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What `penguiflow sim run` would print; a traceback only where the harness is to blame."""
        if isinstance(excinfo.value, ScenarioFailed | ScenarioError | WorkerLostError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file, its first line, and the scenario."""
        return self.path, 0, self.name


class ScenarioFailed(Exception):  # noqa: N818 - reads as what happened
    """A scenario's verdict is `fail`, `error` or `inconclusive`.

    Args:
        result: what it gave.

    """

    def __init__(self, result: ScenarioResult) -> None:
        super().__init__(console_block(result))


def _why(result: ScenarioResult) -> str:
    open_checks = [check.id for check in result.checks if check.verdict == "inconclusive"]
    return result.reason or ", ".join(open_checks)


def _listed(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds))
