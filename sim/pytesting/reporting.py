"""`--sim-report`: results come with pytest's own reports, also out of pytest-xdist's workers, and are written once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from penguiflow import ambient
from sim.cli.conclude import Telling, suite_of, write_suite
from sim.cli.folder import require_writable
from sim.model.result import ScenarioResult
from sim.report import ReportError

if TYPE_CHECKING:
    from collections.abc import Generator


def reporter(config: pytest.Config) -> Sender:
    """What sends results, and in the process that hears of all of them also writes.

    Raises:
        UsageError: the folder cannot be written to, or results are asked for seed by seed.

    """
    if hasattr(config, "workerinput"):
        return Sender()
    if config.getoption("sim_items") == "seed":
        raise pytest.UsageError(
            "--sim-report tells of whole scenarios, and --sim-items=seed takes them apart; leave one of them out"
        )
    folder: str = config.getoption("sim_report") or ""
    if not folder.strip():
        raise pytest.UsageError("--sim-report '' names no folder; give one, or leave it out")
    try:
        require_writable(Path(folder))
    except ReportError as error:
        raise pytest.UsageError(str(error).replace("--report", "--sim-report")) from None
    allowed = config.getini("sim_inconclusive") == "skip"
    return Writer(Telling(report=Path(folder), inconclusive_allowed=allowed, started_unix_s=ambient.wall()))


class Sender:
    """Puts each result into the report of its test, as text."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the result to the report of the test's own phase."""
        report = yield
        result = getattr(item, "sim_result", None)
        if call.when == "call" and result is not None:
            report.sim_result = result.model_dump_json()  # type: ignore[attr-defined]  # reports carry what they are given
        return report


class Writer(Sender):
    """Gathers all results, and writes them at the end.

    Args:
        telling: where to, and how.

    """

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._results: list[ScenarioResult] = []
        self._said = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in the result of one scenario."""
        if report.when == "call" and hasattr(report, "sim_result"):
            self._results.append(ScenarioResult.model_validate_json(report.sim_result))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, in the order of `penguiflow sim run`."""
        if not self._results:
            self._said = "no scenario ran, so no report is written"
            return
        results = sorted(self._results, key=lambda result: result.file)
        try:
            written = write_suite(suite_of(results, self._telling), self._telling)
        except ReportError as error:
            self._said = str(error).replace("--report", "--sim-report")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            return
        self._said = "\n".join((*written.errors, f"report: {written.html}"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where it is, or what kept it from being written."""
        terminalreporter.write_line(f"sim: {self._said}")
