"""The page: complete, harmless, offline, readable."""

import re
from html.parser import HTMLParser

import pytest
from report_samples import (
    BROKEN,
    HOSTILE,
    charge_once,
    demo_suite,
    duplicate,
    failing_suite,
    odd_suite,
    scenario,
    suite,
)

from sim.report import dump_result, render_html
from sim.report.resultfile import parse

SUITES = (demo_suite, failing_suite, odd_suite, suite)
VOID = ("meta", "link", "img", "br", "hr", "input")
# The pairs of ink and ground that carry text.
TEXT_PAIRS = (
    *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("page", "card", "sunk")),
    *((name, f"{name}-wash") for name in ("pass", "fail", "warn", "unsure", "caught")),
    *((name, "card") for name in ("pass", "unsure")),
    ("ink", "caught-wash"),
)
GRAPHIC_PAIRS = tuple((name, "sunk") for name in ("waiting", "running", "backoff", "blocked", "fail"))


class Page(HTMLParser):
    """Tags, attributes and text of a page; a tag left open or closed twice is a failure."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def values(self, name):
        return [value for key, value in self.attributes if key == name]


@pytest.fixture(scope="module", params=SUITES, ids=lambda build: build.__name__)
def page(request):
    return Page(render_html(request.param()))


def test_page_is_well_formed(page):
    """Every tag that opens closes, in order, and no id is given twice."""
    assert page.open == []
    assert len(page.values("id")) == len(set(page.values("id")))


def test_page_needs_nothing_else(page):
    """The page refers only to itself: no other file, no host, no script, no frame, no style from elsewhere."""
    ids = page.values("id")
    references = [*page.values("src"), *page.values("href")]

    assert [one for one in references if not one.startswith(("data:", "#"))] == []
    assert [one for one in references if one.startswith("#") and one[1:] not in ids] == []
    assert [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "embed", "form", "base")] == []
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("srcset", "action")] == []
    assert not re.search(r"@import|url\(|expression\(", "".join(page.text) + "".join(page.values("style")))


def test_page_forbids_what_it_does_not_need(page):
    """The page's own policy forbids scripts and requests, should anything ever slip in."""
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page.values("content")


def test_pictures_have_words(page):
    """Every image has its numbers as alternative text, and every drawing has a label."""
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert all(attributes.get("aria-label") for _, attributes in page.tags if attributes.get("role") == "img")


def test_what_scrolls_can_be_reached_by_keyboard(page):
    """Every region that scrolls has a name and takes the focus."""
    regions = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]

    assert all("tabindex" in one and ("aria-label" in one or "aria-labelledby" in one) for one in regions)


def test_hostile_names_are_text():
    """Markup, templates and control characters in names are shown, not obeyed."""
    html = render_html(odd_suite())

    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "{{ 7*7 }}" in html
    assert HOSTILE.encode("unicode_escape").decode()[:20] in "".join(Page(html).text)


def test_verdict_comes_first_in_words():
    """The first heading is the verdict as a sentence, with its word beside it."""
    html = render_html(failing_suite())

    assert re.search(r"<h1>([^<]*)</h1>", html)[1].strip() == "2 of 27 checks failed."
    assert html.index('class="chip fail"') < html.index("<h1>")


def test_what_was_found_comes_before_the_details():
    """Each scenario that failed, proved nothing or caught something is told before the overview, and no other is."""
    html = render_html(failing_suite())
    found = html[html.index('id="headlines"') : html.index('id="overview"')]

    assert re.findall(r'href="#(scenario-\d)"', found) == ["scenario-1", "scenario-2", "scenario-3"]
    assert "charge_card took effect twice in 2 of 51 seeds" in found


def test_a_failure_tells_its_story():
    """A failed check shows its findings, the cause, the fix, its timeline, and the command that shows it again."""
    text = " ".join("".join(Page(render_html(suite(BROKEN, verdict="fail", exit_code=1))).text).split())

    for told in (
        "charge_card key ord-17 took effect twice",
        "A retry ran charge again from the start",
        "Run charge_card once a key",
        "charge · attempt 2",
        "backing off",
        "penguiflow sim run scenarios/checkout-under-stress.sim.yaml --seed 17",
        "214 fired of 731 matched",
        "Where the time went",
    ):
        assert told in text


def test_many_findings_stay_readable():
    """Three findings are told in full, twenty in a line, and the rest are counted."""
    html = render_html(suite(scenario(checks=(charge_once(findings=tuple(map(duplicate, range(30)))),))))

    assert html.count('class="timeline"') == 3
    assert "27 more findings" in html
    assert "7 more findings of the same kind" in html


def test_page_is_a_function_of_the_file():
    """The page of a result and that of its file, read back, are the same."""
    stored = parse(dump_result(failing_suite()), where="result.json")

    assert render_html(stored) == render_html(failing_suite())


def test_a_missing_plot_is_named_in_the_page(monkeypatch):
    """A plot that cannot be drawn is a line in the page, and the rest of the page stands."""
    monkeypatch.setattr("sim.report.pictures.draw", lambda *_: 1 / 0)
    html = render_html(suite(BROKEN))

    assert "the latency plot of checkout-under-stress could not be drawn: ZeroDivisionError" in html
    assert "214 fired of 731 matched" in html


def themes():
    styles = re.search(r"<style>(.*?)</style>", render_html(suite()), re.DOTALL)[1]
    light, dark = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in styles.split(":root {")[1:3]]
    return light, dark


def contrast(first, second):
    """Contrast of two colours (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_bars_stand_out(theme):
    """Text has a contrast of 4.5 and bars one of 3 against their ground, in light and in dark."""
    colours = themes()[theme]

    assert [pair for pair in TEXT_PAIRS if contrast(colours[pair[0]], colours[pair[1]]) < 4.5] == []
    assert [pair for pair in GRAPHIC_PAIRS if contrast(colours[pair[0]], colours[pair[1]]) < 3.0] == []


def test_findings_that_are_not_kept_are_counted():
    """Of findings beyond those in the result, their number is told."""
    html = render_html(suite(scenario(checks=(charge_once(findings=tuple(map(duplicate, range(6))), found=40),))))

    assert "37 more findings" in html
    assert "34 more findings of the same kind" in html


def test_the_overview_reads_row_by_row_on_a_narrow_screen():
    """Each number of the overview carries its name, and the roles keep it a table when its rows are stacked."""
    html = render_html(suite(scenario(), scenario("another")))

    assert [html.count(f'data-label="{name}"') for name in ("seeds", "requests", "p50", "p99")] == [2, 2, 2, 2]
    assert html.count('role="rowheader"') == 2
    assert ".overview tbody tr { display: flex" in html
