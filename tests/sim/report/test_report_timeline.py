"""The story of a finding as a picture."""

from hypothesis import given
from hypothesis import strategies as st
from report_samples import duplicate, leak

from sim.model.result import Finding, Moment
from sim.report.timeline import timeline

KINDS = ("waiting", "running", "backoff", "blocked", "effect", "fault", "arrival", "answer", "deadline", "new")


def finding(*moments):
    return Finding(kind="threshold", seed=1, at_s=0.0, summary="", story=moments)


def moment(kind, start_s, end_s=None, **more):
    return Moment(kind=kind, start_s=start_s, end_s=start_s if end_s is None else end_s, **more)


moments = st.builds(
    lambda kind, start, length, node, attempt: moment(kind, start, start + length, node=node, attempt=attempt),
    st.sampled_from(KINDS),
    st.floats(0, 1e6),
    st.floats(0, 1e3),
    st.sampled_from([None, "search", "charge"]),
    st.sampled_from([None, 1, 2]),
)


@given(st.lists(moments, min_size=1, max_size=60))
def test_everything_lies_inside_the_picture(story):
    """Bars, marks and ticks lie between the left and the right edge, and every moment is a bar or a mark."""
    picture = timeline(finding(*story))
    bars = [bar for lane in picture.lanes for bar in lane.bars]
    marks = [mark for lane in picture.lanes for mark in lane.marks]

    assert all(bar.left >= 0 and bar.width >= 0 and bar.left + bar.width <= 100.01 for bar in bars)
    assert all(0 <= one.left <= 100 for one in (*marks, *picture.ticks))
    assert len(marks) == min(len(story) - len(bars), 40)
    assert [mark.number for mark in picture.marks] == list(range(1, len(marks) + 1))
    assert len(picture.rows) == len(story)


def test_attempts_have_lanes_of_their_own():
    """A node that ran twice has a lane for each attempt, below the caller and the outside; others have one."""
    labels = [lane.label for lane in timeline(duplicate()).lanes]

    assert labels == ["caller", "outside", "price", "charge · attempt 1", "charge · attempt 2", "receipt"]


def test_effects_stand_where_they_happened():
    """Each effect is a mark in the lane of its attempt, told with its time."""
    lanes = {lane.label: lane for lane in timeline(duplicate()).lanes}

    assert [mark.time for mark in lanes["charge · attempt 1"].marks] == ["40.120 s"]
    assert [mark.time for mark in lanes["charge · attempt 2"].marks] == ["41.200 s"]


def test_a_far_deadline_does_not_squeeze_the_story():
    """A deadline far behind everything else is told, and drawn at the edge."""
    picture = timeline(leak())

    assert picture.deadlines == ()
    assert [mark.text for mark in picture.marks if mark.kind == "deadline"] == ["passes (beyond the right edge)"]
    assert picture.ticks[-1].text == "12.4820 s"


def test_close_marks_stand_below_each_other():
    """Marks that would cover each other have levels of their own."""
    lanes = timeline(finding(moment("arrival", 0.0), moment("answer", 0.001), moment("running", 0.0, 1.0))).lanes

    assert [mark.level for mark in lanes[0].marks] == [0, 1]
    assert lanes[0].levels == 2


def test_an_instant_is_a_story_too():
    """A story without any length has a picture, and no story has none."""
    assert timeline(finding(moment("arrival", 5.0))).ticks
    assert timeline(finding()) is None


def test_a_long_story_says_what_it_leaves_out():
    """Lanes and table lines beyond what is readable are counted."""
    picture = timeline(finding(*(moment("running", 0.1 * n, 0.1 * n + 0.1, node=f"node-{n}") for n in range(230))))

    assert (len(picture.lanes), picture.hidden_lanes) == (24, 206)
    assert (len(picture.rows), picture.hidden_rows) == (200, 30)
