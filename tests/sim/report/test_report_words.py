"""Numbers, times, seeds and verdicts in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import BROKEN, FRAGILE, HOSTILE, PROBE, QUIET, charge_once, check, fault, scenario, suite

from sim.report import sentences, status, wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.00025, "0.25 ms"),
        (0.25, "250 ms"),
        (0.9999, "1 s"),
        (1.6424, "1.64 s"),
        (90, "90 s"),
        (150, "2.5 min"),
        (7200, "2 h"),
        (1234567, "343 h"),
        (36000000, "10,000 h"),
    ],
)
def test_durations_read_well(seconds, text):
    """A duration has three digits and the unit that suits it."""
    assert wording.duration(seconds) == text


@given(st.floats(min_value=0, max_value=1e9))
def test_no_number_has_an_exponent(value):
    """Numbers and durations of any realistic size are written without an exponent."""
    assert "e+" not in wording.duration(value) + wording.number(value) + wording.instant(value)


@pytest.mark.parametrize(
    ("value", "text"), [(1880, "1,880"), (0.012, "0.012"), (2.5, "2.5"), (0, "0"), (-0.0, "0"), (0.00002, "2e-05")]
)
def test_numbers_read_well(value, text):
    """A number has its thousands separated and no idle zeros, and a tiny one is not nothing."""
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ((), "none"),
        ((7,), "7"),
        ((*range(1, 51), 4711), "1..50 +4711"),
        ((3, 1, 2), "1..3"),
        (range(1, 20, 2), "1 +3 +5 +7 and 6 more"),
    ],
)
def test_seeds_are_told_in_ranges(seeds, text):
    """Seeds in a row are a range, and there are never more than four parts."""
    assert wording.seed_ranges(tuple(seeds)) == text


def test_failing_seeds_are_the_smallest():
    """The three smallest failing seeds stand for all."""
    assert wording.seed_list((9, 3, 5, 4), 51) == "seeds 3, 4, 5, … (4 of 51)"


@given(st.text())
def test_printable_text_acts_on_nothing(text):
    """What is printable holds no control, surrogate or reordering character, and stays itself when said twice."""
    shown = wording.printable(text)

    assert not any(character in shown for character in "\x00\x1b\n\r\x9b\u2028\u202e\u2066")
    assert wording.printable(shown) == shown
    shown.encode("utf-8")


def test_ordinary_text_stays_as_it_is():
    """Scripts of the world and joined emoji are not touched."""
    assert wording.printable("größe 注文 पेंगुइन 👩‍💻") == "größe 注文 पेंगुइन 👩‍💻"


def test_a_small_share_is_something():
    """A share below half a percent is said to be below one, and nothing is nothing."""
    assert [wording.percent(share) for share in (0, 0.001, 0.5, 1)] == ["0 %", "<1 %", "50 %", "100 %"]


def test_an_expected_failure_that_came_is_caught():
    """What a demonstration demands is caught when it came, and missed when it did not."""
    assert status.check_status(charge_once(expected=True, met=True)).word == "caught"
    assert status.check_status(charge_once(expected=True, met=False)).word == "missed"
    assert status.check_status(charge_once()).word == "fail"


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (suite(BROKEN, verdict="fail", exit_code=1), "2 of 8 checks failed"),
        (suite(QUIET, verdict="inconclusive", exit_code=3), "1 of 1 scenario inconclusive"),
        (suite(BROKEN, verdict="fail", exit_code=4), "same seed, different digest: the run is not deterministic"),
        (suite(scenario()), "the scenario holds"),
        (suite(FRAGILE, scenario()), "all 2 scenarios hold, 1 fragile build caught as expected"),
        (
            suite(scenario(verdict="warn", checks=(check(verdict="warn"),)), verdict="warn"),
            "the scenario holds, 1 warning",
        ),
        (suite(scenario(verdict="fail"), verdict="fail", exit_code=1), "1 of 1 scenario failed"),
        (suite(scenario(verdict="error"), verdict="error", exit_code=70), "1 of 1 scenario could not be judged"),
    ],
)
def test_the_verdict_is_a_sentence(result, sentence):
    """Each kind of verdict is told with the counts behind it."""
    assert status.verdict_sentence(result) == sentence


def test_a_claim_names_metric_value_limit_and_scope():
    """One line says what was measured, what it read, what it may read, and where."""
    one = check(during="slow-search", where="tenant=acme")

    assert sentences.claim(one) == "trace.latency p99 = 312 ms (≤ 400 ms) during slow-search where tenant=acme"


def test_reproducing_starts_with_the_first_failing_seed():
    """Each check that needs attention names its smallest failing seed once, in a command that a shell can take."""
    odd = scenario(file="my scenarios/a.sim.yaml", checks=(charge_once(), charge_once(failing_seeds=(31,))))

    assert sentences.reproduce(odd) == [
        "penguiflow sim run 'my scenarios/a.sim.yaml' --seed 17",
        "penguiflow sim run 'my scenarios/a.sim.yaml' --seed 31",
    ]
    assert sentences.reproduce(scenario()) == []


def test_time_shares_add_up():
    """The nodes' shares make a whole, the most expensive node comes first, and nothing is told where no time passed."""
    times = sentences.time_by_node(scenario())

    assert sum(time.share for time in times) == pytest.approx(1)
    assert [time.node for time in times] == ["charge", "search", "price", "receipt"]
    assert sentences.time_by_node(scenario(time_shares=())) == []


def test_silent_faults_and_probes_are_noted():
    """A fault that fired too rarely and a probe with a missing control say that nothing was proved."""
    assert sentences.fault_note(fault(fired=0)) == "fired less than the 1 it must, so nothing was tested"
    assert "control was not seen" in sentences.fault_note(PROBE.model_copy(update={"controls_seen": 39}))
    assert sentences.fault_note(PROBE) == ""
    assert sentences.fault_note(fault(HOSTILE)) == ""
