"""The result as one page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2

from sim.report import sentences, status, wording
from sim.report.pictures import pictures
from sim.report.timeline import BAR_WORDS, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.result import CheckResult, ScenarioResult, SuiteResult
    from sim.report.pictures import Picture

_VOCABULARY = (
    *(wording.duration, wording.instant, wording.number, wording.outcome_list, wording.percent, wording.plural),
    *(
        wording.seed_ranges,
        sentences.claim,
        sentences.failing_plans,
        sentences.fault_note,
        sentences.findings_not_shown,
        sentences.hits,
        sentences.latencies,
    ),
    *(sentences.measure, sentences.reading, sentences.reproduce, sentences.seeds_of, sentences.time_by_node),
    *(sentences.window, status.check_status, status.is_broken, status.needs_attention, status.scenario_status),
    *(status.suite_status, status.verdict_sentence, timeline),
)


class _Section(NamedTuple):
    """One scenario's part of the page."""

    anchor: str
    scenario: ScenarioResult
    pictures: Sequence[Picture]

    @property
    def headlines(self) -> list[str]:
        """What there is to know about the scenario before its details."""
        return [*([self.scenario.reason] if self.scenario.reason else []), *self.scenario.caught]


def render(result: SuiteResult, drawn: Sequence[Sequence[Picture]] | None = None) -> str:
    """The page.

    Args:
        result: what to tell.
        drawn: the plots of each scenario, where they are drawn already; they need an SVG.

    """
    plots = [pictures(scenario, ("svg",)) for scenario in result.scenarios] if drawn is None else drawn
    numbered = enumerate(zip(result.scenarios, plots, strict=True), start=1)
    sections = [_Section(f"scenario-{number}", scenario, several) for number, (scenario, several) in numbered]
    return _environment().get_template("report.html.j2").render(result=result, sections=sections)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sim.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.globals.update({function.__name__: function for function in _VOCABULARY})
    environment.globals.update(bar_words=BAR_WORDS)
    environment.filters.update(data_uri=_data_uri, check_counts=_check_counts, sentence=_sentence, attention=_attention)
    return environment


def _printable(value: Any) -> Any:
    """Text from outside, made harmless beyond what escaping does; markup of our own stays as it is."""
    return wording.printable(value) if type(value) is str else value


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"


def _check_counts(scenario: ScenarioResult) -> list[tuple[status.Status, int]]:
    """How many checks have which status, the worst first."""
    counted = Counter(map(status.check_status, scenario.checks))
    return sorted(counted.items(), key=lambda entry: (_urgency(entry[0]), entry[0].word))


def _urgency(one: status.Status) -> int:
    return ("error", "fail", "missed", "inconclusive", "warn", "caught", "pass").index(one.key)


def _sentence(text: str) -> str:
    """`text` with a full stop; its first word may be an identifier, so it keeps its spelling."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _attention(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """The checks with more to tell than that they passed, the worst first, else in the file's order."""
    return sorted(filter(status.needs_attention, checks), key=lambda check: _urgency(status.check_status(check)))
