"""Plots, their numbers as CSV and their words."""

import csv
import io
import xml.etree.ElementTree as ET
from itertools import pairwise

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import BROKEN, HOSTILE, demo_suite, fault, latency_bins, odd_suite, queue, scenario

from sim.report.pictures import pictures
from sim.report.plots import FORMATS, KINDS, alt_text, csv_text, draw
from sim.report.plots.canvas import spread

ODD = odd_suite().scenarios


def drawn(scenario, kind, file_format):
    """One plot in one format; `None` when there is nothing to draw."""
    return draw(scenario, kind, (file_format,)).get(file_format)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own SVG


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", range(len(ODD)))
def test_odd_results_are_drawn(position, kind):
    """Whatever a result holds, a plot is a well-formed file, or there is nothing to draw."""
    svg, png = (drawn(ODD[position], kind, file_format) for file_format in FORMATS)

    assert (svg is None) == (png is None)
    if svg is not None:
        assert texts(svg)
        assert png.startswith(b"\x89PNG")


def test_nothing_measured_draws_nothing():
    """A scenario without latencies or queues has no plots."""
    assert pictures(scenario(latency=(), queues=())) == ()


def test_latency_plot_labels_lines_limits_and_faults():
    """The four figures, every limit and every fault are named in the plot itself."""
    told = texts(drawn(BROKEN, "latency", "svg"))

    assert [name for name in ("p50", "p95", "p99", "max") if name in told] == ["p50", "p95", "p99", "max"]
    assert "limit latency-calm: 400 ms" in told
    assert [one.id for one in BROKEN.faults if one.id in told] == ["slow-search", "card-tool-down", "storm"]


def test_queue_plot_names_nodes_and_bounds():
    """Each node has its name, its fullest moment and its bound beside its panel."""
    told = texts(drawn(BROKEN, "queues", "svg"))

    assert [series.node for series in BROKEN.queues if series.node not in told] == []
    assert "max 64, full" in told
    assert "no bound" in told


def test_a_plot_draws_no_formula():
    """A dollar sign in a name is a dollar sign."""
    assert any("$x^2$" in text for text in texts(drawn(scenario(HOSTILE), "latency", "svg")))


def test_too_many_nodes_and_faults_are_counted():
    """What does not fit is counted in the title."""
    told = texts(drawn(ODD[3].model_copy(update={"name": "long"}), "queues", "svg"))

    assert "long: messages waiting before each node (3 emptier nodes not shown) (3 more faults)" in told


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_plots_ignore_the_settings_around_them(kind, file_format):
    """Settings of the user change no byte of a plot, and are still there afterwards."""
    expected = drawn(BROKEN, kind, file_format)
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": "other", "savefig.dpi": 20}):
        assert drawn(BROKEN, kind, file_format) == expected
        assert mpl.rcParams["font.size"] == 30


def test_svg_names_no_date_and_no_program():
    """An SVG says nothing about when or with what it was drawn."""
    svg = drawn(BROKEN, "latency", "svg")

    assert b"<dc:" not in svg
    assert b"matplotlib.org" not in svg


def test_a_plot_that_cannot_be_drawn_is_named(monkeypatch):
    """A plot that fails leaves its numbers, its words and a line that names it."""

    def broken(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("sim.report.pictures.draw", broken)
    latency, _ = pictures(BROKEN)

    assert latency.files == {}
    assert latency.csv
    assert latency.error == "the latency plot of checkout-under-stress could not be drawn: RuntimeError: no ink"


def test_csv_holds_every_bin():
    """The CSV has a line for each bin, an empty cell where nothing was measured, and a column for each outcome."""
    rows = list(csv.DictReader(io.StringIO(csv_text(BROKEN, "latency"))))

    assert len(rows) == len(BROKEN.latency)
    assert rows[0]["p50_s"] == str(BROKEN.latency[0].p50_s)
    assert sum(int(row["deadline"]) for row in rows) == 14
    assert csv_text(ODD[0], "latency").splitlines()[1] == "0.0,1.0,1,,,,,1"


def test_csv_of_queues_holds_every_node():
    """The CSV of the queues has a line for each node and bin."""
    rows = list(csv.DictReader(io.StringIO(csv_text(BROKEN, "queues"))))

    assert len(rows) == 5 * 120
    assert {"node": "charge", "bound": "64"}.items() <= rows[240].items()


def test_csv_is_no_formula():
    """A node's name that a spreadsheet would calculate is kept as text."""
    assert "'=1+1,64" in csv_text(scenario(queues=(queue("=1+1", 3),)), "queues")


def test_alt_text_tells_the_numbers():
    """The words beside a plot hold its extent, its worst moment, its limits and its faults."""
    told = alt_text(BROKEN, "latency")

    assert "over 2 min of virtual time" in told
    assert "The slowest request takes 3.37 s and arrives around 20 s." in told
    assert "Limits: latency-calm 400 ms, latency-spike 1.8 s." in told
    assert "Faults: slow-search from 20 s" in told
    assert "charge at most 64 of 64" in alt_text(BROKEN, "queues")


def test_the_time_axis_reaches_the_last_fault():
    """A fault that closes after the last arrival still lies on the axis."""
    late = scenario(latency=latency_bins(10), queues=(queue("price", 3, count=20),), faults=(fault(end_s=95.0),))

    assert "over 95 s of virtual time" in alt_text(late, "latency")
    assert "over 95 s of virtual time" in alt_text(late, "queues")


def test_same_names_in_two_scenarios_share_no_ids():
    """Plots of two scenarios have ids of their own, so that a page may hold both."""
    first, second = (drawn(one, "latency", "svg") for one in demo_suite().scenarios[:2])

    assert first != second


@given(st.lists(st.floats(0, 1), max_size=8))
def test_spread_labels_keep_their_distance_and_order(heights):
    """Labels never move down, never come closer than the gap, and keep their order."""
    moved = spread(heights, 0.05)
    order = sorted(range(len(heights)), key=lambda index: heights[index])

    assert all(after >= before for before, after in zip(heights, moved, strict=True))
    assert all(moved[upper] - moved[lower] >= 0.05 - 1e-9 for lower, upper in pairwise(order))
