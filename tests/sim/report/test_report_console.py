"""The console summary, as people read it. `python test_report_console.py` writes the golden files anew."""

import re
import unicodedata

import pytest
from report_samples import (
    GOLDEN,
    charge_once,
    check,
    demo_suite,
    duplicate,
    failing_suite,
    odd_suite,
    scenario,
    suite,
)

from sim.report.console import render
from sim.report.sentences import claim

ANSI = re.compile(r"\x1b\[\d+m")
GOLDENS = {"console_demo.txt": demo_suite, "console_failing.txt": failing_suite}
WIDTH = 100


def plain(result, width=WIDTH):
    return render(result, colour=False, width=width)


@pytest.mark.parametrize("name", GOLDENS)
def test_console_reads_like_its_golden_file(name):
    """The plain summary of a suite is the kept text, to the letter."""
    assert f"{plain(GOLDENS[name]())}\n" == (GOLDEN / name).read_text(encoding="utf-8")


def test_colour_adds_nothing_but_colour():
    """With its colour codes taken out, the coloured summary is the plain one."""
    coloured = render(failing_suite(), colour=True, width=WIDTH)

    assert coloured != plain(failing_suite())
    assert ANSI.sub("", coloured) == plain(failing_suite())


@pytest.mark.parametrize("width", [10, 40, 60, 100, 200])
@pytest.mark.parametrize("build", [demo_suite, failing_suite, odd_suite])
def test_console_keeps_to_its_width(build, width):
    """No line is wider than asked for, except commands and the last line, which stay whole."""
    *lines, _ = plain(build(), width).splitlines()

    assert max(len(line) for line in lines if "penguiflow sim run" not in line) <= max(width, 40)


@pytest.mark.parametrize("build", [demo_suite, failing_suite, odd_suite])
def test_console_obeys_no_name(build):
    """No control character of a name reaches the terminal."""
    unsafe = [character for character in plain(build()) if unicodedata.category(character) == "Cc"]

    assert dict.fromkeys(unsafe) == {"\n": None}


def test_a_demonstration_reads_as_caught():
    """A check that a demonstration demands to fail is caught, never failed."""
    text = plain(demo_suite())

    assert "caught as expected: charge-once" in text
    assert "FAIL" not in text


def test_the_last_line_says_why():
    """The last line gives the exit code and what it means."""
    assert plain(failing_suite()).splitlines()[-1] == "exit 1: 2 of 27 checks failed"


def test_an_empty_suite_says_so():
    """A suite without scenarios is one line that says that nothing ran."""
    assert plain(suite(exit_code=5)) == "exit 5: no scenario ran"


if __name__ == "__main__":
    for file_name, build_suite in GOLDENS.items():
        (GOLDEN / file_name).write_text(f"{plain(build_suite())}\n", encoding="utf-8")


def test_findings_that_are_not_shown_are_counted():
    """The last line of a check's story counts every finding of the sweep, kept or not."""
    told = scenario(checks=(charge_once(findings=tuple(map(duplicate, range(6))), found=40),))
    assert "and 37 more" in render(suite(told), colour=False, width=100)


def test_more_than_a_baseline_of_nothing_reads_as_such():
    """A ratio without a finite value says what it is beside."""
    ratio = check(value=None, unit="x", limit="<= 1.2 x baseline", verdict="fail", failing_seeds=(3,))
    assert claim(ratio) == "trace.latency p99 = more than a baseline of 0 (≤ 1.2 x baseline)"
