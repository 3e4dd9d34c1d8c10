"""What a CI system reads: JUnit, the Markdown summary, GitHub annotations.

`python test_report_ci.py` writes the golden files anew.
"""

import io
import re
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from report_samples import GOLDEN, HOSTILE, demo_suite, failing_suite, odd_suite, scenario, suite

from sim.report import github, junit, markdown


def junit_text(result):
    return junit.render(result).decode()


def github_text(result):
    return "".join(f"{line}\n" for line in github.render(result))


GOLDENS = {
    "junit_failing.xml": lambda: junit_text(failing_suite()),
    "summary_demo.md": lambda: markdown.render(demo_suite()),
    "summary_failing.md": lambda: markdown.render(failing_suite()),
    "github_failing.txt": lambda: github_text(failing_suite()),
}
SUITES = [demo_suite, failing_suite, odd_suite]
SCHEMA = GOLDEN.with_name("junit-10.xsd")


@pytest.mark.parametrize("name", GOLDENS)
def test_ci_files_read_like_their_golden_files(name):
    """What CI systems get is the kept text, to the letter."""
    assert GOLDENS[name]() == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("build", SUITES)
@pytest.mark.parametrize("skip", [False, True])
def test_junit_follows_the_schema(build, skip):
    """Every file is valid by the schema of Jenkins' xunit plugin."""
    xmlschema.XMLSchema10(SCHEMA).validate(io.BytesIO(junit.render(build(), skip_inconclusive=skip)))


def cases(result, **options):
    suite = ET.fromstring(junit.render(result, **options)).find("testsuite")  # noqa: S314 - our own file
    return suite, {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}


def test_junit_has_a_case_for_each_check_and_one_for_the_scenario():
    """A fault that never fired fails no check, and is a failed case all the same."""
    unproved = scenario("unproved", verdict="inconclusive", reason="slow-search never fired")
    suite_element, found = cases(suite(unproved, verdict="inconclusive", exit_code=3))
    assert list(found) == [*(check.id for check in unproved.checks), "verdict"]
    assert found["verdict"] == ["failure"]
    assert (suite_element.get("tests"), suite_element.get("failures")) == (str(len(found)), "1")


def test_junit_skips_what_may_be_inconclusive():
    """Where inconclusive verdicts are allowed, they count as skipped."""
    unproved = scenario("unproved", verdict="inconclusive", reason="slow-search never fired")
    _, found = cases(suite(unproved, verdict="inconclusive", exit_code=0), skip_inconclusive=True)
    assert found["verdict"] == ["skipped"]


def test_junit_names_the_seeds_and_the_digest():
    """A reader that shows properties shows which seeds ran, which failed, and the digest."""
    broken = failing_suite().scenarios[0]
    suite_element, _ = cases(failing_suite())
    facts = {one.get("name"): one.get("value") for one in suite_element.iter("property")}
    assert facts == {
        "file": broken.file,
        "seeds": "1..50 +4711",
        "failing_seeds": "8 +17 +31",
        "digest": broken.digest,
    }


def test_the_summary_is_cut_before_github_refuses_it(monkeypatch):
    """A summary that grows too long ends with how many scenarios are left out."""
    monkeypatch.setattr(markdown, "BYTES_MAX", 3000)
    text = markdown.render(suite(*failing_suite().scenarios * 3, verdict="fail", exit_code=1))
    assert len(text.encode()) < 3100
    assert text.splitlines()[-1].endswith("in report.html.")


@pytest.mark.parametrize("build", SUITES)
def test_names_cannot_act_in_markdown_or_in_workflow_commands(build):
    """No name makes a tag, a line of its own or a workflow command."""
    outside_code = re.sub(r"```sh\n.*?\n```", "", markdown.render(build()), flags=re.DOTALL)
    assert "<script>" not in outside_code
    assert all(line.startswith("::") for line in github.render(build()))


def test_hostile_names_stay_on_their_line():
    """A name with control characters is one property of one annotation."""
    broken = failing_suite().scenarios[0].model_copy(update={"file": f"a,b:c\n{HOSTILE}"})
    (first, *_) = github.render(suite(broken, verdict="fail", exit_code=1))
    assert first.startswith("::error file=a%2Cb%3Ac")
    assert "\n" not in first


def test_annotations_stop_at_nine_and_tell_how_many_more():
    """GitHub shows ten errors a step: nine are told, the tenth says how many there are besides."""
    lines = github.render(suite(*failing_suite().scenarios * 6, verdict="fail", exit_code=1))
    assert len(lines) == 10
    assert "more in the report" in lines[-1]


def test_nothing_is_annotated_where_all_is_well():
    """A suite that passes leaves no annotation."""
    assert github.render(demo_suite()) == []


if __name__ == "__main__":
    for file, text in GOLDENS.items():
        (GOLDEN / file).write_text(text(), encoding="utf-8")
