"""What a verdict is called where people read it: a symbol and a word, never a colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.report.wording import plural

if TYPE_CHECKING:
    from sim.model.result import CheckResult, ScenarioResult, SuiteResult


class Status(NamedTuple):
    """How something ended: a key for styles, a symbol and a word for people."""

    key: str
    symbol: str
    word: str


_STATUSES = {
    "pass": Status("pass", "✓", "pass"),
    "warn": Status("warn", "!", "warning"),
    "inconclusive": Status("inconclusive", "?", "inconclusive"),
    "fail": Status("fail", "✗", "fail"),
    "error": Status("error", "✗", "error"),
}
_CAUGHT = Status("caught", "✓", "caught")
_MISSED = Status("missed", "✗", "missed")
_BROKEN = ("fail", "error", "missed")
_NONDETERMINISM = 4


def check_status(check: CheckResult) -> Status:
    """A check's status; one that a demonstration demands to fail is either caught or missed."""
    if not check.expected:
        return _STATUSES[check.verdict]
    return _CAUGHT if check.met else _MISSED


def scenario_status(scenario: ScenarioResult) -> Status:
    """A scenario's status; a demonstration that holds has caught what it is there to catch."""
    if scenario.demonstration and scenario.verdict == "pass":
        return _CAUGHT
    return _STATUSES[scenario.verdict]


def suite_status(result: SuiteResult) -> Status:
    """The status of the whole command."""
    return _STATUSES[result.verdict]


def is_broken(check: CheckResult) -> bool:
    """Whether the check makes its scenario fail."""
    return check_status(check).key in _BROKEN


def needs_attention(check: CheckResult) -> bool:
    """Whether there is more to tell about the check than that it passed."""
    return check_status(check).key != "pass"


def verdict_sentence(result: SuiteResult) -> str:
    """What the exit code means, with the counts behind it."""
    if not result.scenarios:
        return "no scenario ran"
    if result.exit_code == _NONDETERMINISM:
        return "same seed, different digest: the run is not deterministic"
    return {"fail": _failed, "error": _errored, "inconclusive": _inconclusive}.get(result.verdict, _held)(result)


def _failed(result: SuiteResult) -> str:
    checks = [check for scenario in result.scenarios for check in scenario.checks]
    broken = sum(is_broken(check) for check in checks)
    if broken:
        return f"{broken} of {plural(len(checks), 'check')} failed"
    return f"{_count(result, 'fail')} of {plural(len(result.scenarios), 'scenario')} failed"


def _errored(result: SuiteResult) -> str:
    return f"{_count(result, 'error')} of {plural(len(result.scenarios), 'scenario')} could not be judged"


def _inconclusive(result: SuiteResult) -> str:
    return f"{_count(result, 'inconclusive')} of {plural(len(result.scenarios), 'scenario')} inconclusive"


def _held(result: SuiteResult) -> str:
    caught = sum(scenario_status(scenario).key == "caught" for scenario in result.scenarios)
    count = len(result.scenarios)
    holds = "the scenario holds" if count == 1 else f"all {count} scenarios hold"
    warned = f", {plural(warnings, 'warning')}" if (warnings := _warnings(result)) else ""
    return f"{holds}{warned}" + (f", {plural(caught, 'fragile build')} caught as expected" if caught else "")


def _count(result: SuiteResult, verdict: str) -> int:
    return sum(scenario.verdict == verdict for scenario in result.scenarios)


def _warnings(result: SuiteResult) -> int:
    return sum(check_status(check).key == "warn" for scenario in result.scenarios for check in scenario.checks)
