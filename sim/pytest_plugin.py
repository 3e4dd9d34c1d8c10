"""The pytest plugin: what pytest loads in every project, and therefore nothing but doors.

What stands behind them is imported when a scenario is collected, asked for or
marked; a project without any pays for this module alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from sim.pytesting.running import SimRun

_SUFFIX = ".sim.yaml"
_MARKER = (
    "sim(seed=0, horizon_s=3600): run an async test in a simulated world, under virtual time; "
    "scenario files carry it too"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `pytest --help`, section *simulation*."""
    group = parser.getgroup("simulation", "scenarios (*.sim.yaml)")
    group.addoption(
        "--sim-items", choices=("scenario", "seed"), default="scenario", help="One test a scenario, or one a seed."
    )
    group.addoption(
        "--sim-seeds", type=_at_least(1), metavar="N", help="How many seeds of each scenario, instead of the file's."
    )
    group.addoption(
        "--sim-seed", type=_at_least(0), action="append", metavar="S", help="Run this seed only; may be repeated."
    )
    group.addoption("--sim-report", metavar="DIR", help="Write the report of all scenarios to this folder.")
    parser.addini("sim_inconclusive", "What an inconclusive scenario is to pytest: fail (the default) or skip.")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse options that do not fit together."""
    config.addinivalue_line("markers", _MARKER)
    if config.getoption("sim_seed") and config.getoption("sim_seeds") is not None:
        raise pytest.UsageError("--sim-seed names single seeds, --sim-seeds how many in a row; give one or the other")
    if config.getini("sim_inconclusive") not in ("", "fail", "skip"):
        given = config.getini("sim_inconclusive")
        raise pytest.UsageError(f"sim_inconclusive = {given} is neither fail nor skip; write sim_inconclusive = skip")
    if not hasattr(config, "workerinput"):  # what follows is told by one process, also beside pytest-xdist
        config.pluginmanager.register(_Closing())
    if config.getoption("sim_report") is not None:
        from sim.pytesting.reporting import reporter  # noqa: PLC0415 - only who asks for a report pays for it

        config.pluginmanager.register(reporter(config))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    if not file_path.name.endswith(_SUFFIX):
        return None
    from sim.pytesting.items import ScenarioFile  # noqa: PLC0415 - as above

    collector: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
    return collector


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each marked test the world that it asks for."""
    if isinstance(item, pytest.Function) and item.get_closest_marker("sim") is not None:
        from sim.pytesting.worlds import put_into_world  # noqa: PLC0415 - as above

        put_into_world(item)


@pytest.fixture
def sim_run(request: pytest.FixtureRequest) -> SimRun:
    """Run a scenario, a file or one made in Python, and give its result."""
    from sim.pytesting.running import SimRun  # noqa: PLC0415 - as above

    return SimRun(request)


def _at_least(least: int) -> type[int]:
    """A whole number for an option; pytest puts the option's name before the message."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ValueError(text)
        return int(text)

    number.__name__ = f"whole number from {least}"
    return number  # type: ignore[return-value]  # argparse takes any callable


class _Closing:
    """Says at the end what concerns all scenarios."""

    def __init__(self) -> None:
        self._warned: list[str] = []
        self._seen = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which scenarios ran, here or in a worker."""
        if report.user_properties and report.when == "call":
            verdict = dict(report.user_properties).get("sim_verdict")
            self._seen = self._seen or verdict is not None
            if verdict == "warn":
                self._warned.append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the warnings, and what may set this run apart from `penguiflow sim run`."""
        for nodeid in self._warned:
            terminalreporter.write_line(f"sim: {nodeid} has warnings; pytest -rP shows them", yellow=True)
        import os  # noqa: PLC0415 - rarely needed

        if self._seen and os.environ.get("PYTHONHASHSEED") != "0":
            terminalreporter.write_line(
                "sim: PYTHONHASHSEED is not 0, so code that walks a set of strings may run otherwise than under "
                "`penguiflow sim run`; start pytest with PYTHONHASHSEED=0",
                yellow=True,
            )
