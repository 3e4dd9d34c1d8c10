"""`summary.md`: what a pull request shows, such as GitHub's job summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.report.sentences import claim, fault_note, hits, reproduce, seeds_of
from sim.report.status import check_status, needs_attention, scenario_status, suite_status, verdict_sentence
from sim.report.wording import plural, printable, seed_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.result import ScenarioResult, SuiteResult
    from sim.report.status import Status

BYTES_MAX = 900_000
"""GitHub takes a summary of 1 MiB."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def render(result: SuiteResult) -> str:
    """The summary: a table of the scenarios, then what needs attention; cut where it grows too long."""
    lines = [f"# {_mark(suite_status(result))}", "", _escaped(verdict_sentence(result)), ""]
    lines += ["| scenario | verdict | seeds | why |", "|---|---|---|---|"]
    lines += [_row(scenario) for scenario in result.scenarios]
    size = sum(len(line.encode()) + 1 for line in lines)
    for number, scenario in enumerate(result.scenarios):
        section = list(_section(scenario))
        size += sum(len(line.encode()) + 1 for line in section)
        if size > BYTES_MAX:
            left = len(result.scenarios) - number
            return "\n".join([*lines, "", f"{plural(left, 'more scenario')} in report.html.", ""])
        lines += section
    return "\n".join([*lines, ""])


def _row(scenario: ScenarioResult) -> str:
    why = scenario.reason or "; ".join(f"caught as expected: {line}" for line in scenario.caught)
    cells = (scenario.name, _mark(scenario_status(scenario)), seed_ranges(scenario.seeds), why)
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _section(scenario: ScenarioResult) -> Iterator[str]:
    checks = [check for check in scenario.checks if needs_attention(check)]
    faults = [(fault, note) for fault in scenario.faults if (note := fault_note(fault))]
    if not checks and not faults:
        return
    yield from ("", f"## {_escaped(scenario.name)}", "")
    for check in checks:
        told = [claim(check) or check.explanation, seeds_of(check, scenario)]
        text = "   ".join(_escaped(part) for part in told if part)
        yield f"- {_mark(check_status(check))} **{_escaped(check.id)}** {text}"
        for finding in check.findings[:1]:
            sentences = (f"seed {finding.seed}: {finding.summary}", finding.cause, finding.fix)
            yield from (f"  - {_escaped(sentence)}" for sentence in sentences if sentence)
    yield from (f"- ? **{_escaped(fault.id)}** {_escaped(f'{hits(fault)}: {note}')}" for fault, note in faults)
    if commands := reproduce(scenario):
        yield from ("", "```sh", *map(printable, commands), "```")


def _mark(status: Status) -> str:
    return f"{status.symbol} {status.word.upper()}"


def _escaped(text: str) -> str:
    """Text that means nothing to Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text))
