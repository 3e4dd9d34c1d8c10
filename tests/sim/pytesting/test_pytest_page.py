"""docs/pytest.md says what is true: its examples run, and its faults are those that there are."""

import re
from pathlib import Path

from pytest_shop import BROKEN, FLOW, SOUND, project

import sim.pytesting.items
import sim.pytesting.running
import sim.pytesting.worlds  # noqa: F401 - runs of pytest in this process put back the modules that were there before
from sim.face.making import ELSEWHERE

PAGE = (Path(__file__).parents[3] / "docs" / "pytest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.+?)```", PAGE, flags=re.DOTALL)


def test_the_examples_of_the_page_pass_where_the_flow_is_sound(pytester):
    """Both examples pass for a shop that charges once and keeps tenants apart."""
    once = FLOW.replace(
        'await ctx.effect("charge", charge, args={"amount": 1})',
        'await ctx.once("charge", lambda: ctx.effect("charge", charge, args={"amount": 1}))',
    )
    project(pytester, checkout__sim=SOUND, test_scenario=EXAMPLES[0], test_faults=EXAMPLES[1])
    pytester.makepyfile(shop=once)

    result = pytester.runpytest_inprocess("test_scenario.py", "test_faults.py")

    assert "once" in once
    assert result.parseoutcomes()["passed"] >= 3


def test_the_examples_of_the_page_fail_where_it_is_not(pytester):
    """The same examples fail for a shop that charges again on every retry."""
    project(pytester, checkout__sim=BROKEN, test_scenario=EXAMPLES[0], test_faults=EXAMPLES[1])

    pytester.runpytest_inprocess("test_scenario.py", "test_faults.py").assert_outcomes(passed=1, failed=3)


def test_the_page_names_what_no_block_can_have():
    """The kinds that a scenario file has and a test has not stand on the page."""
    assert [kind for kind in ELSEWHERE if f"`{kind}`" not in PAGE] == []
