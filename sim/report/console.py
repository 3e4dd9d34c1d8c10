"""The result as lines for a terminal (SCENARIOS section 2.3): verdicts first, the way to reproduce last."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.report.sentences import (
    claim,
    counts,
    failing_plans,
    fault_note,
    findings_not_shown,
    hits,
    latencies,
    reproduce,
    seeds_of,
    time_by_node,
    time_sentence,
)
from sim.report.status import (
    Status,
    check_status,
    is_broken,
    needs_attention,
    scenario_status,
    suite_status,
    verdict_sentence,
)
from sim.report.wording import clipped, duration, instant, outcome_list, plural, printable, seed_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.model.result import CheckResult, Finding, ScenarioResult, SuiteResult

MIN_WIDTH = 40
_LABEL_WIDTH = 11
_FINDINGS_SHOWN = 3
_COLOUR_CODES = {"pass": 32, "caught": 32, "warn": 33, "inconclusive": 33, "fail": 31, "error": 31, "missed": 31}
_BOLD, _FAINT = 1, 2


@dataclass(frozen=True, slots=True)
class _Paper:
    """What lines are written on: how wide it is, and whether it takes colour."""

    width: int
    colour: bool

    def inked(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text.strip() else text

    def entry(self, head: str, text: str, code: int = _BOLD) -> list[str]:
        """`head`, then `text` beside it, wrapped and hanging; a head that fills a third of the width stands alone."""
        if len(head) * 3 > self.width * 2:
            return [self.inked(clipped(head.rstrip(), self.width), code), *self.entry(" " * (_LABEL_WIDTH + 2), text)]
        hang = " " * len(head)
        wrapped = textwrap.wrap(
            printable(text), self.width, initial_indent=hang, subsequent_indent=hang, break_on_hyphens=False
        )
        lines = wrapped or [hang]
        return [(self.inked(head, code) + lines[0][len(head) :]).rstrip(), *lines[1:]]


def render(
    result: SuiteResult, *, colour: bool, width: int, capsules: Mapping[tuple[str, int], str] = MappingProxyType({})
) -> str:
    """The whole summary; its last line says the exit code and why.

    Args:
        result: what to tell.
        colour: whether ANSI colours are wanted; the caller knows about terminals and NO_COLOR.
        width: columns to wrap to; at least 40 are used.
        capsules: the file of each capsule, by scenario and seed.

    """
    paper = _Paper(max(width, MIN_WIDTH), colour)
    lines = [
        line for scenario in result.scenarios for line in (*_scenario(paper, scenario, result.version, capsules), "")
    ]
    lines += _all_caught(paper, result)
    last = f"exit {result.exit_code}: {verdict_sentence(result)}"
    lines.append(paper.inked(last, _COLOUR_CODES[suite_status(result).key]))
    return "\n".join(lines)


def _scenario(
    paper: _Paper, scenario: ScenarioResult, version: str, capsules: Mapping[tuple[str, int], str]
) -> Iterator[str]:
    status = scenario_status(scenario)
    run = f"seeds {seed_ranges(scenario.seeds)}  digest {scenario.digest[:12]}"
    facts = f"{scenario.name}  {run}  virtual {duration(scenario.numbers.virtual_s)}"
    yield from paper.entry(f"sim {version}  ", facts, _FAINT)
    yield from paper.entry(_mark(status), scenario.title or scenario.name, _COLOUR_CODES[status.key])
    yield from _labelled(paper, "REASON", [scenario.reason] if scenario.reason else [])
    yield from _labelled(paper, "CAUGHT", [f"caught as expected: {line}" for line in scenario.caught])
    yield from _checks(paper, scenario)
    yield from _labelled(paper, "FAULTS", _faults(scenario))
    yield from _labelled(paper, "TIME", [", ".join(time_sentence(time) for time in time_by_node(scenario)[:5])])
    yield from _labelled(paper, "NUMBERS", [_numbers(scenario)])
    for position, command in enumerate(reproduce(scenario, capsules)):
        # A command is copied, so it is never wrapped.
        yield paper.inked(("REPRODUCE" if position == 0 else "").ljust(_LABEL_WIDTH), _BOLD) + printable(command)
    yield from _labelled(paper, "PLAN", failing_plans(scenario))


def _all_caught(paper: _Paper, result: SuiteResult) -> Iterator[str]:
    """What all demonstrations together showed, where there is more than one scenario to look through."""
    caught = [f"{scenario.name}: {line}" for scenario in result.scenarios for line in scenario.caught]
    if len(result.scenarios) > 1 and caught:
        yield from _labelled(paper, "CAUGHT", caught)
        yield ""


def _mark(status: Status) -> str:
    return f"{status.symbol} {status.word.upper()}  "


def _labelled(paper: _Paper, label: str, texts: list[str]) -> Iterator[str]:
    for position, text in enumerate(text for text in texts if text):
        head = label if position == 0 else ""
        yield from paper.entry(head.ljust(_LABEL_WIDTH), text)


def _faults(scenario: ScenarioResult) -> list[str]:
    noted = [(fault, fault_note(fault)) for fault in scenario.faults]
    told = " · ".join(f"{fault.id} {hits(fault)}" for fault, note in noted if not note)
    return [told, *(f"? {fault.id} {hits(fault)}: {note}" for fault, note in noted if note)]


def _numbers(scenario: ScenarioResult) -> str:
    numbers = scenario.numbers
    outcomes = ", ".join(f"{count:,} {name}" for name, count in outcome_list(numbers.outcomes))
    parts = [plural(numbers.requests, "request") + (f": {outcomes}" if outcomes else "")]
    if figures := latencies(numbers):
        parts.append("latency " + ", ".join(f"{name} {value}" for name, value in figures))
    return " · ".join([*parts, counts(numbers)])


def _checks(paper: _Paper, scenario: ScenarioResult) -> Iterator[str]:
    statuses = [check_status(check) for check in scenario.checks]
    word_width = max((len(_mark(status)) for status in statuses), default=0)
    id_width = max((len(clipped(printable(check.id), 28)) for check in scenario.checks), default=0)
    for position, (check, status) in enumerate(zip(scenario.checks, statuses, strict=True)):
        label = ("CHECKS" if position == 0 else "").ljust(_LABEL_WIDTH)
        name = clipped(printable(check.id), 28).ljust(id_width)
        head = f"{label}{_mark(status).ljust(word_width)}{name}  "
        yield from paper.entry(head, _check_text(check, scenario), _COLOUR_CODES[status.key])
        if needs_attention(check):
            yield from _story(paper, check)


def _check_text(check: CheckResult, scenario: ScenarioResult) -> str:
    read = claim(check) or check.explanation
    expected = "as expected" if check.expected and check.met else ""
    return "   ".join(part for part in (read, seeds_of(check, scenario), expected) if part)


def _story(paper: _Paper, check: CheckResult) -> Iterator[str]:
    """The first findings of a check, or its explanation; of a demonstration, one finding is enough."""
    margin = " " * (_LABEL_WIDTH + 2)
    shown = check.findings[: _FINDINGS_SHOWN if is_broken(check) else 1]
    if check.explanation and (not shown or check.verdict == "inconclusive"):
        yield from paper.entry(margin, check.explanation)
    for finding in shown:
        yield from paper.entry(f"{margin}- ", _finding(finding))
    for label, texts in (("cause", [finding.cause for finding in shown]), ("fix", [finding.fix for finding in shown])):
        for text in dict.fromkeys(text for text in texts if text):
            yield from paper.entry(f"{margin}  {label:<6}", text)
    if more := findings_not_shown(check, len(shown)):
        yield from paper.entry(f"{margin}  ", f"and {more:,} more")


def _finding(finding: Finding) -> str:
    return f"seed {finding.seed}, {instant(finding.at_s)}: {finding.summary}"
