"""The gallery of planted bugs: each is found, and no twin without the bug is accused."""

import pytest
from gallery import FAMILIES
from specimen import findings, runs_until_found

ALL = [pytest.param(specimen, id=specimen.name) for family in FAMILIES.values() for specimen in family]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_forty_bugs_with_names_of_their_own(family):
    """At least forty each, and no name stands for two."""
    names = [specimen.name for specimen in FAMILIES[family]]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.parametrize("specimen", ALL)
def test_a_planted_bug_is_found(specimen):
    """Within fifty seeds one shows the kind of finding that belongs to the bug."""
    assert runs_until_found(specimen) is not None


@pytest.mark.parametrize("specimen", ALL)
def test_a_twin_is_not_accused(specimen):
    """The same flow without the bug gives no finding at all, under the same faults."""
    assert [findings(specimen, seed, mended=True) for seed in range(1, 5)] == [[]] * 4
