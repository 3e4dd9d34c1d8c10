"""`junit.xml`: a suite for each scenario, a case for each check over all its seeds (SCENARIOS section 2.3).

One case a seed would be ten thousand cases; the message names the smallest
failing seeds instead. The format is the one that Jenkins' xunit plugin
defines, and that other readers take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from sim.report.sentences import claim, reproduce, seeds_of
from sim.report.status import check_status, is_broken
from sim.report.wording import printable, seed_ranges

if TYPE_CHECKING:
    from sim.model.result import CheckResult, ScenarioResult, SuiteResult

VERDICT_CASE = "verdict"
"""The case that stands for the scenario as a whole: faults that never fired are no check's failure."""


def render(result: SuiteResult, *, skip_inconclusive: bool = False) -> bytes:
    """The file; no time stands in it, because virtual time would be taken for real.

    Args:
        result: what to tell.
        skip_inconclusive: whether what is inconclusive counts as skipped, not as failed.

    """
    root = ET.Element("testsuites", name="penguiflow-sim")
    for scenario in result.scenarios:
        root.append(_suite(scenario, skip_inconclusive))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(scenario: ScenarioResult, skip_inconclusive: bool) -> ET.Element:  # noqa: FBT001 - handed on
    cases = [
        *(_check_case(scenario, check, skip_inconclusive) for check in scenario.checks),
        _verdict_case(scenario, skip_inconclusive),
    ]
    counts = {name: sum(case.find(tag) is not None for case in cases) for name, tag in _COUNTED.items()}
    suite = ET.Element("testsuite", {"name": printable(scenario.name), "tests": str(len(cases))})
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(scenario):
        ET.SubElement(properties, "property", name=name, value=printable(value))
    suite.extend(cases)
    return suite


_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _facts(scenario: ScenarioResult) -> list[tuple[str, str]]:
    failing = sorted({seed for check in scenario.checks if is_broken(check) for seed in check.failing_seeds})
    return [
        ("file", scenario.file),
        ("seeds", seed_ranges(scenario.seeds)),
        ("failing_seeds", seed_ranges(failing)),
        ("digest", scenario.digest),
    ]


def _check_case(scenario: ScenarioResult, check: CheckResult, skip_inconclusive: bool) -> ET.Element:  # noqa: FBT001 - handed on
    message = "   ".join(part for part in (claim(check) or check.explanation, seeds_of(check, scenario)) if part)
    verdict = {"missed": "fail", "caught": "pass"}.get(check_status(check).key, check.verdict)
    details = [f"seed {finding.seed}: {finding.summary}" for finding in check.findings[:3]]
    details += list(dict.fromkeys(finding.fix for finding in check.findings[:3] if finding.fix))
    details += reproduce(scenario.model_copy(update={"checks": (check,)}))
    return _case((scenario.name, check.id), verdict, message, details, skip_inconclusive)


def _verdict_case(scenario: ScenarioResult, skip_inconclusive: bool) -> ET.Element:  # noqa: FBT001 - handed on
    name = (scenario.name, VERDICT_CASE)
    return _case(name, scenario.verdict, scenario.reason, reproduce(scenario), skip_inconclusive)


def _case(
    name: tuple[str, str],
    verdict: str,
    message: str,
    details: list[str],
    skip_inconclusive: bool,  # noqa: FBT001 - handed on
) -> ET.Element:
    case = ET.Element("testcase", classname=printable(name[0]), name=printable(name[1]))
    if verdict in ("pass", "warn"):
        return case
    if verdict == "inconclusive" and skip_inconclusive:
        ET.SubElement(case, "skipped", message=printable(message))
        return case
    tag = "error" if verdict == "error" else "failure"
    told = ET.SubElement(case, tag, message=printable(message), type=verdict)
    told.text = "\n".join(map(printable, details))
    return case
